"""What does the journey need, made once in `build_app` and passed in?"""

from __future__ import annotations

import os
import secrets
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final, Protocol

from audit.format.entry import written
from audit.writing.item import Appended, Within
from audit.writing.keyring import Keyring
from gateway.limits.usage import USAGE, Usage
from gateway.oauth.caller import Caller
from gateway.settings import Settings
from gateway.sources.contract import Source
from gateway.store.state import Reader
from gateway.telemetry import Steps, Urgent
from schemas.dataset import Dataset
from schemas.request import DisclosureRequest, NamedSubject

MOST_PHRASES: Final = 4_096
BLOCK: Final = 4_096  # random bytes


class Log(Protocol):
    """The log as the journey writes it.

    `append` returns once the entry would survive a power cut, and not before; None where `within` wanted no
    entry. Raises audit's NotDurableError or LogUnavailableError: then nothing of the item was kept.
    """

    async def append(self, within: Within) -> Appended | None: ...


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

    _kept: dict[tuple[Any, ...], Any] = field(default_factory=dict)

    def written(self, known: tuple[Any, ...], make: Callable[[], Any]) -> Any:
        """Return the part, as what may stand in others."""
        found = self._kept.get(known)
        if found is None:
            if len(self._kept) >= MOST_PHRASES:
                self._kept.clear()
            found = self._kept[known] = written(make())
        return found


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
    usage: Usage = USAGE
    note_failure: Callable[[str, str, str, str], None] = lambda *_: None  # a source, why it failed, in which call


@dataclass(frozen=True, slots=True)
class Ask:
    """One call for one person's data, read and authenticated; of a call about many, the part about one.

    `body_digest` is SHA-256 of the body as received; `state_index` is S, read before the caller was looked at.
    `noted` keeps what follows from the request for this person, however often it is judged; `noted_of_call` what follows
    from the call, whoever it is about.
    """

    request: DisclosureRequest
    caller: Caller
    body_digest: str
    idempotency_key: str | None
    request_id: str
    state_index: int
    steps: Steps
    noted: dict[tuple[str, str], Any] = field(default_factory=dict, repr=False)
    noted_of_call: dict[tuple[str, str], Any] = field(default_factory=dict, repr=False)

    def about(self, who: NamedSubject) -> Ask:
        """Return the same call, about one of the people that it names."""
        request = replace(self.request, subject=who.query, claims=who.claims, subjects=())
        return replace(self, request=request, noted={})

    @property
    def differs(self) -> bool:
        """Tell whether anything but who it is about may make this ask's decision another than its neighbour's."""
        return self.request.claims is not None or any("subject" in one for one in self.caller.token.details.values())

    def as_of(self, state_index: int) -> Ask:
        """Return the same, to be judged as of a later state."""
        return replace(self, state_index=state_index)


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
