"""Attacks on a call's DPoP proof: its key, method, address, token, time. RFC 9449, section 4.3."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from gateway.attack.attack import Attack
from gateway.attack.forging import LEFT_OUT, forge, forge_hmac, now, part_bytes, public_of, resigned, stranger
from gateway.attack.judging import Expected, NotApplicableError
from gateway.attack.target import LIST, Target
from gateway.attack.wire import Heard
from gateway.oauth.jose import encode

REFUSED: Final = Expected((401,), "token_refused", "invalid_dpop_proof")
MISMATCH: Final = Expected((401,), "token_refused", "invalid_token")
NONCE: Final = Expected((401,), "token_refused", "use_dpop_nonce")
FRESH: Final = "RFC 9449, section 9: the nonce is the newest that was given"
KEY: Final = "RFC 9449, section 4.3: an asymmetric public key in the header, and its signature"
METHOD: Final = "RFC 9449, section 4.3, item 8: htm is the method"
ADDRESS: Final = "RFC 9449, section 4.3, item 9: htu is the address"
TIME: Final = "RFC 9449, section 4.3, item 11: made just now"
TOKEN: Final = "RFC 9449, section 4.3, item 12: for this token"  # noqa: S105 -- a sentence about tokens
ONCE: Final = "RFC 9449, section 11.1: each jti is a string of bearable length"

Claims = Callable[[Target], Mapping[str, Any]]


def _with(**changes: Any) -> Claims:
    return lambda _t: changes


def _htu(how: Callable[[str], str]) -> Claims:
    return lambda t: {"htu": how(t.issuer + LIST)}


def _netloc(how: Callable[[str], str]) -> Claims:
    def changes(t: Target) -> Mapping[str, Any]:
        parts = urlsplit(t.issuer + LIST)
        return {"htu": parts._replace(netloc=how(parts.netloc)).geturl()}

    return changes


def _port(netloc: str) -> str:
    return "".join(netloc.partition(":")[1:])


def _scheme(url: str) -> str:
    return url.replace("http://", "https://", 1) if url.startswith("http://") else url.replace("https://", "http://", 1)


CLAIMS: Final[tuple[tuple[str, str, str, Claims], ...]] = (
    ("htm-other", "htm is another method", METHOD, _with(htm="POST")),
    ("htm-case", "htm in small letters", METHOD, _with(htm="get")),
    ("htm-none", "there is no htm", METHOD, _with(htm=LEFT_OUT)),
    ("htm-array", "htm is an array", METHOD, _with(htm=["GET"])),
    ("htm-wildcard", "htm is a star", METHOD, _with(htm="*")),
    ("htu-none", "there is no htu", ADDRESS, _with(htu=LEFT_OUT)),
    ("htu-empty", "htu is empty", ADDRESS, _with(htu="")),
    ("htu-array", "htu is an array", ADDRESS, lambda t: {"htu": [t.issuer + LIST]}),
    ("htu-relative", "htu is a path", ADDRESS, _with(htu=LIST)),
    ("htu-host", "another host", ADDRESS, _netloc(lambda n: "another.example" + _port(n))),
    ("htu-host-suffix", "a host that begins alike", ADDRESS, _netloc(
        lambda n: n.partition(":")[0] + ".evil.example" + _port(n))),
    ("htu-host-dot", "a dot behind the host", ADDRESS, _netloc(
        lambda n: n.partition(":")[0] + "." + "".join(n.partition(":")[1:]))),
    ("htu-host-width", "full-width letters in the host", ADDRESS, _netloc(
        lambda n: "".join(chr(ord(c) + 0xFEE0) if c.isalnum() else c for c in n))),
    ("htu-port", "another port", ADDRESS, _netloc(lambda n: n.partition(":")[0] + ":1")),
    ("htu-port-junk", "a port that is none", ADDRESS, _netloc(lambda n: n.partition(":")[0] + ":99999")),
    ("htu-userinfo", "a name before the host", ADDRESS, _netloc(lambda n: "user@" + n)),
    ("htu-userinfo-empty", "an empty name before the host", ADDRESS, _netloc(lambda n: "@" + n)),
    ("htu-userinfo-host", "the host as a name before another", ADDRESS, _netloc(lambda n: n + "@another.example")),
    ("htu-scheme", "the other scheme", ADDRESS, _htu(_scheme)),
    ("htu-scheme-none", "no scheme", ADDRESS, _htu(lambda u: u.partition(":")[2])),
    ("htu-path", "another path", ADDRESS, lambda t: {"htu": t.issuer + "/v1/explain"}),
    ("htu-path-root", "the issuer alone", ADDRESS, lambda t: {"htu": t.issuer}),
    ("htu-path-slash", "a slash too many", ADDRESS, _htu(lambda u: u + "/")),
    ("htu-path-double", "a slash doubled", ADDRESS, _htu(lambda u: u.replace("/v1", "//v1"))),
    ("htu-path-case", "the path in capitals", ADDRESS, _htu(lambda u: u.replace("/v1/", "/V1/"))),
    ("htu-path-dots", "a path with dots", ADDRESS, _htu(lambda u: u.replace("/v1/", "/v1/x/../"))),
    ("htu-path-encoded", "an encoded slash", ADDRESS, _htu(lambda u: u.replace("v1/", "v1%2f"))),
    ("htu-path-parameters", "parameters of the path", ADDRESS, _htu(lambda u: u + ";a=1")),
    ("htu-backslash", "a backslash in the path", ADDRESS, _htu(lambda u: u.replace("/v1/", "/v1\\"))),
    ("htu-line-end", "a line end in the path", ADDRESS, _htu(lambda u: u.replace("/v1", "/v\n1"))),
    ("htu-tab", "a tab in the host", ADDRESS, _netloc(lambda n: n[0] + "\t" + n[1:])),
    ("htu-leading-space", "a space before the address", ADDRESS, _htu(lambda u: " " + u)),
    ("htu-nul", "NUL behind the address", ADDRESS, _htu(lambda u: u + "\0")),
    ("htu-long", "an address of 5,000 characters", ADDRESS, _htu(lambda u: u + "?" + "a" * 5_000)),
    ("ath-none", "there is no ath", TOKEN, _with(ath=LEFT_OUT)),
    ("ath-empty", "ath is empty", TOKEN, _with(ath="")),
    ("ath-other", "ath of another token", TOKEN, _with(ath=encode(hashlib.sha256(b"another").digest()))),
    ("ath-hex", "ath in hexadecimal", TOKEN, lambda t: {"ath": hashlib.sha256(t.token().encode()).hexdigest()}),
    ("ath-token", "the token itself as ath", TOKEN, lambda t: {"ath": t.token()}),
    ("ath-array", "ath is an array", TOKEN, _with(ath=[])),
    ("iat-none", "there is no iat", TIME, _with(iat=LEFT_OUT)),
    ("iat-old", "made two minutes ago", TIME, lambda _t: {"iat": now() - 120}),
    ("iat-just-old", "made a little over a minute ago", TIME, lambda _t: {"iat": now() - 65}),
    ("iat-future", "made in a minute", TIME, lambda _t: {"iat": now() + 60}),
    ("iat-string", "iat is a string", TIME, lambda _t: {"iat": str(now())}),
    ("iat-nan", "iat is NaN", TIME, _with(iat=float("nan"))),
    ("iat-infinity", "iat is Infinity", TIME, _with(iat=float("inf"))),
    ("iat-negative", "iat is negative", TIME, _with(iat=-1)),
    ("iat-huge", "iat is 2 to the power of 70", TIME, _with(iat=2**70)),
    ("iat-milliseconds", "iat is in milliseconds", TIME, lambda _t: {"iat": now() * 1000}),
    ("iat-true", "iat is true", TIME, _with(iat=True)),
    ("jti-none", "there is no jti", ONCE, _with(jti=LEFT_OUT)),
    ("jti-empty", "jti is empty", ONCE, _with(jti="")),
    ("jti-number", "jti is a number", ONCE, _with(jti=7)),
    ("jti-array", "jti is an array", ONCE, _with(jti=["a"])),
    ("jti-long", "jti is over 128 characters", ONCE, _with(jti="a" * 129)),
)  # fmt: skip

Make = Callable[[Target, Mapping[str, Any]], str]


def _headed(**changes: Any) -> Make:
    return lambda t, claims: forge(t.proof_header(**changes), claims, t.client.key)


def _symmetric(_t: Target, claims: Mapping[str, Any]) -> str:
    secret = b"a" * 32
    return forge_hmac({"typ": "dpop+jwt", "alg": "HS256", "jwk": {"kty": "oct", "k": encode(secret)}}, claims, secret)


def _by_public_key(t: Target, claims: Mapping[str, Any]) -> str:
    public = public_of(t.client.key)
    return forge_hmac({"typ": "dpop+jwt", "alg": "HS256", "jwk": public}, claims, json.dumps(public).encode())


def _by_small_rsa(_t: Target, claims: Mapping[str, Any]) -> str:
    """Sign rightly by a key that is too small."""
    key = rsa.generate_private_key(65_537, 1_024)  # noqa: S505 -- the attack is that it is weak
    modulus = key.public_key().public_numbers().n
    public = {"kty": "RSA", "n": encode(modulus.to_bytes(128)), "e": "AQAB"}
    signing_input = ".".join(encode(part_bytes(p)) for p in ({"typ": "dpop+jwt", "alg": "PS256", "jwk": public}, claims))
    pss = padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=32)
    return f"{signing_input}.{encode(key.sign(signing_input.encode(), pss, hashes.SHA256()))}"


def _by_p384(_t: Target, claims: Mapping[str, Any]) -> str:
    key = stranger("EC", "P-384")
    return forge({"typ": "dpop+jwt", "alg": "ES384", "jwk": public_of(key)}, claims, key, alg="ES384")


def _off_curve(t: Target, claims: Mapping[str, Any]) -> str:
    off = {"kty": "EC", "crv": "P-256", "x": encode(b"\x01" * 32), "y": encode(b"\x01" * 32)}
    return forge({"typ": "dpop+jwt", "alg": "ES256", "jwk": off}, claims, t.client.key)


def _private(t: Target, claims: Mapping[str, Any]) -> str:
    """Send a private key of nobody's: the client's own goes nowhere."""
    key = stranger()
    return forge(t.proof_header(key, jwk=dict(key.as_dict(private=True))), claims, key)


MADE: Final[tuple[tuple[str, str, str, Make], ...]] = (
    ("typ-none", "no typ", KEY, _headed(typ=LEFT_OUT)),
    ("typ-jwt", "typ JWT", KEY, _headed(typ="JWT")),
    ("typ-assertion", "typ of an assertion", KEY, _headed(typ="client-authentication+jwt")),
    ("typ-token", "typ of an access token", KEY, _headed(typ="at+jwt")),
    ("alg-none", "alg none, without a signature", KEY, lambda t, c: resigned(_headed(alg="none")(t, c), b"")),
    ("alg-none-signed", "alg none, over a good signature", KEY, _headed(alg="none")),
    ("alg-other-type", "alg of another type of key", KEY, lambda t, c: _headed(
        alg="PS256" if t.alg != "PS256" else "ES256")(t, c)),
    ("alg-number", "alg is a number", KEY, _headed(alg=256)),
    ("key-none", "no key", KEY, _headed(jwk=LEFT_OUT)),
    ("key-string", "a key that is a string", KEY, _headed(jwk="key")),
    ("key-by-kid", "a kid in place of the key", KEY, _headed(jwk=LEFT_OUT, kid="registered")),
    ("key-by-address", "an address in place of the key", KEY, _headed(jwk=LEFT_OUT, jku="http://127.0.0.1:9/jwks.json")),
    ("key-private", "a private key", KEY, _private),
    ("key-symmetric", "a symmetric key", KEY, _symmetric),
    ("key-hs256", "HS256 by the public key", KEY, _by_public_key),
    ("key-small-rsa", "an RSA key of 1024 bits", KEY, _by_small_rsa),
    ("key-p384", "a P-384 key", KEY, _by_p384),
    ("key-off-curve", "a point off its curve", KEY, _off_curve),
    ("key-other", "signed by another than the key it names", KEY, lambda t, c: forge(t.proof_header(), c, stranger())),
    ("crit", "an extension that must be understood", "RFC 7515, section 4.1.11", _headed(crit=["htu"])),
)  # fmt: skip


def attacks() -> list[Attack]:
    """Return the attacks on a call's proof."""
    found = [_attack(i, n, p, _of_claims(c)) for i, n, p, c in CLAIMS]
    found += [_attack(i, n, p, _made(make)) for i, n, p, make in MADE]
    return [
        *found,
        _attack("none", "none is sent", KEY, lambda _t, _token: []),
        _attack("two", "two are sent, both good", KEY, lambda t, token: [t.proof("GET", LIST, token) for _ in "ab"]),
        _attack("joined", "two in one field", KEY, lambda t, token: [", ".join(t.proof("GET", LIST, token) for _ in "ab")]),
        _attack("empty", "an empty one", KEY, lambda _t, _token: [""]),
        _attack("is-token", "the access token in its place", KEY, lambda _t, token: [token]),
        _attack("is-assertion", "an assertion in its place", KEY, lambda t, _token: [t.assertion()]),
        _attack("nonce-none", "no nonce, where one is asked for", FRESH, _nonce(LEFT_OUT), NONCE),
        _attack("nonce-made-up", "a nonce made up", FRESH, _nonce("made-up"), NONCE),
        _attack("key-strangers", "a stranger's good proof: a stolen token", TOKEN, _strangers, MISMATCH),
    ]


Proofs = Callable[[Target, str], list[str]]


def _nonce(value: object) -> Proofs:
    def made(t: Target, token: str) -> list[str]:
        if t.nonce is None:
            raise NotApplicableError("this gateway asks for no nonces")
        return [t.proof("GET", LIST, token, nonce=value)]

    return made


def _strangers(t: Target, token: str) -> list[str]:
    key = stranger()
    return [forge(t.proof_header(key), t.proof_claims("GET", LIST, token), key)]


def _of_claims(changes: Claims) -> Proofs:
    return lambda t, token: [t.proof("GET", LIST, token, **changes(t))]


def _made(make: Make) -> Proofs:
    return lambda t, token: [make(t, t.proof_claims("GET", LIST, token))]


def _attack(name: str, words: str, promise: str, proofs: Proofs, expected: Expected = REFUSED) -> Attack:
    def act(t: Target) -> Heard:
        token = t.token()
        return t.send("GET", LIST, [("Authorization", f"DPoP {token}"), *(("DPoP", one) for one in proofs(t, token))])

    return Attack(
        f"proof-{name}", f"Proof: {words}", promise, f"GET {LIST} with a good token and this proof", expected, act
    )
