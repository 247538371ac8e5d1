"""Is a token live, and can it be taken back? Introspection, revocation, one dataset's tokens, nonces: over the gateway."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from house import CASEWORKER, GRACE, HARBOUR, ISSUER, Caller, House, copy_template, open_house
from joserfc import jwk, jwt

from gateway.oauth.made_jwts import make_proof
from gateway.oauth.nonces import WINDOW, Nonces

INTROSPECT, REVOKE = "/oauth2/introspect", "/oauth2/revoke"
SIGNED = "application/token-introspection+jwt"
FORM = "application/x-www-form-urlencoded"


def ask_about(caller: Caller, path: str, token: str, *, accept: str = "application/json", **more: str) -> Any:
    form = caller.form(token=token, **more)
    form.pop("grant_type")
    headers = {"Content-Type": FORM, "Accept": accept}
    return caller.house.http.post(path, content=urlencode(form), headers=headers)


def is_active(caller: Caller, token: str) -> bool:
    answer = ask_about(caller, INTROSPECT, token)
    assert answer.status_code == 200, answer.text
    return bool(answer.json()["active"])


# -- introspection


def test_a_live_token_is_described_to_its_client(house: House) -> None:
    harbour = house.harbour()

    answer = ask_about(harbour, INTROSPECT, harbour.token).json()

    assert (answer["active"], answer["client_id"], answer["token_type"]) == (True, HARBOUR.client_id, "DPoP")
    assert answer["cnf"] == {"jkt": harbour.key.thumbprint()}
    assert answer["authorization_details"][0]["agreement"] == HARBOUR.agreement
    assert answer["exp"] - house.clock().timestamp() <= 300


def test_the_answer_is_signed_for_its_caller_alone(house: House) -> None:
    """RFC 9701, section 5: typ, issuer, audience, and the answer inside."""
    harbour = house.harbour()

    answer = ask_about(harbour, INTROSPECT, harbour.token, accept=SIGNED)

    assert answer.headers["content-type"] == SIGNED
    keys = jwk.KeySet.import_key_set(house.http.get("/oauth2/jwks").json())
    read = jwt.decode(answer.text, keys, algorithms=["ES256"])
    assert read.header["typ"] == "token-introspection+jwt"
    assert (read.claims["iss"], read.claims["aud"]) == (ISSUER, HARBOUR.client_id)
    assert read.claims["token_introspection"]["active"] is True


def test_an_introspection_answer_is_no_access_token(house: House) -> None:
    harbour = house.harbour()
    harbour.token = ask_about(harbour, INTROSPECT, harbour.token, accept=SIGNED).text

    assert harbour.ask(fields=["age"]).status_code == 401


NOTHING = {
    "junk": "x",
    "empty": "",
    "a token of another kind": "a.b.c",
    "long": "x" * 20_000,
}


@pytest.mark.parametrize("case", NOTHING)
def test_what_is_no_token_is_not_active(house: House, case: str) -> None:
    assert ask_about(house.harbour(), INTROSPECT, NOTHING[case]).json() == {"active": False}


def test_another_clients_token_is_not_active_to_a_partner(house: House) -> None:
    """And the council's own clients may know."""
    token = house.harbour().token

    assert not is_active(house.calder(), token)
    assert is_active(house.dpo(), token)


def test_a_token_that_is_over_is_not_active(house: House) -> None:
    harbour = house.harbour()
    house.clock.move(seconds=301)

    assert not is_active(harbour, harbour.token)


def test_a_token_of_a_suspended_partner_is_not_active(house: House) -> None:
    token = house.harbour().token
    house.append(house.changes().partners.set_partner_status(HARBOUR.partner_id, active=False, by="test"))

    assert not is_active(house.dpo(), token)


@pytest.mark.parametrize("path", [INTROSPECT, REVOKE])
def test_a_stranger_is_told_nothing(house: House, path: str) -> None:
    harbour = house.harbour()
    form = {"token": harbour.token}

    answer = house.http.post(path, content=urlencode(form), headers={"Content-Type": FORM})

    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


@pytest.mark.parametrize("path", [INTROSPECT, REVOKE])
def test_a_form_without_a_token_is_refused(house: House, path: str) -> None:
    harbour = house.harbour()
    form = {name: value for name, value in harbour.form().items() if name != "grant_type"}

    answer = house.http.post(path, content=urlencode(form), headers={"Content-Type": FORM})

    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


@pytest.mark.parametrize("path", [INTROSPECT, REVOKE])
def test_an_assertion_counts_once(house: House, path: str) -> None:
    harbour = house.harbour()
    form = urlencode({**harbour.form(), "token": harbour.token})
    first, second = (house.http.post(path, content=form, headers={"Content-Type": FORM}) for _ in range(2))

    assert first.status_code == 200
    assert (second.status_code, second.json()["error"]) == (401, "invalid_client")


@pytest.mark.parametrize("path", [INTROSPECT, REVOKE])
def test_one_way_of_authentication_is_enough(house: House, path: str) -> None:
    harbour = house.harbour()
    form = urlencode({**harbour.form(), "token": harbour.token, "client_secret": "x"})

    assert house.http.post(path, content=form, headers={"Content-Type": FORM}).status_code == 400


# -- revocation


def test_a_token_that_was_taken_back_discloses_no_more(house: House) -> None:
    """Promise 4: once it is acknowledged. The entry stands in the order of the log."""
    harbour = house.harbour()
    assert harbour.ask(fields=["age"]).status_code == 200

    revoked = ask_about(harbour, REVOKE, harbour.token)

    after = harbour.ask(fields=["age"])
    assert (revoked.status_code, revoked.content) == (200, b"")
    assert (after.status_code, after.json()["code"]) == (401, "token_refused")
    assert not is_active(harbour, harbour.token)
    entry = house.entries("token.revoked")[0]
    assert all(one["index"] < entry["index"] for one in house.entries("disclosure"))
    assert harbour.get_token(HARBOUR.agreement).ask(fields=["age"]).status_code == 200, "another token is as good as ever"


def test_a_token_stays_taken_back_after_a_restart(template: Path, tmp_path: Path) -> None:
    directory = copy_template(template, tmp_path / "council")
    with open_house(directory) as house:
        harbour = house.harbour()
        ask_about(harbour, REVOKE, harbour.token)
        token, clock = harbour.token, house.clock
    with open_house(directory, clock=clock) as house:
        again = house.caller(HARBOUR.client_id)
        again.token = token

        assert again.ask(fields=["age"]).status_code == 401


def test_taking_back_twice_is_one_entry(house: House) -> None:
    harbour = house.harbour()
    assert [ask_about(harbour, REVOKE, harbour.token).status_code for _ in range(2)] == [200, 200]
    assert len(house.entries("token.revoked")) == 1


def test_nobody_takes_back_anothers_token(house: House) -> None:
    harbour = house.harbour()

    assert ask_about(house.calder(), REVOKE, harbour.token).status_code == 200
    assert harbour.ask(fields=["age"]).status_code == 200
    assert house.entries("token.revoked") == []


# -- tokens for one dataset


def test_a_token_for_one_dataset_is_good_for_that_dataset(house: House) -> None:
    """RFC 8707: the audience names it, and RFC 9728 describes it."""
    resource = f"{ISSUER}/datasets/council-tax"
    details = json.dumps([{"type": "stile_disclosure_v1", "agreement": HARBOUR.agreement}])
    harbour = house.caller(HARBOUR.client_id)

    granted = harbour.ask_token(resource=resource, authorization_details=details)
    harbour.token = granted.json()["access_token"]
    described = house.http.get("/.well-known/oauth-protected-resource/datasets/council-tax").json()

    assert harbour.ask(fields=["age"]).status_code == 200
    assert ask_about(harbour, INTROSPECT, harbour.token).json()["aud"] == resource
    assert described["resource"] == resource
    assert described["authorization_servers"] == [ISSUER]


@pytest.mark.parametrize("resource", ["/datasets/housing-tenancies", "/datasets/", "/datasets/x", "/control", "/v1"])
def test_a_token_for_what_is_not_ones_own_is_refused(house: House, resource: str) -> None:
    details = json.dumps([{"type": "stile_disclosure_v1", "agreement": HARBOUR.agreement}])

    refused = house.caller(HARBOUR.client_id).ask_token(resource=ISSUER + resource, authorization_details=details)

    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_target")


def test_a_dataset_that_is_not_published_is_no_resource(house: House) -> None:
    assert house.http.get("/.well-known/oauth-protected-resource/datasets/nothing").status_code == 404


def test_the_metadata_names_what_is_there(house: House) -> None:
    described = house.http.get("/.well-known/oauth-authorization-server").json()

    assert described["introspection_endpoint"] == ISSUER + INTROSPECT
    assert described["revocation_endpoint"] == ISSUER + REVOKE
    assert described["introspection_signing_alg_values_supported"] == ["ES256"]


# -- nonces


@pytest.fixture
def nonced(template: Path, tmp_path: Path) -> Any:
    """A gateway that asks for nonces."""
    with open_house(copy_template(template, tmp_path / "council"), dpop_nonces=True) as house:
        yield house


def proof_with(caller: Caller, nonce: str | None, method: str, path: str, token: str | None = None) -> str:
    now = caller.house.clock().timestamp()
    return make_proof(caller.key, method=method, url=ISSUER + path, token=token, now=now, nonce=nonce)


def token_with(caller: Caller, nonce: str | None) -> Any:
    details = json.dumps([{"type": "stile_disclosure_v1", "agreement": HARBOUR.agreement}])
    headers = {"DPoP": proof_with(caller, nonce, "POST", "/oauth2/token"), "Content-Type": FORM}
    return caller.house.http.post(
        "/oauth2/token", content=urlencode(caller.form(authorization_details=details)), headers=headers
    )


def ask_with(caller: Caller, nonce: str | None) -> Any:
    proof = proof_with(caller, nonce, "POST", "/v1/disclosures", caller.token)
    body = {"subject": GRACE, "fields": ["age"], "case_reference": "HH-1", "caseworker": CASEWORKER}
    headers = {"Authorization": f"DPoP {caller.token}", "DPoP": proof, "Content-Type": "application/json"}
    return caller.house.http.post("/v1/disclosures", content=json.dumps(body), headers=headers)


def test_a_proof_without_a_nonce_is_given_one(nonced: House) -> None:
    """RFC 9449, sections 8 and 9: the error, the header, and then it works."""
    harbour = nonced.caller(HARBOUR.client_id)

    refused = token_with(harbour, None)
    granted = token_with(harbour, refused.headers["dpop-nonce"])
    harbour.token = granted.json()["access_token"]
    challenged = ask_with(harbour, None)
    answered = ask_with(harbour, challenged.headers["dpop-nonce"])

    assert (refused.status_code, refused.json()["error"]) == (400, "use_dpop_nonce")
    assert granted.status_code == 200
    assert challenged.status_code == 401
    assert 'error="use_dpop_nonce"' in challenged.headers["www-authenticate"]
    assert answered.status_code == 200
    assert answered.headers["dpop-nonce"]


@pytest.mark.parametrize("nonce", ["", "x", "é", "A" * 22, None])
def test_a_nonce_that_is_not_ours_is_refused(nonced: House, nonce: str | None) -> None:
    assert token_with(nonced.caller(HARBOUR.client_id), nonce).json()["error"] == "use_dpop_nonce"


def test_a_nonce_is_good_for_its_window_and_the_next(nonced: House) -> None:
    harbour = nonced.caller(HARBOUR.client_id)
    nonce = token_with(harbour, None).headers["dpop-nonce"]
    answers = []
    for _ in range(3):
        answers.append(token_with(harbour, nonce).status_code)
        nonced.clock.move(seconds=WINDOW)

    assert answers == [200, 200, 400]


def test_a_nonce_is_known_to_every_worker() -> None:
    """It follows from the secret and the time alone."""
    one, other = Nonces(b"s" * 32), Nonces(b"s" * 32)

    assert other.is_good(one.current(1_000_000.0), 1_000_030.0)
    assert not Nonces(b"t" * 32).is_good(one.current(1_000_000.0), 1_000_030.0)


def test_without_the_setting_no_nonce_is_spoken_of(house: House) -> None:
    answer = house.harbour().ask(fields=["age"])

    assert answer.status_code == 200
    assert "dpop-nonce" not in answer.headers
