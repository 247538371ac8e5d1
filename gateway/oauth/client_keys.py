"""May this be a client's key, and does who sends it hold its private half? RFC 7517, RFC 7638."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from gateway.oauth import jose
from gateway.oauth.clients import Client
from gateway.oauth.times import AHEAD, LONGEST, seconds

PROOF_TYPE: Final = "key-proof+jwt"
LONGEST_JTI: Final = 128
WARNED_BEFORE: Final = 30 * 86_400  # seconds before a client's last key ends
LARGEST_JWK: Final = 4_096  # bytes
LARGEST_RSA: Final = 4_096  # bits: a longer key makes each check slow, for anybody who sends a signature
SMALLEST_EXPONENT: Final = 65_537
_KID: Final = re.compile(r"[!-~]{1,128}")
_PUBLIC: Final = ("kty", "crv", "x", "y", "n", "e")


class KeyRefusedError(Exception):
    """What was sent can't be a client's key. Says why and what to do, and repeats nothing of it."""


@dataclass(frozen=True, slots=True)
class NewKey:
    """A public key that may be registered: its name, and the members of its JWK that are kept."""

    kid: str
    thumbprint: str
    jwk: Mapping[str, str]
    key: jose.Key


def read_keys(jwks: object, *, most: int) -> tuple[NewKey, ...]:
    """Return the keys of a JWK set, or of one JWK; KeyRefusedError where one of them can't be a client's."""
    keys = jwks.get("keys") if isinstance(jwks, dict) and "keys" in jwks else [jwks]
    if not isinstance(keys, list) or not 0 < len(keys) <= most:
        raise KeyRefusedError(f"give a JWK set with 1 to {most} public keys")
    found = tuple(read_key(one) for one in keys)
    if len({one.thumbprint for one in found}) < len(found):
        raise KeyRefusedError("the set holds one key twice: send each once")
    if len({one.kid for one in found}) < len(found):
        raise KeyRefusedError("two keys of the set have one kid: give each its own")
    return found


def read_key(jwk: object) -> NewKey:
    """Return a key, named by its kid or else by its thumbprint; KeyRefusedError for one that can't be used."""
    try:
        key = jose.import_public_key(jwk, allowed=jose.COMPATIBLE)
    except jose.JoseRefusedError as refused:
        raise KeyRefusedError(f"a key of the set: {refused}") from refused
    given: dict[str, Any] = dict(jwk)  # type: ignore[call-overload]  # what was imported is a dict
    _check_size(given)
    _check_use(given)
    name = jose.thumbprint(key)
    kid = given.get("kid", name)
    if not isinstance(kid, str) or not _KID.fullmatch(kid):
        raise KeyRefusedError("kid must be 1 to 128 printable ASCII characters without spaces, or be left out")
    members = (*_PUBLIC, "kid")
    return NewKey(kid, name, {member: given[member] for member in members if member in given}, key)


def _check_size(jwk: Mapping[str, Any]) -> None:
    if len(json.dumps(jwk)) > LARGEST_JWK:
        raise KeyRefusedError(f"the key is over {LARGEST_JWK} bytes: send the public key alone, without certificates")
    if jwk.get("kty") != "RSA":
        return
    if jose.number(jwk.get("n")).bit_length() > LARGEST_RSA:
        raise KeyRefusedError(f"the RSA key is over {LARGEST_RSA} bits: make a shorter one, or use ES256")
    exponent = jose.number(jwk.get("e"))
    if exponent < SMALLEST_EXPONENT or not exponent & 1 or exponent.bit_length() > 32:  # noqa: PLR2004 -- no maker of keys chooses a longer one
        raise KeyRefusedError("the RSA key's exponent is weak or odd in size: make a key with e = 65537")


def _check_use(jwk: Mapping[str, Any]) -> None:
    operations = jwk.get("key_ops", ["verify"])
    if jwk.get("use", "sig") != "sig" or not isinstance(operations, list) or "verify" not in operations:
        raise KeyRefusedError("the key is not for signatures: its use must be sig, or left out")
    alg = jwk.get("alg")
    if alg is not None and (not isinstance(alg, str) or jose.COMPATIBLE.get(alg) != jwk.get("kty")):
        allowed = ", ".join(jose.ALGORITHMS)
        raise KeyRefusedError(f"the key's alg is not one of its type: leave it out, or use one of {allowed}")


def key_warning(client: Client, now: float) -> dict[str, int]:
    """Return what a token's answer says besides where the client would soon have no key left: in how many seconds."""
    last = client.last_instant(now)
    return {"key_expires_in": int(last - now)} if last is not None and last - now < WARNED_BEFORE else {}


@dataclass(frozen=True, slots=True)
class Possession:
    """A proof that holds: its `jti` may not be used again until `expires` (epoch seconds)."""

    jti: str
    expires: int


def check_vouched_for(new: NewKey, named: str | None) -> None:
    """Raise KeyRefusedError unless the assertion that brings a key names that key.

    Otherwise one that was made for a token, and went astray unused, would bring a key that stays.
    """
    if named != new.thumbprint:
        raise KeyRefusedError("the assertion must name the new key: its claim sub_jkt is the key's thumbprint")


def check_possession(proof: str, new: NewKey, *, client_id: str, issuer: str, now: float) -> Possession:
    """Return the proof where the new key itself signed it for this client and gateway; else KeyRefusedError.

    Without it a client could register a key that another holds, and be taken for the one who signs.
    """
    try:
        return _check_possession(proof, new, client_id, issuer, int(now))
    except jose.JoseRefusedError as refused:
        raise KeyRefusedError(f"the proof of possession: {refused}") from refused


def _check_possession(proof: str, new: NewKey, client_id: str, issuer: str, now: int) -> Possession:
    jws = jose.read(proof)
    claims = dict(jws.payload)
    if jws.header.get("typ") != PROOF_TYPE:
        raise jose.JoseRefusedError(f"its typ must be {PROOF_TYPE}")
    alg = jws.header.get("alg")
    if not jose.is_signed_by(new.key, jws.signing_input, jws.signature, alg=alg, allowed=jose.COMPATIBLE):
        raise jose.JoseRefusedError("it is not signed by the new key")
    for name, wanted in (("iss", client_id), ("aud", issuer), ("sub_jkt", new.thumbprint)):
        if claims.get(name) != wanted:
            raise jose.JoseRefusedError(f"{name} must be {wanted}")
    issued, expires = seconds(claims, "iat"), seconds(claims, "exp")
    if issued is None or issued > now + AHEAD:
        raise jose.JoseRefusedError("iat lies in the future: your clock may be fast")
    if expires is None or not now < expires <= now + LONGEST + AHEAD:
        raise jose.JoseRefusedError(f"it has expired, or exp is more than {LONGEST} seconds away")
    jti = claims.get("jti")
    if not isinstance(jti, str) or not 0 < len(jti) <= LONGEST_JTI:
        raise jose.JoseRefusedError(f"jti must be a string of 1 to {LONGEST_JTI} characters")
    return Possession(jti, expires + AHEAD)
