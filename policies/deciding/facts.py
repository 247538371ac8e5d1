"""What is known, what is known to be otherwise, and what is not known at all?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Final

from policies.deciding.compile import DECEASED
from schemas.agreement import Atom, PersonTerm, RecordTerm, Resting, Speaking
from schemas.decision import Record, Unusable
from schemas.request import Circumstances

ADULT_AT: Final = 18
ABLE_AT: Final = 16  # Mental Capacity Act 2005, section 2(5)
OLDEST: Final = 130  # years: an older birth date is an error of the source


def personal_edges(c: Circumstances) -> Iterable[datetime]:
    """Return the later instants at which a consent or restriction begins or ends."""
    every = [(one.from_at, one.until) for many in c.consents.values() for one in many]
    every += [(one.from_at, one.until) for many in c.restrictions.values() for one in many]
    return (edge for span in every for edge in span if edge is not None and edge > c.at)


# -- what a record says


def holds(
    condition: Resting,
    record: Record,
    *,
    on: date,
    born: str | None,
    row: Mapping[str, object] | None = None,
) -> bool | None:
    """Tell whether a condition on the record is true, false or unknown (None).

    Blank, absent and invalid are unknown. `born` is the date that an age is counted from; None is unknown. A marker of
    a group is looked at in `row`; outside a row it holds where it holds of any row, and is false only where it is known
    to be false of all.
    """
    if isinstance(condition, RecordTerm):
        if "." in condition.marker:
            return _row_marker(condition, record, row)
        return _equals(record.values.get(condition.marker), condition.value)
    if isinstance(condition, PersonTerm):
        return _speaks(condition, record, on=on, born=born)
    if condition is Atom.DECEASED:
        return _equals(record.values.get(DECEASED), wanted=True)
    years = age_on(record.values.get(born) if born else None, on)
    if years is None:
        return None
    return years >= ADULT_AT if condition is Atom.ADULT else years < ADULT_AT


def _speaks(term: PersonTerm, record: Record, *, on: date, born: str | None) -> bool | None:
    """Tell whether a yes counts: a death ends it, a parent speaks to 18, and capacity is presumed from 16."""
    if term.needs is Speaking.ALIVE:
        return _equals(record.values.get(DECEASED), wanted=False)
    years = age_on(record.values.get(born) if born else None, on)
    if years is None:
        return None
    return years < ADULT_AT if term.needs is Speaking.UNDER_18 else years >= ABLE_AT


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
