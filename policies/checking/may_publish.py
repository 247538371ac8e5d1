"""May this agreement be published? The stricter door: what `bind` would read without a word is refused here."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from policies.checking.advice import advise
from policies.checking.binding import core_flaws
from policies.checking.guarded import guardrail_flaws
from policies.checking.idle import idle_flaws
from policies.checking.lawful import law_flaws
from policies.checking.lines import bound_flaws, line_flaws, sound, variation_flaws
from policies.checking.markers import marker_flaws
from policies.checking.mosaic import mosaic_flaws
from policies.checking.naming_checks import naming_flaws
from policies.checking.second_look import second_look
from policies.deciding.bind import bind
from policies.deciding.line_meaning import law_of
from policies.reading.findings import Finding, TextError, nearest
from policies.reading.parse_agreement import LOST
from policies.reading.places import Flaw, located
from schemas.agreement import Agreement, Core, RuleSet
from schemas.dataset import Dataset
from schemas.terms import RecipientKind


def publishable(
    agreement: Agreement,
    *,
    dataset: Dataset,
    cores: Iterable[Core],
    recipient_kinds: Mapping[str, RecipientKind],
    mapped: Collection[str] | None = None,
) -> RuleSet:
    """Return the rule set that an agreement would have, or raise TextError with all that keeps it from publication."""
    rules = bind(agreement, dataset=dataset, cores=cores, recipient_kinds=recipient_kinds)
    may_publish(rules, mapped=mapped)
    return rules


def may_publish(rules: RuleSet, *, mapped: Collection[str] | None = None) -> None:
    """Raise TextError with everything that keeps an agreement from being published.

    `mapped` are the paths that the source's mapping gives; None leaves that unchecked.
    """
    found = located(rules.agreement.text, publication_flaws(rules, mapped=mapped))
    if found:
        raise TextError(found)


def publication_flaws(
    rules: RuleSet, *, mapped: Collection[str] | None = None, doubts: frozenset[str] = frozenset()
) -> Iterator[Flaw]:
    """Yield everything that keeps an agreement from being published, from all checks together.

    Each check looks at what the ones before have found sound, so that no mistake hides another, and none is told twice.
    `doubts` names the members that can't be read whole, or are about something else than was meant.
    """
    party = [flaw for flaw in (*_party_flaws(rules), *core_flaws(rules)) if flaw.way[0] not in doubts - {"follows"}]
    yield from party
    doubts |= {str(flaw.way[0]) for flaw in party}
    own = tuple(line_flaws(rules, doubts))
    yield from own
    if any(len(flaw.way) == 1 for flaw in own):  # more lines than anybody looks at
        return
    yield from (flaw for flaw in variation_flaws(rules) if "term" not in doubts or flaw.way[-1] != "ends_on")
    standing = sound(_with_meant_variations(rules), own)
    bounds = () if doubts & {"follows", "variations"} else tuple(bound_flaws(standing))
    yield from bounds
    yield from _of_whole(sound(standing, bounds, in_bounds=not doubts & {"follows", "variations"}), mapped, doubts)


def _of_whole(rules: RuleSet, mapped: Collection[str] | None, doubts: frozenset[str]) -> Iterator[Flaw]:
    """Yield what only the lines together show."""
    yield from marker_flaws(rules, mapped)
    if not rules.agreement.lawful:
        return
    yield from (flaw for flaw in law_flaws(rules) if "purpose" not in doubts or flaw.way[-1] != "compatible")
    rules = _of_known_law(rules)
    if not doubts & {"recipients", "roles"}:
        yield from idle_flaws(rules)
    lines_are_known = not doubts & {"recipients", "follows", "releases", "lawful", "purpose"}
    yield from naming_flaws(rules, lines_are_known=lines_are_known and all(one.fields for one in rules.agreement.releases))
    if not doubts & {"follows", "purpose"}:
        yield from guardrail_flaws(rules)


def _with_meant_variations(rules: RuleSet) -> RuleSet:
    """Return the rules with variations as they may be meant: what a misspelt one lifts is above no ceiling."""
    fields = rules.dataset.fields
    meant = []
    for one in rules.agreement.variations:
        path = one.field if one.field in fields else nearest(one.field, fields)
        if path is not None:
            chain = fields[path].chain
            meant.append(replace(one, field=path, form=one.form if one.form in chain else chain[-1]))
    return replace(rules, agreement=replace(rules.agreement, variations=tuple(meant)))


def _of_known_law(rules: RuleSet) -> RuleSet:
    """Return the rules without the lines whose line of law can't be read."""
    lines = (replace(one, fields=()) if law_of(rules, one).discloser is LOST else one for one in rules.agreement.releases)
    return replace(rules, agreement=replace(rules.agreement, releases=tuple(lines)))


def warnings(
    rules: RuleSet, beside: Sequence[RuleSet] = (), *, mapped: Collection[str] | None = None
) -> tuple[Finding, ...]:
    """Return what may be published and is still worth a second look; `beside` are the other live agreements.

    `mapped` is as of `may_publish`.
    """
    flaws = (*advise(rules), *second_look(rules, mapped), *mosaic_flaws(rules, beside))
    return tuple(sorted(located(rules.agreement.text, flaws, "warning"), key=lambda one: (one.line, one.column)))


def mosaic_warnings(rules: RuleSet, beside: Sequence[RuleSet]) -> tuple[Finding, ...]:
    """Return the warnings that other live agreements are the reason for."""
    return located(rules.agreement.text, mosaic_flaws(rules, beside), "warning")


def _party_flaws(rules: RuleSet) -> Iterator[Flaw]:
    agreement, dataset = rules.agreement, rules.dataset
    if agreement.dataset != (dataset.id, dataset.version):
        yield Flaw(("dataset",), f"not the dataset {dataset.id}@{dataset.version}", "Name the dataset that is published.")
    for place, name in enumerate(agreement.recipients):
        if not name:  # it can't be read, and was told of
            continue
        if name not in rules.recipient_kinds:
            yield Flaw(
                ("recipients", place),
                f"recipient {name} is not registered",
                "Register the partner first, or mend the name.",
            )
        if name == agreement.controller:
            yield Flaw(("recipients", place), f"{name} is the controller itself", "Name who receives the data.")
