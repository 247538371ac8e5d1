"""Where are state and log kept? A database that any number of processes open, and of which one at a time writes."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Any, Final, Protocol

from audit.stores.connection import Connection

# The tables of the log's entries and tree: what a successor of the log begins without.
LOG_TABLES: Final = ("log_entry", "log_node", "log_checkpoint", "log_head", "log_bundle", "log_leaf")


class UnsafeStoreError(Exception):
    """This database could lose what it has told to be durable: refuses to start."""


class Store(Protocol):
    """The database of state and log.

    Durable: what a block of `writing` wrote survives a power cut once the block has ended without an exception.
    Concurrent: one process at a time is inside `writing`, the others wait for their turn; who reads waits for nobody, and
    sees a transaction whole or not at all. Failure: a block that fails leaves nothing. One whose COMMIT was not answered
    may stand or not: it is to be taken as not kept, so nothing is disclosed on it, as after a crash; the next transaction
    finds what stands. A process that stands still inside `writing` keeps nobody from it for longer than the store says.
    """

    @property
    def name(self) -> str:
        """Tell where it is, for operators; nothing of a password."""
        ...

    @property
    def dialect(self) -> str:
        """Return how SQLAlchemy calls this sort of database and its driver."""
        ...

    def session(self) -> Any:
        """Return a new connection of the driver's own, for who makes the tables; StoreError where there is none."""
        ...

    def check(self) -> None:
        """Raise UnsafeStoreError for a database that loses what it keeps, StoreError for one that does not answer."""
        ...

    def lost_rules(self, connection: Connection) -> list[str]:
        """Return which rules of the log's tables (no entry changes, the head only grows) are gone or others."""
        ...

    def set_log_aside(self, connection: Connection, *, prefix: str) -> None:
        """Keep the log's entries under other names, as evidence, and begin with none; inside `writing`.

        Whose keys are whose stays, and which names were used; recipients' counters begin anew. Raises StoreError.
        """
        ...

    def open(self, *, read_only: bool) -> Connection:
        """Return a new connection, or raise StoreError. One that is not read-only is for `writing`."""
        ...

    def writing(self, connection: Connection) -> AbstractContextManager[None]:
        """Take the head for this process alone and begin; commit when the block ends, take back what fails.

        Raises StoreError.
        """
        ...


@contextlib.contextmanager
def committing(connection: Connection) -> Iterator[None]:
    """Commit the transaction under way when the block ends; take it back when the block, or the commit, fails."""
    try:
        yield
        connection.run("COMMIT")
    except BaseException:
        # On a full disk SQLite has rolled back already, and a lost connection has no transaction.
        if connection.in_transaction:
            connection.run("ROLLBACK")
        raise
