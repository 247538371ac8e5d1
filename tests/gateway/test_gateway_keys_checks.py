"""Testing an assertion, and what compatibility switches let pass, over the real gateway."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

import pytest
from house import HARBOUR, ISSUER, Caller, House
from joserfc import jwk
from typer.testing import CliRunner

from gateway.cli import make_app
from gateway.oauth.jose import sign
from gateway.store.client_keys import Term, public_keys

CLIENT = HARBOUR.client_id
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def check(house: House, form: dict[str, str]) -> Any:
    return house.http.post("/oauth2/test-assertion", content=urlencode(form), headers=FORM)


def stile(house: House, *words: str) -> tuple[int, str]:
    done = CliRunner().invoke(make_app([words[0]]), [*words, "--dir", str(house.directory)])
    return done.exit_code, done.output


def test_a_tested_assertion_is_still_good_for_a_token(house: House) -> None:
    """It takes no jti, gives no token and leaves no entry."""
    caller = house.caller(CLIENT)
    form = caller.form(authorization_details=json.dumps([{"type": "stile_disclosure_v1", "agreement": HARBOUR.agreement}]))
    before = len(house.entries())

    answer = check(house, form)

    assert (answer.status_code, answer.json()["ok"], answer.headers["cache-control"]) == (200, True, "no-store")
    assert "access_token" not in answer.text
    assert len(house.entries()) == before
    headers = {**FORM, "DPoP": caller.proof("POST", "/oauth2/token")}
    assert house.http.post("/oauth2/token", content=urlencode(form), headers=headers).status_code == 200


def test_a_wrong_assertion_is_told_and_is_no_failure(house: House) -> None:
    answer = check(house, {**house.caller(CLIENT).form(), "client_id": "another"})

    assert (answer.status_code, answer.json()["ok"]) == (200, False)
    assert [one["claim"] for one in answer.json()["checks"] if not one["ok"]] == ["client_id"]


def test_tests_are_limited_for_each_client(house: House) -> None:
    form = house.caller(CLIENT).form()

    answers = [check(house, form) for _ in range(11)]

    assert [one.status_code for one in answers] == [200] * 10 + [429]
    assert 0 < int(answers[-1].headers["retry-after"]) <= 60
    assert house.caller(CLIENT).ask_token(resource="x").status_code == 400, "the token endpoint takes no part in it"


@pytest.mark.parametrize("body", [b"{}", b"a=1&a=2", b"\xff"])
def test_what_is_no_form_is_refused(house: House, body: bytes) -> None:
    assert house.http.post("/oauth2/test-assertion", content=body, headers=FORM).status_code == 400
    assert house.http.post("/oauth2/test-assertion", content=b"a=1").status_code == 400


# -- switches


def rs_caller(house: House) -> tuple[Caller, Any]:
    key = jwk.generate_key("RSA", 2048, private=True)
    keys = public_keys(dict(key.as_dict(private=False)))
    house.append(house.changes().client_keys.add_keys(CLIENT, keys, term=Term(), by="test"))
    return house.caller(CLIENT), key


def ask(house: House, caller: Caller, key: Any, *, alg: str, aud: str = ISSUER) -> Any:
    now = int(house.clock().timestamp())
    claims = {"iss": CLIENT, "sub": CLIENT, "aud": aud, "jti": f"{alg}{now}{aud}", "iat": now, "exp": now + 60}
    details = json.dumps([{"type": "stile_disclosure_v1", "agreement": HARBOUR.agreement}])
    return caller.ask_token(client_assertion=sign({"typ": "JWT", "alg": alg}, claims, key), authorization_details=details)


def counted(house: House) -> float:
    return house.wiring.telemetry.registry.get_sample_value("stile_compatible_assertions_total")


def test_rs_signatures_pass_by_the_switch_alone(house: House) -> None:
    caller, key = rs_caller(house)
    assert [ask(house, caller, key, alg=alg).status_code for alg in ("RS256", "RS512", "PS256")] == [401, 401, 200]
    assert counted(house) == 0

    assert "rs on, endpoint audience off" in stile(house, "client", "compatibility", CLIENT, "--rs")[1]

    house.clock.move(seconds=1)
    assert [ask(house, caller, key, alg=alg).status_code for alg in ("RS256", "RS512", "RS384")] == [200, 200, 401]
    assert counted(house) == 2
    assert '"rs": true' in stile(house, "client", "show", CLIENT)[1]
    last = house.last()
    assert (last["entry"]["kind"], last["what"]["allows_rs"]) == ("partner.changed", True)

    stile(house, "client", "compatibility", CLIENT, "--no-rs")

    house.clock.move(seconds=1)
    assert ask(house, caller, key, alg="RS256").status_code == 401


def test_the_endpoint_as_audience_passes_by_the_switch_alone(house: House) -> None:
    caller = house.caller(CLIENT)
    endpoint = f"{ISSUER}/oauth2/token"
    assert ask(house, caller, caller.key, alg="ES256", aud=endpoint).status_code == 401

    stile(house, "client", "compatibility", CLIENT, "--endpoint-audience")

    house.clock.move(seconds=1)
    assert ask(house, caller, caller.key, alg="ES256", aud=endpoint).status_code == 200
    assert ask(house, caller, caller.key, alg="ES256").status_code == 200
    assert ask(house, caller, caller.key, alg="ES256", aud=f"{ISSUER}/oauth2/introspect").status_code == 401
    assert counted(house) == 1


def test_a_switch_that_stands_so_already_is_no_entry(house: House) -> None:
    before = len(house.entries())

    status, printed = stile(house, "client", "compatibility", CLIENT)

    assert (status, "stand so already" in printed, len(house.entries())) == (1, True, before)
    assert stile(house, "client", "compatibility", "nobody", "--rs")[0] == 1
