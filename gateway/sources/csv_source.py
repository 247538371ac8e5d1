"""How does an export of files say who somebody is, and what their record holds?"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any, Final

from gateway.sources.accepted import Accepted, Shrunk
from gateway.sources.columns import Codes
from gateway.sources.comparing import one_key
from gateway.sources.contract import Found, Known, SourceSlowError, Wanted
from gateway.sources.csv_index import Index, Indexing, Table
from gateway.sources.csv_reading import ExportFaultError
from gateway.sources.csv_serving import CHECKS, News, Serving
from gateway.sources.export import Export
from gateway.sources.finding import Finding, Sought
from gateway.sources.knowing import known_of
from gateway.sources.mapping import Mapping as SourceMapping
from gateway.sources.records import Records, Wish, cleaned, told_by_kind
from gateway.sources.surveying import SURVEY_SECONDS, Survey, by_person
from schemas.dataset import Dataset
from schemas.decision import Record, Rows
from schemas.request import SubjectQuery
from schemas.terms import Match

# What a spreadsheet would run when a partner opens it; a number or telephone number with its sign is none.
FORMULA: Final = re.compile(r"\s*(?:[=@]|[+-](?![\d\s().,/£-]*$))")
NO_VALUE: Final = b""  # bytes are never a value: cleaning makes them Unusable.INVALID


class CsvSource:
    """A source of files; which of them serve is `Serving`'s to say."""

    def __init__(
        self,
        dataset: Dataset,
        mapping: SourceMapping,
        *,
        folder: str,
        clock: Callable[[], datetime],
        checks: float = CHECKS,
        accepted: Accepted | None = None,
        told: Callable[[News], None] = lambda _: None,
    ) -> None:
        if not isinstance(mapping.system, Export):
            raise TypeError("the mapping is not of files")
        self._dataset = dataset
        self._mapping = mapping
        self._finding = Finding(dataset, mapping, clock)
        self._records = Records(dataset, mapping, clock)
        self._indexing = Indexing(dataset, mapping, mapping.system, folder=folder, clock=clock)
        self._accepted = accepted if accepted is not None else Accepted()
        self._serving = Serving(
            self._indexing,
            source=mapping.source,
            dataset=dataset.id,
            stale_after=dataset.stale_after,
            clock=clock,
            checks=checks,
            accepted=self._accepted,
            told=told,
        )

    async def identify(self, queries: Sequence[SubjectQuery]) -> list[Found]:
        """Find each person by key and confirming details."""
        index = await self._serving.current(self._mapping.timeout)
        with told_by_kind(self._mapping.source):
            sought = [self._finding.sought(query) for query in queries]
            return [one if isinstance(one, Found) else self._found(index, one) for one in sought]

    async def fetch(self, wanted: Sequence[Wanted]) -> list[Record]:
        """Read the named paths of each confirmed person's record."""
        index = await self._serving.current(self._mapping.timeout)
        with told_by_kind(self._mapping.source):
            return [self._record(index, found, paths, self._records) for found, paths in wanted]

    async def knows(self, reference: str) -> Known:
        """Tell whether a record names a person by this reference; case counts."""
        index = await self._serving.current(self._mapping.timeout)
        with told_by_kind(self._mapping.source):
            return await asyncio.to_thread(lambda: known_of(reference, self._references(index.records)))

    async def survey(self, sample: int) -> Survey:
        """Count, per path and over a sample of records, what is held, blank, or does not fit its type. Never values."""
        try:
            async with asyncio.timeout(SURVEY_SECONDS):
                return await self._serving.run(lambda: self._survey(sample))
        except TimeoutError:
            raise SourceSlowError(f"{self._mapping.source} was not read in {SURVEY_SECONDS:g} s") from None

    async def measure(self) -> tuple[dict[str, int], tuple[Shrunk, ...]]:
        """Return how many rows each file has that lies there now, and which of them are held for it."""
        return await self._serving.run(self._measure)

    def accept(self, counts: dict[str, int]) -> None:
        """Let files of so many rows serve, in every process: somebody has said that it is right."""
        self._accepted.keep(counts)

    async def aclose(self) -> None:
        """Let the thread and the index go."""
        self.close()

    def close(self) -> None:
        """Let the thread and the index go."""
        self._serving.close()

    # -- who is it about?

    def _found(self, index: Index, sought: Sought) -> Found:
        key = self._dataset.keys[sought.sort[0]]
        same = sought.value if key.all_of else one_key(self._dataset.fields[key.name], sought.value)
        rows = [index.records.values(number) for number in index.keys[key.name].get(same or "", ())]
        live = self._mapping.live
        if key.finds_place and isinstance(live, Codes):
            # A place finds those who live there now; a person's own key finds them after they left, too.
            rows = [row for row in rows if row[index.records.columns[live.place]].strip() in live.codes]
        places = self._finding.selected(sought.sort)
        return self._finding.one_of([self._row(index.records, row, places) for row in rows], sought)

    def _row(self, table: Table, values: list[str], places: Sequence[str | None]) -> list[Any]:
        own = [values[table.columns[place]] if place is not None else None for place in places]
        references = 1 + len(self._mapping.people)
        return [(own[0] or "").strip(), *own[1:references], *map(_data, own[references:])]

    def _references(self, table: Table) -> Iterator[str]:
        places = [table.columns[column] for column in self._mapping.people.values()]
        for number in range(len(table.rows)):
            values = table.values(number)
            yield from (values[place] for place in places)

    # -- what does the record say?

    def _record(self, index: Index, found: Found, paths: frozenset[str], records: Records) -> Record:
        number = index.row.get(str(found.row))
        if number is None:
            raise records.gone()
        values = index.records.values(number)
        wished = records.wishes(paths, found.subject)
        stated = values[index.records.columns[self._mapping.as_at]].strip() if self._mapping.as_at else ""
        return records.record(
            _cleaned(index.records, wished, values),
            {group: _rows(index, group, str(found.row), paths, records) for group in records.groups(paths)},
            stated or index.files.stands_at,
        )

    # -- does the mapping fit the source?

    def _measure(self) -> tuple[dict[str, int], tuple[Shrunk, ...]]:
        counts = self._indexing.counts(self._indexing.build())
        return counts, self._accepted.shrunk(counts)

    def _survey(self, sample: int) -> Survey:
        """Look at what lies there now, whether or not it serves."""
        with told_by_kind(self._mapping.source, ExportFaultError):
            index, survey = self._indexing.build(), Survey(self._mapping, self._dataset)
            held = self._accepted.shrunk(self._indexing.counts(index))
            if held:
                survey.hold(self._serving.words_of(held))
            return self._count(index, survey, sample)

    def _count(self, index: Index, survey: Survey, sample: int) -> Survey:
        records = self._records.watched(survey.watching)
        for row, number in list(index.row.items())[:sample]:
            values = index.records.values(number)
            people = self._mapping.people.items()
            present = [role for role, column in people if values[index.records.columns[column]].strip()]
            for place, role in enumerate(present or [None]):
                found = Found(Match.CONFIRMED, subject=role, row=row)
                self._record(index, found, by_person(self._mapping) if place else survey.paths, records)
        return survey


def _rows(index: Index, group: str, row: str, paths: frozenset[str], records: Records) -> Rows:
    table, by_row = index.groups[group]
    numbers = by_row.get(row, [])
    records.check_count(group, len(numbers))
    wished = records.group_wishes(group, paths)
    return tuple(_cleaned(table, wished, table.values(number)) for number in numbers)


def _cleaned(table: Table, wished: Sequence[tuple[str, Wish]], values: list[str]) -> dict[str, Any]:
    return cleaned([wish for _, wish in wished], (_data(values[table.columns[place]]) for place, _ in wished))


def _data(raw: str | None) -> object:
    return NO_VALUE if raw is not None and FORMULA.match(raw) else raw
