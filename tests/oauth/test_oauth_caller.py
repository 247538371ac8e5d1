"""Is this call's token live, bound to the caller's key, and for this part of the gateway?"""

from __future__ import annotations

import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from joserfc import jwk
from oauth_scene import HARBOUR, ISSUER, compact, part

from gateway.oauth.access_token import KEPT_TOKENS, LIFETIME, LONGEST, IssuerKey, Tokens
from gateway.oauth.caller import TokenRefusedError
from gateway.oauth.clients import Role
from gateway.oauth.jose import JoseRefusedError, thumbprint

NOW = 1_790_932_443


def refusal_of(scene, token: str, **call: object) -> tuple[str, str]:
    with pytest.raises(TokenRefusedError) as refused:
        scene.call(token, **call)
    assert token not in refused.value.why
    return refused.value.error, refused.value.why


def test_a_good_call_is_let_in(scene) -> None:
    token = scene.token()

    caller = scene.call(token, proof=scene.proof(token=token, jti="once"))

    assert (caller.client.client_id, caller.client.role) == ("harbour", Role.PARTNER)
    assert set(caller.token.details) == {HARBOUR.agreement}
    assert (caller.seen.scope, caller.seen.jti, caller.seen.expires) == ("dpop/harbour", "once", NOW + 70)


@pytest.mark.parametrize("scheme", ["DPoP", "dpop", "DPOP"])
def test_a_schemes_case_does_not_count(scene, scheme: str) -> None:
    """RFC 9110, section 11.1."""
    token = scene.token()

    assert scene.call(token, authorization=[f"{scheme} {token}"]).client


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "Basic", "", "DPoP DPoP", "token"])
def test_a_bound_token_is_never_a_bearer_token(scene, scheme: str) -> None:
    """RFC 9449, section 7.2: the downgrade that a stock validator allows."""
    token = scene.token()

    error, _ = refusal_of(scene, token, authorization=[f"{scheme} {token}"])

    assert error == "invalid_token"


def test_there_is_exactly_one_authorization_header(scene) -> None:
    token = scene.token()
    for headers in ([], [f"DPoP {token}", f"DPoP {token}"], [f"DPoP {token}", f"Bearer {token}"], ["DPoP"], [""]):
        assert refusal_of(scene, token, authorization=headers)[0] == "invalid_token"


def test_there_is_exactly_one_proof(scene) -> None:
    token = scene.token()
    for proofs in ([], [scene.proof(token=token), scene.proof(token=token)]):
        assert refusal_of(scene, token, proofs=proofs) == ("invalid_dpop_proof", "send exactly one DPoP header")


@pytest.mark.parametrize(
    ("method", "path"), [("POST", "/v1/agreements"), ("GET", "/v1/disclosures"), ("GET", "/v1/agreements/")]
)
def test_a_proof_for_another_call_is_refused(scene, method: str, path: str) -> None:
    token = scene.token()

    error, _ = refusal_of(scene, token, proof=scene.proof(token=token), method=method, path=path)

    assert error == "invalid_dpop_proof"


def test_a_proof_made_for_the_token_endpoint_opens_no_door(scene) -> None:
    assert refusal_of(scene, scene.token(), proof=scene.proof())[0] == "invalid_dpop_proof"


def test_another_keys_proof_is_refused(scene) -> None:
    """A stolen token is of no use without the key that it is bound to: RFC 9449, section 7.1."""
    token = scene.token()

    error, why = refusal_of(scene, token, proof=scene.proof(scene.keys.other, token=token))

    assert (error, why) == ("invalid_token", "the token is bound to another key than the proof's")


def test_a_token_expires(scene) -> None:
    """At its last second it counts, at the next it does not; and so when it was seen before."""
    token = scene.token()
    last = NOW + LIFETIME

    assert scene.call(token, proof=scene.proof(token=token, iat=last - 1), now=last - 0.001)
    for _ in range(2):
        error, why = refusal_of(scene, token, proof=scene.proof(token=token, iat=last), now=last)
        assert (error, why) == ("invalid_token", "the access token: it has expired: get a new one")


def test_a_partners_token_opens_no_office(scene) -> None:
    token = scene.token()

    assert "another part of this gateway" in refusal_of(scene, token, audience=f"{ISSUER}/control")[1]
    assert scene.call(token)


def test_an_offices_token_opens_no_partners_door(scene) -> None:
    assertion = scene.assertion(iss="dpo-office", sub="dpo-office")
    token = scene.token(form=scene.form(assertion, authorization_details=None, resource=f"{ISSUER}/control"))

    assert "another part of this gateway" in refusal_of(scene, token)[1]
    assert scene.call(token, audience=f"{ISSUER}/control").client.role is Role.DPO


def test_a_revoked_client_is_refused_at_its_next_call(scene) -> None:
    """Whatever the token says, and whether or not it was verified before."""
    token = scene.token()
    assert scene.call(token)
    scene.register.add("harbour", scene.keys.es256, is_active=False)

    assert refusal_of(scene, token) == ("invalid_token", "the client is revoked")


def test_a_client_that_has_gone_is_refused(scene) -> None:
    token = scene.token()
    del scene.register.clients["harbour"]

    assert refusal_of(scene, token)[1] == "the client is revoked"


# -- tokens that are none of ours


def claims(**changed: object) -> dict[str, object]:
    usual = {
        "iss": ISSUER,
        "aud": ISSUER,
        "sub": "harbour",
        "client_id": "harbour",
        "iat": NOW,
        "exp": NOW + 300,
        "jti": "forged",
        "cnf": {"jkt": "x"},
        "authorization_details": [],
    }
    return {**usual, **changed}


def test_a_token_by_another_key_is_refused(scene, issuer_key) -> None:
    """The right kid and another signature; the right signature and another kid."""
    stranger = jwk.generate_key("EC", "P-256", private=True)
    header = {"typ": "at+jwt", "alg": "ES256", "kid": issuer_key.kid}

    assert "not signed by this gateway" in refusal_of(scene, compact(header, claims(), stranger))[1]
    assert "not an access token" in refusal_of(scene, compact({**header, "kid": "x"}, claims(), issuer_key.key))[1]


def test_a_token_brings_no_key_along(scene, issuer_key) -> None:
    stranger = jwk.generate_key("EC", "P-256", private=True)
    header = {"typ": "at+jwt", "alg": "ES256", "kid": issuer_key.kid, "jwk": stranger.as_dict(private=False)}

    assert "not signed by this gateway" in refusal_of(scene, compact(header, claims(), stranger))[1]


@pytest.mark.parametrize(
    "changed",
    [{"typ": "JWT"}, {"typ": None}, {"kid": None}, {"kid": "../keys"}, {"alg": "none"}, {"alg": "HS256"}, {"alg": "PS256"}],
)
def test_what_does_not_say_that_it_is_an_access_token_is_none(scene, issuer_key, changed: dict[str, object]) -> None:
    """RFC 9068, section 4: the type first; over a signature that would be good."""
    good = compact({"typ": "at+jwt", "alg": "ES256", "kid": issuer_key.kid}, claims(), issuer_key.key)
    _, body, signature = good.split(".")
    header = {"typ": "at+jwt", "alg": "ES256", "kid": issuer_key.kid, **changed}

    assert "it is not an access token of this gateway" in refusal_of(scene, f"{part(header)}.{body}.{signature}")[1]


def test_a_token_of_another_issuer_is_refused(scene, issuer_key) -> None:
    """Two gateways that were given one key would still be two."""
    header = {"typ": "at+jwt", "alg": "ES256", "kid": issuer_key.kid}

    token = compact(header, claims(iss="https://other.example"), issuer_key.key)

    assert "issued by another gateway" in refusal_of(scene, token)[1]


def test_an_assertion_is_no_token(scene) -> None:
    assert refusal_of(scene, scene.assertion(header={"typ": "JWT"}))[0] == "invalid_token"


def test_a_proof_is_no_token(scene) -> None:
    assert refusal_of(scene, scene.proof())[0] == "invalid_token"


def test_a_changed_token_is_refused(scene) -> None:
    """Also when the token that it was made from is known and kept."""
    token = scene.token()
    assert scene.call(token)
    head, _, signature = token.split(".")
    wider = part(claims(cnf={"jkt": scene.keys.proof.thumbprint()}, authorization_details=[{"agreement": "another"}]))

    assert "not signed by this gateway" in refusal_of(scene, f"{head}.{wider}.{signature}")[1]


def test_a_key_before_the_present_one_is_still_accepted(scene, issuer_key) -> None:
    """Keys are turned over without cutting off tokens that live."""
    token = scene.token()
    new = jwk.generate_key("EC", "P-256", private=True)
    turned = Tokens(issuer=ISSUER, signing=IssuerKey(thumbprint(new), new), accepted=(issuer_key,))

    assert turned.verify(token, audience=ISSUER, now=NOW).client_id == "harbour"


@settings(deadline=None, max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(header=st.text(max_size=60), proof=st.text(max_size=60))
def test_no_headers_get_through(scene, header: str, proof: str) -> None:
    """Whatever stands in them, the answer is the one refusal."""
    with pytest.raises(TokenRefusedError):
        scene.call("x", authorization=[f"DPoP {header}"], proofs=[proof])


@pytest.mark.parametrize(
    "token",
    [
        "",
        "a.b",
        "é.é.é",
        "x" * (LONGEST + 1),
        "x" * LONGEST,
        f"e30.{part(b'[' * 6_000)}.AA",
        f"{part(b'{' * 1_400)}.e30.AA",
    ],
)
def test_what_is_no_token_is_refused_cleanly(scene, token: str) -> None:
    with pytest.raises(TokenRefusedError) as refused:
        scene.call(token, proof="x")

    assert refused.value.error == "invalid_token"


# -- what is kept


def test_kept_tokens_have_a_bound(scene, issuer_key) -> None:
    tokens = Tokens(issuer=ISSUER, signing=issuer_key, accepted=())
    tokens._kept.update({number.to_bytes(32, "big"): None for number in range(KEPT_TOKENS)})  # type: ignore[misc]  # as many as it keeps

    tokens.verify(scene.token(), audience=ISSUER, now=NOW)

    assert len(tokens._kept) == KEPT_TOKENS


def test_what_is_not_verified_is_not_kept(scene) -> None:
    tokens = scene.door.tokens
    for _ in range(2):
        with pytest.raises(JoseRefusedError):
            tokens.verify("a.b.c", audience=ISSUER, now=NOW)

    assert not tokens._kept


def test_a_warm_call_is_quick(scene) -> None:
    """Two caches and one verification: far under a millisecond. The bound is loose, for machines are shared."""
    token = scene.token()
    proofs = [scene.proof(token=token) for _ in range(200)]
    scene.call(token)

    begun = time.perf_counter()
    for proof in proofs:
        scene.call(token, proof=proof)

    assert (time.perf_counter() - begun) / len(proofs) < 0.005
