"""How does a council's HTTP service say who somebody is, and what their record holds?"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Coroutine, Sequence
from datetime import datetime
from typing import Any, Final, TypeVar

from gateway.sources.breaker import Breaker
from gateway.sources.comparing import key_form
from gateway.sources.contract import Found, Known, SourceFailedError, Wanted
from gateway.sources.finding import Finding
from gateway.sources.gathering import batches
from gateway.sources.http_asking import HttpAsking, Sampled
from gateway.sources.http_client import HttpClient, OverdueError
from gateway.sources.http_knowing import HttpKnowing, no_look_up
from gateway.sources.mapping import Mapping as SourceMapping
from gateway.sources.records import Records, told_by_kind
from gateway.sources.surveying import SURVEY_SECONDS, Survey, by_person
from gateway.sources.upstream import Upstream
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
        self._client = HttpClient(mapping.source, mapping.system, credentials=credentials, connections=connections)
        self._asking = self._asking_for(self._records)
        self._knowing = HttpKnowing(dataset, mapping, mapping.system, client=self._client, records=self._records)
        self._breaker = Breaker(mapping.source, monotonic)

    async def identify(self, queries: Sequence[SubjectQuery]) -> list[Found]:
        """Find each person by key and confirming details."""
        return await self._ask(self._asking.identify(queries), self._mapping.timeout)

    async def fetch(self, wanted: Sequence[Wanted]) -> list[Record]:
        """Read the named paths of each confirmed person's record."""
        return await self._ask(self._asking.fetch(wanted), self._mapping.timeout)

    async def knows(self, reference: str) -> Known:
        """Tell whether a record names a person by this reference, where the service has a look-up by it."""
        if not self._knowing.can_ask:  # nothing that the service did, and nothing to hold against it
            raise no_look_up(self._mapping.source)
        known = await self._ask(self._knowing.known(reference), self._mapping.timeout)
        if known is None:
            raise no_look_up(self._mapping.source)
        return known

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

    # -- does the mapping fit the source?

    async def _survey(self, sample: int) -> Survey:
        call, survey = self._upstream.sample, Survey(self._mapping, self._dataset)
        if call is None:
            raise SourceFailedError(f"{self._mapping.source} can't be sampled: give its mapping `http.sample`")
        asking = self._asking_for(self._records.watched(survey.watching), survey)
        sampled = await asking.sample(call, sample)
        await self._try_searches(asking, sampled, survey)
        wanted = [
            (Found(Match.CONFIRMED, subject=role, row=one.row), by_person(self._mapping) if place else survey.paths)
            for one in sampled
            for place, role in enumerate(one.roles or (None,))
        ]
        for batch in batches(wanted, MOST_PEOPLE):
            await asking.fetch(batch)
        return survey

    async def _try_searches(self, asking: HttpAsking, sampled: Sequence[Sampled], survey: Survey) -> None:
        """Search by each key for one of the sampled records: a call that is wrong would else be met by a caseworker."""
        for name in self._finding.asked_by:
            details = next((one.details[name] for one in sampled if one.details[name]), None)
            if details is not None:
                found = await asking.search_by_details(
                    (name, tuple(sorted(self._dataset.keys[name].all_of))), {"": details}
                )
                survey.found(name, is_found=bool(found[""]))
        for key in self._dataset.keys.values():
            field = self._dataset.fields.get(key.name)
            values = (key_form(field, one.keys.get(key.name, "")) for one in sampled) if field is not None else ()
            value = next((one for one in values if one), None)
            if value is not None and self._upstream.search[key.name].can_ask(value):
                rows = await asking.search((key.name, tuple(sorted(key.confirm))), [value])
                survey.found(key.name, is_found=bool(rows[value]))

    def _asking_for(self, records: Records, survey: Survey | None = None) -> HttpAsking:
        return HttpAsking(
            self._dataset,
            self._mapping,
            self._upstream,
            client=self._client,
            finding=self._finding,
            records=records,
            survey=survey,
        )
