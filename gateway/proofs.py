"""How does a client prove who it is? The two JWTs a caller makes: for `stile assertion`, `stile proof` and the demo."""

from __future__ import annotations

import secrets
import time
from typing import Any, Final

from gateway.oauth.dpop import token_hash
from gateway.oauth.jose import sign

LIFETIME: Final = 60  # seconds of an assertion
_PUBLIC: Final = frozenset({"kty", "crv", "x", "y", "n", "e"})
_ALGORITHMS: Final = {"EC": "ES256", "RSA": "PS256", "OKP": "EdDSA"}


def make_assertion(key: Any, *, client_id: str, issuer: str, now: float | None = None) -> str:
    """Return a client assertion for one token request (RFC 7523, section 3). `now` is epoch seconds, else the clock's."""
    at = int(time.time() if now is None else now)
    claims = {
        "iss": client_id,
        "sub": client_id,
        "aud": issuer,
        "jti": secrets.token_urlsafe(16),
        "iat": at,
        "exp": at + LIFETIME,
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


def _header(key: Any, typ: str) -> dict[str, Any]:
    return {"typ": typ, "alg": _ALGORITHMS[key.key_type]}
