"""May a call be answered where it stands, without a thread? From a local SQLite file, within a few milliseconds."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final, TypeVar

import pysqlite3

from gateway.sources.database import STEPS, file_of, open_sqlite

BUDGET: Final = 0.002  # seconds of the processor: what an event loop can spare one call
FURTHER: Final = 0.00005  # and for each person more of a chunk, which is read in one statement
LONGEST: Final = 0.02  # seconds by the clock: more is a disk that is waited for, without SQLite looking at any clock
MOST_LATE: Final = 3  # calls in a row: one alone is the machine's doing, and not the disk's
RESTS: Final = 1.0  # seconds: so a slow source holds the loop up for some thousandths of its time
T = TypeVar("T")


class NotAtOnceError(Exception):
    """The file did not answer at once: ask it in a thread, which has the mapping's whole timeout."""


class AtOnce:
    """One kept connection to an SQLite file, for the event loop's own thread.

    A thread's two wake-ups cost more than most queries. It waits for nobody: whatever goes wrong, a lock and a
    missing file too, is NotAtOnceError, and is found out again, and told, by the thread.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._opened: Any = None
        self._file: tuple[int, int] | None = None
        self._budget = self._rests_until = 0.0
        self._until: float | None = None
        self._late = 0

    def ask(self, work: Callable[..., T], *asked: object, people: int = 1) -> T:
        """Return what `work` reads over the connection, of what is asked, or raise NotAtOnceError."""
        begun = time.monotonic()
        if begun < self._rests_until:
            raise NotAtOnceError
        self._budget, self._until = BUDGET + FURTHER * (people - 1), None
        try:
            opened = self._connection()
            found = work(opened, *asked)
            if opened.in_transaction:
                opened.rollback()
        except (pysqlite3.Error, OSError):
            self._rests_until = begun + RESTS
            raise NotAtOnceError from None
        finally:
            # Whatever state a failure left it in, the next call gets a fresh one; a transaction would keep an old instant.
            if self._opened is not None and (self._rests_until > begun or self._opened.in_transaction):
                self.close()
        self._late = self._late + 1 if time.monotonic() > begun + LONGEST else 0
        if self._late >= MOST_LATE:
            self._rests_until = begun + RESTS
        return found

    def close(self) -> None:
        """Let the connection go."""
        if self._opened is not None:
            self._opened.close()
        self._opened = None

    def _connection(self) -> Any:
        # An extract is often replaced as a whole, at night: a kept connection would go on reading the old file.
        file = file_of(self._path)
        if self._opened is None or file != self._file:
            self.close()
            self._opened, self._file = open_sqlite(self._path, timeout=0), file
            self._opened.set_progress_handler(self._is_over, STEPS)
        return self._opened

    def _is_over(self) -> bool:
        """Tell SQLite whether a budget is spent. It counts from SQLite's first look, which most calls never come to."""
        # Not by the clock: on a machine with other work every statement would seem slow.
        spent = time.thread_time()
        if self._until is None:
            self._until = spent + self._budget
        return spent > self._until
