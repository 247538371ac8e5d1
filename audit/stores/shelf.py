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


def read_rows(connection: Connection, shelves: Shelves, keys: Iterable[Key]) -> dict[Key, Any]:
    """Return what stands by each key, None where nothing does. Raises StoreError, and what a shelf raises."""
    wanted = _by_shelf(keys)
    asked = {name: shelves[name].asked(its) for name, its in wanted.items()}
    answers = iter(connection.all_of([one for statements in asked.values() for one in statements]))
    found: dict[Key, Any] = {}
    for name, its in wanted.items():
        found |= dict.fromkeys(its)
        found |= shelves[name].found(its, [next(answers) for _ in asked[name]], connection)
    return found


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
