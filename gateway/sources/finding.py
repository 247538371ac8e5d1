"""Who is it about? One person by a key and confirming details, or nobody: no candidates, no score.

The judgement on rows that an adapter has read, whatever it read them from.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, Final

from gateway.sources.cleaning import Cleaner, cleaner, field_cleaner
from gateway.sources.columns import Column
from gateway.sources.comparing import Form, key_form, normal_form, person_form, typed_form
from gateway.sources.composite import asked_by
from gateway.sources.contract import Found
from gateway.sources.mapping import Mapping as SourceMapping
from schemas.dataset import Dataset, Field, Key
from schemas.request import SubjectQuery
from schemas.terms import Match

MOST_ROWS: Final = 64  # records of one key: more can't be told apart
MOST_ROWS_OF_ALL: Final = 512  # and of what a source is asked by for a composite key: many people share a birth date
Place = tuple[str, str, Cleaner, Form]  # (detail, role) of a selected column, how its value is cleaned, and compared
Guard = Cleaner | None  # how a marker's value is cleaned that protects what the search reveals; None where it lies nowhere
Sort = tuple[str, tuple[str, ...]]  # a key, and the details that were given with it


@dataclass(frozen=True, slots=True)
class Sought:
    """A query in the forms that a source holds: the key's value, and each detail's normal form.

    For a composite key the source is asked by some of its details: `asked` are these as typed, `value` their forms in one.
    """

    sort: Sort
    value: str
    given: Mapping[str, str | None]
    asked: tuple[str, ...] = ()


class Finding:
    """What one source's searches read, and what their rows say. Holds no state but what the mapping says.

    `asked_by` are the details by which the source is asked for each composite key.
    """

    def __init__(self, dataset: Dataset, mapping: SourceMapping, clock: Callable[[], datetime]) -> None:
        self._dataset = dataset
        self._mapping = mapping
        self._clock = clock
        self.asked_by = {key: asked_by(dataset, mapping, key, clock) for key in mapping.asked_by}
        self._selected = lru_cache(maxsize=64)(self._select)

    def sought(self, query: SubjectQuery) -> Sought | Found:
        """Return what to look for, or the answer where there is nothing to look for."""
        given = {name: typed_form(self._dataset.fields[name], text) for name, text in query.confirm.items()}
        if query.is_composite:
            return self._sought_by_all(query, given)
        value = key_form(self._dataset.fields[query.key], query.value)
        if value is None:
            return Found(Match.NOBODY)
        if len(given) < self._dataset.keys[query.key].at_least:
            return Found(Match.MISMATCH)
        return Sought((query.key, tuple(sorted(given))), value, given)

    def _sought_by_all(self, query: SubjectQuery, given: Mapping[str, str | None]) -> Sought | Found:
        if given.keys() != set(self._dataset.keys[query.key].all_of):
            return Found(Match.MISMATCH)
        forms = {detail: form for detail, form in given.items() if form is not None}
        if len(forms) < len(given):
            return Found(Match.NOBODY)
        asked = self._mapping.asked_by[query.key]
        value, typed = in_one([forms[one] for one in asked]), tuple(query.confirm[one] for one in asked)
        return Sought((query.key, tuple(sorted(given))), value, given, typed)

    def selected(self, sort: Sort) -> tuple[str | None, ...]:
        """Return the places that a search reads, in the order of its rows: the record, its people, details, markers."""
        return self._selected(sort)[0]

    def markers_in(self, sort: Sort) -> int:
        """Return how many of these places, the last ones, are of markers."""
        return len(self._selected(sort)[2])

    def one_of(self, rows: Sequence[Sequence[Any]], sought: Sought) -> Found:
        """Return the one person of the rows whom the details fit, or what the log should know of the failure."""
        if not rows:
            return Found(Match.NOBODY)
        return self._one_of(rows, sought)

    def _select(self, sort: Sort) -> tuple[tuple[str | None, ...], tuple[Place, ...], tuple[Guard, ...]]:
        mapping, key = self._mapping, self._dataset.keys[sort[0]]
        columns: list[str | None] = [mapping.row, *mapping.people.values()]
        places = []
        for detail in sort[1]:
            form = normal_form(self._dataset.fields[detail].type)
            clean = field_cleaner(self._dataset, detail, mapping.fields.get(detail, Column()), self._clock)
            for role in key.finds:
                for place in mapping.confirm[detail].get(role, ()):
                    columns.append(place)
                    places.append((detail, role, clean, form))
        guarding = [(marker, mapping.fields.get(marker.path)) for marker in self._guarding(sort)]
        columns += [column.lies(None) if column else None for _, column in guarding]
        guards = tuple(cleaner(column, marker.type) if column is not None else None for marker, column in guarding)
        return tuple(columns), tuple(places), guards

    def _guarding(self, sort: Sort) -> list[Field]:
        """Return the markers that protect what a key or a detail of a search reveals. One of a row guards its row."""
        named = (*self._dataset.keys[sort[0]].named_by, *sort[1])
        tags = {tag for one in named for tag in self._dataset.fields[one].reveals}
        return [marker for marker in self._dataset.markers_of(tags) if "." not in marker.path]

    def _one_of(self, rows: Sequence[Any], sought: Sought) -> Found:
        key, (_, places, guards) = self._dataset.keys[sought.sort[0]], self._selected(sought.sort)
        fits: dict[tuple[str, object], tuple[str, dict[str, str], Any]] = {}
        near: dict[str, None] = {}
        hidden = False
        for row in rows:
            people = self._people(row)
            if self._leads_to_people(key):
                near.update(dict.fromkeys(people[role] for role in key.finds if role in people))
            for role in self._fitting(row, places, sought.given, key.finds):
                if role not in people:
                    continue
                # As if nobody were there: a yes, or another sort of no, would tell that the guess at a place was right.
                if self._is_protected(row, guards):
                    hidden = True
                else:
                    fits[people[role], row[0]] = (role, people, row)
        # Beyond the limit another might fit, or whoever was meant.
        if len(fits) > 1 or len(rows) > (MOST_ROWS_OF_ALL if key.all_of else MOST_ROWS):
            return Found(Match.SEVERAL, near=tuple(near))
        if not fits:
            return Found(Match.PROTECTED_BY_PLACE if hidden else Match.MISMATCH, near=tuple(near))
        role, people, row = next(iter(fits.values()))
        return Found(Match.CONFIRMED, subject=role, people=people, row=row[0], near=tuple(near))

    def _leads_to_people(self, key: Key) -> bool:
        """Tell whether a miss counts for whom its key leads to: not where the key itself is a guess at them."""
        return not (key.finds_place or key.all_of or self._dataset.fields[key.name].reveals)

    def _people(self, row: Sequence[Any]) -> dict[str, str]:
        references = zip(self._mapping.people, row[1:], strict=False)
        return {role: form for role, raw in references if (form := person_form(raw))}

    def _fitting(
        self, row: Sequence[Any], places: Sequence[Place], given: Mapping[str, str | None], roles: Sequence[str]
    ) -> list[str]:
        """Return the roles of whom every given detail fits: one of a detail's columns (a former name) is enough."""
        fitting: set[tuple[str, str]] = set()
        for (detail, role, clean, form), raw in zip(places, row[1 + len(self._mapping.people) :], strict=False):
            for one in raw if isinstance(raw, tuple) else (raw,):  # an upstream may list former names at one place
                held = form(clean(one))
                if held is not None and held == given[detail]:
                    fitting.add((detail, role))
        return [role for role in roles if fitting.issuperset([(detail, role) for detail in given])]

    def _is_protected(self, row: Sequence[Any], guards: Sequence[Guard]) -> bool:
        """Tell whether a marker keeps everybody of a record from being found by this search. Unknown is protected.

        Whosever it is: the place of one of them is the place of those who live with them.
        """
        said = zip(guards, row[len(row) - len(guards) :], strict=True)
        return any(clean is None or clean(raw) is not False for clean, raw in said)


def in_one(forms: Sequence[str]) -> str:
    """Return the forms of several details as one text: no form holds what stands between them."""
    return "\0".join(forms)
