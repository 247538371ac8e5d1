"""Which rules of a core guard nothing, whatever happens? Such a rule is worse than none: somebody counts on it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from policies.deciding.naming import facts_in
from policies.deciding.targets import covered, most
from policies.reading.findings import did_you_mean
from policies.reading.places import Flaw, Step
from policies.telling.wording import listed
from schemas.agreement import Atom, Cap, Condition, Core, Guardrail, Identify, RecordTerm, Target
from schemas.dataset import Dataset, Field
from schemas.forms import CHAINS, WITHHELD
from schemas.semantics import Semantics

Way = tuple[Step, ...]


def contradicts(conditions: frozenset[Condition]) -> bool:
    """Tell whether conditions can never hold together."""
    if {Atom.ADULT, Atom.CHILD} <= conditions:
        return True
    terms = [one for one in conditions if isinstance(one, RecordTerm) and "." not in one.marker]
    return len({one.marker for one in terms}) < len(terms)


def vacuous_rules(core: Core, datasets: Sequence[Dataset]) -> Iterator[Flaw]:
    """Yield each rule that can hold nothing back: for nobody, under no conditions, or up to the most that there is."""
    for place, cap in enumerate(core.caps):
        yield from _of_rule(core, cap, ("caps", place), ("caps", place, "at_most"), datasets)
    for place, rail in enumerate(core.guardrails):
        yield from _of_rule(core, rail, ("guardrails", place, "never"), ("guardrails", place, "never"), datasets)
    if core.dataset is not None:
        yield from _naming(core, datasets[-1])


def _of_rule(core: Core, rule: Cap | Guardrail, way: Way, aim: Way, datasets: Sequence[Dataset]) -> Iterator[Flaw]:
    what = f"{'cap' if isinstance(rule, Cap) else 'guardrail'} {rule.id}"
    if rule.recipient_kinds and core.recipient_kinds and not rule.recipient_kinds & core.recipient_kinds:
        ours = ", ".join(sorted(core.recipient_kinds))
        text = f"the {what} guards nothing: it is for {', '.join(sorted(rule.recipient_kinds))}, and the core for {ours}"
        yield Flaw((*way, "recipient_kinds"), text, f"Name some of {ours}, or take the member out.")
    if contradicts(frozenset(rule.when)):
        text = f"the {what} guards nothing: its conditions can never hold together"
        yield Flaw((*way, "when"), text, "Take one of them out.")
    if isinstance(rule, Guardrail) and rule.target is None:
        yield from _never_together(rule, what, aim, datasets)
    else:
        yield from _far_enough(rule, what, aim, datasets)


def _far_enough(rule: Cap | Guardrail, what: str, aim: Way, datasets: Sequence[Dataset]) -> Iterator[Flaw]:
    """Yield a form that no field of a rule has, or beyond which none goes."""
    form, member = (rule.form, "as") if isinstance(rule, Cap) else (rule.above or WITHHELD, "above")
    target = rule.target or Target()
    reached = [(one, dataset) for dataset in datasets for one in covered(target, dataset, Semantics())]
    if not reached or form == WITHHELD:
        return
    forms = _forms([one for one, _ in reached if one.path in target.fields] or [one for one, _ in reached])
    if form not in forms:
        text = f"no field that the {what} is about has a form {form}"
        yield Flaw((*aim, member), text, did_you_mean(form, (WITHHELD, *forms)))
    elif all(most(one, form, dataset) == len(one.chain) for one, dataset in reached):
        text = f"the {what} guards nothing: no field that it is about goes beyond {form}"
        yield Flaw((*aim, member), text, "Write a less revealing form.")


def _never_together(rail: Guardrail, what: str, aim: Way, datasets: Sequence[Dataset]) -> Iterator[Flaw]:
    held = [one for one in datasets if rail.together.keys() <= one.fields.keys()]
    known = {path for one in datasets for path in one.fields}
    if not held and rail.together.keys() <= known:
        text = f"the {what} guards nothing: no published dataset has {listed(tuple(rail.together))} in one record"
        yield Flaw((*aim, "together"), text, "Name fields of one dataset.")
    for path, form in rail.together.items():
        forms = _forms([one.fields[path] for one in datasets if path in one.fields])
        if forms and form not in forms:
            yield Flaw((*aim, "together", path), f"{path} has no form {form}", did_you_mean(form, forms))


def _forms(fields: Sequence[Field]) -> tuple[str, ...]:
    """Return the forms of some fields; those too that a dataset leaves out, which later ones may have."""
    return tuple(dict.fromkeys(form for one in fields for form in (*CHAINS[one.type], *one.chain)))


def _naming(core: Core, dataset: Dataset) -> Iterator[Flaw]:
    """Yield what a core says of how people are named that nobody is named by."""
    given = core.identify or Identify()
    keys = [key for name, key in dataset.keys.items() if not given.keys or name in given.keys]
    details = {one for key in keys for one in key.confirm}
    for place, path in enumerate(given.confirm):
        if keys and path in dataset.fields and path not in details:
            text = f"{path} confirms nobody by these keys"
            yield Flaw(("identify", "confirm", place), text, did_you_mean(path, details))
    every = {one for key in dataset.keys.values() for one in (*key.named_by, *key.confirm)}
    for place, path in enumerate(core.may_confirm):
        if path in dataset.fields and path not in every:
            text = f"{path} is neither a key of {dataset.id} nor a confirming detail"
            yield Flaw(("may_confirm", place), text, did_you_mean(path, every))
    most_facts = max((facts_in(key, key.confirm, dataset) for key in keys), default=0)
    if given.at_least is not None and keys and given.at_least > most_facts:
        text = f"no key has details that are {given.at_least} facts, so nobody could be named"
        yield Flaw(("identify", "at_least"), text, f"Write at_least: {most_facts}, or less.")
