"""How could an agreement stand otherwise? Its term, its parties, its purpose and what it asks for."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any, Final

from gateway.store.live import LiveAgreement
from policies.deciding.compile import compile_rules
from schemas.terms import AssuranceLevel

DAY: Final = timedelta(days=1)
ANNOUNCED: Final = timedelta(days=30)


def ended(live: LiveAgreement, _on: date) -> LiveAgreement:
    """Return an agreement that was ended early."""
    return replace(live, ended=True)


def expired(live: LiveAgreement, on: date) -> LiveAgreement:
    """Return an agreement whose last day was yesterday."""
    return _with(live, starts_on=min(live.agreement.starts_on, on - DAY), ends_on=on - DAY)


def not_begun(live: LiveAgreement, on: date) -> LiveAgreement:
    """Return an agreement whose first day is tomorrow."""
    return _with(live, starts_on=on + DAY, ends_on=max(live.agreement.ends_on, on + DAY))


def in_force(live: LiveAgreement, on: date) -> LiveAgreement:
    """Return an agreement that began yesterday at the latest, and holds until tomorrow at least."""
    days = {"starts_on": min(live.agreement.starts_on, on - DAY), "ends_on": max(live.agreement.ends_on, on + DAY)}
    return _with(replace(live, ended=False), **days)


def absent(_live: LiveAgreement, _on: date) -> None:
    """Return no agreement: none of that name was published."""


def of_others(live: LiveAgreement, _on: date) -> LiveAgreement:
    """Return an agreement that names nobody who calls as its recipient."""
    return _with(live, recipients=())


def of_another_purpose(live: LiveAgreement, _on: date) -> LiveAgreement:
    """Return an agreement for another purpose than any token was asked for."""
    return _with(live, purpose="another-purpose")


def vouched_for(live: LiveAgreement, _on: date) -> LiveAgreement:
    """Return an agreement that asks for a caseworker whom the partner vouches for."""
    return _with(live, requires=live.agreement.requires | {"vouched_caseworker"})


def assured(live: LiveAgreement, _on: date) -> LiveAgreement:
    """Return an agreement that asks for some assurance of the recipient's security."""
    return _with(live, assurance=live.agreement.assurance or frozenset(AssuranceLevel))


def for_one_at_once(live: LiveAgreement, _on: date) -> LiveAgreement:
    """Return an agreement under which a call may be about one person alone."""
    return _with(live, limits=replace(live.agreement.limits, batch=1))


def announced(live: LiveAgreement, on: date) -> LiveAgreement:
    """Return an agreement whose next version was published, and begins in thirty days."""
    return replace(live, next_from=on + ANNOUNCED)


def _with(live: LiveAgreement, **changes: Any) -> LiveAgreement:
    rules = live.compiled.rules
    return replace(live, compiled=compile_rules(replace(rules, agreement=replace(rules.agreement, **changes))))
