"""How are the people of a chunk searched for, and their records read, by the calls of an HTTP service?"""

from __future__ import annotations

from collections.abc import Coroutine, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gateway.sources.columns import Codes
from gateway.sources.comparing import one_key
from gateway.sources.composite import AskedBy
from gateway.sources.contract import Found, SourceFailedError, Wanted
from gateway.sources.finding import Finding, Sort, Sought
from gateway.sources.gathering import batches, grouped, together
from gateway.sources.groups import Nested
from gateway.sources.http_client import HttpClient
from gateway.sources.http_pages import Pages
from gateway.sources.http_reading import HttpReading, plain
from gateway.sources.json_answer import at, reach, steps
from gateway.sources.mapping import Mapping as SourceMapping
from gateway.sources.records import Records
from gateway.sources.surveying import Survey
from gateway.sources.upstream import Call, Upstream
from schemas.dataset import Dataset
from schemas.decision import Record
from schemas.request import SubjectQuery


@dataclass(frozen=True, slots=True)
class Sampled:
    """A record of a sample: its reference, the roles that are there, its keys as texts, of composite ones their details."""

    row: str
    roles: tuple[str, ...]
    keys: Mapping[str, str]
    details: Mapping[str, tuple[str, ...]]


class HttpAsking:
    """The asking of one upstream. Holds no state; a `survey`, where there is one, counts what is read."""

    def __init__(
        self,
        dataset: Dataset,
        mapping: SourceMapping,
        upstream: Upstream,
        *,
        client: HttpClient,
        finding: Finding,
        records: Records,
        survey: Survey | None = None,
    ) -> None:
        self._dataset = dataset
        self._mapping = mapping
        self._upstream = upstream
        self._finding = finding
        self._records = records
        self._reading = HttpReading(mapping, upstream, records, survey.notice if survey is not None else None)
        self._pages = Pages(mapping.source, upstream, client, self._reading)

    # -- who is it about?

    async def identify(self, queries: Sequence[SubjectQuery]) -> list[Found]:
        """Find each person by key and confirming details."""
        sought = [self._finding.sought(query) for query in queries]
        sorts = grouped((one.sort, one) for one in sought if isinstance(one, Sought))
        searches = {sort: self._rows(sort, alike) for sort, alike in sorts.items()}
        rows = dict(zip(searches, await together(list(searches.values())), strict=True))
        return [one if isinstance(one, Found) else self._finding.one_of(rows[one.sort][one.value], one) for one in sought]

    async def _rows(self, sort: Sort, alike: Sequence[Sought]) -> dict[str, list[tuple[Any, ...]]]:
        if self._dataset.keys[sort[0]].all_of:
            return await self.search_by_details(sort, {one.value: one.asked for one in alike})
        return await self.search(sort, list(dict.fromkeys(one.value for one in alike)))

    async def search_by_details(self, sort: Sort, asked: Mapping[str, tuple[str, ...]]) -> dict[str, list[tuple[Any, ...]]]:
        """Return the rows that `Finding` judges of each whom a composite key names: by the details that are asked by."""
        call = self._upstream.search[sort[0]]
        there = {value: texts for value, typed in asked.items() if (texts := self._texts(sort[0], call, typed)) is not None}
        works = [self._search_details(sort, call, texts, asked[value]) for value, texts in there.items()]
        return {**{value: [] for value in asked}, **dict(zip(there, await together(works), strict=True))}

    def _texts(self, key: str, call: Call, typed: tuple[str, ...]) -> tuple[str, ...] | None:
        """Return details as the service writes them, None where one can't be asked for: then it is nobody's."""
        spelt = [one.spellings(text) for one, text in zip(self._finding.asked_by[key], typed, strict=True)]
        can_ask = all(texts and call.can_ask(texts[0]) for texts in spelt)
        return tuple(texts[0] for texts in spelt) if can_ask else None

    async def _search_details(
        self, sort: Sort, call: Call, texts: tuple[str, ...], typed: tuple[str, ...]
    ) -> list[tuple[Any, ...]]:
        places, asked = self._finding.selected(sort), self._finding.asked_by[sort[0]]
        found = []
        for record in await self._pages.objects(call, texts, self._reading.select(places)):
            self._reading.notice(places, record)
            # A record that nobody asked for is not looked at; whose of its people each detail is, is looked at later.
            if not all(one.form_of(text) in _forms(one, record) for one, text in zip(asked, typed, strict=True)):
                raise SourceFailedError(f"{self._mapping.source} gave the record of another than was asked for")
            found.append(self._row(record, sort))
        return found

    async def search(self, sort: Sort, values: list[str]) -> dict[str, list[tuple[Any, ...]]]:
        """Return of each value the rows that `Finding` judges."""
        call = self._upstream.search[sort[0]]
        rows: dict[str, list[tuple[Any, ...]]] = {value: [] for value in values}
        asked = [value for value in values if call.can_ask(value)]
        for found in await together([self._search_once(sort, call, batch) for batch in _asked(call, asked)]):
            for value, row in found:
                rows[value].append(row)
        return rows

    async def _search_once(self, sort: Sort, call: Call, values: tuple[str, ...]) -> list[tuple[str, tuple[Any, ...]]]:
        key = self._dataset.keys[sort[0]]
        live = self._mapping.live if key.finds_place and isinstance(self._mapping.live, Codes) else None
        places = self._finding.selected(sort)
        select = self._reading.select([self._mapping.keys[sort[0]], *places, live.place if live else None])
        found = []
        for record in await self._pages.objects(call, values, select):
            self._reading.notice(places, record)
            sought = self._values_of(record, sort[0], values)
            # A place finds those who live there now; a person's own key finds them after they left, too.
            if live is None or str(at(record, steps(live.place))).strip() in live.codes:
                found += [(value, self._row(record, sort)) for value in sought]
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

    def _row(self, record: dict[str, Any], sort: Sort) -> tuple[Any, ...]:
        """Return what `Finding` judges: the record's reference, its people's, each detail's values, and the markers."""
        places = self._finding.selected(sort)
        last = len(places) - self._finding.markers_in(sort)
        references = [self._reading.single(record, place or "") for place in places[: 1 + len(self._mapping.people)]]
        if not references[0]:
            raise SourceFailedError(f"{self._mapping.source} gave a record without its reference")
        details = [tuple(reach(record, steps(place or ""))) for place in places[len(references) : last]]
        markers = [at(record, steps(place)) if place else None for place in places[last:]]
        return (*references, *(tuple(map(plain, values)) for values in details), *map(plain, markers))

    async def sample(self, call: Call, count: int) -> list[Sampled]:
        """Return some records, as the service lists them."""
        mapping, single = self._mapping, self._reading.single
        inner = [place for asked in self._finding.asked_by.values() for one in asked for place in one.places]
        select = self._reading.select([mapping.row, *mapping.people.values(), *mapping.keys.values(), *inner])
        return [
            Sampled(
                row=single(record, mapping.row),
                roles=tuple(role for role, place in mapping.people.items() if single(record, place)),
                keys={key: single(record, place) for key, place in mapping.keys.items()},
                details={key: _typed(asked, record) for key, asked in self._finding.asked_by.items()},
            )
            for record in (await self._pages.objects(call, (str(count),), select, most=count))[:count]
        ]

    # -- what does the record say?

    async def fetch(self, wanted: Sequence[Wanted]) -> list[Record]:
        """Read the named paths of each confirmed person's record."""
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
            return self._reading.by_row(await self._pages.objects(call, batch, select), batch)

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
            for one in await self._pages.objects(call, batch, select):
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


def _held(one: AskedBy, record: dict[str, Any]) -> Iterator[Any]:
    return (plain(raw) for place in one.places for raw in reach(record, steps(place)))


def _forms(one: AskedBy, record: dict[str, Any]) -> set[str | None]:
    return {one.held_form(raw) for raw in _held(one, record)}


def _typed(asked: Sequence[AskedBy], record: dict[str, Any]) -> tuple[str, ...]:
    """Return a record's details as a partner would type them, none where one is not held."""
    texts = [next((text for raw in _held(one, record) if (text := one.typed(raw))), None) for one in asked]
    return tuple(text for text in texts if text is not None) if None not in texts else ()


def _asked(call: Call, values: list[str]) -> list[tuple[str, ...]]:
    """Return the values of each request."""
    return [tuple(batch) for batch in batches(values, call.most if call.takes_several else 1)]
