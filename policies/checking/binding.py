"""Are the followed cores there, are they for this agreement, and do their rules make sense over its dataset?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from policies.checking.core_rules import rule_flaws
from policies.reading.findings import did_you_mean
from policies.reading.places import Flaw
from schemas.agreement import Agreement, Core, RuleSet
from schemas.terms import RecipientKind

_CEILING_NEEDED = "Follow a core that sets a ceiling: without one, everything is withheld."


def core_flaws(rules: RuleSet) -> Iterator[Flaw]:
    """Yield what is wrong between an agreement and the cores that bind it."""
    agreement, cores, kinds = rules.agreement, rules.cores, rules.recipient_kinds
    known = {(core.id, core.version): core for core in cores}
    for place, (name, version) in enumerate(agreement.follows):
        if not name:  # it can't be read, or is not there, and was told of
            continue
        core = known.get((name, version))
        if core is None:
            published = [f"{core.id}@{core.version}" for core in cores if not core.is_council]
            remedy = did_you_mean(f"{name}@{version}", published) if published else "Publish the core first."
            yield Flaw(("follows", place), f"core {name}@{version} is not published", remedy)
        elif core.is_council:
            yield Flaw(("follows", place), f"{name} are council rules", "Take it out: they hold for every agreement.")
        else:
            yield from _scope_flaws(agreement, core, kinds, place)
    followed = [known[one] for one in agreement.follows if one in known]
    if followed and all(core.ceiling is None for core in followed):
        yield Flaw(("follows",), "no followed core sets a ceiling", _CEILING_NEEDED)
    for core in cores:
        kind = "council rules" if core.is_council else "core"
        for flaw in rule_flaws(core, rules.dataset):
            message = f"{kind} {core.id}@{core.version}: {flaw.message}"
            yield Flaw(("follows",), message, f"In its text: {flaw.remedy}")


def _scope_flaws(agreement: Agreement, core: Core, kinds: Mapping[str, RecipientKind], place: int) -> Iterator[Flaw]:
    name = f"core {core.id}@{core.version}"
    if core.purpose not in {None, agreement.purpose}:
        yield Flaw(("purpose",), f"{name} is for the purpose {core.purpose}", "Follow a core for this purpose.")
    if core.dataset not in {None, agreement.dataset[0]}:
        yield Flaw(("follows", place), f"{name} is for the dataset {core.dataset}", "Follow a core for this dataset.")
    for number, recipient in enumerate(agreement.recipients):
        kind = kinds.get(recipient)
        if kind is not None and core.recipient_kinds and kind not in core.recipient_kinds:
            yield Flaw(
                ("recipients", number),
                f"{recipient} is a {kind.value}, and {name} is for {_listed(core.recipient_kinds)}",
                "Make an agreement of its own for this recipient.",
            )


def _listed(kinds: Iterable[RecipientKind]) -> str:
    return ", ".join(sorted(one.value for one in kinds))
