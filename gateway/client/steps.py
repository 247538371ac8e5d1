"""What does a call ask of the world? Steps, which a driver takes: so one journey serves threads and event loops alike."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final, TypeVar

T = TypeVar("T")
NDJSON: Final = "application/x-ndjson"
LONGEST: Final = 67_108_864  # bytes of a body that is read whole
PIECE: Final = 65_536


class BrokenError(Exception):
    """A try that had no answer: no connection, a time-out, or one that broke off. Says how, and nothing of the call."""


@dataclass(frozen=True, slots=True)
class Call:
    """Send this, and wait for the answer at most so many seconds.

    Of one that `streams`, only headers are waited for where 200 and NDJSON come: the rest is read piece by piece.
    """

    method: str
    url: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes | None = field(repr=False)
    timeout: float
    streams: bool = False


@dataclass(frozen=True, slots=True)
class Pause:
    """Wait."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Keep:
    """Keep these bytes under this name, before anyone is given what they say."""

    name: str
    content: bytes = field(repr=False)


class Turn(Enum):
    """Take or give back the right to ask for a token: one at a time, so that a hundred calls at once ask for one."""

    TAKE = "take"
    GIVE = "give"


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back. Header names are in lower case. `rest` is where more of a `streams` call's body comes from."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    rest: Any = field(default=None, repr=False)


def is_lines(status: int, headers: Mapping[str, str]) -> bool:
    """Tell whether a reply is one whose body comes line by line."""
    return status == 200 and headers.get("content-type", "").partition(";")[0].strip().lower() == NDJSON  # noqa: PLR2004 -- HTTP's own number


Step = Call | Pause | Keep | Turn
# Every step but a Call is answered by None. A driver throws BrokenError, or a keeper's OSError, where the step stands.
Journey = Generator[Step, Any, T]
