"""The token endpoint over HTTP: a form, bounded, each assertion and proof once, never cached."""

from __future__ import annotations

import base64
import json
from urllib.parse import urlencode

import pytest
from house import HARBOUR, House

from schemas.instants import instant_after

DETAILS = json.dumps([{"type": "stile_disclosure_v1", "agreement": HARBOUR.agreement}])
FORM = "application/x-www-form-urlencoded"


def post(house: House, content: bytes | str, kind: str = FORM, path: str = "/oauth2/token", **headers: str):
    proof = house.caller(HARBOUR.client_id).proof("POST", "/oauth2/token")
    return house.http.post(path, content=content, headers={"Content-Type": kind, "DPoP": proof, **headers})


def good(house: House) -> str:
    return urlencode(house.caller(HARBOUR.client_id).form(authorization_details=DETAILS))


REFUSED = {
    "JSON in place of a form": (lambda house: post(house, "{}", "application/json"), 400, "x-www-form-urlencoded"),
    "parameters in the address": (lambda house: post(house, "", path="/oauth2/token?grant_type=x"), 400, "address"),
    "an oversized body": (lambda house: post(house, "a=" + "x" * 70_000), 413, "65536"),
    "a parameter given twice": (lambda house: post(house, good(house) + "&client_id=a&client_id=b"), 400, "twice"),
    "a second way of authentication": (lambda house: post(house, good(house), Authorization="Basic eDp5"), 400, "one way"),
    "no assertion": (lambda house: post(house, "grant_type=client_credentials"), 401, "client_assertion"),
    "another grant": (
        lambda house: post(house, good(house).replace("client_credentials", "password")),
        400,
        "client_credentials",
    ),
    "a scope": (lambda house: post(house, good(house) + "&scope=all"), 400, "authorization_details"),
    "no details": (
        lambda house: post(house, urlencode(house.caller(HARBOUR.client_id).form())),
        400,
        "northmoor-harbour-tenancies",
    ),
}


@pytest.mark.parametrize("case", REFUSED, ids=str)
def test_a_token_request_that_is_wrong_is_refused_in_words(house: House, case: str) -> None:
    ask, status, told = REFUSED[case]

    answer = ask(house)

    assert answer.status_code == status, answer.text
    assert set(answer.json()) == {"error", "error_description"}
    assert told in answer.json()["error_description"]
    assert answer.headers["cache-control"] == "no-store"


def test_a_token_names_what_it_was_granted_for(house: House) -> None:
    answer = post(house, good(house))

    assert (answer.status_code, answer.json()["token_type"]) == (200, "DPoP")
    assert answer.json()["expires_in"] <= 300
    assert answer.json()["authorization_details"][0]["purpose"] == "tenancy-sustainment"
    assert answer.headers["cache-control"] == "no-store"


def test_a_token_does_not_outlive_its_agreement(house: House) -> None:
    """Whose last day is a London one."""
    today = house.clock.today
    end = instant_after(house.wiring.services.reader.find_agreement(HARBOUR.agreement, today).agreement.ends_on)
    house.clock.move(seconds=(end - house.clock()).total_seconds() - 60)

    answer = post(house, good(house)).json()

    claims = json.loads(base64.urlsafe_b64decode(answer["access_token"].split(".")[1] + "=="))
    assert 0 < answer["expires_in"] <= 60
    assert claims["exp"] <= end.timestamp()


def test_an_assertion_is_good_for_one_token(house: House) -> None:
    form = good(house)

    first, second = post(house, form), post(house, form)

    assert (first.status_code, second.status_code, second.json()["error"]) == (200, 401, "invalid_client")
    assert "used before" in second.json()["error_description"]


def test_no_token_leaves_whose_use_can_not_be_remembered(house: House) -> None:
    form = good(house)
    house.wiring.sequencer.close()

    answer = post(house, form)

    assert (answer.status_code, answer.json()["error"]) == (503, "temporarily_unavailable")
    assert "access_token" not in answer.text


def test_the_gateways_own_keys_are_public_halves(house: House) -> None:
    (key,) = house.http.get("/oauth2/jwks").json()["keys"]

    assert {"kty", "crv", "x", "y", "kid", "use", "alg"} == set(key)


def test_metadata_name_the_issuer_and_both_resources(house: House) -> None:
    server = house.http.get("/.well-known/oauth-authorization-server").json()
    partner = house.http.get("/.well-known/oauth-protected-resource").json()
    control = house.http.get("/.well-known/oauth-protected-resource/control").json()

    assert server["token_endpoint"] == server["issuer"] + "/oauth2/token"
    assert {partner["resource"], control["resource"]} == {server["issuer"], server["issuer"] + "/control"}
