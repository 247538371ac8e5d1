"""What do cores, markers and guardrails keep from being published?"""

from __future__ import annotations

import pytest
from policies_publishing import AGREEMENT, CORE, DATASET, FIRST, KINDS, LINE, publish, put, refused

from policies.checking.may_publish import publishable
from policies.reading.findings import TextError
from policies.reading.parse import parse_agreement, parse_core, parse_dataset
from schemas.terms import RecipientKind

# -- cores

CORES = {
    "an unknown field in the ceiling": ("  arrears: band", "  arears: band", "has no field arears"),
    "an unknown form in the ceiling": ("  arrears: band", "  arrears: year", "arrears has no form year"),
    "a cap on an unknown field": ("{reveals: location, as: w", "{fields: [uprm], as: w", "has no field uprm"),
    "a guardrail on an unknown field": ("{postcode: full, ", "{postcod: full, ", "has no field postcod"),
    "a guardrail on an unknown form": ("{postcode: full, ", "{postcode: year, ", "postcode has no form year"),
    "a cap on an unknown marker": (
        "{protected_address: true}}\n    at",
        "{protected: true}}\n    at",
        "unknown marker protected",
    ),
    "a record cap that lowers": ("reveals: location, as: withheld", "reveals: location, as: area", "lowers to area"),
    "no ceiling": ("ceiling:", "ceilings:", "no member ceilings"),
    "a core for another dataset": ("dataset: council-tax}", "dataset: housing}", "is for the dataset housing"),
}


@pytest.mark.parametrize("what", sorted(CORES))
def test_a_core_that_does_not_fit_is_refused(what):
    """A rule on a misspelt field would guard nothing."""
    old, new, said = CORES[what]

    with pytest.raises(TextError, match="line") as caught:
        publish(core=put(old, new, CORE))

    assert said in str(caught.value)


def test_a_followed_core_must_set_a_ceiling():
    core = CORE[: CORE.index("ceiling:")] + CORE[CORE.index("caps:") :]

    assert "no followed core sets a ceiling" in refused(core=core)[0]


def test_council_rules_are_not_followed_by_name():
    text = put("[tenancy-sustainment@3]", "[tenancy-sustainment@3, northmoor@1]")
    council = "council: northmoor\ncaps: [{id: a, says: b, at_most: {fields: [age], as: over_18}}]"

    assert "northmoor are council rules" in refused(agreement=text, council=council)[0]


def test_two_followed_cores_allow_the_lower_of_both():
    other = CORE.replace("core: tenancy-sustainment", "core: second").replace("  full_name: full", "  full_name: initial")
    text = put(
        "[tenancy-sustainment@3]",
        "[tenancy-sustainment@3, second@3]",
        put("[full_name], as: full", "[full_name], as: initial"),
    )

    rules = publishable(
        parse_agreement(text),
        dataset=parse_dataset(DATASET),
        cores=[parse_core(CORE), parse_core(other)],
        recipient_kinds=KINDS,
    )

    assert rules.ceiling["full_name"] == "initial"


def test_council_rules_for_other_purposes_do_not_bind():
    council = "council: northmoor\nfor: {purpose: other}\ncaps: [{id: a, says: b, at_most: {fields: [age], as: over_18}}]"

    assert [one.id for one in publish(council=council).caps] == ["protected-addresses", SAFEGUARD]


def test_council_rules_bind_the_kinds_that_they_are_for():
    scope = "council: northmoor\nfor: {recipient_kinds: [charity]}\n"
    council = scope + "caps: [{id: a, says: b, at_most: {fields: [age], as: over_18}}]"
    both = put("[harbour-housing]", "[harbour-housing, hope]")

    assert "a" not in [one.id for one in publish(council=council).caps if not one.recipient_kinds]
    (cap,) = [one for one in publish(agreement=both, council=council).caps if one.id == "a"]
    assert cap.recipient_kinds == {RecipientKind.CHARITY}


def test_council_rules_for_nobody_here_are_left_out():
    council = (
        "council: northmoor\nfor: {recipient_kinds: [charity]}\n"
        "caps: [{id: a, says: b, at_most: {fields: [age], as: over_18}, recipient_kinds: [police]}]"
    )

    assert [one.id for one in publish(council=council).caps] == ["protected-addresses", SAFEGUARD]


# -- what the source gives


SAFEGUARD = "safeguard-protected-address-location"
MAPPED = frozenset(parse_dataset(DATASET).fields)


def test_a_marker_that_is_not_mapped_is_refused():
    found = refused(mapped=MAPPED - {"protected_address"})

    assert len(found) == 3  # the cap, the guardrail, and the safeguard that no text has to write
    assert all("protected_address, which the source does not map" in one for one in found)


def test_all_markers_mapped_is_publishable():
    assert publish(mapped=MAPPED).rules_digest == publish().rules_digest


def test_a_lines_own_marker_must_be_mapped():
    text = put(LINE, LINE[:-1] + ", when: [adult, deceased]}")

    found = refused(agreement=text, mapped=MAPPED - {"date_of_birth", "deceased"})

    assert len(found) == 4  # the line's own two; and of the two lines with consent, that a death ends it
    assert all("date_of_birth" in one or "deceased" in one for one in found)


def test_an_age_must_be_known_from_something():
    start = DATASET.index("  age: ")
    dataset = DATASET[:start] + DATASET[DATASET.index("  postcode:", start) :]
    text = put(FIRST + "\n", "", put(LINE, LINE[:-1] + ", when: [adult]}"))

    found = refused(agreement=text, dataset=dataset, core=CORE.replace("  age: band\n", ""))

    assert "the dataset derives none" in found[0]


def test_deceased_must_be_a_marker_of_the_dataset():
    dataset = DATASET[: DATASET.index("  deceased:")]

    assert "unknown marker deceased" in refused(agreement=put(LINE, LINE[:-1] + ", when: [deceased]}"), dataset=dataset)[0]


# -- guardrails


RAILS = {
    "above a form": ("never: {fields: [postcode], above: district}", True),
    "not above it": ("never: {fields: [postcode], above: full}", False),
    "for somebody else": ("never: {fields: [postcode], recipient_kinds: [charity]}", False),
    "under a power": ("never: {fields: [full_name], except: {powers: [localism-act-2011-s1]}}", False),
    "in an emergency of others": ("never: {fields: [postcode], above: sector, except: {emergency: [police]}}", True),
    "in an emergency of ours": (
        "never: {fields: [postcode], above: sector, except: {emergency: [housing_association]}}",
        False,
    ),
    "what a cap withholds": ("never: {fields: [postcode], when: {record: {protected_address: true}}}", False),
    "what no cap withholds": ("never: {fields: [postcode], when: {record: {protected_address: false}}}", True),
    "together": ("never: {together: {postcode: sector, full_name: full}}", True),
    "never so far together": ("never: {together: {postcode: full, date_of_birth: full}}", False),
    "together while a variation lives": ("never: {together: {postcode: sector, date_of_birth: month}}", True),
    "of adults, on a line for children": (
        "never: {fields: [full_name], when: [adult]}",
        False,
        put(LINE, LINE[:-1] + ", when: [child]}"),
    ),
    "together with what derives": ("never: {together: {postcode: sector, date_of_birth: year}}", True),
}


@pytest.mark.parametrize("what", sorted(RAILS))
def test_guardrails_are_checked_line_by_line(what):
    rail, breaks, *changed = RAILS[what]
    council = f"council: northmoor\nguardrails: [{{id: rail, says: Never, {rail}}}]"
    given = {"council": council, **({"agreement": changed[0]} if changed else {})}

    if breaks:
        assert any("would break the guardrail rail: Never" in one for one in refused(**given))
    else:
        assert publish(**given)


def test_lines_that_meet_in_two_calls_break_a_guardrail_together():
    """A caseworker says which role they are in, and everybody comes of age: the promise is about the person."""
    council = "council: northmoor\nguardrails: [{id: rail, says: Never, never: {together: {full_name: full, age: band}}}]"
    roles = put("[tenancy-sustainment-officer]", "[a, b]")
    text = put(LINE, LINE[:-1] + ", roles: [a]}", put(FIRST, FIRST[:-1] + ", roles: [b]}", roles))
    ages = put(LINE, LINE[:-1] + ", when: [adult]}", put(FIRST, FIRST[:-1] + ", when: [child]}"))

    # A birth date tells the age as well.
    without = "  - {fields: [date_of_birth], as: month, when: [consent]}\n"
    text, ages, plain = (put(without, "", one) for one in (text, ages, AGREEMENT))
    assert any("a caseworker says which role they are in" in one for one in refused(agreement=text, council=council))
    assert any("two sides of an eighteenth birthday" in one for one in refused(agreement=ages, council=council))
    assert refused(agreement=plain, council=council)


@pytest.mark.parametrize(("form", "breaks"), [("initial", True), ("full", True), ("year", True)])
def test_a_guardrail_on_a_form_that_the_dataset_leaves_out(form, breaks):
    """What is more revealing than the missing form breaks it; of a form that no name has, everything does."""
    dataset = DATASET.replace("full_name:         {type: name,", "full_name: {forms: [present, full], type: name,")
    together = f"{{full_name: {form}, age: band}}"
    council = f"council: northmoor\nguardrails: [{{id: rail, says: Never, never: {{together: {together}}}}}]"

    assert bool(refused(dataset=dataset, council=council)) is breaks
    lower = put(LINE, LINE.replace("full}", "present}"))
    if form != "year":
        assert publish(agreement=lower, dataset=dataset, council=council)


def test_a_guardrail_on_what_the_dataset_lacks_forbids_nothing():
    council = "council: northmoor\nguardrails: [{id: rail, says: Never, never: {together: {full_name: full, gone: full}}}]"

    assert publish(council=council)
