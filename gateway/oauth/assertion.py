"""Is this client who it says? `private_key_jwt`: RFC 7523 section 3, FAPI 2.0 Final section 5.3.2.1."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from gateway.oauth import jose
from gateway.oauth.clients import Client, Clients
from gateway.oauth.refusals import CLIENT_REFUSED, OAuthRefusal
from gateway.oauth.times import AHEAD, LONGEST, seconds

ASSERTION_TYPE: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
LONGEST_JTI: Final = 128
# What an assertion may call itself. Nothing else that a client signs, a DPoP proof say, can stand in for one.
TYPES: Final = frozenset({None, "JWT", "client-authentication+jwt"})


@dataclass(frozen=True, slots=True)
class Authenticated:
    """A client whose assertion holds; its `jti` may not be used again until `expires` (epoch seconds)."""

    client: Client
    jti: str
    expires: int


def authenticate(assertion: str, *, form_client_id: str | None, issuer: str, clients: Clients, now: float) -> Authenticated:
    """Return the client that signed this assertion, or raise OAuthRefusal with status 401.

    Every cause is told in words, for a developer at the other end has to find it; none of them
    repeats a value that was sent.
    """
    try:
        return _authenticate(assertion, form_client_id, issuer, clients, int(now))
    except jose.JoseRefusedError as refused:
        raise OAuthRefusal(CLIENT_REFUSED, f"client_assertion: {refused}", status=401) from refused


def _authenticate(assertion: str, form_client_id: str | None, issuer: str, clients: Clients, now: int) -> Authenticated:
    jws = jose.read(assertion)
    typ = jws.header.get("typ")
    if not (typ is None or isinstance(typ, str)) or typ not in TYPES:
        raise jose.JoseRefusedError("its typ is neither JWT nor client-authentication+jwt")
    claims = dict(jws.payload)
    name = claims.get("sub")
    if not isinstance(name, str) or claims.get("iss") != name:
        raise jose.JoseRefusedError("iss and sub must both be your client_id")
    if form_client_id is not None and form_client_id != name:
        raise jose.JoseRefusedError("the form's client_id is not the assertion's sub")
    client = clients.find_client(name)
    if client is None or not client.is_active:
        raise jose.JoseRefusedError("no such client is registered, or it is revoked")
    if not _is_signed(jws, client):
        raise jose.JoseRefusedError("it is not signed by a key registered for this client")
    # One string: FAPI 2.0 Security Profile Final, section 5.3.2.1, item 8.
    if claims.get("aud") != issuer:
        raise jose.JoseRefusedError(f"aud must be the issuer as one string: {issuer}")
    expires = _check_times(claims, now)
    jti = claims.get("jti")
    if not isinstance(jti, str) or not 0 < len(jti) <= LONGEST_JTI:
        raise jose.JoseRefusedError(f"jti must be a string of 1 to {LONGEST_JTI} characters")
    return Authenticated(client=client, jti=jti, expires=expires + AHEAD)


def _is_signed(jws: jose.Jws, client: Client) -> bool:
    kid, alg = jws.header.get("kid"), jws.header.get("alg")
    return any(
        jose.is_signed_by(key, jws.signing_input, jws.signature, alg=alg, allowed=client.algorithms)
        for name, key in client.keys
        if kid is None or name is None or name == kid
    )


def _check_times(claims: dict[str, object], now: int) -> int:
    expires = seconds(claims, "exp")
    if expires is None or expires <= now:
        raise jose.JoseRefusedError("it has expired: your clock may be slow")
    if expires > now + LONGEST + AHEAD:
        raise jose.JoseRefusedError(f"exp is more than {LONGEST} seconds away")
    for name in ("iat", "nbf"):
        at = seconds(claims, name, needed=False)
        if at is not None and at > now + AHEAD:
            raise jose.JoseRefusedError(f"{name} lies in the future: your clock may be fast")
    return expires
