"""What does the log hold? Its head, its entries, and what is kept beside each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from audit.stores.connection import Connection, Row, Statement
from audit.tree.merkle import HASH_SIZE

Head = tuple[int, bytes, int, int]  # size, root, microseconds of the last entry, state index


# A store whose writers lock this row has one from the start, of no entries.
HEAD: Final[Statement] = ("SELECT size, root, at, state_index FROM log_head WHERE size > 0", ())


def head(connection: Connection) -> Head | None:
    """Return (size, root, microseconds of the last entry, state index), or None for an empty log."""
    return head_of(connection.all(*HEAD))


def head_of(rows: Sequence[Row]) -> Head | None:
    """Return the head of the rows that `HEAD` gave."""
    return (rows[0][0], rows[0][1], rows[0][2], rows[0][3]) if rows else None


def size_of(connection: Connection) -> int:
    """Return how many entries the log holds."""
    found = head(connection)
    return found[0] if found else 0


def entry_at(connection: Connection, index: int) -> bytes:
    """Return the exact bytes of an entry that is there; StoreError where it is not."""
    return bytes(connection.value("SELECT entry FROM log_entry WHERE idx = ?", (index,)))


def entries_between(connection: Connection, *, begin: int, end: int) -> Iterator[bytes]:
    """Give the exact bytes of entries from one place up to another, in their order: for reading within a snapshot."""
    rows = connection.each("SELECT entry FROM log_entry WHERE idx >= ? AND idx < ? ORDER BY idx", (begin, end))
    return (row[0] for row in rows)


def numbered_between(connection: Connection, *, begin: int, end: int) -> Iterator[tuple[int, bytes]]:
    """Give place and exact bytes of entries from one place up to another, in their order: for reading within a snapshot."""
    rows = connection.each("SELECT idx, entry FROM log_entry WHERE idx >= ? AND idx < ? ORDER BY idx", (begin, end))
    return ((row[0], bytes(row[1])) for row in rows)


def find_entry(connection: Connection, entry_id: str) -> tuple[int, bytes] | None:
    """Return (index, exact bytes) of an entry."""
    row = connection.one("SELECT idx, entry FROM log_entry WHERE entry_id = ?", (entry_id,))
    return (row[0], bytes(row[1])) if row else None


def entries_of_kind(connection: Connection, kind: str) -> list[tuple[int, bytes]]:
    """Return (index, exact bytes) of every entry of a kind, in their order. Reads the whole log."""
    rows = connection.all("SELECT idx, entry FROM log_entry WHERE kind = ? ORDER BY idx", (kind,))
    return [(row[0], bytes(row[1])) for row in rows]


def newest_checkpoint(connection: Connection) -> tuple[int, str] | None:
    """Return (size, note) of the newest checkpoint."""
    row = connection.one("SELECT size, note FROM log_checkpoint ORDER BY size DESC LIMIT 1")
    return (row[0], row[1]) if row else None


def note_of(connection: Connection) -> str | None:
    """Return the note of the newest checkpoint."""
    found = newest_checkpoint(connection)
    return found[1] if found is not None else None


def bundles(connection: Connection, index: int) -> list[tuple[bytes, bytes]]:
    """Return (key id, ciphertext) of what is kept beside an entry."""
    rows = connection.all("SELECT key_id, ciphertext FROM log_bundle WHERE idx = ? ORDER BY key_id", (index,))
    return [(bytes(key_id), bytes(ciphertext)) for key_id, ciphertext in rows]


def bundles_between(connection: Connection, *, begin: int, end: int) -> dict[int, tuple[str, dict[bytes, bytes]]]:
    """Return, by the places of entries from one up to another, their ids and what is kept beside each, by key id."""
    ids = connection.all("SELECT idx, entry_id FROM log_entry WHERE idx >= ? AND idx < ?", (begin, end))
    found: dict[int, tuple[str, dict[bytes, bytes]]] = {index: (entry_id, {}) for index, entry_id in ids}
    statement = "SELECT idx, key_id, ciphertext FROM log_bundle WHERE idx >= ? AND idx < ?"
    for index, key_id, ciphertext in connection.all(statement, (begin, end)):
        found.setdefault(index, ("", {}))[1][bytes(key_id)] = bytes(ciphertext)
    return found


def leaves_of(connection: Connection, index: int) -> tuple[list[bytes], list[int]]:
    """Return the hashes of the leaves of an entry about several people, and the places where answers begin."""
    row = connection.one("SELECT hashes, begins FROM log_leaf WHERE idx = ?", (index,))
    hashes, begins = (bytes(row[0]), bytes(row[1])) if row else (b"", b"")
    found = [hashes[place : place + HASH_SIZE] for place in range(0, len(hashes), HASH_SIZE)]
    return found, [place for place, is_first in enumerate(begins) if is_first]


def keys_between(connection: Connection, *, begin: int, end: int) -> list[tuple[bytes, int]]:
    """Return (key id, index) of what is kept beside the entries from one place up to another."""
    rows = connection.all("SELECT key_id, idx FROM log_bundle WHERE idx >= ? AND idx < ?", (begin, end))
    return [(bytes(key_id), index) for key_id, index in rows]
