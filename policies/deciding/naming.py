"""How may people be named under an agreement? Finding somebody is a disclosure too.

A key or detail whose field reveals a tag says yes or no to a guess at it, and so may be used only where a line can release
that field in full, or where a followed core lists it in `may_confirm` and no cap or guardrail holds it back. What a
marker protects is another matter: whoever it protects is never found by it, and so such a rule bars nobody else.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

from policies.deciding.targets import covers, most
from schemas.agreement import Atom, Cap, Condition, Core, Guardrail, RecordTerm, ReleaseLine, RuleSet, Target
from schemas.dataset import Dataset, Field, Key
from schemas.forms import FieldType
from schemas.semantics import Semantics
from schemas.terms import RecipientKind, Tag

SINCE: Final = 2  # the semantics that count finding as a disclosure
# What an agreement's line may rest on and still let its field name people: known from the request alone.
KNOWN_BEFORE: Final = frozenset({Atom.EMERGENCY, Atom.PUBLIC_TASK_STATEMENT, Atom.RISK_HIGH})


@dataclass(frozen=True, slots=True)
class Naming:
    """The keys as an agreement and its cores narrow them, and what a core lets confirm, for which kinds of recipient."""

    keys: Mapping[str, Key]
    by_core: Mapping[str, frozenset[RecipientKind]]
    counts: bool  # False under the first semantics: then tags bar nothing


def naming_of(rules: RuleSet) -> Naming:
    """Return how people may be named under a rule set, as far as no request's facts are needed."""
    if not rules.semantics.tightens(SINCE):
        return Naming(rules.dataset.keys, {}, counts=False)
    return Naming(
        {name: narrowed for name, key in rules.dataset.keys.items() if (narrowed := _narrowed(key, rules)) is not None},
        {path: _kinds_by_core(path, rules) for path in _listed_by_cores(rules)},
        counts=True,
    )


def usable(naming: Naming, rules: RuleSet, recipient: str) -> dict[str, Key]:
    """Return the keys, with the details, that a recipient may use in some call at least."""
    if not naming.counts:
        return dict(naming.keys)
    found = {}
    for name, key in naming.keys.items():
        details = tuple(one for one in key.confirm if recipient in could_name(naming, rules, one))
        own = all(recipient in could_name(naming, rules, one) for one in key.named_by)
        facts = wanted(key, rules.dataset.keys[name], rules.dataset, rules.semantics)
        if own and facts_in(key, details, rules.dataset) >= facts and (not key.all_of or details == key.all_of):
            found[name] = replace(key, confirm=details, at_least=facts)
    return found


def could_name(naming: Naming, rules: RuleSet, path: str) -> frozenset[str]:
    """Return the recipients who may use a field as key or detail in some call."""
    field, everybody = rules.dataset.fields[path], frozenset(rules.recipient_kinds)
    if not field.reveals:
        return everybody
    by_core = naming.by_core.get(path, frozenset())
    found = {name for name, kind in rules.recipient_kinds.items() if kind in by_core}
    for line in rules.agreement.releases:
        if path in line.fields and opens(line, field):
            found |= {name for name in everybody if _is_released(rules, line, field, name)}
    return frozenset(found)


def opens(line: ReleaseLine, field: Field) -> bool:
    """Tell whether a line could let its field name people: in full, for whoever it is about, before they are found."""
    in_full = line.form == field.form(len(field.chain))
    waived = {Atom.CONSENT} if Atom.EMERGENCY in line.when else set()
    return in_full and line.of in {None, field.of} and (set(line.when) - waived) <= KNOWN_BEFORE


def is_protective(conditions: Collection[Condition], field: Field, dataset: Dataset) -> bool:
    """Tell whether a rule holds back only from those whom a marker protects: they are never found by this field."""
    return bool(conditions) and all(_protects(one, field.reveals, dataset) for one in conditions)


def _protects(condition: Condition, tags: frozenset[Tag], dataset: Dataset) -> bool:
    if not isinstance(condition, RecordTerm) or condition.value is not True:
        return False
    marker = dataset.fields.get(condition.marker)
    return marker is not None and not marker.protects.isdisjoint(tags)


# -- details that say something


def facts_in(key: Key, details: Collection[str], dataset: Dataset) -> int:
    """Return how many facts details are beside a key.

    A full name and its surname are one, so are a birth date and an age from it, and all that tells of a place; what the
    key itself tells is none.
    """
    own = set() if key.all_of else {_fact(dataset.fields[key.name])}
    return len({_fact(dataset.fields[one]) for one in details} - own)


def _fact(field: Field) -> str:
    if field.type is FieldType.NAME:
        return "a name"
    return "a place" if Tag.LOCATION in field.reveals else field.derived_from or field.path


def wanted(key: Key, whole: Key, dataset: Dataset, semantics: Semantics) -> int:
    """Return how many facts a call by a key must bring: no more than all details of the whole key can be.

    What is narrowed lowers it no further: a key whose details are too few names nobody.
    """
    return min(key.at_least, facts_in(key, whole.confirm, dataset)) if semantics.tightens(SINCE) else key.at_least


def least(key: Key, rules: RuleSet) -> Key:
    """Return a key with as many facts as the agreement and its cores want at least, also where they do not list it."""
    given = [rules.agreement.identify, *(core.identify for core in followed(rules))]
    floor = max((one.at_least or 0 for one in given if one is not None), default=0)
    asked = replace(key, at_least=max(key.at_least, floor))
    return replace(asked, at_least=wanted(asked, key, rules.dataset, rules.semantics))


# -- what agreement and cores narrow


def _narrowed(key: Key, rules: RuleSet) -> Key | None:
    given = [rules.agreement.identify, *(core.identify for core in followed(rules))]
    confirm, at_least = key.confirm, key.at_least
    for one in given:
        if one is None:
            continue
        if one.keys and key.name not in one.keys:
            return None
        if key.all_of and one.confirm and key.name not in one.keys and not set(key.all_of) <= set(one.confirm):
            return None  # details that a text leaves out are none in a key that it does not name, either
        confirm = tuple(name for name in confirm if not one.confirm or key.all_of or name in one.confirm)
        at_least = max(at_least, one.at_least or 0)
    return replace(key, confirm=confirm, at_least=len(key.all_of) or at_least)


def followed(rules: RuleSet) -> Iterator[Core]:
    """Yield the cores that the agreement follows."""
    return (core for core in rules.cores if (core.id, core.version) in rules.agreement.follows)


def _listed_by_cores(rules: RuleSet) -> frozenset[str]:
    """Return what every followed core with a ceiling lists: what one demands is a floor."""
    lists = [set(core.may_confirm) for core in followed(rules) if core.ceiling is not None]
    return frozenset(set.intersection(*lists) if lists else ()) & frozenset(rules.dataset.fields)


def _kinds_by_core(path: str, rules: RuleSet) -> frozenset[RecipientKind]:
    field = rules.dataset.fields[path]
    kinds = frozenset(rules.recipient_kinds.values())
    return frozenset(kind for kind in kinds if not any(_bars(one, field, kind, rules) for one in _rules(rules)))


def _rules(rules: RuleSet) -> tuple[Cap | Guardrail, ...]:
    return (*rules.caps, *rules.guardrails)


def _bars(rule: Cap | Guardrail, field: Field, kind: RecipientKind, rules: RuleSet) -> bool:
    """Tell whether a rule would hold the field back in full: an exception for powers or emergencies is none here."""
    if (rule.recipient_kinds and kind not in rule.recipient_kinds) or is_protective(rule.when, field, rules.dataset):
        return False
    if isinstance(rule, Guardrail) and rule.target is None:
        return _completes(rule, field, rules)
    form = rule.form if isinstance(rule, Cap) else rule.above or "withheld"
    is_covered = covers(rule.target or Target(), field, rules)
    return is_covered and most(field, form, rules.dataset) < len(field.chain)


def _completes(rail: Guardrail, field: Field, rules: RuleSet) -> bool:
    """Tell whether the field in full is the part that was missing of what may not leave together."""
    others = {path: form for path, form in rail.together.items() if path != field.path}
    if len(others) == len(rail.together):
        return False
    fields = rules.dataset.fields
    return all(
        path in fields and any(path in line.fields and line.form in fields[path].chain for line in rules.agreement.releases)
        for path in others
    )


def _is_released(rules: RuleSet, line: ReleaseLine, field: Field, recipient: str) -> bool:
    kind = rules.recipient_kinds[recipient]
    if line.to and not {recipient, kind.value} & set(line.to):
        return False
    varied = [one.form for one in rules.agreement.variations if one.field == field.path and one.form in field.chain]
    ceiling = max(field.rank(form) for form in ("withheld", rules.ceiling.get(field.path, "withheld"), *varied))
    return ceiling == len(field.chain) and not any(_holds_back(cap, line, field, kind, rules) for cap in rules.caps)


def _holds_back(cap: Cap, line: ReleaseLine, field: Field, kind: RecipientKind, rules: RuleSet) -> bool:
    is_spared = Atom.EMERGENCY in line.when and kind in cap.except_emergency
    laws = {one.id: one.discloser.power for one in rules.agreement.lawful}
    power = laws.get(line.under or rules.agreement.lawful[0].id)
    return not is_spared and power not in cap.except_powers and _bars(cap, field, kind, rules)
