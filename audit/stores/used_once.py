"""Where do names lie that count but once? In a row a batch, numbered by who writes it under the head's lock."""

from __future__ import annotations

from audit.stores.connection import Statement


def used_since(number: int) -> Statement:
    """Return the statement that reads number, end and digests of the rows with a later number, in their order."""
    return "SELECT number, until, names FROM used_once WHERE number > ? ORDER BY number", (number,)


def writing_used(*, number: int, until: int, names: bytes) -> Statement:
    """Return the statement that writes a row: the epoch second until which its names count at most, and their digests."""
    return "INSERT INTO used_once (number, until, names) VALUES (?, ?, ?)", (number, until, names)
