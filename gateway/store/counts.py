"""How are counts of limits read and written? A row for a name in a window, on the table that all workers share."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, Final

from audit.stores.connection import Connection, Row, Statement
from audit.stores.shelf import Key, read_rows

COUNTS: Final = "usage"  # the shelf's name; a key names what is counted, and in which window
CountKey = tuple[str, str, str]
ReadCounts = Callable[[Connection, Collection[CountKey]], Mapping[CountKey, int | None]]
_PORTION: Final = 300  # rows of one statement


class CountShelf:
    """Counts of limits. Nothing counted is no row."""

    def asked(self, keys: Collection[Key]) -> Sequence[Statement]:
        """Return the statements that read these rows."""
        return [
            (
                'SELECT name, "window", count FROM usage WHERE (name, "window") IN (VALUES ' + _marks(some, "(?, ?)") + ")",
                [value for key in some for value in key[1:]],
            )
            for some in _portions(sorted(keys))
        ]

    def found(self, _keys: Collection[Key], answers: Sequence[Sequence[Row]], _connection: Connection) -> dict[Key, Any]:
        """Return the counts that there are."""
        return {(COUNTS, name, window): count for rows in answers for name, window, count in rows}

    def written(self, rows: Mapping[Key, Any]) -> Sequence[Statement]:
        """Return the statements by which the counts stand so."""
        return [
            (
                'INSERT INTO usage (name, "window", count) VALUES '
                + _marks(some, "(?, ?, ?)")
                + ' ON CONFLICT (name, "window") DO UPDATE SET count = excluded.count',
                [value for (_, name, window), count in some for value in (name, window, count)],
            )
            for some in _portions(sorted(rows.items()))
        ]


def read_counts(connection: Connection, keys: Iterable[CountKey]) -> Mapping[CountKey, int | None]:
    """Return counts as one connection sees them."""
    return read_rows(connection, {COUNTS: CountShelf()}, keys)


def _portions(rows: Sequence[Any]) -> list[Sequence[Any]]:
    return [rows[begin : begin + _PORTION] for begin in range(0, len(rows), _PORTION)]


def _marks(rows: Sequence[Any], mark: str) -> str:
    return ", ".join([mark] * len(rows))
