"""When did what a decision may rest on change last? A row a state key, with the index of its newest entry."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Final

from audit.stores.connection import Connection, Row, Statement
from audit.stores.shelf import Key

STATE_KEYS: Final = "state_key"  # the shelf's name; a key names one state key
_PORTION: Final = 400  # keys of one statement


def moved(keys: Iterable[str], index: int) -> Statement:
    """Return the statement by which state keys have this index."""
    rows = [(key, index) for key in keys]
    marks = ", ".join(["(?, ?)"] * len(rows))
    statement = f"INSERT INTO state_key (key, idx) VALUES {marks} ON CONFLICT (key) DO UPDATE SET idx = excluded.idx"
    return statement, [value for row in rows for value in row]


class StateKeyShelf:
    """Which state keys have an index, and which. Changes move them, never items that judge."""

    def asked(self, keys: Collection[Key]) -> Sequence[Statement]:
        """Return the statements that read these rows."""
        names = sorted(key[1] for key in keys)
        portions = [names[begin : begin + _PORTION] for begin in range(0, len(names), _PORTION)]
        return [(f"SELECT key, idx FROM state_key WHERE key IN ({','.join('?' * len(some))})", some) for some in portions]

    def found(self, _keys: Collection[Key], answers: Sequence[Sequence[Row]], _connection: Connection) -> dict[Key, Any]:
        """Return the indices that there are."""
        return {(STATE_KEYS, key): index for rows in answers for key, index in rows}

    def written(self, _rows: Mapping[Key, Any]) -> Sequence[Statement]:
        """Raise TypeError: an item that judges moves no state."""
        raise TypeError("only a change moves state keys")
