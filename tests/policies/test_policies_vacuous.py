"""Is a rule that can hold nothing back refused, with what to write instead?"""

from __future__ import annotations

from functools import cache

import pytest
from policies_publishing import CORE, DATASET, put

from policies.checking.core_rules import core_draft, core_warnings
from policies.reading.findings import TextError
from policies.reading.parse import parse_dataset

CHARITIES = (
    "core: x\nversion: 1\nfor: {purpose: tenancy-sustainment, recipient_kinds: [charity], dataset: council-tax}\n"
    "ceiling: {postcode: full}\n"
)
COUNCIL = "council: northmoor\nversion: 1\n"
LIBRARY = put("dataset: council-tax", "dataset: library", put("arrears:  ", "fines_due:", DATASET))


@cache
def published():
    return parse_dataset(DATASET), parse_dataset(LIBRARY)


def cap(text: str, head: str = CHARITIES) -> str:
    return f"{head}caps: [{{id: a, says: b, {text}}}]\n"


def rail(text: str, head: str = CHARITIES) -> str:
    return f"{head}guardrails: [{{id: a, says: b, never: {{{text}}}}}]\n"


def told(text: str) -> list[str]:
    with pytest.raises(TextError) as caught:
        core_draft(text, published())
    return [str(one) for one in caught.value.findings]


GUARDS_NOTHING = {
    "up to the most that there is": (cap("at_most: {fields: [postcode], as: full}"), "goes beyond full"),
    "above the most that there is": (rail("fields: [postcode, arrears], above: full"), "goes beyond full"),
    "for kinds that the core is not for": (
        cap("recipient_kinds: [police], at_most: {fields: [postcode], as: area}"),
        "it is for police, and the core for charity. Name some of charity, or take the member out",
    ),
    "a guardrail for kinds that the core is not for": (
        rail("recipient_kinds: [police], fields: [postcode], above: area"),
        "it is for police",
    ),
    "of an adult who is a child": (
        cap("when: [adult, child], at_most: {fields: [postcode], as: withheld}"),
        "can never hold together",
    ),
    "of a marker that is two things": (
        rail(
            "fields: [postcode], when: [{record: {protected_address: true}}, {record: {protected_address: false}}]",
        ),
        "can never hold together",
    ),
    "of fields that no record has together": (
        rail("together: {arrears: full, fines_due: full}", COUNCIL),
        "no published dataset has arrears and fines_due in one record",
    ),
}


@pytest.mark.parametrize("what", sorted(GUARDS_NOTHING))
def test_a_rule_that_guards_nothing_is_refused(what):
    text, why = GUARDS_NOTHING[what]

    assert [one for one in told(text) if "guards nothing" in one and why in one]


TURNED = {
    "a cap": (
        cap("when: [no_objection], at_most: {fields: [postcode], as: withheld}"),
        "an objection would lift the cap a",
    ),
    "a cap of the council's": (
        cap("when: [adult, no_objection], at_most: {reveals: location, as: withheld}", COUNCIL),
        "an objection would lift the cap a",
    ),
    "a guardrail": (
        rail("when: [no_objection], fields: [postcode], above: area"),
        "an objection would lift the guardrail a",
    ),
    "a guardrail of the council's": (
        rail("when: [no_objection], together: {postcode: full, age: band}", COUNCIL),
        "an objection would lift the guardrail a",
    ),
    "a marker denied": (
        cap("when: {record: {protected_address: false}}, at_most: {reveals: location, as: withheld}"),
        "for everybody else. Write what must be so: {record: {protected_address: true}}",
    ),
}


@pytest.mark.parametrize("what", sorted(TURNED))
def test_a_rule_that_is_lifted_by_what_protects_somebody_is_refused(what):
    """Whoever objects, or is protected, would have more released than everybody else."""
    text, why = TURNED[what]
    (found,) = told(text)

    assert why in found


def test_a_rule_on_a_marker_that_protects_nobody_may_want_either():
    for value in ("true", "false"):
        assert core_draft(
            cap(f"when: {{record: {{deceased: {value}}}}}, at_most: {{fields: [arrears], as: withheld}}"), published()
        )


SLIPS = {
    "a key that is none": (
        CHARITIES + "identify: {keys: [account], confirm: [surname], at_least: 2}\n",
        "Did you mean account_ref",
    ),
    "a detail that is none": (CHARITIES + "identify: {confirm: [surnam]}\nmay_confirm: [uprn]\n", "Did you mean surname"),
    "a cap of the council's": (cap("at_most: {fields: [postcode], as: sectr}", COUNCIL), "Did you mean sector?"),
    "a cap on a tag": (cap("at_most: {reveals: location, as: sectr}"), "Did you mean sector?"),
    "a guardrail of the council's": (rail("fields: [postcode], above: sectr", COUNCIL), "Did you mean sector?"),
    "together": (rail("together: {postcode: sectr, age: band}", COUNCIL), "Did you mean sector?"),
    "a core's own field": (cap("at_most: {fields: [postcode], as: sectr}"), "Did you mean sector?"),
    "what confirms nobody": (CHARITIES + "identify: {confirm: [arrears]}\n", "arrears confirms nobody by these keys"),
    "what names nobody": (CHARITIES + "may_confirm: [arrears]\n", "neither a key of council-tax nor a confirming detail"),
    "more than there is": (CHARITIES + "identify: {keys: [account_ref], at_least: 3}\n", "Write at_least: 2, or less"),
}


@pytest.mark.parametrize("what", sorted(SLIPS))
def test_a_slip_in_a_core_is_told_once_with_what_was_meant(what):
    text, remedy = SLIPS[what]
    found = told(text)

    assert len(found) == 1
    assert remedy in found[0]


def test_rules_that_guard_something_are_none_of_them():
    good = cap("recipient_kinds: [charity], when: [adult], at_most: {fields: [postcode], as: withheld}")
    rails = "guardrails: [{id: r, says: s, never: {together: {postcode: full, date_of_birth: full}}}]\n"
    naming = "identify: {keys: [account_ref], confirm: [surname, date_of_birth], at_least: 2}\nmay_confirm: [uprn]\n"

    for text in (CORE, good, good + rails + naming, cap("at_most: {reveals: adoption, as: withheld}", COUNCIL)):
        assert core_draft(text, published())


def test_a_form_that_a_dataset_leaves_out_is_no_slip():
    """What is less revealing stays allowed, and what is more stays in."""
    text = put("postcode:          {type: postcode,", "postcode: {forms: [area, full], type: postcode,", DATASET)

    assert core_draft(cap("at_most: {fields: [postcode], as: sector}", COUNCIL), [parse_dataset(text)])


def test_a_councils_rules_for_a_purpose_that_nobody_has_are_told_of():
    text = cap("at_most: {fields: [postcode], as: sector}", COUNCIL + "for: {purpose: tenancy-sustainmnt}\n")
    core = core_draft(text, published())

    (found,) = core_warnings(core, published(), {"tenancy-sustainment"})

    assert "guard nothing" in found.message
    assert found.remedy == "Did you mean tenancy-sustainment?"
    assert core_warnings(core, published(), {"tenancy-sustainmnt"}) == ()


def test_a_core_for_a_dataset_that_nobody_has_is_refused_with_what_was_meant():
    """Else nobody could tell whether its rules guard anything."""
    text = cap("at_most: {fields: [postcode], as: area}", CHARITIES.replace("council-tax", "council-taxx"))

    (found,) = told(text)
    assert "no dataset called council-taxx is published" in found
    assert "Did you mean council-tax?" in found
    with pytest.raises(TextError, match=r"Publish council-taxx first\."):
        core_draft(text, ())


def test_rules_over_everything_name_a_field_that_some_dataset_has():
    (found,) = told(cap("at_most: {fields: [arears], as: withheld}", COUNCIL))

    assert "no published dataset has a field arears" in found
    assert "Did you mean arrears?" in found


def test_a_rule_on_what_no_dataset_has_today_is_told_of():
    core = core_draft(rail("origin: dwp", COUNCIL), published())

    (told_,) = core_warnings(core, published(), ())
    assert "guardrail a fits no field of any published dataset today" in told_.message


@pytest.mark.parametrize(
    ("rule", "what"),
    [
        (cap("at_most: {fields: [postcode], as: area}"), "the cap a"),
        (rail("fields: [postcode], above: area"), "the guardrail a"),
    ],
)
def test_what_a_core_holds_back_may_not_confirm(rule: str, what: str):
    (found,) = told(rule + "may_confirm: [postcode]\n")

    assert f"postcode may not confirm anybody: {what} holds it back" in found


def test_a_marker_that_rules_over_everything_misspell_is_told():
    (found, *_) = told(cap("when: {record: {decesed: true}}, at_most: {fields: [arrears], as: withheld}", COUNCIL))

    assert "unknown marker decesed" in found
    assert "Did you mean deceased?" in found
