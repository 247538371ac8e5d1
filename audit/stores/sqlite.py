"""How are state and log kept in SQLite, and opened safely?"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Final, NoReturn

import pysqlite3

from audit.stores.connection import Connection, DiskFullError, Row, RuleBrokenError, Statement, StoreError, Values
from audit.stores.contract import LOG_TABLES, UnsafeStoreError, committing

SCHEMA: Final = ("0001.sql", "0002.sql", "0003.sql")
_TRIGGERS: Final = "SELECT name, sql FROM sqlite_master WHERE type = 'trigger'"


# SQLite's primary result codes that are the statement's own fault. Every other is the store's, and so everybody's.
_OWN_FAULTS: Final = frozenset(
    {
        1,  # ERROR
        18,  # TOOBIG
        19,  # CONSTRAINT
        20,  # MISMATCH
        21,  # MISUSE
        23,  # AUTH
        25,  # RANGE
    }
)

_FULL: Final = frozenset(
    {
        13,  # FULL
        4_874,  # IOERR_SHMSIZE: the file that processes share beside a write-ahead log can't grow
    }
)


class SqliteConnection(pysqlite3.Connection):  # type: ignore[misc]  # the driver has no types
    """A connection to a SQLite file. Keeps the contract of `audit.stores.connection.Connection`.

    `file` tells which file was opened, whatever its name is by now.
    """

    file: tuple[int, int] | None = None

    def all(self, statement: str, values: Values = (), /) -> list[Row]:
        """Return every row."""
        try:
            return self.execute(statement, values).fetchall()  # type: ignore[no-any-return]
        except pysqlite3.Error as error:
            _tell(error)

    def one(self, statement: str, values: Values = (), /) -> Row | None:
        """Return the first row, or None."""
        try:
            return self.execute(statement, values).fetchone()  # type: ignore[no-any-return]
        except pysqlite3.Error as error:
            _tell(error)

    def value(self, statement: str, values: Values = (), /) -> Any:
        """Return the first column of the row that a statement always has."""
        row = self.one(statement, values)
        if row is None:
            raise StoreError("a row that must be there is not")
        return row[0]

    def each(self, statement: str, values: Values = (), /) -> Iterator[Row]:
        """Give row by row."""
        try:
            for row in self.execute(statement, values):  # noqa: UP028 -- `yield from` would close the cursor after its connection
                yield row
        except pysqlite3.Error as error:
            _tell(error)

    def run(self, statement: str, values: Values = (), /) -> int:
        """Run a statement; return how many rows it has changed."""
        try:
            return self.execute(statement, values).rowcount  # type: ignore[no-any-return]
        except pysqlite3.Error as error:
            _tell(error)

    def run_many(self, statement: str, rows: Sequence[Values], /) -> None:
        """Run a statement once for each row of values."""
        try:
            self.executemany(statement, rows)
        except pysqlite3.Error as error:
            _tell(error)

    def all_of(self, statements: Sequence[Statement], /) -> list[list[Row]]:
        """Return every row of several statements, one after the other."""
        return [self.all(statement, values) for statement, values in statements]

    def run_all(self, statements: Sequence[Statement], /) -> None:
        """Run several statements, one after the other."""
        for statement, values in statements:
            self.run(statement, values)

    def damage(self) -> str | None:
        """Return what SQLite finds wrong with the file's pages."""
        found = self.value("PRAGMA quick_check(1)")
        return None if found == "ok" else str(found)

    @contextlib.contextmanager
    def snapshot(self) -> Iterator[None]:
        """Read as of one moment."""
        self.run("BEGIN")
        try:
            yield
        finally:
            self.run("ROLLBACK")


def driver_error(error: pysqlite3.Error) -> StoreError:
    """Return what the driver has raised, as the house knows it."""
    if isinstance(error, pysqlite3.IntegrityError):
        return RuleBrokenError(str(error))
    code = getattr(error, "sqlite_errorcode", None)
    if code in _FULL or "disk is full" in str(error):  # copying a whole file tells no code
        return DiskFullError("the disk is full")
    return StoreError(str(error), is_own=code is None or code & 0xFF in _OWN_FAULTS)


def _tell(error: pysqlite3.Error) -> NoReturn:
    raise driver_error(error) from error


def _identity(path: Path) -> tuple[int, int] | None:
    """Return which file stands at a place, whatever its name; None where there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


class UnsafeSqliteError(UnsafeStoreError):
    """The driver's SQLite can corrupt a WAL that two connections share."""


def check_sqlite_version(version: tuple[int, ...] = pysqlite3.sqlite_version_info) -> None:
    """Raise UnsafeSqliteError for 3.7.0 to 3.51.2, but for the mended 3.50.7 and 3.44.6."""
    mended = version >= (3, 51, 3) or (3, 50, 7) <= version < (3, 51) or (3, 44, 6) <= version < (3, 45)
    if not mended:
        raise UnsafeSqliteError(f"SQLite {'.'.join(map(str, version))} has the WAL-reset bug: install 3.51.3 or newer")


def open_connection(path: Path, *, read_only: bool) -> SqliteConnection:
    """Open the database of state and log: WAL, synchronous FULL, no waiting on SQLite's own busy polling.

    Raises StoreError.
    """
    mode = "ro" if read_only else "rw"
    try:
        connection: SqliteConnection = pysqlite3.connect(
            f"{path.absolute().as_uri()}?mode={mode}",
            uri=True,
            isolation_level=None,
            check_same_thread=False,
            timeout=10,
            factory=SqliteConnection,
        )
    except pysqlite3.Error as error:
        _tell(error)
    settings = () if read_only else ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON")
    connection.file = _identity(path)
    for setting in (*settings, "cache_size=-65536"):
        connection.run(f"PRAGMA {setting}")
    return connection


@dataclass(frozen=True, slots=True)
class SqliteStore:
    """State and log in a file, beside one that its writers lock. Keeps the contract of `audit.stores.contract.Store`.

    A holder that stands still keeps the head: it is a process of this machine, and whoever stopped it can end it.
    """

    database: Path
    lock: Path

    @property
    def name(self) -> str:
        """Tell which file."""
        return self.database.name

    @property
    def dialect(self) -> str:
        """Return how SQLAlchemy calls it."""
        return "sqlite"

    def session(self) -> Any:
        """Return a new connection of the driver's own."""
        try:
            return pysqlite3.connect(str(self.database), check_same_thread=False)
        except pysqlite3.Error as error:
            _tell(error)

    def check(self) -> None:
        """Raise UnsafeSqliteError for a driver that may damage the file, StoreError where the side file is missing."""
        check_sqlite_version()
        with self._locked():
            pass

    def lost_rules(self, connection: Connection) -> list[str]:
        """Return which triggers of the log's tables are not those that its schema makes."""
        found = {name: sql for name, sql in connection.all(_TRIGGERS) if name in _rules()}
        return sorted(name for name, sql in _rules().items() if found.get(name) != sql)

    def set_log_aside(self, connection: Connection, *, prefix: str) -> None:
        """Rename the log's tables, without their triggers, and make new ones."""
        for (name,) in connection.all("SELECT name FROM sqlite_master WHERE type = 'trigger'"):
            if name in _rules():
                connection.run(f"DROP TRIGGER {name}")
        for table in LOG_TABLES:
            connection.run(f"ALTER TABLE {table} RENAME TO {prefix}_{table}")
        for statement in _log_statements():
            connection.run(statement)
        connection.run("DELETE FROM recipient_counter")

    def open(self, *, read_only: bool) -> SqliteConnection:
        """Return a new connection."""
        return open_connection(self.database, read_only=read_only)

    @contextlib.contextmanager
    def writing(self, connection: Connection) -> Iterator[None]:
        """Take the side file's lock and begin. Raises StoreError where another file has taken the database's place."""
        with self._locked():
            if isinstance(connection, SqliteConnection) and connection.file != _identity(self.database):
                # What is still open has no name any more: whoever opens the new one would not see what is written here.
                raise StoreError(f"{self.database.name} is another file than the one that was opened")
            connection.run("BEGIN IMMEDIATE")
            with committing(connection):
                yield

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        # Without the flock SQLite's busy polling starves writers: 0.8 to 1.3 s at worst, against 34 ms.
        with contextlib.ExitStack() as held:
            try:
                handle = held.enter_context(self.lock.open("rb+"))
                fcntl.flock(handle, fcntl.LOCK_EX)
                is_same = os.path.samestat(os.fstat(handle.fileno()), self.lock.stat())
            except OSError as error:
                raise StoreError(f"the lock file {self.lock.name} can't be taken: restore it") from error
            if not is_same:  # who opens the file that has taken its place would not wait for this lock
                raise StoreError(f"the lock file {self.lock.name} was replaced while it was waited for")
            yield


def create(path: Path) -> None:
    """Make the log's own tables in a new file: for tests, and for a log without a gateway."""
    with contextlib.closing(pysqlite3.connect(str(path))) as connection:
        _make_tables(connection)


def _make_tables(connection: Any) -> None:
    for name in SCHEMA:
        connection.executescript(files("audit.stores").joinpath("schema", name).read_text(encoding="utf-8"))


@lru_cache(maxsize=1)
def _log_statements() -> list[str]:
    """Return the statements that make the log's own tables and their triggers."""
    with contextlib.closing(pysqlite3.connect(":memory:")) as connection:
        _make_tables(connection)
        marks = ", ".join("?" * len(LOG_TABLES))
        asked = f"SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND tbl_name IN ({marks}) ORDER BY type = 'trigger'"
        return [row[0] for row in connection.execute(asked, LOG_TABLES)]


@lru_cache(maxsize=1)
def _rules() -> dict[str, str]:
    """Return the triggers that the schema makes, by name."""
    with contextlib.closing(pysqlite3.connect(":memory:")) as connection:
        _make_tables(connection)
        return dict(connection.execute(_TRIGGERS).fetchall())
