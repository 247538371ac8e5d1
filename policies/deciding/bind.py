"""What does a published agreement mean? With its cores and its dataset it becomes one rule set.

`bind` refuses nothing: whether a text may be published is asked once, by `policies/checking/may_publish.py`, and a text
that was published means something for ever. What no longer fits releases less, never more. Nothing here depends on a
clock: a variation that has ended is the business of `compile`, a date that has passed of `decide`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TypeVar

import rfc8785

from policies.deciding.safeguards import SINCE, caps_of_wider_rules, safeguards
from policies.deciding.targets import most
from schemas.agreement import Agreement, Cap, Core, Guardrail, RuleSet
from schemas.dataset import Dataset
from schemas.semantics import Semantics
from schemas.terms import RecipientKind

Rule = TypeVar("Rule", Cap, Guardrail)


def bind(
    agreement: Agreement,
    *,
    dataset: Dataset,
    cores: Iterable[Core],
    recipient_kinds: Mapping[str, RecipientKind],
    semantics: Semantics = Semantics(),  # noqa: B008 -- a frozen value
) -> RuleSet:
    """Return the rule set of an agreement. Raises nothing.

    `recipient_kinds` are those of all registered partners. The statutory bars and the council's own rules are among
    `cores`, followed or not. Where a followed core is not there, nothing is known of what it allows: nothing leaves.
    """
    bounds = _in_order(agreement, cores)
    kinds = {name: recipient_kinds[name] for name in agreement.recipients if name in recipient_kinds}
    binding = [core for core in bounds if _binds(core, agreement)]
    present = frozenset(kinds.values())
    caps = tuple(one for core in binding for cap in core.caps if (one := _narrowed(cap, core, present)))
    rails = tuple(kept for core in binding for rail in core.guardrails if (kept := _narrowed(rail, core, present)))
    if semantics.tightens(SINCE):
        caps += safeguards(dataset)
        if not semantics.loosens(SINCE):
            caps += tuple(caps_of_wider_rules(rails, dataset))
    return RuleSet(
        agreement=agreement,
        cores=bounds,
        dataset=dataset,
        recipient_kinds=kinds,
        ceiling=_ceiling(agreement, dataset, bounds),
        caps=caps,
        guardrails=rails,
        rules_digest=rules_digest(agreement, bounds, dataset, semantics),
        semantics=semantics,
    )


def rules_digest(agreement: Agreement, cores: Iterable[Core], dataset: Dataset, semantics: Semantics) -> str:
    """Return SHA-256 of the RFC 8785 list of all digests and the numbers of the decision semantics."""
    digests = [agreement.digest, *(core.digest for core in cores), dataset.digest, *semantics.named]
    return "sha256:" + hashlib.sha256(rfc8785.dumps(digests)).hexdigest()


def _in_order(agreement: Agreement, cores: Iterable[Core]) -> tuple[Core, ...]:
    """Put followed cores first in the text's order, then the other cores, then council rules: one digest for one set."""
    followed = {one: place for place, one in enumerate(agreement.follows)}

    def order(core: Core) -> tuple[bool, int, str, int]:
        return core.is_council, followed.get((core.id, core.version), len(followed)), core.id, core.version

    return tuple(sorted(cores, key=order))


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
    if len(followed) < len(set(agreement.follows)):
        return {}
    set_by = [core.ceiling for core in followed if core.ceiling is not None]
    found = {}
    for path, field in dataset.fields.items():
        rank = min((most(field, one.get(path, "withheld"), dataset) for one in set_by), default=0)
        if rank:
            found[path] = field.form(rank)
    return found
