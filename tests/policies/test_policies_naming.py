"""What may an agreement say of how people are named, and what bars a key or a detail?"""

from __future__ import annotations

from dataclasses import replace

import policies_building as build
import pytest
from policies_publishing import AGREEMENT, CORE, DATASET, publish, put, refused, where

from policies.checking.dataset_checks import dataset_draft, dataset_warnings
from policies.checking.naming_checks import naming_advice, naming_flaws
from policies.deciding.compile import compile_rules
from policies.deciding.decide import decide
from policies.deciding.naming import naming_of, usable
from policies.reading.findings import TextError
from policies.reading.parse import parse_dataset
from schemas.agreement import RuleSet
from schemas.semantics import FIRST, Semantics
from schemas.terms import EmergencyKind

IDENTIFY = "identify: {keys: [account_ref], confirm: [surname, date_of_birth], at_least: 2}"

# what -> (what stands in the place of `identify`, the word that is pointed at, what is told)
REFUSED = {
    "a key that the dataset lacks": (
        "identify: {keys: [account_reff], confirm: [surname, date_of_birth]}",
        "account_reff",
        "the dataset has no key account_reff. Did you mean account_ref?",
    ),
    "a detail that confirms nobody": (
        "identify: {keys: [account_ref], confirm: [surname, date_of_birht]}",
        "date_of_birht",
        "date_of_birht confirms nobody by these keys. Did you mean date_of_birth?",
    ),
    "a key that reveals a place": (
        "identify: {keys: [uprn], confirm: [surname, date_of_birth], at_least: 2}",
        "uprn",
        "uprn reveals location, and no line can release uprn in full",
    ),
    "fewer details than the dataset wants": (
        "identify: {keys: [account_ref], confirm: [surname, date_of_birth], at_least: 1}",
        "1}",
        "the key account_ref wants 2 details, by its dataset or core. Write at_least: 2",
    ),
    "details that are one fact": (
        "identify: {keys: [account_ref], confirm: [surname], at_least: 2}",
        "[surname]",
        "the key account_ref wants 2 facts, and these details are 1",
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_an_agreement_may_not_say_of_naming_is_told_at_its_word(what: str) -> None:
    said, word, told = REFUSED[what]
    text = put(IDENTIFY, said)

    found = refused(agreement=text)

    (line,) = [one for one in found if told in one]
    assert line.startswith(where(word, text, after="identify:").rpartition(",")[0]), line


def test_a_text_of_the_first_semantics_is_asked_none_of_it() -> None:
    """Then tags barred no key and no detail."""
    rules = publish(agreement=AGREEMENT)
    given = replace(rules.agreement.identify, keys=("uprn",))
    older = replace(rules, agreement=replace(rules.agreement, identify=given), semantics=Semantics(FIRST, FIRST))

    assert list(naming_flaws(older)) == []
    assert [flaw.way for flaw in naming_flaws(replace(older, semantics=Semantics()))] != []


def test_a_key_that_one_fact_fits_is_worth_a_second_look() -> None:
    """It is said of the dataset where the agreement says nothing, and nothing where nobody receives anything."""
    dataset = put(
        "confirm: [surname, date_of_birth], at_least: 2}\n  nhs", "confirm: [surname], at_least: 1}\n  nhs", DATASET
    )
    by_agreement = publish(agreement=put(IDENTIFY, "identify: {keys: [account_ref]}"), dataset=dataset)
    by_dataset = publish(agreement=put(IDENTIFY + "\n", ""), dataset=dataset)

    assert [flaw.way for flaw in naming_advice(by_agreement)] == [("identify",)]
    assert [flaw.way for flaw in naming_advice(by_dataset)] == [("dataset",)]
    assert list(naming_advice(replace(by_dataset, recipient_kinds={}))) == []


# -- what bars a detail that reveals a place, which the core lets confirm

LISTED = CORE.replace("caps:  ", "may_confirm: [postcode]\ncaps:  ", 1)
PERSON = put(IDENTIFY, "identify: {keys: [person]}")


TOGETHER = {
    "with what no line gives": ({"postcode": "full", "uprn": "full"}, True),
    "with what this dataset has none of": ({"postcode": "full", "nickname": "full"}, True),
    "of other fields": ({"full_name": "full", "arrears": "rounded"}, True),
    "with what a line gives": ({"postcode": "full", "full_name": "full"}, False),
}


@pytest.mark.parametrize("what", TOGETHER)
def test_what_may_not_leave_together_bars_a_detail_where_the_rest_can_leave(what: str) -> None:
    together, may_name = TOGETHER[what]
    core = put(
        "never: {together: {postcode: full, date_of_birth: full}}", "never: {classification: criminal_offence}", LISTED
    )
    rules = publish(agreement=PERSON, core=core)
    rail = replace(rules.guardrails[0], target=None, together=together, when=(), recipient_kinds=frozenset())

    kinds = naming_of(replace(rules, guardrails=(rail,))).by_core["postcode"]

    assert kinds == (frozenset(rules.recipient_kinds.values()) if may_name else frozenset())


def test_a_line_for_another_recipient_lets_nobody_else_name_people() -> None:
    """A place as a key is for whoever a line gives it to in full."""
    text = put("recipients: [harbour-housing]", "recipients: [harbour-housing, hope]", put(IDENTIFY + "\n", ""))
    text = put("  - {fields: [postcode], as: sector}", "  - {fields: [postcode], as: full, to: [hope]}", text)
    text = put("  - {fields: [postcode], as: full, when: [emergency], under: emergency}\n", "", text)
    core = CORE.replace(
        "never: {together: {postcode: full, date_of_birth: full}}", "never: {classification: criminal_offence}"
    )
    rules = publish(agreement=text, core=core)

    keys = {name: set(usable(naming_of(rules), rules, name)) for name in ("harbour-housing", "hope")}

    assert keys["hope"] - keys["harbour-housing"] == {"person"}


# -- datasets


def test_a_dataset_that_protects_and_says_that_it_does_not_is_refused() -> None:
    with pytest.raises(TextError, match="a marker protects where people are"):
        dataset_draft(put("people: ", "no_protection: nobody lives there\npeople: ", DATASET))


def test_a_place_in_a_group_that_nothing_protects_is_told_at_its_line() -> None:
    unmarked = put(", marker: true, protects: [location]}", ", marker: true}", DATASET)
    unmarked = unmarked.replace(", reveals: [location]}", "}")
    group = (
        "groups:\n  stays:\n    label: Stays\n    order_by: began_on\n    fields:\n"
        "      began_on: {type: date, label: Began on, classification: personal}\n"
        "      where: {type: postcode, label: Where, classification: personal, reveals: [location]}\n"
    )
    with pytest.raises(TextError) as caught:
        dataset_draft(unmarked + group)

    (told,) = [str(one) for one in caught.value.findings]
    assert "stays.where reveals where somebody is, and no marker protects that" in told
    assert f"line {(unmarked + group).count(chr(10))}" in told


def test_a_composite_key_takes_details_alone() -> None:
    """No `confirm` or `at_least` beside them, two of them at least, no place, and no field of its name."""
    key = "all_of: [full_name, date_of_birth, postcode]}"
    slips = {
        "confirm: [surname], " + key: "`all_of` names the details already",
        "at_least: 2, " + key: "of `all_of` every detail must fit",
        "all_of: [full_name]}": "one detail is no composite key",
    }
    for text, told in slips.items():
        with pytest.raises(TextError, match=told):
            parse_dataset(put(key, text, DATASET))
    with pytest.raises(TextError, match="a composite key finds persons"):
        parse_dataset(put("{finds: [liable, joint], all_of:", "{finds: place, all_of:", DATASET))
    with pytest.raises(TextError, match="key surname is composite, and a field has its name"):
        parse_dataset(put("  person:      {", "  surname:      {", DATASET))


def test_a_dataset_by_which_one_detail_finds_a_person_is_told_of() -> None:
    thin = put("confirm: [surname, date_of_birth], at_least: 2}\n  nhs", "confirm: [surname], at_least: 1}\n  nhs", DATASET)

    (told,) = [one.message for one in dataset_warnings(parse_dataset(thin)) if "account_ref" in one.message]
    assert told.startswith("one detail finds a person by the key account_ref")


def test_a_code_without_a_list_never_leaves_and_is_told_of() -> None:
    codes = DATASET.rstrip() + "\n  band: {type: code, label: Band, classification: personal}\n"

    assert [one.message for one in dataset_warnings(parse_dataset(codes))] == [
        "band is a code without a list, so nothing in it is a value, and it never leaves"
    ]


def test_what_derives_from_a_date_that_can_not_be_read_is_told_once() -> None:
    slip = put("date_of_birth:     {type: date, ", "date_of_birth:     {type: dat, ", DATASET)

    with pytest.raises(TextError) as caught:
        parse_dataset(slip)

    assert len(caught.value.findings) == 1


# -- at a call


def unnamed_by(rules: RuleSet, key: str, **more: object) -> tuple[str, ...]:
    """Return what a call may not name anybody by."""
    compiled = compile_rules(rules)
    return decide(
        compiled, build.circumstances(compiled, key=key, details=frozenset({"surname", "date_of_birth"}), **more)
    ).unnamed


def test_a_declared_incident_opens_the_keys_that_find_by_place_and_no_others() -> None:
    rules = publish()
    flood = {"emergency": EmergencyKind.RISK_TO_LIFE, "in_incident": True}

    assert unnamed_by(rules, "uprn") == ("uprn",)
    assert unnamed_by(rules, "uprn", **flood) == ()
    assert unnamed_by(rules, "person", **flood) == ("person",)
    assert unnamed_by(rules, "account_ref", **flood) == ()


def test_a_line_for_one_role_lets_no_other_name_people() -> None:
    text = put(
        "roles: [tenancy-sustainment-officer]", "roles: [tenancy-sustainment-officer, surveyor]", put(IDENTIFY + "\n", "")
    )
    text = put("[postcode], as: sector}", "[postcode], as: full, roles: [surveyor]}", text)
    core = CORE.replace(
        "never: {together: {postcode: full, date_of_birth: full}}", "never: {classification: criminal_offence}"
    )
    compiled = compile_rules(publish(agreement=text, core=core))
    details = frozenset({"full_name", "date_of_birth", "postcode"})

    named = {
        role: decide(compiled, build.circumstances(compiled, key="person", details=details, role=role)).unnamed
        for role in ("surveyor", "tenancy-sustainment-officer")
    }

    assert named == {"surveyor": (), "tenancy-sustainment-officer": ("postcode",)}
