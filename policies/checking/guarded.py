"""Could the lines break a guardrail, by what ceiling, variations and caps leave of them?

A check of line by line, and of pairs where forms may not leave together. Conditions that a context leaves open are
taken at their worst, each on its own; the proof over all live agreements and all facts is another matter.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from itertools import product

from policies.checking.vacuous import contradicts
from policies.deciding.compile import AGES
from policies.deciding.line_meaning import ceiling_rank, effective, law_of, receivers
from policies.deciding.net_parts import Part, net_parts
from policies.deciding.targets import covers, most
from policies.reading.places import Flaw
from schemas.agreement import Atom, Cap, Condition, Guardrail, ReleaseLine, RuleSet
from schemas.dataset import Field
from schemas.terms import RecipientKind

MOST_PAIRS = 100_000
Choice = tuple[ReleaseLine, Field, int]  # a line, one field of it, the most that the guardrail leaves


def guardrail_flaws(rules: RuleSet) -> Iterator[Flaw]:
    """Yield each guardrail that some line, or lines together, would break."""
    for rail in rules.guardrails:
        parts = net_parts(rail, rules)
        # Of a target each field breaks the guardrail alone; of `together` only all parts at once.
        wholes = [parts] if rail.together and parts else [(part,) for part in parts]
        for whole in wholes:
            broken = _first_broken(rules, rail, whole)
            if broken is not None:
                yield _flaw(rules, rail, broken)


def _first_broken(rules: RuleSet, rail: Guardrail, parts: tuple[Part, ...]) -> tuple[Choice, ...] | None:
    choices = [
        [(line, rules.dataset.fields[path], most_) for path, most_ in part for line in _lines_of(rules, path)]
        for part in parts
    ]
    for count, chosen in enumerate(product(*choices)):
        # Past the bound nothing is known to be safe, so the guardrail counts as broken.
        if count >= MOST_PAIRS or _breaks(rules, rail, chosen):
            return chosen
    return None


def _lines_of(rules: RuleSet, path: str) -> list[ReleaseLine]:
    return [line for line in rules.agreement.releases if path in line.fields]


def _breaks(rules: RuleSet, rail: Guardrail, chosen: tuple[Choice, ...]) -> bool:
    lines = [line for line, *_ in chosen]
    known = frozenset[Condition]().union(*(effective(line) for line in lines), rail.when)
    roles = [frozenset(line.roles) for line in lines if line.roles]
    if rail.together:
        # It promises something of a person, and not of one answer: a caseworker says which role they are in, and
        # everybody comes of age.
        known, roles = known - AGES, []
    if contradicts(known) or (roles and not frozenset.intersection(*roles)):
        return False
    if any(law_of(rules, line).discloser.power in rail.except_powers for line in lines):
        return False
    excepted = rail.except_emergency if any(Atom.EMERGENCY in line.when for line in lines) else frozenset()
    names = frozenset.intersection(*(receivers(rules, line) for line in lines))
    kinds = frozenset(rules.recipient_kinds[name] for name in names) - excepted
    return any(
        _reaches(rules, chosen, known, kind, day)
        for kind in kinds
        if not rail.recipient_kinds or kind in rail.recipient_kinds
        for day in _days(rules)
    )


def _reaches(
    rules: RuleSet, chosen: tuple[Choice, ...], known: frozenset[Condition], kind: RecipientKind, day: date
) -> bool:
    return all(
        min([_ceiling_on(rules, field, day), field.rank(line.form), *_forced(rules, field, line, known, kind)]) > most_
        for line, field, most_ in chosen
    )


def _forced(
    rules: RuleSet, field: Field, line: ReleaseLine, known: frozenset[Condition], kind: RecipientKind
) -> Iterator[int]:
    """Yield the ranks of the caps that hold whatever else is so."""
    power = law_of(rules, line).discloser.power
    for cap in rules.caps:
        if _holds_for(cap, line, kind, power, known) and covers(cap.target, field, rules):
            yield most(field, cap.form, rules.dataset)


def _holds_for(cap: Cap, line: ReleaseLine, kind: RecipientKind, power: str | None, known: frozenset[Condition]) -> bool:
    is_spared = Atom.EMERGENCY in line.when and kind in cap.except_emergency
    return (
        not is_spared
        and (not cap.recipient_kinds or kind in cap.recipient_kinds)
        and power not in cap.except_powers
        and known.issuperset(cap.when)
    )


def _ceiling_on(rules: RuleSet, field: Field, day: date) -> int:
    live = [one.form for one in rules.agreement.variations if one.field == field.path and day <= one.ends_on]
    return max([ceiling_rank(rules, field), *map(field.rank, live)])


def _days(rules: RuleSet) -> list[date]:
    """Return one day of each epoch of the term."""
    agreement = rules.agreement
    after = {one.ends_on + timedelta(days=1) for one in agreement.variations}
    return [agreement.starts_on, *sorted(day for day in after if agreement.starts_on < day <= agreement.ends_on)]


def _flaw(rules: RuleSet, rail: Guardrail, chosen: tuple[Choice, ...]) -> Flaw:
    place = rules.agreement.releases.index(chosen[-1][0])
    what = " and ".join(f"{field.path} as {line.form} (line {line.line})" for line, field, _ in chosen)
    text = f"{what} would break the guardrail {rail.id}: {rail.says}{_way_to_both([line for line, *_ in chosen])}"
    return Flaw(("releases", place), text, "Release less, or to fewer.")


def _way_to_both(lines: list[ReleaseLine]) -> str:
    """Say how one recipient comes by what two lines give under conditions that never hold at once."""
    roles = [frozenset(line.roles) for line in lines if line.roles]
    if len(roles) > 1 and not frozenset.intersection(*roles):
        return " (by two calls: a caseworker says which role they are in)"
    if {Atom.ADULT, Atom.CHILD} <= {one for line in lines for one in line.when}:
        return " (by two calls: the same person on two sides of an eighteenth birthday)"
    return ""
