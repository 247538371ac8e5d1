"""What a page lists, it lists whole: settings, problems, reasons, licences, rooms, forms, conditions."""

from __future__ import annotations

import re
from dataclasses import fields, replace
from importlib.resources import files

import pytest
from docs_pages import DOCS, ROOMS, ROOT, blocks, codes, house_paths, prose, rows

from gateway.problems import PROBLEMS
from gateway.settings import Settings
from gateway.sources.columns import CLEANERS, Column
from gateway.sources.mapping import parse_mapping
from gateway.telemetry import Telemetry
from policies.checking.may_publish import publishable
from policies.deciding.compile import compile_rules
from policies.deciding.restrictions import LAW_OF, Hold, holds_back
from policies.reading.findings import TextError
from policies.reading.parse import parse_agreement, parse_core, parse_dataset
from schemas.agreement import Atom
from schemas.forms import CHAINS, FieldType
from schemas.reasons import REMEDY_OF, Reason
from schemas.terms import Despite, EmergencyKind, RecipientKind, RestrictionKind, RestrictionLaw

OPERATIONS = DOCS / "operations.md"
AGREEMENTS = DOCS / "agreements.md"
PROBLEM_PAGE = DOCS / "problems.md"


# -- operations


def test_every_setting_is_documented() -> None:
    documented = {codes(name)[0]: default for name, default, _ in rows(OPERATIONS, "setting")}

    assert set(documented) == set(Settings.model_fields)
    for name, field in Settings.model_fields.items():
        assert (documented[name] == "required") == field.is_required(), name


def test_every_metric_is_documented() -> None:
    registry = Telemetry().registry
    served = {metric.name + ("_total" if metric.type == "counter" else "") for metric in registry.collect()}
    documented = set(re.findall(r"`(stile_\w+)`", OPERATIONS.read_text(encoding="utf-8")))

    assert served
    assert documented == served


# -- problems and reasons


def test_every_problem_has_a_section() -> None:
    """Both ways, with its status."""
    page = PROBLEM_PAGE.read_text(encoding="utf-8")
    sections = dict(re.findall(r"^## (\w+)\n\n(\d{3})\. ", page, re.MULTILINE))

    assert sections == {problem.code: str(problem.status) for problem in PROBLEMS.values()}


def test_every_reason_has_a_line() -> None:
    """Both ways, with its remedy."""
    documented = [(codes(reason)[0], codes(remedy)[0]) for reason, remedy, _ in rows(PROBLEM_PAGE, "reason")]

    assert documented == [(reason.value, REMEDY_OF[reason][0].value) for reason in Reason]


# -- agreements


def test_every_form_of_every_type_stands_in_the_table_in_order() -> None:
    documented: dict[str, tuple[str, ...]] = {}
    for types, forms in rows(AGREEMENTS, "type of field"):
        for name in codes(types) or ["group"]:
            documented[name] = tuple(codes(forms))

    assert documented == {kind.value: CHAINS[kind] for kind in FieldType}


def test_every_condition_stands_in_the_table() -> None:
    documented = [name for cell, *_ in rows(AGREEMENTS, "in `when`") for name in codes(cell)]

    assert set(documented) == {*(atom.value for atom in Atom), "record: {marker: value}"}


def test_every_restriction_stands_in_the_table_with_what_survives_it() -> None:
    """Each kind once, with the words of `despite:` by which a line of public task goes on, as the gateway decides it."""
    documented = {
        kind: {one for one in codes(unless) if one in {word.value for word in Despite}}
        for kinds, _, unless in rows(AGREEMENTS, "restriction")
        for kind in codes(kinds)
        if LAW_OF[RestrictionKind(kind)] is not RestrictionLaw.OBJECTION
    }
    objections = [kind for kinds, *_ in rows(AGREEMENTS, "restriction") for kind in codes(kinds) if "objection" in kind]

    assert documented == {kind.value: survived(kind) for kind in RestrictionKind if kind.value not in objections}
    assert set(objections) == {one.value for one in RestrictionKind if survived(one) == set()}


def survived(kind: RestrictionKind) -> set[str]:
    core, dataset = (
        files(package).joinpath(f"{name}.yaml").read_text(encoding="utf-8")
        for package, name in (("policies.core", "tenancy-sustainment"), ("schemas.catalogue", "council-tax"))
    )
    rules = publishable(
        parse_agreement(blocks(AGREEMENTS, "yaml")[0]),
        dataset=parse_dataset(dataset),
        cores=[parse_core(core)],
        recipient_kinds={"harbour-housing": RecipientKind.HOUSING_ASSOCIATION},
    )
    compiled = compile_rules(rules)
    line = compiled.lanes["full_name"].lines[0]
    return {
        one.value
        for one in Despite
        if not holds_back(Hold("", "", kind), replace(line, despite=frozenset({one})), compiled, in_emergency=False)
    }


@pytest.mark.parametrize("page", ["agreements.md", "partners.md"])
def test_every_kind_of_emergency_is_named(page: str) -> None:
    text = (DOCS / page).read_text(encoding="utf-8")

    assert [kind.value for kind in EmergencyKind if f"`{kind.value}`" not in text] == []


def test_every_member_of_the_worked_example_is_explained() -> None:
    members = set(re.findall(r"^(\w+):", blocks(AGREEMENTS, "yaml")[0], re.MULTILINE))
    explained = {name for cell, _ in rows(AGREEMENTS, "member") for name in codes(cell)}

    assert members
    assert explained == members | {
        "retention_class",
        "assurance",
        "resumes",
        "identify",
        "consent_of",
        "direct_care",
        "emergencies",
    }


# -- sources


def test_every_member_of_a_mapping_is_explained() -> None:
    with pytest.raises(TextError) as error:
        parse_mapping("groups: {}\n")
    needed = {one.message.removeprefix("the mapping lacks ") for one in error.value.findings}
    explained = {name for cell, _ in rows(DOCS / "sources.md", "member of a mapping") for name in codes(cell)}

    assert len(needed) > 5
    assert explained == needed | {"groups", "live", "as_at", "timeout"}


def test_every_member_of_a_column_is_explained() -> None:
    """The column's own fields, where `when_blank` is written `blank: true` or `blank: false`."""
    explained = {
        name.partition(":")[0] for cell, *_ in rows(DOCS / "sources.md", "member of a column") for name in codes(cell)
    }

    assert explained == {field.name for field in fields(Column)} - {"when_blank"}


def test_every_cleaning_step_is_named() -> None:
    text = (DOCS / "sources.md").read_text(encoding="utf-8")

    assert [step for step in CLEANERS if f"`{step}`" not in text] == []


# -- the house


def test_every_path_that_the_architecture_names_exists() -> None:
    text = prose(DOCS / "architecture.md")
    named = [code for code in codes(text) if re.fullmatch(rf"(?:{'|'.join(ROOMS)})/[\w./]*", code)]

    assert len(named) > 50
    assert [path for path in named if not (ROOT / path).exists()] == []


def test_every_folder_of_the_house_is_in_the_architecture() -> None:
    text = (DOCS / "architecture.md").read_text(encoding="utf-8")
    folders = [str(path.relative_to(ROOT)) + "/" for path in house_paths() if path.is_dir()]

    assert len(folders) > 10
    assert [folder for folder in folders if folder not in text] == []


# -- third parties


def test_every_package_that_runs_is_listed_with_its_licence() -> None:
    locked = re.findall(r"^([A-Za-z0-9_.-]+)==", (ROOT / "requirements.lock").read_text(encoding="utf-8"), re.MULTILINE)
    listed = {name: licence for name, licence, _ in rows(ROOT / "THIRD_PARTY.md", "package")}

    assert len(locked) > 30
    assert set(listed) == set(locked)
    assert [name for name, licence in listed.items() if not licence] == []
    assert [name for name, licence in listed.items() if re.search(r"(?<!L)GPL", licence)] == []


def test_gpl_stays_in_the_tests() -> None:
    sources = [path for path in house_paths() if path.suffix == ".py"]

    assert len(sources) > 50
    assert [path for path in sources if "pymerkle" in path.read_text(encoding="utf-8")] == []
    assert "pymerkle" not in (ROOT / "requirements.lock").read_text(encoding="utf-8")
