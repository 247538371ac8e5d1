"""Does the caller hold the key? RFC 9449, section 4.3, one rule after another."""

from __future__ import annotations

import hashlib
import hmac

import pytest
from joserfc.jws import JWSRegistry
from oauth_scene import ISSUER, part, rsa_public_jwk

from gateway.oauth.caller import TokenRefusedError
from gateway.oauth.dpop import KEPT_KEYS, ProofKeys, is_same_address, token_hash

NOW = 1_790_932_443


def refusal_of(scene, proof: str) -> str:
    """Return why a proof is refused: at the token endpoint, 400 and nothing to remember."""
    answer = scene.ask(proofs=[proof])
    assert (answer.status, answer.body["error"], answer.seen) == (400, "invalid_dpop_proof", ())
    return str(answer.body["error_description"])


@pytest.mark.parametrize("alg", ["ES256", "PS256", "EdDSA", "Ed25519"])
def test_a_proof_by_any_key_of_the_profile_binds_the_token(scene, alg: str) -> None:
    """An RSA key makes a header of over 512 bytes, which joserfc's own registry refuses."""
    key = scene.keys.named(alg)
    proof = scene.proof(key, header={"alg": alg})
    assert len(proof.split(".")[0]) > (512 if alg == "PS256" else 0)

    token = scene.token(proofs=[proof])

    caller = scene.call(token, proof=scene.proof(key, header={"alg": alg}, token=token))
    assert caller.token.jkt == key.thumbprint()


def test_there_is_exactly_one_proof(scene) -> None:
    for proofs in ([], [scene.proof(), scene.proof()]):
        answer = scene.ask(proofs=proofs)
        assert (answer.status, answer.body["error"]) == (400, "invalid_dpop_proof")
        assert "exactly one DPoP header" in answer.body["error_description"]


@pytest.mark.parametrize("typ", [None, "JWT", "at+jwt", "dpop", 7, ["dpop+jwt"]])
def test_a_proof_says_what_it_is(scene, typ: object) -> None:
    assert "its typ is not dpop+jwt" in refusal_of(scene, scene.proof(header={"typ": typ}))


@pytest.mark.parametrize("alg", ["RS256", "RS512", "PS512"])
def test_a_proof_is_signed_in_the_profiles_way(scene, alg: str) -> None:
    """The clients' switch for RS512 does not reach proofs."""
    assert "its alg is none of" in refusal_of(scene, scene.proof(scene.keys.rsa, header={"alg": alg}))


@pytest.mark.parametrize("alg", ["none", "HS256", None, 7, ["ES256"]])
def test_a_proof_without_a_public_keys_signature_is_none(scene, alg: object) -> None:
    _, body, signature = scene.proof().split(".")
    header = {"typ": "dpop+jwt", "alg": alg, "jwk": scene.keys.proof.as_dict(private=False)}

    assert "its alg is none of" in refusal_of(scene, f"{part(header)}.{body}.{signature}")


def test_an_algorithm_of_another_key_type_is_none(scene) -> None:
    _, body, signature = scene.proof().split(".")
    header = {"typ": "dpop+jwt", "alg": "PS256", "jwk": scene.keys.proof.as_dict(private=False)}

    assert "not by the key in its header" in refusal_of(scene, f"{part(header)}.{body}.{signature}")


def test_a_private_key_in_a_proof_is_refused(scene) -> None:
    """RFC 9449, section 4.3, item 7; and who sends it is told that it is lost."""
    header = {"jwk": scene.keys.proof.as_dict(private=True)}

    assert "the key is private" in refusal_of(scene, scene.proof(header=header))


def test_a_symmetric_key_in_a_proof_is_refused(scene) -> None:
    _, body, _ = scene.proof().split(".")
    for oct_key in ({"kty": "oct", "k": part(b"k" * 32)}, {"kty": "oct"}):
        for alg in ("ES256", "HS256"):
            head = part({"typ": "dpop+jwt", "alg": alg, "jwk": oct_key})
            forged = part(hmac.digest(b"k" * 32, f"{head}.{body}".encode(), "sha256"))
            refusal_of(scene, f"{head}.{body}.{forged}")


def test_a_small_rsa_key_in_a_proof_is_refused(scene) -> None:
    _, body, signature = scene.proof().split(".")
    header = {"typ": "dpop+jwt", "alg": "PS256", "jwk": rsa_public_jwk(scene.keys.small_rsa)}

    assert "under 2048 bits" in refusal_of(scene, f"{part(header)}.{body}.{signature}")


@pytest.mark.parametrize("key", [None, "key", {}, [], {"kty": "EC"}])
def test_a_proof_brings_its_key(scene, key: object) -> None:
    _, body, signature = scene.proof().split(".")
    header = {"typ": "dpop+jwt", "alg": "ES256", "jwk": key}

    refusal_of(scene, f"{part(header)}.{body}.{signature}")


def test_a_proof_is_signed_by_the_key_it_brings(scene) -> None:
    header = {"jwk": scene.keys.other.as_dict(private=False)}

    assert "not by the key in its header" in refusal_of(scene, scene.proof(header=header))


def test_a_changed_claim_breaks_the_signature(scene) -> None:
    head, _, signature = scene.proof().split(".")
    body = part({"jti": "x", "htm": "POST", "htu": f"{ISSUER}/oauth2/token", "iat": NOW})

    assert "not by the key in its header" in refusal_of(scene, f"{head}.{body}.{signature}")


def test_a_critical_extension_in_a_proof_is_refused(scene) -> None:
    assert "critical extension" in refusal_of(scene, scene.proof(header={"crit": ["exp"]}))


@pytest.mark.parametrize("jti", [None, "", "x" * 129, 7])
def test_a_proofs_jti_is_a_short_string(scene, jti: object) -> None:
    assert "jti must be a string" in refusal_of(scene, scene.proof(jti=jti))


@pytest.mark.parametrize("htm", [None, "GET", "post", "PUT", 7])
def test_a_proof_is_for_one_method(scene, htm: object) -> None:
    assert "htm must be POST" in refusal_of(scene, scene.proof(htm=htm))


@pytest.mark.parametrize(
    ("iat", "words"),
    [
        (None, "iat is missing"),
        ("now", "iat is missing"),
        (True, "iat is missing"),
        (NOW + 11, "iat lies in the future"),
        (NOW + 60, "iat lies in the future"),
        (NOW - 61, "iat is more than 60 seconds ago"),
    ],
)
def test_a_proof_is_fresh(scene, iat: object, words: str) -> None:
    assert words in refusal_of(scene, scene.proof(iat=iat))


@pytest.mark.parametrize("iat", [NOW + 10, NOW - 60, NOW - 59.5])
def test_a_proof_at_the_edge_of_its_time_is_accepted(scene, iat: float) -> None:
    answer = scene.ask(proofs=[scene.proof(iat=iat)])

    assert answer.status == 200
    # What could still be replayed is remembered: to the last instant at which it is fresh, and past it.
    assert answer.seen[1].expires > int(iat) + 60


@pytest.mark.parametrize(
    "content",
    [
        b'{"a":' + b"[" * 8_000 + b"]" * 8_000 + b"}",
        b"[" * 20_000,
        b"not JSON",
        b"[]",
        b'{"jti":"\\ud800"}',
        b'{"iat":' + b"9" * 5000,
    ],
)
def test_json_that_would_hurt_is_refused_cleanly(scene, content: bytes) -> None:
    """In the header before there is a key; in the claims only once a key has signed them."""
    head, body, signature = scene.proof().split(".")
    refusal_of(scene, f"{part(content)}.{body}.{signature}")
    refusal_of(scene, f"{head}.{part(content)}.{signature}")

    signing_input = f"{head}.{part(content)}"
    good = JWSRegistry.algorithms["ES256"].sign(signing_input.encode(), scene.keys.proof)
    refusal_of(scene, f"{signing_input}.{part(good)}")


# -- the address


@pytest.mark.parametrize(
    "htu",
    [
        f"{ISSUER}/oauth2/token",
        f"{ISSUER}/oauth2/token?a=b",
        f"{ISSUER}/oauth2/token#part",
        f"{ISSUER}:443/oauth2/token",
        "https://STILE.Northmoor.Example/oauth2/token",
        "HTTPS://stile.northmoor.example/oauth2/token",
    ],
)
def test_one_address_in_its_spellings(scene, htu: str) -> None:
    """Query and fragment do not count, nor the case of scheme and host, nor the default port: section 4.3."""
    assert scene.ask(proofs=[scene.proof(htu=htu)]).status == 200


@pytest.mark.parametrize(
    "htu",
    [
        None,
        "",
        7,
        ["https://stile.northmoor.example/oauth2/token"],
        "/oauth2/token",
        f"{ISSUER}/oauth2/Token",
        f"{ISSUER}/oauth2/token/",
        f"{ISSUER}/v1/disclosures",
        f"{ISSUER}:8443/oauth2/token",
        f"{ISSUER}:x/oauth2/token",
        f"{ISSUER}:99999/oauth2/token",
        "http://stile.northmoor.example/oauth2/token",
        "http://stile.northmoor.example:443/oauth2/token",
        "https://user@stile.northmoor.example/oauth2/token",
        "https://stile.northmoor.example.attacker.example/oauth2/token",
        "https://attacker.example/oauth2/token",
        "https://[::1/oauth2/token",
        "//stile.northmoor.example/oauth2/token",
        f"{ISSUER}/oauth2/token?" + "x" * 2_000,
        f" {ISSUER}/oauth2/token",
        f"{ISSUER}/oauth2/\ttoken",
        f"{ISSUER}/oauth2/token\n",
    ],
)
def test_another_address_is_refused(scene, htu: object) -> None:
    assert f"htu must be {ISSUER}/oauth2/token" in refusal_of(scene, scene.proof(htu=htu))


@pytest.mark.parametrize(
    ("given", "ours", "same"),
    [
        ("http://127.0.0.1:8000/x", "http://127.0.0.1:8000/x", True),
        ("http://localhost:80/x", "http://localhost/x", True),
        ("http://localhost/x", "http://localhost:8000/x", False),
        ("https://h.example", "https://h.example/", True),
    ],
)
def test_addresses_without_tls_and_without_a_path(given: str, ours: str, same: bool) -> None:  # noqa: FBT001 -- a case's answer
    assert is_same_address(given, ours) is same


# -- bound to a token


def test_ath_is_the_hash_of_the_token_sent_along() -> None:
    """RFC 9449, section 7.1: the token, as ASCII, hashed with SHA-256, in base64url."""
    token = "Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU"

    assert token_hash(token) == "fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo"
    assert token_hash(token) == part(hashlib.sha256(token.encode()).digest())


@pytest.mark.parametrize("ath", [None, "", "x", 7])
def test_a_call_proves_the_very_token(scene, ath: object) -> None:
    token, other = scene.token(), scene.token(proofs=[scene.proof()])
    wrong = token_hash(other) if ath == "x" else ath
    proof = scene.proof(htm="GET", htu=f"{ISSUER}/v1/agreements", ath=wrong)

    with pytest.raises(TokenRefusedError, match="ath must be") as refused:
        scene.call(token, proof=proof)

    assert refused.value.error == "invalid_dpop_proof"


# -- the cache of keys


def test_proof_keys_are_kept_by_use_and_never_without_bound(scene) -> None:
    """A key in use stays; the one that was used longest ago goes."""
    kept = ProofKeys()
    jwk_of = scene.keys.proof.as_dict(private=False)
    heads = [part({"typ": "dpop+jwt", "alg": "ES256", "jwk": jwk_of, "n": number}) for number in range(KEPT_KEYS + 2)]

    first = kept.load(heads[0])
    for head in heads[1:-1]:
        kept.load(head)
        kept.load(heads[0])
    kept.load(heads[-1])

    assert kept.load(heads[0]) is first
    assert len(kept._keys) == KEPT_KEYS
