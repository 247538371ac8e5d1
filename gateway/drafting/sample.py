"""What is a draft made from: the names of columns, and a few of their values, which go no further than the guesses."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

MOST_COLUMNS: Final = 390  # a dataset takes 400 fields, and a draft adds ages and a group's own
MOST_ROWS: Final = 10_000
LONGEST_VALUE: Final = 200
LONGEST_LIST: Final = 20  # of names in a message


class DraftError(Exception):
    """Nothing can be drafted from this; the message says why and what to give instead, and holds no value."""


@dataclass(frozen=True, slots=True)
class SampledColumn:
    """A column with the values that were sampled, trimmed, blanks left out."""

    name: str
    values: tuple[str, ...]
    blanks: int


@dataclass(frozen=True, slots=True)
class Table:
    """A table, view or file of rows."""

    name: str
    columns: tuple[SampledColumn, ...]


def table_of(name: str, names: list[str], rows: list[list[str | None]]) -> Table:
    """Return a table of sampled rows. Raises DraftError where there are more columns than a dataset can hold."""
    if len(names) > MOST_COLUMNS:
        text = f"{shown(name)} has {len(names)} columns, and a dataset holds {MOST_COLUMNS} of them at most"
        raise DraftError(f"{text}: make a view, or a file, of the columns that partners could need")
    columns = []
    for place, own in enumerate(names):
        cells = [(row[place] or "").strip()[:LONGEST_VALUE] if place < len(row) else "" for row in rows]
        held = tuple(one for one in cells if one)
        columns.append(SampledColumn(own, held, len(cells) - len(held)))
    return Table(name, tuple(columns))


def plain_name(name: str) -> str:
    """Return a table's name without what a file's adds: its ending, and the day of an export."""
    return re.sub(r"[-_]?\d{4}-\d\d-\d\d$", "", name.removesuffix(".csv")) or name


def shown(name: str) -> str:
    """Return a name from a source so that it can stand in a message or a comment: printable, on one line, bounded."""
    plain = "".join(one if one.isprintable() and one not in "\u2028\u2029" else "?" for one in name[:60])
    return plain + ("..." if len(name) > len(plain) else "")


def listing(names: list[str]) -> str:
    """Return names for a message, the first few where there are many."""
    some = ", ".join(shown(one) for one in names[:LONGEST_LIST])
    return some + (f" and {len(names) - LONGEST_LIST} more" if len(names) > LONGEST_LIST else "")
