"""Who is it about? One person by a key and confirming details, or nobody: no candidates, no score.

Reads the columns of the key, of the details that were given and of the marker that protects an address, and no others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

from gateway.sources.cleaning import clean_value, detail_form, key_form, person_form, typed_form
from gateway.sources.columns import Column
from gateway.sources.contract import Found
from gateway.sources.database import read
from gateway.sources.mapping import PROTECTED
from gateway.sources.mapping import Mapping as SourceMapping
from schemas.dataset import Dataset
from schemas.request import SubjectQuery
from schemas.terms import Match

MOST_ROWS: Final = 64  # records of one key: more can't be told apart
Place = tuple[str, str]  # (detail, role) of a selected column


class Search:
    """The search of one source. Holds statements only; safe for several threads."""

    def __init__(self, dataset: Dataset, mapping: SourceMapping) -> None:
        self._dataset = dataset
        self._mapping = mapping
        self._statement = lru_cache(maxsize=64)(self._make_statement)

    def identify(self, connection: Any, query: SubjectQuery) -> Found:
        """Return the one person that key and details fit, or what the log should know of the failure."""
        key = self._dataset.keys[query.key]
        value = key_form(self._dataset.fields[query.key], query.value)
        given = {name: typed_form(self._dataset.fields[name], text) for name, text in query.confirm.items()}
        if value is None:
            return Found(Match.NOBODY)
        if len(given) < key.at_least:
            return Found(Match.MISMATCH)
        statement, places = self._statement(query.key, tuple(sorted(given)))
        rows = read(connection, statement, value, "key")
        if not rows:
            return Found(Match.NOBODY)
        return self._one_of(rows, places, given, query.key)

    def _make_statement(self, key: str, details: tuple[str, ...]) -> tuple[str, list[Place]]:
        mapping = self._mapping
        columns = [mapping.row, *mapping.people.values()]
        places = []
        for detail in details:
            for role in self._dataset.keys[key].finds:
                for column in mapping.confirm[detail].get(role, ()):
                    columns.append(column)
                    places.append((detail, role))
        finds_place = self._dataset.keys[key].finds_place
        protection = mapping.fields.get(PROTECTED) if finds_place else None
        columns.append(protection.sql if protection and protection.sql else "NULL")
        where = f"{mapping.keys[key]} = :key"
        # A place finds those who live there now; a person's own key finds them after they left, too.
        if finds_place and mapping.live:
            where += f" AND {mapping.live}"
        return f"SELECT {', '.join(columns)} FROM {mapping.from_} WHERE {where} LIMIT {MOST_ROWS + 1}", places

    def _one_of(
        self, rows: Sequence[Any], places: Sequence[Place], given: Mapping[str, str | None], key_name: str
    ) -> Found:
        key = self._dataset.keys[key_name]
        fits: dict[tuple[str, object], tuple[str, Any]] = {}
        for row in rows:
            people = self._people(row)
            for role in self._fitting(row, places, given, key.finds):
                if role in people:
                    fits[people[role], row[0]] = (role, row)
        if not fits:
            return Found(Match.MISMATCH)
        # Beyond the limit another might fit as well.
        if len(fits) > 1 or len(rows) > MOST_ROWS:
            return Found(Match.SEVERAL)
        role, row = next(iter(fits.values()))
        people = self._people(row)
        if key.finds_place and self._is_protected(row[-1]):
            return Found(Match.PROTECTED_BY_PLACE, people={role: people[role]})
        return Found(Match.CONFIRMED, subject=role, people=people, row=row[0])

    def _people(self, row: Sequence[Any]) -> dict[str, str]:
        references = zip(self._mapping.people, row[1:], strict=False)
        return {role: form for role, raw in references if (form := person_form(raw))}

    def _fitting(
        self, row: Sequence[Any], places: Sequence[Place], given: Mapping[str, str | None], roles: Sequence[str]
    ) -> list[str]:
        """Return the roles of whom every given detail fits: one of a detail's columns (a former name) is enough."""
        fitting: set[Place] = set()
        for place, raw in zip(places, row[1 + len(self._mapping.people) :], strict=False):
            detail = place[0]
            column = self._mapping.fields.get(detail, Column())
            held = detail_form(raw, column, self._dataset.fields[detail])
            if held is not None and held == given[detail]:
                fitting.add(place)
        return [role for role in roles if all((detail, role) in fitting for detail in given)]

    def _is_protected(self, raw: object) -> bool:
        """Unknown is protected: a place is not a way to find out."""
        field = self._dataset.fields.get(PROTECTED)
        if field is None:
            return False
        column = self._mapping.fields.get(PROTECTED)
        return column is None or clean_value(raw, column, field) is not False
