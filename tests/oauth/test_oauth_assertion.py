"""Is this client who it says? Each rule of FAPI 2.0's private_key_jwt, with what breaks it."""

from __future__ import annotations

import hmac
import json
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from joserfc import jwk
from oauth_scene import ISSUER, part, rsa_public_jwk

from gateway.oauth import jose
from gateway.oauth.assertion import NOT_SIGNED
from gateway.oauth.clients import ClientKey
from gateway.oauth.jose import JoseRefusedError, import_public_key

NOW = 1_790_932_443


def refusal_of(scene, assertion: str, **form: str) -> str:
    """Return the description of a 401 invalid_client; nothing may have to be remembered then."""
    answer = scene.ask(scene.form(assertion, **form))
    assert (answer.status, answer.body["error"], answer.seen) == (401, "invalid_client", ())
    assert answer.client_id is None
    return str(answer.body["error_description"])


@pytest.mark.parametrize("alg", ["ES256", "PS256", "EdDSA", "Ed25519"])
def test_each_algorithm_of_the_profile_is_accepted(scene, alg: str) -> None:
    """FAPI 2.0, section 5.4.1; `EdDSA` and RFC 9864's `Ed25519` are one name."""
    answer = scene.ask(scene.form(scene.assertion(scene.keys.named(alg), header={"alg": alg})))

    assert (answer.status, answer.client_id) == (200, "harbour")


@pytest.mark.parametrize("alg", ["RS256", "RS384", "RS512", "PS384", "PS512"])
def test_no_other_rsa_algorithm_is_accepted(scene, alg: str) -> None:
    words = refusal_of(scene, scene.assertion(scene.keys.rsa, header={"alg": alg}))

    assert "not signed by a key registered" in words


@pytest.mark.parametrize("alg", ["RS256", "RS512"])
def test_rs_is_accepted_by_the_clients_switch_alone(scene, alg: str) -> None:
    """NHS-style keys; the switch opens nothing else."""
    scene.register.add("harbour", scene.keys.rsa, allows_rs=True)

    assert scene.ask(scene.form(scene.assertion(scene.keys.rsa, header={"alg": alg}))).status == 200
    assert "not signed by" in refusal_of(scene, scene.assertion(scene.keys.rsa, header={"alg": "RS384"}))


def test_a_small_rsa_key_is_no_key(scene) -> None:
    with pytest.raises(JoseRefusedError, match="under 2048 bits"):
        import_public_key(rsa_public_jwk(scene.keys.small_rsa))


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("a string", "not a JWK"),
        ({"kty": "oct", "k": "c2VjcmV0"}, "private"),
        ({"kty": "oct"}, "none of EC, OKP, RSA"),
        ({"kty": ["EC"]}, "none of EC, OKP, RSA"),
        ({}, "none of EC, OKP, RSA"),
        ({"kty": "EC"}, "can't be read"),
        ({"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"}, "can't be read"),
        ({"kty": "EC", "crv": "P-384", "x": "AA", "y": "AA"}, "neither P-256 nor Ed25519"),
        ({"kty": "EC", "crv": "secp256k1", "x": "AA", "y": "AA"}, "neither P-256 nor Ed25519"),
        ({"kty": "OKP", "crv": "X25519", "x": "AA"}, "neither P-256 nor Ed25519"),
        ({"kty": "OKP", "crv": "Ed25519", "x": 7}, "can't be read"),
        ({"kty": "RSA", "n": "AQAB", "e": "AQAB"}, "under 2048 bits|can't be read"),
        ({"kty": "RSA", "n": None, "e": "AQAB"}, "can't be read"),
        ({"kty": "OKP", "crv": "P-256", "x": "AA"}, "can't be read"),
        ({"kty": "EC", "crv": "Ed25519", "x": "AA", "y": "AA"}, "can't be read"),
    ],
)
def test_a_key_that_is_none_is_refused_in_words(given: object, words: str) -> None:
    with pytest.raises(JoseRefusedError, match=words):
        import_public_key(given)


def test_a_private_key_is_refused(scene) -> None:
    """Who sends one has shown it: a new pair is needed."""
    with pytest.raises(JoseRefusedError, match="the key is private"):
        import_public_key(scene.keys.es256.as_dict(private=True))


# -- claims


@pytest.mark.parametrize(
    "audience",
    [
        [ISSUER],
        [ISSUER, "https://elsewhere.example"],
        f"{ISSUER}/oauth2/token",
        f"{ISSUER}/",
        "https://elsewhere.example",
        ISSUER.upper(),
        None,
        7,
        {ISSUER: 1},
    ],
)
def test_the_audience_is_the_issuer_as_one_string(scene, audience: object) -> None:
    """FAPI 2.0 Security Profile Final, section 5.3.2.1, item 8."""
    assert "aud must be the issuer as one string" in refusal_of(scene, scene.assertion(aud=audience))


@pytest.mark.parametrize(
    "changed", [{"iss": "calder"}, {"iss": None}, {"sub": None}, {"iss": 7, "sub": 7}, {"sub": ["harbour"]}]
)
def test_issuer_and_subject_are_the_client(scene, changed: dict[str, object]) -> None:
    assert "iss and sub must both be your client_id" in refusal_of(scene, scene.assertion(**changed))


def test_the_forms_client_id_is_the_assertions(scene) -> None:
    """Authlib's stock class never compares them."""
    assert "client_id is not the assertion's sub" in refusal_of(scene, scene.assertion(), client_id="calder")
    assert scene.ask(scene.form(client_id="harbour")).status == 200


def test_another_clients_key_signs_for_that_client_alone(scene) -> None:
    assert "not signed by a key registered" in refusal_of(scene, scene.assertion(scene.keys.other))


@pytest.mark.parametrize("name", ["nobody", "", "../../etc/passwd", "harbour\x00", "HARBOUR"])
def test_an_unknown_client_is_refused(scene, name: str) -> None:
    assert "no such client is registered" in refusal_of(scene, scene.assertion(iss=name, sub=name))


def test_an_unknown_client_is_told_what_a_wrong_key_is_told(scene) -> None:
    """A stranger does not learn which clients there are."""
    unknown = refusal_of(scene, scene.assertion(iss="nobody", sub="nobody"))

    assert unknown == refusal_of(scene, scene.assertion(scene.keys.other))


def test_a_revoked_client_is_refused(scene) -> None:
    scene.register.add("harbour", scene.keys.es256, is_active=False)

    assert "it is revoked, or" in refusal_of(scene, scene.assertion())


@pytest.mark.parametrize(
    ("claims", "words"),
    [
        ({"exp": NOW}, "it has expired"),
        ({"exp": NOW - 1}, "it has expired"),
        ({"exp": NOW + 311}, "exp is more than 300 seconds away"),
        ({"exp": None}, "exp is missing or is not a time"),
        ({"exp": "soon"}, "exp is missing or is not a time"),
        ({"exp": True}, "exp is missing or is not a time"),
        ({"exp": -1}, "exp is missing or is not a time"),
        ({"exp": 2**60}, "exp is missing or is not a time"),
        ({"exp": float("inf")}, "exp is missing or is not a time"),
        ({"exp": float("nan")}, "exp is missing or is not a time"),
        ({"iat": NOW + 11}, "iat lies in the future"),
        ({"iat": NOW + 60}, "iat lies in the future"),
        ({"nbf": NOW + 11}, "nbf lies in the future"),
        ({"nbf": NOW + 60}, "nbf lies in the future"),
        ({"iat": "now"}, "iat is missing or is not a time"),
    ],
)
def test_times_that_can_not_be(scene, claims: dict[str, object], words: str) -> None:
    """A clock may run ten seconds ahead, and no more: FAPI 2.0, section 5.3.2.1."""
    assert words in refusal_of(scene, scene.assertion(**claims))


@pytest.mark.parametrize(
    "claims",
    [
        {"exp": NOW + 1},
        {"exp": NOW + 310},
        {"iat": NOW + 10},
        {"nbf": NOW + 10},
        {"iat": None},
        {"iat": NOW - 0.5},
        {"exp": NOW + 1.5},
    ],
)
def test_times_at_the_edge_are_accepted(scene, claims: dict[str, object]) -> None:
    assert scene.ask(scene.form(scene.assertion(**claims))).status == 200


@pytest.mark.parametrize("jti", [None, "", "x" * 129, 7, ["x"]])
def test_a_jti_is_a_short_string(scene, jti: object) -> None:
    assert "jti must be a string of 1 to 128 characters" in refusal_of(scene, scene.assertion(jti=jti))


def test_both_jti_are_handed_back_to_be_remembered(scene) -> None:
    """For as long as they could be replayed, and in the client's own scope: nobody can burn another's."""
    answer = scene.ask(scene.form(scene.assertion(jti="one")), proofs=[scene.proof(jti="two")])

    assert [(one.scope, one.jti, one.expires) for one in answer.seen] == [
        ("assertion/harbour", "one", NOW + 60 + 10),
        ("dpop/harbour", "two", NOW + 60 + 10),
    ]


# -- the signature's own tricks


@pytest.mark.parametrize("signature", ["", "AA"])
def test_no_signature_is_no_signature(scene, signature: str) -> None:
    body = scene.assertion().split(".")[1]
    words = refusal_of(scene, f"{part({'alg': 'none'})}.{body}.{signature}")

    assert words.endswith(("three base64url parts of bearable size", "not signed by a key registered for this client"))


@pytest.mark.parametrize("alg", ["none", "None", "", None, 7, ["ES256"], {"ES256": 1}, "es256", "ES384", "HS256", "dir"])
def test_an_algorithm_outside_the_list_is_none(scene, alg: object) -> None:
    """Even over a signature that is good."""
    _, body, signature = scene.assertion().split(".")

    assert "not signed by" in refusal_of(scene, f"{part({'alg': alg})}.{body}.{signature}")


@pytest.mark.parametrize("form", ["pem", "der", "jwk"])
def test_a_public_key_is_no_shared_secret(scene, form: str) -> None:
    """The HS256 confusion: everyone knows the public key, and so anyone could sign with it."""
    key = scene.keys.es256
    secret = {
        "pem": key.as_pem(private=False),
        "der": key.as_der(private=False),
        "jwk": json.dumps(key.as_dict(private=False)).encode(),
    }
    _, body, _ = scene.assertion().split(".")
    signing_input = f"{part({'alg': 'HS256'})}.{body}"
    signature = part(hmac.digest(secret[form], signing_input.encode(), "sha256"))

    assert "not signed by" in refusal_of(scene, f"{signing_input}.{signature}")


@pytest.mark.parametrize("member", ["jwk", "jku", "x5u", "x5c"])
def test_a_key_that_an_assertion_brings_along_is_not_looked_at(scene, member: str) -> None:
    """Keys are registered; what a header offers instead proves nothing, and is never fetched."""
    stranger = jwk.generate_key("EC", "P-256", private=True)
    offered = {
        "jwk": stranger.as_dict(private=False),
        "jku": "https://attacker.example/jwks",
        "x5u": "https://attacker.example/cert",
        "x5c": ["AAAA"],
    }[member]

    assert "not signed by" in refusal_of(scene, scene.assertion(stranger, header={member: offered}))


@pytest.mark.parametrize("critical", [["exp"], ["b64"], [], "b64", None])
def test_a_critical_extension_is_refused(scene, critical: object) -> None:
    """RFC 7515, section 4.1.11: we understand none."""
    assert "critical extension" in refusal_of(scene, scene.assertion(header={"crit": critical, "b64": False}))


@pytest.mark.parametrize("kid", ["../../../../dev/null", "/etc/passwd", "' OR 1=1--", "x" * 1_000, 7, ["a"], {"a": 1}, ""])
def test_a_kid_is_compared_and_nothing_else(scene, kid: object) -> None:
    """No file, no query: a name that no key has finds no key."""
    client = scene.register.add("harbour")
    scene.register.clients["harbour"] = replace(client, keys=(ClientKey("first", scene.keys.es256),))

    assert "not signed by" in refusal_of(scene, scene.assertion(header={"kid": kid}))
    assert scene.ask(scene.form(scene.assertion(header={"kid": "first"}))).status == 200
    assert scene.ask(scene.form(scene.assertion())).status == 200


@pytest.mark.parametrize("typ", ["dpop+jwt", "at+jwt", "", 7, ["JWT"], "jwt+x"])
def test_something_else_that_a_client_signed_is_no_assertion(scene, typ: object) -> None:
    assert "its typ is neither" in refusal_of(scene, scene.assertion(header={"typ": typ}))


@pytest.mark.parametrize("typ", ["JWT", "client-authentication+jwt"])
def test_an_assertion_may_say_what_it_is(scene, typ: str) -> None:
    assert scene.ask(scene.form(scene.assertion(header={"typ": typ}))).status == 200


def test_a_token_is_no_assertion(scene) -> None:
    """It is signed, and by a key of ours: of no client's."""
    refusal_of(scene, scene.token())


# -- sizes and shapes


DEEP = b'{"a":' + b"[" * 20_000 + b"]" * 20_000 + b"}"


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(DEEP, id="deep and over the limit"),
        pytest.param(b'{"a":' + b"[" * 8_000 + b"]" * 8_000 + b"}", id="deep"),
        pytest.param(b'{"a":' + b'{"a":' * 200 + b"1" + b"}" * 201, id="nested within the count"),
        pytest.param(b"[" * 8_000, id="never closed"),
        pytest.param(b'{"exp":' + b"9" * 5_000 + b"}", id="a number of 5,000 digits"),
        pytest.param(b'{"a":"' + b"x" * 16_384 + b'"}', id="long"),
        pytest.param(b'{"sub":"harbour","sub":"calder"}', id="a member twice"),
        pytest.param(b'{"sub":"\\ud800"}', id="half a surrogate pair"),
        pytest.param(b'{"\\udfff":1}', id="half a surrogate pair as a name"),
        pytest.param(b"\xff\xfe", id="not UTF-8"),
        pytest.param(b"[]", id="a list"),
        pytest.param(b'"x"', id="a string"),
        pytest.param(b"null", id="null"),
        pytest.param(b"{", id="broken"),
        pytest.param(b" ", id="blank"),
    ],
)
def test_json_that_would_hurt_is_refused_cleanly(scene, content: bytes) -> None:
    """Before its signature is looked at, and without the parser's own error coming through."""
    head, body, signature = scene.assertion().split(".")

    assert refusal_of(scene, f"{head}.{part(content)}.{signature}").startswith("client_assertion: ")
    assert refusal_of(scene, f"{part(content)}.{body}.{signature}").startswith("client_assertion: ")


def test_half_a_surrogate_pair_is_refused_over_a_good_signature(scene) -> None:
    """As a `jti` or a client's id it would reach the database, which takes no such text."""
    assert "holds what is not JSON" in refusal_of(scene, scene.assertion(jti="\ud800"))
    assert "holds what is not JSON" in refusal_of(scene, scene.assertion(iss="\udfff", sub="\udfff"))


@pytest.mark.parametrize(("levels", "status"), [(8, 200), (9, 401)])
def test_claims_are_shallow_whoever_signed_them(scene, levels: int, status: int) -> None:
    """The claims set itself is the first of eight levels."""
    nested: object = 1
    for _ in range(levels - 1):
        nested = [nested]

    assert scene.ask(scene.form(scene.assertion(more=nested))).status == status


@pytest.mark.parametrize(
    "assertion",
    ["", ".", "..", "a.b", "a.b.c.d", "a.b.c\n", "=.=.=", "é.é.é", "a" * 100_000, "A.A.A", " ", "eyJ9.e30.AB"],
)
def test_what_is_no_compact_jws_is_refused_cleanly(scene, assertion: str) -> None:
    refusal_of(scene, assertion or ".")


def test_a_header_is_at_most_two_kilobytes(scene) -> None:
    assert scene.ask(scene.form(scene.assertion(header={"x": "y" * 1_900}))).status == 200
    assert "the header is over 2048 bytes" in refusal_of(scene, scene.assertion(header={"x": "y" * 2_100}))


def test_base64url_has_one_spelling(scene) -> None:
    """Loose bits at the end would make two assertions of one."""
    head, body, signature = scene.assertion().split(".")
    loose = signature[:-1] + {"A": "B", "Q": "R", "g": "h", "w": "x"}[signature[-1]]

    assert "not canonical base64url" in refusal_of(scene, f"{head}.{body}.{loose}")


@settings(deadline=None, max_examples=120, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(head=st.binary(max_size=60), body=st.binary(max_size=60), signature=st.binary(max_size=70))
def test_no_bytes_get_through(scene, head: bytes, body: bytes, signature: bytes) -> None:
    """Whatever is sent, the answer is the one refusal."""
    refusal_of(scene, f"{part(head)}.{part(body)}.{part(signature)}")


def test_a_refusal_repeats_nothing_that_was_sent(scene) -> None:
    for claims in ({"aud": "MARKER"}, {"jti": "MARKER" * 40}, {"sub": "MARKER", "iss": "MARKER"}, {"exp": "MARKER"}):
        assert "MARKER" not in refusal_of(scene, scene.assertion(**claims))
    assert "MARKER" not in refusal_of(scene, scene.assertion(header={"typ": "MARKER"}))


# -- who is registered


def _unknown(scene) -> str:
    return scene.assertion(iss="nobody", sub="nobody")


STRANGERS = {
    "an unknown client": _unknown,
    "a wrong key": lambda scene: scene.assertion(scene.keys.other),
    "a kid that it has not": lambda scene: scene.assertion(header={"kid": "other"}),
    "a type of key that it has not": lambda scene: scene.assertion(
        scene.keys.rsa, header={"alg": "PS256"}, iss="calder", sub="calder"
    ),
    "an algorithm by a switch": lambda scene: scene.assertion(scene.keys.rsa, header={"alg": "RS256"}),
    "an unknown client by a switch": lambda scene: scene.assertion(
        scene.keys.rsa, header={"alg": "RS256"}, iss="nobody", sub="nobody"
    ),
    "a revoked client": lambda scene: scene.assertion(scene.keys.other, iss="gone", sub="gone"),
    "an unknown client by Ed25519": lambda scene: scene.assertion(
        scene.keys.ed25519, header={"alg": "EdDSA"}, iss="nobody", sub="nobody"
    ),
}


@pytest.mark.parametrize("stranger", STRANGERS)
def test_a_stranger_learns_nothing_by_the_clock(scene, stranger: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each refusal costs the check of one signature, whoever there is and whichever keys they have; and says the same."""
    checked: list[object] = []
    checks = jose.is_signed_by

    def counted(key, *arguments, **more) -> bool:
        checked.append(more["alg"])
        return checks(key, *arguments, **more)

    monkeypatch.setattr(jose, "is_signed_by", counted)
    for name in ("harbour", "gone"):
        client = scene.register.add(name, is_active=name != "gone")
        scene.register.clients[name] = replace(client, keys=(ClientKey("k1", scene.keys.es256),))
    answer = scene.ask(scene.form(STRANGERS[stranger](scene)))

    assert (answer.status, answer.body["error"]) == (401, "invalid_client")
    assert NOT_SIGNED in answer.body["error_description"]
    assert len(checked) == 1
