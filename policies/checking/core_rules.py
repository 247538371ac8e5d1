"""Do a core's own rules make sense: does each name what a dataset has, and guard something?"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from policies.checking.vacuous import contradicts, vacuous_rules
from policies.deciding.naming import is_protective
from policies.deciding.targets import covered, is_covered, most
from policies.reading.drafts import draft_slips
from policies.reading.findings import Finding, TextError, denied, did_you_mean, nearest
from policies.reading.parse_core import read_core
from policies.reading.places import Flaw, Step, located
from schemas.agreement import RECORD_ATOMS, Atom, Cap, Condition, Core, Guardrail, RecordTerm, Target
from schemas.dataset import Dataset, Field
from schemas.forms import WITHHELD, FieldType
from schemas.semantics import Semantics

Way = tuple[Step, ...]


def core_draft(text: str, datasets: Sequence[Dataset]) -> Core:
    """Return the core that a draft describes, or raise TextError with everything that keeps it from being published."""
    core, findings, broken = read_core(text)
    # What a rule is about depends on the dataset that it is for.
    flaws = () if "for" in broken else core_text_flaws(core, datasets)
    found = dict.fromkeys((*findings, *draft_slips(text), *located(text, flaws)))
    if found:
        raise TextError(found)
    return core


def core_warnings(core: Core, datasets: Sequence[Dataset], purposes: Collection[str]) -> tuple[Finding, ...]:
    """Return what may be published and is still worth a second look; `purposes` are those of the published agreements."""
    return located(core.text, core_text_notes(core, datasets, purposes), "warning")


def core_text_flaws(core: Core, datasets: Sequence[Dataset]) -> Iterator[Flaw]:
    """Yield what is wrong with a core among the published datasets: a rule that guards nothing is worse than none."""
    ours = [one for one in datasets if core.dataset in {None, one.id}]
    if core.dataset is not None and not ours:
        known = {one.id for one in datasets}
        text = f"no dataset called {core.dataset} is published, so nobody can tell whether these rules guard anything"
        remedy = did_you_mean(core.dataset, known) if known else f"Publish {core.dataset} first."
        yield Flaw(("for", "dataset"), text, remedy)
        return
    if core.dataset is not None:
        told = tuple(rule_flaws(core, ours[-1]))
        yield from told
        yield from _turned_round(core, ours[-1:])
        yield from (one for one in vacuous_rules(core, ours[-1:]) if all(one.way[:2] != flaw.way[:2] for flaw in told))
        return
    yield from vacuous_rules(core, ours)
    yield from _turned_round(core, ours)
    for way, path in _named(core):
        if all(path not in one.fields for one in ours):
            every = {name for one in ours for name in one.fields}
            yield Flaw(way, f"no published dataset has a field {path}", did_you_mean(path, every))
    for dataset in ours:
        yield from _lowering(core)
        for way, condition in _markers(core, dataset):
            yield from _marker_named(way, condition, dataset)


def core_text_notes(core: Core, datasets: Sequence[Dataset], purposes: Collection[str]) -> Iterator[Flaw]:
    """Yield the rules that fit nothing today, over tags, classes, origins or a purpose: what is to come may have it."""
    if core.is_council and core.purpose is not None and core.purpose not in purposes:
        text = f"no published agreement has the purpose {core.purpose} today, so these rules guard nothing"
        yield Flaw(("for", "purpose"), text, did_you_mean(core.purpose, purposes))
    ours = [one for one in datasets if core.dataset in {None, one.id}]
    for way, rule in _rules(core):
        target = rule.target or Target()
        if rule.target is not None and not target.fields and not any(covered(target, one, Semantics()) for one in ours):
            yield Flaw(way, f"{_what(rule)} fits no field of any published dataset today", "Look at its tags and classes.")


def rule_flaws(core: Core, dataset: Dataset) -> Iterator[Flaw]:
    """Yield what is wrong with a core's rules over one dataset, by the way to it in the core's text.

    A core for one dataset must fit it word for word: a rule on a misspelt field would guard nothing. One that is for
    every dataset may name what this one does not have.
    """
    if core.dataset == dataset.id:
        for way, path, form in _named_forms(core):
            yield from _fits(way, path, form, dataset)
        yield from _confirming(core, dataset)
    for way, condition in _markers(core, dataset):
        yield from _marker_named(way, condition, dataset)
    yield from _lowering(core)


def _rules(core: Core) -> Iterator[tuple[Way, Cap | Guardrail]]:
    yield from ((("caps", place), one) for place, one in enumerate(core.caps))
    yield from ((("guardrails", place), one) for place, one in enumerate(core.guardrails))


def _what(rule: Cap | Guardrail) -> str:
    return f"{'cap' if isinstance(rule, Cap) else 'guardrail'} {rule.id}"


def _named(core: Core) -> Iterator[tuple[Way, str]]:
    yield from ((way, path) for way, path, _ in _named_forms(core))


def _named_forms(core: Core) -> Iterator[tuple[Way, str, str | None]]:
    """Yield every field that a core names, with the form beside it, and where it stands."""
    for path, form in (core.ceiling or {}).items():
        yield ("ceiling", path), path, form
    for way, rule in _rules(core):
        inner: Way = (*way, "at_most" if isinstance(rule, Cap) else "never")
        form = rule.form if isinstance(rule, Cap) else rule.above or WITHHELD
        for place, path in enumerate((rule.target or Target()).fields):
            yield (*inner, "fields", place), path, form
        if isinstance(rule, Guardrail):
            yield from (((*inner, "together", path), path, one) for path, one in rule.together.items())
    for place, path in enumerate(core.may_confirm):
        yield ("may_confirm", place), path, None
    if core.identify is not None:
        for place, path in enumerate(core.identify.confirm):
            yield ("identify", "confirm", place), path, None


def _fits(way: Way, path: str, form: str | None, dataset: Dataset) -> Iterator[Flaw]:
    field = dataset.fields.get(path)
    if field is None:
        yield Flaw(way, f"dataset {dataset.id}@{dataset.version} has no field {path}", did_you_mean(path, dataset.fields))
    elif form not in {None, WITHHELD} and form not in field.chain:
        yield Flaw(way, f"{path} has no form {form}", did_you_mean(str(form), (WITHHELD, *field.chain)))


def _confirming(core: Core, dataset: Dataset) -> Iterator[Flaw]:
    """Yield keys that the dataset lacks, and what a core would let confirm against its own rules."""
    for place, key in enumerate(core.identify.keys if core.identify else ()):
        if key not in dataset.keys:
            yield Flaw(("identify", "keys", place), f"the dataset has no key {key}", did_you_mean(key, dataset.keys))
    for place, path in enumerate(core.may_confirm):
        field = dataset.fields.get(path)
        rule = next((one for _, one in _rules(core) if field is not None and _holds_back(one, field, dataset)), None)
        if rule is not None:
            text = f"{path} may not confirm anybody: the {_what(rule)} holds it back, and a yes to a guess would tell it"
            yield Flaw(("may_confirm", place), text, "Take it out.")


def _holds_back(rule: Cap | Guardrail, field: Field, dataset: Dataset) -> bool:
    if rule.target in {None, Target()} or is_protective(rule.when, field, dataset):
        return False
    form = rule.form if isinstance(rule, Cap) else rule.above or WITHHELD
    return is_covered(field, rule.target, dataset, Semantics()) and most(field, form, dataset) < len(field.chain)


# -- what rules rest on


def _markers(core: Core, dataset: Dataset) -> Iterator[tuple[Way, Condition]]:
    for way, rule in _rules(core):
        inner: Way = (*way, "when") if isinstance(rule, Cap) else (*way, "never", "when")
        if _bears_on(rule, dataset):
            yield from ((inner, condition) for condition in rule.when)


def _bears_on(rule: Cap | Guardrail, dataset: Dataset) -> bool:
    if isinstance(rule, Cap) or rule.target is not None:
        return bool(covered(rule.target or Target(), dataset, Semantics()))
    return all(path in dataset.fields for path in rule.together)


def _turned_round(core: Core, datasets: Sequence[Dataset]) -> Iterator[Flaw]:
    """Yield the rules that what protects somebody lifts: whoever objects, or is protected, would have more released."""
    for way, rule in _rules(core):
        inner: Way = (*way, "when") if isinstance(rule, Cap) else (*way, "never", "when")
        if Atom.NO_OBJECTION in rule.when:
            text = f"an objection would lift the {_what(rule)}, and so release more about whoever objects"
            remedy = (
                "Take no_objection out: an objection holds back by itself. A line may ask for it: `when: [no_objection]`."
            )
            yield Flaw(inner, text, remedy)
        for marker in () if contradicts(frozenset(rule.when)) else _lifting(rule, datasets):
            text = f"the {_what(rule)} is lifted for whom {marker} protects, and holds for everybody else"
            yield Flaw(inner, text, f"Write what must be so: {{record: {{{marker}: true}}}}.")


def _lifting(rule: Cap | Guardrail, datasets: Sequence[Dataset]) -> list[str]:
    """Return the markers that a rule wants to be false, and that protect somebody."""
    wanted_false = {one.marker for one in rule.when if isinstance(one, RecordTerm) and one.value is False}
    protecting = {path for one in datasets for path, field in one.fields.items() if field.protects}
    return sorted(wanted_false & protecting)


def _marker_named(way: Way, condition: Condition, dataset: Dataset) -> Iterator[Flaw]:
    flaw = marker_flaw(condition, dataset) if isinstance(condition, RecordTerm) else None
    if flaw is not None:
        yield Flaw(way, f"the rule {flaw[0]}", flaw[1])


def marker_flaw(term: RecordTerm, dataset: Dataset) -> tuple[str, str] | None:
    """Return what is wrong with a marker's name or value, and the remedy."""
    field = dataset.fields.get(term.marker)
    markers = [path for path, one in dataset.fields.items() if one.marker]
    if field is None:
        base = nearest(denied(term.marker) or "", markers)
        if base is not None and isinstance(term.value, bool) and dataset.fields[base].type is FieldType.BOOLEAN:
            so = f"{{record: {{{base}: {str(not term.value).lower()}}}}}"
            return f"rests on {term.marker}, and a condition can't be denied", f"Write what must be so: {so}."
        return f"rests on an unknown marker {term.marker}", did_you_mean(term.marker, markers)
    if not field.marker:
        return f"rests on {term.marker}, which is no marker", "Mark it in the dataset with `marker: true`, or name another."
    if _takes(field, term.value):
        return None
    return f"compares {term.marker} with {term.value}, which it can't be", _values(field)


def _takes(field: Field, value: bool | str) -> bool:  # noqa: FBT001 -- a marker's value
    if isinstance(value, bool):
        return field.type is FieldType.BOOLEAN
    return field.type is FieldType.CODE and (field.codes is None or value in field.codes)


def _values(field: Field) -> str:
    if field.type is FieldType.BOOLEAN:
        return "Write true or false."
    return f"Write one of: {', '.join(sorted(field.codes))}." if field.codes else "Write a code in quotes."


def _lowering(core: Core) -> Iterator[Flaw]:
    for place, cap in enumerate(core.caps):
        if cap.form != WITHHELD and any(map(_is_of_record, cap.when)):
            text = f"cap {cap.id} rests on the record and lowers to {cap.form}, which would tell what the record says"
            yield Flaw(("caps", place, "at_most", "as"), text, "Such a cap must say `as: withheld`.")


def _is_of_record(condition: Condition) -> bool:
    return isinstance(condition, RecordTerm) or condition in RECORD_ATOMS
