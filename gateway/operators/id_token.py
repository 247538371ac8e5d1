"""Who signed in at the provider, and in which roles? OpenID Connect Core 1.0, section 3.1.3.7. Only the ID token counts.

Authlib's own check takes the algorithms that the provider's metadata name, an `aud` with strangers in it and a leeway of
two minutes, and reads the wall clock: so the token is checked here. What is not a plain claim of this token gives no role:
no claim of another place (userinfo, a header, the address), and no pointer to one.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet
from joserfc.jws import JWSRegistry

from gateway.oauth.clients import Role
from gateway.store.operator_rows import NAMELESS

ALGORITHMS: Final = ("RS256", "PS256", "ES256", "EdDSA", "Ed25519")  # no `none`, and nothing by a shared secret
LEEWAY: Final = 30  # seconds that two clocks may differ
OLDEST: Final = 600  # seconds since it was issued: it comes at once, or not from this sign-in
LARGEST: Final = 32_768  # characters
MOST_VALUES: Final = 1_000
LONGEST_SUBJECT: Final = 255  # OpenID Connect Core 1.0, section 2
LONGEST_NAME: Final = 100
POINTERS: Final = "_claim_names"  # OpenID Connect Core 1.0, section 5.6.2; Entra ID sends it for "too many groups"


class IdTokenRefusedError(Exception):
    """The ID token does not hold. The message names the check, never a value."""


class UnknownKeyError(Exception):
    """The token names a key that the set lacks: the provider may have a new one."""


@dataclass(frozen=True, slots=True)
class Expected:
    """What an ID token must agree with. `not_before`: the oldest sign-in that counts, where a new one was asked for."""

    issuer: str
    client_id: str
    nonce: str
    now: float
    not_before: float | None = None


def read_id_token(token: object, jwks: Any, expected: Expected) -> dict[str, Any]:
    """Return the claims of a token that holds, or raise IdTokenRefusedError or UnknownKeyError."""
    if not isinstance(token, str) or len(token) > LARGEST:
        raise IdTokenRefusedError("there is no ID token of bearable size")
    try:
        keys = KeySet.import_key_set(jwks)
        decoded = jwt.decode(token, keys, registry=JWSRegistry(algorithms=list(ALGORITHMS), strict_check_header=False))
    except InvalidKeyIdError as error:
        raise UnknownKeyError from error
    except (JoseError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise IdTokenRefusedError("the ID token is not signed as it must be") from error
    if "crit" in decoded.header:
        raise IdTokenRefusedError("the ID token: it asks for what nobody here knows (RFC 7515, section 4.1.11)")
    claims = decoded.claims
    for wrong, what in _wrongs(claims, expected):
        if wrong:
            raise IdTokenRefusedError(f"the ID token: {what}")
    return dict(claims)


def _wrongs(claims: Mapping[str, Any], expected: Expected) -> list[tuple[bool, str]]:
    now, nonce, subject = expected.now, claims.get("nonce"), claims.get("sub")
    issued, expires, starts = (_instant(claims, name) for name in ("iat", "exp", "nbf"))
    return [
        (claims.get("iss") != expected.issuer, "iss is another provider"),
        (claims.get("aud") not in (expected.client_id, [expected.client_id]), "aud is not this gateway alone"),
        ("azp" in claims and claims["azp"] != expected.client_id, "azp is another client"),
        (expires is None or expires <= now - LEEWAY, "exp has passed"),
        (issued is None or not now - OLDEST < issued <= now + LEEWAY, "iat is not a moment ago"),
        ("nbf" in claims and (starts is None or starts > now + LEEWAY), "nbf is still to come"),
        (
            not isinstance(nonce, str) or not hmac.compare_digest(nonce.encode(), expected.nonce.encode()),
            "nonce is another sign-in's",
        ),
        (not isinstance(subject, str) or not 0 < len(subject) <= LONGEST_SUBJECT, "sub is missing"),
        *_wrong_age(claims, expected),
    ]


def _wrong_age(claims: Mapping[str, Any], expected: Expected) -> list[tuple[bool, str]]:
    """Return what is wrong with when the operator signed in: section 3.1.2.1, `max_age`."""
    if expected.not_before is None:
        return []
    at = _instant(claims, "auth_time")
    return [
        (at is None, "auth_time is missing, so that nobody can tell that the sign-in is new"),
        (at is not None and at < expected.not_before - LEEWAY, "auth_time is before it was asked for"),
        (at is not None and at > expected.now + LEEWAY, "auth_time is still to come"),
    ]


def authenticated_at(claims: Mapping[str, Any], now: float) -> float:
    """Return when the operator showed who they are; without `auth_time`, so long ago that nothing may rest on it."""
    at = _instant(claims, "auth_time")
    return 0.0 if at is None else min(at, now)


def _instant(claims: Mapping[str, Any], name: str) -> float | None:
    found = claims.get(name)
    if not isinstance(found, (int, float)) or isinstance(found, bool):
        return None
    return float(found) if 0 <= found < 2**53 else None


def roles_in(claims: Mapping[str, Any], claim: str, roles: Mapping[str, Role]) -> frozenset[Role]:
    """Return the roles that a claim's exact strings stand for; none for anything that is not a string or a list of them."""
    pointers = claims.get(POINTERS)
    if pointers is not None and (not isinstance(pointers, dict) or claim in pointers):
        return frozenset()
    found = claims.get(claim)
    values = [found] if isinstance(found, str) else found
    if not isinstance(values, list) or len(values) > MOST_VALUES or not all(isinstance(one, str) for one in values):
        return frozenset()
    return frozenset(roles[one] for one in values if one in roles)


def shown_name(claims: Mapping[str, Any]) -> str:
    """Return what the operator's own pages call them; it decides nothing but who can't review what they are named in."""
    for name in ("preferred_username", "name", "email"):
        found = claims.get(name)
        if isinstance(found, str) and found.isprintable() and 0 < len(found) <= LONGEST_NAME:
            return found
    return NAMELESS
