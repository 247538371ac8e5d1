"""Attacks on a call's access token: not bound, forged, of another kind, for another part. RFC 9068, RFC 9449."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from typing import Any, Final

from gateway.attack.attack import Attack, Needs
from gateway.attack.forging import forge, forge_hmac, now, public_of, resigned, stranger
from gateway.attack.judging import Expected, HonestCallError, NotApplicableError, json_of
from gateway.attack.target import ASK, LIST, TYPE, Fields, Target
from gateway.attack.wire import Heard
from gateway.oauth.jose import read, thumbprint

REFUSED: Final = Expected((401,), "token_refused", "invalid_token")
HOPS: Final = "RFC 9440, section 4: a certificate is told by a trusted hop, or by nobody"
BOUND: Final = "RFC 9449, section 7: a bound token is never taken as Bearer"
ONE: Final = "RFC 9110, section 11.6.2: one Authorization field"
OURS: Final = "RFC 9068, section 4: signed by this gateway, of its own type"
PARTS: Final = "RFC 8707, section 2: a token for one part opens no other"
NOT_THERE: Final = "RFC 6749, section 10.3: a token stands in its header, not in an address or a body"

Headers = Callable[[Target], Fields]
Make = Callable[[Target], str]


def _schemes(*values: str) -> Headers:
    """Send Authorization fields, `{}` standing for the good token, with a proof that is good for it."""
    return lambda t: [
        *(("Authorization", one.replace("{}", t.token())) for one in values),
        ("DPoP", t.proof("GET", LIST, t.token())),
    ]


HEADERS: Final[tuple[tuple[str, str, str, Headers], ...]] = (
    ("none", "no token", ONE, lambda t: [("DPoP", t.proof("GET", LIST, t.token()))]),
    ("bearer", "a bound token as Bearer", BOUND, _schemes("Bearer {}")),
    ("bearer-alone", "a bound token as Bearer, without a proof", BOUND,
     lambda t: [("Authorization", f"Bearer {t.token()}")]),
    ("bearer-certificate", "a bound token as Bearer, with a certificate that the caller tells of itself", HOPS,
     lambda t: [("Authorization", f"Bearer {t.token()}"), ("Client-Cert", ":MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8A:")]),
    ("no-scheme", "a token without a scheme", BOUND, _schemes("{}")),
    ("basic", "Basic with the client's id", BOUND, _schemes("Basic YTph")),
    ("two", "the good token twice", ONE, _schemes("DPoP {}", "DPoP {}")),
    ("two-schemes", "as DPoP and as Bearer", ONE, _schemes("DPoP {}", "Bearer {}")),
    ("joined", "two in one field", ONE, _schemes("DPoP {}, DPoP {}")),
    ("empty", "an empty token", ONE, _schemes("DPoP ")),
    ("long", "a token of 9 KB", "Promise: bounds before parsing", _schemes("DPoP " + "a" * 9_000)),
    ("cookie", "a token in a cookie", NOT_THERE, lambda t: [
        ("Cookie", f"access_token={t.token()}"), ("DPoP", t.proof("GET", LIST, t.token()))]),
)  # fmt: skip


def _claims(t: Target, **changes: Any) -> dict[str, Any]:
    """Return the claims of the good token, with changes: what a thief or forger would write."""
    return {**read(t.token()).payload, "jti": secrets.token_hex(8), "exp": now() + 300, **changes}


def _kid(t: Target) -> Any:
    return read(t.token()).header.get("kid")


def _forged(t: Target, **header: Any) -> str:
    return forge({"typ": "at+jwt", "alg": "ES256", "kid": _kid(t), **header}, _claims(t), stranger())


def _altered(t: Target, **changes: Any) -> str:
    """Change claims of the good token, and keep its signature."""
    head, _, signature = t.token().split(".")
    body = forge_hmac({}, {**read(t.token()).payload, **changes}, b"").split(".")[1]
    return f"{head}.{body}.{signature}"


def _issuer_key(t: Target) -> bytes:
    """Return the gateway's public key as it publishes it."""
    content = json_of(t.send("GET", "/oauth2/jwks").first)
    keys = content.get("keys") if isinstance(content, dict) else None
    if not keys:
        raise HonestCallError("the gateway publishes no keys")
    return json.dumps(keys[0]).encode()


def _introspection(t: Target) -> str:
    """Return a JWT that this gateway signed, and that is no token."""
    form = {"client_assertion_type": TYPE, "client_assertion": t.assertion(), "token": t.token()}
    heard = t.post_form("/oauth2/introspect", form, [("Accept", "application/token-introspection+jwt")])
    return heard.first.body.decode("ascii", "replace")


def _revoked(t: Target) -> str:
    token = t.new_token()
    form = {"client_assertion_type": TYPE, "client_assertion": t.assertion(), "token": token}
    if t.post_form("/oauth2/revoke", form).first.status != 200:  # noqa: PLR2004 -- HTTP's own number
        raise HonestCallError("an honest revocation was refused")
    return token


TOKENS: Final[tuple[tuple[str, str, str, Make], ...]] = (
    ("altered-client", "another client written into it", OURS, lambda t: _altered(t, client_id="another", sub="another")),
    ("altered-details", "wider details written into it", OURS, lambda t: _altered(t, authorization_details=[])),
    ("altered-audience", "another audience written into it", OURS, lambda t: _altered(t, aud=f"{t.issuer}/control")),
    ("altered-life", "a longer life written into it", OURS, lambda t: _altered(t, exp=2**40)),
    ("no-signature", "its signature left out", OURS, lambda t: resigned(t.token(), b"")),
    ("zero-signature", "a signature of zeros", OURS, lambda t: resigned(t.token(), b"\0" * 64)),
    ("alg-none", "alg none", OURS, lambda t: resigned(_forged(t, alg="none"), b"")),
    ("hs256", "HS256 by the gateway's public key", OURS, lambda t: forge_hmac(
        {"typ": "at+jwt", "alg": "HS256", "kid": _kid(t)}, _claims(t), _issuer_key(t))),
    ("forged", "signed by a stranger, under the gateway's kid", OURS, _forged),
    ("forged-jwk", "signed by a stranger, whose key it brings", OURS, lambda t: _forged(t, jwk=public_of(stranger()))),
    ("forged-jku", "signed by a stranger, with an address of keys", OURS, lambda t: _forged(t, jku="http://127.0.0.1:9/")),
    ("forged-kid", "kid is a path", OURS, lambda t: _forged(t, kid="../../../dev/null")),
    ("forged-kid-object", "kid is an object", OURS, lambda t: _forged(t, kid={"a": 1})),
    ("forged-issuer", "of another gateway", OURS, lambda t: forge(
        {"typ": "at+jwt", "alg": "ES256", "kid": "x"}, _claims(t, iss="https://another.example"), stranger())),
    ("by-client", "signed by the client itself", OURS, lambda t: forge(
        {"typ": "at+jwt", "alg": t.alg, "kid": thumbprint(t.client.key)}, _claims(t), t.client.key)),
    ("is-assertion", "an assertion in its place", OURS, Target.assertion),
    ("is-proof", "a proof in its place", OURS, lambda t: t.proof("GET", LIST)),
    ("is-context", "a signed context in its place", OURS, lambda t: forge(
        {"typ": "stile-context+jwt", "alg": t.alg}, t.claims(), t.client.key)),
    ("is-introspection", "the gateway's signed introspection answer", OURS, _introspection),
    ("revoked", "a token that was revoked", "RFC 7009, section 2: revoked means refused at once", _revoked),
)  # fmt: skip


def attacks() -> list[Attack]:
    """Return the attacks on a call's token."""
    sends = f"GET {LIST} with a proof that is good for it"
    found = [Attack(f"access-{i}", f"Token: {n}", p, sends, REFUSED, _headers(make)) for i, n, p, make in HEADERS]
    found += [Attack(f"access-{i}", f"Token: {n}", p, sends, REFUSED, _token(make)) for i, n, p, make in TOKENS]
    control = f"GET of a consent under /control, proof and token good for {LIST}"
    return [
        *found,
        Attack("access-query", "Token: in the address", NOT_THERE, f"GET {LIST}?access_token=…", REFUSED, _in_address),
        Attack("access-body", "Token: in the body", NOT_THERE, f"POST {ASK} with access_token", REFUSED, _in_body),
        Attack("access-control", "Token: a partner's, for /control", PARTS, control, REFUSED, _at_control),
        Attack("access-control-write", "Token: a partner's, to record a consent", PARTS, control, REFUSED, _write_consent),
        Attack("access-seconds", "Token: the second client's, with a proof of the first", BOUND, sends, REFUSED, _seconds,
            Needs.OTHER),
    ]  # fmt: skip


def _headers(make: Headers) -> Callable[[Target], Heard]:
    return lambda t: t.send("GET", LIST, make(t))


def _token(make: Make) -> Callable[[Target], Heard]:
    return lambda t: t.send("GET", LIST, t.signed("GET", LIST, token=make(t)))


def _in_address(t: Target) -> Heard:
    return t.send("GET", f"{LIST}?access_token={t.token()}", [("DPoP", t.proof("GET", LIST, t.token()))])


def _in_body(t: Target) -> Heard:
    headers = [("DPoP", t.proof("POST", ASK, t.token())), ("Content-Type", "application/x-www-form-urlencoded")]
    return t.send("POST", ASK, headers, f"access_token={t.token()}".encode())


def _at_control(t: Target) -> Heard:
    return t.call("GET", "/control/v1/consents/c_000000000000000000000000")


def _write_consent(t: Target) -> Heard:
    return t.ask({"state": "given"}, path="/control/v1/consents")


def _seconds(t: Target) -> Heard:
    if t.other is None:
        raise NotApplicableError("there is no second client")
    second = Target(t.place, t.issuer, partner=t.other, nonce=t.nonce)
    return t.send("GET", LIST, t.signed("GET", LIST, token=second.token()))
