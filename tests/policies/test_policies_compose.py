"""What keeps an agreement from being published, and where is it said to stand?"""

from __future__ import annotations

from dataclasses import replace

import policies_texts as texts
import pytest
from policies_publishing import DATASET, FIRST, LINE, publish, put, refused, where

from policies.reading.findings import TextError
from policies.reading.parse import parse_agreement
from schemas.terms import RecipientKind


def test_the_fixtures_publish():
    rules = publish()

    assert rules.ceiling == {
        "full_name": "full",
        "date_of_birth": "year",
        "age": "band",
        "postcode": "full",
        "arrears": "band",
    }
    assert [one.id for one in rules.caps] == ["protected-addresses", "safeguard-protected-address-location"]
    assert rules.recipient_kinds == {"harbour-housing": RecipientKind.HOUSING_ASSOCIATION}


# (what to change in the agreement, what it becomes, where the finding stands, what it says)
AGREEMENTS = {
    "an unknown field": ("[full_name]", "[ful_name]", "ful_name", "no field ful_name. Did you mean full_name?"),
    "a form that is not in the chain": ("[age], as: band", "[age], as: year", "as: year", "Did you mean years?"),
    "above the ceiling": ("[age], as: band", "[age], as: years", "as: years", "age as years is above the ceiling band"),
    "a field without a ceiling": ("[full_name]", "[surname]", "as: full}", "surname as full is above the ceiling withheld"),
    "a variation that is over before it begins": (
        "ends_on: 2026-12-31",
        "ends_on: 2026-03-31",
        "as: month, when",
        "above the",
    ),
    "an unknown line of law": ("under: emergency", "under: emergence", "under: emergence", "Did you mean emergency?"),
    "an emergency without its own law": (
        ", under: emergency}",
        "}",
        "{fields: [postcode], as: full",
        "line of law of its own",
    ),
    "an unknown person": (LINE, LINE[:-1] + ", of: liabel}", "of: liabel", "Did you mean liable?"),
    "an unknown recipient": (
        LINE,
        LINE[:-1] + ", to: [harbor-housing]}",
        "harbor-housing]}",
        "Did you mean harbour-housing?",
    ),
    "a kind of nobody here": (LINE, LINE[:-1] + ", to: [charity]}", "charity]}", "neither a recipient"),
    "an unknown role": (LINE, LINE[:-1] + ", roles: [rent-officer]}", "rent-officer]}", "names no role rent-officer"),
    "an unknown marker": (
        LINE,
        LINE[:-1] + ", when: [record: {decesed: true}]}",
        "when: [record",
        "Did you mean deceased?",
    ),
    "what is no marker": (
        LINE,
        LINE[:-1] + ", when: [record: {surname: x}]}",
        "when: [record",
        "surname, which is no marker",
    ),
    "a marker's value": (LINE, LINE[:-1] + ', when: [record: {deceased: "yes"}]}', "when: [record", "Write true or false."),
    "adult and child": (LINE, LINE[:-1] + ", when: [adult, child]}", "when: [adult", "can never hold together"),
    "true and false": (
        LINE,
        LINE[:-1] + ", when: [record: {deceased: true}, record: {deceased: false}]}",
        "when: [record",
        "can never hold together",
    ),
    "an unregistered recipient": ("[harbour-housing]", "[harbor]", "harbor]", "recipient harbor is not registered"),
    "the controller itself": (
        "[harbour-housing]",
        "[harbour-housing, northmoor]",
        "northmoor]",
        "is the controller itself",
    ),
    "a recipient that the core is not for": ("[harbour-housing]", "[harbour-housing, trust]", "trust]", "trust is a nhs"),
    "a core that is not published": ("sustainment@3]", "sustainment@4]", "tenancy-sustainment@4", "not published"),
    "another purpose": ("purpose: tenancy", "purpose: tenant", "purpose: tenant", "is for the purpose tenancy-sustainment"),
    "another dataset": ("council-tax@2", "council-tax@3", "dataset: council", "not the dataset council-tax@2"),
    "the same line twice": (
        FIRST,
        f"{FIRST}\n{FIRST}",
        "{fields: [age], as: band}\n  - {fields: [post",
        "stands here twice",
    ),
    "a line that never matters": (
        FIRST,
        f"{FIRST}\n  - {{fields: [age], as: over_18, when: [consent]}}",
        "{fields: [age], as: over_18",
        "can never matter: the line of releases/2 always gives as much",
    ),
    "a line that a later one makes idle": (
        FIRST,
        f"  - {{fields: [age], as: over_18}}\n{FIRST}",
        "{fields: [age], as: over_18",
        "the line of releases/3 always gives as much",
    ),
    "a variation of nothing": ("{field: date_of_birth", "{field: birth", "as: month, when", "as month is above"),
    "a variation below the ceiling": (
        "variations:",
        "variations:\n  - {field: age, as: band, reason: x, dpia: y, approved_by: [dpo], ends_on: 2026-12-31}",
        "as: band, reason",
        "not above the ceiling band",
    ),
    "a variation of an unknown field": (
        "variations:",
        "variations:\n  - {field: agee, as: band, reason: x, dpia: y, approved_by: [dpo], ends_on: 2026-12-31}",
        "field: agee",
        "Did you mean age?",
    ),
    "a variation in an unknown form": (
        "variations:",
        "variations:\n  - {field: age, as: year, reason: x, dpia: y, approved_by: [dpo], ends_on: 2026-12-31}",
        "as: year, reason",
        "Did you mean years?",
    ),
    "a variation that nobody needs and that is over": (
        "variations:",
        "variations:\n  - {field: age, as: years, reason: x, dpia: y, approved_by: [dpo], ends_on: 2026-03-31}",
        "ends_on: 2026-03-31",
        "ends before the agreement starts",
    ),
    "a variation twice": (
        "variations:",
        "variations:\n  - {field: date_of_birth, as: month, reason: x, dpia: y, approved_by: [dpo], ends_on: 2026-12-31}",
        "{field: date_of_birth, as: month, reason: Matching",
        "is varied twice",
    ),
}


@pytest.mark.parametrize("what", sorted(AGREEMENTS))
def test_not_publishable(what):
    """Each mistake is found at its place, and its finding says what to write instead."""
    old, new, place, said = AGREEMENTS[what]
    text = put(old, new)

    found = refused(agreement=text)

    assert [one for one in found if said in one and one.startswith(where(place, text, "agreement:"))], found


def test_all_mistakes_are_told_at_once():
    text = put("[full_name]", "[ful_name]", put("[age]", "[agee]"))

    assert len(refused(agreement=text)) == 2


def test_a_field_of_one_person_is_not_released_as_anothers():
    dataset = put("surname:           {type: name,", "surname: {of: joint, type: name,", DATASET)
    text = put(LINE, "  - {fields: [surname], as: full, of: liable}")

    assert "surname is joint's own, not liable's" in refused(agreement=text, dataset=dataset)[0]


def test_what_stands_in_rows_needs_the_rows():
    agreement = texts.agreements()["northmoor-hope-befriending"]
    lines = (
        *agreement.releases,
        replace(agreement.releases[0], id="releases/13", fields=("episodes.provider",), form="full"),
    )

    with pytest.raises(TextError, match="no line releases the rows of episodes"):
        texts.composed(replace(agreement, releases=lines))


@pytest.mark.parametrize(("term", "said"), [("{risk_level: mauve}", "amber, green, red"), ("{risk_level: true}", "amber")])
def test_a_code_is_compared_with_its_own_codes(term, said):
    text = (texts.TEXTS / "northmoor-calder-discharge.agreement.yaml").read_text()

    with pytest.raises(TextError, match=said):
        texts.composed(parse_agreement(put("{risk_level: red}", term, text)))


def test_a_row_does_not_choose_the_form():
    """Were a row's marker to choose, hiding a row could open another in a finer form."""
    text = (texts.TEXTS / "northmoor-calder-discharge.agreement.yaml").read_text()
    text = put(
        "as: district}",
        "as: district}\n  - {fields: [episodes.placement_postcode], as: full, when: [record: {episodes.hidden: false}]}",
        text,
    )

    with pytest.raises(TextError, match="rests on a marker of a row"):
        texts.composed(parse_agreement(text))


def test_too_many_lines_are_refused():
    agreement = texts.agreements()["northmoor-harbour-tenancies"]

    with pytest.raises(TextError, match="more than 500"):
        texts.composed(replace(agreement, releases=agreement.releases * 100))
