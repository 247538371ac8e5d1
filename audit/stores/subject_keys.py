"""Which key is whose? A person's reference, class and year, and the id of the key that they were given first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from audit.stores.connection import Connection

Whose = tuple[bytes, str, int]  # reference, retention class, year
_PORTION: Final = 300  # people of one statement


def held_key(connection: Connection, whose: Whose) -> bytes | None:
    """Return the id of the key that a person has for a class and year."""
    row = connection.one("SELECT key_id FROM subject_key WHERE reference = ? AND class = ? AND year = ?", whose)
    return bytes(row[0]) if row else None


def held_keys(connection: Connection, wanted: Iterable[Whose]) -> dict[Whose, bytes]:
    """Return the ids of the keys that people have already."""
    ordered, found = sorted(wanted), {}
    for begin in range(0, len(ordered), _PORTION):
        portion = ordered[begin : begin + _PORTION]
        marks = ", ".join(["(?, ?, ?)"] * len(portion))
        rows = connection.all(
            f"SELECT reference, class, year, key_id FROM subject_key WHERE (reference, class, year) IN (VALUES {marks})",
            [value for whose in portion for value in whose],
        )
        found.update({(bytes(ref), retention, year): bytes(key_id) for ref, retention, year, key_id in rows})
    return found


def claim_keys(connection: Connection, claims: Mapping[Whose, bytes]) -> None:
    """Write whose these keys are, in the append transaction; RuleBrokenError where somebody has one already."""
    connection.run_many(
        "INSERT INTO subject_key (reference, class, year, key_id) VALUES (?, ?, ?, ?)",
        [(*whose, key_id) for whose, key_id in claims.items()],
    )


def keys_of(connection: Connection, reference: bytes) -> Sequence[bytes]:
    """Return the ids of all keys of a reference, of whatever class and year."""
    rows = connection.all("SELECT key_id FROM subject_key WHERE reference = ?", (reference,))
    return [bytes(row[0]) for row in rows]
