"""Somebody of another organisation signs in to their last day, and no longer; whose account is whose is said once."""

from __future__ import annotations

import json
from datetime import date, timedelta

import pytest
from console_browser import Authenticator, Browser
from console_provider import Provider, is_refused, sign_in_at
from console_scene import give_password, grant, sign_in
from house import House

from gateway.oauth.clients import Role
from gateway.store.account_persons import find_person
from gateway.store.changes import ChangeRefusedError
from schemas.instants import london_day


def guest(house: House, name: str, last_day: date) -> str:
    operator_id = grant(house, name, Role.AUDITOR)
    house.append(house.changes().operators.make_guest(name, of="Audit North", last_day=last_day, by="test"))
    return operator_id


def test_a_guest_is_shown_whose_they_are(house: House) -> None:
    guest(house, "visitor", london_day(house.clock()))
    browser = Browser(house)
    sign_in(browser, "visitor", Authenticator())

    assert "Audit North" in browser.get("/console").text
    told = [house.truth(one)["what"] for one in house.entries("operator.granted")]
    assert told[-1]["guest_of"] == "Audit North"


def test_a_guests_session_ends_with_their_last_day(house: House) -> None:
    """At midnight in London, in the middle of a session; and they are not let in again."""
    guest(house, "visitor", london_day(house.clock()))
    browser, authenticator = Browser(house), Authenticator()
    house.clock.move(hours=11, minutes=59, seconds=58)
    sign_in(browser, "visitor", authenticator)
    assert browser.get("/console").status_code == 200

    house.clock.move(seconds=2)

    assert browser.get("/console").status_code == 303
    assert give_password(Browser(house), "visitor").status_code == 403


def test_a_guest_of_yesterday_is_not_let_in(house: House) -> None:
    guest(house, "visitor", london_day(house.clock()) - timedelta(days=1))

    assert give_password(Browser(house), "visitor").status_code == 403


def test_a_guest_signs_in_on_their_last_day(house: House) -> None:
    guest(house, "visitor", london_day(house.clock()))

    assert sign_in(Browser(house), "visitor", Authenticator()).status_code == 303


def test_a_guest_of_the_providers_is_held_to_their_last_day(house_with_provider: House, provider: Provider) -> None:
    """By the provider's own subject: no account is made here for them, and their roles are the provider's."""
    house, browser = house_with_provider, Browser(house_with_provider)
    assert sign_in_at(provider, browser).status_code == 303
    ((operator_id,),) = house.rows("SELECT operator_id FROM console_session")
    assert find_person(house.wiring.services.reader.connection, operator_id) == operator_id
    today = london_day(house.clock())
    changes = house.changes().operators

    house.append(changes.make_guest(operator_id, of="Audit North", last_day=today, by="test"))
    assert "Audit North" in browser.get("/console").text
    house.append(changes.make_guest(operator_id, of="Audit North", last_day=today - timedelta(days=1), by="test"))

    assert browser.get("/console").status_code == 303
    assert is_refused(Browser(house), sign_in_at(provider, Browser(house)), 403, "sign_in_refused")


@pytest.mark.parametrize(("who", "of"), [("nobody", "Audit North"), ("visitor", " ")])
def test_a_guest_is_somebody_of_an_organisation(house: House, who: str, of: str) -> None:
    grant(house, "visitor", Role.AUDITOR)
    with pytest.raises(ChangeRefusedError):
        house.append(house.changes().operators.make_guest(who, of=of, last_day=london_day(house.clock()), by="test"))


# -- whose account it is


def person_of(house: House, account: str) -> str | None:
    return find_person(house.wiring.services.reader.connection, account)


def test_an_account_that_is_said_to_be_anothers_is_their_persons(house: House) -> None:
    """By a word for them, by the name of another account of theirs, or by their id at the provider."""
    one, two, three = (grant(house, name, Role.DPO) for name in ("one", "two", "three"))
    changes = house.changes().operators
    assert person_of(house, one) is None

    house.append(changes.say_person("one", person="Anna.Smith@council.example", by="test"))
    house.append(changes.say_person("two", person="one", by="test"))
    at_provider = house.wiring.operators.operator_id("anna")
    house.append(changes.say_person("three", person=at_provider, by="test"))

    assert person_of(house, one) == person_of(house, two) != person_of(house, three) == at_provider
    assert "anna.smith" not in json.dumps([house.truth(one) for one in house.entries("operator.granted")]).lower()


@pytest.mark.parametrize("word", ["", "a\u202eb"])
def test_a_word_that_nobody_reads_names_nobody(house: House, word: str) -> None:
    grant(house, "one", Role.DPO)
    with pytest.raises(ChangeRefusedError):
        house.append(house.changes().operators.say_person("one", person=word, by="test"))


def test_a_partners_client_is_nobodys_account(house: House) -> None:
    with pytest.raises(ChangeRefusedError, match="no account here"):
        house.append(house.changes().operators.say_person("harbour-case-system", person="anna", by="test"))
