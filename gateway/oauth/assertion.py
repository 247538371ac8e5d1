"""Is this client who it says? `private_key_jwt`: RFC 7523 section 3, FAPI 2.0 Final section 5.3.2.1."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from joserfc import jwk

from gateway.oauth import jose
from gateway.oauth.clients import Client, ClientKey, Clients
from gateway.oauth.refusals import CLIENT_REFUSED, OAuthRefusal
from gateway.oauth.times import AHEAD, LONGEST, seconds

ASSERTION_TYPE: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
LONGEST_JTI: Final = 128
# What an assertion may call itself. Nothing else that a client signs, a DPoP proof say, can stand in for one.
TYPES: Final = frozenset({None, "JWT", "client-authentication+jwt"})
# One sentence for both, so that a stranger does not learn which clients there are.
NOT_SIGNED: Final = "no such client is registered, it is revoked, or it is not signed by a key registered for this client"


@dataclass(frozen=True, slots=True)
class Authenticated:
    """A client whose assertion holds, by which key; its `jti` may not be used again until `expires` (epoch seconds).

    `by_switch`: only a compatibility switch of the client let it pass. `vouches_for`: the thumbprint of another key, where
    the assertion names one.
    """

    client: Client
    jti: str
    expires: int
    key: ClientKey
    by_switch: bool = False
    vouches_for: str | None = None


@dataclass(frozen=True, slots=True)
class Given:
    """An assertion that was read, with what its claims are held against.

    `audiences`: the issuer, and what the client's switch adds.
    """

    header: Mapping[str, Any]
    claims: dict[str, object]
    form_client_id: str | None
    audiences: tuple[str, ...]
    now: int

    @property
    def issuer(self) -> str:
        """Return the audience that is always right."""
        return self.audiences[0]


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
    given = Given(jws.header, dict(jws.payload), form_client_id, (issuer,), now)
    for _, check in BEFORE_KEY:
        check(given)
    client = clients.find_client(str(given.claims["sub"]))
    key = signing_key(jws, client, now)
    if client is None or key is None or not client.is_active:
        raise jose.JoseRefusedError(NOT_SIGNED)
    given = Given(jws.header, given.claims, form_client_id, audiences(client, issuer), now)
    for _, check in AFTER_KEY:
        check(given)
    expires = seconds(given.claims, "exp") or now
    by_switch = jws.header.get("alg") not in jose.ALGORITHMS or given.claims["aud"] != issuer
    other = given.claims.get("sub_jkt")
    return Authenticated(
        client=client,
        jti=str(given.claims["jti"]),
        expires=expires + AHEAD,
        key=key,
        by_switch=by_switch,
        vouches_for=other if isinstance(other, str) else None,
    )


def audiences(client: Client, issuer: str) -> tuple[str, ...]:
    """Return what `aud` may be: the issuer, and the token endpoint's address where the client's switch allows it."""
    return (issuer, f"{issuer}/oauth2/token") if client.allows_endpoint_audience else (issuer,)


def signing_key(jws: jose.Jws, client: Client | None, now: float) -> ClientKey | None:
    """Return the key of this client, within its term, that signed; None where none did, or there is no such client.

    Where there is no key to try one is tried that is nobody's: else the time that an answer takes would tell which
    clients there are, or which sort of key they have.
    """
    alg = jws.header.get("alg")
    found = _meant(jws, client, now) if client is not None else []
    for one in found:
        if jose.is_signed_by(one.key, jws.signing_input, jws.signature, alg=alg, allowed=jose.COMPATIBLE):
            return one
    if not found and isinstance(alg, str) and (key_type := jose.COMPATIBLE.get(alg)):
        jose.is_signed_by(_nobodys_key(key_type), jws.signing_input, jws.signature, alg=alg, allowed=jose.COMPATIBLE)
    return None


def _meant(jws: jose.Jws, client: Client, now: float) -> list[ClientKey]:
    """Return the keys that may have signed: of the named kid, if any, and fit for an algorithm that this client may use."""
    kid, alg = jws.header.get("kid"), jws.header.get("alg")
    key_type = client.algorithms.get(alg) if isinstance(alg, str) else None
    return [
        one
        for one in client.keys
        if (kid is None or one.kid is None or one.kid == kid) and one.key.key_type == key_type and one.counts(now)
    ]


@lru_cache(maxsize=3)
def _nobodys_key(key_type: str) -> jose.Key:
    """Return a public key whose private half nobody has: an odd number is enough of an RSA key to be tried."""
    if key_type == "RSA":
        modulus = (secrets.randbits(2_048) | (1 << 2_047) | 1).to_bytes(256, "big")
        return jose.import_public_key({"kty": "RSA", "n": jose.encode(modulus), "e": "AQAB"})
    made = jwk.generate_key("EC", "P-256") if key_type == "EC" else jwk.generate_key("OKP", "Ed25519")
    return jose.import_public_key(made.as_dict(private=False))


# -- one check a claim; each raises JoseRefusedError with what is wrong


def _typ(given: Given) -> None:
    typ = given.header.get("typ")
    if not (typ is None or isinstance(typ, str)) or typ not in TYPES:
        raise jose.JoseRefusedError("its typ is neither JWT nor client-authentication+jwt")


def _iss_sub(given: Given) -> None:
    name = given.claims.get("sub")
    if not isinstance(name, str) or given.claims.get("iss") != name:
        raise jose.JoseRefusedError("iss and sub must both be your client_id")


def _client_id(given: Given) -> None:
    if given.form_client_id is not None and given.form_client_id != given.claims.get("sub"):
        raise jose.JoseRefusedError("the form's client_id is not the assertion's sub")


def _aud(given: Given) -> None:
    # One string: FAPI 2.0 Security Profile Final, section 5.3.2.1, item 8.
    aud = given.claims.get("aud")
    if not isinstance(aud, str) or aud not in given.audiences:
        raise jose.JoseRefusedError(f"aud must be the issuer as one string: {given.issuer}")


def _exp(given: Given) -> None:
    expires = seconds(given.claims, "exp")
    if expires is None or expires <= given.now:
        raise jose.JoseRefusedError("it has expired: your clock may be slow")
    if expires > given.now + LONGEST + AHEAD:
        raise jose.JoseRefusedError(f"exp is more than {LONGEST} seconds away")


def _not_ahead(name: str) -> Callable[[Given], None]:
    def check(given: Given) -> None:
        at = seconds(given.claims, name, needed=False)
        if at is not None and at > given.now + AHEAD:
            raise jose.JoseRefusedError(f"{name} lies in the future: your clock may be fast")

    return check


def _jti(given: Given) -> None:
    jti = given.claims.get("jti")
    if not isinstance(jti, str) or not 0 < len(jti) <= LONGEST_JTI:
        raise jose.JoseRefusedError(f"jti must be a string of 1 to {LONGEST_JTI} characters")


Check = Callable[[Given], None]

# In the order in which they are made, which is also the order in which a developer is told.
BEFORE_KEY: Final[tuple[tuple[str, Check], ...]] = (("typ", _typ), ("iss, sub", _iss_sub), ("client_id", _client_id))
AFTER_KEY: Final[tuple[tuple[str, Check], ...]] = (
    ("aud", _aud),
    ("exp", _exp),
    ("iat", _not_ahead("iat")),
    ("nbf", _not_ahead("nbf")),
    ("jti", _jti),
)
