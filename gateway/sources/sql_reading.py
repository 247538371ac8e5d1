"""How are the records of several people read from a database: one statement for all of one kind, one for each group?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from gateway.sources.comparing import lenient
from gateway.sources.database import read, read_bound
from gateway.sources.groups import Joined
from gateway.sources.mapping import Mapping as SourceMapping
from gateway.sources.records import MOST_GROUP_ROWS, Records, Wish, cleaned
from gateway.sources.sql_search import names, numbered, padded
from schemas.decision import RawValue, Record, Rows


class SqlReading:
    """The reading of one source's records. Holds statements only; safe for several threads."""

    def __init__(self, mapping: SourceMapping, from_: str, records: Records) -> None:
        self._mapping = mapping
        self._from = from_
        self._records = records
        self._one = lru_cache(maxsize=1024)(self._make_one)
        self._rows_of_one = lru_cache(maxsize=1024)(self._make_rows_of_one)
        self._rows_of_many = lru_cache(maxsize=1024)(self._make_rows_of_many)

    def records(self, connection: Any, rows: Sequence[object], paths: frozenset[str], subject: str) -> list[Record]:
        """Return the record of each row, or raise SourceFailedError; at most MOST_BOUND of them."""
        statement, wishes = self._one(paths, subject)
        if len(rows) == 1:  # most calls are of one person, and need nothing put together
            line = self._line(connection, statement, rows[0])
            named = self._records.groups(paths)
            own = {group: self._group_of_one(connection, group, rows[0], paths) for group in named}
            return [self._records.record(cleaned(wishes, line[1:-1]), own, line[-1])]
        distinct = list(dict.fromkeys(rows))
        lines = self._lines(connection, statement, distinct)
        groups = {group: self._group(connection, group, distinct, paths) for group in self._records.groups(paths)}
        found = {
            row: self._records.record(
                cleaned(wishes, lines[row][1:-1]), {group: its[row] for group, its in groups.items()}, lines[row][-1]
            )
            for row in distinct
        }
        return [found[row] for row in rows]

    # -- the record itself

    def _make_one(self, paths: frozenset[str], subject: str) -> tuple[str, list[Wish]]:
        wished = self._records.wishes(paths, subject)
        columns = [self._mapping.row, *(place for place, _ in wished), self._mapping.as_at or "NULL"]
        return f"SELECT {', '.join(columns)} FROM {self._from} WHERE {self._mapping.row} ", [wish for _, wish in wished]

    def _lines(self, connection: Any, statement: str, rows: list[object]) -> Mapping[object, Sequence[Any]]:
        together = self._together(connection, statement, rows)
        return together if together is not None else {row: self._line(connection, statement, row) for row in rows}

    def _line(self, connection: Any, statement: str, row: object) -> Sequence[Any]:
        found = read(connection, statement + "= :row LIMIT 2", row, "row")
        if len(found) != 1:
            raise self._records.gone()
        line: Sequence[Any] = found[0]
        return line

    def _together(self, connection: Any, statement: str, rows: list[object]) -> dict[object, Sequence[Any]] | None:
        """Return the one line of each row, or None where it can't be told for certain which line is whose."""
        own = {lenient(row): row for row in rows}
        if len(own) < len(rows):
            return None
        bound = padded(rows)
        values = {**numbered(bound), "most": len(rows) + 1}
        found = read_bound(connection, f"{statement}IN ({names(len(bound))}) LIMIT :most", values)
        lines = {own.get(lenient(line[0])): line for line in found}
        return lines if len(found) == len(rows) and lines.keys() == set(rows) else None

    # -- its groups

    def _group(self, connection: Any, group: str, rows: list[object], paths: frozenset[str]) -> dict[object, Rows]:
        lines: dict[object, list[Sequence[Any]]] = {row: [] for row in rows}
        bound = padded(rows)
        statement, wishes = self._rows_of_many(group, paths, len(bound))
        for number, *line in read_bound(connection, statement, numbered(bound)):
            if number < len(rows):  # what was repeated to fill the statement is not read twice
                lines[rows[number]].append(line)
        return {row: self._counted(group, wishes, its) for row, its in lines.items()}

    def _group_of_one(self, connection: Any, group: str, row: object, paths: frozenset[str]) -> Rows:
        statement, wishes = self._rows_of_one(group, paths)
        return self._counted(group, wishes, read(connection, statement, row, "row"))

    def _counted(
        self, group: str, wishes: list[Wish], lines: Sequence[Sequence[Any]]
    ) -> tuple[Mapping[str, RawValue], ...]:
        self._records.check_count(group, len(lines))
        return tuple(cleaned(wishes, line) for line in lines)

    def _make_rows_of_one(self, group: str, paths: frozenset[str]) -> tuple[str, list[Wish]]:
        wished = self._records.group_wishes(group, paths)
        return self._select(group, [place for place, _ in wished] or ["1"], ":row"), [wish for _, wish in wished]

    def _make_rows_of_many(self, group: str, paths: frozenset[str], count: int) -> tuple[str, list[Wish]]:
        """Put one bounded SELECT for each row into one statement: each is found as it would be alone, by its own index."""
        wished = self._records.group_wishes(group, paths)
        places = [place for place, _ in wished]
        selects = (f"SELECT * FROM ({self._select(group, [str(n), *places], f':v{n}')}) AS q{n}" for n in range(count))
        return " UNION ALL ".join(selects), [wish for _, wish in wished]

    def _select(self, group: str, columns: list[str], row: str) -> str:
        lie = self._mapping.groups[group].lie
        if not isinstance(lie, Joined):
            raise TypeError("the group's rows do not lie in a database")
        where = lie.where.replace(":row", row)
        return f"SELECT {', '.join(columns)} FROM {lie.from_} WHERE {where} LIMIT {MOST_GROUP_ROWS + 1}"
