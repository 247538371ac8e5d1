"""Which key is whose? A person's reference, class and year, and the id of the key that they were given first."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final

from audit.stores.connection import Connection, Statement

Whose = tuple[bytes, str, int]  # reference, retention class, year
_SELECT: Final = "SELECT reference, class, year, key_id FROM subject_key"
_PORTION: Final = 200  # people of one statement


def held_key(connection: Connection, whose: Whose) -> bytes | None:
    """Return the id of the key that a person has for a class and year."""
    row = connection.one("SELECT key_id FROM subject_key WHERE reference = ? AND class = ? AND year = ?", whose)
    return bytes(row[0]) if row else None


def holding(wanted: Iterable[Whose]) -> list[Statement]:
    """Return the statements that tell reference, class, year and key id of those who have a key."""
    ordered = sorted(wanted)
    portions = [ordered[begin : begin + _PORTION] for begin in range(0, len(ordered), _PORTION)]
    return [
        (
            f"{_SELECT} WHERE (reference, class, year) IN (VALUES {', '.join(['(?, ?, ?)'] * len(some))})",
            [value for whose in some for value in whose],
        )
        for some in portions
    ]


def claiming(claims: Mapping[Whose, bytes]) -> list[Statement]:
    """Return the statements that write whose these keys are; against a rule where somebody has one already."""
    rows = [(*whose, key_id) for whose, key_id in claims.items()]
    portions = [rows[begin : begin + _PORTION] for begin in range(0, len(rows), _PORTION)]
    return [
        (
            f"INSERT INTO subject_key (reference, class, year, key_id) VALUES {', '.join(['(?, ?, ?, ?)'] * len(some))}",
            [value for row in some for value in row],
        )
        for some in portions
    ]


def keys_of(connection: Connection, reference: bytes) -> Sequence[bytes]:
    """Return the ids of all keys of a reference, of whatever class and year."""
    rows = connection.all("SELECT key_id FROM subject_key WHERE reference = ?", (reference,))
    return [bytes(row[0]) for row in rows]


def all_keys(connection: Connection) -> set[bytes]:
    """Return the ids of everybody's keys."""
    return {bytes(row[0]) for row in connection.all("SELECT key_id FROM subject_key")}


def held_by_anybody(connection: Connection, key_ids: Collection[bytes]) -> set[bytes]:
    """Return which of these keys are somebody's. Reads every row, for keys are found by whose they are."""
    wanted = list(key_ids)
    portions = [wanted[begin : begin + _PORTION] for begin in range(0, len(wanted), _PORTION)]
    return {
        bytes(row[0])
        for some in portions
        for row in connection.all(f"SELECT key_id FROM subject_key WHERE key_id IN ({', '.join('?' * len(some))})", some)
    }
