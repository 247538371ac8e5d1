"""May this agreement be published, and what bounds it? An agreement, its cores and its dataset become one rule set.

Nothing here depends on a clock: a variation that has ended is the business of `compile`, a date that has passed of
`decide`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Final, TypeVar

import rfc8785

from policies.advice import advise
from policies.binding import core_flaws
from policies.findings import Finding, TextError
from policies.guarded import guardrail_flaws
from policies.idle import idle_flaws
from policies.lawful import law_flaws
from policies.lines import line_flaws, variation_flaws
from policies.markers import marker_flaws
from policies.places import Flaw, located
from policies.targets import most
from schemas.agreement import Agreement, Cap, Core, Guardrail, RuleSet
from schemas.dataset import Dataset
from schemas.terms import RecipientKind

Rule = TypeVar("Rule", Cap, Guardrail)

# Changes whenever the same texts and facts would be decided otherwise than before.
DECISION_SEMANTICS: Final = "1"


def compose(
    agreement: Agreement,
    *,
    dataset: Dataset,
    cores: Iterable[Core],
    recipient_kinds: Mapping[str, RecipientKind],
    mapped: Collection[str] | None = None,
) -> RuleSet:
    """Return the rule set, or raise TextError with everything that keeps the agreement from being published.

    `recipient_kinds` are those of all registered partners. `mapped` are the paths that the source's mapping gives;
    None leaves that unchecked. The statutory bars and the council's own rules are among `cores`, followed or not.
    """
    bounds = _in_order(agreement, cores)
    kinds = {name: recipient_kinds[name] for name in agreement.recipients if name in recipient_kinds}
    # Each check takes for granted what the one before has found sound.
    _refuse(agreement, [*_party_flaws(agreement, dataset, kinds), *core_flaws(agreement, dataset, bounds, kinds)])
    rules = _rules(agreement, dataset, bounds, kinds)
    _refuse(agreement, line_flaws(rules))
    _refuse(agreement, [*idle_flaws(rules), *variation_flaws(rules), *law_flaws(rules), *marker_flaws(rules, mapped)])
    _refuse(agreement, guardrail_flaws(rules))
    return rules


def _refuse(agreement: Agreement, flaws: Iterable[Flaw]) -> None:
    found = located(agreement.text, flaws)
    if found:
        raise TextError(found)


def warnings(rules: RuleSet) -> tuple[Finding, ...]:
    """Return what may be published and is still worth a second look."""
    return located(rules.agreement.text, advise(rules), "warning")


def rules_digest(agreement: Agreement, cores: Iterable[Core], dataset: Dataset) -> str:
    """Return SHA-256 of the RFC 8785 list of all digests and the version of the decision semantics."""
    digests = [agreement.digest, *(core.digest for core in cores), dataset.digest, DECISION_SEMANTICS]
    return "sha256:" + hashlib.sha256(rfc8785.dumps(digests)).hexdigest()


def _in_order(agreement: Agreement, cores: Iterable[Core]) -> tuple[Core, ...]:
    """Put followed cores first in the text's order, then the other cores, then council rules: one digest for one set."""
    followed = {one: place for place, one in enumerate(agreement.follows)}

    def order(core: Core) -> tuple[bool, int, str, int]:
        return core.is_council, followed.get((core.id, core.version), len(followed)), core.id, core.version

    return tuple(sorted(cores, key=order))


def _party_flaws(agreement: Agreement, dataset: Dataset, kinds: Mapping[str, RecipientKind]) -> Iterator[Flaw]:
    if agreement.dataset != (dataset.id, dataset.version):
        yield Flaw(("dataset",), f"not the dataset {dataset.id}@{dataset.version}", "Name the dataset that is published.")
    for place, name in enumerate(agreement.recipients):
        if name not in kinds:
            yield Flaw(
                ("recipients", place),
                f"recipient {name} is not registered",
                "Register the partner first, or mend the name.",
            )
        if name == agreement.controller:
            yield Flaw(("recipients", place), f"{name} is the controller itself", "Name who receives the data.")


def _rules(agreement: Agreement, dataset: Dataset, cores: tuple[Core, ...], kinds: Mapping[str, RecipientKind]) -> RuleSet:
    binding = [core for core in cores if _binds(core, agreement)]
    present = frozenset(kinds.values())
    return RuleSet(
        agreement=agreement,
        cores=cores,
        dataset=dataset,
        recipient_kinds=kinds,
        ceiling=_ceiling(agreement, dataset, cores),
        caps=tuple(one for core in binding for cap in core.caps if (one := _narrowed(cap, core, present))),
        guardrails=tuple(kept for core in binding for rail in core.guardrails if (kept := _narrowed(rail, core, present))),
        rules_digest=rules_digest(agreement, cores, dataset),
    )


def _binds(core: Core, agreement: Agreement) -> bool:
    """Tell whether a core's scope takes this agreement in; a followed one's was checked before."""
    return core.purpose in {None, agreement.purpose} and core.dataset in {None, agreement.dataset[0]}


def _narrowed(rule: Rule, core: Core, present: frozenset[RecipientKind]) -> Rule | None:
    """Hold a rule to the kinds of recipient that its core is for; None where it is for none of them."""
    if not core.recipient_kinds or present <= core.recipient_kinds:
        return rule
    kinds = rule.recipient_kinds & core.recipient_kinds if rule.recipient_kinds else core.recipient_kinds
    return replace(rule, recipient_kinds=kinds) if kinds else None


def _ceiling(agreement: Agreement, dataset: Dataset, cores: Iterable[Core]) -> dict[str, str]:
    """Return the lowest form that every followed core with a ceiling allows; what one does not name is withheld."""
    followed = [core for core in cores if (core.id, core.version) in agreement.follows]
    set_by = [core.ceiling for core in followed if core.ceiling is not None]
    found = {}
    for path, field in dataset.fields.items():
        rank = min((most(field, one.get(path, "withheld"), dataset) for one in set_by), default=0)
        if rank:
            found[path] = field.form(rank)
    return found
