"""The control API by a session or a token, never both; and what needs a sign-in of the last five minutes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from console_browser import SESSION, Browser
from console_scene import KINDS, next_version
from house import DPO, HARBOUR, House
from joserfc import jwk

from gateway.control.door import RULE_OF, rule_of
from gateway.oauth.clients import Role

SignIn = Callable[..., Browser]
CONTROL = "/control/v1"
CONSENT = {
    "state": "given",
    "dataset": "council-tax",
    "person": "P0000042",
    "purpose": "tenancy-sustainment",
    "recipients": ["harbour-housing"],
    "text_version": "v1",
    "how": "in person",
}


def changes_of(house: House) -> dict[str, tuple[str, Any]]:
    """Return every control call that needs a step-up: address and body."""
    kid = house.rows("SELECT kid FROM client_key WHERE client_id = ?", HARBOUR.client_id)[0][0]
    return {
        "agreements": (f"{CONTROL}/agreements", {"text": next_version(house)}),
        "client": (f"{CONTROL}/clients/{HARBOUR.client_id}/revocation", None),
        "key": (f"{CONTROL}/clients/{HARBOUR.client_id}/keys/{kid}/revocation", None),
        "issuer-keys": (f"{CONTROL}/issuer-keys", {}),
    }


CHANGES = ("agreements", "client", "key", "issuer-keys")
EVERYBODY = list(Role)[1:]


def test_a_session_records_a_consent_under_the_operators_opaque_id(house: House, signed_in: SignIn) -> None:
    browser = signed_in(Role.DPO)

    given = browser.control("POST", f"{CONTROL}/consents", CONSENT)
    shown = browser.control("GET", f"{CONTROL}/consents/{given.json()['consent_id']}")

    assert (given.status_code, shown.status_code) == (201, 200)
    assert shown.json()["recorded_by"].startswith("op_")


@pytest.mark.parametrize("what", CHANGES)
def test_a_fresh_session_changes(house: House, signed_in: SignIn, what: str) -> None:
    """Each is an entry, and names who did it."""
    browser = signed_in(*EVERYBODY)
    path, body = changes_of(house)[what]

    answer = browser.control("POST", path, body)

    assert answer.status_code == 201, answer.text
    entry = house.entries()[-1]
    assert (entry["kind"], entry["index"]) == (KINDS[what], answer.json()["index"])
    assert house.truth(entry)["who"]["by"].startswith("op_")


@pytest.mark.parametrize("what", CHANGES)
def test_step_up_is_asked_for_after_five_minutes(house: House, signed_in: SignIn, what: str) -> None:
    """RFC 9470, section 3; and nothing is changed."""
    browser = signed_in(*EVERYBODY)
    path, body = changes_of(house)[what]
    house.clock.move(seconds=301)
    entries = len(house.entries())

    refused = browser.control("POST", path, body)

    assert (refused.status_code, refused.json()["code"]) == (401, "step_up_needed")
    challenge = refused.headers["www-authenticate"]
    assert 'error="insufficient_user_authentication"' in challenge
    assert 'max_age="300"' in challenge
    assert len(house.entries()) == entries


@pytest.mark.parametrize("what", CHANGES)
def test_a_sign_in_is_fresh_for_five_minutes_to_the_second(house: House, signed_in: SignIn, what: str) -> None:
    browser = signed_in(*EVERYBODY)
    path, body = changes_of(house)[what]
    house.clock.move(seconds=300)

    assert browser.control("POST", path, body).status_code == 201


def test_freshness_is_judged_in_the_transaction_too(house: House, signed_in: SignIn, monkeypatch: Any) -> None:
    """A call that waits past the fifth minute is refused there."""
    browser = signed_in(*EVERYBODY)
    house.clock.move(seconds=299)
    csrf, (path, body) = browser.csrf, changes_of(house)["agreements"]
    publish = house.wiring.changes.proposals.make
    entries = len(house.entries())

    def slow(*arguments: Any, **named: Any) -> Any:
        house.clock.move(seconds=2)
        return publish(*arguments, **named)

    monkeypatch.setattr("gateway.store.proposals.Proposals.make", lambda _self, *a, **n: slow(*a, **n))
    refused = browser.control("POST", path, body, **{"Stile-CSRF": csrf})

    assert (refused.status_code, refused.json()["code"]) == (401, "step_up_needed")
    assert len(house.entries()) == entries


def test_a_session_that_ends_during_a_call_changes_nothing(house: House, signed_in: SignIn, monkeypatch: Any) -> None:
    """Revocation counts at once, also for what is under way."""
    browser = signed_in(*EVERYBODY)
    (operator,) = house.rows("SELECT operator_id FROM console_session")[0]
    path, body = changes_of(house)["agreements"]
    revoke = house.changes().operators.revoke(operator, by="test")
    publish = house.wiring.changes.proposals.make

    def overtaken(_self: Any, *arguments: Any, **named: Any) -> Any:
        house.wiring.sequencer.submit(revoke, lambda _result: None)  # goes before what is appended below
        return publish(*arguments, **named)

    csrf = browser.csrf
    monkeypatch.setattr("gateway.store.proposals.Proposals.make", overtaken)
    refused = browser.control("POST", path, body, **{"Stile-CSRF": csrf})

    assert (refused.status_code, refused.json()["code"]) == (401, "session_refused")
    assert house.entries()[-1]["kind"] == "operator.revoked"


def test_a_token_counts_as_fresh(house: House) -> None:
    """It lives for 300 seconds at most: a dpo's client publishes by it."""
    answer = house.dpo().call("POST", f"{CONTROL}/agreements", {"text": next_version(house)})

    assert answer.status_code == 201
    assert house.truth(house.entries()[-1])["who"]["by"] == DPO


# -- roles


ALLOWED = {
    "agreements": {Role.DPO, Role.APPROVER},
    "client": {Role.ADMINISTRATOR},
    "key": {Role.ADMINISTRATOR},
    "issuer-keys": {Role.ADMINISTRATOR},
}


@pytest.mark.parametrize("role", EVERYBODY)
@pytest.mark.parametrize("what", CHANGES)
def test_only_its_roles_may_make_a_change(house: House, signed_in: SignIn, what: str, role: Role) -> None:
    path, body = changes_of(house)[what]

    answer = signed_in(role).control("POST", path, body)

    if role in ALLOWED[what]:
        assert answer.status_code == 201
    else:
        assert (answer.status_code, answer.json()["code"]) == (403, "wrong_role")


@pytest.mark.parametrize("role", EVERYBODY)
def test_consents_stay_with_their_two_roles(signed_in: SignIn, role: Role) -> None:
    answer = signed_in(role).control("POST", f"{CONTROL}/consents", CONSENT)

    assert answer.status_code == (201 if role in {Role.DPO, Role.ADMINISTRATOR} else 403)


@pytest.mark.parametrize("role", EVERYBODY)
@pytest.mark.parametrize("shelf", ["agreements", "cores", "datasets", "sources"])
def test_every_office_reads_what_is_published(signed_in: SignIn, role: Role, shelf: str) -> None:
    """But a source's text, in which its address stands, is for an administrator alone."""
    browser = signed_in(role)
    listed = browser.control("GET", f"{CONTROL}/{shelf}")
    first = listed.json()[shelf][0]
    text = browser.control("GET", f"{CONTROL}/{shelf}/{first['id']}@{first['version']}/text")

    assert listed.status_code == 200
    assert text.status_code == (403 if shelf == "sources" and role is not Role.ADMINISTRATOR else 200)


def test_a_clients_role_is_held_to_the_same_rule(house: House) -> None:
    """A client of role administrator revokes keys, and publishes nothing."""
    key = jwk.generate_key("EC", "P-256", private=True)
    partners = house.changes().partners
    public = {"keys": [key.as_dict(private=False)]}
    house.append(partners.register_client("admin-office", partner_id=None, role=Role.ADMINISTRATOR, jwks=public, by="test"))
    caller = house.dpo()
    caller.client_id, caller.key = "admin-office", key
    caller.get_token()

    refused = caller.call("POST", f"{CONTROL}/agreements", {"text": next_version(house)})

    assert (refused.status_code, refused.json()["code"]) == (403, "wrong_role")
    assert caller.call("POST", f"{CONTROL}/clients/{HARBOUR.client_id}/revocation").status_code == 201


def test_the_description_says_who_may_have_a_sources_text(house: House) -> None:
    """As the call itself does: a council's addresses stand in it."""
    described = house.http.get("/openapi.json").json()["paths"]

    roles = {
        path: described[f"{CONTROL}/{path}"]["get"]["x-stile-roles"] for path in ("sources/{name}/text", "sources/{name}")
    }

    assert roles == {
        "sources/{name}/text": ["administrator"],
        "sources/{name}": ["administrator", "approver", "auditor", "author", "dpo", "duty"],
    }


@pytest.mark.parametrize("part", sorted(RULE_OF))
@pytest.mark.parametrize("path", ["{}", "{}/", "/{}", "{}/a/b", "//{}"])
def test_no_spelling_of_an_address_leads_around_its_rule(part: str, path: str) -> None:
    assert rule_of(path=f"{CONTROL}/{path.format(part)}") is RULE_OF[part]


# -- CSRF and confusion at the API


WRONG: dict[str, tuple[dict[str, str], int, str]] = {
    "no token": ({"Stile-CSRF": ""}, 403, "cross_site_refused"),
    "a made-up token": ({"Stile-CSRF": "a" * 43}, 403, "cross_site_refused"),
    "another origin": ({"Origin": "https://evil.example"}, 403, "cross_site_refused"),
    "Origin: null": ({"Origin": "null"}, 403, "cross_site_refused"),
    "no cookie that lives": ({"Cookie": f"{SESSION}={'A' * 43}"}, 401, "session_refused"),
    "a cookie twice": ({"Cookie": f"{SESSION}={'A' * 43}; {SESSION}={'B' * 43}"}, 401, "session_refused"),
    "a token beside the session": ({"Authorization": "DPoP a.b.c"}, 400, "request_malformed"),
    "a proof beside the session": ({"DPoP": "a.b.c"}, 400, "request_malformed"),
}


@pytest.mark.parametrize("what", WRONG, ids=str)
def test_csrf_at_the_control_api_is_refused(house: House, signed_in: SignIn, what: str) -> None:
    headers, status, code = WRONG[what]
    browser = signed_in(*EVERYBODY)
    entries = len(house.entries())

    refused = browser.control("POST", f"{CONTROL}/consents", CONSENT, **headers)

    assert (refused.status_code, refused.json()["code"]) == (status, code)
    assert len(house.entries()) == entries


def test_csrf_a_read_by_another_site_is_refused(signed_in: SignIn) -> None:
    """A browser's GET without Origin and without a word on its site."""
    browser = signed_in(Role.DPO)

    assert browser.get(f"{CONTROL}/consents/c_{'0' * 24}").status_code == 403


def test_a_token_is_not_enough_with_an_operators_cookie(house: House, signed_in: SignIn) -> None:
    """Both at once are refused, each good by itself."""
    browser, dpo, path = signed_in(Role.DPO), house.dpo(), f"{CONTROL}/consents"

    refused = dpo.call("POST", path, CONSENT, Cookie=f"{SESSION}={browser.cookies[SESSION]}")

    assert (refused.status_code, refused.json()["code"]) == (400, "request_malformed")


def test_a_partners_calls_take_no_session(house: House, signed_in: SignIn) -> None:
    answer = signed_in(*EVERYBODY).control("GET", "/v1/agreements")

    assert (answer.status_code, answer.json()["code"]) == (401, "token_refused")


SPOOFS = {
    "X_Roles": "administrator",
    "X_Forwarded_User": "admin",
    "Remote_User": "admin",
    "Stile_Role": "dpo",
    "X_MS_CLIENT_PRINCIPAL": "e30=",
}


@pytest.mark.parametrize("name", SPOOFS)
def test_role_claim_spoofing_no_header_gives_a_role(signed_in: SignIn, name: str) -> None:
    browser = signed_in(Role.AUDITOR)

    answer = browser.control("POST", f"{CONTROL}/consents?role=dpo", CONSENT, **{name.replace("_", "-"): SPOOFS[name]})

    assert (answer.status_code, answer.json()["code"]) == (403, "wrong_role")


# -- the text


def test_a_text_that_does_not_hold_together_says_where(house: House, signed_in: SignIn) -> None:
    answer = signed_in(Role.DPO).control("POST", f"{CONTROL}/agreements", {"text": "agreement: x\n"})

    assert (answer.status_code, answer.json()["code"]) == (422, "text_refused")
    assert {"line", "column", "message", "remedy"} == set(answer.json()["findings"][0])


def test_a_version_that_is_published_is_a_conflict(house: House, signed_in: SignIn) -> None:
    _, text, _ = house.wiring.services.reader.find_text("agreement", HARBOUR.agreement)

    answer = signed_in(Role.DPO).control("POST", f"{CONTROL}/agreements", {"text": text})

    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
