"""How is an entry written? Group commit: the only way to write, one thread, one transaction a batch.

A batch forms by itself: whatever is queued when the writer is free. Everything of a batch goes together (rows that
the items write, entries, nodes, signed head) and is acknowledged after COMMIT. A crash before leaves nothing of it.
"""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Final

from audit.stores.checked import LogCorruptError, check_at_start
from audit.stores.connection import Connection, StoreError
from audit.stores.contract import Store
from audit.stores.entries import HEAD, Head, head_of
from audit.stores.recipients import COUNTERS, CounterShelf
from audit.stores.shelf import Reading, Shelves
from audit.stores.state_keys import STATE_KEYS, StateKeyShelf, ToldShelf
from audit.tree.checkpoint import CheckpointSigner
from audit.writing.batch import Batch, ItemFailedError, first_keys
from audit.writing.chain import LONG_AGO, Chain
from audit.writing.follower import Follower
from audit.writing.heartbeat import ClockJumpedError, Heartbeat
from audit.writing.item import (
    Appended,
    Done,
    Item,
    Judging,
    LogUnavailableError,
    NotDurableError,
    Result,
    Settled,
    T,
    Within,
)
from audit.writing.once import UsedOnce
from audit.writing.said_within import SaidWithin

LARGEST_BATCH: Final = 512
LONGEST_QUEUE: Final = 10_000
__all__ = ["Deliver", "LogUnavailableError", "NotDurableError", "Sequencer"]
Deliver = Callable[[Sequence[tuple[Done, Result]]], None]


class Sequencer:
    """The log's writer. `start` before use, `close` at the end; the other methods from any thread.

    `shelves` are the kinds of rows that items judge over, besides the log's own.
    `heartbeat` tells of a clock that jumped: nothing is written then. `follower` knows the log that this writer goes on
    with, and what its entries say of the state; who reads the state shares it. `writable` tells whether the last batch
    could be written. After one that could not, the next begins anew, so the writer recovers by itself when the disk does.
    """

    def __init__(
        self,
        store: Store,
        signer: CheckpointSigner,
        *,
        clock: Callable[[], datetime],
        deliver: Deliver,
        shelves: Shelves | None = None,
        heartbeat: Heartbeat | None = None,
        follower: Follower | None = None,
    ) -> None:
        self._store = store
        self._signer = signer
        self._clock = clock
        self._deliver = deliver
        self.follower = follower or Follower()
        self._within = SaidWithin(self.follower)
        own: Shelves = {COUNTERS: CounterShelf(), STATE_KEYS: self._state_keys()}
        self._shelves = {**own, **(shelves or {})}
        self.heartbeat = heartbeat
        self._queue: queue.SimpleQueue[Item | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._connection: Connection | None = None
        self._before: Connection | None = None
        self._once = UsedOnce()
        self._reached = LONG_AGO
        self._state_index = -1  # the head's, as far as this writer knows
        self._door = threading.Lock()
        self._open = False
        self.writable = False

    def start(self) -> None:
        """Open and check the log, then take items. Raises LogCorruptError, LogUnavailableError, UnsafeStoreError."""
        try:
            self._store.check()
        except StoreError as error:
            raise LogUnavailableError(str(error)) from error
        with contextlib.ExitStack() as undo:
            try:
                connection = self._connection = self._store.open(read_only=False)
                undo.callback(connection.close)
                check_at_start(connection, self._signer.vkey)
                if lost := self._store.lost_rules(connection):
                    raise LogCorruptError(f"{self._store.name} has lost the rule {lost[0]} of its tables: restore a backup")
                self.follower.follow(connection)  # of a long log: not while others wait for its head
                self._once.begin(connection, boot=self._boot())  # of 100,000 names: not in somebody's first call
            except StoreError as error:
                raise LogCorruptError(f"the log can't be opened: {error}") from error
            undo.pop_all()
        self.writable = self._open = True
        self._thread = threading.Thread(target=self._run, name="log", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Finish what is queued, then stop."""
        with self._door:
            if not self._open or self._thread is None:
                return
            self._open = False
            self._queue.put(None)
        self._thread.join()
        self._let_go()

    def submit(self, within: Within, done: Done) -> None:
        """Queue a change; `done` is called once, by `deliver`, after COMMIT or with what went wrong."""
        self._put(Item(done, within=within))

    def submit_judging(self, judging: Judging[Any], done: Done) -> None:
        """Queue an item that judges; `done` is called as in `submit`."""
        self._put(Item(done, judging=judging))

    def _put(self, item: Item) -> None:
        # One at a time through the door, so that no item comes after the one that ends the queue.
        with self._door:
            if not self._open:
                raise LogUnavailableError("the log is closed")
            if self._queue.qsize() >= LONGEST_QUEUE:
                raise LogUnavailableError(f"{LONGEST_QUEUE} items wait already")
            self._queue.put(item)

    def append(self, within: Within) -> Appended | None:
        """Queue a change and wait for it; raises what went wrong. For callers without an event loop."""
        appended: Appended | None = _waited(lambda done: self.submit(within, done))
        return appended

    def settle(self, judging: Judging[T]) -> Settled[T]:
        """Queue an item that judges and wait for it; raises what went wrong. For callers without an event loop."""
        settled: Settled[T] = _waited(lambda done: self.submit_judging(judging, done))
        return settled

    def _run(self) -> None:
        ending = False
        while not ending:
            item = self._queue.get()
            if item is None:
                return
            batch, ending = self._drain(item)
            self._commit(batch)
            try:
                self._deliver([(one.done, one.result) for one in batch])
            except Exception as error:  # noqa: BLE001 -- the entries stand, and the next batch must be written
                _report(error)

    def _drain(self, first: Item) -> tuple[list[Item], bool]:
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

    def _commit(self, batch: list[Item]) -> None:
        """Write a batch, or tell every item of it that nothing was kept."""
        try:
            self._transaction(batch)
        except Exception as error:  # noqa: BLE001 -- whatever it was, nothing was kept, and somebody waits to hear it
            self._fail(batch, error)
        else:
            self.writable = True

    def _fail(self, batch: list[Item], error: Exception) -> None:
        self.writable = False
        for item in batch:
            what = str(error) if isinstance(error, ClockJumpedError | StoreError) else type(error).__name__
            failure = NotDurableError(f"the log could not be written: {what}")
            failure.__cause__ = error
            item.result = failure
        self._let_go()

    def _let_go(self) -> None:
        # The one that writes last: only it can put what the write-ahead log holds in its place.
        for connection in (self._before, self._connection):
            if connection is not None:
                connection.close()
        self._connection = self._before = None

    def _reading_before(self) -> Connection:
        """Return a connection that sees what was committed, and nothing of the transaction under way."""
        self._before = self._before or self._store.open(read_only=True)
        return self._before

    @property
    def said_within(self) -> SaidWithin:
        """Return what the entries say, those of the transaction under way included: for what is read inside it."""
        return self._within

    def _state_keys(self) -> StateKeyShelf:
        if not self.follower.opens:
            return StateKeyShelf()
        return ToldShelf(lambda key: said.entry if (said := self._within.said(key)) is not None else None)

    def _boot(self) -> float:
        """Return seconds that nobody sets: the boot clock's, where this writer has one."""
        return self.heartbeat.boot_seconds if self.heartbeat is not None else time.monotonic()

    def _transaction(self, items: Sequence[Item]) -> None:
        if self.heartbeat is not None:
            self.heartbeat.check()  # before anything is read: what a clock that jumped would decide is not written
        try:
            self._write(items, careful=False)
        except ItemFailedError:
            self._write(items, careful=True)

    def _write(self, items: Sequence[Item], *, careful: bool) -> None:
        connection = self._connection or self._store.open(read_only=False)
        self._connection = connection
        try:
            with self._store.writing(connection):
                reading = Reading(self._shelves, () if careful else first_keys(items, self._state_index))
                # What every batch reads, and the rows of its first items: together, for the head is held meanwhile.
                rows, used, *answers = connection.all_of([HEAD, self._once.asked(), *reading.statements])
                self._once.catch_up(used, boot=self._boot())
                found = head_of(rows)
                self._follow(connection, found)
                ahead = self.heartbeat.ahead if self.heartbeat is not None else 0.0
                edge = self.follower.edge()
                chain = Chain(found, edge, self._clock, self._once, ahead, self._reached, self._within)
                batch = Batch(connection, self._signer, chain, self._shelves, careful=careful, before=self._reading_before)
                batch.learn(reading, answers)
                batch.write(items)
                self._reached, self._state_index = chain.reached, chain.state_index
            self._once.keep()
            self.follower.took(edge, chain.changes, batch.note)
        finally:
            self._within.begin()

    def _follow(self, connection: Connection, found: Head | None) -> None:
        """Follow to the head, by whomever it was written: it must go on from what this process knows.

        Never sign two inconsistent checkpoints: what is about to be extended must be what was signed.
        """
        self.follower.follow_to(connection, found)
        if self.follower.opens and found is not None and found[3] != self.follower.state_index:
            raise LogCorruptError(
                f"the head's state index is {found[3]}, and the newest entry that moves the state stands at "
                f"{self.follower.state_index}"
            )


def _waited(submit: Callable[[Done], None]) -> Any:
    """Submit an item and wait for it; raises what went wrong."""
    finished = threading.Event()
    results: list[Any] = []

    def done(result: Any) -> None:
        results.append(result)
        finished.set()

    submit(done)
    finished.wait()
    if isinstance(results[0], BaseException):
        raise results[0]
    return results[0]


def _report(error: Exception) -> None:
    """Show an error as Python shows one that ends a thread, but don't end it."""
    arguments = (type(error), error, error.__traceback__, threading.current_thread())
    threading.excepthook(threading.ExceptHookArgs(arguments))
