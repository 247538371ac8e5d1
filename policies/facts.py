"""What is known, what is known to be otherwise, and what is not known at all?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Final

from policies.compile import DECEASED, Compiled, birth_path
from schemas.agreement import Atom, Condition, RecordTerm
from schemas.consent import ConsentRecord, Restriction
from schemas.decision import Record, Unusable
from schemas.request import Circumstances
from schemas.terms import Capacity, ConsentKind, ConsentState, Despite, GivenBy, RestrictionKind

ADULT_AT: Final = 18
OLDEST: Final = 130  # years: an older birth date is an error of the source

# What a restriction yields to. UK GDPR Article 18(2) for those of Article 18(1), (a) and (d) among them; an upheld
# objection yields to legal claims alone (Article 21(1)); an opt-out to an important public interest.
SURVIVES: Final[Mapping[RestrictionKind, frozenset[Despite]]] = {
    RestrictionKind.ARTICLE_18: frozenset(Despite),
    RestrictionKind.ACCURACY_DISPUTED: frozenset(Despite),
    RestrictionKind.OBJECTION_PENDING: frozenset(Despite),
    RestrictionKind.OBJECTION_UPHELD: frozenset({Despite.LEGAL_CLAIM}),
    RestrictionKind.OPT_OUT: frozenset({Despite.IMPORTANT_PUBLIC_INTEREST}),
}
OBJECTIONS: Final = frozenset(
    {RestrictionKind.OBJECTION_PENDING, RestrictionKind.OBJECTION_UPHELD, RestrictionKind.OPT_OUT}
)

Covered = frozenset[tuple[str, str, ConsentKind]]  # (person, path, kind)
Held = frozenset[tuple[str, str, RestrictionKind]]  # (person, path, kind)


def consented(compiled: Compiled, c: Circumstances) -> Covered:
    """Return what live consents cover, per person, field and kind.

    Of the answers that cover a field, recipient and purpose, the newest of a kind counts; a later no, of whatever
    kind, counts against every yes before it. Nothing unknown counts as a yes.
    """
    found = set()
    for person, records in c.consents.items():
        fitting = [one for one in records if _fits(one, compiled, c)]
        for path in compiled.consent_paths:
            named = frozenset({path, compiled.lanes[path].field.derived_from, path.partition(".")[0]})
            covering = [one for one in fitting if not one.fields or (named if _is_no(one) else {path}) & one.fields]
            found |= {(person, path, kind) for kind in ConsentKind if _is_yes(covering, kind, c.at)}
    return frozenset(found)


def _fits(one: ConsentRecord, compiled: Compiled, c: Circumstances) -> bool:
    agreement = compiled.rules.agreement
    return (
        one.state is not ConsentState.ASKED
        and one.from_at <= c.at
        and (one.controller, one.dataset, one.purpose)
        == (agreement.controller, compiled.rules.dataset.id, agreement.purpose)
        and (c.recipient in one.recipients or (_is_no(one) and not one.recipients))
    )


def _is_no(one: ConsentRecord) -> bool:
    return one.state in {ConsentState.REFUSED, ConsentState.WITHDRAWN}


def _is_yes(records: list[ConsentRecord], kind: ConsentKind, at: datetime) -> bool:
    answers = [one for one in records if one.kind is kind or _is_no(one)]
    # At one instant, what is not a yes comes later.
    newest = max(answers, key=lambda one: (one.from_at, one.state is not ConsentState.GIVEN), default=None)
    if newest is None or newest.state is not ConsentState.GIVEN or (newest.until is not None and newest.until <= at):
        return False
    # Mental Capacity Act 2005, section 3: who lacks capacity to decide has not decided.
    return not (newest.capacity is Capacity.LACKING and newest.given_by is GivenBy.SELF)


def restricted(compiled: Compiled, c: Circumstances) -> Held:
    """Return what live restrictions hold back, per person and field; a field's derived fields with it."""
    fields = compiled.rules.dataset.fields
    return frozenset(
        (person, path, one.kind)
        for person, records in c.restrictions.items()
        for one in records
        if _is_live(one, c)
        for path in compiled.lanes
        if not one.fields or {path, fields[path].derived_from, path.partition(".")[0]} & one.fields
    )


def _is_live(one: Restriction, c: Circumstances) -> bool:
    begun = one.from_at <= c.at and (one.until is None or c.at < one.until)
    return begun and (not one.recipients or c.recipient in one.recipients)


def personal_edges(c: Circumstances) -> Iterable[datetime]:
    """Return the later instants at which a consent or restriction begins or ends."""
    spans = [(one.from_at, one.until) for many in c.consents.values() for one in many]
    spans += [(one.from_at, one.until) for many in c.restrictions.values() for one in many]
    return (edge for span in spans for edge in span if edge is not None and edge > c.at)


# -- what a record says


def holds(
    condition: Condition,
    record: Record,
    compiled: Compiled,
    *,
    on: date,
    of: str | None,
    row: Mapping[str, object] | None = None,
) -> bool | None:
    """Tell whether a condition on the record is true, false or unknown (None).

    Blank, absent and invalid are unknown. A marker of a group is looked at in `row`; outside a row it holds where
    it holds of any row, and is false only where it is known to be false of all.
    """
    if isinstance(condition, RecordTerm):
        if "." in condition.marker:
            return _row_marker(condition, record, row)
        return _equals(record.values.get(condition.marker), condition.value)
    if condition is Atom.DECEASED:
        return _equals(record.values.get(DECEASED), True)
    born = birth_path(compiled.rules, of)
    years = age_on(record.values.get(born) if born else None, on)
    if years is None:
        return None
    return years >= ADULT_AT if condition is Atom.ADULT else years < ADULT_AT


def _row_marker(term: RecordTerm, record: Record, row: Mapping[str, object] | None) -> bool | None:
    if row is not None:
        return _equals(row.get(term.marker), term.value)
    seen = [_equals(one.get(term.marker), term.value) for one in record.groups.get(term.marker.partition(".")[0], ())]
    if any(one is True for one in seen):
        return True
    return None if any(one is None for one in seen) else False


def _equals(value: object, wanted: bool | str) -> bool | None:  # noqa: FBT001 -- a marker's value
    if value is None or isinstance(value, Unusable) or type(value) is not type(wanted):
        return None
    return value == wanted


def age_on(born: object, on: date) -> int | None:
    """Return whole years, or None where the date is unknown or can't be a living memory's."""
    if not isinstance(born, date):
        return None
    years = on.year - born.year - ((on.month, on.day) < (born.month, born.day))
    return years if 0 <= years <= OLDEST else None
