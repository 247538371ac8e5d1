"""Every YAML block of the pages is a text that publishes; a part replaces that part of the page's worked example."""

from __future__ import annotations

import re
from importlib.resources import files

import pytest
from docs_pages import DOCS, blocks

from gateway.sources.mapping import Mapping, parse_mapping
from gateway.sources.mapping_findings import mapping_findings
from policies.checking.dataset_checks import dataset_draft, dataset_warnings
from policies.checking.may_publish import publishable, warnings
from policies.reading.findings import TextError
from policies.reading.parse import parse_agreement, parse_core, parse_dataset
from schemas.agreement import RuleSet
from schemas.terms import RecipientKind

AGREEMENTS = blocks(DOCS / "agreements.md", "yaml")
SOURCES = blocks(DOCS / "sources.md", "yaml")
EXAMPLE = AGREEMENTS[0]
COUNCIL_TAX = parse_dataset(files("schemas.catalogue").joinpath("council-tax.yaml").read_text())
SHIPPED = [
    parse_core(files("policies.core").joinpath(f"{name}.yaml").read_text())
    for name in ("tenancy-sustainment", "statutory-bars")
]
OWN = [parse_core(text) for text in AGREEMENTS if text.startswith(("core:", "council:"))]


def members(text: str) -> dict[str, str]:
    """Return a text's top-level members, each as it is written."""
    parts = [part for part in re.split(r"^(?=[a-z_]+:)", text, flags=re.MULTILINE) if part.strip()]
    return {part.partition(":")[0]: part for part in parts}


def merged(example: str, part: str) -> str:
    return "".join((members(example) | members(part)).values())


def published(text: str, kind: RecipientKind = RecipientKind.HOUSING_ASSOCIATION) -> RuleSet:
    return publishable(
        parse_agreement(text), dataset=COUNCIL_TAX, cores=[*SHIPPED, *OWN], recipient_kinds={"harbour-housing": kind}
    )


def mapped(text: str) -> Mapping:
    dataset = parse_dataset(SOURCES[0])
    mapping = parse_mapping(text)
    assert [one for one in mapping_findings(mapping, dataset) if one.severity == "error"] == []
    return mapping


PARTS = [text for text in AGREEMENTS[1:] if not text.startswith(("core:", "council:", "dataset:"))]
DATASETS = [text for text in AGREEMENTS[1:] if text.startswith("dataset:")]


def test_a_dataset_of_the_page_publishes_without_a_warning() -> None:
    assert DATASETS
    for text in DATASETS:
        dataset_draft(text)
        assert dataset_warnings(parse_dataset(text)) == ()


def test_there_is_a_worked_example_with_a_part_of_each_sort() -> None:
    assert EXAMPLE.startswith("agreement:")
    assert len(PARTS) >= 2
    assert {core.is_council for core in OWN} == {True, False}


def test_the_worked_example_publishes() -> None:
    assert published(EXAMPLE).agreement.id == "northmoor-harbour-tenancies"


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.partition(":")[0])
def test_a_part_publishes_in_its_place(part: str) -> None:
    assert published(merged(EXAMPLE, part)).agreement.releases


def test_the_pages_own_core_binds_an_agreement() -> None:
    part = (
        "follows: [library-reminders@1]\npurpose: library-reminders\nvariations: []\n"
        "releases:\n  - {fields: [full_name], as: full}\nlawful:\n  - id: main\n"
        "    discloser: {basis: public_task, power: localism-act-2011-s1}\n"
        "    recipient: {basis: legitimate_interests, assessment: LIA-1}\n"
    )
    text = merged(EXAMPLE, part).replace("variations: []\n", "")

    rules = published(text, RecipientKind.CHARITY)

    assert "not-the-dead" in {cap.id for cap in rules.caps}
    assert {"never-whole-birth-dates", "no-reidentification"} <= {rail.id for rail in rules.guardrails}


def test_the_page_shows_what_check_says_of_a_mistake() -> None:
    """But for the line's number, which is of the text that was checked."""
    text = EXAMPLE.replace("[arrears], as: band", "[arears], as: rounded")
    with pytest.raises(TextError) as first:
        published(text)
    with pytest.raises(TextError) as second:
        published(text.replace("arears", "arrears"))
    page = (DOCS / "agreements.md").read_text(encoding="utf-8")

    for error in (first, second):
        finding = error.value.findings[0]
        assert f"{finding.message}. {finding.remedy}" in page


def test_the_page_shows_a_warning_as_it_is_given() -> None:
    page = " ".join((DOCS / "agreements.md").read_text(encoding="utf-8").split())
    found = warnings(published(EXAMPLE))

    assert found
    assert all(f"{one.message}. {one.remedy}" in page for one in found)


# -- sources


def test_the_pages_dataset_is_mapped_whole() -> None:
    assert mapping_findings(mapped(SOURCES[1]), parse_dataset(SOURCES[0])) == ()


@pytest.mark.parametrize("part", SOURCES[2:], ids=lambda part: part.partition(":")[0])
def test_a_part_of_a_mapping_stands_in_its_place(part: str) -> None:
    assert mapped(merged(SOURCES[1], part)).fields


def test_the_page_shows_where_a_mapping_is_wrong() -> None:
    mapping = parse_mapping(SOURCES[1].replace("  fines: c.fines", "  fine: c.fines"))
    error = mapping_findings(mapping, parse_dataset(SOURCES[0]))[0]

    assert str(error) in (DOCS / "sources.md").read_text(encoding="utf-8")
