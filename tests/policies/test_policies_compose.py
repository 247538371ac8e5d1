"""What keeps an agreement from being published, and where is it said to stand?"""

from __future__ import annotations

from dataclasses import replace

import policies_texts as texts
import pytest

from policies.compose import compose, rules_digest, warnings
from policies.findings import TextError
from policies.parse import parse_agreement, parse_core, parse_dataset
from schemas.terms import RecipientKind

AGREEMENT = (texts.FIXTURES / "agreement.yaml").read_text()
CORE = (texts.FIXTURES / "core.yaml").read_text()
DATASET = (texts.FIXTURES / "dataset.yaml").read_text()
LINE = "  - {fields: [full_name], as: full}"
FIRST = "  - {fields: [age], as: band}"
KINDS = {"harbour-housing": RecipientKind.HOUSING_ASSOCIATION, "hope": RecipientKind.CHARITY, "trust": RecipientKind.NHS}


def publish(agreement=AGREEMENT, core=CORE, dataset=DATASET, council=None, **more):
    cores = [parse_core(core), *([parse_core(council)] if council else [])]
    given = {"dataset": parse_dataset(dataset), "cores": cores, "recipient_kinds": KINDS}
    return compose(parse_agreement(agreement), **{**given, **more})


def refused(**more) -> list[str]:
    with pytest.raises(TextError) as caught:
        publish(**more)
    return [str(one) for one in caught.value.findings]


def put(old: str, new: str, text: str = AGREEMENT) -> str:
    assert old in text
    return text.replace(old, new, 1)


def where(word: str, text: str = AGREEMENT, after: str = "") -> str:
    """Return "line L, column C" of a word's first place after another."""
    at = text.index(word, text.index(after))
    line = text.count("\n", 0, at) + 1
    return f"line {line}, column {at - text.rfind(chr(10), 0, at)}"


def test_the_fixtures_publish():
    rules = publish()

    assert rules.ceiling == {
        "full_name": "full",
        "date_of_birth": "year",
        "age": "band",
        "postcode": "full",
        "arrears": "band",
    }
    assert [one.id for one in rules.caps] == ["protected-addresses"]
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


# -- cores

CORES = {
    "an unknown field in the ceiling": ("  arrears: band", "  arears: band", "the ceiling names an unknown field arears"),
    "an unknown form in the ceiling": ("  arrears: band", "  arrears: year", "the ceiling: arrears has no form year"),
    "a cap on an unknown field": ("{reveals: location, as: w", "{fields: [uprm], as: w", "names an unknown field uprm"),
    "a guardrail on an unknown field": ("{postcode: full, ", "{postcod: full, ", "names an unknown field postcod"),
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

    rules = compose(
        parse_agreement(text),
        dataset=parse_dataset(DATASET),
        cores=[parse_core(CORE), parse_core(other)],
        recipient_kinds=KINDS,
    )

    assert rules.ceiling["full_name"] == "initial"


def test_council_rules_for_other_purposes_do_not_bind():
    council = "council: northmoor\nfor: {purpose: other}\ncaps: [{id: a, says: b, at_most: {fields: [age], as: over_18}}]"

    assert [one.id for one in publish(council=council).caps] == ["protected-addresses"]


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

    assert [one.id for one in publish(council=council).caps] == ["protected-addresses"]


# -- what the source gives


MAPPED = frozenset(parse_dataset(DATASET).fields)


def test_a_marker_that_is_not_mapped_is_refused():
    found = refused(mapped=MAPPED - {"protected_address"})

    assert len(found) == 2  # the cap and the guardrail
    assert all("protected_address, which the source does not map" in one for one in found)


def test_all_markers_mapped_is_publishable():
    assert publish(mapped=MAPPED).rules_digest == publish().rules_digest


def test_a_lines_own_marker_must_be_mapped():
    text = put(LINE, LINE[:-1] + ", when: [adult, deceased]}")

    found = refused(agreement=text, mapped=MAPPED - {"date_of_birth", "deceased"})

    assert ["date_of_birth" in one or "deceased" in one for one in found] == [True, True]


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
    "together with what derives": ("never: {together: {postcode: sector, date_of_birth: year}}", True),
}


@pytest.mark.parametrize("what", sorted(RAILS))
def test_guardrails_are_checked_line_by_line(what):
    rail, breaks = RAILS[what]
    council = f"council: northmoor\nguardrails: [{{id: rail, says: Never, {rail}}}]"

    if breaks:
        assert any("would break the guardrail rail: Never" in one for one in refused(council=council))
    else:
        assert publish(council=council)


def test_lines_that_can_never_meet_break_no_guardrail_together():
    """Different roles never ask at once, nor does one person have two ages."""
    council = "council: northmoor\nguardrails: [{id: rail, says: Never, never: {together: {full_name: full, age: band}}}]"
    roles = put("[tenancy-sustainment-officer]", "[a, b]")
    text = put(LINE, LINE[:-1] + ", roles: [a]}", put(FIRST, FIRST[:-1] + ", roles: [b]}", roles))
    ages = put(LINE, LINE[:-1] + ", when: [adult]}", put(FIRST, FIRST[:-1] + ", when: [child]}"))

    assert publish(agreement=text, council=council)
    assert publish(agreement=ages, council=council)
    assert refused(council=council)


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


# -- digest and advice


def test_the_rules_digest_names_everything_that_was_compiled():
    """SHA-256 of the RFC 8785 list; the order in which the store hands over cores does not matter."""
    agreement = texts.agreements()["northmoor-harbour-tenancies"]
    rules = texts.composed(agreement)
    shuffled = texts.composed(agreement, cores=texts.bounds(agreement)[::-1])

    assert rules.rules_digest == shuffled.rules_digest
    assert rules.rules_digest == rules_digest(agreement, rules.cores, rules.dataset)
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
