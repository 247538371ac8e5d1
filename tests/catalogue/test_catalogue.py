"""Do the datasets and the cores that ship with the product hold together?"""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Final

import pytest

from benchmarks import decisions
from policies.deciding.compile import compile_rules
from policies.deciding.decide import decide
from policies.reading.parse import parse_agreement, parse_core, parse_dataset
from schemas.agreement import Core, RecordTerm, RuleSet
from schemas.dataset import Dataset
from schemas.decision import Release
from schemas.forms import FieldType
from schemas.request import Circumstances
from schemas.semantics import Semantics
from schemas.terms import Action, Classification, Origin, RecipientKind, SpecialCategory, Tag

DATASETS: Final = ("council-tax", "housing-tenancies", "children-looked-after")
CORES: Final = (
    "tenancy-sustainment",
    "discharge-planning",
    "school-admissions-address-check",
    "homelessness-prevention",
    "home-fire-safety",
    "child-health-assessments",
    "regional-placements-analysis",
    "statutory-bars",
)
KINDS: Final = {
    "harbour-housing": RecipientKind.HOUSING_ASSOCIATION,
    "calder-nhs-trust": RecipientKind.NHS,
    "aire-academies": RecipientKind.ACADEMY_TRUST,
}
AT: Final = datetime(2026, 10, 2, 9, 14, 3, tzinfo=UTC)
FIXTURES: Final = Path(__file__).parents[1] / "policies" / "fixtures"


@pytest.fixture(scope="module")
def council_tax() -> Dataset:
    return dataset_called("council-tax")


@cache
def dataset_called(name: str) -> Dataset:
    return parse_dataset((files("schemas.catalogue") / f"{name}.yaml").read_text(encoding="utf-8"))


def core_called(name: str) -> Core:
    return parse_core((files("policies.core") / f"{name}.yaml").read_text())


# -- the dataset


def test_council_tax_has_forty_one_fields(council_tax: Dataset) -> None:
    """Every path counts: markers, the group and its own fields among them."""
    assert (council_tax.id, council_tax.version, len(council_tax.fields)) == ("council-tax", 2, 41)


def test_council_tax_keeps_to_the_documented_dataset(council_tax: Dataset) -> None:
    """The same people, keys and, for the fields that the documentation shows, the same definitions."""
    documented = parse_dataset((FIXTURES / "dataset.yaml").read_text())

    assert documented.fields
    assert {path: council_tax.fields[path] for path in documented.fields} == dict(documented.fields)
    assert (council_tax.people, council_tax.keys) == (documented.people, documented.keys)
    assert council_tax.stale_after == documented.stale_after


def test_every_form_of_the_language_can_be_shown(council_tax: Dataset) -> None:
    """A newcomer finds bands, steps, code groups, a group and markers in the one dataset that ships."""
    forms = {form for field in council_tax.fields.values() for form in field.chain}

    assert forms >= {
        "present",
        "year",
        "month",
        "band",
        "rounded",
        "group",
        "pseudonym",
        "initial",
        "sector",
        "count",
        "latest",
    }
    assert {path for path, field in council_tax.fields.items() if field.marker} == {"protected_address", "deceased"}


def test_whatever_tells_where_someone_lives_is_tagged(council_tax: Dataset) -> None:
    """A guardrail names the tag, and so a place that is not tagged slips past it."""
    places = {"address", "postcode", "uprn", "parish", "correspondence_address", "correspondence_postcode"}
    tagged = {path for path, field in council_tax.fields.items() if Tag.LOCATION in field.reveals}

    assert tagged == places | {"occupations.postcode"}
    assert {path for path, one in council_tax.fields.items() if one.type is FieldType.POSTCODE} <= tagged


def test_the_joint_holders_fields_are_the_joint_holders(council_tax: Dataset) -> None:
    theirs = {path: field for path, field in council_tax.fields.items() if path.startswith("joint_")}

    assert theirs
    assert all(field.of == "joint" and Tag.THIRD_PERSON in field.reveals for field in theirs.values())


def test_no_benefit_data(council_tax: Dataset) -> None:
    assert not [path for path, field in council_tax.fields.items() if field.origin in {Origin.DWP, Origin.HMRC}]


def test_a_former_name_is_no_field(council_tax: Dataset) -> None:
    """It finds its person, and can't be released: there is nothing to name."""
    assert not [path for path in council_tax.fields if "former" in path or "maiden" in path]


# -- housing-tenancies and children-looked-after


CORE_LOG: Final = """
    tenancycode propcode uprn address_line1 town_or_city postcode_full la startdate needstype lettype renttype unittype_gn
    beds wchair tenancy tenancylength hhmemb age1 sex1 ethnic_group nationality_all ecstat1 relat2 age2 sex2 ecstat2
    armedforces preg_occ housingneeds illness illness_type_1 illness_type_2 illness_type_3 illness_type_4 illness_type_5
    illness_type_6 illness_type_7 illness_type_8 illness_type_9 illness_type_10 reason prevten homeless ppostcode_full
    prevloc referral net_income_known incref earnings incfreq hb has_benefits brent scharge pscharge supcharg tcharge
    tshortfall
"""
SSDA903: Final = """
    child sex dob ethnic upn mother mc_dob episodes.decom episodes.rne episodes.ls episodes.cin episodes.place
    episodes.place_provider episodes.dec episodes.rec episodes.reason_place_change episodes.home_post episodes.pl_post
    episodes.urn reviews.review reviews.review_code duc sdq_score sdq_reason convicted health_check immunisations
    teeth_check health_assessment substance_misuse intervention_received intervention_offered in_touch activ accom
"""


@pytest.mark.parametrize(("name", "known"), [("housing-tenancies", CORE_LOG), ("children-looked-after", SSDA903)])
def test_a_practitioner_knows_the_fields_by_their_names(name: str, known: str) -> None:
    """At least sixty fields, those of the national return among them; and the title says that it is no source."""
    dataset = dataset_called(name)

    assert len(known.split()) >= 30
    assert [one for one in known.split() if one not in dataset.fields] == []
    assert len(dataset.fields) >= 60
    assert "never the" in dataset.title


@pytest.mark.parametrize("name", DATASETS)
def test_whatever_is_a_place_is_tagged(name: str) -> None:
    places = {FieldType.POSTCODE, FieldType.UPRN}
    fields = dataset_called(name).fields

    assert {path for path, one in fields.items() if one.type in places} <= {
        path for path, one in fields.items() if Tag.LOCATION in one.reveals
    }


@pytest.mark.parametrize("name", DATASETS)
def test_every_dataset_has_the_markers_that_the_rules_rest_on(name: str) -> None:
    markers = {path for path, one in dataset_called(name).fields.items() if one.marker}

    assert markers >= {"protected_address", "deceased"}
    assert len([path for path in markers if "." in path]) == (0 if name == "council-tax" else 1)


def test_what_a_landlord_holds_is_as_sensitive_as_it_is() -> None:
    fields = dataset_called("housing-tenancies").fields
    health = {path for path, one in fields.items() if SpecialCategory.HEALTH in one.categories}

    assert {f"illness_type_{number}" for number in range(1, 11)} <= health
    assert {"illness", "preg_occ", "housingneeds", "reason", "ecstat1", "ecstat2", "household.ecstat"} <= health
    assert fields["ethnic_group"].categories == {SpecialCategory.RACIAL_OR_ETHNIC_ORIGIN}
    assert {path for path, one in fields.items() if one.origin is Origin.DWP} == {"hb", "has_benefits", "tshortfall"}
    assert all(
        Tag.THIRD_PERSON in one.reveals for path, one in fields.items() if path.startswith("household") and not one.marker
    )


def test_what_childrens_services_hold_is_as_sensitive_as_it_is() -> None:
    fields = dataset_called("children-looked-after").fields
    adoption = {path for path, one in fields.items() if Tag.ADOPTION in one.reveals}
    criminal = {path for path, one in fields.items() if one.classification is Classification.CRIMINAL_OFFENCE}

    assert {"date_placed", "date_match", "prev_perm", "foster_care", "episodes.rec", "may_be_adopted"} <= adoption
    assert criminal == {"convicted", "accom", "episodes.ls", "episodes.rec"}
    assert {"sdq_score", "health_check", "immunisations", "teeth_check", "substance_misuse", "mother_health"} <= {
        path for path, one in fields.items() if SpecialCategory.HEALTH in one.categories
    }
    assert {path for path, one in fields.items() if one.of == "mother"} == {
        "mother_full_name",
        "mother_date_of_birth",
        "mother_age",
        "mother_phone",
        "mother_health",
    }  # fmt: skip -- one set, read as one


@pytest.mark.parametrize("path", ["episodes.place", "episodes.ls"])
def test_a_code_that_would_tell_of_an_adoption_never_leaves_itself(path: str) -> None:
    """`A3` says "placed for adoption", `E1` "placement order": their groups are shared with codes that say neither."""
    field = dataset_called("children-looked-after").fields[path]
    groups = field.code_groups or {}
    telling = {code for code in groups if code.startswith("A") or code in {"D1", "E1"}}

    assert field.chain == ("present", "group")
    assert telling
    assert {groups[code] for code in telling} <= {group for code, group in groups.items() if code not in telling}


# -- the cores


def test_every_core_that_ships_is_one_of_these() -> None:
    shipped = {one.name.removesuffix(".yaml") for one in files("policies.core").iterdir() if one.name.endswith(".yaml")}

    assert shipped == set(CORES)
    assert {core_called(name).id for name in CORES} == set(CORES)


@pytest.mark.parametrize("name", CORES[:-1])
def test_a_cores_ceiling_names_fields_and_forms_that_exist(name: str) -> None:
    core = core_called(name)

    assert core.ceiling
    assert core.dataset in DATASETS
    fields = dataset_called(core.dataset).fields
    for path, form in core.ceiling.items():
        assert form in fields[path].chain, f"{path}: {form}"


@pytest.mark.parametrize("name", DATASETS)
def test_every_dataset_has_a_core(name: str) -> None:
    assert [one for one in CORES if core_called(one).dataset == name]


@pytest.mark.parametrize("name", DATASETS)
def test_no_ceiling_names_what_the_statutory_bars_hold_back(name: str) -> None:
    """Were it named, somebody would hope for it."""
    dataset = dataset_called(name)
    barred = {
        path
        for path, one in dataset.fields.items()
        if one.reveals & {Tag.ADOPTION, Tag.GENDER_HISTORY} or one.origin == "dwp"
    }

    assert barred or name == "council-tax"
    assert not [
        path
        for core in CORES[:-1]
        if core_called(core).dataset == name
        for path in core_called(core).ceiling or {}
        if path in barred
    ]


def test_the_tenancy_core_keeps_to_the_documented_one() -> None:
    """Same version, caps and guardrails; its ceiling names more fields, and none of the documented ones higher."""
    documented, shipped = parse_core((FIXTURES / "core.yaml").read_text()), core_called("tenancy-sustainment")

    assert (shipped.version, shipped.caps, shipped.guardrails) == (
        documented.version,
        documented.caps,
        documented.guardrails,
    )
    assert shipped.ceiling is not None
    assert documented.ceiling is not None
    assert {path: shipped.ceiling[path] for path in documented.ceiling} == dict(documented.ceiling)


@pytest.mark.parametrize("name", CORES[:-1])
def test_every_core_protects_addresses(name: str) -> None:
    core = core_called(name)

    assert core.caps[0].form == "withheld"
    assert core.caps[0].target.reveals is Tag.LOCATION
    assert [one.marker for one in core.caps[0].when if isinstance(one, RecordTerm)] == ["protected_address"]
    assert [rail for rail in core.guardrails if rail.target and rail.target.reveals is Tag.LOCATION]


def test_the_statutory_bars_are_for_everyone_and_have_no_ceiling() -> None:
    bars = core_called("statutory-bars")

    assert (bars.purpose, bars.recipient_kinds, bars.dataset, bars.ceiling) == (None, frozenset(), None, None)
    assert {(cap.target.reveals, cap.target.origin) for cap in bars.caps} == {
        (Tag.GENDER_HISTORY, None),
        (Tag.ADOPTION, None),
        (None, "dwp"),
        (None, "hmrc"),
    }
    assert {cap.form for cap in bars.caps} == {"withheld"}
    powers = {cap.target.origin: cap.except_powers for cap in bars.caps}
    assert powers == {rail.target.origin: rail.except_powers for rail in bars.guardrails if rail.target}
    assert powers["dwp"], "social security data leave under a listed power"


BARRED: Final = """\
dataset: council-tax
version: 2
title: Council tax accounts
collected_for: council-tax-administration
collected_under: local-government-finance-act-1992
people: {liable: {ref: party_ref}}
keys:
  account_ref: {finds: [liable], confirm: [surname], at_least: 1}
fields:
  account_ref: {type: reference, label: Account reference, classification: personal}
  surname: {type: name, label: Surname, classification: personal}
  full_name: {type: name, label: Full name, classification: personal}
  arrears: {type: text, label: Arrears, classification: personal, %s}
  protected_address: {type: boolean, label: Protected, classification: personal, marker: true, protects: [location]}
"""
SHARING: Final = """\
agreement: northmoor-harbour-tenancies
version: 1
follows: [open@1]
controller: northmoor
recipients: [harbour-housing]
relationship: independent_controller
purpose: tenancy-sustainment
dataset: council-tax@2
why: {aim: A, benefit: B, necessary_because: C}
lawful:
  - id: main
    discloser: {basis: public_task, power: %s}
    recipient: {basis: legitimate_interests, assessment: LIA-1}
    compatible: {how: assessed, ref: CA-1}
about: [council tax payers]
contacts: {controller_dpo: dpo@northmoor.example, recipient_dpo: dpo@harbour.example, urgent: "+44 113 496 0000"}
term: {starts_on: 2026-04-01, ends_on: 2027-03-31}
retain: {for: P6Y, from: case_closed, then: delete}
onward: {may: none}
releases:
  - {fields: [full_name], as: full}
  - {fields: [arrears], as: full}
"""
OPEN: Final = """\
core: open
version: 1
for: {purpose: tenancy-sustainment, recipient_kinds: [housing_association], dataset: council-tax}
ceiling: {full_name: full, arrears: full}
"""


def released_under(power: str, trait: str) -> set[str]:
    dataset = parse_dataset(BARRED % trait)
    rules = RuleSet(
        agreement=parse_agreement(SHARING % power),
        cores=(parse_core(OPEN), core_called("statutory-bars")),
        dataset=dataset,
        recipient_kinds=KINDS,
        ceiling={"full_name": "full", "arrears": "full"},
        caps=core_called("statutory-bars").caps,
        guardrails=core_called("statutory-bars").guardrails,
        rules_digest="sha256:0",
        semantics=Semantics(),
    )
    circumstances = Circumstances(
        at=AT,
        recipient="harbour-housing",
        token_purpose="tenancy-sustainment",
        token_dataset="council-tax",
        token_fields=None,
        token_actions=frozenset({Action.READ}),
        action=Action.READ,
        asked=None,
        role=None,
        has_caseworker=True,
        has_case_reference=True,
        subject="liable",
    )
    decision = decide(compile_rules(rules), circumstances)
    return {path for path, one in decision.fields.items() if isinstance(one, Release)}


@pytest.mark.parametrize(
    ("trait", "power", "leaves"),
    [
        ("origin: dwp", "localism-act-2011-s1", False),
        ("origin: dwp", "welfare-reform-act-2012-s131", True),
        ("origin: hmrc", "welfare-reform-act-2012-s131", False),
        ("origin: hmrc", "digital-economy-act-2017-s35", True),
        ("reveals: [gender_history]", "digital-economy-act-2017-s35", False),
        ("reveals: [adoption]", "digital-economy-act-2017-s35", False),
        ("origin: nhs", "localism-act-2011-s1", True),
    ],
)
def test_a_statutory_bar_yields_to_a_listed_power_alone(trait: str, power: str, leaves: bool) -> None:  # noqa: FBT001 -- a case's answer
    """Decided, not only read: the same line releases or does not, by the power that the law line names."""
    assert released_under(power, trait) == ({"full_name", "arrears"} if leaves else {"full_name"})


def test_the_texts_are_package_data() -> None:
    """Read from another directory and by a fresh interpreter, as from the installed wheel."""
    code = (
        "from importlib.resources import files\n"
        "for package, name in (('schemas.catalogue', 'council-tax.yaml'), ('policies.core', 'statutory-bars.yaml')):\n"
        "    assert (files(package) / name).read_text()\n"
    )

    assert subprocess.run([sys.executable, "-c", code], cwd="/", check=False).returncode == 0


def test_the_measured_decision_is_about_forty_fields_of_what_ships():
    """`make bench` asks for them: a dataset that grows, or an agreement that can't be published, is found here first."""
    compiled, asked = decisions._forty_fields()

    assert len(decide(compiled, asked).fields) == 40
