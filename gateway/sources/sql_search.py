"""How is a database searched for people: one statement for all who are sought alike?

Reads the columns of the key, of the details that were given and of the marker that protects an address, and no others.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, Final, TypeVar

from sqlalchemy import ColumnElement

from gateway.sources.comparing import held_spellings, lenient
from gateway.sources.contract import Found
from gateway.sources.database import read, read_bound
from gateway.sources.finding import MOST_ROWS, Finding, Sort, Sought
from gateway.sources.gathering import batches, grouped
from gateway.sources.mapping import Mapping as SourceMapping
from gateway.sources.statements import Statement, besides, is_one_of, is_value, select
from schemas.dataset import Dataset
from schemas.request import SubjectQuery

MOST_BOUND: Final = 128  # values in one statement: below what any database allows, and few enough sizes to stay prepared
T = TypeVar("T")


class Search:
    """The search of one source. Holds statements only; safe for several threads."""

    def __init__(self, dataset: Dataset, mapping: SourceMapping, from_: str, clock: Callable[[], datetime]) -> None:
        self._dataset = dataset
        self._mapping = mapping
        self._from = from_
        self._finding = Finding(dataset, mapping, clock)
        self._one = lru_cache(maxsize=64)(self._make_one)
        self._many = lru_cache(maxsize=512)(self._make_many)

    def identify(self, connection: Any, queries: Sequence[SubjectQuery]) -> list[Found]:
        """Return of each query the one person that key and details fit, or what the log should know of the failure."""
        sought = [self._finding.sought(query) for query in queries]
        if len(sought) == 1:  # most calls are of one person, and need nothing put together
            return [self._alone(connection, sought[0])]
        found = [one if isinstance(one, Found) else None for one in sought]
        for sort, places in grouped(
            (one.sort, place) for place, one in enumerate(sought) if isinstance(one, Sought)
        ).items():
            alike = {place: one for place in places if isinstance(one := sought[place], Sought)}
            rows = self._rows(connection, sort, tuple(dict.fromkeys(one.value for one in alike.values())))
            for place, one in alike.items():
                found[place] = self._finding.one_of(rows[one.value], one)
        return [one for one in found if one is not None]

    def _alone(self, connection: Any, sought: Sought | Found) -> Found:
        if isinstance(sought, Found):
            return sought
        return self._finding.one_of(self._rows_of(connection, sought.sort, sought.value), sought)

    def _rows_of(self, connection: Any, sort: Sort, value: str) -> Sequence[Any]:
        """Return the rows of one value; of one that is held in several spellings, those of all of them."""
        rows: list[Any] = []
        for one in held_spellings(self._dataset.fields[sort[0]], value):
            rows += read(connection, self._one(sort), one, "key")
        return rows

    def _rows(self, connection: Any, sort: Sort, values: tuple[str, ...]) -> dict[str, Sequence[Any]]:
        rows: dict[str, Sequence[Any]] = {}
        for batch in batches(values, MOST_BOUND):
            is_one = len(batch) == 1 or len(held_spellings(self._dataset.fields[sort[0]], batch[0])) > 1
            together = None if is_one else self._together(connection, sort, tuple(batch))
            # A database may take for one what we take for two: by its collation, say, or a number's leading zeros. Asked
            # one by one, whatever it takes for the value is the value's.
            rows |= together or {value: self._rows_of(connection, sort, value) for value in batch}
        return rows

    def _together(self, connection: Any, sort: Sort, values: tuple[str, ...]) -> dict[str, Sequence[Any]] | None:
        """Return the rows of each value, or None where it can't be told for certain which row is whose."""
        own = {lenient(value): value for value in values}
        if len(own) < len(values):
            return None
        bound = padded(values)
        found = read_bound(connection, self._many(sort, len(bound)), numbered(bound))
        rows: dict[str, list[Any]] = {value: [] for value in values}
        for key, *row in found:
            value = own.get(lenient(key))
            if value is None:
                return None
            if len(rows[value]) <= MOST_ROWS:  # one over the limit is enough to know that there are more
                rows[value].append(row)
        return dict(rows) if len(found) <= len(bound) * MOST_ROWS else None

    def _make_one(self, sort: Sort) -> Statement:
        sought = is_value(self._mapping.keys[sort[0]], "key")
        return Statement(select(self._finding.selected(sort), self._from, self._alive(sort, sought), MOST_ROWS + 1))

    def _make_many(self, sort: Sort, count: int) -> Statement:
        key = self._mapping.keys[sort[0]]
        sought, places = is_one_of(key, names(count)), [key, *self._finding.selected(sort)]
        return Statement(select(places, self._from, self._alive(sort, sought), count * MOST_ROWS + 1))

    def _alive(self, sort: Sort, sought: ColumnElement[bool]) -> ColumnElement[bool]:
        """Narrow a place to those who live there now; a person's own key finds them after they left, too."""
        live = self._mapping.live if self._dataset.keys[sort[0]].finds_place else None
        return besides(sought, live) if isinstance(live, str) else sought


def padded(values: Sequence[T]) -> list[T]:
    """Repeat the last value up to a power of two: few lengths are few statements, which stay prepared."""
    size = 1 << (len(values) - 1).bit_length()
    return [*values, *[values[-1]] * (size - len(values))]


def numbered(values: Sequence[object]) -> dict[str, object]:
    """Return values by the names of their parameters."""
    return dict(zip(names(len(values)), values, strict=True))


def names(count: int) -> list[str]:
    """Return the names of so many parameters."""
    return [f"v{number}" for number in range(count)]
