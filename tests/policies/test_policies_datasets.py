"""Is a dataset read, or refused where its chains or names do not hold?"""

from __future__ import annotations

from itertools import combinations

import pytest
from policies_publishing import DATASET

from policies.checking.dataset_checks import dataset_draft, dataset_warnings
from policies.reading.findings import TextError
from policies.reading.parse import parse_dataset

GROUPS = """groups:
  rows: {label: Rows, order_by: on, fields: {on: {type: date, label: On, classification: personal}}}
"""


DATASETS = {
    "an unknown type": ("type: money", "type: mony", "unknown word 'mony'"),
    "a group as a type": ("type: money", "type: group", "a group is not a field's type"),
    "a special category without its name": (
        "label: Surname,        classification: personal",
        "label: Surname, classification: special_category",
        "special_category and categories go together",
    ),
    "a marker of text": (
        "label: Surname,        classification: personal",
        "label: S, marker: true, classification: personal",
        "a marker must be a boolean or a code",
    ),
    "an age of nothing": ("from: date_of_birth, ", "", "`from` and the type age go together"),
    "an age of a name": ("from: date_of_birth, ", "from: surname, ", "must derive from a date"),
    "an age more open than its date": (
        "from: date_of_birth, classification: personal",
        "from: date_of_birth, classification: non_personal",
        "as much someone's and as sensitive as that",
    ),
    "bands of a name": ("{type: name,     label: Surname,", "{type: name, bands: [1], label: Surname,", "has no bands"),
    "bands that fall": ("[0, 100, 500, 1000, 5000]", "[100, 0]", "bands must rise"),
    "an edge off the step": (
        "bands: [0, 100, 500, 1000, 5000]",
        "bands: [0, 75], step: 50",
        "must be a multiple of the step 50",
    ),
    "a step of a name": ("{type: name,     label: Surname,", "{type: name, step: 1, label: Surname,", "has no step"),
    "a threshold off the bands": (
        "bands: [0, 16, 18, 25, 65]",
        "bands: [0, 18], over: 21",
        "bands must have an edge at 21",
    ),
    "a threshold of a name": ("{type: name,     label: Surname,", "{type: name, over: 21, label: Surname,", "has no over"),
    "groups of a name": (
        "{type: name,     label: Surname,",
        "{type: name, groups: {a: b}, label: Surname,",
        "has no groups",
    ),
    "a form that can't be": (
        "{type: name,     label: Surname,",
        "{type: name, forms: [year], label: Surname,",
        "can't take the form",
    ),
    "somebody unknown": (
        "{type: name,     label: Surname,",
        "{type: name, of: nobody, label: Surname,",
        "an unknown person nobody",
    ),
    "a key of nobody": ("finds: [liable, joint]", "finds: [nobody]", "names an unknown person nobody"),
    "a key of an unknown detail": (
        "confirm: [surname, date_of_birth",
        "confirm: [surnam, date_of_birth, p",
        "unknown field surnam",
    ),
    "more details than there are": ("at_least: 2}", "at_least: 4}", "wants 4 of 2 confirming details"),
    "a place that is a person": (
        "date_of_birth], at_least: 2}      #",
        "date_of_birth], at_least: 1}      #",
        "a place is not a person",
    ),
    "no keys": ("keys:", "keys: {}\nkeyz:", "at least one key"),
    "a span of months": ("P2D", "P2M", "has no fixed length"),
    "a person without a reference": ("{ref: party_ref}", "{}", "a person lacks ref"),
    "a person who is a word": ("{ref: party_ref}", "party_ref", "a person must have members"),
    "a group ordered by nothing": ("", GROUPS.replace("order_by: on", "order_by: off"), "ordered by an unknown field off"),
    "a group of no fields": ("", "groups:\n  rows: {label: Rows, order_by: on, fields: {}}\n", "at least one field"),
    "groups that are a list": ("", "groups: [a]\n", "groups must have members"),
    "a group that is a field": ("", GROUPS.replace("rows:", "surname:"), "surname stands here twice"),
}


@pytest.mark.parametrize("what", sorted(DATASETS))
def test_a_mistake_in_a_dataset_is_found(what):
    old, new, said = DATASETS[what]
    assert old in DATASET
    text = DATASET.replace(old, new, 1) if old else DATASET + new

    with pytest.raises(TextError) as caught:
        parse_dataset(text)

    assert said in str(caught.value)


def test_a_group_is_read_with_its_own_fields():
    dataset = parse_dataset(DATASET + GROUPS)

    assert dataset.groups["rows"].fields == ("rows.on",)
    assert dataset.fields["rows"].chain == ("present", "count", "latest", "all")


def test_too_many_people_and_fields_are_refused():
    people = "".join(f"  p{number}: {{ref: r}}\n" for number in range(9))
    fields = "".join(f"  f{number}: {{type: text, label: F, classification: personal}}\n" for number in range(401))

    for text, said in (
        (DATASET.replace("  liable:", f"{people}  liable:", 1), "more than 8 people in one record"),
        (DATASET.replace("fields:\n", f"fields:\n{fields}", 1), "more than 400 fields"),
    ):
        with pytest.raises(TextError, match=said):
            parse_dataset(text)


def test_a_dataset_may_leave_forms_out():
    text = DATASET.replace("{type: name,     label: Surname,", "{type: name, forms: [full, present], label: Surname,")

    assert parse_dataset(text).fields["surname"].chain == ("present", "full")


def test_a_threshold_is_a_form_of_its_own():
    text = DATASET.replace("bands: [0, 16, 18, 25, 65]", "bands: [0, 16, 25], over: 16")

    assert parse_dataset(text).fields["age"].chain == ("over_16", "band", "years")
    without = DATASET.replace("bands: [0, 16, 18, 25, 65]", "bands: [0, 16, 25]")
    assert parse_dataset(without).fields["age"].chain == ("band", "years")


# what -> (the piece, what stands in its place, what is said); of every stage some
TOGETHER = {
    "a type": ("surname:           {type: name", "surname:           {type: nam", "unknown word 'nam'"),
    "a member": ("label: Arrears", "lable: Arrears", "has no member lable"),
    "a detail of a key": (
        "confirm: [surname, date_of_birth",
        "confirm: [surname, date_of_brith",
        "an unknown field date_of_brith",
    ),
    "what an age derives from": ("from: date_of_birth", "from: date_of_brith", "must derive from a date"),
    "a version": ("version: 2", "version: 02", "02 has noughts before it"),
    "an id": ("dataset: council-tax", "dataset: Council Tax", "'Council Tax' is not an id"),
}


def told(*whats):
    text = DATASET
    for what in whats:
        piece, other, _ = TOGETHER[what]
        assert piece in text, piece
        text = text.replace(piece, other, 1)
    try:
        dataset_draft(text)
    except TextError as error:
        return {(one.line, one.message) for one in error.findings}
    return set()


def test_a_place_that_does_not_say_that_it_is_one_is_told_of():
    """No safeguard would keep it back, and anybody could be found by it."""
    silent = DATASET.replace(", reveals: [location]}", "}")

    found = [one.message for one in dataset_warnings(parse_dataset(silent))]

    assert [one for one in found if one.startswith("postcode is a place by its type")]
    assert [one for one in found if one.startswith("uprn is a place by its type")]
    assert not dataset_warnings(parse_dataset(DATASET))


def test_every_mistake_of_a_dataset_is_told_at_once():
    """None hides another, and none makes one: a field that can't be read is unknown to no key."""
    alone = {what: told(what) for what in TOGETHER}
    for what, (_, _, said) in TOGETHER.items():
        ((_, message),) = alone[what]
        assert said in message
    for one, other in combinations(TOGETHER, 2):
        assert told(one, other) == alone[one] | alone[other], (one, other)
    assert told() == set()
    assert told(*TOGETHER) == set().union(*alone.values())
