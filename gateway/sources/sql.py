"""How does a council's database say who somebody is, and what their record holds: these columns and no others?"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy.engine import URL, Connection

from gateway.sources.at_once import AtOnce, NotAtOnceError
from gateway.sources.causes import cause_of, named_in
from gateway.sources.contract import Found, Known, SourceFailedError, SourceSlowError, Wanted
from gateway.sources.database import DRIVER_ERRORS, connected, is_slowness, make_engine, read_bound, read_one_instant
from gateway.sources.gathering import batches, grouped
from gateway.sources.mapping import Database
from gateway.sources.mapping import Mapping as SourceMapping
from gateway.sources.records import Records, told_by_kind
from gateway.sources.sql_knowing import Knowing
from gateway.sources.sql_reading import SqlReading
from gateway.sources.sql_search import MOST_BOUND, Search
from gateway.sources.sql_trying import Trying, file_flaw
from gateway.sources.statements import Statement, select
from gateway.sources.surveying import SURVEY_SECONDS, Survey, by_person
from policies.reading.places import Flaw
from schemas.dataset import Dataset
from schemas.decision import Record
from schemas.request import SubjectQuery

T = TypeVar("T")
S = TypeVar("S")


class SqlSource:
    """A source behind SQLAlchemy. Its threads and connections live until `close`."""

    def __init__(
        self,
        dataset: Dataset,
        mapping: SourceMapping,
        *,
        url: URL,
        clock: Callable[[], datetime],
        connections: int = 4,
    ) -> None:
        if not isinstance(mapping.system, Database):
            raise TypeError("the mapping is not of an SQL database")
        self._url = url
        self._dataset = dataset
        self._mapping = mapping
        self._database = mapping.system
        self._search = Search(dataset, mapping, self._database.from_, clock)
        self._knowing = Knowing(mapping, self._database.from_)
        self._records = Records(dataset, mapping, clock)
        self._read = SqlReading(mapping, self._database.from_, self._records)
        self._engine = make_engine(url, connections=connections, timeout=mapping.timeout)
        self._threads = ThreadPoolExecutor(connections, thread_name_prefix="source")
        self._telling = told_by_kind(mapping.source, *DRIVER_ERRORS, NotAtOnceError)
        self._at_once = AtOnce(url.database or "") if url.get_backend_name() == "sqlite" else None

    async def identify(self, queries: Sequence[SubjectQuery]) -> list[Found]:
        """Find each person by key and confirming details."""
        return await self._ask(self._search.identify, queries)

    async def fetch(self, wanted: Sequence[Wanted]) -> list[Record]:
        """Read the named paths of each confirmed person's record."""
        return await self._ask(self._fetch_all, wanted)

    async def knows(self, reference: str) -> Known:
        """Tell whether a record names a person by this reference, as the database compares."""
        return await self._run(self._guarded(lambda connection: self._knowing.known(connection, reference)))

    async def survey(self, sample: int) -> Survey:
        """Count, per path and over a sample of records, what is held, blank, or does not fit its type. Never values."""
        return await self._run(self._guarded(lambda connection: self._survey(connection, sample)), seconds=SURVEY_SECONDS)

    async def flaws(self) -> list[Flaw]:
        """Try each expression of the mapping; return those that the database can't run, with their places."""
        gone = file_flaw(self._url)
        if gone is not None:
            return [gone]
        trying = self._guarded(
            lambda connection: Trying(connection, self._mapping, self._database.from_, self._search.asked_by).flaws()
        )
        return await self._run(trying, seconds=SURVEY_SECONDS)

    def close(self) -> None:
        """Let threads and connections go."""
        if self._at_once is not None:
            self._at_once.close()
        self._threads.shutdown(wait=True, cancel_futures=True)
        self._engine.dispose()

    async def aclose(self) -> None:
        """Let threads and connections go."""
        self.close()

    async def _ask(self, work: Callable[[Any, Sequence[S]], T], asked: Sequence[S]) -> T:
        if self._at_once is not None:
            try:
                with self._telling:
                    return self._at_once.ask(work, asked, people=len(asked))
            except NotAtOnceError:
                pass
        return await self._run(self._guarded(lambda connection: work(connection, asked)))

    async def _run(self, work: Callable[[Any], T], *, seconds: float | None = None) -> T:
        seconds = self._mapping.timeout if seconds is None else seconds
        until = time.monotonic() + seconds
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(seconds):
                return await loop.run_in_executor(self._threads, self._with_connection, work, until)
        except TimeoutError as error:
            raise self._slow(seconds) from error
        except DRIVER_ERRORS as error:
            if is_slowness(error):
                raise self._slow(seconds) from None
            # The driver's message may hold values, and so its kind alone is told.
            text = f"{self._mapping.source} could not be asked: {type(error).__name__}"
            raise SourceFailedError(text, cause_of(error), named_in(error, self._mapping.text)) from None

    def _guarded(self, work: Callable[[Any], T]) -> Callable[[Any], T]:
        def guarded(connection: Any) -> T:
            with told_by_kind(self._mapping.source, *DRIVER_ERRORS):
                return work(connection)

        return guarded

    def _slow(self, seconds: float) -> SourceSlowError:
        return SourceSlowError(f"{self._mapping.source} did not answer in {seconds} s")

    def _with_connection(self, work: Callable[[Any], T], until: float) -> T:
        with connected(self._engine, until=until) as connection:
            return work(connection)

    # -- what does the record say?

    def _fetch_all(self, connection: Any, wanted: Sequence[Wanted]) -> list[Record]:
        if self._is_of_one_instant(wanted):
            read_one_instant(connection)
        if len(wanted) == 1:
            ((one, paths),) = wanted
            return self._read.records(connection, [one.row], paths, one.subject or "")
        found: list[Record | None] = [None] * len(wanted)
        alike = grouped(((paths, one.subject or ""), place) for place, (one, paths) in enumerate(wanted))
        for (paths, subject), places in alike.items():
            for batch in batches(places, MOST_BOUND):
                rows = [wanted[place][0].row for place in batch]
                for place, record in zip(batch, self._read.records(connection, rows, paths, subject), strict=True):
                    found[place] = record
        return [one for one in found if one is not None]

    def _is_of_one_instant(self, wanted: Sequence[Wanted]) -> bool:
        return len(wanted) > 1 or any(self._records.groups(paths) for _, paths in wanted)

    # -- does the mapping fit the source?

    def _survey(self, connection: Connection, sample: int) -> Survey:
        mapping, roles = self._mapping, tuple(self._mapping.people)
        survey = Survey(mapping, self._dataset)
        reading = SqlReading(mapping, self._database.from_, self._records.watched(survey.watching))
        statement = Statement(select([mapping.row, *mapping.people.values()], self._database.from_, None, sample))
        for row, *references in read_bound(connection, statement, {}):
            self._search.survey(connection, row, survey)
            present = [role for role, raw in zip(roles, references, strict=True) if str(raw or "").strip()]
            for number, role in enumerate(present or [""]):
                reading.records(connection, [row], by_person(mapping) if number else survey.paths, role)
        return survey
