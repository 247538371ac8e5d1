"""`stile decide`: what a partner would get, about nobody, of a published text or a draft, on any day."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from house import HARBOUR, House, republish
from typer.testing import CliRunner

from gateway.cli import make_app
from gateway.demo.making import text_of

NAME = HARBOUR.agreement


def decide(house: House, what: object = NAME, *words: object, recipient: str = "harbour-housing") -> tuple[int, str]:
    given = ["decide", str(what), "--recipient", recipient, *map(str, words), "--dir", str(house.directory)]
    result = CliRunner().invoke(make_app(given), given)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.output


def fields(house: House, *words: object, what: object = NAME, recipient: str = "harbour-housing") -> dict[str, Any]:
    status, printed = decide(house, what, *words, "--json", recipient=recipient)
    assert status == 0, printed
    found: dict[str, Any] = json.loads(printed)["fields"]
    return found


def draft(house: House, to: Path, *changes: tuple[str, str], begins_in: int = 0) -> Path:
    today = house.clock.today
    text = text_of(NAME, today)
    began = text.split("starts_on: ")[1][:10]
    starts_on = (today + timedelta(days=begins_in)).isoformat() if begins_in else began
    for old, new in (("version: 4\n", "version: 5\n"), (f"starts_on: {began}", f"starts_on: {starts_on}"), *changes):
        assert old in text
        text = text.replace(old, new)
    to.write_text(text, encoding="utf-8")
    return to


def test_it_prints_for_people(house: House) -> None:
    status, printed = decide(house)

    assert status == 0
    assert printed.startswith("Live: in force from ")
    assert "for harbour-housing (housing association), about nobody in particular." in printed
    assert "  full_name " in printed
    assert "in full (releases/1)" in printed
    assert "withheld: consent_needed. The agreement releases this only with the person's live consent." in printed
    assert "withheld where the record says that Address must be protected is yes, or where that is not known" in printed


def test_a_consent_opens_what_waits_for_one(house: House) -> None:
    assert fields(house, "--field", "arrears")["arrears"]["withheld"] == "consent_needed"
    assert fields(house, "--field", "arrears", "--suppose-consent")["arrears"]["released"][0]["form"] == "band"


def test_a_restriction_closes(house: House) -> None:
    found = fields(house, "--suppose-restriction", "article_18", "--suppose-consent")

    assert {one["withheld"] for one in found.values()} == {"restricted"}


def test_an_emergency_opens_its_own_lines(house: House) -> None:
    found = fields(house, "--field", "address", "--suppose-emergency", "risk_to_life")

    assert found["address"]["released"][0]["form"] == "full"
    assert fields(house, "--field", "address")["address"]["withheld"] == "emergency_only"


def test_a_statement_and_an_assessment_open_what_asks_for_them(house: House, tmp_path: Path) -> None:
    with_assessment = draft(
        house,
        tmp_path / "a.yaml",
        ("{fields: [full_name], as: full}", "{fields: [full_name], as: full, when: [risk_high]}"),
    )

    assert fields(house, what=with_assessment)["full_name"]["withheld"] == "assessment_needed"
    assert "released" in fields(house, "--suppose-assessment", what=with_assessment)["full_name"]


@pytest.mark.parametrize(("age", "opens"), [(17, False), (18, True), (130, True), (0, False)])
def test_an_age_answers_what_asks_for_one(house: House, tmp_path: Path, age: int, *, opens: bool) -> None:
    of_adults = draft(
        house, tmp_path / "a.yaml", ("{fields: [full_name], as: full}", "{fields: [full_name], as: full, when: [adult]}")
    )

    found = fields(house, "--suppose-age", age, what=of_adults)["full_name"]

    assert found == (
        {"released": [{"form": "full", "line": "releases/1", "if": []}], "unless": []}
        if opens
        else {"withheld": "not_available", "nearest": "releases/1"}
    )
    assert fields(house, what=of_adults)["full_name"]["released"][0]["if"] == ["adult"]


def test_a_draft_is_judged_without_being_published(house: House, tmp_path: Path) -> None:
    file = draft(house, tmp_path / "next.yaml", ("{fields: [postcode], as: sector}", "{fields: [postcode], as: area}"))

    assert fields(house, what=file)["postcode"]["released"][0]["form"] == "area"
    assert fields(house)["postcode"]["released"][0]["form"] == "sector"
    assert decide(house, file)[1].startswith("Draft: not published.")


def test_a_draft_that_begins_later_is_judged_on_its_first_day(house: House, tmp_path: Path) -> None:
    file = draft(house, tmp_path / "next.yaml", begins_in=30)
    today = house.clock.today.isoformat()

    assert "released" in fields(house, what=file)["full_name"]
    assert fields(house, "--on", today, what=file)["full_name"]["withheld"] == "agreement_not_in_force"


def test_a_draft_with_a_mistake_is_told_where(house: House, tmp_path: Path) -> None:
    file = draft(house, tmp_path / "next.yaml", ("{fields: [postcode], as: sector}", "{fields: [postcode], as: sectr}"))

    status, printed = decide(house, file)

    assert (status, "has no form sectr" in printed) == (1, True)


def test_a_day_is_judged_by_the_version_that_counts_on_it(house: House) -> None:
    day = house.clock.today + timedelta(days=30)
    began = text_of(NAME, house.clock.today).split("starts_on: ")[1][:10]
    changes = (f"starts_on: {began}", f"starts_on: {day}"), ("[postcode], as: sector", "[postcode], as: area")
    republish(house, NAME, *changes)

    assert fields(house, "--on", day)["postcode"]["released"][0]["form"] == "area"
    assert fields(house, "--on", day - timedelta(days=1))["postcode"]["released"][0]["form"] == "sector"
    assert fields(house, "--on", day + timedelta(days=4_000))["postcode"]["withheld"] == "agreement_not_in_force"
    assert fields(house, "--on", day, what=f"{NAME}@4")["postcode"]["released"][0]["form"] == "sector"


def test_what_was_ended_releases_nothing(house: House) -> None:
    house.append(house.changes().texts.end_agreement(NAME, reason="over", by="test"))

    status, printed = decide(house)

    assert status == 0
    assert printed.startswith("Ended on ")
    assert "Nothing would be released: agreement_not_in_force." in printed


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--field", "arears"), "Did you mean arrears?"),
        (("--about", "tenant"), "nobody in the record is called tenant"),
    ],
)
def test_a_name_that_nobody_knows_is_no_refusal_but_a_slip(house: House, words: tuple[str, ...], told: str) -> None:
    status, printed = decide(house, NAME, *words)

    assert (status, told in printed) == (1, True), printed


def test_a_partner_who_is_not_there_is_told_with_the_nearest(house: House) -> None:
    status, printed = decide(house, recipient="harbor-housing")

    assert (status, "Did you mean harbour-housing?" in printed) == (1, True)
    assert fields(house, recipient="calder-nhs-trust")["full_name"]["withheld"] == "not_a_recipient"
