"""Are a caseworker and a case one, however they are typed, and what in them does nobody see?"""

from __future__ import annotations

from typing import Any

import pytest
from house import CASEWORKER, HARBOUR, ISSUER, Caller, House
from typer.testing import CliRunner

from gateway.cli import make_app
from gateway.oauth.made_jwts import make_context

SPELLINGS = ("jb17", "JB17", "jb17 ", "\u00a0jb17", "\uff4a\uff4217")
UNSEEN = ("jb\u200d17", "jb\u00ad17", "\u206017jb", "jb\u200e17", "jb17\ufe0f", "jb\U000e004117", "\u3164", "\u2063\u200e")


def worker(name: str) -> dict[str, str]:
    return {**CASEWORKER, "id": name}


def search(house: House, caseworker: str, partner: str = HARBOUR.partner_id) -> Any:
    words = ["log", "search", "--partner", partner, "--caseworker", caseworker, "--dir", str(house.directory)]
    return CliRunner().invoke(make_app(words), words)


def test_however_a_caseworker_is_typed_it_is_one(house: House) -> None:
    harbour = house.harbour()
    for one in SPELLINGS:
        assert harbour.ask(fields=["age"], caseworker=worker(one)).status_code == 200
        assert house.last()["caseworker"]["id"] == "jb17"

    counted = {search(house, one).output.splitlines()[-1].split(" found")[0] for one in SPELLINGS}

    assert counted == {str(len(SPELLINGS))}


@pytest.mark.parametrize("given", ["HH-2291", "hh-2291 ", "\u00a0HH-2291", "\uff28\uff28-2291"], ids=ascii)
def test_however_a_case_is_typed_the_entry_holds_one_form(house: House, given: str) -> None:
    assert house.harbour().ask(fields=["age"], case_reference=given).status_code == 200

    assert house.last()["matter"]["case_reference"] == "hh-2291"


@pytest.mark.parametrize("given", UNSEEN, ids=ascii)
@pytest.mark.parametrize("member", ["caseworker.id", "case_reference", "caseworker.role", "subject.account_ref"])
def test_what_nobody_sees_is_refused_by_the_members_name(house: House, member: str, given: str) -> None:
    before = len(house.entries())
    asked: dict[str, Any] = {
        "caseworker.id": {"caseworker": worker(given)},
        "caseworker.role": {"caseworker": {**CASEWORKER, "role": given}},
        "case_reference": {"case_reference": given},
        "subject.account_ref": {
            "subject": {"account_ref": given, "confirm": {"surname": "Okafor", "date_of_birth": "1985-02-14"}}
        },
    }[member]

    answer = house.harbour().ask(fields=["age"], **asked)

    assert (answer.status_code, answer.json()["code"]) == (400, "request_malformed")
    assert answer.json()["detail"].startswith(f"{member}: ")
    assert given not in answer.text
    assert len(house.entries()) == before


def test_a_form_that_is_too_long_is_refused(house: House) -> None:
    """One character may stand for eighteen."""
    answer = house.harbour().ask(fields=["age"], caseworker=worker("\ufdfa" * 90))

    assert (answer.status_code, answer.json()["code"]) == (400, "request_malformed")


def _in_context(caller: Caller, name: str) -> Any:
    context = make_context(
        caller.key,
        client_id=caller.client_id,
        issuer=ISSUER,
        practitioner=worker(name),
        organisation="E12000003",
        reason="Arrears review",
        now=caller.house.clock().timestamp(),
    )
    body = {
        "subject": {"account_ref": "1000042", "confirm": {"surname": "Okafor", "date_of_birth": "1985-02-14"}},
        "fields": ["age"],
    }
    return caller.call("POST", "/v1/disclosures", {**body, "case_reference": "HH-1"}, Stile_Context=context)


@pytest.mark.parametrize("name", SPELLINGS, ids=ascii)
def test_a_signed_context_names_the_same_caseworker(house: House, name: str) -> None:
    assert _in_context(house.harbour(), name).status_code == 200

    assert house.last()["caseworker"]["id"] == "jb17"


@pytest.mark.parametrize("name", UNSEEN, ids=ascii)
def test_a_signed_context_holds_nothing_unseen(house: House, name: str) -> None:
    answer = _in_context(house.harbour(), name)

    assert (answer.status_code, answer.json()["code"]) == (400, "context_refused")


def test_a_search_in_an_unknown_partners_name_is_an_error(house: House) -> None:
    before = len(house.entries())

    done = search(house, "jb17", partner="harbour-housin")

    assert done.exit_code == 1
    assert "no partner is registered as harbour-housin. Did you mean harbour-housing?" in done.output
    assert len(house.entries()) == before
