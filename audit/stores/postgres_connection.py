"""What does a connection to PostgreSQL do? The contract of `audit.stores.connection.Connection`, by psycopg."""

from __future__ import annotations

import contextlib
import itertools
import re
import threading
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import Any, Final, TypeVar

import psycopg
from psycopg.pq import TransactionStatus
from psycopg.types.numeric import Int8BinaryDumper

from audit.stores.connection import DiskFullError, Row, RuleBrokenError, Statement, StoreError, Values

Session = psycopg.Connection[tuple[Any, ...]]
_T = TypeVar("_T")
_AT_ONCE: Final = 2_000  # rows that are fetched together
# Classes of SQLSTATE that are the statement's own fault; every other is the store's, and so everybody's.
_FULL: Final = "53100"
_OWN_FAULTS: Final = frozenset({"0A", "21", "22", "23", "42", "54"})
_RULES: Final = "23"
_NUL: Final = "\ufdd0"  # a noncharacter of Unicode
_QUOTED: Final = re.compile(r"""('[^']*'|"[^"]*")""")
_UNDER_WAY: Final = frozenset({TransactionStatus.ACTIVE, TransactionStatus.INTRANS, TransactionStatus.INERROR})


class PostgresConnection:
    """A session of PostgreSQL. One that only reads finds a new session where its own was lost, outside a transaction."""

    def __init__(self, begin: Callable[[], Session], *, is_read_only: bool) -> None:
        self._begin = begin
        self._is_read_only = is_read_only
        self._session = _adapted(begin())
        self._renewing = threading.Lock()
        self._is_in_snapshot = self._is_let_go = False
        self._numbers = itertools.count()

    def all(self, statement: str, values: Values = (), /) -> list[Row]:
        """Return every row."""
        return self._asked(lambda session: _rows(_sent(session, statement, values)))

    def one(self, statement: str, values: Values = (), /) -> Row | None:
        """Return the first row, or None."""
        return next(iter(self.all(statement, values)), None)

    def value(self, statement: str, values: Values = (), /) -> Any:
        """Return the first column of the row that a statement always has."""
        row = self.one(statement, values)
        if row is None:
            raise StoreError("a row that must be there is not")
        return row[0]

    def each(self, statement: str, values: Values = (), /) -> Iterator[Row]:
        """Give row by row: from the server's own cursor, which lives as long as the transaction."""
        if not self.in_transaction:
            yield from self.all(statement, values)
            return
        try:
            with self._session.cursor(name=f"each_{next(self._numbers)}") as cursor:
                cursor.itersize = _AT_ONCE
                yield from cursor.execute(translated(statement), held(values), binary=True)
        except psycopg.Error as error:
            raise told(error) from None

    def run(self, statement: str, values: Values = (), /) -> int:
        """Run a statement; return how many rows it has changed."""
        done = self._asked(lambda session: _sent(session, statement, values))
        if statement == "COMMIT" and done.statusmessage != "COMMIT":
            raise StoreError("the transaction was taken back: a statement of it had failed")
        return done.rowcount

    def run_many(self, statement: str, rows: Sequence[Values], /) -> None:
        """Run a statement once for each row of values, in one round trip."""
        held_rows = [held(row) for row in rows]
        self._asked(lambda session: session.cursor(binary=True).executemany(translated(statement), held_rows))

    def all_of(self, statements: Sequence[Statement], /) -> list[list[Row]]:
        """Return every row of several statements, in one round trip."""
        return self._asked(lambda session: [_rows(one) for one in _together(session, statements)])

    def run_all(self, statements: Sequence[Statement], /) -> None:
        """Run several statements, in one round trip."""
        self._asked(lambda session: _together(session, statements))

    @contextlib.contextmanager
    def snapshot(self) -> Iterator[None]:
        """Read as of one moment."""
        self.run("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        self._is_in_snapshot = True
        try:
            yield
        finally:
            self._is_in_snapshot = False
            if self.in_transaction:
                self.run("ROLLBACK")

    def damage(self) -> str | None:
        """Return nothing: PostgreSQL tells of damage when it reads a page, and by its own tools."""
        return None

    @property
    def in_transaction(self) -> bool:
        """Tell whether a transaction is under way, be it one that can only be taken back."""
        return self._session.info.transaction_status in _UNDER_WAY

    def close(self) -> None:
        """Let the session go; a transaction under way leaves nothing."""
        self._is_let_go = True
        self._session.close()

    def _asked(self, ask: Callable[[Session], _T]) -> _T:
        session = self._session
        try:
            return ask(session)
        except psycopg.Error as error:
            failure = told(error)
        if not session.closed or not self._is_read_only or self._is_in_snapshot or self._is_let_go:
            raise failure
        try:
            return ask(self._renewed(session))
        except psycopg.Error as error:
            raise told(error) from None

    def _renewed(self, lost: Session) -> Session:
        with self._renewing:  # several threads may have lost the same
            if self._session is lost:
                self._session = _adapted(self._begin())
            return self._session


@lru_cache(maxsize=2_000)
def translated(statement: str) -> bytes:
    """Return a statement with its marks as psycopg writes them."""
    parts = _QUOTED.split(statement.replace("%", "%%"))
    return "".join(part if place % 2 else part.replace("?", "%s") for place, part in enumerate(parts)).encode()


def held(values: Values) -> Values:
    """Return values as PostgreSQL can hold them: in the place of NUL, which no text has there, what nobody writes.

    So a name that a stranger has made up is not found, as in every store, instead of being a failure.
    """
    return [one.replace("\x00", _NUL) if isinstance(one, str) and "\x00" in one else one for one in values]


def told(error: psycopg.Error) -> StoreError:
    """Return what the driver has raised, as the house knows it: without a value of any row.

    A broken rule's message names the rule, and its detail the values. Every other message may name values itself.
    """
    state = error.sqlstate or ""
    if state == _FULL:
        return DiskFullError("the disk of the database is full")
    if state.startswith(_RULES):
        return RuleBrokenError(error.diag.message_primary or f"a rule of the table ({state})")
    if state:
        told_of = f"PostgreSQL has not done it: {type(error).__name__} ({state})"
        return StoreError(told_of, is_own=state[:2] in _OWN_FAULTS)
    # Without a state it was refused before it was sent, or the server's answer has not come.
    is_own = isinstance(error, psycopg.DataError | psycopg.ProgrammingError | psycopg.NotSupportedError)
    return StoreError(f"PostgreSQL was not asked, or has not answered: {type(error).__name__}", is_own=is_own)


def _adapted(session: Session) -> Session:
    # One type for whole numbers, so that a statement is prepared once; truth is 0 and 1, as in every store.
    session.adapters.register_dumper(int, Int8BinaryDumper)
    session.adapters.register_dumper(bool, Int8BinaryDumper)
    session.prepare_threshold = 2
    session.prepared_max = 300
    return session


def _together(session: Session, statements: Sequence[Statement]) -> list[psycopg.Cursor[Row]]:
    if not statements:
        return []
    with session.pipeline():
        return [_sent(session, statement, values) for statement, values in statements]


def _sent(session: Session, statement: str, values: Values) -> psycopg.Cursor[Row]:
    return session.execute(translated(statement), held(values), binary=True)


def _rows(cursor: psycopg.Cursor[Row]) -> list[Row]:
    return cursor.fetchall() if cursor.description else []
