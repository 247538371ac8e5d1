"""Is each line of law complete and possible, for both sides and for what is released under it?

Whether a power really lets one body disclose to another is counsel's to say; here stands only what can't be so.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from policies.deciding.line_meaning import kinds_of, law_of
from policies.reading.parse_agreement import LOST
from policies.reading.places import Flaw, Step
from schemas.agreement import Atom, LegalBasis, RuleSet, Side
from schemas.dataset import Field
from schemas.terms import (
    PUBLIC_AUTHORITIES,
    Classification,
    LawfulBasis,
    RecipientKind,
    Regime,
    Relationship,
    SpecialCategoryCondition,
)

# A controller of this product is a council.
CONTROLLER: Final = RecipientKind.COUNCIL
NEEDS_A_POWER: Final = frozenset({LawfulBasis.PUBLIC_TASK, LawfulBasis.LEGAL_OBLIGATION})
# UK GDPR Article 6(1), last sentence.
NOT_FOR_PUBLIC_TASKS: Final = frozenset({LawfulBasis.LEGITIMATE_INTERESTS, LawfulBasis.RECOGNISED_LEGITIMATE_INTEREST})
# DPA 2018 section 10(2) and (3): these conditions of Article 9(2) are met only through a paragraph of Schedule 1.
NEEDS_SCHEDULE_1: Final = frozenset(
    {
        SpecialCategoryCondition.EMPLOYMENT_SOCIAL_SECURITY,
        SpecialCategoryCondition.SUBSTANTIAL_PUBLIC_INTEREST,
        SpecialCategoryCondition.HEALTH_OR_SOCIAL_CARE,
        SpecialCategoryCondition.PUBLIC_HEALTH,
        SpecialCategoryCondition.RESEARCH,
    }
)
# DPA 2018 Schedule 1, paragraphs 1(1)(b) and 5(1): these also need an appropriate policy document.
NEEDS_POLICY_DOCUMENT: Final = frozenset(
    {SpecialCategoryCondition.EMPLOYMENT_SOCIAL_SECURITY, SpecialCategoryCondition.SUBSTANTIAL_PUBLIC_INTEREST}
)


def law_flaws(rules: RuleSet) -> Iterator[Flaw]:
    """Yield what is missing from, or impossible in, the agreement's lines of law."""
    for place, law in enumerate(rules.agreement.lawful):
        here = ("lawful", place)
        yield from _sides(rules, law, here)
        if law.compatible is not None and law.compatible[0] == "same_purpose":
            yield from _same_purpose(rules, (*here, "compatible"))
    yield from _consent_beside_obligation(rules)
    yield from _released_without_consent(rules)


def _sides(rules: RuleSet, law: LegalBasis, here: tuple[Step, ...]) -> Iterator[Flaw]:
    fields = fields_under(rules, law)
    if law.discloser is not LOST:
        yield from _side(law.discloser, "the discloser", frozenset({CONTROLLER}), fields, (*here, "discloser"))
    if law.recipient is LOST:
        return
    if law.recipient is not None:
        yield from _side(law.recipient, "the recipient", kinds_under(rules, law), fields, (*here, "recipient"))
    elif rules.agreement.relationship is not Relationship.PROCESSOR:
        # UK GDPR Article 28: a processor acts on the controller's basis; any other recipient needs its own.
        yield Flaw(here, f"the line of law {law.id} lacks the recipient's side", "Add `recipient: {basis: …}`.")


def fields_under(rules: RuleSet, law: LegalBasis) -> tuple[Field, ...]:
    """Return the fields that are released under a line of law."""
    lines = [line for line in rules.agreement.releases if law_of(rules, line) == law]
    return tuple(rules.dataset.fields[path] for path in dict.fromkeys(path for line in lines for path in line.fields))


def kinds_under(rules: RuleSet, law: LegalBasis) -> frozenset[RecipientKind]:
    """Return the kinds of recipient that something is released to under a line of law."""
    lines = [line for line in rules.agreement.releases if law_of(rules, line) == law]
    return frozenset(kind for line in lines for kind in kinds_of(rules, line))


# -- one side


def _side(
    side: Side, who: str, kinds: frozenset[RecipientKind], fields: tuple[Field, ...], here: tuple[Step, ...]
) -> Iterator[Flaw]:
    public = sorted(kind.value for kind in kinds & PUBLIC_AUTHORITIES)
    if side.regime is Regime.UK_GDPR and side.basis in NOT_FOR_PUBLIC_TASKS and public:
        yield Flaw(
            (*here, "basis"),
            f"{who} is a public authority ({', '.join(public)}) and can't rest its tasks on {side.basis.value}",
            "Write public_task or legal_obligation, with its power (UK GDPR Article 6(1)).",
        )
    if side.basis in NEEDS_A_POWER and side.power is None:
        text = f"{who} rests on {side.basis.value} and names no power or duty"
        yield Flaw((*here, "basis"), text, "Add `power:`, at section level (UK GDPR Article 6(3)).")
    special = [one.path for one in fields if one.classification is Classification.SPECIAL_CATEGORY]
    if special:
        yield from _special(side, who, special[0], here)
    criminal = [one.path for one in fields if one.classification is Classification.CRIMINAL_OFFENCE]
    if criminal and side.official_authority is None and side.schedule_1 is None:
        text = f"{who} has neither official authority nor a Schedule 1 paragraph for {criminal[0]}, criminal offence data"
        yield Flaw(here, text, "Add `official_authority:` or `schedule_1:` (UK GDPR Article 10).")


def _special(side: Side, who: str, path: str, here: tuple[Step, ...]) -> Iterator[Flaw]:
    if side.condition is None:
        text = f"{who} has no condition for {path}, special category data"
        yield Flaw(here, text, "Add `condition:` (UK GDPR Article 9(2)).")
        return
    if side.condition in NEEDS_SCHEDULE_1 and side.schedule_1 is None:
        text = f"{who} relies on {side.condition.value} without a Schedule 1 paragraph"
        yield Flaw((*here, "condition"), text, "Add `schedule_1:` (DPA 2018 section 10).")
    if side.condition in NEEDS_POLICY_DOCUMENT and side.policy_document is None:
        text = f"{who} relies on {side.condition.value} without its policy document"
        yield Flaw((*here, "condition"), text, "Add `policy_document:` (DPA 2018 Schedule 1, paragraphs 1 and 5).")


# -- consent, and purpose


def _consent_beside_obligation(rules: RuleSet) -> Iterator[Flaw]:
    """A yes that can't be refused is no consent, so it can't stand beside a duty for the same data."""
    laws = rules.agreement.lawful
    for place, law in enumerate(laws):
        if LawfulBasis.CONSENT not in _bases(law):
            continue
        theirs = _paths_under(rules, law)
        others = [one for one in laws if one == law or theirs & _paths_under(rules, one)]
        if any(LawfulBasis.LEGAL_OBLIGATION in _bases(one) for one in others):
            yield Flaw(
                ("lawful", place),
                f"the line of law {law.id} rests on consent beside a legal obligation",
                "Rest on the obligation; ask for consent as a condition (`when: [consent]`) where that is meant.",
            )


def _paths_under(rules: RuleSet, law: LegalBasis) -> set[str]:
    return {field.path for field in fields_under(rules, law)}


def _bases(law: LegalBasis) -> set[LawfulBasis]:
    return {side.basis for side in (law.discloser, law.recipient) if side is not None}


def _released_without_consent(rules: RuleSet) -> Iterator[Flaw]:
    for place, line in enumerate(rules.agreement.releases):
        law = law_of(rules, line)
        fields = [rules.dataset.fields[path] for path in line.fields]
        if not _rests_on_consent(law, fields):
            continue
        if Atom.EMERGENCY in line.when:
            text = f"an emergency waives consent, and the line of law {law.id} rests on nothing else"
            yield Flaw(("releases", place, "under"), text, "Rest the emergency on another basis, such as vital_interests.")
        elif Atom.CONSENT not in line.when:
            text = f"the line of law {law.id} rests on consent, and this line does not wait for it"
            yield Flaw(("releases", place), text, "Add `when: [consent]`.")


def _rests_on_consent(law: LegalBasis, fields: list[Field]) -> bool:
    explicit = law.discloser.condition is SpecialCategoryCondition.EXPLICIT_CONSENT
    special = any(one.classification is Classification.SPECIAL_CATEGORY for one in fields)
    return law.discloser.basis is LawfulBasis.CONSENT or (explicit and special)


def _same_purpose(rules: RuleSet, here: tuple[Step, ...]) -> Iterator[Flaw]:
    if rules.dataset.collected_for != rules.agreement.purpose:
        text = f"the data were collected for {rules.dataset.collected_for}, not for {rules.agreement.purpose}"
        yield Flaw(here, text, "Say how the new purpose is compatible (UK GDPR Article 5(1)(b)).")
