"""What is an attack? What it sends, which promise that tests, and the answer that it must get."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from gateway.attack.judging import Expected
from gateway.attack.target import Target
from gateway.attack.wire import Heard


class Needs(StrEnum):
    """What an attack needs besides an address."""

    NOTHING = "nothing"
    CLIENT = "a client of a partner"
    OTHER = "a second client"


@dataclass(frozen=True, slots=True)
class Attack:
    """One attack: what it is, which promise it tests, what it sends, and the answer that it must get."""

    id: str
    name: str
    tests: str
    sends: str
    expected: Expected
    act: Callable[[Target], Heard]
    needs: Needs = Needs.CLIENT
    is_slow: bool = False
    waits: bool = False  # for minutes, till something has ended
    locks: str = ""  # what it leaves locked that is somebody's: told in the report
