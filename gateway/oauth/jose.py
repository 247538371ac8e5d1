"""Is this compact JWS small, well-formed and signed by that key? RFC 7515, RFC 7518, RFC 8037, RFC 9864."""

from __future__ import annotations

import binascii
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from joserfc import jwk
from joserfc.errors import JoseError
from joserfc.jws import JWSRegistry

HEADER_LIMIT: Final = 2_048  # bytes of a decoded JOSE header
PAYLOAD_LIMIT: Final = 16_384
SMALLEST_RSA: Final = 2_048  # bits
DEEPEST: Final = 8

# FAPI 2.0 Security Profile, section 5.4.1: PS256, ES256, EdDSA with Ed25519 (one name for both spellings).
ALGORITHMS: Final = {"PS256": "RSA", "ES256": "EC", "EdDSA": "OKP", "Ed25519": "OKP"}
COMPATIBLE: Final = {**ALGORITHMS, "RS256": "RSA", "RS512": "RSA"}  # by a per-client switch only
PRIVATE_MEMBERS: Final = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
_PLAIN: Final = frozenset({str, int})
_NUMBER: Final = 32  # bytes of each of the two that an ES256 signature is
_ES256: Final = ECDSA(SHA256())
_STANDARD: Final = bytes.maketrans(b"-_", b"+/")
_URLSAFE: Final = bytes.maketrans(b"+/", b"-_")
_PARTS: Final = re.compile(r"([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\Z", re.ASCII)

Key = jwk.ECKey | jwk.RSAKey | jwk.OKPKey


class JoseRefusedError(ValueError):
    """A JWS or a key that is malformed, oversized or not signed as it should be. Says why, repeats nothing."""


@dataclass(frozen=True, slots=True)
class Jws:
    """A compact JWS that has been read, and not yet verified."""

    header: Mapping[str, Any]
    payload: Mapping[str, Any]
    signing_input: bytes
    signature: bytes


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names = dict(pairs)
    if len(names) != len(pairs):
        raise JoseRefusedError("a JSON member is given twice")
    return names


_DECODER: Final = json.JSONDecoder(object_pairs_hook=_no_duplicates)


def _is_too_deep(value: object, left: int) -> bool:
    if not isinstance(value, (dict, list)):
        return False
    inner = value.values() if isinstance(value, dict) else value
    return left == 0 or any(_is_too_deep(item, left - 1) for item in inner)


def _load(raw: bytes) -> Any:
    try:
        value = _DECODER.decode(raw.decode())
        if b"\\" in raw:
            # Half a surrogate pair, written as an escape, is a string that no database and no log could take.
            json.dumps(value, ensure_ascii=False).encode()
    except JoseRefusedError:
        raise
    except (ValueError, RecursionError) as error:  # a number of 5,000 digits is a plain ValueError
        raise JoseRefusedError("it holds what is not JSON") from error
    return value


def _read_plain(raw: bytes) -> dict[str, Any] | None:
    """Return an object of nothing but strings and whole numbers, as most are; None for what needs the longer look."""
    if b"\\" in raw or b"[" in raw or raw.count(b"{") != 1:
        return None
    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return None
    # Every quotation mark begins or ends a string, and so each second part is one; a colon after it makes it a name.
    names = sum([after.startswith(b":") or after.lstrip().startswith(b":") for after in raw.split(b'"')[2::2]])
    is_plain = type(value) is dict and names == len(value) and _PLAIN.issuperset(map(type, value.values()))
    return value if is_plain else None


def _decode(part: str) -> bytes:
    try:
        raw = binascii.a2b_base64(part.encode().translate(_STANDARD) + b"=" * (-len(part) % 4))
    except (binascii.Error, ValueError) as error:
        raise JoseRefusedError("a part is not base64url") from error
    if encode(raw) != part:
        raise JoseRefusedError("a part is not canonical base64url")
    return raw


def _object(part: str, *, limit: int, what: str) -> dict[str, Any]:
    if len(part) > limit * 4 // 3 + 4:
        raise JoseRefusedError(f"the {what} is over {limit} bytes")
    raw = _decode(part)
    if (plain := _read_plain(raw)) is not None:
        return plain
    # Counted before parsing, so that nesting can't exhaust the parser's stack.
    if raw.count(b"[") + raw.count(b"{") > 256:  # noqa: PLR2004 -- far above any honest token
        raise JoseRefusedError(f"the {what} is nested too deeply")
    value = _load(raw)
    if not isinstance(value, dict) or _is_too_deep(value, DEEPEST):
        raise JoseRefusedError(f"the {what} is not a shallow JSON object")
    return value


def read_header(part: str) -> dict[str, Any]:
    """Decode a JOSE header; `crit` is refused, for we understand no extension (RFC 7515, section 4.1.11)."""
    header = _object(part, limit=HEADER_LIMIT, what="header")
    if "crit" in header:
        raise JoseRefusedError("the header names a critical extension")
    return header


def split(token: str) -> tuple[str, str, str]:
    """Return the three parts of a compact JWS, or raise JoseRefusedError."""
    found = _PARTS.match(token) if len(token) <= 2 * (HEADER_LIMIT + PAYLOAD_LIMIT) else None
    if found is None:
        raise JoseRefusedError("it is not three base64url parts of bearable size")
    return found[1], found[2], found[3]


def read(token: str) -> Jws:
    """Read a compact JWS without trusting it."""
    header, payload, signature = split(token)
    return Jws(
        header=read_header(header),
        payload=read_payload(payload),
        signing_input=f"{header}.{payload}".encode(),
        signature=_decode(signature),
    )


def read_json(raw: bytes) -> Any:
    """Return what bytes say as strict, shallow JSON (RFC 8259), or raise JoseRefusedError."""
    # Counted before parsing, so that nesting can't exhaust the parser's stack.
    if raw.count(b"[") + raw.count(b"{") > 256:  # noqa: PLR2004 -- far above any honest set of keys
        raise JoseRefusedError("it is nested too deeply")
    value = _load(raw)
    if _is_too_deep(value, DEEPEST):
        raise JoseRefusedError("it is nested too deeply")
    return value


def read_payload(part: str) -> dict[str, Any]:
    """Decode a claims set."""
    return _object(part, limit=PAYLOAD_LIMIT, what="payload")


def read_signature(part: str) -> bytes:
    """Decode a signature."""
    return _decode(part)


def import_public_key(given: object, *, allowed: Mapping[str, str] = ALGORITHMS) -> Key:
    """Return a public key from a JWK, or raise JoseRefusedError for a private, weak or unknown one."""
    if not isinstance(given, dict):
        raise JoseRefusedError("the key is not a JWK")
    if PRIVATE_MEMBERS & given.keys():
        raise JoseRefusedError("the key is private: send the public half, and make a new pair")
    if given.get("kty") not in allowed.values():
        raise JoseRefusedError("the key type is none of EC, OKP, RSA")
    if given.get("crv") not in (None, "P-256", "Ed25519"):
        raise JoseRefusedError("the curve is neither P-256 nor Ed25519")
    # Before the library reads it, which only warns, and on standard error.
    if given.get("kty") == "RSA" and number(given.get("n")).bit_length() < SMALLEST_RSA:
        raise JoseRefusedError(f"the RSA key is under {SMALLEST_RSA} bits")
    try:
        key = jwk.import_key(given)
        _ = key.public_key  # a point off its curve shows only here
    except (JoseError, ValueError, TypeError, KeyError) as error:
        raise JoseRefusedError("the key can't be read") from error
    if not isinstance(key, (jwk.ECKey, jwk.RSAKey, jwk.OKPKey)):
        raise JoseRefusedError("the key is symmetric")
    return key


def number(member: object) -> int:
    """Return a whole number of a JWK (RFC 7518, section 2), or raise JoseRefusedError."""
    if not isinstance(member, str):
        raise JoseRefusedError("the key can't be read")
    return int.from_bytes(_decode(member), "big")


def is_signed_by(
    key: Key,
    signing_input: bytes,
    signature: bytes,
    *,
    alg: object,
    allowed: Mapping[str, str] = ALGORITHMS,
) -> bool:
    """Tell whether the signature is this key's, under an algorithm that is allowed for its type."""
    if not isinstance(alg, str) or allowed.get(alg) != key.key_type:
        return False
    if alg == "ES256":
        return _is_signed_by_es256(key.public_key, signing_input, signature)
    model = JWSRegistry.algorithms["EdDSA" if alg == "Ed25519" else alg]
    try:
        return bool(model.verify(signing_input, signature, key))
    except (JoseError, ValueError):
        return False


def _is_signed_by_es256(public: Any, signing_input: bytes, signature: bytes) -> bool:
    """Tell the same of the algorithm that nearly all calls come with: two numbers of 32 bytes (RFC 7518, section 3.4)."""
    if len(signature) != 2 * _NUMBER or not isinstance(public.curve, SECP256R1):
        return False
    first, second = int.from_bytes(signature[:_NUMBER]), int.from_bytes(signature[_NUMBER:])
    try:
        public.verify(encode_dss_signature(first, second), signing_input, _ES256)
    except (InvalidSignature, ValueError):
        return False
    return True


def thumbprint(key: Key) -> str:
    """Return the key's name by its content: RFC 7638."""
    return key.thumbprint()


def encode(raw: bytes) -> str:
    """Return base64url without padding."""
    return binascii.b2a_base64(raw, newline=False).translate(_URLSAFE, b"=").decode()


def sign(header: Mapping[str, Any], payload: Mapping[str, Any], key: Key) -> str:
    """Return the compact JWS of a payload."""
    head = encode(json.dumps(header, separators=(",", ":")).encode())
    body = encode(json.dumps(payload, separators=(",", ":")).encode())
    signing_input = f"{head}.{body}"
    alg = "EdDSA" if header["alg"] == "Ed25519" else header["alg"]
    signature = JWSRegistry.algorithms[alg].sign(signing_input.encode(), key)
    return f"{signing_input}.{encode(signature)}"
