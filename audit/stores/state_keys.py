"""When did what a decision may rest on change last? A row a state key, with the index of its newest entry."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Final

from typing_extensions import override

from audit.stores.connection import Connection, Row, Statement
from audit.stores.shelf import Key

STATE_KEYS: Final = "state_key"  # the shelf's name; a key names one state key
_MOVE: Final = "INSERT INTO state_key (key, idx) VALUES {} ON CONFLICT (key) DO UPDATE SET idx = excluded.idx"
_PORTION: Final = 400  # keys of one statement


def moved(keys: Sequence[str], index: int) -> list[Statement]:
    """Return the statements by which state keys have this index."""
    portions = [keys[begin : begin + _PORTION] for begin in range(0, len(keys), _PORTION)]
    return [
        (_MOVE.format(", ".join(["(?, ?)"] * len(some))), [value for key in some for value in (key, index)])
        for some in portions
    ]


def names_of_keys(connection: Connection) -> list[str]:
    """Return every state key that has an index."""
    return [row[0] for row in connection.all("SELECT key FROM state_key ORDER BY key")]


def indices_of_keys(connection: Connection) -> dict[str, int]:
    """Return each state key's index, as its row has it."""
    return {row[0]: row[1] for row in connection.all("SELECT key, idx FROM state_key")}


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


class ToldShelf(StateKeyShelf):
    """The indices that the log's entries tell, of whom `index_of` knows: no row can hide that a state key has moved."""

    def __init__(self, index_of: Callable[[str], int | None]) -> None:
        self._index_of = index_of

    @override
    def asked(self, _keys: Collection[Key]) -> Sequence[Statement]:
        """Return no statement."""
        return ()

    @override
    def found(self, keys: Collection[Key], _answers: Sequence[Sequence[Row]], _connection: Connection) -> dict[Key, Any]:
        """Return the indices that there are."""
        told = {key: self._index_of(key[1]) for key in keys}
        return {key: index for key, index in told.items() if index is not None}
