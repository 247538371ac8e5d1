"""How is a council's database asked, read-only, for these columns and no others?"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final, TypeVar

import pysqlite3
import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from gateway.sources.cleaning import clean_value, normal_form
from gateway.sources.contract import Found, SourceFailedError, SourceSlowError
from gateway.sources.mapping import Column
from gateway.sources.mapping import Mapping as SourceMapping
from schemas.dataset import Dataset, Field
from schemas.decision import RawValue, Record
from schemas.request import SubjectQuery
from schemas.terms import Match

PROTECTED: Final = "protected_address"  # the marker that keeps a person from being found by a place
MOST_ROWS: Final = 64  # candidates of one key: more can't be one person
MOST_GROUP_ROWS: Final = 1_000
T = TypeVar("T")


def make_engine(url: str, *, connections: int, timeout: float) -> Engine:
    """Return a pooled, read-only engine for any SQLAlchemy URL."""
    parsed = sa.make_url(url)
    if parsed.get_backend_name() != "sqlite":
        arguments = {"options": f"-c statement_timeout={int(timeout * 1000)}"} if "postgresql" in url else {}
        return sa.create_engine(
            parsed, pool_size=connections, pool_timeout=timeout, pool_pre_ping=True, connect_args=arguments
        ).execution_options(postgresql_readonly=True)
    path = parsed.database or ""
    return sa.create_engine(
        "sqlite://",
        module=pysqlite3,
        creator=lambda: _open_sqlite(path, timeout),
        poolclass=sa.pool.QueuePool,
        pool_size=connections,
        pool_timeout=timeout,
    )


def _open_sqlite(path: str, timeout: float) -> Any:
    connection = pysqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=timeout, check_same_thread=False)
    connection.execute("PRAGMA query_only=ON")
    return connection


class SqlSource:
    """A source behind SQLAlchemy. Its threads and connections live until `close`."""

    def __init__(
        self,
        dataset: Dataset,
        mapping: SourceMapping,
        *,
        url: str,
        clock: Callable[[], datetime],
        connections: int = 4,
    ) -> None:
        self._dataset = dataset
        self._mapping = mapping
        self._clock = clock
        self._engine = make_engine(url, connections=connections, timeout=mapping.timeout)
        self._threads = ThreadPoolExecutor(connections, thread_name_prefix="source")
        self._identify_sql = lru_cache(maxsize=64)(self._make_identify_sql)
        self._fetch_sql = lru_cache(maxsize=1024)(self._make_fetch_sql)

    async def identify(self, query: SubjectQuery) -> Found:
        """Find one person by key and confirming details."""
        return await self._run(lambda connection: self._identify(connection, query))

    async def fetch(self, found: Found, paths: frozenset[str]) -> Record:
        """Read the named paths of a confirmed person's record."""
        return await self._run(lambda connection: self._fetch(connection, found, paths))

    def close(self) -> None:
        """Let threads and connections go."""
        self._threads.shutdown(wait=True, cancel_futures=True)
        self._engine.dispose()

    async def _run(self, work: Callable[[Connection], T]) -> T:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._mapping.timeout):
                return await loop.run_in_executor(self._threads, self._with_connection, work)
        except TimeoutError as error:
            raise SourceSlowError(f"{self._mapping.source} did not answer in {self._mapping.timeout} s") from error
        except (SQLAlchemyError, pysqlite3.Error, OSError) as error:
            # The driver's message may hold values: only its kind is told.
            raise SourceFailedError(f"{self._mapping.source} could not be asked: {type(error).__name__}") from error

    def _with_connection(self, work: Callable[[Connection], T]) -> T:
        with self._engine.connect() as connection:
            return work(connection)

    # -- who is it about?

    def _make_identify_sql(self, key: str, details: tuple[str, ...]) -> tuple[str, list[tuple[str, str]]]:
        mapping, finds = self._mapping, self._dataset.keys[key].finds
        columns = [mapping.row, *mapping.people.values()]
        places: list[tuple[str, str]] = []
        for detail in details:
            for role in finds:
                for sql in mapping.confirm[detail].get(role, ()):
                    columns.append(sql)
                    places.append((detail, role))
        columns.append(self._protection() or "NULL")
        where = f"{mapping.keys[key]} = ?"
        # A place finds those who live there now; a person's own key finds them after they left, too.
        if self._dataset.keys[key].finds_place and mapping.live:
            where += f" AND {mapping.live}"
        return f"SELECT {', '.join(columns)} FROM {mapping.from_} WHERE {where} LIMIT {MOST_ROWS}", places

    def _protection(self) -> str | None:
        column = self._mapping.fields.get(PROTECTED)
        return column.sql if column else None

    def _identify(self, connection: Connection, query: SubjectQuery) -> Found:
        key = self._dataset.keys[query.key]
        details = tuple(sorted(query.confirm))
        sql, places = self._identify_sql(query.key, details)
        rows = self._execute(connection, sql, (query.value,))
        given = {name: normal_form(self._dataset.fields[name], text) for name, text in query.confirm.items()}
        fits: dict[tuple[str, object], tuple[str, Any]] = {}
        for row in rows:
            for role in self._fitting(row, places, given, key.finds):
                reference = self._people(row).get(role)
                if reference is not None:
                    fits[reference, row[0]] = (role, row)
        if not rows:
            return Found(Match.NOBODY)
        if not fits:
            return Found(Match.MISMATCH)
        if len(fits) > 1:
            return Found(Match.SEVERAL)
        role, row = next(iter(fits.values()))
        if key.finds_place and self._is_protected(row[-1]):
            return Found(Match.PROTECTED_BY_PLACE, people={role: self._people(row)[role]})
        return Found(Match.CONFIRMED, subject=role, people=self._people(row), row=row[0])

    def _people(self, row: Sequence[Any]) -> dict[str, str]:
        references = zip(self._mapping.people, row[1:], strict=False)
        return {role: str(raw).strip() for role, raw in references if raw is not None and str(raw).strip()}

    def _fitting(
        self,
        row: Sequence[Any],
        places: Sequence[tuple[str, str]],
        given: Mapping[str, str | None],
        roles: Sequence[str],
    ) -> list[str]:
        """Return the roles of whom every given detail fits: one of a detail's columns (a former name) is enough."""
        first = 1 + len(self._mapping.people)
        fitting: set[tuple[str, str]] = set()
        for offset, (detail, role) in enumerate(places):
            raw = row[first + offset]
            if raw is None or given[detail] is None:
                continue
            column = self._mapping.fields.get(detail, Column(sql=""))
            if normal_form(self._dataset.fields[detail], str(raw), column.dates) == given[detail]:
                fitting.add((detail, role))
        return [role for role in roles if all((detail, role) in fitting for detail in given)]

    def _is_protected(self, raw: object) -> bool:
        """Unknown is protected: a place is not a way to find out."""
        column = self._mapping.fields.get(PROTECTED)
        field = self._dataset.fields.get(PROTECTED)
        if field is None:
            return False
        return column is None or clean_value(raw, column, field) is not False

    # -- what does the record say?

    def _make_fetch_sql(self, paths: frozenset[str], subject: str) -> tuple[str, list[tuple[Field, Column]]]:
        mapping = self._mapping
        wanted = [(self._dataset.fields[path], mapping.fields[path]) for path in sorted(paths & set(mapping.fields))]
        columns = [column.sql or (column.by_person or {}).get(subject, "NULL") for _, column in wanted]
        columns.append(mapping.as_at or "NULL")
        sql = f"SELECT {', '.join(columns)} FROM {mapping.from_} WHERE {mapping.row} = ? LIMIT 2"
        return sql, wanted

    def _fetch(self, connection: Connection, found: Found, paths: frozenset[str]) -> Record:
        sql, wanted = self._fetch_sql(paths, found.subject or "")
        rows = self._execute(connection, sql, (found.row,))
        if len(rows) != 1:
            raise SourceFailedError(f"{self._mapping.source}: the record is gone, or is there twice")
        row = rows[0]
        values = {field.path: clean_value(raw, column, field) for (field, column), raw in zip(wanted, row, strict=False)}
        groups = {
            name: self._rows(connection, name, paths, found.row)
            for name in self._dataset.groups
            if name in self._mapping.groups and (name in paths or any(path.startswith(name + ".") for path in paths))
        }
        as_at = self._as_at(row[-1])
        stale_after = self._dataset.stale_after
        stale = stale_after is not None and self._clock() - as_at > stale_after
        return Record(values=values, groups=groups, as_at=as_at, stale=stale)

    def _rows(
        self, connection: Connection, group: str, paths: frozenset[str], row: object
    ) -> tuple[Mapping[str, RawValue], ...]:
        rows = self._mapping.groups[group]
        wanted = [(f"{group}.{name}", column) for name, column in rows.fields.items() if f"{group}.{name}" in paths]
        columns = ", ".join(column.sql or "NULL" for _, column in wanted) or "1"
        sql = f"SELECT {columns} FROM {rows.from_} WHERE {rows.where.replace(':row', '?')} LIMIT {MOST_GROUP_ROWS}"
        return tuple(
            {
                path: clean_value(raw, column, self._dataset.fields[path])
                for (path, column), raw in zip(wanted, values, strict=False)
            }
            for values in self._execute(connection, sql, (row,))
        )

    def _as_at(self, raw: object) -> datetime:
        if raw is None:
            return self._clock()
        try:
            stated = raw if isinstance(raw, datetime) else datetime.fromisoformat(str(raw).strip())
        except ValueError as error:
            raise SourceFailedError(f"{self._mapping.source}: as_at is not an instant") from error
        return stated.replace(tzinfo=UTC) if stated.tzinfo is None else stated.astimezone(UTC)

    def _execute(self, connection: Connection, sql: str, values: tuple[object, ...]) -> Sequence[Any]:
        """Run a statement whose every value is bound; `?` becomes the driver's own mark."""
        if connection.dialect.paramstyle != "qmark":
            names = {f"v{place}": value for place, value in enumerate(values)}
            parts = sql.split("?")
            marked = "".join(part + (f":v{place}" if place < len(values) else "") for place, part in enumerate(parts))
            return connection.execute(sa.text(marked), names).fetchall()
        return connection.exec_driver_sql(sql, values).fetchall()
