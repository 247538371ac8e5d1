"""Which fields does a cap or guardrail cover, and how far may each go under it?

A rule on a field covers the fields derived from it: asking an age every day yields the birth date, and so
`years` counts as a full date, a band or a threshold as its year.
"""

from __future__ import annotations

from schemas.agreement import Target
from schemas.dataset import CHAINS, SHOWS_ROWS, WITHHELD, Dataset, Field

_YEARS = "years"


def covered(target: Target, dataset: Dataset) -> tuple[Field, ...]:
    """Return the fields that every named facet of a target fits, themselves or by what they derive from or lie in."""
    return tuple(field for field in dataset.fields.values() if any(_fits(target, one) for one in _kin(field, dataset)))


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
    if base is None or form not in base.chain:
        return 0
    allowed = [rank for rank in range(1, len(field.chain) + 1) if _as_base(field.form(rank), base) <= base.rank(form)]
    return max(allowed, default=0)


def _as_base(form: str, base: Field) -> int:
    counted = "full" if form == _YEARS else "year"
    return base.rank(counted) if counted in base.chain else len(base.chain)


def _group(field: Field) -> str:
    return field.path.partition(".")[0] if "." in field.path else ""


def _kin(field: Field, dataset: Dataset) -> tuple[Field, ...]:
    others = (dataset.fields.get(name) for name in (field.derived_from, _group(field)) if name)
    return (field, *(one for one in others if one is not None))


def _fits(target: Target, field: Field) -> bool:
    return (
        (not target.fields or field.path in target.fields)
        and (target.reveals is None or target.reveals in field.reveals)
        and (target.classification is None or target.classification is field.classification)
        and (target.origin is None or target.origin == field.origin)
    )
