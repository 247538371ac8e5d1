"""Can a database run what a mapping says? Each expression is tried, and one that it can't run has its place in the text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

import sqlalchemy as sa
from sqlalchemy.engine import URL, Connection

from gateway.sources.causes import cause_of, named_in
from gateway.sources.composite import AskedBy
from gateway.sources.contract import Cause
from gateway.sources.database import DRIVER_ERRORS, is_slowness, read_bound
from gateway.sources.groups import Joined
from gateway.sources.mapped_places import Way, places_of, places_of_group
from gateway.sources.mapping import Mapping as SourceMapping
from gateway.sources.sql_composite import asks_for
from gateway.sources.statements import Statement, select, where_row
from policies.reading.findings import did_you_mean
from policies.reading.places import Flaw

# A table of `from`, and the name that it goes by there.
_TABLE: Final = re.compile(
    r"(?:^|\bjoin\s+|,)\s*([\w.]+)(?:\s+(?:as\s+)?(?!on\b|join\b|left\b|inner\b|cross\b)(\w+))?", re.IGNORECASE
)
_NAMED: Final = re.compile(r"\b(\w+)\.(\w+)\b")
_QUOTED: Final = re.compile(r'"([^"]+)"')
_NO_TEXT: Final = "Take `dates` out of the field of a date that is the database's own, or make a text of it that they fit."
_REFUSED: Final = "Try it in the database's own shell."


def file_flaw(url: URL) -> Flaw | None:
    """Return what is wrong with the file of an SQLite database: one that is not there would be found by each call."""
    file = Path(url.database or "")
    if url.get_backend_name() != "sqlite" or file.is_file():
        return None
    return Flaw(("url",), f"the file {file.name} is not there", "Put it there, or mend the name.")


class Trying:
    """One trial of a mapping over a connection."""

    def __init__(
        self, connection: Connection, mapping: SourceMapping, from_: str, asked_by: Mapping[str, tuple[AskedBy, ...]]
    ) -> None:
        self._connection = connection
        self._mapping = mapping
        self._from = from_
        self._asked_by = asked_by

    def flaws(self) -> list[Flaw]:
        """Return what the database can't run; nothing is looked at behind a table that is not there."""
        whole = self._flaws_of_from(("from",), self._from)
        if whole:
            return whole
        found = list(self._flaws_of(places_of(self._mapping), self._from))
        found += [] if found else self._unasked()
        if isinstance(self._mapping.live, str):
            found += self._try(("live",), self._mapping.live, self._from, where=sa.text(f"({self._mapping.live})"))
        for group, rows in self._mapping.groups.items():
            if isinstance(rows.lie, Joined):
                way = ("groups", group)
                own = self._flaws_of_from((*way, "from"), rows.lie.from_)
                found += own or [
                    *self._try((*way, "where"), rows.lie.where, rows.lie.from_, where=where_row(rows.lie.where, "row")),
                    *self._flaws_of(places_of_group(self._mapping, group), rows.lie.from_),
                ]
        return found

    def _flaws_of(self, places: Iterable[tuple[Way, str]], from_: str) -> Iterator[Flaw]:
        for way, place in places:
            yield from self._try(way, place, from_)
            yield from self._quoted(way, place, from_)

    def _unasked(self) -> Iterator[Flaw]:
        """Find a place that can be read, and can't be asked for a detail of a composite key as it may be spelt."""
        details = {one.field.path: one for asked in self._asked_by.values() for one in asked}
        for way, place in places_of(self._mapping):
            one = details.get(way[1]) if way[0] == "confirm" else None
            statement, values = asks_for(one, place=place, from_=self._from) if one is not None else (None, {})
            error = self._error(statement, values) if statement is not None and values else None
            if error is not None:
                told = self._flaw(way, place, self._from, error)
                yield replace(told, message=f"nobody can be asked for by it: {told.message}", remedy=_NO_TEXT)

    def _flaws_of_from(self, way: Way, from_: str) -> list[Flaw]:
        error = self._error(Statement(select(["1"], from_, None, 1)), {})
        if error is None:
            return []
        known = self._tables()
        missing = [one for one in tables_of(from_).values() if one.rpartition(".")[2].lower() not in known]
        if cause_of(error) is Cause.TABLE and missing:
            return [Flaw(way, f"the table {one} is not there", did_you_mean(one, known.values())) for one in missing]
        return [self._flaw(way, from_, from_, error)]

    def _try(self, way: Way, place: str, from_: str, *, where: sa.TextClause | None = None) -> Iterator[Flaw]:
        statement = Statement(select(["1" if where is not None else place], from_, where, 1))
        error = self._error(statement, {"row": ""} if "where" in way else {})
        if error is not None:
            yield self._flaw(way, place, from_, error)

    def _error(self, statement: Statement, values: dict[str, object]) -> Exception | None:
        try:
            read_bound(self._connection, statement, values)
        except DRIVER_ERRORS as error:
            if is_slowness(error) or cause_of(error) in {Cause.HOST, Cause.FILE, Cause.TIMEOUT}:
                raise  # it is down, and the mapping may be right
            return error
        finally:
            self._connection.rollback()  # PostgreSQL runs nothing more in a transaction that has failed
        return None

    def _flaw(self, way: Way, place: str, from_: str, error: Exception) -> Flaw:
        cause = cause_of(error)
        if cause is Cause.COLUMN:
            column, table, columns = self._missing(place, from_, named_in(error, self._mapping.text))
            return Flaw(way, f"the column {column} is not in {table}", did_you_mean(column, columns))
        if cause is Cause.TABLE:
            table = named_in(error, self._mapping.text) or place
            return Flaw(way, f"the table {table} is not there", did_you_mean(table, self._tables().values()))
        if cause is Cause.PERMISSION:
            return Flaw(way, "the mapping's user may not read this", "Grant it SELECT on what stands here, and no more.")
        return Flaw(way, f"the database can't run this ({cause.value})", _REFUSED)

    def _missing(self, place: str, from_: str, named: str | None) -> tuple[str, str, list[str]]:
        """Return the column that is not there, its table as far as it is known, and the columns that are."""
        tables = {name.lower(): table for name, table in tables_of(from_).items()}
        for name, column in _NAMED.findall(place):
            columns = self._columns(tables.get(name.lower(), ""))
            if columns and column.lower() not in {one.lower() for one in columns}:
                return column, tables[name.lower()], columns
        own = [one for table in tables.values() for one in self._columns(table)]
        column = (named or place).rpartition(".")[2]
        return column, " or ".join(dict.fromkeys(tables.values())) or "the source", own

    def _quoted(self, way: Way, place: str, from_: str) -> Iterator[Flaw]:
        """Find a name in quotes that is none: SQLite takes it for a text, and would give it out as everybody's value."""
        if self._connection.dialect.name != "sqlite":
            return
        known = {one.lower() for table in tables_of(from_).values() for one in (table, *self._columns(table))}
        for name in _QUOTED.findall(place):
            if known and name.lower() not in known | {one.lower() for one in tables_of(from_)}:
                yield Flaw(
                    way, f'"{name}" is no column, and SQLite would take it for a text', "Name a column; a text stands in '."
                )

    def _tables(self) -> Mapping[str, str]:
        inspector = sa.inspect(self._connection)
        return {one.lower(): one for one in (*inspector.get_table_names(), *inspector.get_view_names())}

    def _columns(self, table: str) -> list[str]:
        schema, _, name = table.rpartition(".")
        try:
            return [str(one["name"]) for one in sa.inspect(self._connection).get_columns(name, schema or None)]
        except (sa.exc.NoSuchTableError, *DRIVER_ERRORS):  # a function, or a query of its own: its columns are not known
            return []


def tables_of(from_: str) -> dict[str, str]:
    """Return the tables that stand in `from`, by the name that each goes by there."""
    return {alias or table.rpartition(".")[2]: table for table, alias in _TABLE.findall(from_)}
