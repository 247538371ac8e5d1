"""Which statements write entries, and the head that they stand under?"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from itertools import chain
from typing import Any, Final

from audit.stores.connection import Connection, Statement
from audit.stores.instants import to_micros

_SET_HEAD: Final = (
    "INSERT INTO log_head (one, size, root, at, state_index) VALUES (1, ?, ?, ?, ?) ON CONFLICT (one) "
    "DO UPDATE SET size = excluded.size, root = excluded.root, at = excluded.at, state_index = excluded.state_index"
)
_PORTIONS: Final = (1, 4, 16, 64)  # rows of one statement


@dataclass(frozen=True, slots=True)
class EntryRow:
    """An entry as it is kept, with its encrypted bundles by key id; and of one about several people its leaves."""

    index: int
    entry_id: str
    kind: str
    entry: bytes
    bundles: Sequence[tuple[bytes, bytes]]
    leaves: tuple[bytes, bytes] | None


def entry_statements(rows: Iterable[EntryRow]) -> list[Statement]:
    """Return the statements that write entries, with their bundles and the leaves of many people."""
    entered = list(rows)
    entries = [(one.index, one.entry_id, one.kind, one.entry) for one in entered]
    bundles = [(one.index, *bundle) for one in entered for bundle in one.bundles]
    leaves = [(one.index, *one.leaves) for one in entered if one.leaves is not None]
    return [
        *inserts("INSERT INTO log_entry (idx, entry_id, kind, entry) VALUES ", entries),
        *inserts("INSERT INTO log_bundle (idx, key_id, ciphertext) VALUES ", bundles),
        *inserts("INSERT INTO log_leaf (idx, hashes, begins) VALUES ", leaves),
    ]


def head_statements(
    nodes: Sequence[tuple[int, int, bytes]], grown: tuple[int, bytes], note: str, *, at: datetime, state_index: int
) -> list[Statement]:
    """Return the statements that write new entries' nodes, the signed note of the tree as it has grown, and the head."""
    return [
        *inserts("INSERT INTO log_node (level, idx, hash) VALUES ", nodes),
        ("INSERT INTO log_checkpoint (size, note) VALUES (?, ?)", (grown[0], note)),
        (
            _SET_HEAD,
            (*grown, to_micros(at), state_index),
        ),
    ]


def holds_entry(connection: Connection, entry_id: str) -> bool:
    """Tell whether there is an entry of this id."""
    return connection.one("SELECT 1 FROM log_entry WHERE entry_id = ?", (entry_id,)) is not None


def inserts(statement: str, rows: Sequence[Sequence[Any]]) -> list[Statement]:
    """Return as few statements as may be that insert rows; `statement` ends in VALUES.

    In portions of a few sizes, so that the driver keeps their statements prepared.
    """
    found: list[Statement] = []
    place = 0
    while place < len(rows):
        portion = _PORTIONS[bisect_right(_PORTIONS, len(rows) - place) - 1]
        found.append((statement + _marks(len(rows[0]), portion), list(chain.from_iterable(rows[place : place + portion]))))
        place += portion
    return found


@lru_cache(maxsize=64)
def _marks(columns: int, rows: int) -> str:
    return ", ".join(["(" + ", ".join("?" * columns) + ")"] * rows)
