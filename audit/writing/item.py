"""What is asked of the log, and what does it give? An item, the entry that it drafts, and that entry as it stands."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from audit.format.commitment import Sealed
from audit.format.entry import Kind
from audit.stores.connection import Connection
from audit.writing.once import UsedOnce


@dataclass(frozen=True, slots=True)
class Moment:
    """What an item is told inside the transaction.

    `at`: aware UTC, what begins and ends is judged by it: never before the previous entry's instant, so that what was
    acknowledged counts although the clock was put back a little; but where the log is further ahead than a correction, by
    this machine's clock alone. `now`: that clock. `state_index`: the head's, -1 when nothing was ever published. `index`:
    the place its entry will have. `once`: where it uses names that count but once.
    """

    at: datetime
    state_index: int
    index: int
    once: UsedOnce
    now: datetime


@dataclass(frozen=True, slots=True)
class Draft:
    """An entry to be. `recipient` names a gapless counter; the entry shows only its number.

    `state_keys`, of a state kind only: each then has this entry's index, and the head's state_index moves. `people` and
    `leaves` (hashes), of an entry about several people: the tree that it holds, and what that tree is made of; `begins` the
    places of the leaves with which an answer begins.
    """

    kind: Kind
    entry_id: str
    sealed: Sealed
    outcome: str | None = None
    recipient: str | None = None
    state_keys: tuple[str, ...] = ()
    people: Mapping[str, Any] | None = None
    leaves: tuple[bytes, ...] = ()
    begins: frozenset[int] = frozenset()

    @property
    def leaf_row(self) -> tuple[bytes, bytes]:
        """Return how the leaves are kept."""
        return b"".join(self.leaves), bytes(place in self.begins for place in range(len(self.leaves)))


@dataclass(frozen=True, slots=True)
class Appended:
    """An entry that would survive a power cut, with its proof to the head it was committed under."""

    entry: bytes
    entry_id: str
    index: int
    size: int
    proof: tuple[bytes, ...]
    checkpoint: str
    at: datetime
    state_index: int
    draft: Draft


class Within(Protocol):
    """Runs in the writer's thread inside the transaction: judges, writes rows, returns its entry or None.

    It has no effect but through the connection and `moment.once`, and neither commits nor rolls back, for what it
    wrote is undone when it raises. With None its rows are kept. What it raises reaches its own caller alone. It may
    run twice, when an item of its batch fails. It sees its neighbours' rows and state keys; their entries may not be
    written yet.
    """

    def __call__(self, connection: Connection, moment: Moment, /) -> Draft | None: ...


Result = Appended | BaseException | None
Done = Callable[[Any], None]


@dataclass(slots=True)
class Item:
    """One thing to write, and what became of it."""

    within: Within
    done: Done
    result: Result = None
