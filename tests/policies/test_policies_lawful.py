"""Which lines of law can't be: missing parts, and bases that a side can't have?"""

from __future__ import annotations

from dataclasses import replace

import policies_texts as texts
import pytest

from policies.checking.lawful import law_flaws
from policies.checking.may_publish import publishable
from policies.reading.findings import TextError
from policies.reading.parse import parse_agreement, parse_core, parse_dataset
from schemas.agreement import LegalBasis, RuleSet, Side
from schemas.terms import (
    PUBLIC_AUTHORITIES,
    LawfulBasis,
    RecipientKind,
    Regime,
    Relationship,
    SpecialCategoryCondition,
)

CALDER = texts.composed(texts.agreements()["northmoor-calder-discharge"])
AIRE = texts.composed(texts.agreements()["northmoor-aire-safeguarding"])
TASK = Side(LawfulBasis.PUBLIC_TASK, power="care-act-2014-s6")
HEALTH = replace(TASK, condition=SpecialCategoryCondition.HEALTH_OR_SOCIAL_CARE, schedule_1="paragraph 2")


def under(rules: RuleSet = CALDER, kind: RecipientKind | None = None, **sides) -> list[str]:
    """Return the flaws of the first line of law with other sides."""
    first, *others = rules.agreement.lawful
    agreement = replace(rules.agreement, lawful=(replace(first, **sides), *others))
    kinds = dict.fromkeys(rules.recipient_kinds, kind) if kind else rules.recipient_kinds
    return [one.message for one in law_flaws(replace(rules, agreement=agreement, recipient_kinds=kinds))]


def test_the_laws_of_these_tests_are_possible():
    assert under() == []
    assert under(AIRE) == []


@pytest.mark.parametrize("basis", [LawfulBasis.PUBLIC_TASK, LawfulBasis.LEGAL_OBLIGATION])
@pytest.mark.parametrize("side", ["discloser", "recipient"])
def test_a_public_task_and_an_obligation_name_their_power(basis, side):
    """UK GDPR Article 6(3): the basis is laid down by law."""
    (found,) = under(**{side: replace(HEALTH, basis=basis, power=None)})

    assert f"the {side} rests on {basis.value} and names no power" in found


@pytest.mark.parametrize("basis", [LawfulBasis.LEGITIMATE_INTERESTS, LawfulBasis.RECOGNISED_LEGITIMATE_INTEREST])
@pytest.mark.parametrize("kind", sorted(RecipientKind))
def test_public_authorities_have_no_legitimate_interests(basis, kind):
    """UK GDPR Article 6(1), last sentence."""
    found = under(recipient=replace(HEALTH, basis=basis), kind=kind)

    assert bool(found) is (kind in PUBLIC_AUTHORITIES)


def test_a_council_discloses_on_no_legitimate_interest():
    (found,) = under(discloser=replace(HEALTH, basis=LawfulBasis.LEGITIMATE_INTERESTS))

    assert "the discloser is a public authority (council)" in found


def test_law_enforcement_has_no_article_6():
    side = replace(HEALTH, basis=LawfulBasis.LEGITIMATE_INTERESTS, regime=Regime.LAW_ENFORCEMENT)

    assert under(recipient=side) == []


@pytest.mark.parametrize("relationship", list(Relationship))
def test_only_a_processor_needs_no_basis_of_its_own(relationship):
    """UK GDPR Article 28: the contract stands in."""
    rules = replace(CALDER, agreement=replace(CALDER.agreement, relationship=relationship))

    assert bool(under(rules, recipient=None)) is (relationship is not Relationship.PROCESSOR)


@pytest.mark.parametrize("side", ["discloser", "recipient"])
def test_special_category_data_need_a_condition(side):
    """UK GDPR Article 9(2), on each side."""
    (found,) = under(**{side: TASK})

    assert f"the {side} has no condition for diagnosis" in found


NEEDS = {
    SpecialCategoryCondition.EMPLOYMENT_SOCIAL_SECURITY: (True, True),
    SpecialCategoryCondition.SUBSTANTIAL_PUBLIC_INTEREST: (True, True),
    SpecialCategoryCondition.HEALTH_OR_SOCIAL_CARE: (True, False),
    SpecialCategoryCondition.PUBLIC_HEALTH: (True, False),
    SpecialCategoryCondition.RESEARCH: (True, False),
}


@pytest.mark.parametrize("condition", sorted(set(SpecialCategoryCondition) - {SpecialCategoryCondition.EXPLICIT_CONSENT}))
def test_schedule_1_is_named_where_it_is_needed(condition):
    """DPA 2018 section 10(2) and (3); Schedule 1, paragraphs 1 and 5, for the policy document."""
    schedule, document = NEEDS.get(condition, (False, False))
    bare = under(discloser=replace(TASK, condition=condition))

    assert any("without a Schedule 1 paragraph" in one for one in bare) is schedule
    assert any("without its policy document" in one for one in bare) is document
    assert under(discloser=replace(TASK, condition=condition, schedule_1="paragraph 1", policy_document="APD-1")) == []


@pytest.mark.parametrize("side", ["discloser", "recipient"])
def test_criminal_offence_data_need_authority_or_schedule_1(side):
    """UK GDPR Article 10."""
    (found,) = under(AIRE, **{side: TASK})

    assert "neither official authority nor a Schedule 1 paragraph for offence" in found
    assert under(AIRE, **{side: replace(TASK, official_authority="police-act-1996-s30")}) == []
    assert under(AIRE, **{side: replace(TASK, schedule_1="paragraph 10")}) == []


def test_consent_does_not_stand_beside_an_obligation():
    """Who has to disclose can't ask."""
    consent = replace(HEALTH, basis=LawfulBasis.CONSENT)
    obligation = replace(HEALTH, basis=LawfulBasis.LEGAL_OBLIGATION)

    assert [one for one in under(discloser=consent, recipient=obligation) if "beside a legal obligation" in one]


def test_consent_does_not_stand_beside_an_obligation_of_another_line_on_the_same_data():
    obliged = LegalBasis("welfare", replace(TASK, basis=LawfulBasis.LEGAL_OBLIGATION), TASK, None, None)
    lines = (*CALDER.agreement.releases, replace(CALDER.agreement.releases[0], id="releases/99", under="welfare"))
    agreement = replace(
        CALDER.agreement, lawful=(CALDER.agreement.lawful[0], obliged, CALDER.agreement.lawful[2]), releases=lines
    )
    rules = replace(CALDER, agreement=agreement)

    found = under(rules, discloser=replace(HEALTH, basis=LawfulBasis.CONSENT))

    assert [one for one in found if "beside a legal obligation" in one]


def test_what_rests_on_consent_waits_for_it():
    """Every line under such a law says so; an emergency, which waives consent, can't rest on it."""
    found = under(discloser=replace(HEALTH, basis=LawfulBasis.CONSENT))
    lines = [one for one in CALDER.agreement.releases if one.under is None and "consent" not in one.when]

    assert len([one for one in found if "does not wait for it" in one]) == len(lines)


def test_an_emergency_rests_on_something_else_than_consent():
    first, second, third = CALDER.agreement.lawful
    consent = replace(third, discloser=replace(TASK, basis=LawfulBasis.CONSENT))
    rules = replace(CALDER, agreement=replace(CALDER.agreement, lawful=(first, second, consent)))

    assert [one for one in under(rules) if "an emergency waives consent" in one]


def test_explicit_consent_is_waited_for_where_the_data_are_special():
    """UK GDPR Article 9(2)(a)."""
    explicit = replace(TASK, condition=SpecialCategoryCondition.EXPLICIT_CONSENT)

    assert len([one for one in under(discloser=explicit) if "does not wait for it" in one]) == 2  # both lines of diagnosis


def test_the_same_purpose_is_the_same():
    """UK GDPR Article 5(1)(b)."""
    assert ["collected for adult-social-care" in one for one in under(compatible=("same_purpose", None))] == [True]
    same = replace(CALDER, dataset=replace(CALDER.dataset, collected_for="care-coordination"))
    assert under(same, compatible=("same_purpose", None)) == []


def test_a_missing_side_is_said_at_its_line():
    text = (texts.FIXTURES / "agreement.yaml").read_text()
    text = text.replace("    recipient: {basis: vital_interests}\n", "")

    with pytest.raises(TextError) as caught:
        publishable(
            parse_agreement(text),
            dataset=parse_dataset((texts.FIXTURES / "dataset.yaml").read_text()),
            cores=[parse_core((texts.FIXTURES / "core.yaml").read_text())],
            recipient_kinds=texts.kinds(),
        )

    assert [(one.line, one.column) for one in caught.value.findings] == [(15, 5)]
