"""How many facts are the details that somebody is named by, and what if they are too few?"""

from __future__ import annotations

import pytest
from policies_publishing import AGREEMENT, CORE, DATASET, publish, put, refused

from policies.checking.dataset_checks import dataset_warnings
from policies.deciding.compile import compile_rules, keys_for
from policies.deciding.naming import facts_in
from policies.reading.parse import parse_dataset
from schemas.dataset import Key

KEY = "account_ref: {finds: [liable, joint], confirm: [surname, date_of_birth], at_least: 2}"
OPEN = AGREEMENT.replace("identify: {keys: [account_ref], confirm: [surname, date_of_birth], at_least: 2}\n", "")
PLACES = CORE[: CORE.index("  - id: no-reidentification")].replace("caps:  ", "may_confirm: [uprn, postcode]\ncaps:  ", 1)


def confirmed_by(details: str, key: str = KEY, at_least: int = 2) -> str:
    begin = key.partition("confirm:")[0]
    return put(key, f"{begin}confirm: [{details}], at_least: {at_least}}}", DATASET)


def named(dataset: str, core: str = CORE) -> dict[str, Key]:
    return dict(keys_for(compile_rules(publish(agreement=OPEN, dataset=dataset, core=core)), "harbour-housing"))


FACTS = {
    "surname, date_of_birth": 2,
    "surname, full_name": 1,
    "date_of_birth, age": 1,
    "postcode, uprn": 1,
    "postcode, surname": 2,
    "account_ref, surname": 1,
    "account_ref": 0,
}


@pytest.mark.parametrize("details", sorted(FACTS))
def test_details_are_as_many_facts_as_do_not_follow_from_each_other_or_from_the_key(details):
    dataset = parse_dataset(DATASET)

    assert facts_in(dataset.keys["account_ref"], details.split(", "), dataset) == FACTS[details]


def test_a_place_is_no_fact_beside_a_key_that_finds_one():
    dataset = parse_dataset(DATASET)

    assert facts_in(dataset.keys["uprn"], ["postcode", "surname"], dataset) == 1


def test_all_that_a_composite_key_is_made_of_counts():
    dataset = parse_dataset(DATASET)
    key = dataset.keys["person"]

    assert facts_in(key, key.confirm, dataset) == 3


@pytest.mark.parametrize("details", ["postcode, uprn", "account_ref, surname"])
def test_a_dataset_whose_details_follow_from_others_is_told_of(details):
    found = dataset_warnings(parse_dataset(confirmed_by(details)))

    assert [one for one in found if "are one fact" in one.message and "or from the key" in one.message]


def test_a_key_of_which_a_place_is_barred_names_nobody_by_fewer_details():
    """Never looser than the dataset: what is left of two details is not one."""
    barred = OPEN.replace("  - {fields: [postcode], as: full, when: [emergency], under: emergency}\n", "")

    keys = keys_for(compile_rules(publish(agreement=barred, dataset=confirmed_by("surname, postcode"))), "harbour-housing")

    assert "account_ref" not in keys
    assert keys["nhs_number"].at_least == 2


def test_two_places_confirm_nobody_as_two_facts():
    keys = named(confirmed_by("surname, postcode, uprn"), PLACES)

    assert keys["account_ref"].at_least == 2
    dataset = parse_dataset(confirmed_by("surname, postcode, uprn"))
    assert facts_in(keys["account_ref"], ["postcode", "uprn"], dataset) < 2


def test_an_agreement_that_narrows_to_too_few_facts_is_refused():
    text = put(
        "confirm: [surname, date_of_birth], at_least: 2}\nrequires", "confirm: [surname], at_least: 2}\nrequires", AGREEMENT
    )

    assert [one for one in refused(agreement=text) if "these details are 1" in one]


IDENTIFY = {
    "confirm: [surname, date_of_birth]": False,
    "confirm: [surname, full_name, date_of_birth, postcode]": True,
    "keys: [account_ref, person], confirm: [surname, date_of_birth]": True,
    "keys: [account_ref]": False,
    "keys: [person]": True,
}


@pytest.mark.parametrize("by", ["agreement", "core"])
@pytest.mark.parametrize("identify", IDENTIFY)
def test_a_composite_key_uses_no_detail_that_a_text_leaves_out_unless_the_text_names_the_key(identify, by):
    """`confirm: [surname, date_of_birth]` is read as: by no place. What a core demands is a floor."""
    line = f"identify: {{{identify}}}\n"
    agreement = OPEN + line if by == "agreement" else OPEN
    core = put("caps:  ", line + "caps:  ", PLACES) if by == "core" else PLACES

    keys = keys_for(compile_rules(publish(agreement=agreement, core=core)), "harbour-housing")

    assert ("person" in keys) is IDENTIFY[identify]
