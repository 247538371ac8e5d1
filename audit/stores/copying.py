"""How is a SQLite file copied while others write to it? As of one moment, whole, into a file that is durable afterwards."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import pysqlite3

from audit.stores.sqlite import SqliteConnection, driver_error, open_connection


def copy_database(source: Path, *, target: Path) -> None:
    """Copy a database into an empty file that exists, page by page, so that every row keeps its place. Raises StoreError.

    All in one reading: who writes meanwhile is neither waited for nor seen, and waits for nobody.
    """
    with contextlib.closing(open_connection(source, read_only=True)) as one, contextlib.closing(_opened(target)) as other:
        try:
            one.backup(other)
            other.run("PRAGMA journal_mode=DELETE")  # no second file beside it; whoever opens it first sets it again
        except pysqlite3.Error as error:
            raise driver_error(error) from error
    handle = os.open(target, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _opened(target: Path) -> SqliteConnection:
    try:
        opened: SqliteConnection = pysqlite3.connect(
            f"{target.absolute().as_uri()}?mode=rw", uri=True, isolation_level=None, factory=SqliteConnection
        )
    except pysqlite3.Error as error:
        raise driver_error(error) from error
    return opened
