"""Which of a field's options does this record, or this row, let through?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field as member
from datetime import date
from typing import Any

from policies.compile import Compiled
from policies.facts import holds
from policies.forms import Pseudonym, apply_form
from schemas.agreement import Atom, Condition, RecordTerm
from schemas.dataset import Field
from schemas.decision import Option, Record, Release, Unusable
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
    barred = [cap for cap in release.caps if False not in [look(work, one, field.of, row) for one in cap.record]]
    for option in release.options:
        if not option.record and not barred:
            return option
        known = [look(work, one, work.of[option.line], row) for one in option.record]
        if all(one is True for one in known) and all(option.line in cap.spares for cap in barred):
            return option
    return TrueReason.RECORD_CAP if barred else TrueReason.RECORD_CONDITION


def is_plain(release: Release) -> bool:
    """Tell whether the first option is chosen whatever the record says."""
    return not release.caps and not release.options[0].record


def look(work: Work, condition: Condition, of: str | None, row: Row | None) -> bool | None:
    """Tell whether a condition holds, and keep for the log what the record said: a row's marker as that of any row."""
    said = holds(condition, work.record, work.compiled, on=work.on, of=of)
    work.markers[_name(condition, of)] = _as_marker(condition, said=said)
    if row is None or not isinstance(condition, RecordTerm) or "." not in condition.marker:
        return said
    return holds(condition, work.record, work.compiled, on=work.on, of=of, row=row)


def _name(condition: Condition, of: str | None) -> str:
    if isinstance(condition, RecordTerm):
        return condition.marker if isinstance(condition.value, bool) else f"{condition.marker}={condition.value}"
    return condition.value if of is None or condition is Atom.DECEASED else f"{condition.value}:{of}"


def _as_marker(condition: Condition, *, said: bool | None) -> bool | None:
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
