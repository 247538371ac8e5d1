"""Attacks by repetition: what was good once, sent again, elsewhere or many times at once. RFC 7523, RFC 9449."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final
from urllib.parse import urlencode

from gateway.attack.attack import Attack
from gateway.attack.forging import ORDER
from gateway.attack.judging import Expected, HonestCallError, NotApplicableError
from gateway.attack.shapes import raw_signature
from gateway.attack.target import AT_ONCE, LIST, TOKEN_PATH, TYPE, Target
from gateway.attack.wire import Heard
from gateway.oauth.jose import encode

ASSERTION: Final = "RFC 7523, section 3: a client's jti is used once, whatever for"
PROOF: Final = "RFC 9449, section 11.1: a proof is used once, by whichever worker"
USED: Final = Expected((401,), "invalid_client", looks_for="no token")
REPLAYED: Final = Expected((401,), "proof_replayed")
OK: Final = 200


def _once(heard: Heard) -> str | None:
    good = sum(one.status == OK for one in heard.answers)
    if len(heard.answers) != AT_ONCE:
        return "some connections were closed without an answer"
    return None if good == 1 else f"{good} of {AT_ONCE} passed"


ONE_TOKEN: Final = Expected(
    (200, 401), "invalid_client", look=_once, looks_for=f"one of {AT_ONCE} gets a token", gives_token=True
)
ONE_CALL: Final = Expected((200, 401), "proof_replayed", look=_once, looks_for=f"one of {AT_ONCE} is answered")


def _honest(heard: Heard) -> None:
    if heard.first.status != OK:
        raise HonestCallError(f"the first use was answered {heard.first.status}")


def _assertion_again(t: Target) -> Heard:
    assertion = t.assertion()
    _honest(t.ask_token(t.form(client_assertion=assertion)))
    return t.ask_token(t.form(client_assertion=assertion))


def _assertion_at(path: str) -> Callable[[Target], Heard]:
    def act(t: Target) -> Heard:
        assertion = t.assertion()
        _honest(t.ask_token(t.form(client_assertion=assertion)))
        return t.post_form(path, {"client_assertion_type": TYPE, "client_assertion": assertion, "token": "a"})

    return act


def _jti_again(t: Target) -> Heard:
    """Sign a new assertion with the jti of a used one."""
    claims = t.claims()
    _honest(t.ask_token(t.form(client_assertion=t.assertion(claims))))
    return t.ask_token(t.form(client_assertion=t.assertion({**claims, "exp": claims["exp"] + 30})))


def _malleated(t: Target) -> Heard:
    """Send a used assertion with the other signature that ECDSA takes for it."""
    if t.alg != "ES256":
        raise NotApplicableError("the client's key is not on a curve of ECDSA")
    assertion = t.assertion()
    _honest(t.ask_token(t.form(client_assertion=assertion)))
    raw = raw_signature(assertion)
    other = raw[:32] + (ORDER - int.from_bytes(raw[32:])).to_bytes(32)
    return t.ask_token(t.form(client_assertion=f"{assertion.rpartition('.')[0]}.{encode(other)}"))


def _assertion_at_once(t: Target) -> Heard:
    form = t.form()
    kind = ("Content-Type", "application/x-www-form-urlencoded")
    body = urlencode(form).encode()
    return t.at_once([("POST", TOKEN_PATH, [kind, ("DPoP", t.proof("POST", TOKEN_PATH))], body) for _ in range(AT_ONCE)])


def _token_proof_again(t: Target) -> Heard:
    proof = t.proof("POST", TOKEN_PATH)
    _honest(t.ask_token(proofs=[proof]))
    return t.ask_token(proofs=[proof])


def _proof_again(t: Target) -> Heard:
    headers = t.signed("GET", LIST)
    _honest(t.send("GET", LIST, headers))
    return t.send("GET", LIST, headers)


def _proof_jti_again(t: Target) -> Heard:
    """Sign a new proof with the jti of a used one."""
    token = t.token()
    claims = t.proof_claims("GET", LIST, token)
    _honest(t.send("GET", LIST, [("Authorization", f"DPoP {token}"), ("DPoP", t.proof("GET", LIST, token, **claims))]))
    again = t.proof("GET", LIST, token, jti=claims["jti"], iat=claims["iat"] - 1)
    return t.send("GET", LIST, [("Authorization", f"DPoP {token}"), ("DPoP", again)])


def _proof_at_once(t: Target) -> Heard:
    headers = t.signed("GET", LIST)
    return t.at_once([("GET", LIST, headers, None)] * AT_ONCE)


def _proof_elsewhere(t: Target) -> Heard:
    headers = t.signed("GET", LIST)
    _honest(t.send("GET", LIST, headers))
    return t.send("GET", "/v1/openapi.json", headers)


def _proof_for_token(t: Target) -> Heard:
    """Use the jti of a call's proof at the token endpoint."""
    claims = t.proof_claims("GET", LIST, t.token())
    _honest(
        t.send("GET", LIST, [("Authorization", f"DPoP {t.token()}"), ("DPoP", t.proof("GET", LIST, t.token(), **claims))])
    )
    return t.ask_token(proofs=[t.proof("POST", TOKEN_PATH, jti=claims["jti"])])


ROWS: Final[tuple[tuple[str, str, str, str, Expected, Callable[[Target], Heard]], ...]] = (
    ("assertion", "An assertion sent twice", ASSERTION, "POST /oauth2/token twice, new proofs", USED, _assertion_again),
    ("assertion-jti", "A new assertion with a used jti", ASSERTION, "POST /oauth2/token twice", USED, _jti_again),
    ("assertion-malleated", "A used assertion with its other signature", ASSERTION, "POST /oauth2/token twice", USED,
     _malleated),
    ("assertion-at-once", "An assertion sent eight times at once", ASSERTION, "POST /oauth2/token in parallel", ONE_TOKEN,
     _assertion_at_once),
    ("assertion-introspect", "A used assertion at introspection", ASSERTION, "POST /oauth2/introspect", USED,
     _assertion_at("/oauth2/introspect")),
    ("assertion-revoke", "A used assertion at revocation", ASSERTION, "POST /oauth2/revoke", USED,
     _assertion_at("/oauth2/revoke")),
    ("token-proof", "A token request's proof sent twice", PROOF, "POST /oauth2/token twice, new assertions", USED,
     _token_proof_again),
    ("proof", "A call's proof sent twice", PROOF, f"GET {LIST} twice", REPLAYED, _proof_again),
    ("proof-jti", "A new proof with a used jti", PROOF, f"GET {LIST} twice", REPLAYED, _proof_jti_again),
    ("proof-at-once", "A proof sent eight times at once", PROOF, f"GET {LIST} in parallel", ONE_CALL, _proof_at_once),
    ("proof-elsewhere", "A used proof at another address", PROOF, f"GET {LIST}, then another", Expected(
        (401,), "token_refused", "invalid_dpop_proof"), _proof_elsewhere),
    ("proof-for-token", "A call's jti at the token endpoint", PROOF, f"GET {LIST}, then POST /oauth2/token", USED,
     _proof_for_token),
)  # fmt: skip


def attacks() -> list[Attack]:
    """Return the attacks by repetition."""
    return [Attack(f"replay-{i}", n, p, sends, e, act) for i, n, p, sends, e, act in ROWS]
