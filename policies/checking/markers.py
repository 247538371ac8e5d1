"""Does the source give every marker that the rules rest on?"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from policies.deciding.compile import AGES, DECEASED
from policies.deciding.net_parts import net_parts
from policies.deciding.targets import covered_by
from policies.reading.places import Flaw, Step
from schemas.agreement import RECORD_ATOMS, Atom, Cap, Condition, Guardrail, ReleaseLine, RuleSet
from schemas.dataset import Dataset, Field
from schemas.forms import FieldType

Way = tuple[Step, ...]


def marker_flaws(rules: RuleSet, mapped: Collection[str] | None) -> Iterator[Flaw]:
    """Yield each marker that a line, cap or guardrail rests on and the source can't give; `mapped` None is unchecked."""
    fields = rules.dataset.fields
    for place, line in enumerate(rules.agreement.releases):
        way = ("releases", place, "when")
        beside = [fields[path] for path in line.fields]
        for condition in line.when:
            yield from _flaws(rules, condition, beside, mapped, way, "the line")
        yield from _consent_flaws(rules, line, mapped, way)
    released = [fields[path] for path in dict.fromkeys(path for line in rules.agreement.releases for path in line.fields)]
    every: tuple[Cap | Guardrail, ...] = (*rules.caps, *rules.guardrails)
    for rule in every:
        reached = _covered(rule, rules)
        beside = [one for one in released if one.path in reached]
        what = f"{'cap' if isinstance(rule, Cap) else 'guardrail'} {rule.id}"
        for condition in rule.when if beside else ():
            yield from _flaws(rules, condition, beside, mapped, ("follows",), what)


def _covered(rule: Cap | Guardrail, rules: RuleSet) -> frozenset[str]:
    if isinstance(rule, Cap):
        return frozenset(one.path for one in covered_by(rule.target, rules))
    return frozenset(path for part in net_parts(rule, rules) for path, _ in part)


def _flaws(
    rules: RuleSet,
    condition: Condition,
    beside: Collection[Field],
    mapped: Collection[str] | None,
    way: Way,
    who: str,
) -> Iterator[Flaw]:
    if isinstance(condition, Atom) and condition not in RECORD_ATOMS:
        return
    if condition is Atom.DECEASED and not _has_deceased(rules.dataset):
        yield Flaw(way, f"{who} rests on an unknown marker deceased", "Give the dataset a boolean marker `deceased`.")
        return
    if condition in AGES:
        yield from _age_flaws(rules.dataset, beside, mapped, way, who)
        return
    path = DECEASED if isinstance(condition, Atom) else condition.marker
    yield from _unmapped(path, mapped, way, who)


def _unmapped(path: str, mapped: Collection[str] | None, way: Way, who: str) -> Iterator[Flaw]:
    if mapped is not None and path not in mapped:
        yield Flaw(way, f"{who} rests on {path}, which the source does not map", f"Map {path}, or take the rule out.")


def _age_flaws(
    dataset: Dataset, beside: Collection[Field], mapped: Collection[str] | None, way: Way, who: str
) -> Iterator[Flaw]:
    """An age is that of the person whose field it is; of everybody's, that of the person asked about."""
    for whose in sorted({field.of or "" for field in beside}):
        paths = births_among(dataset, whose or None)
        if not paths:
            of = f" of {whose}" if whose else ""
            remedy = f"Give the dataset an age `from` a date{f', with `of: {whose}`' if whose else ''}."
            yield Flaw(way, f"{who} asks for an age{of}, and the dataset derives none", remedy)
        for path in paths:
            yield from _unmapped(path, mapped, way, who)


def births_among(dataset: Dataset, whose: str | None) -> tuple[str, ...]:
    """Return the dates that an age beside somebody's field may be counted from; beside everybody's, anybody's."""
    ages = [one for one in dataset.fields.values() if one.type is FieldType.AGE and "." not in one.path]
    own = [one for one in ages if one.of is None or whose is None or one.of == whose]
    return tuple(dict.fromkeys(one.derived_from for one in own if one.derived_from is not None))


def _consent_flaws(rules: RuleSet, line: ReleaseLine, mapped: Collection[str] | None, way: Way) -> Iterator[Flaw]:
    """Whoever has died has taken back every yes: a line that asks for one must be able to know."""
    if Atom.CONSENT in line.when and Atom.EMERGENCY not in line.when and _has_deceased(rules.dataset):
        yield from _unmapped(DECEASED, mapped, way, "a consent ends with a death, and so the line")


def _has_deceased(dataset: Dataset) -> bool:
    field = dataset.fields.get(DECEASED)
    return field is not None and field.marker and field.type is FieldType.BOOLEAN
