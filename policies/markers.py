"""Does the source give every marker that the rules rest on?"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from policies.compile import AGES, birth_path, net_parts, paths_of
from policies.places import Flaw, Step
from policies.targets import covered
from schemas.agreement import RECORD_ATOMS, Atom, Cap, Condition, Guardrail, RuleSet
from schemas.dataset import Dataset, FieldType


def marker_flaws(rules: RuleSet, mapped: Collection[str] | None) -> Iterator[Flaw]:
    """Yield each marker that a line, cap or guardrail rests on and the source can't give; `mapped` None is unchecked."""
    for place, line in enumerate(rules.agreement.releases):
        for condition in line.when:
            yield from _flaws(rules, condition, line.of, mapped, ("releases", place, "when"), "the line")
    released = frozenset(path for line in rules.agreement.releases for path in line.fields)
    for cap in rules.caps:
        if released & _covered(cap, rules):
            for condition in cap.when:
                yield from _flaws(rules, condition, None, mapped, ("follows",), f"cap {cap.id}")
    for rail in rules.guardrails:
        if released & _covered(rail, rules):
            for condition in rail.when:
                yield from _flaws(rules, condition, None, mapped, ("follows",), f"guardrail {rail.id}")


def _covered(rule: Cap | Guardrail, rules: RuleSet) -> frozenset[str]:
    if isinstance(rule, Cap):
        return frozenset(one.path for one in covered(rule.target, rules.dataset))
    return frozenset(path for part in net_parts(rule, rules) for path, _ in part)


def _flaws(
    rules: RuleSet, condition: Condition, of: str | None, mapped: Collection[str] | None, way: tuple[Step, ...], who: str
) -> Iterator[Flaw]:
    if isinstance(condition, Atom) and condition not in RECORD_ATOMS:
        return
    if condition in AGES and birth_path(rules, of) is None:
        yield Flaw(way, f"{who} asks for an age, and the dataset derives none", "Give the dataset an age `from` a date.")
    if condition is Atom.DECEASED and not _has_deceased(rules.dataset):
        yield Flaw(way, f"{who} rests on an unknown marker deceased", "Give the dataset a boolean marker `deceased`.")
        return
    for path in paths_of(condition, rules, of):
        if mapped is not None and path not in mapped:
            yield Flaw(way, f"{who} rests on {path}, which the source does not map", f"Map {path}, or take the rule out.")


def _has_deceased(dataset: Dataset) -> bool:
    field = dataset.fields.get(Atom.DECEASED.value)
    return field is not None and field.marker and field.type is FieldType.BOOLEAN
