"""How does a client prove who it is? The two JWTs a caller makes: for `stile assertion`, `stile proof` and the demo."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping
from typing import Any, Final

from gateway.oauth.client_keys import PROOF_TYPE
from gateway.oauth.dpop import token_hash
from gateway.oauth.jose import sign, thumbprint
from gateway.oauth.times import LONGEST

LIFETIME: Final = 60  # seconds of an assertion
CONTEXT_LIFETIME: Final = 300  # seconds of a signed context
_PUBLIC: Final = frozenset({"kty", "crv", "x", "y", "n", "e"})
ALGORITHMS: Final = {"EC": "ES256", "RSA": "PS256", "OKP": "EdDSA"}


def make_assertion(key: Any, *, client_id: str, issuer: str, now: float | None = None, vouches_for: Any = None) -> str:
    """Return a client assertion for one token request (RFC 7523, section 3), or to bring the key that it vouches for.

    `now` is epoch seconds, else the clock's.
    """
    at = int(time.time() if now is None else now)
    claims = {
        "iss": client_id,
        "sub": client_id,
        "aud": issuer,
        "jti": secrets.token_urlsafe(16),
        "iat": at,
        "exp": at + LIFETIME,
        **({"sub_jkt": thumbprint(vouches_for)} if vouches_for is not None else {}),
    }
    return sign(_header(key, "JWT"), claims, key)


def make_proof(
    key: Any, *, method: str, url: str, token: str | None, now: float | None = None, nonce: str | None = None
) -> str:
    """Return a DPoP proof for one call (RFC 9449, section 4.2). `now` is epoch seconds, else the clock's."""
    at = int(time.time() if now is None else now)
    claims = {"htm": method, "htu": url, "iat": at, "jti": secrets.token_urlsafe(16)}
    if token:
        claims["ath"] = token_hash(token)
    if nonce is not None:
        claims["nonce"] = nonce
    public = {name: value for name, value in key.as_dict(private=False).items() if name in _PUBLIC}
    return sign({**_header(key, "dpop+jwt"), "jwk": public}, claims, key)


def make_context(
    key: Any,
    *,
    client_id: str,
    issuer: str,
    practitioner: Mapping[str, str],
    organisation: str,
    reason: str,
    device: str | None = None,
    now: float | None = None,
) -> str:
    """Return a signed context for the header Stile-Context: the partner vouches for this caseworker.

    `practitioner`: id, name and role; `organisation`: its official code. `now` is epoch seconds, else the clock's.
    """
    at = int(time.time() if now is None else now)
    claims = {
        "iss": client_id,
        "aud": issuer,
        "iat": at,
        "exp": at + CONTEXT_LIFETIME,
        "requesting_practitioner": dict(practitioner),
        "requesting_organization": {"code": organisation},
        "reason_for_request": reason,
        **({"requesting_device": {"id": device}} if device is not None else {}),
    }
    return sign(_header(key, "stile-context+jwt"), claims, key)


def make_key_proof(key: Any, *, client_id: str, issuer: str, now: float | None = None) -> str:
    """Return the proof that a client holds its new key. `now` is epoch seconds, else the clock's."""
    at = int(time.time() if now is None else now)
    claims = {
        "iss": client_id,
        "aud": issuer,
        "jti": secrets.token_urlsafe(16),
        "iat": at,
        "exp": at + LONGEST,
        "sub_jkt": thumbprint(key),
    }
    return sign(_header(key, PROOF_TYPE), claims, key)


def _header(key: Any, typ: str) -> dict[str, Any]:
    return {"typ": typ, "alg": ALGORITHMS[key.key_type]}
