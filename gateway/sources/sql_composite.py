"""How is a database searched for a composite key: for everybody who fits the details that it is asked by?

Each detail is asked for in every spelling in which it may be held, at every place where it may lie.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

import sqlalchemy as sa

from gateway.sources.composite import AskedBy
from gateway.sources.database import read_bound
from gateway.sources.finding import MOST_ROWS_OF_ALL, Finding, Sort, Sought
from gateway.sources.gathering import batches
from gateway.sources.statements import Statement, all_of, any_of, each_of, is_one_of, is_value, padded, select
from schemas.forms import FieldType

MOST_AT_ONCE: Final = 8  # people in one statement
# One value of each type that can be asked for, to try a place with.
_ANYBODY: Final[Mapping[FieldType, str]] = {
    FieldType.DATE: "1985-02-14",
    FieldType.POSTCODE: "LS1 4AB",
    FieldType.NHS_NUMBER: "9434765919",
    FieldType.NINO: "AB123456C",
    FieldType.UPRN: "900000000042",
    FieldType.UPN: "B801200005001",
}
Spellings = tuple[tuple[str, ...], ...]  # of each detail that the database is asked by, every text it may hold


class CompositeSearch:
    """The searches of one source by composite keys. Holds statements only; safe for several threads."""

    def __init__(self, from_: str, finding: Finding) -> None:
        self._from = from_
        self._finding = finding
        self._statement = lru_cache(maxsize=256)(self._make)

    def rows(self, connection: Any, sort: Sort, sought: Sequence[Sought]) -> dict[str, Sequence[Any]]:
        """Return, by what they are asked by, the rows of all who are sought: each as if alone."""
        distinct = {one.value: one for one in sought}
        rows: dict[str, Sequence[Any]] = {value: [] for value in distinct}
        spelt = [(value, self._spellings(sort[0], one.asked)) for value, one in distinct.items()]
        # What can't be held in any spelling, such as a birth date to come, is nobody's.
        for batch in batches([(value, texts) for value, texts in spelt if all(texts)], MOST_AT_ONCE):
            rows |= self._together(connection, sort, batch)
        return rows

    def _spellings(self, key: str, asked: tuple[str, ...]) -> Spellings:
        return tuple(one.spellings(text) for one, text in zip(self._finding.asked_by[key], asked, strict=True))

    def _together(self, connection: Any, sort: Sort, people: Sequence[tuple[str, Spellings]]) -> dict[str, Sequence[Any]]:
        spelt = padded([texts for _, texts in people])
        sizes = tuple(len(padded(max(texts, key=len))) for texts in zip(*spelt, strict=True))
        bound: dict[str, object] = {
            _name(number, place, at): text
            for number, details in enumerate(spelt)
            for place, (texts, size) in enumerate(zip(details, sizes, strict=True))
            for at, text in enumerate([*texts, *[texts[-1]] * (size - len(texts))])
        }
        rows: dict[str, list[Any]] = {value: [] for value, _ in people}
        for number, *row in read_bound(connection, self._statement(sort, sizes, len(spelt)), bound):
            if number < len(people):  # who was repeated to fill the statement is not read twice
                rows[people[number][0]].append(row)
        return dict(rows)

    def _make(self, sort: Sort, sizes: tuple[int, ...], people: int) -> Statement:
        """Put one bounded SELECT for each person into one statement: each finds what it would find alone."""
        places = self._finding.selected(sort)
        selects = [
            select([str(number), *places], self._from, self._fits(sort[0], sizes, number), MOST_ROWS_OF_ALL + 1)
            for number in range(people)
        ]
        return Statement(selects[0] if people == 1 else each_of(selects))

    def _fits(self, key: str, sizes: tuple[int, ...], number: int) -> sa.ColumnElement[bool]:
        return all_of(
            _held(one, number, place, size)
            for place, (one, size) in enumerate(zip(self._finding.asked_by[key], sizes, strict=True))
        )


def _held(one: AskedBy, number: int, place: int, size: int) -> sa.ColumnElement[bool]:
    names = [_name(number, place, at) for at in range(size)]
    return any_of(is_one_of(where, names) for where in one.places)


def _name(number: int, place: int, at: int) -> str:
    """Name the parameter of one spelling, of one detail, of one person."""
    return f"v{number}_{place}_{at}"


# -- for whoever tries a mapping


def asks_for(one: AskedBy, *, place: str, from_: str) -> tuple[Statement, dict[str, object]]:
    """Return a statement that asks for one detail, of nobody in particular, at one of its places; and its values."""
    values: dict[str, object] = {f"v{at}": text for at, text in enumerate(one.spellings(_ANYBODY[one.field.type]))}
    return Statement(select(["1"], from_, is_one_of(place, values), 1)), values


def finds_itself(connection: Any, one: AskedBy, raw: object, *, place: str, from_: str, row: tuple[str, object]) -> bool:
    """Tell whether a row is found by the detail that it holds at a place; True where it holds none to be found by.

    `row` are the place of its name, and the name.
    """
    typed = one.typed(raw)
    if typed is None:
        return True
    values: dict[str, object] = {f"v{at}": text for at, text in enumerate(padded(one.spellings(typed)))}
    if not values:
        return False
    where = all_of([is_one_of(place, values), is_value(row[0], "row", is_text=isinstance(row[1], str))])
    return bool(read_bound(connection, Statement(select(["1"], from_, where, 1)), {**values, "row": row[1]}))
