"""What is asked of the log, and what does it give? An item, the entry that it drafts, and that entry as it stands.

There are two kinds of item. A call declares what it reads and judges as a pure function, so that a batch of them costs one
reading and one writing. A change reads and writes by itself, over the transaction's connection: changes are rare.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, Protocol, TypeVar

from audit.format.commitment import Sealed
from audit.format.entry import Kind
from audit.stores.connection import Connection
from audit.stores.shelf import Key
from audit.writing.once import UsedOnce


class LogUnavailableError(Exception):
    """The log takes nothing: closed, overwhelmed, or not to be relied on. Nothing was written."""


class NotDurableError(Exception):
    """The item was not made durable. Nothing of it was kept."""


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

    `state_keys`, of a state kind only: each then has this entry's index, and the head's state_index moves. `sets`: what
    stands for the rows of each state key of which it says what they are. `people` and `leaves` (hashes), of an entry about
    several people: the tree that it holds, and what that tree is made of; `begins` the places of the leaves with which an
    answer begins.
    """

    kind: Kind
    entry_id: str
    sealed: Sealed
    outcome: str | None = None
    recipient: str | None = None
    state_keys: tuple[str, ...] = ()
    sets: Mapping[str, bytes] = field(default_factory=dict)
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


T = TypeVar("T")


class NeedsError(Exception):
    """An item needs rows that were not read: the batch reads them, and the item judges again from the start."""

    def __init__(self, keys: Collection[Key]) -> None:
        super().__init__(f"{len(keys)} rows were not read")
        self.keys = keys


class NeedsTooMuchError(Exception):
    """An item still needs more after every reading that it may have: nothing of it was written."""


class Known(Protocol):
    """The rows that items judge over: as the batch has read them, and as its items so far leave them."""

    def all(self, keys: Iterable[Key], /) -> dict[Key, Any]:
        """Return what stands by each key, None where nothing does. Raises NeedsError for what was not read."""
        ...

    def one(self, key: Key, /) -> Any:
        """Return what stands by one key, or None. Raises NeedsError."""
        ...


@dataclass(frozen=True, slots=True)
class Verdict(Generic[T]):
    """What an item comes to. `rows` are what stands by their keys from now on; `told` is for who asked, after COMMIT."""

    told: T
    draft: Draft | None = None
    rows: Mapping[Key, Any] = field(default_factory=dict)


class Judging(Protocol[T]):
    """An item that judges. Both methods are pure but for `moment.once`, whose names are given back when it judges again."""

    def keys(self, state_index: int, /) -> Collection[Key]:
        """Return what it will read, as far as that is known before; `state_index` is the head's."""
        ...

    def judge(self, known: Known, moment: Moment, /) -> Verdict[T]:
        """Judge over what is known. Raises NeedsError for rows that were not read; all else reaches its caller alone."""
        ...


class Within(Protocol):
    """A change: runs in the writer's thread inside the transaction, writes rows, returns its entry or None.

    It has no effect but through the connection and `moment.once`, and neither commits nor rolls back, for what it
    wrote is undone when it raises. With None its rows are kept. What it raises reaches its own caller alone. It may
    run twice, when an item of its batch fails. It sees its neighbours' rows and state keys; their entries may not be
    written yet.
    """

    def __call__(self, connection: Connection, moment: Moment, /) -> Draft | None: ...


@dataclass(frozen=True, slots=True)
class Settled(Generic[T]):
    """What became of a judged item: what it told, and its entry as it stands, where it made one."""

    told: T
    appended: Appended | None


Result = Appended | Settled[Any] | BaseException | None
Done = Callable[[Any], None]


@dataclass(slots=True)
class Item:
    """One thing to write: a change, or what judges; and what became of it: what was appended, or what settled it."""

    done: Done
    within: Within | None = None
    judging: Judging[Any] | None = None
    result: Result = None
