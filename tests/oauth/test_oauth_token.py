"""How is a token asked for and given, and what is in it?"""

from __future__ import annotations

import base64
import json
from dataclasses import replace

import pytest
from authlib.oauth2.rfc6749.errors import InvalidRequestError
from oauth_scene import DETAIL, HARBOUR, ISSUER, OTHER, part

from gateway.oauth.access_token import LIFETIME, LONGEST
from gateway.oauth.details import LARGEST, covers_subject, grant, subject_reference
from gateway.oauth.refusals import OAuthRefusal
from gateway.oauth.server import parse_form

NOW = 1_790_932_443


def payload_of(token: str, place: int = 1) -> dict[str, object]:
    middle = token.split(".")[place]
    return dict(json.loads(base64.urlsafe_b64decode(middle + "=" * (-len(middle) % 4))))


def refused(scene, *, status: int = 400, error: str, **form: str | None) -> str:
    answer = scene.ask(scene.form(**form))
    assert (answer.status, answer.body["error"], answer.seen) == (status, error, ())
    return str(answer.body["error_description"])


# -- the form


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"a=1&a=2", "a parameter is given twice"),
        (b"a=1&a=1", "a parameter is given twice"),
        (b"a=1&%61=2", "a parameter is given twice"),
        (b"a", "not a well-formed form"),
        (b"a=1&", "not a well-formed form"),
        (b"a=\xff", "not a well-formed form"),
        (b"a=%ff", "not a well-formed form"),
        (b"&".join(b"p%d=1" % number for number in range(33)), "not a well-formed form"),
        (b'{"grant_type":"client_credentials"}', "not a well-formed form"),
    ],
)
def test_a_form_that_is_not_well_formed_is_refused(body: bytes, words: str) -> None:
    """RFC 6749, section 3.2: no parameter more than once."""
    with pytest.raises(OAuthRefusal, match=words) as refusal:
        parse_form(body)

    assert (refusal.value.status_code, refusal.value.error) == (400, "invalid_request")


def test_a_form_is_read_as_it_was_encoded() -> None:
    assert parse_form(b"a=x%20y+z&b=&c=%7B%22%C3%A9%22%7D") == {"a": "x y z", "b": "", "c": '{"é"}'}


# -- client and grant


@pytest.mark.parametrize(
    ("form", "status", "error"),
    [
        ({"grant_type": None}, 400, "unsupported_grant_type"),
        ({"grant_type": "password"}, 400, "unsupported_grant_type"),
        ({"grant_type": "authorization_code"}, 400, "unsupported_grant_type"),
        ({"client_assertion": None}, 401, "invalid_client"),
        ({"client_assertion_type": None}, 401, "invalid_client"),
        ({"client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:saml2-bearer"}, 401, "invalid_client"),
        ({"scope": "everything"}, 400, "invalid_scope"),
        ({"client_secret": "s"}, 400, "invalid_request"),
        ({"resource": "https://elsewhere.example"}, 400, "invalid_target"),
        ({"resource": f"{ISSUER}/control"}, 400, "invalid_target"),
    ],
)
def test_a_request_outside_the_profile_is_refused(scene, form: dict[str, str | None], status: int, error: str) -> None:
    answer = scene.ask(scene.form(**form))

    assert (answer.status, answer.body["error"], answer.seen) == (status, error, ())
    assert "access_token" not in answer.body


@pytest.mark.parametrize("authorization", [["Basic aGFyYm91cjpz"], ["Bearer x"], ["a", "b"]])
def test_one_way_of_authentication_alone(scene, authorization: list[str]) -> None:
    """RFC 6749, section 2.3: even where the assertion is good."""
    answer = scene.ask(authorization=authorization)

    assert (answer.status, answer.body["error"]) == (400, "invalid_request")


def test_a_token_says_what_was_granted_to_whom(scene) -> None:
    """RFC 9068, section 2.2, with the key's thumbprint (RFC 9449, section 6) and the details (RFC 9396, section 9)."""
    answer = scene.ask()
    token = answer.body["access_token"]

    assert answer.body == {
        "access_token": token,
        "token_type": "DPoP",
        "expires_in": 300,
        "authorization_details": answer.body["authorization_details"],
    }
    assert payload_of(token, 0)["typ"] == "at+jwt"
    assert payload_of(token) == {
        "iss": ISSUER,
        "aud": ISSUER,
        "sub": "harbour",
        "client_id": "harbour",
        "iat": NOW,
        "exp": NOW + LIFETIME,
        "jti": "t0",
        "cnf": {"jkt": scene.keys.proof.thumbprint()},
        "authorization_details": answer.body["authorization_details"],
        "client_key": scene.keys.es256.thumbprint(),
    }


def test_an_office_gets_a_token_for_control_alone(scene) -> None:
    form = scene.form(scene.assertion(iss="dpo-office", sub="dpo-office"), authorization_details=None)

    without = scene.ask(form | {"client_assertion": scene.assertion(iss="dpo-office", sub="dpo-office")})
    at_v1 = scene.ask(form | {"resource": ISSUER})
    answer = scene.ask(form | {"resource": f"{ISSUER}/control"})

    assert [one.body.get("error") for one in (without, at_v1, answer)] == ["invalid_target", "invalid_target", None]
    assert payload_of(answer.body["access_token"])["aud"] == f"{ISSUER}/control"
    assert answer.body["authorization_details"] == []


def test_an_office_has_no_details(scene) -> None:
    form = scene.form(scene.assertion(iss="dpo-office", sub="dpo-office"), resource=f"{ISSUER}/control")

    assert scene.ask(form).body["error"] == "invalid_authorization_details"


# -- authorization_details


def test_what_is_left_out_is_all_that_the_agreement_has(scene) -> None:
    answer = scene.ask()

    assert answer.body["authorization_details"] == [
        {
            "type": "stile_disclosure_v1",
            "agreement": "northmoor-harbour-tenancies",
            "purpose": "tenancy-sustainment",
            "dataset": "council-tax",
            "actions": ["read"],
        }
    ]


def test_the_answer_holds_the_details_as_narrowed(scene) -> None:
    """A partner knows before the first call; what the agreement does not name falls away."""
    asked = {**DETAIL, "actions": ["verify", "read", "read"], "fields": ["postcode", "arrears", "full_name"]}

    granted = scene.ask(scene.form(details=[asked])).body["authorization_details"][0]

    assert granted["fields"] == ["full_name", "postcode"]
    assert granted["actions"] == ["read", "verify"]


def test_several_agreements_in_one_token(scene) -> None:
    details = [DETAIL, {**DETAIL, "agreement": OTHER.agreement}]

    caller = scene.call(scene.token(form=scene.form(details=details)))

    assert set(caller.token.details) == {HARBOUR.agreement, OTHER.agreement}


def test_no_details_are_refused_with_the_agreements_there_are(scene) -> None:
    words = refused(scene, error="invalid_authorization_details", authorization_details=None)
    stranger = scene.ask(
        scene.form(scene.assertion(scene.keys.other, iss="calder", sub="calder"), authorization_details=None)
    )

    assert words.endswith("Your agreements: northmoor-harbour-other, northmoor-harbour-tenancies")
    assert stranger.body["error_description"].endswith("Your agreements: none yet")


@pytest.mark.parametrize(
    ("details", "words"),
    [
        ([], "must hold 1 to 16"),
        ([DETAIL] * 17, "must hold 1 to 16"),
        ([DETAIL, DETAIL], "an agreement is named twice"),
        ([{**DETAIL, "type": "stile_disclosure_v2"}], "the type must be stile_disclosure_v1"),
        ([{"agreement": HARBOUR.agreement}], "missing required field"),
        (
            [{**DETAIL, "SECRET": 1}],
            "the members of a detail are type, agreement, purpose, dataset, actions, fields, subject",
        ),
        ([{**DETAIL, "agreement": "calder-discharge"}], "that agreement is not one of yours. Your agreements: northmoor-"),
        ([{**DETAIL, "purpose": "marketing"}], "the purpose of northmoor-harbour-tenancies is tenancy-sustainment"),
        ([{**DETAIL, "dataset": "social-care"}], "the dataset of northmoor-harbour-tenancies is council-tax"),
        ([{**DETAIL, "actions": []}], "actions must name"),
        ([{**DETAIL, "actions": ["read", "write"]}], "actions must name"),
        ([{**DETAIL, "fields": []}], "releases none of these fields"),
        ([{**DETAIL, "fields": ["arrears"]}], "releases none of these fields"),
        ([{**DETAIL, "fields": "full_name"}], "Expected `array | null`"),
        ([{**DETAIL, "agreement": 7}], "Expected `str`"),
        ([None], "Expected `object`"),
        (DETAIL, "Expected `array`"),
        ("[{", "not a JSON array of objects"),
        ("", "not a JSON array of objects"),
        ('[{"type":"\\ud800"}]', ""),
        ("[" * 8_000, ""),
        ('[{"type":' + "[" * 8_000, ""),
        (
            '[{"type":"stile_disclosure_v1","agreement":"x","z":' + "[" * 8_000 + "]" * 8_000 + "}]",
            "the members of a detail",
        ),
        ('"' + "x" * LARGEST + '"', "is over 16384 bytes"),
        (
            f'[{{"type":"stile_disclosure_v1","agreement":"another","agreement":"{HARBOUR.agreement}"}}]',
            "a JSON member is given twice",
        ),
    ],
)
def test_details_that_are_not_right_are_refused_in_words(scene, details: object, words: str) -> None:
    """Unknown is refused, never ignored: who asks for something we do not know must not think it was granted."""
    description = refused(scene, error="invalid_authorization_details", details=details)

    assert words in description
    assert "SECRET" not in description


def test_a_token_that_no_call_could_carry_is_not_given(scene) -> None:
    """Otherwise the first call would be refused for its size, which nobody at the other end could understand."""
    many = frozenset(f"a_field_with_a_long_name_{number}" for number in range(400))
    wide = replace(HARBOUR, fields=many)
    endpoint = type(scene.endpoint)(
        **{name: getattr(scene.endpoint, name) for name in scene.endpoint.__slots__}
        | {"available": lambda _: {wide.agreement: wide}}
    )
    scene.endpoint = endpoint
    details = json.dumps([{**DETAIL, "fields": sorted(many)}], separators=(",", ":"))

    answer = scene.ask(scene.form(details=details))

    assert (answer.status, answer.body["error"], answer.seen) == (400, "invalid_authorization_details", ())
    assert f"over {LONGEST} bytes" in answer.body["error_description"]


# -- for one person


def test_a_subject_is_a_keyed_reference_in_the_token(scene) -> None:
    """Never an identifier: tokens lie in logs and memory of machines that may not know whom they are about."""
    asked = {**DETAIL, "subject": {"account_ref": "1000042"}}
    answer = scene.ask(scene.form(details=[asked]))
    granted = answer.body["authorization_details"][0]

    assert granted["subject"] == subject_reference(
        b"s" * 32, agreement=HARBOUR.agreement, key="account_ref", value="1000042"
    )
    assert "1000042" not in json.dumps(payload_of(answer.body["access_token"]))
    assert "1000042" not in json.dumps(answer.body["authorization_details"])


def test_a_token_for_one_person_covers_that_person_alone() -> None:
    secret = b"s" * 32
    granted = grant(
        json.dumps([{**DETAIL, "subject": {"account_ref": "1000042"}}]), {HARBOUR.agreement: HARBOUR}, subject_secret=secret
    )[0]

    assert covers_subject(granted, secret, key="account_ref", value="1000042")
    assert covers_subject(granted, secret, key="account_ref", value=" 1000042 ")
    assert not covers_subject(granted, secret, key="account_ref", value="1000043")
    assert not covers_subject(granted, secret, key="uprn", value="1000042")
    assert not covers_subject({**granted, "agreement": OTHER.agreement}, secret, key="account_ref", value="1000042")
    assert not covers_subject(granted, b"t" * 32, key="account_ref", value="1000042")


def test_a_token_for_nobody_in_particular_covers_everyone(scene) -> None:
    granted = scene.ask().body["authorization_details"][0]

    assert covers_subject(granted, b"s" * 32, key="account_ref", value="1000042")


@pytest.mark.parametrize(
    "subject",
    [
        {},
        {"account_ref": ""},
        {"": "1000042"},
        {"account_ref": "SECRET", "uprn": "SECRET"},
        {"account_ref": "SECRET" * 30},
        {"account_ref": "SECRET", "confirm": {"surname": "SECRET", "date_of_birth": "1970-01-01"}},
        {"account_ref": 1000042},
        "SECRET",
    ],
)
def test_a_subject_is_one_key_with_its_value(scene, subject: object) -> None:
    words = refused(scene, error="invalid_authorization_details", details=[{**DETAIL, "subject": subject}])

    assert "SECRET" not in words


def test_without_its_secret_a_subject_is_refused_rather_than_ignored() -> None:
    asked = json.dumps([{**DETAIL, "subject": {"account_ref": "1000042"}}])

    with pytest.raises(OAuthRefusal, match="no tokens for one subject"):
        grant(asked, {HARBOUR.agreement: HARBOUR})


# -- words


def test_a_description_holds_no_character_that_the_standard_forbids() -> None:
    """RFC 6749, section 5.2; Authlib's own class raises on them, and that would be a 500."""
    refusal = OAuthRefusal("invalid_request", 'quote " backslash \\ newline \n é')

    assert refusal.description == "quote ' backslash ' newline ' '"
    with pytest.raises(ValueError, match="forbidden"):
        InvalidRequestError('quote "')


def test_details_of_other_types_do_not_slip_in_by_order(scene) -> None:
    """The token holds what was granted, in our order of members, and never the sender's own object."""
    token = scene.token(form=scene.form(details=[{"agreement": HARBOUR.agreement, "type": "stile_disclosure_v1"}]))

    assert list(payload_of(token)["authorization_details"][0]) == ["type", "agreement", "purpose", "dataset", "actions"]
    assert part(b"") == ""
