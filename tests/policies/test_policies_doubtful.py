"""What is told of a draft whose parts can't all be read? What is sound is looked at, and nothing is told twice."""

from __future__ import annotations

from dataclasses import replace

import pytest
from policies_publishing import AGREEMENT, publish, put, refused

from policies.checking.may_publish import publication_flaws
from policies.reading.parse_agreement import LOST, read_agreement
from schemas.agreement import RuleSet
from schemas.terms import EmergencyKind

EMERGENCY = "  - {fields: [postcode], as: full, when: [emergency], under: emergency}"


def told(rules: RuleSet) -> list[str]:
    return [flaw.message for flaw in publication_flaws(rules)]


@pytest.mark.parametrize(("side", "other"), [("discloser", "recipient"), ("recipient", "discloser")])
def test_a_side_of_law_that_can_not_be_read_is_judged_by_nothing(side: str, other: str) -> None:
    """And the other side is judged as ever: a public task needs its power."""
    rules = publish()
    first, *rest = rules.agreement.lawful
    without_power = replace(first.discloser, power=None)
    law = replace(first, **{side: LOST, other: without_power})

    found = told(replace(rules, agreement=replace(rules.agreement, lawful=(law, *rest))))

    assert [one for one in found if f"the {other}" in one]
    assert not [one for one in found if f"the {side}" in one]


def test_without_any_law_that_can_be_read_nothing_is_said_of_it() -> None:
    rules = publish()

    found = told(replace(rules, agreement=replace(rules.agreement, lawful=())))

    assert found == ["no line of law is called emergency"]


def test_a_recipient_or_a_variations_field_that_can_not_be_read_is_told_once() -> None:
    rules = publish()
    blank = tuple(replace(one, field="") for one in rules.agreement.variations)
    changed = replace(rules.agreement, recipients=("", *rules.agreement.recipients), variations=blank)

    found = told(replace(rules, agreement=changed))

    assert not [one for one in found if "recipient" in one and "registered" in one]
    assert not [one for one in found if "the dataset has no field" in one]


def test_of_a_field_that_is_like_no_other_its_form_is_not_judged() -> None:
    (found,) = refused(agreement=put("  - {fields: [age], as: band}", "  - {fields: [qqqqq], as: nonsense}"))

    assert "has no field qqqqq" in found


def test_a_flaw_of_a_recipient_leaves_the_lines_to_be_looked_at() -> None:
    text = put("recipients: [harbour-housing]", "recipients: [harbour-housing, northmoor]")

    found = refused(agreement=put("[full_name]", "[ful_name]", text))

    assert [one for one in found if "Did you mean full_name?" in one]
    assert [one for one in found if "northmoor is the controller itself" in one]


# -- conditions that name kinds of emergency


@pytest.mark.parametrize("when", ["{emergency: [risk_to_life]}", "[{emergency: [risk_to_life]}]"])
def test_kinds_of_emergency_stand_alone_or_in_a_list(when: str) -> None:
    text = put(EMERGENCY, EMERGENCY.replace("[emergency]", when))

    line = read_agreement(text).agreement.releases[-1]

    assert line.emergencies == {EmergencyKind.RISK_TO_LIFE}
    assert publish(agreement=text)


def test_an_emergency_with_kinds_and_without_is_refused() -> None:
    text = put(EMERGENCY, EMERGENCY.replace("[emergency]", "[emergency, {emergency: [risk_to_life]}]"))

    assert read_agreement(AGREEMENT).findings == ()
    assert any("emergency stands here with kinds and without" in str(one) for one in read_agreement(text).findings)
