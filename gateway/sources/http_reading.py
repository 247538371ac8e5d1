"""What of an upstream's answer is a record's, and what is dropped at the door?"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from gateway.sources.contract import Cause, SourceFailedError
from gateway.sources.groups import Nested
from gateway.sources.json_answer import WHOLE, at, steps
from gateway.sources.mapping import Mapping as SourceMapping
from gateway.sources.records import Records, cleaned
from gateway.sources.upstream import Call, Upstream
from schemas.decision import RawValue, Record, Rows

Notice = Callable[[Sequence[str], Any], None]  # places, and what they begin at
_TURNING: Final = """
    next nextLink next_link nextPage next_page nextPageToken next_page_token nextCursor next_cursor hasMore has_more
    hasNext has_next @odata.nextLink @nextLink
"""
_PAGES: Final = frozenset(_TURNING.split())
NO_VALUE: Final = b""  # bytes are never a value: cleaning makes them Unusable.INVALID


class HttpReading:
    """How one upstream's answers are read: nothing but the mapped places is ever taken from them."""

    def __init__(self, mapping: SourceMapping, upstream: Upstream, records: Records, notice: Notice | None = None) -> None:
        self._mapping = mapping
        self._upstream = upstream
        self._records = records
        self._notice = notice

    def select(self, places: Sequence[str | None]) -> dict[str, str]:
        """Return the query that asks for single members, empty where the upstream can't be asked so."""
        if self._upstream.select is None:
            return {}
        named = (".".join(steps(place)) for place in places if place is not None)
        return {self._upstream.select: ",".join(dict.fromkeys(named))}

    def objects(self, answer: Any, call: Call) -> list[dict[str, Any]]:
        """Return the records of an answer; None, a status that means nobody, has none.

        Raises SourceFailedError for what is no record, and where the place of the records is missing: a service that
        was rebuilt would else seem to know nobody.
        """
        if answer is None:
            return []
        self.notice([call.more, call.last], answer)
        self._check_turning(answer, call)
        found = self._inside(answer, call.records)
        if found is None:
            raise self._failed("gave no records where the mapping has them")
        return self._objects(found)

    def notice(self, places: Sequence[str | None], value: Any) -> None:
        """Let a survey see which places a value has."""
        if self._notice is not None:
            self._notice([place for place in places if place is not None], value)

    def _check_turning(self, answer: Any, call: Call) -> None:
        """Raise SourceFailedError for an answer that tells of further pages to a call that turns none: it is a part."""
        if call.turns_pages or call is self._upstream.sample or call.records == WHOLE or not isinstance(answer, dict):
            return
        for name in sorted(_PAGES & answer.keys()):
            if answer[name]:
                text = f"gave part of its records alone: it has {name}, and its call says not how pages are turned"
                raise SourceFailedError(f"{self._mapping.source} {text}", Cause.PAGES)

    def _inside(self, value: Any, place: str) -> Any:
        for step in steps(place):
            if not isinstance(value, dict):
                return None
            value = value.get(step)
        return value

    def _objects(self, found: Any) -> list[dict[str, Any]]:
        objects = found if isinstance(found, list) else [found]
        if not all(isinstance(one, dict) for one in objects):
            raise self._failed("gave something else than records")
        return objects

    def single(self, record: Mapping[str, Any], place: str) -> str:
        """Return the text of a reference, "" where there is none; SourceFailedError for what is no single value."""
        raw = at(record, steps(place))
        if isinstance(raw, (dict, list, bool)):
            raise self._failed("gave something else than a reference")
        return "" if raw is None else str(raw).strip()

    # -- a record

    def record_places(self, paths: frozenset[str], subject: str) -> list[str | None]:
        """Return the places that a fetch reads of a record."""
        inner = [
            f"{lie.records}.{place}"
            for group in self._records.groups(paths)
            if isinstance(lie := self._mapping.groups[group].lie, Nested) and lie.call is None
            for place in self.row_places(group, paths)
        ]
        return [
            self._mapping.row,
            *(place for place, _ in self._records.wishes(paths, subject)),
            self._mapping.as_at,
            *inner,
        ]

    def row_places(self, group: str, paths: frozenset[str]) -> list[str]:
        """Return the places read of a group's row: one at least, for a row must be there to be counted."""
        wished = [place for place, _ in self._records.group_wishes(group, paths)]
        columns = self._mapping.groups[group].fields.values()
        return wished or [place for column in columns if (place := column.lies(None)) is not None][:1]

    def by_row(self, objects: Sequence[dict[str, Any]], rows: Sequence[str]) -> dict[str, dict[str, Any]]:
        """Return the one record of each row, or raise SourceFailedError: never another's, and never none."""
        found: dict[str, dict[str, Any]] = {}
        for one in objects:
            row = self.single(one, self._mapping.row)
            if row not in rows:
                raise self._failed("gave the record of another than was asked for")
            if row in found:
                raise self._records.gone()
            found[row] = one
        if len(found) < len(rows):
            raise self._records.gone()
        return found

    def record(
        self, line: dict[str, Any], groups: Mapping[str, list[dict[str, Any]]], paths: frozenset[str], subject: str
    ) -> Record:
        """Return the record of an upstream's object; `groups` are the rows of groups with a call of their own."""
        wished = self._records.wishes(paths, subject)
        self.notice([place for place, _ in wished], line)
        values = cleaned([wish for _, wish in wished], (_held(line, place) for place, _ in wished))
        rows = {
            group: self._rows(group, groups[group] if group in groups else self._nested(line, group), paths)
            for group in self._records.groups(paths)
        }
        stated = self.single(line, self._mapping.as_at) if self._mapping.as_at else ""
        return self._records.record(values, rows, stated or None)

    def _nested(self, line: dict[str, Any], group: str) -> list[dict[str, Any]]:
        lie = self._mapping.groups[group].lie
        found = self._inside(line, lie.records) if isinstance(lie, Nested) else None
        return [] if found is None else self._objects(found)  # many leave out a list that is empty

    def _rows(self, group: str, objects: list[dict[str, Any]], paths: frozenset[str]) -> Rows:
        self._records.check_count(group, len(objects))
        wished = self._records.group_wishes(group, paths)
        wishes = [wish for _, wish in wished]
        for one in objects:
            self.notice([place for place, _ in wished], one)
        rows: list[Mapping[str, RawValue]] = [
            cleaned(wishes, (_held(one, place) for place, _ in wished)) for one in objects
        ]
        return tuple(rows)

    def _failed(self, what: str) -> SourceFailedError:
        return SourceFailedError(f"{self._mapping.source} {what}")


def plain(raw: Any) -> Any:
    """Return a single value as it is, and what is none as what cleaning takes for invalid."""
    return NO_VALUE if isinstance(raw, (dict, list)) else raw


def _held(line: dict[str, Any], place: str) -> Any:
    return plain(at(line, steps(place)))
