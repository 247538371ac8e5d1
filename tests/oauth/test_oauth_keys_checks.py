"""Test my assertion: the exact wrong claim is named, nothing is repeated, and nobody learns which clients there are."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from typing import Any

import pytest
from oauth_scene import ISSUER, NOW, compact, part

from gateway.oauth import assertion_check
from gateway.oauth.assertion_check import MOST_A_MINUTE, MOST_NAMES, PerMinute, check_assertion, claimed_client, kind_of
from gateway.oauth.clients import MOST_LIVE_KEYS, ClientKey

SIGNED = "client, kid, signature"
ALL = [
    "client_assertion_type",
    "client_assertion",
    "typ",
    "iss, sub",
    "client_id",
    "alg",
    SIGNED,
    "aud",
    "exp",
    "iat",
    "nbf",
    "jti",
]


def checks_of(scene: Any, assertion: str, **form: str | None) -> list[dict[str, Any]]:
    found = check_assertion(scene.form(assertion, **form), issuer=ISSUER, clients=scene.register, now=NOW)
    return [asdict(one) for one in found]


def wrong(checks: list[dict[str, Any]]) -> list[str]:
    return [one["claim"] for one in checks if not one["ok"]]


def test_a_good_assertion_passes_every_check_in_order(scene) -> None:
    checks = checks_of(scene, scene.assertion())

    assert [one["claim"] for one in checks] == ALL
    assert wrong(checks) == []
    assert [one["detail"] for one in checks if one["detail"] is not None] == []


@pytest.mark.parametrize(
    ("changed", "claim", "found"),
    [
        ({"aud": f"{ISSUER}/oauth2/token"}, "aud", "the token endpoint's address, not the issuer"),
        ({"aud": [ISSUER]}, "aud", "an array of 1 that holds the issuer"),
        ({"aud": "https://elsewhere.example"}, "aud", "a string of 25 characters that is not the issuer"),
        ({"aud": None}, "aud", "nothing"),
        ({"aud": 7}, "aud", "a number"),
        ({"exp": int(NOW) - 73}, "exp", "73 seconds ago"),
        ({"exp": int(NOW) + 900}, "exp", "900 seconds from now"),
        ({"exp": None}, "exp", "nothing"),
        ({"exp": "soon"}, "exp", "a string of 4 characters"),
        ({"iat": int(NOW) + 60}, "iat", "60 seconds from now"),
        ({"nbf": int(NOW) + 60}, "nbf", "60 seconds from now"),
        ({"nbf": True}, "nbf", "a truth value"),
        ({"jti": None}, "jti", "nothing"),
        ({"jti": {"a": 1}}, "jti", "an object"),
        ({"iss": "another"}, "iss, sub", "iss a string of 7 characters, sub a string of 7 characters, different"),
    ],
)
def test_the_one_wrong_claim_is_named(scene, changed: dict[str, Any], claim: str, found: str) -> None:
    checks = checks_of(scene, scene.assertion(**changed))

    assert wrong(checks) == [claim]
    (only,) = [one for one in checks if one["claim"] == claim]
    assert only["found"] == found
    assert only["detail"]


def test_each_wrong_claim_is_named_beside_the_others(scene) -> None:
    checks = checks_of(scene, scene.assertion(aud=None, exp=1, jti=7), client_id="calder")

    assert wrong(checks) == ["client_id", "aud", "exp", "jti"]


def test_the_type_of_assertion_is_told(scene) -> None:
    assert wrong(checks_of(scene, scene.assertion(), client_assertion_type="jwt")) == ["client_assertion_type"]
    assert wrong(checks_of(scene, scene.assertion(), client_assertion_type=None)) == ["client_assertion_type"]


@pytest.mark.parametrize(
    ("header", "claim", "found"),
    [
        ({"typ": "dpop+jwt"}, "typ", "a string of 8 characters"),
        ({"kid": "another"}, None, None),
        ({"alg": "ES256"}, None, None),
    ],
)
def test_the_header_is_checked(scene, header: dict[str, str], claim: str | None, found: str | None) -> None:
    checks = checks_of(scene, scene.assertion(header=header))

    assert wrong(checks) == ([claim] if claim else [])
    if claim:
        assert next(one["found"] for one in checks if one["claim"] == claim) == found


def test_an_algorithm_by_switch_is_told_of(scene) -> None:
    assertion = scene.assertion(scene.keys.rsa, header={"alg": "RS256"})
    checks = checks_of(scene, assertion)
    assert wrong(checks) == ["alg", SIGNED]
    assert "the council can allow RS256" in next(one["detail"] for one in checks if one["claim"] == "alg")

    scene.register.add("harbour", scene.keys.rsa, allows_rs=True)

    assert wrong(checks_of(scene, assertion)) == []


def test_the_endpoint_as_audience_passes_for_who_may_alone(scene) -> None:
    scene.register.add("harbour", scene.keys.es256, allows_endpoint_audience=True)
    of_harbour = scene.assertion(aud=f"{ISSUER}/oauth2/token")

    assert wrong(checks_of(scene, of_harbour)) == []
    assert wrong(checks_of(scene, scene.assertion(scene.keys.other, aud=f"{ISSUER}/oauth2/token"))) == [SIGNED, "aud"]


@pytest.mark.parametrize("assertion", ["", "x", "a.b.c", f"{part({'alg': 'ES256'})}.{part(b'[')}.AA"])
def test_what_is_no_assertion_is_told_as_that(scene, assertion: str) -> None:
    found = check_assertion({**scene.form(), "client_assertion": assertion}, issuer=ISSUER, clients=scene.register, now=NOW)

    assert [one.claim for one in found if not one.ok] == ["client_assertion"]


def test_the_endpoint_and_the_test_never_disagree(scene) -> None:
    """Whatever is wrong, either both refuse or neither does."""
    cases = [
        {},
        {"aud": [ISSUER]},
        {"exp": int(NOW)},
        {"exp": int(NOW) + 310},
        {"exp": int(NOW) + 311},
        {"iat": int(NOW) + 10},
        {"iat": int(NOW) + 11},
        {"jti": "x" * 129},
        {"iss": "calder", "sub": "calder"},
        {"iss": "nobody", "sub": "nobody"},
    ]
    told = []
    for claims in cases:
        assertion = scene.assertion(**claims)
        told.append(wrong(checks_of(scene, assertion)) == [])
        assert (scene.ask(scene.form(assertion)).status == 200) == told[-1], claims
    assert True in told
    assert False in told


# -- no enumeration


def nameless(checks: list[dict[str, Any]]) -> str:
    return json.dumps(checks)


@pytest.mark.parametrize("alg", ["ES256", "PS256", "EdDSA", "RS256", "none"])
def test_an_unknown_client_is_answered_as_a_known_one_with_a_wrong_key(scene, alg: str) -> None:
    """By a key that is nobody's: to the letter, and after as many signature checks."""
    scene.register.add("absent1", scene.keys.es256, is_active=False)
    answers = []
    for name in ("harbour", "unknown", "absent1"):
        good = scene.assertion(scene.keys.other, iss=name, sub=name, jti="same", aud=f"{ISSUER}/oauth2/token")
        _, body, signature = good.split(".")
        answers.append(nameless(checks_of(scene, f"{part({'alg': alg, 'kid': 'k'})}.{body}.{signature}")))

    assert len({one.replace("a string of 7 characters", "s") for one in answers}) == 1


@pytest.mark.parametrize("name", ["harbour", "unknown"])
@pytest.mark.parametrize("alg", ["ES256", "PS256", "EdDSA"])
def test_as_many_signatures_are_checked_for_everybody(scene, monkeypatch, name: str, alg: str) -> None:
    counted = []
    real = assertion_check.jose.is_signed_by
    monkeypatch.setattr(
        assertion_check.jose,
        "is_signed_by",
        lambda key, *rest, **named: counted.append(key.key_type) or real(key, *rest, **named),
    )
    _, body, signature = scene.assertion(scene.keys.other, iss=name, sub=name).split(".")

    checks_of(scene, f"{part({'alg': alg})}.{body}.{signature}")

    assert counted == [{"ES256": "EC", "PS256": "RSA", "EdDSA": "OKP"}[alg]] * MOST_LIVE_KEYS


def test_a_key_outside_its_term_signs_for_nobody(scene) -> None:
    for starts, ends, is_live in ((NOW + 1, None, False), (NOW, None, True), (None, NOW, False), (None, NOW + 1, True)):
        key = ClientKey(None, scene.keys.es256, starts, ends)
        scene.register.clients["harbour"] = replace(scene.register.clients["harbour"], keys=(key,))

        assert wrong(checks_of(scene, scene.assertion())) == ([] if is_live else [SIGNED])
        assert (scene.ask().status == 200) == is_live


def test_nothing_that_was_sent_is_repeated(scene) -> None:
    marked = {"aud": "MARKER", "iss": "MARKER", "sub": "MARKER", "jti": "MARKER", "exp": "MARKER", "extra": "MARKER"}
    assertion = compact({"alg": "ES256", "kid": "MARKER", "typ": "MARKER"}, marked, scene.keys.es256)

    assert "MARKER" not in json.dumps(checks_of(scene, assertion, client_id="MARKER", client_assertion_type="MARKER"))


def test_kinds_are_told_without_values() -> None:
    kinds = [kind_of(one) for one in (None, True, 7, 1.5, "abc", [1, 2], {"a": 1})]

    assert kinds == [
        "nothing", "a truth value", "a number", "a number", "a string of 3 characters", "an array of 2", "an object"
    ]  # fmt: skip


# -- how often


def test_a_name_may_test_ten_times_a_minute() -> None:
    gate = PerMinute()

    waits = [gate.wait("harbour", NOW) for _ in range(MOST_A_MINUTE + 1)]

    assert waits[:-1] == [0] * MOST_A_MINUTE
    assert 0 < waits[-1] <= 60
    assert gate.wait("calder", NOW) == 0
    assert gate.wait("harbour", NOW + waits[-1]) == 0


def test_made_up_names_fill_nothing() -> None:
    gate = PerMinute()

    for number in range(MOST_NAMES + 50):
        gate.wait(f"n{number}", NOW)

    assert len(gate._counts) == MOST_NAMES


def test_whose_assertion_it_says_it_is(scene) -> None:
    assert claimed_client(scene.form()) == "harbour"
    assert [claimed_client(one) for one in ({}, {"client_assertion": "x"})] == ["", ""]
    assert claimed_client(scene.form(scene.assertion(sub=7, iss=7))) == ""
