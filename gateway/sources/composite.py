"""By which details is a source asked for a composite key, where do they lie, and in which spellings may they be held?

Whoever fits these is compared in all other details as any person is. So a spelling that is missed here hides somebody,
and two who can't be told apart might seem one: of the types that can be asked for, every spelling must be known.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from gateway.sources.cleaning import Cleaner, field_cleaner
from gateway.sources.columns import Column
from gateway.sources.comparing import Form, held_spellings, normal_form, typed_form, typed_value
from gateway.sources.dates import texts_of_day
from gateway.sources.mapping import Mapping as SourceMapping
from schemas.dataset import Dataset, Field
from schemas.decision import RawValue
from schemas.forms import FieldType

# The types whose spellings are known, one and all.
ASKED_FOR: Final = frozenset(
    {FieldType.DATE, FieldType.POSTCODE, FieldType.NHS_NUMBER, FieldType.NINO, FieldType.UPRN, FieldType.UPN}
)
_BLANKS: Final = re.compile(r"[ -]")
_OUTWARD: Final = 4  # characters that registers with postcodes of one length give the part before the blank


@dataclass(frozen=True, slots=True)
class AskedBy:
    """One detail that a source is asked by: the places that it may lie at, and how what is held there is read."""

    field: Field
    column: Column
    places: tuple[str, ...]
    clean: Cleaner
    form: Form

    def held_form(self, raw: object) -> str | None:
        """Return the normal form of what is held at one of the places, None where there is nothing to compare."""
        return self.form(self.clean(raw))

    def form_of(self, typed: str) -> str | None:
        """Return the normal form of what a partner typed."""
        return typed_form(self.field, typed)

    def typed(self, raw: object) -> str | None:
        """Return what is held as a partner would type it, None where there is nothing to compare."""
        value = self.clean(raw)
        return str(value) if self.form(value) is not None else None

    def spellings(self, typed: str) -> tuple[str, ...]:
        """Return every text that the source may hold for a detail as a partner typed it, and that is read as it."""
        wanted, value = self.form_of(typed), typed_value(self.field, typed)
        if wanted is None:
            return ()
        return tuple(dict.fromkeys(one for one in _written(self, value) if self.held_form(one) == wanted))


def asked_by(dataset: Dataset, mapping: SourceMapping, key: str, clock: Callable[[], datetime]) -> tuple[AskedBy, ...]:
    """Return what the source is asked by for a composite key, in the mapping's order."""
    return tuple(_asked_by(dataset, mapping, key, detail, clock) for detail in mapping.asked_by[key])


def _asked_by(dataset: Dataset, mapping: SourceMapping, key: str, detail: str, clock: Callable[[], datetime]) -> AskedBy:
    column = mapping.fields.get(detail, Column())
    roles = dataset.keys[key].finds
    places = dict.fromkeys(place for role in roles for place in mapping.confirm[detail].get(role, ()))
    clean = field_cleaner(dataset, detail, column, clock)
    return AskedBy(dataset.fields[detail], column, tuple(places), clean, normal_form(dataset.fields[detail].type))


def _written(one: AskedBy, value: RawValue) -> Iterable[str]:
    if isinstance(value, date):
        return (text for form in one.column.dates for text in texts_of_day(value, form))
    text = str(value)
    if one.field.type is FieldType.POSTCODE:
        return _postcodes(text)
    return held_spellings(one.field, text)


def _postcodes(text: str) -> Iterable[str]:
    """Return a postcode as its post writes it, without a blank, and in seven and eight characters as registers do."""
    outward, blank, inward = text.partition(" ")
    plain = (text, _BLANKS.sub("", text))
    return (*plain, f"{outward:<{_OUTWARD}}{inward}", f"{outward:<{_OUTWARD}} {inward}") if blank else plain
