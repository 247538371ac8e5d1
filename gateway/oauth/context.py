"""Whom does the partner vouch for? A context that its client signed: who asks, in which role, from where, and why.

The claims are those that GP Connect has in its own: `requesting_practitioner`, `requesting_organization`,
`requesting_device`, `reason_for_request`. It names one caseworker and is good for several calls within its short life; it
is no token, and stands in for none.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from gateway.oauth import jose
from gateway.oauth.assertion import signing_key
from gateway.oauth.clients import Client
from gateway.oauth.times import AHEAD, LONGEST, seconds
from schemas.request import Caseworker
from schemas.terms import Assurance
from schemas.unseen import holds_unseen, label_form

TYPE: Final = "stile-context+jwt"
LONGEST_CONTEXT: Final = 4_096  # bytes of the header
_CLAIMS: Final = {
    "iss", "aud", "iat", "nbf", "exp", "jti", "requesting_practitioner", "requesting_organization", "requesting_device",
    "reason_for_request",
}  # fmt: skip


def read_context(text: str, *, client: Client, issuer: str, now: float) -> Caseworker:
    """Return the caseworker of a context that this client signed; JoseRefusedError names the claim that does not hold."""
    if len(text) > LONGEST_CONTEXT:
        raise jose.JoseRefusedError(f"it is over {LONGEST_CONTEXT} bytes")
    jws = jose.read(text)
    if jws.header.get("typ") != TYPE:
        raise jose.JoseRefusedError(f"its typ is not {TYPE}")
    if signing_key(jws, client, now) is None:
        raise jose.JoseRefusedError("it is not signed by a key registered for this client")
    claims = dict(jws.payload)
    unknown = sorted(claims.keys() - _CLAIMS)
    if unknown:
        raise jose.JoseRefusedError(f"its claims are {', '.join(sorted(_CLAIMS))}, and no others")
    if claims.get("iss") != client.client_id:
        raise jose.JoseRefusedError("iss must be your client_id")
    if claims.get("aud") != issuer:
        raise jose.JoseRefusedError(f"aud must be the issuer as one string: {issuer}")
    _check_times(claims, int(now))
    return _caseworker(claims)


def _check_times(claims: dict[str, object], now: int) -> None:
    issued, expires = seconds(claims, "iat"), seconds(claims, "exp")
    if issued is None or issued > now + AHEAD:
        raise jose.JoseRefusedError("iat lies in the future: your clock may be fast")
    if expires is None or expires <= now:
        raise jose.JoseRefusedError("it has expired: sign a new one")
    if expires > issued + LONGEST:
        raise jose.JoseRefusedError(f"exp is more than {LONGEST} seconds after iat")
    begins = seconds(claims, "nbf", needed=False)
    if begins is not None and begins > now + AHEAD:
        raise jose.JoseRefusedError("nbf lies in the future")


def _caseworker(claims: Mapping[str, Any]) -> Caseworker:
    who = _members(claims, "requesting_practitioner", {"id", "name", "role"})
    organisation = _members(claims, "requesting_organization", {"code"})
    device = _members(claims, "requesting_device", {"id"}) if "requesting_device" in claims else {}
    return Caseworker(
        id=_label(who, "id", 100),
        name=_text(who, "name", 200),
        role=_text(who, "role", 100),
        organisation_code=_text(organisation, "code", 100),
        assurance=Assurance.VOUCHED,
        device=_text(device, "id", 200) if device else None,
        reason=_text(claims, "reason_for_request", 1_000),
    )


def _members(claims: Mapping[str, Any], name: str, members: set[str]) -> dict[str, Any]:
    found = claims.get(name)
    if not isinstance(found, dict) or found.keys() != members:
        raise jose.JoseRefusedError(f"{name} must be an object of {', '.join(sorted(members))}")
    return found


def _text(holder: Mapping[str, Any], name: str, longest: int) -> str:
    value = holder.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= longest or not value.isprintable():
        raise jose.JoseRefusedError(f"{name} must be 1 to {longest} printable characters")
    return value


def _label(holder: Mapping[str, Any], name: str, longest: int) -> str:
    """Return the one form of what people type as a label, as in a request's body."""
    value = holder.get(name)
    form = label_form(value) if isinstance(value, str) and len(value) <= longest and not holds_unseen(value) else ""
    if not 0 < len(form) <= longest:
        raise jose.JoseRefusedError(f"{name} must be 1 to {longest} characters, none of them one that nobody sees")
    return form
