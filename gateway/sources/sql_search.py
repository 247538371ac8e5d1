"""How is a database searched for people: one statement for all who are sought alike?

Reads the columns of the key, of the details that were given and of the marker that protects an address, and no others.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, Final

from sqlalchemy import ColumnElement

from gateway.sources.comparing import held_spellings, lenient
from gateway.sources.composite import AskedBy
from gateway.sources.contract import Found
from gateway.sources.database import read, read_bound
from gateway.sources.finding import MOST_ROWS, Finding, Sort, Sought
from gateway.sources.gathering import batches, grouped
from gateway.sources.mapping import Mapping as SourceMapping
from gateway.sources.sql_composite import CompositeSearch, finds_itself
from gateway.sources.statements import Statement, besides, is_one_of, is_value, padded, select
from gateway.sources.surveying import Survey
from schemas.dataset import Dataset
from schemas.request import SubjectQuery

MOST_BOUND: Final = 128  # values in one statement: below what any database allows, and few enough sizes to stay prepared


class Search:
    """The search of one source. Holds statements only; safe for several threads."""

    def __init__(self, dataset: Dataset, mapping: SourceMapping, from_: str, clock: Callable[[], datetime]) -> None:
        self._dataset = dataset
        self._mapping = mapping
        self._from = from_
        self._finding = Finding(dataset, mapping, clock)
        self._composite = CompositeSearch(from_, self._finding)
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
            rows = self._rows(connection, sort, list(alike.values()))
            for place, one in alike.items():
                found[place] = self._finding.one_of(rows[one.value], one)
        return [one for one in found if one is not None]

    @property
    def asked_by(self) -> Mapping[str, tuple[AskedBy, ...]]:
        """Return the details by which the database is asked for each composite key."""
        return self._finding.asked_by

    def survey(self, connection: Any, row: object, survey: Survey) -> None:
        """Count whether a row is found by each detail that a composite key asks by, wherever it is held."""
        name = self._mapping.row
        for key, asked in self.asked_by.items():
            for one in asked:
                statement = Statement(
                    select(one.places, self._from, is_value(name, "row", is_text=isinstance(row, str)), 1)
                )
                for line in read(connection, statement, row, "row"):
                    for place, raw in zip(one.places, line, strict=True):
                        found = finds_itself(connection, one, raw, place=place, from_=self._from, row=(name, row))
                        survey.asked(key, one.field.path, is_found=found)

    def _alone(self, connection: Any, sought: Sought | Found) -> Found:
        if isinstance(sought, Found):
            return sought
        rows = self._rows(connection, sought.sort, [sought])
        return self._finding.one_of(rows[sought.value], sought)

    def _rows_of(self, connection: Any, sort: Sort, value: str) -> Sequence[Any]:
        """Return the rows of one value; of one that is held in several spellings, those of all of them."""
        rows: list[Any] = []
        for one in held_spellings(self._dataset.fields[sort[0]], value):
            rows += read_bound(connection, self._one(sort), {"key": one})
        return rows

    def _rows(self, connection: Any, sort: Sort, sought: Sequence[Sought]) -> dict[str, Sequence[Any]]:
        """Return, by what is sought of those who are sought alike, the rows that may be theirs."""
        if self._dataset.keys[sort[0]].all_of:
            return self._composite.rows(connection, sort, sought)
        values = tuple(dict.fromkeys(one.value for one in sought))
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


def numbered(values: Sequence[object]) -> dict[str, object]:
    """Return values by the names of their parameters."""
    return dict(zip(names(len(values)), values, strict=True))


def names(count: int) -> list[str]:
    """Return the names of so many parameters."""
    return [f"v{number}" for number in range(count)]
