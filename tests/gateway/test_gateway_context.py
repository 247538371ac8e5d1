"""For whom does the partner vouch? A context that its client signed names the caseworker, and some agreements want it."""

from __future__ import annotations

from typing import Any

import pytest
from house import CASEWORKER, GRACE, HARBOUR, ISSUER, House, republish, withheld
from joserfc import jwk

from gateway.oauth.jose import sign
from gateway.oauth.made_jwts import make_context

REQUIRES = "requires: [caseworker, case_reference]"
VOUCHED = "requires: [vouched_caseworker, case_reference]"


def signed(house: House, *, key: Any = None, typ: str = "stile-context+jwt", **claims: Any) -> str:
    """Return a context of Harbour's client; a claim that is None is left out."""
    now = int(house.clock().timestamp())
    given = {
        "iss": HARBOUR.client_id,
        "aud": ISSUER,
        "iat": now,
        "exp": now + 300,
        "requesting_practitioner": CASEWORKER,
        "requesting_organization": {"code": "E12000003"},
        "requesting_device": {"id": "desk-4"},
        "reason_for_request": "Arrears review",
        **claims,
    }
    mine = key or house.caller(HARBOUR.client_id).key
    return sign({"typ": typ, "alg": "ES256"}, {name: value for name, value in given.items() if value is not None}, mine)


def ask(house: House, context: str | list[str] | None, **members: Any) -> Any:
    harbour = house.harbour()
    headers = {} if context is None else {"Stile_Context": context}
    body = {
        "subject": {"account_ref": "1000042", "confirm": {"surname": "Okafor", "date_of_birth": "1985-02-14"}},
        "fields": ["age"],
        "case_reference": "HH-1",
        **members,
    }
    return harbour.call("POST", "/v1/disclosures", {k: v for k, v in body.items() if v is not None}, **headers)


def test_a_vouched_caseworker_is_said_and_committed_to(house: House) -> None:
    """With the device and the reason that the context gave; opened by the partner's receipt."""
    answer = ask(house, signed(house))

    assert answer.status_code == 200, answer.text
    assert answer.json()["disclosure"]["caseworker"] == {"assurance": "vouched"}
    assert house.verify(answer).openings["caseworker"] == {
        **CASEWORKER,
        "organisation_code": "E12000003",
        "assurance": "vouched",
        "device": "desk-4",
        "reason": "Arrears review",
    }


def test_the_helper_makes_what_the_gateway_takes(house: House) -> None:
    context = make_context(
        house.caller(HARBOUR.client_id).key,
        client_id=HARBOUR.client_id,
        issuer=ISSUER,
        practitioner=CASEWORKER,
        organisation="E12000003",
        reason="Arrears review",
        now=house.clock().timestamp(),
    )

    assert ask(house, context).json()["disclosure"]["caseworker"] == {"assurance": "vouched"}
    assert house.last()["caseworker"]["device"] is None


def test_an_asserted_caseworker_stays_asserted(house: House) -> None:
    answer = ask(house, None, caseworker=CASEWORKER)

    assert answer.json()["disclosure"]["caseworker"] == {"assurance": "asserted"}
    assert set(house.last()["caseworker"]) == {"id", "name", "role", "organisation_code", "assurance"}


def test_an_agreement_can_require_it(house: House) -> None:
    republish(house, HARBOUR.agreement, (REQUIRES, VOUCHED))

    asserted, nobody, vouched = ask(house, None, caseworker=CASEWORKER), ask(house, None), ask(house, signed(house))

    assert (asserted.status_code, withheld(asserted)) == (403, {"age": "vouching_needed"})
    assert (nobody.status_code, withheld(nobody)) == (403, {"age": "caseworker_needed"})
    assert vouched.status_code == 200


def test_an_emergency_does_not_waive_it(house: House) -> None:
    """Nothing waives the caseworker."""
    republish(house, HARBOUR.agreement, (REQUIRES, VOUCHED))

    answer = ask(house, None, caseworker=CASEWORKER, emergency={"kind": "risk_to_life", "reason": "Threat by telephone"})

    assert withheld(answer) == {"age": "vouching_needed"}


def test_roles_are_those_that_are_vouched_for(house: House) -> None:
    other = signed(house, requesting_practitioner={**CASEWORKER, "role": "porter"})

    assert withheld(ask(house, other)) == {"age": "role_not_agreed"}


def test_many_people_are_asked_about_by_one_vouched_caseworker(house: House) -> None:
    republish(house, HARBOUR.agreement, (REQUIRES, VOUCHED))
    people = [{"ref": "a", "account_ref": "1000043", "confirm": {"surname": "Price", "date_of_birth": "1961-11-30"}}]

    answer = ask(house, signed(house), subject=None, subjects=people)

    assert answer.json()["lines"][0]["disclosure"]["caseworker"] == {"assurance": "vouched"}


@pytest.mark.parametrize("name", ["id", "name", "role"])
def test_the_body_may_name_nobody_else(house: House, name: str) -> None:
    answer = ask(house, signed(house), caseworker={**CASEWORKER, name: "someone-else"})

    assert (answer.status_code, answer.json()["code"]) == (400, "context_refused")


def test_the_body_may_name_the_same(house: House) -> None:
    assert ask(house, signed(house), caseworker=CASEWORKER).json()["disclosure"]["caseworker"] == {"assurance": "vouched"}


LIES: dict[str, tuple[dict[str, Any], str]] = {
    "another issuer": ({"iss": "calder-discharge"}, "iss"),
    "no issuer": ({"iss": None}, "iss"),
    "another audience": ({"aud": f"{ISSUER}/oauth2/token"}, "aud"),
    "an audience of several": ({"aud": [ISSUER]}, "aud"),
    "expired": ({"iat": 1_000, "exp": 1_300}, "expired"),
    "no end": ({"exp": None}, "exp|expired"),
    "too long": ({"exp": 4_000_000_000}, "exp is more than"),
    "not yet": ({"iat": 4_000_000_000, "exp": 4_000_000_100}, "iat"),
    "not before": ({"nbf": 4_000_000_000}, "nbf"),
    "an unknown claim": ({"sub": "x"}, "no others"),
    "no practitioner": ({"requesting_practitioner": None}, "requesting_practitioner"),
    "a practitioner of no role": ({"requesting_practitioner": {"id": "a", "name": "A"}}, "requesting_practitioner"),
    "a practitioner of more": ({"requesting_practitioner": {**CASEWORKER, "sex": "x"}}, "requesting_practitioner"),
    "an empty name": ({"requesting_practitioner": {**CASEWORKER, "name": ""}}, "name"),
    "control characters": ({"requesting_practitioner": {**CASEWORKER, "name": "A\nB"}}, "name"),
    "a name too long": ({"requesting_practitioner": {**CASEWORKER, "name": "x" * 201}}, "name"),
    "a name of no kind": ({"requesting_practitioner": {**CASEWORKER, "name": 7}}, "name"),
    "no organisation": ({"requesting_organization": None}, "requesting_organization"),
    "a device of no kind": ({"requesting_device": "desk"}, "requesting_device"),
    "no reason": ({"reason_for_request": None}, "reason_for_request"),
}


@pytest.mark.parametrize("case", LIES)
def test_a_context_that_does_not_hold_is_refused_by_its_claim(house: House, case: str) -> None:
    claims, told = LIES[case]

    answer = ask(house, signed(house, **claims))

    assert (answer.status_code, answer.json()["code"]) == (400, "context_refused")
    assert any(one in answer.json()["detail"] for one in told.split("|"))
    assert "urgent_contact" in answer.json()


@pytest.mark.parametrize("typ", ["JWT", "dpop+jwt", "client-authentication+jwt", "at+jwt"])
def test_no_other_jwt_stands_in_for_a_context(house: House, typ: str) -> None:
    assert ask(house, signed(house, typ=typ)).json()["code"] == "context_refused"


def test_a_context_is_no_assertion(house: House) -> None:
    """Though the same key signed it."""
    harbour = house.caller(HARBOUR.client_id)
    now = int(house.clock().timestamp())
    context = signed(house, sub=None)

    form = {**harbour.form(), "client_assertion": context}
    answer = house.http.post("/oauth2/token", data=form, headers={"DPoP": harbour.proof("POST", "/oauth2/token")})

    assert now
    assert answer.status_code == 401


def test_another_keys_context_is_refused(house: House) -> None:
    other = jwk.generate_key("EC", "P-256", private=True)

    assert ask(house, signed(house, key=other)).json()["code"] == "context_refused"


def test_another_clients_context_is_refused(house: House) -> None:
    """Calder can't vouch for Harbour's caseworker, nor Harbour pass on what Calder signed."""
    calder = house.calder()
    theirs = signed(house, key=calder.key, iss=calder.client_id)

    assert ask(house, theirs).json()["code"] == "context_refused"


@pytest.mark.parametrize("junk", ["", "x", "a.b.c", "x" * 5_000])
def test_junk_is_no_context(house: House, junk: str) -> None:
    assert ask(house, junk).json()["code"] == "context_refused"


def test_a_refused_context_writes_nothing(house: House) -> None:
    before = len(house.entries())
    ask(house, "x")

    assert len(house.entries()) == before


def test_a_context_is_given_once(house: House) -> None:
    harbour = house.harbour()
    sent = [*harbour.headers("POST", "/v1/disclosures").items(), ("Content-Type", "application/json")]
    sent += [("Stile-Context", signed(house)), ("Stile-Context", signed(house))]

    answer = house.http.post("/v1/disclosures", content=b"{}", headers=sent)

    assert (answer.status_code, answer.json()["code"]) == (400, "context_refused")


def test_another_caseworkers_call_is_no_repeat(house: House) -> None:
    """A context alone may say who asks: the second would else be counted, and reviewed, as the first."""
    harbour, body = house.harbour(), {"subject": GRACE, "fields": ["age"], "case_reference": "HH-1"}

    def call(**practitioner: str) -> Any:
        context = signed(house, requesting_practitioner={**CASEWORKER, **practitioner})
        return harbour.call("POST", "/v1/disclosures", body, Stile_Context=context, Idempotency_Key="k-1")

    first, again, spelt, other = call(), call(), call(id="JB17 "), call(id="kl02")

    assert [one.status_code for one in (first, again, spelt)] == [200, 200, 200]
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
