"""How is a council's database asked: read-only, in its own time, and with every value bound?"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import pysqlite3
import sqlalchemy as sa
from sqlalchemy.engine import URL, Connection, Engine

from gateway.sources.statements import Statement

STEPS: Final = 2_000  # of SQLite's machine between two looks at the clock: well under a millisecond
BPCHAR: Final = 1042  # PostgreSQL, pg_type: character(n)
CANCELLED: Final = "57014"  # PostgreSQL, appendix A: query_canceled
DRIVER_ERRORS: Final = (sa.exc.SQLAlchemyError, pysqlite3.Error, OSError)


def place_url(url: str, directory: Path) -> URL:
    """Return a mapping's URL with `{dir}` filled in; the directory's own name may hold any character.

    Raises sqlalchemy's ArgumentError for what is no URL.
    """
    parsed = sa.make_url(url)
    return parsed.set(database=parsed.database.replace("{dir}", str(directory))) if parsed.database else parsed


def make_engine(url: URL, *, connections: int, timeout: float) -> Engine:
    """Return a pooled engine whose connections can't write.

    SQLite and PostgreSQL refuse writes themselves. With another database the mapping's user must be one that may
    only read: we never commit, and that is all.
    """
    if url.get_backend_name() == "sqlite":
        return _sqlite_engine(url.database or "", connections, timeout)
    is_postgresql = url.get_backend_name() == "postgresql"
    arguments = {"options": f"-c statement_timeout={int(timeout * 1000)}"} if is_postgresql else {}
    engine = sa.create_engine(
        url, pool_size=connections, max_overflow=0, pool_timeout=timeout, pool_pre_ping=True, connect_args=arguments
    )
    return engine.execution_options(postgresql_readonly=True) if is_postgresql else engine


def _sqlite_engine(path: str, connections: int, timeout: float) -> Engine:
    engine = sa.create_engine(
        "sqlite://",
        module=pysqlite3,
        creator=lambda: open_sqlite(path, timeout),
        poolclass=sa.pool.QueuePool,
        pool_size=connections,
        max_overflow=0,
        pool_timeout=timeout,
    )
    # An extract is often replaced as a whole, at night: a kept connection would go on reading the old file.
    sa.event.listen(engine, "connect", lambda _opened, record: record.info.update(file=file_of(path)))
    sa.event.listen(engine, "checkout", lambda _opened, record, _fairy: _check_file(record.info.get("file"), path))
    return engine


def open_sqlite(path: str, timeout: float) -> Any:
    """Return a connection that can't write; `timeout` is how long it waits for a lock."""
    # Quoted, for a `?` or `#` in a directory's name would end the path. Read-only twice: the file, and the session.
    address = f"file:{quote(path)}?mode=ro"
    connection = pysqlite3.connect(address, uri=True, timeout=timeout, check_same_thread=False)
    connection.execute("PRAGMA query_only=ON")
    return connection


def file_of(path: str) -> tuple[int, int] | None:
    """Name the file that stands at a path now; None where there is none."""
    try:
        found = os.stat(path)  # noqa: PTH116 -- once for every call: half the time of Path's own
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _check_file(opened: tuple[int, int] | None, path: str) -> None:
    if opened != file_of(path):
        raise sa.exc.DisconnectionError("the file was replaced")  # the pool then opens the new one


@contextmanager
def connected(engine: Engine, *, until: float) -> Iterator[Connection]:
    """Lend a connection whose statements end by `until` (time.monotonic).

    A thread that waits for SQLite can't be stopped from outside, so SQLite itself looks at the clock. After any
    failure the connection is thrown away: the next call gets a fresh one.
    """
    with engine.connect() as connection:
        opened = connection.connection.driver_connection
        is_sqlite = connection.dialect.name == "sqlite"
        if is_sqlite and opened is not None:
            opened.set_progress_handler(_is_late(until), STEPS)
        try:
            yield connection
        except DRIVER_ERRORS:
            connection.invalidate()
            raise
        if is_sqlite and opened is not None:
            opened.set_progress_handler(None, 0)


def _is_late(until: float) -> Callable[[], bool]:
    return lambda: time.monotonic() > until


def is_slowness(error: Exception) -> bool:
    """Tell whether a driver's error means that time ran out."""
    if isinstance(error, sa.exc.TimeoutError):
        return True
    cause = getattr(error, "orig", None) or error
    return getattr(cause, "sqlite_errorname", None) in {"SQLITE_INTERRUPT", "SQLITE_BUSY"} or (
        getattr(cause, "sqlstate", None) == CANCELLED
    )


def read(connection: Any, statement: Statement, value: object, name: str) -> Sequence[Any]:
    """Run a statement with its one value bound by name; the mapping's parser lets no other parameter in."""
    return read_bound(connection, statement, {name: value})


def read_bound(connection: Any, statement: Statement, values: dict[str, object]) -> Sequence[Any]:
    """Run a statement with its values bound by name. `connection` is SQLAlchemy's, or SQLite's own."""
    found: Sequence[Any]
    if isinstance(connection, pysqlite3.Connection):
        found = connection.execute(statement.sqlite, values).fetchall()
    elif connection.dialect.name == "sqlite":
        found = connection.exec_driver_sql(statement.sqlite, values).fetchall()
    else:
        found = _unpadded(connection.execute(statement.clause, values))
    return found


def _unpadded(result: Any) -> Sequence[Any]:
    """Return the rows of a result; what pads a column of fixed length is none of its value.

    The name of a record that is read with its padding would find no row of a group whose column is of another length.
    """
    fixed = {place for place, column in enumerate(result.cursor.description) if _is_fixed(column[1])}
    rows: Sequence[Any] = result.fetchall()
    if not fixed:
        return rows
    return [
        [one.rstrip(" ") if place in fixed and isinstance(one, str) else one for place, one in enumerate(row)]
        for row in rows
    ]


def _is_fixed(kind: object) -> bool:
    """Tell whether a driver's word for a column's type is PostgreSQL's bpchar, or Oracle's CHAR or NCHAR."""
    return kind == BPCHAR or getattr(kind, "name", None) in {"DB_TYPE_CHAR", "DB_TYPE_NCHAR"}


def read_one_instant(connection: Any) -> None:
    """Let an SQLite file's next statements read one instant of it, until the connection is given back."""
    is_own = isinstance(connection, pysqlite3.Connection)
    if is_own or connection.dialect.name == "sqlite":
        opened = connection if is_own else connection.connection.driver_connection
        if not opened.in_transaction:
            opened.execute("BEGIN")
