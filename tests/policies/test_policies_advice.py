"""What are rules known by, and what in them is worth a second look?"""

from __future__ import annotations

from dataclasses import replace

import policies_texts as texts
import pytest
from policies_publishing import CORE, DATASET, publish, put

from policies.checking.may_publish import warnings
from policies.deciding.bind import rules_digest


def test_the_rules_digest_names_everything_that_was_compiled():
    """SHA-256 of the RFC 8785 list; the order in which the store hands over cores does not matter."""
    agreement = texts.agreements()["northmoor-harbour-tenancies"]
    rules = texts.composed(agreement)
    shuffled = texts.composed(agreement, cores=texts.bounds(agreement)[::-1])

    assert rules.rules_digest == shuffled.rules_digest
    assert rules.rules_digest == rules_digest(agreement, rules.cores, rules.dataset, rules.semantics)
    fewer = texts.composed(agreement, cores=texts.bounds(agreement)[:-1])
    assert fewer.rules_digest != rules.rules_digest
    changed = texts.composed(replace(agreement, digest="sha256:00"))
    assert changed.rules_digest != rules.rules_digest


def advice(**more) -> list[str]:
    return [one.message for one in warnings(publish(**more))]


def test_a_cap_on_what_every_record_holds_is_told():
    """A record is found by its postcode, so a missing one tells by itself."""
    assert len([one for one in advice() if "nearly every record holds postcode" in one]) == 2


ADVICE = {
    "a law that nothing rests on": (", when: [emergency], under: emergency}", ", when: [consent]}", "nothing rests on"),
    "a variation that no line needs": (
        "[date_of_birth], as: month",
        "[date_of_birth], as: year",
        "no line needs the variation",
    ),
    "a purpose that is not explained": (
        "    compatible: {how: assessed, ref: CA-2026-07}\n",
        "",
        "why the purpose is compatible",
    ),
    "no assessment": (", assessment: LIA-2026-03", "", "names no assessment"),
    "law enforcement": ("legitimate_interests, ", "legitimate_interests, regime: dpa_2018_part_3, ", "is not certain"),
}


@pytest.mark.parametrize("what", sorted(ADVICE))
def test_worth_a_second_look(what):
    old, new, said = ADVICE[what]

    assert [one for one in advice(agreement=put(old, new)) if said in one]


def test_a_cap_that_always_lowers_is_told():
    council = "council: northmoor\ncaps: [{id: a, says: b, at_most: {fields: [age], as: over_18}}]"
    withheld = council.replace("over_18", "withheld")

    assert "the cap a always lowers age to over_18" in advice(council=council)
    assert "the cap a always lowers age to withheld" in advice(council=withheld)


def test_sensitive_data_without_an_assessment_are_told():
    agreement = replace(texts.agreements()["northmoor-calder-discharge"], dpia=None)

    assert [one for one in warnings(texts.composed(agreement)) if "no data protection impact assessment" in one.message]


def test_what_a_safeguard_holds_back_is_told_where_no_cap_of_the_core_says_it():
    """Who wrote the core did not think of it, and a place that is always held tells by its absence."""
    begin, end = CORE.index("caps:"), CORE.index("guardrails:")
    without = CORE[:begin] + CORE[end:]

    told = [one for one in advice(core=without) if "by the safeguard" in one]

    assert len(told) == 2
    assert "postcode is withheld of whoever protected_address protects, by the safeguard" in told[0]
    assert not [one for one in advice() if "by the safeguard" in one]


def test_a_dataset_that_protects_nobody_is_told_with_its_reason():
    dataset = put(", marker: true, protects: [location]}", ", marker: true}", DATASET)
    dataset = put("people: ", "no_protection: nobody is hidden here\npeople: ", dataset)

    assert "council-tax protects nobody from being found: nobody is hidden here" in advice(dataset=dataset)
