"""What does the log hold of its tree? Hashes of full subtrees, each by its level and place; proofs are made of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import chain

from audit.stores.connection import Connection
from audit.tree.merkle import ProofError, consistency_from, inclusion_from


def loader(connection: Connection) -> Callable[[int, int], bytes]:
    """Return how a full subtree's hash is read; ProofError where it is missing."""

    def load(level: int, index: int) -> bytes:
        row = connection.one("SELECT hash FROM log_node WHERE level = ? AND idx = ?", (level, index))
        if row is None:
            raise ProofError(f"node {index} of level {level} is missing")
        found: bytes = row[0]
        return found

    return load


def nodes_at(connection: Connection, places: Sequence[tuple[int, int]]) -> list[tuple[int, bytes]]:
    """Return level and hash of the subtrees at these places (level, index), in their order. Raises ProofError."""
    if not places:
        return []
    marks = ", ".join(["(?, ?)"] * len(places))
    rows = connection.all(
        f"SELECT level, idx, hash FROM log_node WHERE (level, idx) IN (VALUES {marks})", list(chain.from_iterable(places))
    )
    found = {(level, index): hashed for level, index, hashed in rows}
    for level, index in places:
        if (level, index) not in found:
            raise ProofError(f"node {index} of level {level} is missing")
    return [(place[0], found[place]) for place in places]


def hashes(connection: Connection, *, level: int, begin: int, end: int) -> Iterator[bytes]:
    """Give the hashes of a level from one place up to another, in their order: for reading within a snapshot."""
    rows = connection.each(
        "SELECT hash FROM log_node WHERE level = ? AND idx >= ? AND idx < ? ORDER BY idx", (level, begin, end)
    )
    return (row[0] for row in rows)


def leaf(connection: Connection, index: int) -> bytes | None:
    """Return the hash of an entry's leaf, or None where there is none yet."""
    row = connection.one("SELECT hash FROM log_node WHERE level = 0 AND idx = ?", (index,))
    return bytes(row[0]) if row else None


def inclusion(connection: Connection, *, index: int, size: int) -> tuple[bytes, ...]:
    """Return the inclusion proof of an entry in a tree of this size."""
    return inclusion_from(index, size, loader(connection))


def consistency(connection: Connection, *, old: int, size: int) -> tuple[bytes, ...]:
    """Return the proof that a tree of one size is a beginning of a larger one."""
    return consistency_from(old, size, loader(connection))
