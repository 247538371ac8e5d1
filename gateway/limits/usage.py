"""How are counts of limits read and added to? By statements of one transaction, on the table that all workers share."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Final

from audit.stores.connection import Connection

_PORTION: Final = 400  # rows of one statement

Counts = dict[tuple[str, str], int]  # of a name, in a window


def read_counts(connection: Connection, names: Collection[str], windows: tuple[str, ...]) -> Counts:
    """Return the counts of these names in these windows, but for those that are nothing yet."""
    found: Counts = {}
    ordered = sorted(names)
    for begin in range(0, len(ordered), _PORTION):
        portion = ordered[begin : begin + _PORTION]
        rows = connection.all(
            f'SELECT name, "window", count FROM usage WHERE name IN ({",".join("?" * len(portion))}) '
            f'AND "window" IN ({",".join("?" * len(windows))})',
            (*portion, *windows),
        )
        found.update({(name, window): count for name, window, count in rows})
    return found


def write_counts(connection: Connection, added: Mapping[tuple[str, str], int]) -> None:
    """Add to counts."""
    rows = list(added.items())
    for begin in range(0, len(rows), _PORTION):
        portion = rows[begin : begin + _PORTION]
        connection.run(
            'INSERT INTO usage (name, "window", count) VALUES ' + ",".join(["(?,?,?)"] * len(portion)) + " "
            'ON CONFLICT (name, "window") DO UPDATE SET count = count + excluded.count',
            [value for (name, window), count in portion for value in (name, window, count)],
        )


def add_one(connection: Connection, name: str, window: str) -> int:
    """Add one to a count; return what it is then."""
    count = connection.value(
        'INSERT INTO usage (name, "window", count) VALUES (?, ?, 1) '
        'ON CONFLICT (name, "window") DO UPDATE SET count = count + 1 RETURNING count',
        (name, window),
    )
    return int(count)


@dataclass(frozen=True, slots=True)
class Usage:
    """How counts are read and added to, inside a transaction: in the table that all workers share."""

    read: Callable[[Connection, Collection[str], tuple[str, ...]], Counts] = read_counts
    write: Callable[[Connection, Mapping[tuple[str, str], int]], None] = write_counts
    add_one: Callable[[Connection, str, str], int] = add_one


USAGE: Final = Usage()
