"""How are wrapped keys kept? In a SQLite file of their own, from which what is deleted is gone.

A file of its own because its backups have their own rule: restoring an old copy would bring back destroyed keys.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Self

import pysqlite3

from audit.stores.connection import StoreError, Values
from audit.stores.sqlite import SqliteConnection

_TABLES: Final = """
CREATE TABLE named_key (name TEXT PRIMARY KEY, wrapped BLOB NOT NULL);
CREATE TABLE random_key (key_id BLOB PRIMARY KEY, wrapped BLOB NOT NULL);
"""


class KeyFile:
    """Wrapped keys by name and by id. What was kept is durable when a method returns. For one thread at a time.

    Every method raises StoreError.
    """

    def __init__(self, connection: SqliteConnection) -> None:
        self.connection = connection

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open a file that is there; one that is no database is found out by the first reading."""
        with contextlib.ExitStack() as undo:
            try:
                connection = pysqlite3.connect(
                    f"{path.absolute().as_uri()}?mode=rw",
                    uri=True,
                    isolation_level=None,
                    check_same_thread=False,
                    factory=SqliteConnection,
                )
            except pysqlite3.Error as error:
                raise StoreError(str(error)) from error
            undo.callback(connection.close)
            for setting in ("journal_mode=WAL", "synchronous=FULL", "secure_delete=ON"):
                connection.run(f"PRAGMA {setting}")
            undo.pop_all()
        return cls(connection)

    def fill(self) -> None:
        """Make the tables of a new file; StoreError where they are there."""
        try:
            self.connection.executescript(_TABLES)
        except pysqlite3.Error as error:
            raise StoreError(str(error)) from error

    def named(self, name: str) -> bytes | None:
        """Return a wrapped key by its name."""
        return self._wrapped("SELECT wrapped FROM named_key WHERE name = ?", name)

    def random(self, key_id: bytes) -> bytes | None:
        """Return a wrapped key by its id."""
        return self._wrapped("SELECT wrapped FROM random_key WHERE key_id = ?", key_id)

    def keep_named(self, name: str, wrapped: bytes) -> None:
        """Keep a wrapped key under a name that is not in use."""
        self._write("INSERT INTO named_key VALUES (?, ?)", [(name, wrapped)])

    def keep_random(self, keys: Sequence[tuple[bytes, bytes]]) -> None:
        """Keep wrapped keys, each with its id."""
        self._write("INSERT INTO random_key VALUES (?, ?)", keys)

    def destroy(self, key_ids: Sequence[bytes]) -> bool:
        """Delete keys. False where a copy stays in the write-ahead log, because another process is reading."""
        self._write("DELETE FROM random_key WHERE key_id = ?", [(one,) for one in key_ids])
        return not self.connection.value("PRAGMA wal_checkpoint(TRUNCATE)")

    def close(self) -> None:
        """Let the file go."""
        self.connection.close()

    def _wrapped(self, statement: str, name: str | bytes) -> bytes | None:
        row = self.connection.one(statement, (name,))
        return bytes(row[0]) if row else None

    def _write(self, statement: str, rows: Sequence[Values]) -> None:
        try:
            self.connection.run("BEGIN IMMEDIATE")
            self.connection.run_many(statement, rows)
            self.connection.run("COMMIT")
        except StoreError:
            with contextlib.suppress(StoreError):  # there may be no transaction, nor even an open file
                self.connection.run("ROLLBACK")
            raise
