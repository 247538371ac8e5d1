"""What does the journey need, made once in `build_app` and passed in?"""

from __future__ import annotations

import os
import secrets
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from audit.format.entry import written
from audit.writing.keyring import Keyring
from gateway.log.waiting import Log
from gateway.settings import Settings
from gateway.sources.contract import Source
from gateway.store.counts import ReadCounts, read_counts
from gateway.store.state import Reader
from gateway.telemetry import Urgent
from schemas.dataset import Dataset
from schemas.memo import Memo

MOST_PHRASES: Final = 4_096
BLOCK: Final = 4_096  # random bytes


@dataclass(frozen=True, slots=True)
class Secrets:
    """The controller-wide keys that the journey uses. Never logged."""

    index: bytes
    pseudonym: bytes


class Chance:
    """Random bytes for ids, from the system's own source, a block at a time. For any thread, and after a fork.

    Each look there lets the interpreter go, and under load that costs a hundred times the bytes themselves.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._block, self._place, self._process = b"", BLOCK, 0

    def take(self, size: int) -> bytes:
        """Return bytes that nobody else is given."""
        with self._lock:
            if self._place + size > len(self._block) or self._process != os.getpid():
                self._block, self._place, self._process = secrets.token_bytes(BLOCK), 0, os.getpid()
            self._place += size
            return self._block[self._place - size : self._place]


@dataclass(frozen=True, slots=True)
class Phrases:
    """Parts that stand in many answers and entries, such as an agreement's: written once. Nothing of a person.

    `known` must name everything that a part is made of. For any thread: at worst a part is written twice.
    """

    _kept: Memo[tuple[Any, ...], Any] = field(default_factory=lambda: Memo(MOST_PHRASES))

    def written(self, known: tuple[Any, ...], make: Callable[[], Any]) -> Any:
        """Return the part, as what may stand in others."""
        found = self._kept.find(known)
        return self._kept.keep(known, written(make())) if found is None else found


@dataclass(frozen=True, slots=True)
class Services:
    """Everything a disclosure is made with. `new_id(prefix, at)` gives entry ids."""

    settings: Settings
    clock: Callable[[], datetime]
    reader: Reader
    source_of: Callable[[Dataset, Reader], Source]
    log: Log
    keyring: Keyring
    secrets: Secrets
    new_id: Callable[[str, datetime], str]
    build_digest: str
    phrases: Phrases = field(default_factory=Phrases)
    read_counts: ReadCounts = read_counts
    note_failure: Callable[[str, str, str, str], None] = lambda *_: None  # a source, why it failed, in which call


@dataclass(frozen=True, slots=True)
class Answer:
    """What the partner gets: a status, the exact bytes, and headers besides."""

    status: int
    body: bytes
    media_type: str
    headers: Mapping[str, str]
    tripped: tuple[str, ...] = ()  # guardrails whose net changed the result: a bug, and an alarm
    misses: int | None = None  # of this client today, where they are so many that it is an alarm
    urgent: Urgent | None = None  # of an emergency
