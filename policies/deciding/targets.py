"""Which fields does a cap or guardrail cover, and how far may each go under it?

A rule on a field covers the fields derived from it: asking an age every day yields the birth date, and so
`years` counts as a full date, a band or a threshold as its year. A rule on a derived field covers what it derives from, in
every form from which more than the rule allows could be worked out, and every other age of that date.
"""

from __future__ import annotations

from typing import Final

from schemas.agreement import RuleSet, Target
from schemas.dataset import Dataset, Field
from schemas.forms import CHAINS, SHOWS_ROWS, WITHHELD
from schemas.semantics import Semantics

SINCE: Final = 2  # the semantics in which either facet is enough, and a rule on an age covers the date it derives from
_YEARS = "years"


def covered(target: Target, dataset: Dataset, semantics: Semantics) -> tuple[Field, ...]:
    """Return the fields that a target is about: themselves, by their kin (their base, their group, what derives from them).

    Any facet that fits is enough: two in one target cover what either does.
    """
    return tuple(field for field in dataset.fields.values() if is_covered(field, target, dataset, semantics))


def is_covered(field: Field, target: Target, dataset: Dataset, semantics: Semantics) -> bool:
    """Tell whether a field is among those that a target is about."""
    if semantics.tightens(SINCE):
        return any(_fits_either(target, one) for one in _kin(field, dataset))
    return any(_fits_all(target, one) for one in _kin_above(field, dataset))


def covered_by(target: Target, rules: RuleSet) -> tuple[Field, ...]:
    """Return the fields that a target of a rule set is about."""
    return covered(target, rules.dataset, rules.semantics)


def covers(target: Target, field: Field, rules: RuleSet) -> bool:
    """Tell whether a target of a rule set is about a field."""
    return is_covered(field, target, rules.dataset, rules.semantics)


def most(field: Field, form: str, dataset: Dataset) -> int:
    """Return the highest rank of a field that a rule's form allows; 0 where the field has no such form."""
    if form == WITHHELD:
        return 0
    if form in field.chain:
        return field.rank(form)
    if form in CHAINS[field.type]:
        # This dataset leaves the form out: what is less revealing stays allowed.
        less = CHAINS[field.type][: CHAINS[field.type].index(form)]
        return max((field.rank(one) for one in less if one in field.chain), default=0)
    group = dataset.fields.get(_group(field))
    if group is not None and form in group.chain:
        return len(field.chain) if form in SHOWS_ROWS else 0
    base = dataset.fields.get(field.derived_from or "")
    if base is None:
        return _most_of_base(field, form, dataset)
    if form not in base.chain:
        return 0
    allowed = [rank for rank in range(1, len(field.chain) + 1) if _as_base(field.form(rank), base) <= base.rank(form)]
    return max(allowed, default=0)


def _most_of_base(base: Field, form: str, dataset: Dataset) -> int:
    """Return the highest rank of a date from which nothing above a form of the age that derives from it can be told."""
    ages = [one for one in dataset.fields.values() if one.derived_from == base.path and form in one.chain]
    return min((_untold(base, age, form) for age in ages), default=0)


def _untold(base: Field, age: Field, form: str) -> int:
    # The year alone tells most of a band or a threshold; the month, or the day, nearly always the years.
    if form == age.chain[-1]:
        return len(base.chain)
    told_by_month = age.rank(form) == len(age.chain) - 1
    allowed = ("present", "year") if told_by_month and age.chain[-1] == _YEARS else ("present",)
    return max((base.rank(one) for one in allowed if one in base.chain), default=0)


def _as_base(form: str, base: Field) -> int:
    counted = "full" if form == _YEARS else "year"
    return base.rank(counted) if counted in base.chain else len(base.chain)


def _group(field: Field) -> str:
    return field.path.partition(".")[0] if "." in field.path else ""


def _kin(field: Field, dataset: Dataset) -> tuple[Field, ...]:
    others = (dataset.fields[path] for path in sorted(field.kin - {field.derived_from}))
    return (*_kin_above(field, dataset), *others)


def _kin_above(field: Field, dataset: Dataset) -> tuple[Field, ...]:
    others = (dataset.fields.get(name) for name in (field.derived_from, _group(field)) if name)
    return (field, *(one for one in others if one is not None))


def _fits_either(target: Target, field: Field) -> bool:
    return (
        field.path in target.fields
        or target.reveals in field.reveals
        or (target.classification is not None and target.classification is field.classification)
        or (target.origin is not None and target.origin == field.origin)
    )


def _fits_all(target: Target, field: Field) -> bool:
    return (
        (not target.fields or field.path in target.fields)
        and (target.reveals is None or target.reveals in field.reveals)
        and (target.classification is None or target.classification is field.classification)
        and (target.origin is None or target.origin == field.origin)
    )
