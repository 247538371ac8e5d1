"""What does a build with newer decision semantics mean for a council whose texts were published before?"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pysqlite3
import pytest
import rfc8785
from gateway_older import older_council
from house import BORN, House, open_house, released, say_anew, withheld
from typer.testing import CliRunner

from audit.stores.sqlite import SqliteStore
from gateway.cli import make_app
from gateway.store.changes import ChangeRefusedError
from gateway.store.schema import SchemaError, check_version, create_tables
from policies.deciding.bind import rules_digest
from schemas.semantics import FIRST, NEWEST, Semantics

NINA = {"account_ref": "1000081", "confirm": {"surname": "Walsh", "date_of_birth": BORN["1000081"]}}
BY_PLACE = {"uprn": "900000000042", "confirm": {"surname": "Okafor", "date_of_birth": BORN["1000042"]}}


def upgrade(directory: Path, *options: str) -> str:
    done = CliRunner().invoke(make_app(["upgrade"]), ["upgrade", "--dir", str(directory), *options])
    assert done.exit_code == 0, done.output
    return done.output


@pytest.fixture
def older(council_directory: Path) -> Path:
    """A council of the first semantics, whose tables are this build's, and which has not taken up the new ones."""
    older_council(council_directory)
    create_tables(SqliteStore(council_directory / "state.sqlite", council_directory / "state.lock"))
    say_anew(council_directory)
    return council_directory


def live(house: House) -> Any:
    return house.wiring.services.reader.find_agreement("northmoor-harbour-tenancies", house.clock.today)


def digest_of_before(rules: Any) -> str:
    """What every rules digest was, before semantics had a number of each text's."""
    digests = [rules.agreement.digest, *(core.digest for core in rules.cores), rules.dataset.digest, "1"]
    return "sha256:" + hashlib.sha256(rfc8785.dumps(digests)).hexdigest()


def test_until_they_are_taken_up_nothing_is_decided_otherwise(older: Path) -> None:
    """Named, as before, by a place; and the digest of the rules is what it was."""
    with open_house(older) as house:
        assert live(house).compiled.rules.semantics == Semantics(FIRST, FIRST)
        assert live(house).compiled.rules.rules_digest == digest_of_before(live(house).compiled.rules)
        assert house.harbour().ask(BY_PLACE, fields=["age"]).json()["disclosure"]["identity"] == "confirmed"


def test_until_they_are_taken_up_nothing_is_published(older: Path) -> None:
    with open_house(older) as house:
        _, text, _ = house.wiring.services.reader.find_text("agreement", "northmoor-harbour-tenancies")
        with pytest.raises(ChangeRefusedError, match="stile upgrade --dry-run"):
            house.append(house.changes().texts.publish_agreement(text.replace("version: 4", "version: 5"), by="test"))


def test_taking_them_up_is_one_state_entry(older: Path) -> None:
    upgrade(older)

    with open_house(older) as house:
        (entry,) = house.entries("semantics.changed")
        truth = house.truth(entry)
        assert truth["what"] == {"semantics": NEWEST, "before": FIRST}
        assert house.rows("SELECT idx FROM state_key WHERE key = 'semantics'") == [(entry["index"],)]


def test_a_tightening_counts_at_once_for_texts_that_were_published_before(older: Path) -> None:
    """By a place nobody is named any more, though the text says nothing of it."""
    upgrade(older)

    with open_house(older) as house:
        rules = live(house).compiled.rules
        assert rules.semantics == Semantics(FIRST, NEWEST)
        assert rules.rules_digest != digest_of_before(rules)
        assert rules.rules_digest == rules_digest(rules.agreement, rules.cores, rules.dataset, Semantics(FIRST, NEWEST))
        answer = house.harbour().ask(BY_PLACE, fields=["age"])
        assert (answer.status_code, withheld(answer)) == (403, {"age": "naming_not_agreed"})
        assert released(house.harbour().ask(fields=["age"])) == {"age": {"from": 25, "below": 65}}


def test_anothers_restriction_is_told_as_it_was_till_the_change(older: Path) -> None:
    """The word itself told the partner that somebody else of the record restricts; and a word is part of the meaning."""
    with open_house(older) as house:
        dpo = house.dpo()
        body = {"person": "P0000043", "dataset": "council-tax", "kind": "article_18"}
        assert dpo.call("POST", "/control/v1/restrictions", body).status_code == 201
        assert withheld(house.harbour().ask(fields=["full_name"])) == {"full_name": "restricted"}
        house.append(house.changes().texts.take_up_semantics(by="test"))

        assert withheld(house.harbour().ask(fields=["full_name"])) == {"full_name": "not_available"}


def test_a_tightening_counts_under_a_running_gateway(older: Path) -> None:
    """The change is a state entry like any other: the very next decision knows it."""
    with open_house(older) as house:
        assert house.harbour().ask(BY_PLACE, fields=["age"]).status_code == 200
        house.append(house.changes().texts.take_up_semantics(by="test"))

        assert house.harbour().ask(BY_PLACE, fields=["age"]).status_code == 403


def test_what_is_protected_stays_protected_by_the_words_of_older_texts(older: Path) -> None:
    """`protected_address` said by its name what markers say by `protects:` now."""
    upgrade(older)

    with open_house(older) as house:
        answer = house.harbour().ask(NINA, fields=["postcode"])
        assert withheld(answer) == {"postcode": "not_available"}


def test_a_dry_run_says_what_could_not_be_published_today_and_changes_nothing(older: Path) -> None:
    before = (older / "state.sqlite").read_bytes()

    said = upgrade(older, "--dry-run")

    assert f"It decides by semantics {FIRST}; this build takes up {NEWEST}." in said
    assert "agreement northmoor-harbour-tenancies@4" in said
    assert (older / "state.sqlite").read_bytes() == before
    assert [one.name for one in older.iterdir() if one.name.startswith(".upgrade")] == []


def test_a_dry_run_works_on_the_tables_of_an_earlier_build(council_directory: Path) -> None:
    older_council(council_directory)

    assert f"this build takes up {NEWEST}" in upgrade(council_directory, "--dry-run")
    with pytest.raises(SchemaError, match="stile upgrade"):
        check_version(SqliteStore(council_directory / "state.sqlite", council_directory / "state.lock"))


def test_a_council_that_was_made_by_this_build_has_nothing_to_take_up(house: House) -> None:
    assert live(house).compiled.rules.semantics == Semantics(NEWEST, NEWEST)
    assert house.entries("semantics.changed") == []
    with pytest.raises(ChangeRefusedError, match="already"):
        house.append(house.changes().texts.take_up_semantics(by="test"))


def test_each_text_is_entered_with_the_number_that_it_was_published_under(house: House) -> None:
    published = [one for kind in ("agreement", "core", "dataset") for one in house.entries(f"{kind}.published")]

    assert len(published) > 5
    assert {house.truth(one)["what"]["semantics"] for one in published} == {NEWEST}


@pytest.mark.parametrize(
    "statement",
    ["INSERT INTO semantics (number, changed_at) VALUES (99, 0)", "UPDATE text SET semantics = 99 WHERE kind = 'core'"],
)
def test_a_build_that_does_not_know_the_semantics_does_not_start(council_directory: Path, statement: str) -> None:
    connection = pysqlite3.connect(str(council_directory / "state.sqlite"))
    connection.execute(statement)
    connection.commit()
    connection.close()

    with pytest.raises(SchemaError, match="semantics 99, and this build knows"):
        check_version(SqliteStore(council_directory / "state.sqlite", council_directory / "state.lock"))


def test_answers_from_before_verify_after(older: Path) -> None:
    with open_house(older) as house:
        before = house.harbour().ask(fields=["age"])
    upgrade(older)

    with open_house(older) as house:
        assert house.verify(before).outcome == "full"
        path = f"/v1/disclosures/{before.json()['disclosure']['disclosure_id']}/receipt"
        assert house.harbour().call("GET", path).status_code == 200
