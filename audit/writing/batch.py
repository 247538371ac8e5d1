"""What does one transaction of the log write? Every item's rows, the entries, the nodes, the signed head.

An item that fails leaves none of its rows, and its neighbours are written all the same. Failing is rare, so a batch is
first written without savepoints, and many rows by one statement: between two statements every other thread of Python
may come between. Where an item fails that has written rows, the batch begins again, with a savepoint for each item.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from audit.format.entry import STATE_KINDS, EntryError, entry_bytes
from audit.stores.connection import Connection, RuleBrokenError, StoreError
from audit.stores.sqlite import Head, LogCorruptError, SqliteConnection, from_micros, to_micros
from audit.tree.checkpoint import CheckpointSigner
from audit.tree.merkle import Edge, ProofError, inclusion_from, leaf_hash
from audit.writing.heartbeat import JUMP
from audit.writing.item import Appended, Draft, Item, Moment, Within
from audit.writing.once import UsedOnce

_PORTIONS: Final = (64, 16, 4, 1)  # rows of one statement
_INSERT_ENTRY: Final = "INSERT INTO log_entry (idx, entry_id, kind, entry) VALUES "
_INSERT_LEAVES: Final = "INSERT INTO log_leaf (idx, hashes, begins) VALUES "
_INSERT_BUNDLE: Final = "INSERT INTO log_bundle (idx, key_id, ciphertext) VALUES "


class ItemFailedError(Exception):
    """An item failed whose rows only a savepoint could take back: begin again, carefully."""


class TransactionEndedError(Exception):
    """An item has ended the transaction, which no item may: what it wrote can't be taken back any more."""


_CORRECTION: Final = timedelta(seconds=JUMP)
_LONG_AGO: Final = datetime.min.replace(tzinfo=UTC)
# Failures that are no single item's, whoever meets them.
_NOBODYS_OWN: Final = (LogCorruptError, ProofError, TransactionEndedError)


def _not_before(now: datetime, known: datetime) -> datetime | None:
    """Return the later of two instants where a correction of the clock explains that they differ, else None."""
    return max(now, known) if abs(known - now) <= _CORRECTION else None


@dataclass(frozen=True, slots=True)
class _Made:
    """An entry that is written but for its head."""

    draft: Draft
    entry: bytes
    index: int
    at: datetime
    state_index: int


@dataclass(slots=True)
class Batch:
    """One transaction's writes. Lives inside it; the caller begins, commits and rolls back.

    Raises ItemFailedError unless `careful`: the caller rolls back, and writes the same items in a careful one.
    """

    connection: SqliteConnection
    signer: CheckpointSigner
    edge: Edge
    clock: Callable[[], datetime]
    head: Head | None
    once: UsedOnce
    careful: bool
    ahead: float = 0.0  # seconds by which this machine's clock may yet be put back
    reached: datetime = _LONG_AGO  # what this writer has judged by last
    _last: datetime = field(init=False)
    _state_index: int = field(init=False)
    _counters: dict[str, int] = field(init=False, default_factory=dict)
    _nodes: list[tuple[int, int, bytes]] = field(init=False, default_factory=list)
    _entries: list[tuple[int, str, str, bytes]] = field(init=False, default_factory=list)
    _bundles: list[tuple[int, bytes, bytes]] = field(init=False, default_factory=list)
    _leaves: list[tuple[int, bytes, bytes]] = field(init=False, default_factory=list)
    _ids: set[str] = field(init=False, default_factory=set)

    def __post_init__(self) -> None:
        self._last = from_micros(self.head[2]) if self.head else datetime.fromtimestamp(0, UTC)
        self._state_index = self.head[3] if self.head else -1

    def write(self, items: Sequence[Item]) -> None:
        """Run every item, then write entries, nodes and the signed head. Raises what is not one item's own failure."""
        known = self.edge.nodes()
        made = [(item, self._run_carefully(item) if self.careful else self._run(item)) for item in items]
        if not self._nodes:
            return
        if not self.careful:
            self._insert_together()
        known |= {(level, index): hashed for level, index, hashed in self._nodes}
        checkpoint, size = self._write_head(), self.edge.size
        for item, one in made:
            if one is None:
                continue
            # A new entry's path leads over new nodes and the old right edge alone: nothing has to be read.
            proof = inclusion_from(one.index, size, lambda level, index: known[level, index])
            item.result = Appended(
                entry=one.entry,
                entry_id=one.draft.entry_id,
                index=one.index,
                size=size,
                proof=proof,
                checkpoint=checkpoint,
                at=one.at,
                state_index=one.state_index,
                draft=one.draft,
            )

    def _run(self, item: Item) -> _Made | None:
        """Run one item without a savepoint; a failure becomes its result where it has written nothing."""
        item.result = None
        written, mark = self.connection.total_changes, self.once.mark()
        try:
            return self._write_item(item.within)
        except _NOBODYS_OWN:
            raise
        except BaseException as error:  # an item's failure is told to its caller, whatever it is
            if self.connection.total_changes != written or _is_the_stores(error):
                raise ItemFailedError from error
            self.once.undo(mark)
            item.result = error
            return None

    def _run_carefully(self, item: Item) -> _Made | None:
        """Run one item under its savepoint; a failure of its own becomes its result."""
        item.result = None
        mark = self.once.mark()
        self.connection.run("SAVEPOINT item")
        try:
            found = self._write_item(item.within)
        except _NOBODYS_OWN:
            raise
        except BaseException as error:  # an item's failure is told to its caller, whatever it is
            if _is_the_stores(error):
                raise
            found, item.result = None, error
            self.connection.run("ROLLBACK TO item")
            self.once.undo(mark)
        self.connection.run("RELEASE item")
        return found

    def _write_item(self, within: Within) -> _Made | None:
        now = self.clock()
        at = max(now, self._last)
        self.reached = _not_before(now, self._last) or _not_before(now, self.reached) or now
        index = self.edge.size
        self.once.forget(now, ahead=self.ahead)
        draft = within(self.connection, Moment(self.reached, self._state_index, index, self.once, now))
        if not self.connection.in_transaction:
            raise TransactionEndedError
        if draft is None:
            return None
        if bool(draft.state_keys) != (draft.kind in STATE_KINDS):
            raise EntryError(f"an entry of kind {draft.kind} names state keys when it is a state kind, and only then")
        counter = None if draft.recipient is None else self._counter(draft.recipient) + 1
        entry = entry_bytes(
            kind=draft.kind,
            entry_id=draft.entry_id,
            at=at,
            sd=draft.sealed.sd,
            outcome=draft.outcome,
            counter=counter,
            people=draft.people,
        )
        if self.careful:
            self._insert(draft, entry, index)
        else:
            self._keep(draft, entry, index)
        # From here on nothing can fail: what is only in memory knows no savepoint.
        if draft.recipient is not None and counter is not None:
            self._counters[draft.recipient] = counter
        self._nodes += self.edge.append(leaf_hash(entry))
        self._last = at
        if draft.state_keys:
            self._state_index = index
        return _Made(draft, entry, index, at, self._state_index)

    def _counter(self, name: str) -> int:
        if name in self._counters:
            return self._counters[name]
        row = self.connection.one("SELECT value FROM recipient_counter WHERE name = ?", (name,))
        return int(row[0]) if row else 0

    def _keep(self, draft: Draft, entry: bytes, index: int) -> None:
        """Keep an entry for `_insert_together`."""
        if draft.entry_id in self._ids:
            raise EntryError("there is an entry of this id already")
        self._insert_state_keys(draft, index)
        self._ids.add(draft.entry_id)
        self._entries.append((index, draft.entry_id, draft.kind.value, entry))
        self._bundles += [(index, key_id, ciphertext) for key_id, ciphertext in draft.sealed.bundles]
        if draft.leaves:
            self._leaves.append((index, *draft.leaf_row))

    def _insert_together(self) -> None:
        try:
            insert_rows(self.connection, _INSERT_ENTRY, self._entries)
            insert_rows(self.connection, _INSERT_BUNDLE, self._bundles)
            insert_rows(self.connection, _INSERT_LEAVES, self._leaves)
        except StoreError as error:
            # Whose row it was, and whether it was its own fault, comes out when each is written by itself.
            raise ItemFailedError from error

    def _insert(self, draft: Draft, entry: bytes, index: int) -> None:
        try:
            insert_rows(self.connection, _INSERT_ENTRY, [(index, draft.entry_id, draft.kind.value, entry)])
        except RuleBrokenError as error:
            if self.connection.one("SELECT 1 FROM log_entry WHERE entry_id = ?", (draft.entry_id,)):
                raise EntryError("there is an entry of this id already") from error
            raise LogCorruptError(f"entry {index} can't follow what the log holds: {error}") from error
        bundles = [(index, key_id, ciphertext) for key_id, ciphertext in draft.sealed.bundles]
        insert_rows(self.connection, _INSERT_BUNDLE, bundles)
        if draft.leaves:
            insert_rows(self.connection, _INSERT_LEAVES, [(index, *draft.leaf_row)])
        self._insert_state_keys(draft, index)

    def _insert_state_keys(self, draft: Draft, index: int) -> None:
        """Write an entry's state keys at once, not with the head: the next item of this batch must see them."""
        if draft.state_keys:
            self.connection.run_many(
                "INSERT INTO state_key (key, idx) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET idx = excluded.idx",
                [(key, index) for key in draft.state_keys],
            )

    def _write_head(self) -> str:
        run, size, root = self.connection.run, self.edge.size, self.edge.root()
        insert_rows(self.connection, "INSERT INTO log_node (level, idx, hash) VALUES ", self._nodes)
        self.connection.run_many(
            "INSERT INTO recipient_counter (name, value) VALUES (?, ?) "
            "ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            list(self._counters.items()),
        )
        note = self.signer.sign(size, root)
        run("INSERT INTO log_checkpoint (size, note) VALUES (?, ?)", (size, note))
        run(
            "INSERT INTO log_head (one, size, root, at, state_index) VALUES (1, ?, ?, ?, ?) ON CONFLICT (one) "
            "DO UPDATE SET size = excluded.size, root = excluded.root, at = excluded.at, "
            "state_index = excluded.state_index",
            (size, root, to_micros(self._last), self._state_index),
        )
        return note


def _is_the_stores(error: BaseException) -> bool:
    """Tell whether an error is of the store, and so everybody's, rather than of the statement that met it."""
    return isinstance(error, StoreError) and not error.is_own


def insert_rows(connection: Connection, statement: str, rows: Sequence[tuple[Any, ...]]) -> None:
    """Insert rows by as few statements as may be; `statement` ends in VALUES.

    In portions of a few sizes, so that the driver keeps their statements prepared.
    """
    place = 0
    while place < len(rows):
        portion = next(size for size in _PORTIONS if size <= len(rows) - place)
        marks = ", ".join(["(" + ", ".join("?" * len(rows[0])) + ")"] * portion)
        connection.run(statement + marks, [value for row in rows[place : place + portion] for value in row])
        place += portion
