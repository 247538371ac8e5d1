"""Which of a field's options does this record, or this row, let through?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from dataclasses import field as member
from datetime import date
from typing import Any

from policies.deciding.compile import AGES, Compiled, births_for, born_of
from policies.deciding.facts import holds
from policies.deciding.forms import Pseudonym, apply_form
from schemas.agreement import Atom, PersonTerm, RecordTerm, Resting
from schemas.dataset import Field
from schemas.decision import Option, Record, RecordCap, Release, Unusable
from schemas.reasons import TrueReason

Row = Mapping[str, object]


@dataclass(slots=True)
class Work:
    """What shaping one record needs and finds. Lives for one call."""

    record: Record
    compiled: Compiled
    on: date
    pseudonym: Pseudonym
    of: Mapping[str, str | None]  # release line -> whose
    subject: str | None = None  # the role of the person asked about
    markers: dict[str, bool | None] = member(default_factory=dict)
    values: dict[str, dict[str, Any]] = member(default_factory=dict)
    lines: dict[str, tuple[str, str]] = member(default_factory=dict)
    lawful: dict[str, str] = member(default_factory=dict)
    shown: dict[str, list[Row]] = member(default_factory=dict)  # path -> the rows that it leaves in
    true_reasons: dict[str, TrueReason] = member(default_factory=dict)


def choose(work: Work, field: Field, release: Release, row: Row | None) -> Option | TrueReason:
    """Return the first option whose conditions are known to hold, unless a cap is not known to be lifted."""
    if is_plain(release):
        return release.options[0]
    return next(choices(work, field, release, row))


def choices(work: Work, field: Field, release: Release, row: Row | None) -> Iterator[Option | TrueReason]:
    """Yield the options whose conditions are known to hold, most revealing first; at the end, why there is no further."""
    barred = [cap for cap in release.caps if not any(_is_lifted(work, one, field, row) for one in cap.record)]
    for option in release.options:
        if any(not is_spared(option, cap) for cap in barred):
            continue
        if all(_is_met(work, one, field, work.of[option.line], row) for one in option.record):
            yield option
    yield TrueReason.RECORD_CAP if barred else TrueReason.RECORD_CONDITION


def is_spared(option: Option, cap: RecordCap) -> bool:
    """Tell whether a cap lets an option be: by its line, or by the own consent that it names."""
    return option.line in cap.spares or (cap.spares_own_consent and option.own_consent)


def _is_lifted(work: Work, condition: Resting, field: Field, row: Row | None) -> bool:
    """Tell whether what restricts is known to be otherwise."""
    return all(one is False for one in look(work, condition, field, field.of, row))


def _is_met(work: Work, condition: Resting, field: Field, of: str | None, row: Row | None) -> bool:
    """Tell whether what releases is known to be so."""
    return all(one is True for one in look(work, condition, field, of, row))


def is_plain(release: Release) -> bool:
    """Tell whether the first option is chosen whatever the record says."""
    return not release.caps and not release.options[0].record


def look(work: Work, condition: Resting, field: Field, of: str | None, row: Row | None) -> tuple[bool | None, ...]:
    """Tell whether a condition beside a field holds, and keep for the log what the record said.

    A row's marker is kept as that of any row. An age is asked of each date that it counts from.
    """
    return tuple(_look(work, condition, born, row) for born in _births(work, condition, field, of))


def _births(work: Work, condition: Resting, field: Field, of: str | None) -> tuple[str | None, ...]:
    if isinstance(condition, PersonTerm):
        return (born_of(work.compiled, person=condition.person, subject=work.subject),)
    return births_for(work.compiled, field, subject=work.subject, of=of) if condition in AGES else (None,)


def _look(work: Work, condition: Resting, born: str | None, row: Row | None) -> bool | None:
    said = holds(condition, work.record, on=work.on, born=born)
    work.markers[_name(work, condition, born)] = _as_marker(condition, said=said)
    if row is None or not isinstance(condition, RecordTerm) or "." not in condition.marker:
        return said
    return holds(condition, work.record, on=work.on, born=born, row=row)


def _name(work: Work, condition: Resting, born: str | None) -> str:
    if isinstance(condition, RecordTerm):
        return condition.marker if isinstance(condition.value, bool) else f"{condition.marker}={condition.value}"
    if isinstance(condition, PersonTerm):
        return f"{condition.needs.value}:{condition.person}"
    whose = next((of for of, path in work.compiled.births.items() if path == born), None)
    return condition.value if whose is None or condition is Atom.DECEASED else f"{condition.value}:{whose}"


def _as_marker(condition: Resting, *, said: bool | None) -> bool | None:
    """Return a boolean marker's own value, and not what a comparison with it gave."""
    if said is None or not isinstance(condition, RecordTerm) or condition.value is not False:
        return said
    return not said


def formed(work: Work, field: Field, form: str, raw: object) -> Any:
    """Return a value in a form, or the reason why there is none."""
    value = apply_form(field, form, raw, on=work.on, pseudonym=work.pseudonym)
    if value is None:
        return TrueReason.NOT_HELD
    return TrueReason.SOURCE_VALUE_INVALID if value is Unusable.INVALID else value
