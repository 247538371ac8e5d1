"""Which figures and gaps of an agreement would somebody who answers for it want to look at twice?"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from datetime import date
from typing import Final

from policies.reading.findings import nearest
from policies.reading.places import Flaw
from policies.telling.wording import duration_text
from schemas.agreement import Agreement, RuleSet
from schemas.powers import POWERS
from schemas.terms import Despite

LONGEST_KEPT: Final = 25  # years
LONGEST_TERM: Final = 3  # years
_DAYS_OF: Final = {"Y": 365.25, "M": 30.4, "W": 7.0, "D": 1.0}


def second_look(rules: RuleSet, mapped: Collection[str] | None = None) -> Iterator[Flaw]:
    """Yield what may be published and is more often a slip than meant; `mapped` None leaves the source out."""
    yield from _figures(rules.agreement)
    yield from _asking(rules.agreement)
    yield from _powers(rules.agreement)
    yield from _blanket(rules.agreement)
    if mapped is not None:
        yield from _unmapped(rules, mapped)


def _figures(agreement: Agreement) -> Iterator[Flaw]:
    if _days(agreement.retain.duration) > LONGEST_KEPT * _DAYS_OF["Y"]:
        text = f"it may be kept for {duration_text(agreement.retain.duration)}, longer than {LONGEST_KEPT} years"
        yield Flaw(("retain", "for"), text, "Ask whether that is meant (UK GDPR Article 5(1)(e)).")
    if agreement.ends_on >= _years_after(agreement.starts_on, LONGEST_TERM):
        text = f"the term is longer than {LONGEST_TERM} years"
        yield Flaw(("term", "ends_on"), text, "Agree a shorter one, and renew it when it was looked at.")
    if agreement.review_on is not None and agreement.review_on > agreement.ends_on:
        text = "the review is after the end, so nobody looks at it while it is in force"
        yield Flaw(("term", "review_on"), text, "Put the review before the last day.")


def _days(duration: str) -> float:
    days = duration.removeprefix("P").partition("T")[0]
    return sum(int(count) * _DAYS_OF[unit] for count, unit in re.findall(r"(\d+)([YMWD])", days))


def _years_after(day: date, years: int) -> date:
    """Return the same day some years on; the 29th of February becomes the 1st of March."""
    try:
        return day.replace(year=day.year + years)
    except ValueError:
        return date(day.year + years, 3, 1)


def _asking(agreement: Agreement) -> Iterator[Flaw]:
    if agreement.requires.isdisjoint({"caseworker", "vouched_caseworker"}):
        text = "no request must say which caseworker asks, so the log can't tell who looked"
        yield Flaw(("requires",), text, "Add `requires: [caseworker]`.")


def _powers(agreement: Agreement) -> Iterator[Flaw]:
    for place, law in enumerate(agreement.lawful):
        for who, side in (("discloser", law.discloser), ("recipient", law.recipient)):
            if side is not None and side.power is not None and side.power not in POWERS:
                near = nearest(side.power, POWERS)
                also = f" The nearest that is known is {near}." if near else ""
                text = f"no register knows the power {side.power}"
                yield Flaw(("lawful", place, who, "power"), text, f"Check with counsel.{also}")


def _blanket(agreement: Agreement) -> Iterator[Flaw]:
    for place, line in enumerate(agreement.releases):
        if line.despite >= frozenset(Despite):
            text = "this line survives a restriction on every ground there is"
            yield Flaw(
                ("releases", place, "despite"), text, "Name the one ground that it rests on (UK GDPR Article 18(2))."
            )
    if len(agreement.releases) > 1 and all(line.despite for line in agreement.releases):
        text = "every line survives a restriction, so that none holds anything back"
        yield Flaw(("releases",), text, "Say `despite` of the lines alone that need it (UK GDPR Article 18(2)).")


def _unmapped(rules: RuleSet, mapped: Collection[str]) -> Iterator[Flaw]:
    for place, line in enumerate(rules.agreement.releases):
        for number, path in enumerate(line.fields):
            if rules.dataset.bases_of(path).isdisjoint(mapped):
                text = f"the source's mapping does not give {path}, so it is always not_available"
                yield Flaw(("releases", place, "fields", number), text, "Map it, or take the field out.")
