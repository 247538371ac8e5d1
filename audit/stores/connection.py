"""What does the house know of a database? A connection with a few methods, and how it fails; nothing of any driver."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

Row = tuple[Any, ...]
Values = Sequence[Any]
Statement = tuple[str, Values]


class StoreError(Exception):
    """The database has not done what it was asked. `is_own` tells of a fault that the statement alone has, such as a row
    against a rule: a transaction may go on from before it. Every other is the store's, and so everybody's.
    """

    def __init__(self, message: str, *, is_own: bool = False) -> None:
        super().__init__(message)
        self.is_own = is_own


class DiskFullError(StoreError):
    """There is no room for what is to be written. Nothing is damaged, and all goes on when there is room again."""


class RuleBrokenError(StoreError):
    """A row is against a rule of its table: a key that is taken, a trigger that forbids it."""

    def __init__(self, message: str) -> None:
        super().__init__(message, is_own=True)


class Connection(Protocol):
    """One connection to the database of state and log.

    Statements are written in the SQL that every store shares, with `?` for each bound value; what differs stands in the
    stores' own files. Outside a transaction each statement sees what was committed before it began, and is durable when it
    returns; inside one nothing is kept before the store commits. A statement that fails inside one leaves it good for
    nothing but to be taken back, whole or to a savepoint. One statement runs at a time, from whichever thread.
    Every method raises StoreError.
    """

    def all(self, statement: str, values: Values = (), /) -> list[Row]:
        """Return every row."""
        ...

    def one(self, statement: str, values: Values = (), /) -> Row | None:
        """Return the first row, or None."""
        ...

    def value(self, statement: str, values: Values = (), /) -> Any:
        """Return the first column of the row that a statement always has; StoreError where there is none."""
        ...

    def each(self, statement: str, values: Values = (), /) -> Iterator[Row]:
        """Give row by row, however many there are: for reading within a `snapshot`."""
        ...

    def run(self, statement: str, values: Values = (), /) -> int:
        """Run a statement that returns no rows; return how many rows it has changed."""
        ...

    def run_many(self, statement: str, rows: Sequence[Values], /) -> None:
        """Run a statement once for each row of values."""
        ...

    def all_of(self, statements: Sequence[Statement], /) -> list[list[Row]]:
        """Return every row of each of several statements, in one round trip where the database is asked over a wire."""
        ...

    def run_all(self, statements: Sequence[Statement], /) -> None:
        """Run several statements in order, in one round trip where the database is asked over a wire."""
        ...

    def snapshot(self) -> AbstractContextManager[None]:
        """Read as of one moment, whatever others commit meanwhile; nothing is written."""
        ...

    def damage(self) -> str | None:
        """Return what the database itself finds wrong with its files, where it can tell."""
        ...

    @property
    def in_transaction(self) -> bool:
        """Tell whether a transaction is under way."""
        ...

    def close(self) -> None:
        """Let the connection go; a transaction under way leaves nothing."""
        ...
