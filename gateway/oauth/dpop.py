"""Does the caller hold the key that its token is bound to? DPoP: RFC 9449, section 4.3."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from gateway.oauth import jose
from gateway.oauth.nonces import NonceNeededError, Nonces
from gateway.oauth.times import AHEAD, PROOF_AGE, seconds

LONGEST_JTI: Final = 128
KEPT_KEYS: Final = 4_096


@dataclass(frozen=True, slots=True)
class Proof:
    """A proof that holds: the key's thumbprint, and the `jti` not to be used again until `expires`."""

    jkt: str
    jti: str
    expires: int


class ProofKeys:
    """Proof keys by the exact header they came in: a client sends the same header every time.

    Holds only public keys, at most `KEPT_KEYS`; the oldest used goes first. For one thread.
    """

    def __init__(self) -> None:
        self._keys: OrderedDict[str, tuple[jose.Key, str, str]] = OrderedDict()

    def load(self, header_part: str) -> tuple[jose.Key, str, str]:
        """Return (key, alg, thumbprint) of a proof's header, or raise JoseRefusedError."""
        found = self._keys.get(header_part)
        if found is not None:
            self._keys.move_to_end(header_part)
            return found
        header = jose.read_header(header_part)
        if header.get("typ") != "dpop+jwt":
            raise jose.JoseRefusedError("its typ is not dpop+jwt")
        alg = header.get("alg")
        if not isinstance(alg, str) or alg not in jose.ALGORITHMS:
            raise jose.JoseRefusedError("its alg is none of ES256, PS256, EdDSA")
        key = jose.import_public_key(header.get("jwk"))
        found = (key, alg, jose.thumbprint(key))
        self._keys[header_part] = found
        if len(self._keys) > KEPT_KEYS:
            self._keys.popitem(last=False)
        return found


def check_proof(  # one line a member, in the order of RFC 9449, section 4.3
    proof: str,
    *,
    keys: ProofKeys,
    method: str,
    url: str,
    access_token: str | None,
    now: float,
    nonces: Nonces | None = None,
) -> Proof:
    """Return the proof when it is for this method, address, token and time; else JoseRefusedError.

    What is not checked: the body (a proof does not cover it), and whether the `jti` was used before
    (the append transaction is the judge of that).
    """
    head, body, signature = jose.split(proof)
    key, alg, jkt = keys.load(head)
    if not jose.is_signed_by(key, f"{head}.{body}".encode(), jose.read_signature(signature), alg=alg):
        raise jose.JoseRefusedError("its signature is not by the key in its header")
    claims = jose.read_payload(body)
    jti = claims.get("jti")
    if not isinstance(jti, str) or not 0 < len(jti) <= LONGEST_JTI:
        raise jose.JoseRefusedError(f"jti must be a string of 1 to {LONGEST_JTI} characters")
    if claims.get("htm") != method:
        raise jose.JoseRefusedError(f"htm must be {method}")
    if not is_same_address(claims.get("htu"), url):
        raise jose.JoseRefusedError(f"htu must be {url}")
    issued = _check_time(claims, int(now))
    if nonces is not None and not nonces.is_good(claims.get("nonce"), now):
        raise NonceNeededError("nonce must be the newest that the header DPoP-Nonce gave you")
    if access_token is not None and claims.get("ath") != token_hash(access_token):
        raise jose.JoseRefusedError("ath must be the base64url SHA-256 of the access token")
    return Proof(jkt=jkt, jti=jti, expires=issued + PROOF_AGE + AHEAD)


def token_hash(access_token: str) -> str:
    """Return `ath`: RFC 9449, section 4.2."""
    return jose.encode(hashlib.sha256(access_token.encode()).digest())


def is_same_address(htu: object, url: str) -> bool:
    """Compare two addresses without query and fragment (RFC 9449, section 4.3, item 9)."""
    if htu == url:
        return True
    if not isinstance(htu, str) or len(htu) > 2_000:  # noqa: PLR2004 -- no address of ours is near that
        return False
    if any(character <= " " or character == "\x7f" for character in htu):  # which `urlsplit` would drop
        return False
    try:
        given, ours = urlsplit(htu), urlsplit(url)
        same_port = (given.port or _port(given.scheme)) == (ours.port or _port(ours.scheme))
    except ValueError:
        return False
    return (
        same_port
        and given.scheme.lower() == ours.scheme
        and given.username is None
        and (given.hostname or "") == (ours.hostname or "")
        and (given.path or "/") == (ours.path or "/")
    )


def _port(scheme: str) -> int:
    return 80 if scheme.lower() == "http" else 443


def _check_time(claims: dict[str, object], now: int) -> int:
    issued = seconds(claims, "iat")
    if issued is None or issued > now + AHEAD:
        raise jose.JoseRefusedError("iat lies in the future: your clock may be fast")
    if issued < now - PROOF_AGE:
        raise jose.JoseRefusedError(f"iat is more than {PROOF_AGE} seconds ago: make a proof for each call")
    return issued
