"""How are the records of several people read from a database: one statement for all of one kind, one for each group?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import Select

from gateway.sources.comparing import lenient
from gateway.sources.database import read_bound
from gateway.sources.groups import Joined
from gateway.sources.mapping import Mapping as SourceMapping
from gateway.sources.records import MOST_GROUP_ROWS, Records, Wish, cleaned
from gateway.sources.sql_search import names, numbered
from gateway.sources.statements import Statement, each_of, is_one_of, is_value, padded, select, where_row
from schemas.decision import RawValue, Record, Rows


class SqlReading:
    """The reading of one source's records. Holds statements only; safe for several threads."""

    def __init__(self, mapping: SourceMapping, from_: str, records: Records) -> None:
        self._mapping = mapping
        self._from = from_
        self._records = records
        self._one = lru_cache(maxsize=1024)(self._make_one)
        self._read_one = lru_cache(maxsize=1024)(self._make_read_one)
        self._read_many = lru_cache(maxsize=1024)(self._make_read_many)
        self._rows_of_one = lru_cache(maxsize=1024)(self._make_rows_of_one)
        self._rows_of_many = lru_cache(maxsize=1024)(self._make_rows_of_many)

    def records(self, connection: Any, rows: Sequence[object], paths: frozenset[str], subject: str) -> list[Record]:
        """Return the record of each row, or raise SourceFailedError; at most MOST_BOUND of them."""
        wishes = self._one(paths, subject)[1]
        if len(rows) == 1:  # most calls are of one person, and need nothing put together
            line = self._line(connection, paths, subject, rows[0])
            named = self._records.groups(paths)
            own = {group: self._group_of_one(connection, group, rows[0], paths) for group in named}
            return [self._records.record(cleaned(wishes, line[1:-1]), own, line[-1])]
        distinct = list(dict.fromkeys(rows))
        lines = self._lines(connection, paths, subject, distinct)
        groups = {group: self._group(connection, group, distinct, paths) for group in self._records.groups(paths)}
        found = {
            row: self._records.record(
                cleaned(wishes, lines[row][1:-1]), {group: its[row] for group, its in groups.items()}, lines[row][-1]
            )
            for row in distinct
        }
        return [found[row] for row in rows]

    # -- the record itself

    def _make_one(self, paths: frozenset[str], subject: str) -> tuple[list[str | None], list[Wish]]:
        wished = self._records.wishes(paths, subject)
        places = [self._mapping.row, *(place for place, _ in wished), self._mapping.as_at]
        return places, [wish for _, wish in wished]

    def _make_read_one(self, paths: frozenset[str], subject: str, is_text: bool) -> Statement:  # noqa: FBT001 -- one of a cache's keys
        where = is_value(self._mapping.row, "row", is_text=is_text)
        return Statement(select(self._one(paths, subject)[0], self._from, where, 2))

    def _make_read_many(self, paths: frozenset[str], subject: str, count: int, is_text: bool) -> Statement:  # noqa: FBT001 -- as above
        where = is_one_of(self._mapping.row, names(count), is_text=is_text)
        return Statement(select(self._one(paths, subject)[0], self._from, where, count + 1))

    def _lines(
        self, connection: Any, paths: frozenset[str], subject: str, rows: list[object]
    ) -> Mapping[object, Sequence[Any]]:
        together = self._together(connection, paths, subject, rows)
        return together if together is not None else {row: self._line(connection, paths, subject, row) for row in rows}

    def _line(self, connection: Any, paths: frozenset[str], subject: str, row: object) -> Sequence[Any]:
        found = read_bound(connection, self._read_one(paths, subject, isinstance(row, str)), {"row": row})
        if len(found) != 1:
            raise self._records.gone()
        line: Sequence[Any] = found[0]
        return line

    def _together(
        self, connection: Any, paths: frozenset[str], subject: str, rows: list[object]
    ) -> dict[object, Sequence[Any]] | None:
        """Return the one line of each row, or None where it can't be told for certain which line is whose."""
        own = {lenient(row): row for row in rows}
        if len(own) < len(rows):
            return None
        bound = padded(rows)
        found = read_bound(connection, self._read_many(paths, subject, len(bound), are_texts(rows)), numbered(bound))
        lines = {own.get(lenient(line[0])): line for line in found}
        return lines if len(found) == len(rows) and lines.keys() == set(rows) else None

    # -- its groups

    def _group(self, connection: Any, group: str, rows: list[object], paths: frozenset[str]) -> dict[object, Rows]:
        lines: dict[object, list[Sequence[Any]]] = {row: [] for row in rows}
        bound = padded(rows)
        statement, wishes = self._rows_of_many(group, paths, len(bound), are_texts(rows))
        for number, *line in read_bound(connection, statement, numbered(bound)):
            if number < len(rows):  # what was repeated to fill the statement is not read twice
                lines[rows[number]].append(line)
        return {row: self._counted(group, wishes, its) for row, its in lines.items()}

    def _group_of_one(self, connection: Any, group: str, row: object, paths: frozenset[str]) -> Rows:
        statement, wishes = self._rows_of_one(group, paths, isinstance(row, str))
        return self._counted(group, wishes, read_bound(connection, statement, {"row": row}))

    def _counted(
        self, group: str, wishes: list[Wish], lines: Sequence[Sequence[Any]]
    ) -> tuple[Mapping[str, RawValue], ...]:
        self._records.check_count(group, len(lines))
        return tuple(cleaned(wishes, line) for line in lines)

    def _make_rows_of_one(self, group: str, paths: frozenset[str], is_text: bool) -> tuple[Statement, list[Wish]]:  # noqa: FBT001 -- one of a cache's keys
        wished = self._records.group_wishes(group, paths)
        places = [place for place, _ in wished] or ["1"]
        return Statement(self._select(group, places, "row", is_text=is_text)), [wish for _, wish in wished]

    def _make_rows_of_many(
        self,
        group: str,
        paths: frozenset[str],
        count: int,
        is_text: bool,  # noqa: FBT001 -- as above
    ) -> tuple[Statement, list[Wish]]:
        """Put one bounded SELECT for each row into one statement: each is found as it would be alone, by its own index."""
        wished = self._records.group_wishes(group, paths)
        places = [place for place, _ in wished]
        named = enumerate(names(count))
        selects = [self._select(group, [str(number), *places], name, is_text=is_text) for number, name in named]
        return Statement(each_of(selects)), [wish for _, wish in wished]

    def _select(self, group: str, places: list[str], name: str, *, is_text: bool) -> Select[Any]:
        lie = self._mapping.groups[group].lie
        if not isinstance(lie, Joined):
            raise TypeError("the group's rows do not lie in a database")
        return select(places, lie.from_, where_row(lie.where, name, is_text=is_text), MOST_GROUP_ROWS + 1)


def are_texts(rows: Sequence[object]) -> bool:
    """Tell whether all rows are named by texts."""
    return all(isinstance(row, str) for row in rows)
