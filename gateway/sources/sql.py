"""How does a council's database say who somebody is, and what their record holds: these columns and no others?"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final, TypeVar

from sqlalchemy.engine import URL, Connection

from gateway.sources.at_once import AtOnce, NotAtOnceError
from gateway.sources.cleaning import clean_value
from gateway.sources.columns import Column
from gateway.sources.contract import Found, SourceFailedError, SourceSlowError, Wanted
from gateway.sources.database import DRIVER_ERRORS, connected, is_slowness, make_engine, read, read_one_instant
from gateway.sources.finding import Search
from gateway.sources.mapping import Mapping as SourceMapping
from schemas.dataset import Dataset, Field
from schemas.decision import RawValue, Record, Unusable
from schemas.request import SubjectQuery
from schemas.terms import Match

MOST_GROUP_ROWS: Final = 1_000
SURVEY_SECONDS: Final = 60.0  # an administrator waits longer than a partner, and for hundreds of records
T = TypeVar("T")


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
        self._dataset = dataset
        self._mapping = mapping
        self._clock = clock
        self._search = Search(dataset, mapping)
        self._engine = make_engine(url, connections=connections, timeout=mapping.timeout)
        self._threads = ThreadPoolExecutor(connections, thread_name_prefix="source")
        self._at_once = AtOnce(url.database or "") if url.get_backend_name() == "sqlite" else None
        self._fetch_sql = lru_cache(maxsize=1024)(self._make_fetch_sql)
        self._groups = lru_cache(maxsize=1024)(self._named_groups)
        self._rows_sql = lru_cache(maxsize=1024)(self._make_rows_sql)

    async def identify(self, queries: Sequence[SubjectQuery]) -> list[Found]:
        """Find each person by key and confirming details."""
        return await self._ask(lambda connection: [self._search.identify(connection, query) for query in queries])

    async def fetch(self, wanted: Sequence[Wanted]) -> list[Record]:
        """Read the named paths of each confirmed person's record."""
        return await self._ask(lambda connection: [self._fetch(connection, found, paths) for found, paths in wanted])

    async def survey(self, sample: int) -> dict[str, Counter[str]]:
        """Count, per path and over a sample of records, what is held, blank, or does not fit its type. Never values."""
        return await self._run(self._guarded(lambda connection: self._survey(connection, sample)), seconds=SURVEY_SECONDS)

    def close(self) -> None:
        """Let threads and connections go."""
        if self._at_once is not None:
            self._at_once.close()
        self._threads.shutdown(wait=True, cancel_futures=True)
        self._engine.dispose()

    async def _ask(self, work: Callable[[Any], T]) -> T:
        work = self._guarded(work)
        if self._at_once is not None:
            with contextlib.suppress(NotAtOnceError):
                return self._at_once.ask(work)
        return await self._run(work)

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
            raise SourceFailedError(f"{self._mapping.source} could not be asked: {type(error).__name__}") from None

    def _guarded(self, work: Callable[[Any], T]) -> Callable[[Any], T]:
        """Let work that trips over what it read be a failure of the source: recorded, where a fault would not be."""

        def guarded(connection: Any) -> T:
            try:
                return work(connection)
            except (SourceFailedError, *DRIVER_ERRORS):
                raise
            except Exception as error:  # noqa: BLE001 -- whatever it is, nothing is disclosed
                # Its message may hold values, and so its kind alone is told.
                raise SourceFailedError(f"{self._mapping.source} could not be read: {type(error).__name__}") from None

        return guarded

    def _slow(self, seconds: float) -> SourceSlowError:
        return SourceSlowError(f"{self._mapping.source} did not answer in {seconds} s")

    def _with_connection(self, work: Callable[[Any], T], until: float) -> T:
        with connected(self._engine, until=until) as connection:
            return work(connection)

    # -- what does the record say?

    def _make_fetch_sql(self, paths: frozenset[str], subject: str) -> tuple[str, list[tuple[Field, Column]]]:
        mapping = self._mapping
        wanted, columns = [], []
        for path in sorted(paths & mapping.fields.keys()):
            column = mapping.fields[path]
            lies = column.sql or (column.by_person or {}).get(subject)
            if lies is not None:  # what is not mapped for this person is not held, and so no blank either
                wanted.append((self._dataset.fields[path], column))
                columns.append(lies)
        columns.append(mapping.as_at or "NULL")
        return f"SELECT {', '.join(columns)} FROM {mapping.from_} WHERE {mapping.row} = :row LIMIT 2", wanted

    def _fetch(self, connection: Any, found: Found, paths: frozenset[str]) -> Record:
        statement, wanted = self._fetch_sql(paths, found.subject or "")
        groups = self._groups(paths)
        if groups:
            read_one_instant(connection)
        rows = read(connection, statement, found.row, "row")
        if len(rows) != 1:
            raise SourceFailedError(f"{self._mapping.source}: the record is gone, or is there twice")
        as_at = self._as_at(rows[0][-1])
        stale_after = self._dataset.stale_after
        return Record(
            values=_cleaned(wanted, rows[0][:-1]),
            groups={group: self._rows(connection, group, found.row, paths) for group in groups},
            as_at=as_at,
            stale=stale_after is not None and self._clock() - as_at > stale_after,
        )

    def _named_groups(self, paths: frozenset[str]) -> list[str]:
        named = {path.partition(".")[0] for path in paths}
        return [group for group in self._mapping.groups if group in named]

    def _make_rows_sql(self, group: str, paths: frozenset[str]) -> tuple[str, list[tuple[Field, Column]]]:
        mapped = self._mapping.groups[group]
        columns = {f"{group}.{name}": column for name, column in mapped.fields.items()}
        wanted = [(self._dataset.fields[path], column) for path, column in columns.items() if path in paths]
        selected = ", ".join(column.sql or "NULL" for _, column in wanted) or "1"
        return f"SELECT {selected} FROM {mapped.from_} WHERE {mapped.where} LIMIT {MOST_GROUP_ROWS + 1}", wanted

    def _rows(self, connection: Any, group: str, row: object, paths: frozenset[str]) -> tuple[Mapping[str, RawValue], ...]:
        statement, wanted = self._rows_sql(group, paths)
        found = read(connection, statement, row, "row")
        if len(found) > MOST_GROUP_ROWS:
            # Cut short, `count` and `latest` would be false.
            raise SourceFailedError(f"{self._mapping.source}: {group} has over {MOST_GROUP_ROWS} rows in one record")
        return tuple(_cleaned(wanted, values) for values in found)

    def _as_at(self, raw: object) -> datetime:
        if raw is None:
            return self._clock()
        try:
            stated = raw if isinstance(raw, datetime) else datetime.fromisoformat(str(raw).strip())
        except ValueError:
            raise SourceFailedError(f"{self._mapping.source}: as_at is not an instant") from None
        return stated.replace(tzinfo=UTC) if stated.tzinfo is None else stated.astimezone(UTC)

    # -- does the mapping fit the source?

    def _survey(self, connection: Connection, sample: int) -> dict[str, Counter[str]]:
        mapping, roles = self._mapping, tuple(self._mapping.people)
        counts: dict[str, Counter[str]] = {path: Counter() for path in self._surveyed()}
        everything = frozenset(counts)
        by_person = frozenset(path for path, column in mapping.fields.items() if column.by_person)
        columns = ", ".join((mapping.row, *mapping.people.values()))
        statement = f"SELECT {columns} FROM {mapping.from_} LIMIT :sample"
        for row, *references in read(connection, statement, sample, "sample"):
            present = [role for role, raw in zip(roles, references, strict=True) if str(raw or "").strip()]
            self._count(connection, Found(Match.CONFIRMED, subject=next(iter(present), None), row=row), counts, everything)
            for role in present[1:]:
                self._count(connection, Found(Match.CONFIRMED, subject=role, row=row), counts, by_person)
        return counts

    def _surveyed(self) -> list[str]:
        inner = [f"{group}.{name}" for group, rows in self._mapping.groups.items() for name in rows.fields]
        return [*self._mapping.fields, *inner]

    def _count(self, connection: Connection, found: Found, counts: dict[str, Counter[str]], paths: frozenset[str]) -> None:
        record = self._fetch(connection, found, paths)
        for values in (record.values, *(row for rows in record.groups.values() for row in rows)):
            for path, value in values.items():
                counts[path][_kind(value)] += 1


def _cleaned(wanted: Sequence[tuple[Field, Column]], row: Sequence[Any]) -> dict[str, RawValue]:
    return {field.path: clean_value(raw, column, field) for (field, column), raw in zip(wanted, row, strict=False)}


def _kind(value: RawValue) -> str:
    if value is Unusable.INVALID:
        return "source_value_invalid"
    return "blank" if value is None else "held"
