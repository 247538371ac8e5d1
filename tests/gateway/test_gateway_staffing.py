"""A council of before counts as one-person by an entry at its upgrade; a new one asks for two until it says otherwise."""

from __future__ import annotations

import contextlib
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hours import Clock, ruled_by
from house import House, open_house
from joserfc import jwk
from two_people import ask_for_two, next_agreement, office, published
from typer.testing import CliRunner

from gateway.cli import make_app
from gateway.commands import upgrading
from gateway.commands.common import office as at_machine
from gateway.commands.common import shipped_texts
from gateway.council.database import store_of
from gateway.council.directory import create_council
from gateway.oauth.clients import Role
from gateway.settings import load_settings
from gateway.store.acting import Actor
from gateway.store.changes import ChangeRefusedError
from gateway.store.proposal_rows import Proposal
from gateway.store.staffing import MADE_BEFORE, how_many_decide, is_owed
from schemas.terms import EmergencyKind

OLDER = Path(__file__).parent / "older" / "council-0013.tar.xz"
INIT: dict[str, str | bool] = {
    "controller": "first-council",
    "origin": "gateway.first-council.example/log/x",
    "public_url": "http://127.0.0.1:8090",
    "urgent_contact": "+44 113 496 0000",
    "dpo_contact": "dpo@first-council.example",
}


def stile(*words: object) -> tuple[int, str]:
    given = CliRunner().invoke(make_app([str(one) for one in words]), [str(one) for one in words])
    assert given.exception is None or isinstance(given.exception, SystemExit), given.exception
    return given.exit_code, given.output


def people_of(directory: Path) -> tuple[int, bool]:
    with contextlib.closing(store_of(directory, load_settings(directory)).open(read_only=True)) as connection:
        return how_many_decide(connection), is_owed(connection)


@pytest.fixture
def council_of_before(tmp_path: Path) -> Iterator[Path]:
    """A council as a build made it that knew nothing of a second person."""
    with tarfile.open(OLDER) as packed:
        packed.extractall(tmp_path / "older", filter="data")
    with ruled_by(Clock()):
        yield tmp_path / "older"


def test_a_council_of_before_counts_as_one_person_by_an_entry(council_of_before: Path) -> None:
    council_directory = council_of_before

    status, told = stile("upgrade", "--dir", council_directory)

    assert (status, "one person decides here, as before" in told) == (0, True), told
    assert people_of(council_directory) == (1, False)
    with open_house(council_directory) as house:
        entries = [one for one in house.entries("change.approved") if house.truth(one)["what"]["reason"] == MADE_BEFORE]
        assert [house.truth(one)["what"]["people"] for one in entries] == [1]
        answer = house.dpo().call("POST", "/control/v1/agreements", {"text": next_agreement(house)["text"]})
        assert answer.status_code == 201


def test_an_upgrade_that_was_interrupted_enters_it_the_next_time(
    council_of_before: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the tables and the entry: what is owed stands with the tables, and opens nothing until it is entered."""
    council_directory = council_of_before
    with monkeypatch.context() as patch:
        patch.setattr(upgrading, "_take_up", lambda _directory: None)
        stile("upgrade", "--dir", council_directory)
    assert people_of(council_directory) == (2, True)

    assert stile("upgrade", "--dir", council_directory)[0] == 0
    assert people_of(council_directory) == (1, False)
    _, again = stile("upgrade", "--dir", council_directory)
    assert "one person decides" not in again


def test_a_new_council_asks_for_two_until_it_says_otherwise(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STILE_LOGIN", str(tmp_path / "login.json"))
    directory = tmp_path / "council"
    create_council(directory, {**INIT})
    refused, why = stile("dataset", "publish", "council-tax", "--dir", directory)

    assert (refused, "stile login" in why) == (1, True)
    assert stile("change", "people", "one", "--reason", "one officer so far", "--dir", directory)[0] == 0
    status, told = stile("dataset", "publish", "council-tax", "--dir", directory)
    assert (status, "one person's step" in told) == (0, True)
    assert stile("change", "people", "two", "--reason", "a second has come", "--dir", directory)[0] == 0
    assert stile("change", "people", "one", "--reason", "quicker", "--dir", directory)[0] == 1
    assert stile("change", "people", "three", "--reason", "more", "--dir", directory)[0] == 1
    assert people_of(directory) == (2, False)


def test_once_two_have_decided_it_takes_two_to_go_back(tmp_path: Path) -> None:
    """Also where nobody ever said that two decide."""
    create_council(tmp_path / "council", {**INIT})
    key = jwk.generate_key("EC", "P-256", private=True)
    with at_machine(tmp_path / "council") as here:
        for name, role in (("one", Role.AUTHOR), ("two", Role.APPROVER)):
            public = {"keys": [{**key.as_dict(private=False), "kid": name}]}
            key = jwk.generate_key("EC", "P-256", private=True)
            register = here.changes.partners.register_client
            here.append(register(name, partner_id=None, role=role, jwks=public, by="test"))
            here.append(here.changes.operators.say_person(name, person=name, by="test"))
        made: list[Proposal] = []
        text = shipped_texts()["council-tax"]
        author, owner = Actor("one", frozenset({Role.AUTHOR})), Actor("two", frozenset({Role.APPROVER}))
        here.append(here.changes.proposals.propose("dataset", {"text": text}, reason="why", actor=author, made=made))
        decided = {"digest": made[0].digest, "actor": owner, "why": "", "against_advice": False, "made": []}
        here.append(here.changes.decisions.approve(made[0].change_id, **decided))

        with pytest.raises(ChangeRefusedError, match="one proposes and another approves"):
            here.append(here.changes.staffing.say_one(reason="quicker", by="test"))


@pytest.mark.parametrize("words", [("core", "publish", "statutory-bars"), ("agreement", "publish", "x.yaml")])
def test_no_command_of_the_machine_publishes_where_two_decide(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    """Whoever has a shell there and has not signed in is nobody's second person, and no first one."""
    monkeypatch.setenv("STILE_LOGIN", str(tmp_path / "login.json"))
    (tmp_path / "x.yaml").write_text(next_agreement(house)["text"])
    monkeypatch.chdir(tmp_path)
    ask_for_two(house)
    entries = len(house.entries())

    status, told = stile(*words, "--reason", "why", "--dir", house.directory)

    assert (status, "stile login" in told) == (1, True)
    assert len(house.entries()) == entries


def test_two_people_decide_over_either_database(either_house: House) -> None:
    """Proposed, advised, stale, approved, rejected: the same in SQLite and in PostgreSQL."""
    ask_for_two(either_house)
    author, owner = office(either_house, "the-author", Role.AUTHOR), office(either_house, "the-owner", Role.APPROVER)
    adviser = office(either_house, "the-adviser", Role.DPO)
    before = published(either_house)
    first = author.propose(next_agreement(either_house), reason="first")
    second = author.propose(next_agreement(either_house), reason="second")
    assert adviser.advise(first, "approve").status_code == 201
    assert author.approve(first).status_code == 403

    assert owner.approve(first).status_code == 201

    assert published(either_house) == before + 1
    assert owner.approve(second).status_code == 409
    assert owner.reject(second).status_code == 201
    assert owner.get("changes").json() == {"people": 2, "changes": []}
    assert {one["advice_followed"] for one in owner.get("changes?decided=true").json()["changes"]} == {None, True}


def test_a_review_where_two_decide_is_of_somebody_whose_account_is_known(house: House) -> None:
    """The same rule of who is another person as for every other step."""
    incident = "i_0123456789ab"
    office(house, "declarer", Role.DUTY, person="anna")
    emergencies, kinds = house.changes().emergencies, frozenset({EmergencyKind.CIVIL_EMERGENCY})
    declare = emergencies.declare(
        "a flood", partners=frozenset({"harbour-housing"}), kinds=kinds, most_people=5, hours=1, by="declarer",
        incident_id=incident,
    )  # fmt: skip
    house.append(declare)
    house.append(emergencies.close(incident, by="declarer"))
    ask_for_two(house)
    nobodys, declarers = office(house, "nobodys", Role.DPO, person=None), office(house, "hers-too", Role.DPO, person="anna")
    other = office(house, "other", Role.DUTY)

    answers = [one.post(f"emergencies/{incident}/review", {"outcome": "justified"}) for one in (nobodys, declarers, other)]

    assert [one.status_code for one in answers] == [409, 409, 201]
    assert "whose account" in answers[0].json()["detail"]
    assert "you are named in it" in answers[1].json()["detail"]
