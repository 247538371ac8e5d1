"""Attacks on how a JWS is read: malformed, ambiguous, oversized, deep. RFC 7515, in an assertion and in a proof alike."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any, Final

from gateway.attack.attack import Attack
from gateway.attack.forging import ORDER, Part, forge, part_bytes, resigned
from gateway.attack.judging import Expected, NotApplicableError
from gateway.attack.target import LIST, Target
from gateway.attack.wire import Heard

COMPACT: Final = "RFC 7515, section 7.1: three parts of canonical base64url"
STRICT: Final = "RFC 7515, section 4, and RFC 8259: strict JSON, each member once"
BOUNDED: Final = "Promise: bounds before parsing"
SIGNED: Final = "RFC 7515, section 5.2: the signature is over exactly these bytes"

Signed = Callable[[Part, Part], str]  # a JWS of these parts, rightly signed
Shape = Callable[[dict[str, Any], dict[str, Any], Signed], str]


def _twice(part: dict[str, Any], name: str, value: Any) -> bytes:
    return f"{{{json.dumps(name)}:{json.dumps(value)},".encode() + part_bytes(part)[1:]


def _deep(part: dict[str, Any], opening: bytes, closing: bytes, depth: int) -> bytes:
    return b'{"deep":' + opening * depth + b"1" + closing * depth + b"," + part_bytes(part)[1:]


def _parts(token: str) -> tuple[str, str, str]:
    head, body, signature = token.split(".")
    return head, body, signature


def _uncanonical(token: str) -> str:
    """Change bits of the last character that say nothing."""
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return token[:-1] + letters[letters.index(token[-1]) ^ 1]


def raw_signature(token: str) -> bytes:
    """Return the signature of a compact JWS."""
    signature = _parts(token)[2]
    return base64.urlsafe_b64decode(signature + "=" * (-len(signature) % 4))


def _der(token: str) -> str:
    """Write an ECDSA signature as DER, as X.509 does."""
    raw = raw_signature(token)
    numbers = b"".join(b"\x02" + bytes([len(n)]) + n for n in (b"\0" + raw[:32], b"\0" + raw[32:]))
    return resigned(token, b"\x30" + bytes([len(numbers)]) + numbers)


def _json_form(token: str) -> str:
    head, body, signature = _parts(token)
    return json.dumps({"protected": head, "payload": body, "signature": signature})


def _altered(claims: dict[str, Any], token: str) -> str:
    head, _, signature = _parts(token)
    altered = base64.urlsafe_b64encode(part_bytes({**claims, "more": 1})).rstrip(b"=").decode()
    return f"{head}.{altered}.{signature}"


# id, name, promise, how it is written from header, claims and what signs them
SHAPES: Final[tuple[tuple[str, str, str, Shape], ...]] = (
    ("empty", "nothing at all", COMPACT, lambda _h, _c, _s: ""),
    ("two-parts", "two parts", COMPACT, lambda h, c, s: s(h, c).rpartition(".")[0]),
    ("four-parts", "four parts", COMPACT, lambda h, c, s: s(h, c) + ".AAAA"),
    ("jwe", "five parts, as an encrypted one has", COMPACT, lambda h, c, s: s(h, c) + ".AAAA.AAAA"),
    ("padded", "padding behind a part", COMPACT, lambda h, c, s: s(h, c) + "=="),
    ("uncanonical", "bits that say nothing, set", COMPACT, lambda h, c, s: _uncanonical(s(h, c))),
    ("standard-base64", "the alphabet of plain base64", COMPACT, lambda h, c, s: s(h, c)[:-4] + "+/+/"),
    ("json-form", "the JSON form of a JWS", COMPACT, lambda h, c, s: _json_form(s(h, c))),
    ("no-signature", "the signature left out", SIGNED, lambda h, c, s: resigned(s(h, c), b"")),
    ("short-signature", "half of the signature", SIGNED, lambda h, c, s: resigned(s(h, c), raw_signature(s(h, c))[:32])),
    ("zero-signature", "a signature of zeros", SIGNED, lambda h, c, s: resigned(s(h, c), b"\0" * 64)),
    ("order-signature", "a signature of the curve's order", SIGNED, lambda h, c, s: resigned(
        s(h, c), ORDER.to_bytes(32) * 2)),
    ("der-signature", "a signature written as DER", SIGNED, lambda h, c, s: _der(s(h, c))),
    ("other-signature", "the signature of another", SIGNED, lambda h, c, s: resigned(
        s(h, c), raw_signature(s(h, {**c, "jti": "another"})))),
    ("altered", "claims changed after signing", SIGNED, lambda h, c, s: _altered(c, s(h, c))),
    ("payload-array", "claims that are an array", STRICT, lambda h, _c, s: s(h, b"[]")),
    ("payload-string", "claims that are a string", STRICT, lambda h, _c, s: s(h, b'"claims"')),
    ("payload-junk", "claims that are not JSON", STRICT, lambda h, _c, s: s(h, b"{claims}")),
    ("payload-trailing", "something behind the claims", STRICT, lambda h, c, s: s(h, part_bytes(c) + b"{}")),
    ("payload-twice", "a claim given twice", STRICT, lambda h, c, s: s(h, _twice(c, "jti", "first"))),
    ("payload-twice-escaped", "a claim given twice, once with an escape", STRICT, lambda h, c, s: s(
        h, b'{"jt\\u0069":"first",' + part_bytes(c)[1:])),
    ("header-twice", "a header member given twice", STRICT, lambda h, c, s: s(_twice(h, "alg", "none"), c)),
    ("header-array", "a header that is an array", STRICT, lambda _h, c, s: s(b"[]", c)),
    ("payload-bom", "a byte order mark before the claims", STRICT, lambda h, c, s: s(h, b"\xef\xbb\xbf" + part_bytes(c))),
    ("payload-utf16", "claims in UTF-16", STRICT, lambda h, c, s: s(h, part_bytes(c).decode().encode("utf-16"))),
    ("payload-invalid-utf8", "claims that are not UTF-8", STRICT, lambda h, c, s: s(
        h, b'{"a":"\xff\xfe",' + part_bytes(c)[1:])),
    ("payload-digits", "a number of 5,000 digits", BOUNDED, lambda h, c, s: s(
        h, b'{"a":' + b"9" * 5_000 + b"," + part_bytes(c)[1:])),
    ("payload-deep", "claims 5,000 levels deep", BOUNDED, lambda h, c, s: s(h, _deep(c, b"[", b"]", 5_000))),
    ("payload-deepish", "claims 12 levels deep", BOUNDED, lambda h, c, s: s(h, _deep(c, b'{"a":', b"}", 12))),
    ("header-deep", "a header 500 levels deep", BOUNDED, lambda h, c, s: s(_deep(h, b"[", b"]", 500), c)),
    ("header-large", "a header of 3 KB", BOUNDED, lambda h, c, s: s({**h, "more": "a" * 3_000}, c)),
    ("payload-members", "a claim of 300 objects", BOUNDED, lambda h, c, s: s(h, {**c, "more": [{}] * 300})),
)  # fmt: skip
# Those that only a form can carry: a header field can't hold so much.
IN_FORM: Final[tuple[tuple[str, str, str, Shape], ...]] = (
    ("line-ends", "line ends between the parts", COMPACT, lambda h, c, s: s(h, c).replace(".", ".\r\n")),
    ("space", "a space before it", COMPACT, lambda h, c, s: " " + s(h, c)),
    ("non-ascii", "letters that only look like base64", COMPACT, lambda h, c, s: "\uff25" + s(h, c)[1:]),
    ("large", "claims of 30 KB", BOUNDED, lambda h, c, s: s(h, {**c, "more": "a" * 30_000})),
)


def attacks() -> list[Attack]:
    """Return each shape of an assertion, and of a proof."""
    refused = Expected((401,), "invalid_client", looks_for="no token")
    no_proof = Expected((401,), "token_refused")
    found = [
        Attack(
            f"assertion-shape-{name}",
            f"Assertion: {words}",
            promise,
            "POST /oauth2/token with it",
            refused,
            _asserted(shape),
        )
        for name, words, promise, shape in (*SHAPES, *IN_FORM)
    ]
    return found + [
        Attack(f"proof-shape-{name}", f"Proof: {words}", promise, f"GET {LIST} with it", no_proof, _proved(shape))
        for name, words, promise, shape in SHAPES
    ]


def _asserted(shape: Shape) -> Callable[[Target], Heard]:
    def act(t: Target) -> Heard:
        _check(shape, t)
        made = shape({"typ": "JWT", "alg": t.alg}, t.claims(), lambda h, c: t.assertion(c, h))
        return t.ask_token(t.form(client_assertion=made))

    return act


def _proved(shape: Shape) -> Callable[[Target], Heard]:
    def act(t: Target) -> Heard:
        _check(shape, t)
        token = t.token()
        made = shape(t.proof_header(), t.proof_claims("GET", LIST, token), lambda h, c: forge(h, c, t.client.key))
        return t.send("GET", LIST, [("Authorization", f"DPoP {token}"), ("DPoP", made)])

    return act


_ELLIPTIC: Final = frozenset(shape for name, _, _, shape in SHAPES if name in {"der-signature", "order-signature"})


def _check(shape: Shape, target: Target) -> None:
    if shape in _ELLIPTIC and target.client.key.key_type != "EC":
        raise NotApplicableError("the client's key is not on a curve of ECDSA")
