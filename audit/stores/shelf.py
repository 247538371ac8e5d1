"""How does a batch read the rows that its items judge over, and write what they come to? A shelf for each kind of row.

Every kind in as few statements as may be, and those of all kinds together: a batch costs one reading and one writing,
however many items it has.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Protocol

from audit.stores.connection import Connection, Row, Statement

Key = tuple[Any, ...]  # the name of a shelf, and what names a row on it


class Shelf(Protocol):
    """One kind of rows. Every method is called inside the append transaction, and by the writer's thread alone."""

    def asked(self, keys: Collection[Key], /) -> Sequence[Statement]:
        """Return the statements that read these rows."""
        ...

    def found(self, keys: Collection[Key], answers: Sequence[Sequence[Row]], connection: Connection, /) -> dict[Key, Any]:
        """Return the rows that there are, of what the statements gave; what no statement reads is read here."""
        ...

    def written(self, rows: Mapping[Key, Any], /) -> Sequence[Statement]:
        """Return the statements by which these rows stand as they are given."""
        ...


Shelves = Mapping[str, Shelf]


class Reading:
    """Rows that are read together, and with whatever else is asked at the same time."""

    def __init__(self, shelves: Shelves, keys: Iterable[Key]) -> None:
        self._shelves, self._wanted = shelves, _by_shelf(keys)
        self._asked = {name: shelves[name].asked(its) for name, its in self._wanted.items()}

    @property
    def statements(self) -> list[Statement]:
        """Return what is to be asked."""
        return [one for statements in self._asked.values() for one in statements]

    def found(self, answers: Sequence[Sequence[Row]], connection: Connection) -> dict[Key, Any]:
        """Return what stands by each key, None where nothing does, of the answers in order. Raises what a shelf raises."""
        given = iter(answers)
        found: dict[Key, Any] = {}
        for name, its in self._wanted.items():
            found |= dict.fromkeys(its)
            found |= self._shelves[name].found(its, [next(given) for _ in self._asked[name]], connection)
        return found


def read_rows(connection: Connection, shelves: Shelves, keys: Iterable[Key]) -> dict[Key, Any]:
    """Return what stands by each key, None where nothing does. Raises StoreError, and what a shelf raises."""
    reading = Reading(shelves, keys)
    return reading.found(connection.all_of(reading.statements), connection)


def statements_for(shelves: Shelves, rows: Mapping[Key, Any]) -> list[Statement]:
    """Return the statements that write rows."""
    return [
        statement
        for name, keys in _by_shelf(rows).items()
        for statement in shelves[name].written({key: rows[key] for key in keys})
    ]


def _by_shelf(keys: Iterable[Key]) -> dict[str, list[Key]]:
    found: dict[str, list[Key]] = defaultdict(list)
    for key in keys:
        found[key[0]].append(key)
    return found
