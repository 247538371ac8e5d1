"""Where do names lie that count but once? In a row a batch, numbered by who writes it under the head's lock."""

from __future__ import annotations

from audit.stores.connection import Connection


def used_since(connection: Connection, number: int) -> list[tuple[int, int, bytes]]:
    """Return number, end and digests of the rows with a later number, in their order."""
    rows = connection.all("SELECT number, until, names FROM used_once WHERE number > ? ORDER BY number", (number,))
    return [(number, until, bytes(names)) for number, until, names in rows]


def write_used(connection: Connection, number: int, until: int, names: bytes) -> None:
    """Write a row: the epoch second until which its names count at most, and their digests one after the other."""
    connection.run("INSERT INTO used_once (number, until, names) VALUES (?, ?, ?)", (number, until, names))
