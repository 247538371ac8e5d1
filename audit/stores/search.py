"""In which entries does somebody stand? An index derived from the log, in a file of its own, that can be made anew.

It holds which key opens something of which entry, and nothing else: no name, no time. Whose keys those are, the log's
own table of keys tells, and after an erasure it does not. It follows the log when it is asked, so it is complete up to
the head.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pysqlite3

from audit.format.commitment import CONTROLLER_ID
from audit.stores.connection import Connection
from audit.stores.entries import keys_between, size_of
from audit.stores.nodes import leaf
from audit.stores.sqlite import SqliteConnection
from audit.stores.subject_keys import keys_of

PORTION: Final = 5_000  # entries read at once
_TABLES: Final = """
CREATE TABLE IF NOT EXISTS entry_of_key (
  key_id BLOB NOT NULL,
  idx INTEGER NOT NULL,
  PRIMARY KEY (key_id, idx)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS followed (one INTEGER PRIMARY KEY CHECK (one = 1), size INTEGER NOT NULL, leaf BLOB NOT NULL);
"""


@dataclass(frozen=True, slots=True)
class Found:
    """Places of entries, oldest first, out of the first `complete_to` of the log."""

    indices: tuple[int, ...]
    complete_to: int


def find_entries(log: Connection, file: Path, reference: bytes) -> Found:
    """Return every entry that something is sealed in under a key of this reference (a person's or a caseworker's).

    `log` reads the log's database; `file` keeps the index, and is made where it is missing. Raises OSError and StoreError
    where it can't be written.
    """
    keys = keys_of(log, reference)
    with _opened(file) as index:
        size = _follow(log, index)
        found: set[int] = set()
        for key in keys:
            found.update(row[0] for row in index.all("SELECT idx FROM entry_of_key WHERE key_id = ?", (key,)))
    return Found(tuple(sorted(one for one in found if one < size)), size)


@contextlib.contextmanager
def _opened(file: Path) -> Iterator[SqliteConnection]:
    file.touch(mode=0o600)
    connection = pysqlite3.connect(str(file), isolation_level=None, timeout=60, factory=SqliteConnection)
    try:
        connection.run("PRAGMA journal_mode=WAL")
        connection.run("PRAGMA synchronous=NORMAL")  # what a power cut takes is derived again
        connection.executescript(_TABLES)
        yield connection
    finally:
        connection.close()


def _follow(log: Connection, index: SqliteConnection) -> int:
    """Index what was appended since; return the size of the log up to which the index is complete."""
    size = size_of(log)
    index.run("BEGIN IMMEDIATE")  # one at a time: another search may be following, too
    try:
        begin = _followed(log, index)
        for place in range(begin, size, PORTION):
            _index(log, index, place, min(place + PORTION, size))
        if size > begin:
            index.run(
                "INSERT INTO followed VALUES (1, ?, ?) "
                "ON CONFLICT (one) DO UPDATE SET size = excluded.size, leaf = excluded.leaf",
                (size, leaf(log, size - 1)),
            )
        index.run("COMMIT")
    except BaseException:
        index.run("ROLLBACK")
        raise
    return size


def _followed(log: Connection, index: SqliteConnection) -> int:
    """Return how much is indexed; nothing, where it was another log, or one that an older copy has taken the place of."""
    row = index.one("SELECT size, leaf FROM followed")
    if row is None:
        return 0
    if leaf(log, row[0] - 1) == row[1]:
        return int(row[0])
    index.run("DELETE FROM entry_of_key")
    index.run("DELETE FROM followed")
    return 0


def _index(log: Connection, index: SqliteConnection, begin: int, end: int) -> None:
    rows = [row for row in keys_between(log, begin=begin, end=end) if row[0] != CONTROLLER_ID]
    index.run_many("INSERT INTO entry_of_key VALUES (?, ?) ON CONFLICT DO NOTHING", rows)
