"""Does an agreement say rightly how people may be named?"""

from __future__ import annotations

from collections.abc import Iterator

from policies.deciding.naming import SINCE, could_name, facts_in, naming_of, usable
from policies.reading.findings import did_you_mean
from policies.reading.places import Flaw
from schemas.agreement import Identify, RuleSet

TWO = 2


def naming_flaws(rules: RuleSet, *, lines_are_known: bool = True) -> Iterator[Flaw]:
    """Yield what keeps an agreement's `identify` from standing, and that nobody could be named at all.

    What no line releases is only told where all lines are known.
    """
    given, dataset = rules.agreement.identify, rules.dataset
    if given is not None:
        yield from _unknown(given, rules)
        yield from _guarded(given, rules) if lines_are_known else ()
        yield from _looser(given, rules)
    known = given is None or (set(given.keys) <= dataset.keys.keys() and set(given.confirm) <= dataset.fields.keys())
    naming = naming_of(rules)
    if known and lines_are_known and not any(usable(naming, rules, name) for name in rules.recipient_kinds):
        text = "nobody can be named: every key, or every detail, reveals what no line releases in full"
        yield Flaw(("identify",) if given else ("dataset",), text, "Take a key and details that reveal no place.")


def naming_advice(rules: RuleSet) -> Iterator[Flaw]:
    """Yield keys by which less than two facts name a person."""
    naming = naming_of(rules)
    for recipient in sorted(rules.recipient_kinds):
        for key in usable(naming, rules, recipient).values():
            facts = min(key.at_least, facts_in(key, key.confirm, rules.dataset))
            if facts < TWO:
                text = f"by the key {key.name} one fact names a person, and as often the neighbour or the son"
                way = ("identify",) if rules.agreement.identify else ("dataset",)
                yield Flaw(
                    way, text, "Ask for two: `identify: {…, at_least: 2}`, or details that don't follow from each other."
                )
        return  # the others have the same keys, but for those that a line opens to them alone


def _unknown(given: Identify, rules: RuleSet) -> Iterator[Flaw]:
    dataset = rules.dataset
    for place, name in enumerate(given.keys):
        if name not in dataset.keys:
            yield Flaw(("identify", "keys", place), f"the dataset has no key {name}", did_you_mean(name, dataset.keys))
    details = {one for name, key in dataset.keys.items() if not given.keys or name in given.keys for one in key.confirm}
    for place, name in enumerate(given.confirm):
        if name not in details:
            text = f"{name} confirms nobody by these keys"
            yield Flaw(("identify", "confirm", place), text, did_you_mean(name, details))


def _guarded(given: Identify, rules: RuleSet) -> Iterator[Flaw]:
    naming, dataset = naming_of(rules), rules.dataset
    if not rules.semantics.tightens(SINCE):
        return
    for member, names in (("keys", given.keys), ("confirm", given.confirm)):
        for place, name in enumerate(names):
            paths = dataset.keys[name].named_by if member == "keys" and name in dataset.keys else (name,)
            barred = [path for path in paths if path in dataset.fields and not could_name(naming, rules, path)]
            if barred:
                what = ", ".join(sorted(dataset.fields[barred[0]].reveals)).replace("_", " ")
                text = f"{name} reveals {what}, and no line can release {barred[0]} in full: a yes to a guess would tell it"
                remedy = f"Take {name} out, or have the core list {barred[0]} in `may_confirm`."
                yield Flaw(("identify", member, place), text, remedy)


def _looser(given: Identify, rules: RuleSet) -> Iterator[Flaw]:
    """An agreement asks for as many facts as its dataset and cores do, or more; and its details must be as many."""
    for name, key in naming_of(rules).keys.items():
        if given.keys and name not in given.keys:
            continue
        if given.at_least is not None and not key.all_of and given.at_least < key.at_least:
            text = f"the key {name} wants {key.at_least} details, by its dataset or core"
            yield Flaw(("identify", "at_least"), text, f"Write at_least: {key.at_least}, or take it out.")
        elif (facts := facts_in(key, key.confirm, rules.dataset)) < key.at_least and given.confirm:
            text = f"the key {name} wants {key.at_least} facts, and these details are {facts}"
            yield Flaw(("identify", "confirm"), text, f"Name more of: {', '.join(rules.dataset.keys[name].confirm)}.")
