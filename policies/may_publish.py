"""May this agreement be published? The stricter door: what `bind` would read without a word is refused here."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from policies.advice import advise
from policies.bind import bind
from policies.binding import core_flaws
from policies.findings import Finding, TextError
from policies.guarded import guardrail_flaws
from policies.idle import idle_flaws
from policies.lawful import law_flaws
from policies.lines import line_flaws, variation_flaws
from policies.markers import marker_flaws
from policies.mosaic import mosaic_flaws
from policies.naming_checks import naming_flaws
from policies.places import Flaw, located
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
    agreement = rules.agreement
    # Each check takes for granted what the one before has found sound.
    _refuse(agreement, [*_party_flaws(rules), *core_flaws(rules)])
    _refuse(agreement, line_flaws(rules))
    checks = (idle_flaws(rules), variation_flaws(rules), law_flaws(rules), marker_flaws(rules, mapped), naming_flaws(rules))
    _refuse(agreement, [flaw for check in checks for flaw in check])
    _refuse(agreement, guardrail_flaws(rules))


def warnings(rules: RuleSet, beside: Sequence[RuleSet] = ()) -> tuple[Finding, ...]:
    """Return what may be published and is still worth a second look; `beside` are the other live agreements."""
    return located(rules.agreement.text, [*advise(rules), *mosaic_flaws(rules, beside)], "warning")


def mosaic_warnings(rules: RuleSet, beside: Sequence[RuleSet]) -> tuple[Finding, ...]:
    """Return the warnings that other live agreements are the reason for."""
    return located(rules.agreement.text, mosaic_flaws(rules, beside), "warning")


def _refuse(agreement: Agreement, flaws: Iterable[Flaw]) -> None:
    found = located(agreement.text, flaws)
    if found:
        raise TextError(found)


def _party_flaws(rules: RuleSet) -> Iterator[Flaw]:
    agreement, dataset = rules.agreement, rules.dataset
    if agreement.dataset != (dataset.id, dataset.version):
        yield Flaw(("dataset",), f"not the dataset {dataset.id}@{dataset.version}", "Name the dataset that is published.")
    for place, name in enumerate(agreement.recipients):
        if name not in rules.recipient_kinds:
            yield Flaw(
                ("recipients", place),
                f"recipient {name} is not registered",
                "Register the partner first, or mend the name.",
            )
        if name == agreement.controller:
            yield Flaw(("recipients", place), f"{name} is the controller itself", "Name who receives the data.")
