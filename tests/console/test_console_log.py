"""Who lets a registered client in, and who asks the log: in their roles, each as an entry."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from console_browser import Browser
from house import HARBOUR, House
from joserfc import jwk

from gateway.oauth.clients import Role
from gateway.store.registrations import new_token, token_hash

SignIn = Callable[..., Browser]
CONTROL = "/control/v1"
SEEN = {"digest": "sha256:" + "0" * 64}
SEARCH = f"{CONTROL}/entries?partner={HARBOUR.partner_id}&caseworker=jb17"


def registered(house: House) -> str:
    """Return the id of a client that has registered itself."""
    token = new_token()
    house.append(house.changes().registrations.invite(HARBOUR.partner_id, token_hash(token), days=1, by="test"))
    public = jwk.generate_key("EC", "P-256", private=True).as_dict(private=False)
    body = json.dumps({"client_name": "Rents", "jwks": {"keys": [public]}})
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    answer = house.http.post("/oauth2/register", content=body, headers=headers)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["client_id"])


@pytest.mark.parametrize("role", [Role.DPO, Role.ADMINISTRATOR])
def test_an_operator_lets_a_registered_client_in(house: House, signed_in: SignIn, role: Role) -> None:
    client_id, browser = registered(house), signed_in(role)

    waiting = browser.control("GET", f"{CONTROL}/registrations").json()["registrations"]
    seen = {"digest": waiting[0]["digest"]}
    answer = browser.control("POST", f"{CONTROL}/registrations/{client_id}/approval", seen)

    assert [(one["client_id"], one["partner"]) for one in waiting] == [(client_id, HARBOUR.partner_id)]
    assert (answer.status_code, answer.json()["status"]) == (201, "approved")
    entry = house.entries("client.registered")[-1]
    assert house.truth(entry)["who"]["by"].startswith("op_")
    assert browser.control("GET", f"{CONTROL}/registrations").json()["registrations"] == []
    again = browser.control("POST", f"{CONTROL}/registrations/{client_id}/approval", seen)
    assert (again.status_code, again.json()["code"]) == (409, "conflict")


def test_an_operator_refuses_one(house: House, signed_in: SignIn) -> None:
    client_id = registered(house)

    answer = signed_in(Role.DPO).control("POST", f"{CONTROL}/registrations/{client_id}/refusal", None)

    assert (answer.status_code, answer.json()["status"]) == (201, "refused")


def test_letting_in_needs_a_fresh_sign_in(house: House, signed_in: SignIn) -> None:
    client_id, browser = registered(house), signed_in(Role.DPO)
    house.clock.move(minutes=6)

    answer = browser.control("POST", f"{CONTROL}/registrations/{client_id}/approval", SEEN)

    assert (answer.status_code, answer.json()["code"]) == (401, "step_up_needed")
    assert house.rows("SELECT status FROM registration") == [("pending",)]


@pytest.mark.parametrize("role", [Role.APPROVER, Role.AUDITOR])
def test_other_roles_let_nobody_in(house: House, signed_in: SignIn, role: Role) -> None:
    client_id, browser = registered(house), signed_in(role)

    for method, path in (("GET", ""), ("POST", f"/{client_id}/approval"), ("POST", f"/{client_id}/refusal")):
        answer = browser.control(method, f"{CONTROL}/registrations{path}", None)
        assert (answer.status_code, answer.json()["code"]) == (403, "wrong_role")


def test_a_partner_lets_nobody_in(house: House) -> None:
    client_id = registered(house)

    answer = house.harbour().call("POST", f"{CONTROL}/registrations/{client_id}/approval")

    assert (answer.status_code, answer.json()["code"]) == (401, "token_refused")


def test_an_offices_client_lets_one_in(house: House) -> None:
    """A machine of the DPO's, by its token."""
    client_id = registered(house)

    dpo = house.dpo()
    (waiting,) = dpo.call("GET", f"{CONTROL}/registrations").json()["registrations"]
    path = f"{CONTROL}/registrations/{client_id}/approval"

    assert dpo.call("POST", path, SEEN).status_code == 409
    assert dpo.call("POST", path, {"digest": waiting["digest"]}).status_code == 201


@pytest.mark.parametrize("role", [Role.AUDITOR, Role.DPO])
def test_an_auditor_finds_what_a_caseworker_asked_for(house: House, signed_in: SignIn, role: Role) -> None:
    """That they did is an entry, too."""
    house.harbour().ask(fields=["age"])
    house.harbour().ask(fields=["full_name"])

    answer = signed_in(role).control("GET", SEARCH)

    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    assert [one["kind"] for one in told["rows"]] == ["disclosure", "disclosure"]
    assert {one["caseworker"]["name"] for one in told["rows"]} == {"Jo Bright"}
    (entry,) = house.entries("search")
    assert house.truth(entry)["who"]["by"] == house.rows("SELECT operator_id FROM console_session")[0][0]


@pytest.mark.parametrize("role", [Role.APPROVER, Role.ADMINISTRATOR])
def test_other_roles_find_nothing(house: House, signed_in: SignIn, role: Role) -> None:
    house.harbour().ask(fields=["age"])

    answer = signed_in(role).control("GET", SEARCH)

    assert (answer.status_code, answer.json()["code"]) == (403, "wrong_role")
    assert house.entries("search") == []


@pytest.mark.parametrize("days", ["from=0001-01-01", "until=9999-12-31", "from=0001-01-01&until=9999-12-31"])
def test_the_first_and_the_last_day_of_all_can_be_asked_for(house: House, signed_in: SignIn, days: str) -> None:
    house.harbour().ask(fields=["age"])

    answer = signed_in(Role.AUDITOR).control("GET", f"{SEARCH}&{days}")

    assert (answer.status_code, len(answer.json()["rows"])) == (200, 1)


@pytest.mark.parametrize("query", ["", "?partner=x", "?partner=x&caseworker=", "?partner=x&caseworker=y&from=tomorrow"])
def test_a_question_that_is_none_is_told_so(house: House, signed_in: SignIn, query: str) -> None:
    answer = signed_in(Role.AUDITOR).control("GET", f"{CONTROL}/entries{query}")

    assert (answer.status_code, answer.json()["code"]) == (400, "request_malformed")
