"""How is an entry written? Group commit: the only way to write, one thread, one transaction a batch.

A batch forms by itself: whatever is queued when the writer is free. Everything of a batch goes together (rows that
the items write, entries, nodes, signed head) and is acknowledged after COMMIT. A crash before leaves nothing of it.
"""

from __future__ import annotations

import fcntl
import queue
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, NoReturn, Protocol

import pysqlite3

from audit.checkpoint import CheckpointSigner
from audit.commitment import Sealed
from audit.entry import STATE_KINDS, EntryError, Kind, entry_bytes
from audit.merkle import Edge, ProofError, inclusion_from, leaf_hash, subtrees
from audit.sqlite import (
    LogCorruptError,
    check_at_start,
    check_sqlite_version,
    head,
    loader,
    open_connection,
)

LARGEST_BATCH: Final = 512
LONGEST_QUEUE: Final = 10_000


class LogUnavailableError(Exception):
    """The log takes nothing: closed, or overwhelmed. Nothing was written."""


class NotDurableError(Exception):
    """The item was not made durable. Nothing of it was kept."""


@dataclass(frozen=True, slots=True)
class Moment:
    """What an item is told inside the transaction.

    `at`: aware UTC, never before the previous entry's. `state_index`: the head's, -1 when nothing was ever
    published. `index`: the place its entry will have.
    """

    at: datetime
    state_index: int
    index: int


@dataclass(frozen=True, slots=True)
class Draft:
    """An entry to be. `recipient` names a gapless counter; the entry shows only its number.

    `state_keys`, of a state kind only: each then has this entry's index, and the head's state_index moves.
    """

    kind: Kind
    entry_id: str
    sealed: Sealed
    outcome: str | None = None
    recipient: str | None = None
    state_keys: tuple[str, ...] = ()


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

    It may run again, for a neighbour that raises makes the batch run without it; so it has no effect but through
    the connection. What it raises reaches its own caller alone.
    """

    def __call__(self, connection: Any, moment: Moment, /) -> Draft | None: ...


Result = Appended | BaseException | None
Done = Callable[[Any], None]
Deliver = Callable[[Sequence[tuple[Done, Result]]], None]


@dataclass(slots=True)
class _Item:
    within: Within
    done: Done
    result: Result = None


class _ItemFailedError(Exception):
    def __init__(self, item: _Item, cause: BaseException) -> None:
        super().__init__(str(cause))
        self.item = item
        self.cause = cause


class Sequencer:
    """The log's writer. `start` before use, `close` at the end; `submit` and `append` from any thread."""

    def __init__(
        self,
        database: Path,
        lock: Path,
        signer: CheckpointSigner,
        *,
        clock: Callable[[], datetime],
        deliver: Deliver,
    ) -> None:
        self._database = database
        self._lock_file = lock
        self._signer = signer
        self._clock = clock
        self._deliver = deliver
        self._queue: queue.SimpleQueue[_Item | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._connection: Any = None
        self._lock: Any = None
        self._edge = Edge(0, ())
        self._closed = threading.Event()
        self.writable = False

    def start(self) -> None:
        """Open and check the log, then take items. Raises LogCorruptError, UnsafeSqliteError."""
        check_sqlite_version()
        self._lock = self._lock_file.open("rb+")
        try:
            self._connection = open_connection(self._database, read_only=False)
            self._under_lock(lambda: check_at_start(self._connection, self._signer.vkey))
        except pysqlite3.Error as error:
            self._lock.close()
            raise LogCorruptError(f"the log can't be opened: {error}") from error
        except BaseException:
            self._connection.close()
            self._lock.close()
            raise
        self.writable = True
        self._thread = threading.Thread(target=self._run, name="log", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Finish what is queued, then stop."""
        if self._closed.is_set() or self._thread is None:
            return
        self._closed.set()
        self._queue.put(None)
        self._thread.join()
        if self._connection is not None:
            self._connection.close()
        self._lock.close()

    def submit(self, within: Within, done: Done) -> None:
        """Queue an item; `done` is called once, by `deliver`, after COMMIT or with what went wrong."""
        if self._closed.is_set() or self._thread is None:
            raise LogUnavailableError("the log is closed")
        if self._queue.qsize() >= LONGEST_QUEUE:
            raise LogUnavailableError(f"{LONGEST_QUEUE} items wait already")
        self._queue.put(_Item(within, done))

    def append(self, within: Within) -> Appended | None:
        """Queue an item and wait for it; raises what went wrong. For callers without an event loop."""
        finished = threading.Event()
        results: list[Result] = []

        def done(result: Result) -> None:
            results.append(result)
            finished.set()

        self.submit(within, done)
        finished.wait()
        if isinstance(results[0], BaseException):
            raise results[0]
        return results[0]

    def _run(self) -> None:
        while True:
            item = self._queue.get()
            if item is None:
                return
            batch, ending = self._drain(item)
            self._commit(batch)
            self._deliver([(one.done, one.result) for one in batch])
            if ending:
                return

    def _drain(self, first: _Item) -> tuple[list[_Item], bool]:
        batch = [first]
        while len(batch) < LARGEST_BATCH:
            try:
                item = self._queue.get_nowait()
            except queue.Empty:
                break
            if item is None:
                return batch, True
            batch.append(item)
        return batch, False

    def _commit(self, batch: list[_Item]) -> None:
        """Write a batch; an item that raises is told so, and the rest is written without it."""
        left = list(batch)
        while left:
            try:
                self._under_lock(lambda items=tuple(left): self._transaction(items))  # type: ignore[misc]  # bound now
            except _ItemFailedError as failed:
                failed.item.result = failed.cause
                left.remove(failed.item)
            except (pysqlite3.Error, OSError, LogCorruptError, ProofError) as error:
                self._fail(left, error)
                return
            else:
                self.writable = True
                return

    def _fail(self, items: list[_Item], error: Exception) -> None:
        """Tell every item that nothing was kept, and begin anew with the next batch."""
        self.writable = False
        for item in items:
            failure = NotDurableError(f"the log could not be written: {type(error).__name__}")
            failure.__cause__ = error
            item.result = failure
        if self._connection is not None:
            self._connection.close()
        self._connection = None
        self._edge = Edge(0, ())

    def _under_lock(self, work: Callable[[], None]) -> None:
        # Without the flock SQLite's busy polling starves writers: 0.8 to 1.3 s at worst, against 34 ms.
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        try:
            work()
        finally:
            fcntl.flock(self._lock, fcntl.LOCK_UN)

    def _transaction(self, items: Sequence[_Item]) -> None:
        if self._connection is None:
            self._connection = open_connection(self._database, read_only=False)
        connection = self._connection
        connection.execute("BEGIN IMMEDIATE")
        try:
            _Batch(connection, self._signer, self._current_edge(connection), self._clock).write(items)
            connection.execute("COMMIT")
        except BaseException:
            self._edge = Edge(0, ())  # whatever it holds was not committed: read it again
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise

    def _current_edge(self, connection: Any) -> Edge:
        """Return the right edge, read again where another process has appended; it must give the head's root."""
        found = head(connection)
        size, root = (found[0], found[1]) if found else (0, Edge(0, ()).root())
        if self._edge.size != size:
            load = loader(connection)
            self._edge = Edge(size, [(level, load(level, index)) for level, index in subtrees(0, size)])
        # Never sign two inconsistent checkpoints: what is about to be extended must be what was signed.
        if self._edge.root() != root:
            raise LogCorruptError(f"the right edge gives another root than the head of {size} entries")
        return self._edge


class _Batch:
    """One transaction's writes. Lives inside it."""

    def __init__(self, connection: Any, signer: CheckpointSigner, edge: Edge, clock: Callable[[], datetime]) -> None:
        self._connection = connection
        self._signer = signer
        self._edge = edge
        found = head(connection)
        self._last = from_micros(found[2]) if found else datetime.fromtimestamp(0, UTC)
        self._state_index = found[3] if found else -1
        self._clock = clock
        self._counters: dict[str, int] = {}
        self._nodes: dict[tuple[int, int], bytes] = {}
        self._entries: list[tuple[int, str, str, bytes]] = []
        self._bundles: list[tuple[int, bytes, bytes]] = []

    def write(self, items: Sequence[_Item]) -> None:
        """Run every item, then write entries, nodes and the signed head."""
        load_old = loader(self._connection)
        before = {place: load_old(*place) for place in subtrees(0, self._edge.size)}
        made = [(item, self._run(item)) for item in items]
        if not self._entries:
            for item, _ in made:
                item.result = None
            return
        checkpoint = self._write_head()

        def load(level: int, index: int) -> bytes:
            place = (level, index)
            return self._nodes.get(place) or before.get(place) or load_old(level, index)

        size = self._edge.size
        for item, appended in made:
            if appended is None:
                item.result = None
                continue
            draft, entry, index, at, state_index = appended
            proof = inclusion_from(index, size, load)
            item.result = Appended(entry, draft.entry_id, index, size, proof, checkpoint, at, state_index, draft)

    def _run(self, item: _Item) -> tuple[Draft, bytes, int, datetime, int] | None:
        at = max(self._clock(), self._last)
        moment = Moment(at=at, state_index=self._state_index, index=self._edge.size)
        try:
            draft = item.within(self._connection, moment)
            if draft is None:
                return None
            entry = self._entry(draft, at)
        except (pysqlite3.IntegrityError, pysqlite3.ProgrammingError) as error:
            _raise_failed(item, error)
        except pysqlite3.Error:
            raise  # the store's own failure, and everybody's
        except Exception as error:  # noqa: BLE001 -- an item's own failure is told to its caller, whatever it is
            _raise_failed(item, error)
        index = self._keep(draft, entry, at)
        return draft, entry, index, at, self._state_index

    def _entry(self, draft: Draft, at: datetime) -> bytes:
        if bool(draft.state_keys) != (draft.kind in STATE_KINDS):
            raise EntryError(f"an entry of kind {draft.kind} names state keys when it is a state kind, and only then")
        counter = None
        if draft.recipient is not None:
            counter = self._counter(draft.recipient) + 1
        entry = entry_bytes(
            kind=draft.kind,
            entry_id=draft.entry_id,
            at=at,
            sd=draft.sealed.sd,
            outcome=draft.outcome,
            counter=counter,
        )
        if draft.recipient is not None and counter is not None:
            self._counters[draft.recipient] = counter
        return entry

    def _counter(self, name: str) -> int:
        if name not in self._counters:
            row = self._connection.execute("SELECT value FROM recipient_counter WHERE name = ?", (name,)).fetchone()
            return int(row[0]) if row else 0
        return self._counters[name]

    def _keep(self, draft: Draft, entry: bytes, at: datetime) -> int:
        index = self._edge.size
        for level, place, hashed in self._edge.append(leaf_hash(entry)):
            self._nodes[level, place] = hashed
        self._entries.append((index, draft.entry_id, draft.kind.value, entry))
        self._bundles += [(index, key_id, ciphertext) for key_id, ciphertext in draft.sealed.bundles]
        self._last = at
        if draft.state_keys:
            # At once, not with the rest: the next item of this batch must see it.
            self._connection.executemany(
                "INSERT INTO state_key (key, idx) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET idx = excluded.idx",
                [(key, index) for key in draft.state_keys],
            )
            self._state_index = index
        return index

    def _write_head(self) -> str:
        connection, size, root = self._connection, self._edge.size, self._edge.root()
        connection.executemany("INSERT INTO log_entry (idx, entry_id, kind, entry) VALUES (?, ?, ?, ?)", self._entries)
        connection.executemany(
            "INSERT INTO log_node (level, idx, hash) VALUES (?, ?, ?)",
            [(level, index, hashed) for (level, index), hashed in self._nodes.items()],
        )
        connection.executemany("INSERT INTO log_bundle (idx, key_id, ciphertext) VALUES (?, ?, ?)", self._bundles)
        connection.executemany(
            "INSERT INTO recipient_counter (name, value) VALUES (?, ?) "
            "ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            list(self._counters.items()),
        )
        note = self._signer.sign(size, root)
        connection.execute("INSERT INTO log_checkpoint (size, note) VALUES (?, ?)", (size, note))
        connection.execute(
            "INSERT INTO log_head (one, size, root, at, state_index) VALUES (1, ?, ?, ?, ?) ON CONFLICT (one) "
            "DO UPDATE SET size = excluded.size, root = excluded.root, at = excluded.at, "
            "state_index = excluded.state_index",
            (size, root, to_micros(self._last), self._state_index),
        )
        return note


def _raise_failed(item: _Item, error: BaseException) -> NoReturn:
    raise _ItemFailedError(item, error) from error


def to_micros(at: datetime) -> int:
    """Return an aware instant as whole microseconds since 1970."""
    return int(at.timestamp()) * 1_000_000 + at.microsecond


def from_micros(value: int) -> datetime:
    """Return the instant of a row."""
    return datetime.fromtimestamp(value // 1_000_000, UTC).replace(microsecond=value % 1_000_000)
