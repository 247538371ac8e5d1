"""Whoever edits the rows that say who decides is found before a decision rests on them."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from house import HARBOUR, House, open_house
from two_people import Office, ask_for_two, next_agreement, office, published
from typer.testing import CliRunner

from gateway.cli import make_app
from gateway.council.database import store_of
from gateway.oauth.clients import Role
from gateway.settings import load_settings

EDITS = {
    "how many decide": "UPDATE staffing SET people = 1",
    "how many decide, taken away": "DELETE FROM staffing",
    "whose account it is": "UPDATE account_person SET person = 'person_x' WHERE account = 'the-author'",
    "that it is somebody's": "DELETE FROM account_person",
    "what was proposed": "UPDATE proposal SET reason = 'another'",
    "who proposed it": "UPDATE proposal SET proposed_by = 'somebody', person = 'person_x'",
    "what was advised": "DELETE FROM advice",
}


def edit(directory: Path, statement: str) -> None:
    """Write into the database as who has the file and nothing else does."""
    with contextlib.closing(store_of(directory, load_settings(directory)).session()) as connection:
        connection.cursor().execute(statement)
        connection.commit()


def proposed(house: House) -> tuple[Office, Office, dict[str, object]]:
    ask_for_two(house)
    author, owner = office(house, "the-author", Role.AUTHOR), office(house, "the-owner", Role.APPROVER)
    adviser = office(house, "the-adviser", Role.DPO)
    change = author.propose(next_agreement(house))
    assert adviser.advise(change, "reject").status_code == 201
    return author, owner, change


@pytest.mark.parametrize("what", EDITS)
def test_a_decision_rests_on_no_row_that_was_edited(house: House, what: str) -> None:
    """503, and nothing is published: also where what was edited would have refused it anyway."""
    _, owner, change = proposed(house)
    before = published(house)
    edit(house.directory, EDITS[what])
    house.differs = True

    answer = owner.approve(change, reason="why", against_advice=True)

    assert (answer.status_code, published(house)) == (503, before)


def test_how_many_decide_is_not_made_one_by_hand(house: House) -> None:
    """Not for who publishes by one call either."""
    adviser, before = proposed(house)[0], published(house)
    edit(house.directory, EDITS["how many decide"])
    house.differs = True
    body = {"text": next_agreement(house)["text"], "reason": "why"}

    assert (adviser.post("agreements", body).status_code, published(house)) == (503, before)


def test_no_command_of_the_machine_rests_on_an_edited_row(council_directory: Path, tmp_path: Path) -> None:
    """Who writes into the database that one person decides publishes nothing by it."""
    with open_house(council_directory) as house:
        ask_for_two(house)
        (tmp_path / "next.yaml").write_text(next_agreement(house)["text"])
        before = published(house)
    edit(council_directory, EDITS["how many decide"])
    words = ["agreement", "publish", str(tmp_path / "next.yaml"), "--dir", str(council_directory)]

    given = CliRunner().invoke(make_app(words), words)

    assert (given.exit_code, "staffing" in given.output) == (1, True), given.output
    with contextlib.closing(store_of(council_directory, load_settings(council_directory)).open(read_only=True)) as rows:
        assert rows.value("SELECT max(version) FROM text WHERE id = ?", (HARBOUR.agreement,)) == before


def test_no_row_is_said_that_an_upgrade_still_owes(house: House) -> None:
    """It stands for no decision; the log says nothing of it, and finds nothing wrong with it."""
    house.append(lambda connection, _moment: connection.run("INSERT INTO staffing VALUES (-1, 1, 'owed', 'test')") and None)

    assert house.http.get("/readyz").status_code == 200
