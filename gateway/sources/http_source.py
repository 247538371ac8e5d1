"""How does a council's HTTP service say who somebody is, and what their record holds?"""

from __future__ import annotations

import asyncio
import contextlib
import copy
import time
from collections.abc import Callable, Coroutine, Sequence
from datetime import datetime
from typing import Any, Final, TypeVar

from gateway.sources.breaker import Breaker
from gateway.sources.columns import Codes
from gateway.sources.comparing import one_key
from gateway.sources.contract import Found, SourceFailedError, Wanted
from gateway.sources.finding import Finding, Sort, Sought
from gateway.sources.gathering import batches, grouped, together
from gateway.sources.groups import Nested
from gateway.sources.http_client import HttpClient, OverdueError
from gateway.sources.http_reading import HttpReading, plain, steps
from gateway.sources.json_answer import at, reach
from gateway.sources.mapping import Mapping as SourceMapping
from gateway.sources.records import Records, told_by_kind
from gateway.sources.surveying import SURVEY_SECONDS, Survey, by_person
from gateway.sources.upstream import Call, Upstream
from schemas.dataset import Dataset
from schemas.decision import Record
from schemas.request import SubjectQuery
from schemas.terms import Match

MOST_PEOPLE: Final = 100  # in one call of the contract
T = TypeVar("T")


class HttpSource:
    """A source behind an HTTP service. For one event loop at a time; its connections live until `aclose`."""

    def __init__(
        self,
        dataset: Dataset,
        mapping: SourceMapping,
        *,
        credentials: str | None,
        clock: Callable[[], datetime],
        connections: int = 4,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        if not isinstance(mapping.system, Upstream):
            raise TypeError("the mapping is not of an HTTP service")
        self._dataset = dataset
        self._mapping = mapping
        self._upstream = mapping.system
        self._finding = Finding(dataset, mapping, clock)
        self._records = Records(dataset, mapping, clock)
        self._reading = HttpReading(mapping, mapping.system, self._records)
        self._client = HttpClient(mapping.source, mapping.system, credentials=credentials, connections=connections)
        self._breaker = Breaker(mapping.source, monotonic)

    async def identify(self, queries: Sequence[SubjectQuery]) -> list[Found]:
        """Find each person by key and confirming details."""
        return await self._ask(self._identify(queries), self._mapping.timeout)

    async def fetch(self, wanted: Sequence[Wanted]) -> list[Record]:
        """Read the named paths of each confirmed person's record."""
        return await self._ask(self._fetch(wanted), self._mapping.timeout)

    async def survey(self, sample: int) -> Survey:
        """Count, per path and over a sample of records, what is held, blank, or does not fit its type. Never values."""
        return await self._ask(self._survey(sample), SURVEY_SECONDS)

    @property
    def is_open(self) -> bool:
        """Tell whether there are connections to let go."""
        return self._client.is_open

    async def aclose(self) -> None:
        """Let the connections go."""
        await self._client.aclose()

    async def _ask(self, work: Coroutine[Any, Any, T], seconds: float) -> T:
        with contextlib.closing(work), self._breaker.guarding():
            try:
                async with asyncio.timeout(seconds):
                    with told_by_kind(self._mapping.source):
                        return await work
            except TimeoutError:
                raise OverdueError(f"{self._mapping.source} did not answer in {seconds:g} s") from None

    # -- who is it about?

    async def _identify(self, queries: Sequence[SubjectQuery]) -> list[Found]:
        sought = [self._finding.sought(query) for query in queries]
        sorts = grouped((one.sort, one.value) for one in sought if isinstance(one, Sought))
        searches = {sort: self._search_all(sort, list(dict.fromkeys(values))) for sort, values in sorts.items()}
        rows = dict(zip(searches, await together(list(searches.values())), strict=True))
        return [one if isinstance(one, Found) else self._finding.one_of(rows[one.sort][one.value], one) for one in sought]

    async def _search_all(self, sort: Sort, values: list[str]) -> dict[str, list[tuple[Any, ...]]]:
        call = self._upstream.search[sort[0]]
        rows: dict[str, list[tuple[Any, ...]]] = {value: [] for value in values}
        asked = [value for value in values if call.can_ask(value)]
        for found in await together([self._search(sort, call, batch) for batch in _asked(call, asked)]):
            for value, row in found:
                rows[value].append(row)
        return rows

    async def _search(self, sort: Sort, call: Call, values: tuple[str, ...]) -> list[tuple[str, tuple[Any, ...]]]:
        key = self._dataset.keys[sort[0]]
        live = self._mapping.live if key.finds_place and isinstance(self._mapping.live, Codes) else None
        places = self._finding.selected(sort)
        select = self._reading.select([self._mapping.keys[sort[0]], *places, live.place if live else None])
        answer = await self._client.get(call.target(values, select), nobody=call.nobody)
        found = []
        for record in self._reading.objects(answer, call):
            sought = self._values_of(record, sort[0], values)
            # A place finds those who live there now; a person's own key finds them after they left, too.
            if live is None or str(at(record, steps(live.place))).strip() in live.codes:
                found += [(value, self._row(record, places)) for value in sought]
        return found

    def _values_of(self, record: dict[str, Any], key: str, values: tuple[str, ...]) -> list[str]:
        """Return what was asked for that a record's key is: in more than one spelling, it may be several."""
        field = self._dataset.fields[key]
        held = one_key(field, self._reading.single(record, self._mapping.keys[key])) or ""
        own = {value: one_key(field, value) or "" for value in values}
        # Services are often lenient with case; but a record that nobody asked for is not looked at.
        fitting = [value for value, one in own.items() if one == held] or [
            value for value, one in own.items() if one.casefold() == held.casefold()
        ][:1]
        if not fitting:
            raise SourceFailedError(f"{self._mapping.source} gave the record of another than was asked for")
        return fitting

    def _row(self, record: dict[str, Any], places: tuple[str | None, ...]) -> tuple[Any, ...]:
        """Return what `Finding` judges: the record's reference, its people's, each detail's values, and the marker."""
        references = [self._reading.single(record, place or "") for place in places[: 1 + len(self._mapping.people)]]
        if not references[0]:
            raise SourceFailedError(f"{self._mapping.source} gave a record without its reference")
        details = [tuple(reach(record, steps(place or ""))) for place in places[len(references) : -1]]
        marker = at(record, steps(places[-1])) if places[-1] else None
        return (*references, *(tuple(map(plain, values)) for values in details), plain(marker))

    # -- what does the record say?

    async def _fetch(self, wanted: Sequence[Wanted]) -> list[Record]:
        alike = grouped(((paths, one.subject or ""), str(one.row)) for one, paths in wanted)
        reads = {kind: self._fetch_all(*kind, list(dict.fromkeys(rows))) for kind, rows in alike.items()}
        found = dict(zip(reads, await together(list(reads.values())), strict=True))
        return [found[paths, one.subject or ""][str(one.row)] for one, paths in wanted]

    async def _fetch_all(self, paths: frozenset[str], subject: str, rows: list[str]) -> dict[str, Record]:
        lies = {group: self._mapping.groups[group].lie for group in self._records.groups(paths)}
        called = {group: lie for group, lie in lies.items() if isinstance(lie, Nested) and lie.call is not None}
        reads: list[Coroutine[Any, Any, dict[str, Any]]] = [
            self._rows_of(group, lie, paths, rows) for group, lie in called.items()
        ]
        lines, *inner = await together([self._lines(paths, subject, rows), *reads])
        return {
            row: self._reading.record(
                lines[row], {group: its[row] for group, its in zip(called, inner, strict=True)}, paths, subject
            )
            for row in rows
        }

    async def _lines(self, paths: frozenset[str], subject: str, rows: list[str]) -> dict[str, dict[str, Any]]:
        call = self._upstream.record
        select = self._reading.select(self._reading.record_places(paths, subject))

        async def line_of(batch: tuple[str, ...]) -> dict[str, dict[str, Any]]:
            answer = await self._client.get(call.target(batch, select), nobody=call.nobody)
            return self._reading.by_row(self._reading.objects(answer, call), batch)

        self._check_rows(call, rows)
        return {
            row: line
            for found in await together([line_of(one) for one in _asked(call, rows)])
            for row, line in found.items()
        }

    async def _rows_of(
        self, group: str, lie: Nested, paths: frozenset[str], rows: list[str]
    ) -> dict[str, list[dict[str, Any]]]:
        call = lie.call
        if call is None:
            return {}
        select = self._reading.select([lie.row, *self._reading.row_places(group, paths)])
        found: dict[str, list[dict[str, Any]]] = {row: [] for row in rows}

        async def rows_of(batch: tuple[str, ...]) -> None:
            answer = await self._client.get(call.target(batch, select), nobody=call.nobody)
            for one in self._reading.objects(answer, call):
                row = batch[0] if lie.row is None else self._reading.single(one, lie.row)
                if row not in batch:
                    raise SourceFailedError(f"{self._mapping.source} gave a row of another than was asked for")
                found[row].append(one)

        self._check_rows(call, rows)
        await together([rows_of(batch) for batch in _asked(call, rows)])
        return found

    def _check_rows(self, call: Call, rows: list[str]) -> None:
        if not all(call.can_ask(row) for row in rows):
            raise SourceFailedError(f"{self._mapping.source}: a record has a reference that can't be asked for")

    # -- does the mapping fit the source?

    async def _survey(self, sample: int) -> Survey:
        call, survey = self._upstream.sample, Survey(self._mapping, self._dataset)
        if call is None:
            raise SourceFailedError(f"{self._mapping.source} can't be sampled: give its mapping `http.sample`")
        select = self._reading.select([self._mapping.row, *self._mapping.people.values()])
        answer = await self._client.get(call.target((str(sample),), select), nobody=call.nobody)
        wanted: list[Wanted] = []
        for record in self._reading.objects(answer, call)[:sample]:
            row = self._reading.single(record, self._mapping.row)
            people = self._mapping.people.items()
            present = [role for role, place in people if self._reading.single(record, place)]
            paths = [survey.paths, *[by_person(self._mapping)] * (len(present) - 1)]
            roles: list[str | None] = [*present] or [None]
            wanted += [(Found(Match.CONFIRMED, subject=role, row=row), of) for role, of in zip(roles, paths, strict=True)]
        watched = copy.copy(self)  # it asks as this one does, and counts what it reads
        watched._reading = HttpReading(self._mapping, self._upstream, self._records.watched(survey.watching))  # noqa: SLF001 -- its own kind
        for batch in batches(wanted, MOST_PEOPLE):
            await watched._fetch(batch)  # noqa: SLF001 -- as above
        return survey


def _asked(call: Call, values: list[str]) -> list[tuple[str, ...]]:
    """Return the values of each request."""
    return [tuple(batch) for batch in batches(values, call.most if call.takes_several else 1)]
