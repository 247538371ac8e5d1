"""For nobody is refused: a consent or restriction is of a person whom the source knows, or says that nobody looked."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from house import HARBOUR, House, released, republish, withheld
from typer.testing import CliRunner

from gateway.cli import make_app

WHO = {"person": "P0000042", "dataset": "council-tax"}
GIVEN = {
    **WHO,
    "state": "given",
    "purpose": "tenancy-sustainment",
    "recipients": ["harbour-housing"],
    "fields": ["arrears"],
    "text_version": "v1",
    "how": "in person",
}
HELD = {**WHO, "kind": "opt_out"}
POSTED = {"consents": GIVEN, "restrictions": HELD}
UNKNOWN = {
    "another case": ("p0000042", " Did you mean P0000042?"),
    "letters for digits": ("POOOOO42", " Did you mean P0000042?"),
    "a key": ("1000042", ""),
    "nobody near": ("X-1", ""),
}


def stile(house: House, *words: str) -> tuple[int, str]:
    given = [*words, "--dir", str(house.directory)]
    done = CliRunner().invoke(make_app(given), given)
    return done.exit_code, done.output


def source(house: House) -> Path:
    (found,) = house.directory.rglob("revenues.sqlite")
    return found


def take_away(house: House) -> Path:
    """Put the source where nobody finds it, and return where."""
    file = source(house)
    return file.rename(file.with_suffix(".away"))


def put_back(away: Path) -> None:
    away.rename(away.with_suffix(".sqlite"))


def post(house: House, what: str, **changes: Any) -> Any:
    return house.dpo().call("POST", f"/control/v1/{what}", {**POSTED[what], **changes})


def listed(house: House, what: str, **who: str) -> dict[str, Any]:
    found: dict[str, Any] = house.dpo().call("POST", f"/control/v1/{what}/search", {"person": "P0000042", **who}).json()
    return found


@pytest.mark.parametrize("what", POSTED)
@pytest.mark.parametrize("case", UNKNOWN, ids=str)
def test_for_nobody_whom_the_source_knows_nothing_is_recorded(house: House, case: str, what: str) -> None:
    person, told = UNKNOWN[case]
    before = len(house.entries())

    answer = post(house, what, person=person)

    assert (answer.status_code, answer.json()["code"]) == (422, "person_unknown")
    assert answer.json()["detail"] == f"no record of council-tax has the person {person}.{told}"
    assert len(house.entries()) == before


def test_the_command_line_refuses_it_with_the_spelling_that_is_near(house: House) -> None:
    before = len(house.entries())

    status, printed = stile(
        house, "restriction", "set", "--person", "p0000042", "--dataset", "council-tax", "--kind", "opt_out"
    )

    assert (status, printed) == (1, "no record of council-tax has the person p0000042. Did you mean P0000042?\n")
    assert len(house.entries()) == before


def test_blanks_at_the_ends_are_none_of_a_reference(house: House) -> None:
    answer = post(house, "restrictions", person="  P0000042 ")

    assert (answer.status_code, answer.json()["unchecked"]) == (201, False)
    assert withheld(house.harbour().ask(fields=["age"])) == {"age": "restricted"}


@pytest.mark.parametrize("what", POSTED)
def test_where_the_source_can_not_be_asked_it_counts_at_once_and_says_that_nobody_looked(house: House, what: str) -> None:
    away = take_away(house)
    answer = post(house, what)
    shown = listed(house, what)
    put_back(away)

    assert (answer.status_code, answer.json()["unchecked"]) == (201, True)
    assert house.last()["what"]["unchecked"] is True
    assert [one["unchecked"] for one in shown[what]] == [True]
    assert "could not be asked whether it knows this person" in shown["notes"][0]
    asked = house.harbour().ask(fields=["arrears"])
    assert bool(released(asked)) is (what == "consents")


@pytest.mark.parametrize("what", POSTED)
def test_a_later_look_that_finds_the_person_settles_it_with_an_entry(house: House, what: str) -> None:
    away = take_away(house)
    made = post(house, what).json()
    put_back(away)

    first, entries = listed(house, what), house.entries("person.checked")
    second = listed(house, what)

    assert [one["unchecked"] for one in (*first[what], *second[what])] == [False, False]
    assert len(entries) == len(house.entries("person.checked")) == 1
    told = house.truth(entries[0])["what"]
    assert told["by"] == "northmoor-dpo"
    assert made.get("consent_id", made.get("restriction_id")) in (*told["consents"], *told["restrictions"])


def test_what_was_recorded_unchecked_for_nobody_is_told_as_that(house: House) -> None:
    away = take_away(house)
    post(house, "restrictions", person="P00000420")
    put_back(away)

    found = listed(house, "restrictions", person="P00000420")

    assert [one["unchecked"] for one in found["restrictions"]] == [True]
    assert found["notes"] == ["no record of council-tax has the person P00000420."]
    assert house.entries("person.checked") == []


def test_a_withdrawal_and_a_lift_ask_no_source(house: House) -> None:
    consent_id = post(house, "consents").json()["consent_id"]
    restriction_id = post(house, "restrictions").json()["restriction_id"]
    take_away(house)

    withdrawn = house.dpo().call("POST", f"/control/v1/consents/{consent_id}/withdrawal", {"how": "by telephone"})
    lifted = house.dpo().call("DELETE", f"/control/v1/restrictions/{restriction_id}")

    assert (withdrawn.status_code, lifted.status_code) == (201, 200)


def test_all_that_a_person_has_is_listed_and_no_reference_of_theirs(house: House) -> None:
    ids = [post(house, "restrictions", kind=kind).json()["restriction_id"] for kind in ("opt_out", "article_18")]
    post(house, "restrictions", person="P0000043")

    found = listed(house, "restrictions")

    assert {one["restriction_id"]: one["counts"] for one in found["restrictions"]} == dict.fromkeys(ids, True)
    assert {one["kind"] for one in found["restrictions"]} == {"opt_out", "article_18"}
    assert "P0000042" not in json.dumps(found)
    assert listed(house, "consents") == {"consents": [], "notes": []}


def test_of_a_person_without_records_the_list_says_whether_the_source_knows_them(house: House) -> None:
    status, printed = stile(house, "restriction", "list", "--person", "p0000042")

    assert status == 0
    assert printed.startswith("no restrictions of this person\n")
    assert "Did you mean P0000042?" in printed
    assert stile(house, "restriction", "list", "--person", "P0000042", "--dataset", "council-taxes")[0] == 1


def test_a_withdrawal_outweighs_another_consent_and_the_showing_says_so(house: House) -> None:
    dpo = house.dpo()
    first, second = (post(house, "consents").json()["consent_id"] for _ in range(2))
    dpo.call("POST", f"/control/v1/consents/{first}/withdrawal", {"how": "by telephone"})

    shown = dpo.call("GET", f"/control/v1/consents/{second}").json()

    assert (shown["state"], shown["counts"], shown["counts_for"]) == ("given", False, {})
    assert [(one["consent_id"], one["state"]) for one in shown["outweighed_by"]] == [(first, "withdrawn")]
    assert withheld(house.harbour().ask(fields=["arrears"])) == {"arrears": "consent_needed"}
    printed = stile(house, "consent", "list", "--person", "P0000042")[1]
    assert f"{second}  given, does not count: outweighed by {first} (withdrawn)" in printed
    assert f"{first}  withdrawn, counts" in printed


def test_a_consent_that_counts_says_for_whom_and_what_it_rests_on(house: House) -> None:
    consent_id = post(house, "consents").json()["consent_id"]

    shown = house.dpo().call("GET", f"/control/v1/consents/{consent_id}").json()

    assert (shown["counts"], shown["counts_for"]) == (True, {"harbour-housing": "all"})
    assert shown["rests_on"] == ["alive", "presumed_able"]
    assert (shown["why_not"], shown["outweighed_by"]) == ([], [])


def test_another_persons_no_stands_in_the_facts_and_not_in_the_answer(house: House) -> None:
    """Jointly liable people: each has a say where consent is asked of all."""
    republish(house, HARBOUR.agreement, ("releases:\n", "consent_of: all\nreleases:\n"))
    post(house, "consents")
    post(house, "consents", person="P0000043", state="refused")

    answer = house.harbour().ask(fields=["arrears", "age"])

    assert withheld(answer) == {"arrears": "not_available"}
    assert house.last()["facts"]["refused_by"] == ["joint"]
    assert "refused_by" not in answer.text


def test_another_persons_restriction_stands_in_the_facts_and_not_in_the_answer(house: House) -> None:
    post(house, "restrictions", person="P0000043", kind="article_18")

    answer = house.harbour().ask(fields=["arrears", "full_name"])

    assert withheld(answer) == {"arrears": "consent_needed", "full_name": "not_available"}
    assert answer.status_code == 200
    assert house.last()["facts"]["refused_by"] == ["joint"]
    assert "restrict" not in answer.text.replace("not_available", "")


def test_without_another_persons_no_the_facts_name_nobody(house: House) -> None:
    post(house, "consents", state="refused")

    house.harbour().ask(fields=["arrears", "age"])

    assert "refused_by" not in house.last()["facts"]
