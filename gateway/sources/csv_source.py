"""How does an export of files say who somebody is, and what their record holds?"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from gateway.sources.columns import Codes
from gateway.sources.comparing import one_key
from gateway.sources.contract import Cause, Found, SourceFailedError, SourceSlowError, Wanted
from gateway.sources.csv_index import Files, Index, Indexing, Table
from gateway.sources.csv_reading import ExportFaultError
from gateway.sources.export import Export
from gateway.sources.finding import Finding, Sought
from gateway.sources.mapping import Mapping as SourceMapping
from gateway.sources.records import Records, Wish, cleaned, told_by_kind
from gateway.sources.surveying import SURVEY_SECONDS, Survey, by_person
from schemas.dataset import Dataset
from schemas.decision import Record, Rows
from schemas.request import SubjectQuery
from schemas.terms import Match

CHECKS: Final = 1.0  # seconds between two looks at the folder
# What a spreadsheet would run when a partner opens it; a number or telephone number with its sign is none.
FORMULA: Final = re.compile(r"\s*(?:[=@]|[+-](?![\d\s().,/£-]*$))")
NO_VALUE: Final = b""  # bytes are never a value: cleaning makes them Unusable.INVALID


@dataclass(frozen=True, slots=True)
class State:
    """What the last reading left: the index that serves, and what is wrong with newer files, if they are."""

    index: Index | None = None
    fault: str | None = None
    faulty: Files | None = None


class CsvSource:
    """A source of files. They are read in a thread of its own; the old index serves until the new one is whole.

    A newer file that can't be used leaves the old index serving, whose `as_at` stays what it was, until that is older
    than the dataset allows (`stale_after`; at once where it names none): then the source fails, and says why.
    """

    def __init__(
        self,
        dataset: Dataset,
        mapping: SourceMapping,
        *,
        folder: str,
        clock: Callable[[], datetime],
        checks: float = CHECKS,
    ) -> None:
        if not isinstance(mapping.system, Export):
            raise TypeError("the mapping is not of files")
        self._dataset = dataset
        self._mapping = mapping
        self._clock = clock
        self._checks = checks
        self._finding = Finding(dataset, mapping, clock)
        self._records = Records(dataset, mapping, clock)
        self._indexing = Indexing(dataset, mapping, mapping.system, folder=folder, clock=clock)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="source")
        self._state = State()
        self._reading: Future[None] | None = None
        self._next_check = 0.0

    async def identify(self, queries: Sequence[SubjectQuery]) -> list[Found]:
        """Find each person by key and confirming details."""
        index = await self._current(self._mapping.timeout)
        with told_by_kind(self._mapping.source):
            sought = [self._finding.sought(query) for query in queries]
            return [one if isinstance(one, Found) else self._found(index, one) for one in sought]

    async def fetch(self, wanted: Sequence[Wanted]) -> list[Record]:
        """Read the named paths of each confirmed person's record."""
        index = await self._current(self._mapping.timeout)
        with told_by_kind(self._mapping.source):
            return [self._record(index, found, paths, self._records) for found, paths in wanted]

    async def survey(self, sample: int) -> Survey:
        """Count, per path and over a sample of records, what is held, blank, or does not fit its type. Never values."""
        index = await self._current(SURVEY_SECONDS)
        if self._state.fault is not None:
            raise self._failed(self._state.fault)
        with told_by_kind(self._mapping.source):
            return await asyncio.wrap_future(self._thread.submit(self._survey, index, sample))

    async def aclose(self) -> None:
        """Let the thread and the index go."""
        self.close()

    def close(self) -> None:
        """Let the thread and the index go."""
        self._thread.shutdown(wait=True, cancel_futures=True)
        self._state = State()

    # -- which index serves?

    async def _current(self, seconds: float) -> Index:
        self._look()
        if self._state.index is None and self._reading is not None:
            try:
                async with asyncio.timeout(seconds):
                    await asyncio.shield(asyncio.wrap_future(self._reading))
            except TimeoutError:
                raise SourceSlowError(f"{self._mapping.source} was not read in {seconds:g} s") from None
        state = self._state
        if state.index is None or (state.fault is not None and self._is_too_old(state.index)):
            raise self._failed(state.fault or "was not read")
        return state.index

    def _look(self) -> None:
        """Let the thread look at the folder, now and then: a share that hangs holds up nobody who can be served."""
        now = time.monotonic()
        if now >= self._next_check and (self._reading is None or self._reading.done()):
            self._next_check = now + self._checks
            self._reading = self._thread.submit(self._read)

    def _read(self) -> None:
        old, files = self._state, None
        try:
            files = self._indexing.find()
            if old.faulty == files:  # the same as was refused: reading it again would not mend it
                return
            if old.index is not None and old.index.files == files:
                self._state = State(old.index)
            else:
                self._state = State(self._indexing.build())
        except ExportFaultError as error:
            self._state = State(old.index, str(error), files)
        except Exception as error:  # noqa: BLE001 -- whatever it is, the old index serves, or nothing does
            # Its message may hold values, and so its kind alone is told.
            self._state = State(old.index, f"could not be read: {type(error).__name__}", files)

    def _is_too_old(self, index: Index) -> bool:
        stale_after = self._dataset.stale_after
        return stale_after is None or self._clock() - index.files.stands_at > stale_after

    def _failed(self, what: str) -> SourceFailedError:
        return SourceFailedError(f"{self._mapping.source}: {what}", Cause.EXPORT)

    # -- who is it about?

    def _found(self, index: Index, sought: Sought) -> Found:
        key = self._dataset.keys[sought.sort[0]]
        same = one_key(self._dataset.fields[key.name], sought.value)
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

    def _survey(self, index: Index, sample: int) -> Survey:
        survey = Survey(self._mapping, self._dataset)
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
