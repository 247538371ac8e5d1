"""Which index of an export serves? The newest that is whole and was not held; the one before it until then."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, TypeVar

from gateway.sources.accepted import Accepted, Shrunk
from gateway.sources.contract import Cause, SourceFailedError, SourceSlowError
from gateway.sources.csv_index import Files, Index, Indexing
from gateway.sources.csv_reading import ExportFaultError, Stamp

CHECKS: Final = 1.0  # seconds between two looks at the folder
EARLIER: Final = 7  # days of dated files that are looked at, where the newest is held and nothing serves yet
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class News:
    """What operators are told of an export: what is wrong with its newest files, None where nothing is any more."""

    source: str
    fault: str | None
    held: tuple[Shrunk, ...] = ()


@dataclass(frozen=True, slots=True)
class State:
    """What the last reading left: the index that serves, and what is wrong with newer files, if they are.

    `as_of` is when the counts that a file was held by were written: a confirmation changes it.
    """

    index: Index | None = None
    fault: str | None = None
    faulty: Files | None = None
    as_of: Stamp | None = None
    held: tuple[Shrunk, ...] = ()
    cause: Cause = Cause.EXPORT
    column: str | None = None


class Serving:
    """The files of one export, read in a thread of its own; the old index serves until the new one is whole.

    A newer file that can't be used, or is held, leaves the old index serving, whose `as_at` stays what it was, until that
    is older than the dataset allows (`stale_after`; at once where it names none): then the source fails, and says why.
    """

    def __init__(
        self,
        indexing: Indexing,
        *,
        source: str,
        dataset: str,
        stale_after: timedelta | None,
        clock: Callable[[], datetime],
        checks: float,
        accepted: Accepted,
        told: Callable[[News], None],
    ) -> None:
        self._indexing = indexing
        self._source = source
        self._dataset = dataset
        self._stale_after = stale_after
        self._clock = clock
        self._checks = checks
        self._accepted = accepted
        self._told = told
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="source")
        self.state = State()
        self._reading: Future[None] | None = None
        self._next_check = 0.0

    async def current(self, seconds: float) -> Index:
        """Return the index that serves, or raise SourceFailedError; the first is waited for."""
        self._look()
        if self.state.index is None and self._reading is not None:
            try:
                async with asyncio.timeout(seconds):
                    await asyncio.shield(asyncio.wrap_future(self._reading))
            except TimeoutError:
                raise SourceSlowError(f"{self._source} was not read in {seconds:g} s") from None
        state = self.state
        if state.index is None or (state.fault is not None and self._is_too_old(state.index)):
            raise SourceFailedError(f"{self._source}: {state.fault or 'was not read'}", state.cause, state.column)
        return state.index

    async def run(self, work: Callable[[], T]) -> T:
        """Return what some work on the files gives, done in the thread; raise SourceFailedError for a file's fault."""
        try:
            return await asyncio.wrap_future(self._thread.submit(work))
        except ExportFaultError as error:
            raise SourceFailedError(f"{self._source}: {error}", error.cause, error.column) from None

    def close(self) -> None:
        """Let the thread and the index go."""
        self._thread.shutdown(wait=True, cancel_futures=True)
        self.state = State()

    def words_of(self, held: tuple[Shrunk, ...]) -> str:
        """Say which files are held, and what lets them serve."""
        files = "; ".join(
            f"{one.file} has {one.rows} rows, and the last one that was accepted had {one.before}" for one in held
        )
        return f"held: {files}. If that is right, let it serve: stile source confirm {self._dataset}"

    def _look(self) -> None:
        """Let the thread look at the folder, now and then: a share that hangs holds up nobody who can be served."""
        now = time.monotonic()
        if now >= self._next_check and (self._reading is None or self._reading.done()):
            self._next_check = now + self._checks
            self._reading = self._thread.submit(self._read)

    def _read(self) -> None:
        old, files, as_of = self.state, None, None
        try:
            as_of = self._accepted.stamp()
            files = self._indexing.find()
            if old.faulty == files and old.as_of == as_of:  # the same as was refused: reading it again would not mend it
                return
            is_known = old.index is not None and old.index.files == files
            state = State(old.index) if is_known else self._judged(old.index, self._indexing.build(), as_of)
        except ExportFaultError as error:
            state = State(old.index, str(error), files, as_of, cause=error.cause, column=error.column)
        except Exception as error:  # noqa: BLE001 -- whatever it is, the old index serves, or nothing does
            # Its message may hold values, and so its kind alone is told.
            state = State(old.index, f"could not be read: {type(error).__name__}", files, as_of)
        self.state = state
        if old.index is None or (state.fault, state.held) != (old.fault, old.held):
            self._told(News(self._source, state.fault, state.held))

    def _judged(self, serving: Index | None, index: Index, as_of: Stamp | None) -> State:
        """Take a new index up, or hold it: a nightly job that broke off looks like a town that moved away."""
        counts = self._indexing.counts(index)
        held = self._accepted.shrunk(counts)
        if not held:
            self._accepted.keep(counts)
            return State(index)
        return State(serving or self._earlier(index), self.words_of(held), index.files, as_of, held)

    def _earlier(self, held: Index) -> Index | None:
        """Return the index of an earlier day, where names tell days: after a restart nothing else can serve."""
        before = held.files
        for _ in range(EARLIER):
            found = self._indexing.find_before(before.stands_at)
            if found is None:
                return None
            index = self._indexing.build(found)
            if not self._accepted.shrunk(self._indexing.counts(index)):
                return index
            before = found
        return None

    def _is_too_old(self, index: Index) -> bool:
        return self._stale_after is None or self._clock() - index.files.stands_at > self._stale_after
