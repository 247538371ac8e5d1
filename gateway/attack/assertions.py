"""Attacks on who the client is: its assertion's claims, keys and algorithms. RFC 7523, FAPI 2.0."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final

from gateway.attack.attack import Attack
from gateway.attack.forging import LEFT_OUT, forge, forge_hmac, now, public_of, resigned, stranger
from gateway.attack.judging import Expected
from gateway.attack.target import Target

REFUSED: Final = Expected((401,), "invalid_client", looks_for="no token")
SENDS: Final = "POST /oauth2/token with a good proof and this assertion"
ALGORITHMS: Final = "FAPI 2.0, section 5.4.1: PS256, ES256 and EdDSA, and the registered key decides"
KEYS: Final = "RFC 7515, section 4.1: a key counts because it is registered, not because a header names it"
AUDIENCE: Final = "FAPI 2.0, section 5.3.2.1: aud is the issuer as one string"
NAMES: Final = "RFC 7523, section 3: iss and sub are the client's id, exactly"
TIMES: Final = "RFC 7523, section 3, and FAPI 2.0, section 5.3.2.1: a short life, by a clock right to 10 seconds"
ONCE: Final = "RFC 7523, section 3: each jti is a string, and used once"
TYPES: Final = "RFC 9068, section 2.1, and RFC 9449, section 4.2: no JWT stands in for another"

Claims = Callable[[Target], dict[str, Any]]


def _with(**changes: Any) -> Claims:
    return lambda _target: changes


# id, name, promise, the claims that differ
CLAIMS: Final[tuple[tuple[str, str, str, Claims], ...]] = (
    ("aud-endpoint", "aud is the token endpoint", AUDIENCE, lambda t: {"aud": f"{t.issuer}/oauth2/token"}),
    ("aud-array", "aud is an array of the issuer", AUDIENCE, lambda t: {"aud": [t.issuer]}),
    ("aud-array-two", "aud names the issuer and another", AUDIENCE, lambda t: {"aud": [t.issuer, "https://a.example"]}),
    ("aud-object", "aud is an object", AUDIENCE, lambda t: {"aud": {t.issuer: True}}),
    ("aud-other", "aud is another gateway", AUDIENCE, _with(aud="https://another.example")),
    ("aud-slash", "aud has a slash too many", AUDIENCE, lambda t: {"aud": f"{t.issuer}/"}),
    ("aud-longer", "aud begins with the issuer", AUDIENCE, lambda t: {"aud": f"{t.issuer}.evil.example"}),
    ("aud-case", "aud is the issuer in capitals", AUDIENCE, lambda t: {"aud": t.issuer.upper()}),
    ("aud-none", "there is no aud", AUDIENCE, _with(aud=LEFT_OUT)),
    ("aud-null", "aud is null", AUDIENCE, _with(aud=None)),
    ("aud-introspect", "aud is the introspection endpoint", AUDIENCE, lambda t: {"aud": f"{t.issuer}/oauth2/introspect"}),
    ("iss-other", "iss is another than sub", NAMES, _with(iss="another-client")),
    ("iss-none", "there is no iss", NAMES, _with(iss=LEFT_OUT)),
    ("iss-issuer", "iss is the gateway itself", NAMES, lambda t: {"iss": t.issuer}),
    ("sub-none", "there is no sub", NAMES, _with(sub=LEFT_OUT)),
    ("sub-number", "iss and sub are numbers", NAMES, _with(iss=1, sub=1)),
    ("sub-array", "iss and sub are arrays", NAMES, lambda t: {"iss": [t.client.client_id], "sub": [t.client.client_id]}),
    ("sub-unknown", "a client that nobody knows", NAMES, _with(iss="nobody-knows", sub="nobody-knows")),
    ("sub-empty", "the client is the empty string", NAMES, _with(iss="", sub="")),
    ("sub-case", "the client's id in capitals", NAMES, lambda t: dict.fromkeys(("iss", "sub"), t.client.client_id.upper())),
    (
        "sub-space",
        "a space behind the client's id",
        NAMES,
        lambda t: dict.fromkeys(("iss", "sub"), t.client.client_id + " "),
    ),
    ("sub-nul", "NUL behind the client's id", NAMES, lambda t: dict.fromkeys(("iss", "sub"), t.client.client_id + "\0")),
    ("sub-wildcard", "the client's id is a pattern", NAMES, _with(iss="%", sub="%")),
    ("sub-injection", "the client's id is SQL", NAMES, _with(iss="x' OR '1'='1", sub="x' OR '1'='1")),
    ("sub-zero-width", "a zero-width space in the id", NAMES, lambda t: _spelt(t, lambda n: n[0] + "\u200b" + n[1:])),
    ("sub-full-width", "the id in full-width letters", NAMES, lambda t: _spelt(t, _full_width)),
    ("sub-cyrillic", "a Cyrillic letter in the id", NAMES, lambda t: _spelt(t, lambda n: "\u0430" + n[1:])),
    ("sub-surrogate", "half a surrogate pair in the id", NAMES, _with(iss="\ud800", sub="\ud800")),
    ("exp-past", "it has expired", TIMES, lambda _t: {"exp": now() - 30, "iat": now() - 90}),
    ("exp-just-past", "it expired a second ago", TIMES, lambda _t: {"exp": now() - 1}),
    ("exp-none", "it never expires", TIMES, _with(exp=LEFT_OUT)),
    ("exp-far", "it lives for a year", TIMES, lambda _t: {"exp": now() + 31_536_000}),
    ("exp-longer", "it lives for ten minutes", TIMES, lambda _t: {"exp": now() + 600}),
    ("exp-milliseconds", "exp is in milliseconds", TIMES, lambda _t: {"exp": now() * 1000}),
    ("exp-huge", "exp is 2 to the power of 64", TIMES, _with(exp=2**64)),
    ("exp-float", "exp is 1e308", TIMES, _with(exp=1e308)),
    ("exp-infinity", "exp is Infinity", TIMES, _with(exp=float("inf"))),
    ("exp-nan", "exp is NaN", TIMES, _with(exp=float("nan"))),
    ("exp-negative", "exp is negative", TIMES, _with(exp=-1)),
    ("exp-string", "exp is a string", TIMES, lambda _t: {"exp": str(now() + 60)}),
    ("exp-true", "exp is true", TIMES, _with(exp=True)),
    ("exp-null", "exp is null", TIMES, _with(exp=None)),
    ("exp-array", "exp is an array", TIMES, lambda _t: {"exp": [now() + 60]}),
    ("iat-future", "it is issued in a minute", TIMES, lambda _t: {"iat": now() + 60}),
    ("iat-string", "iat is a string", TIMES, lambda _t: {"iat": str(now())}),
    ("iat-negative", "iat is negative", TIMES, _with(iat=-(2**63))),
    ("nbf-future", "it counts from in a minute", TIMES, lambda _t: {"nbf": now() + 60}),
    ("nbf-object", "nbf is an object", TIMES, _with(nbf={})),
    ("jti-none", "there is no jti", ONCE, _with(jti=LEFT_OUT)),
    ("jti-empty", "jti is empty", ONCE, _with(jti="")),
    ("jti-number", "jti is a number", ONCE, _with(jti=7)),
    ("jti-object", "jti is an object", ONCE, _with(jti={"a": 1})),
    ("jti-long", "jti is over 128 characters", ONCE, _with(jti="a" * 129)),
    ("jti-surrogate", "half a surrogate pair in jti", ONCE, _with(jti="\udfff")),
)


def _spelt(target: Target, how: Callable[[str], str]) -> dict[str, Any]:
    return dict.fromkeys(("iss", "sub"), how(target.client.client_id))


def _full_width(name: str) -> str:
    return "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in name)


Make = Callable[[Target], str]


def _headed(**changes: Any) -> Make:
    """Sign by the client's own key, under a header that differs."""
    return lambda t: t.assertion(
        header={k: v for k, v in {"typ": "JWT", "alg": t.alg, **changes}.items() if v is not LEFT_OUT}
    )


def _strange(kind: str = "EC", size: str | int = "P-256", alg: str = "ES256", **header: Any) -> Make:
    """Sign by a stranger's key."""
    return lambda t: forge({"typ": "JWT", "alg": alg, **header}, t.claims(), stranger(kind, size), alg=alg)


def _bringing_its_key(target: Target) -> str:
    return _strange(jwk=public_of(stranger()))(target)


def _public_pem(target: Target) -> bytes:
    pem: bytes = target.client.key.as_pem(private=False)
    return pem


def _hs256(target: Target, secret: bytes) -> str:
    return forge_hmac({"typ": "JWT", "alg": "HS256"}, target.claims(), secret)


# id, name, promise, the assertion
MADE: Final[tuple[tuple[str, str, str, Make], ...]] = (
    ("alg-none", "alg none, without a signature", ALGORITHMS, lambda t: resigned(_headed(alg="none")(t), b"")),
    ("alg-none-case", "alg nOnE, with any signature", ALGORITHMS, lambda t: resigned(_headed(alg="nOnE")(t), b"a" * 64)),
    ("alg-none-signed", "alg none, over a good signature", ALGORITHMS, _headed(alg="none")),
    ("alg-missing", "no alg at all", ALGORITHMS, _headed(alg=LEFT_OUT)),
    ("alg-array", "alg is an array", ALGORITHMS, lambda t: _headed(alg=[t.alg])(t)),
    ("alg-case", "alg in small letters", ALGORITHMS, lambda t: _headed(alg=t.alg.lower())(t)),
    ("alg-other-type", "alg of another type of key", ALGORITHMS, lambda t: _headed(alg=_another(t.alg))(t)),
    ("alg-hs256-jwk", "HS256 by the public JWK", ALGORITHMS,
     lambda t: _hs256(t, json.dumps(public_of(t.client.key)).encode())),
    ("alg-hs256-pem", "HS256 by the public PEM", ALGORITHMS, lambda t: _hs256(t, _public_pem(t))),
    ("alg-hs256-empty", "HS256 by an empty secret", ALGORITHMS, lambda t: _hs256(t, b"")),
    ("alg-rs256", "RS256 without the switch", ALGORITHMS, lambda t: _rsa(t, "RS256")),
    ("alg-rs512", "RS512 without the switch", ALGORITHMS, lambda t: _rsa(t, "RS512")),
    ("alg-es384", "ES384 by a P-384 key", ALGORITHMS, _strange("EC", "P-384", "ES384")),
    ("key-stranger", "signed by a stranger's key", KEYS, _strange()),
    ("key-jwk", "the stranger's key in the header", KEYS, _bringing_its_key),
    ("key-jku", "an address of the stranger's keys", KEYS, _strange(jku="http://127.0.0.1:9/jwks.json")),
    ("key-x5u", "an address of a certificate", KEYS, _strange(x5u="http://127.0.0.1:9/cert.pem")),
    ("key-x5c", "a certificate in the header", KEYS, _strange(x5c=["MIIBszCCAVmgAwIBAgIU"])),
    ("kid-traversal", "kid is a path", KEYS, _strange(kid="../../../../../../dev/null")),
    ("kid-injection", "kid is SQL", KEYS, _strange(kid="x' UNION SELECT 'key' --")),
    ("kid-command", "kid is a command", KEYS, _strange(kid="|/bin/true")),
    ("kid-object", "kid is an object", KEYS, _strange(kid={"$ne": None})),
    ("kid-nul", "NUL in kid", KEYS, _strange(kid="a\0b")),
    ("kid-null-hmac", "HS256 by nothing, kid a path", KEYS, lambda t: forge_hmac(
        {"alg": "HS256", "kid": "/dev/null"}, t.claims(), b"\0")),
    ("crit", "an extension that must be understood", "RFC 7515, section 4.1.11", _headed(crit=["exp"], exp=1)),
    ("crit-b64", "a payload that is not encoded", "RFC 7515, section 4.1.11", _headed(crit=["b64"], b64=False)),
    ("typ-proof", "typ of a proof", TYPES, _headed(typ="dpop+jwt")),
    ("typ-token", "typ of an access token", TYPES, _headed(typ="at+jwt")),
    ("typ-context", "typ of a signed context", TYPES, _headed(typ="stile-context+jwt")),
    ("typ-introspection", "typ of an introspection answer", TYPES, _headed(typ="token-introspection+jwt")),
    ("typ-key-proof", "typ of a key's proof", TYPES, _headed(typ="key-proof+jwt")),
    ("typ-array", "typ is an array", TYPES, _headed(typ=["JWT"])),
    ("is-proof", "a DPoP proof in its place", TYPES, lambda t: t.proof("POST", "/oauth2/token")),
    ("is-token", "an access token in its place", TYPES, Target.token),
    ("is-context", "a signed context in its place", TYPES, lambda t: forge(
        {"typ": "stile-context+jwt", "alg": t.alg}, t.claims(), t.client.key)),
)  # fmt: skip


def _another(alg: str) -> str:
    return "PS256" if alg != "PS256" else "ES256"


def _rsa(target: Target, alg: str) -> str:
    key = target.client.key if target.client.key.key_type == "RSA" else stranger("RSA", 2048)
    return forge({"typ": "JWT", "alg": alg}, target.claims(), key, alg=alg)


def attacks() -> list[Attack]:
    """Return the attacks on an assertion's claims, keys and algorithms."""
    made = [*((i, n, p, _of_claims(c)) for i, n, p, c in CLAIMS), *MADE]
    return [_attack(*row) for row in made]


def _of_claims(changes: Claims) -> Make:
    return lambda t: t.assertion(t.claims(**changes(t)))


def _attack(name: str, words: str, promise: str, make: Make) -> Attack:
    def act(target: Target) -> Any:
        return target.ask_token(target.form(client_assertion=make(target)))

    return Attack(f"assertion-{name}", f"Assertion: {words}", promise, SENDS, REFUSED, act)
