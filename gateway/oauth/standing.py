"""Does a token still count, and who may ask or take it back? RFC 7662, RFC 7009, RFC 9701."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from gateway.oauth import jose
from gateway.oauth.access_token import Token
from gateway.oauth.assertion import ASSERTION_TYPE, Authenticated, authenticate
from gateway.oauth.clients import Client, Role
from gateway.oauth.refusals import CLIENT_REFUSED, REQUEST_REFUSED, OAuthRefusal
from gateway.oauth.server import Endpoint, Seen

SIGNED_TYPE: Final = "application/token-introspection+jwt"
INACTIVE: Final = {"active": False}  # RFC 7662, section 2.2: and no more, so that nobody learns why


@dataclass(frozen=True, slots=True)
class Standing:
    """A question about a token, by an authenticated client. `token` is None where it says nothing to this client."""

    client: Client
    seen: Seen
    token: Token | None


def ask_about_token(endpoint: Endpoint, *, form: Mapping[str, str], authorization: Sequence[str], now: float) -> Standing:
    """Return the token of a form that is live and this client's to know of; OAuthRefusal for the client or the form.

    Its own tokens are a partner's to know of; the council's clients know all of them. Whether it was revoked, the state
    tells.
    """
    known = authenticate_form(endpoint, form=form, authorization=authorization, now=now)
    if "token" not in form:
        raise OAuthRefusal(REQUEST_REFUSED, "send the parameter token")
    seen = Seen(scope=f"assertion/{known.client.client_id}", jti=known.jti, expires=known.expires)
    return Standing(known.client, seen, _find(endpoint, form["token"], known.client, now))


def authenticate_form(
    endpoint: Endpoint, *, form: Mapping[str, str], authorization: Sequence[str], now: float
) -> Authenticated:
    """Return the client whose assertion stands in a form, and in one way alone (RFC 6749, section 2.3)."""
    if authorization or "client_secret" in form:
        raise OAuthRefusal(REQUEST_REFUSED, "authenticate in one way: by client_assertion alone")
    if form.get("client_assertion_type") != ASSERTION_TYPE or "client_assertion" not in form:
        raise OAuthRefusal(
            CLIENT_REFUSED, f"send client_assertion, with client_assertion_type {ASSERTION_TYPE}", status=401
        )
    return authenticate(
        form["client_assertion"],
        form_client_id=form.get("client_id"),
        issuer=endpoint.issuer,
        clients=endpoint.clients,
        now=now,
    )


def _find(endpoint: Endpoint, token: str, client: Client, now: float) -> Token | None:
    try:
        found = endpoint.tokens.inspect(token, now=now)
    except jose.JoseRefusedError:
        return None
    if client.role is Role.PARTNER and found.client_id != client.client_id:
        return None
    return found


def introspected(token: Token | None, *, issuer: str, holder: Client | None) -> dict[str, Any]:
    """Return the answer of RFC 7662, section 2.2; of a token whose holder may no longer call, that it is not active."""
    if token is None or holder is None or not holder.stands_behind(token):
        return dict(INACTIVE)
    return {
        "active": True,
        "iss": issuer,
        "aud": token.audience,
        "sub": token.client_id,
        "client_id": token.client_id,
        "exp": token.expires,
        "jti": token.jti,
        "token_type": "DPoP" if token.jkt else "Bearer",
        "cnf": token.bound_to,
        "authorization_details": [dict(one) for one in token.details.values()],
    }


def signed_introspection(endpoint: Endpoint, answer: Mapping[str, Any], *, client: Client, now: float) -> str:
    """Return the same as a JWT for this client alone: RFC 9701, section 5."""
    claims = {"iss": endpoint.issuer, "aud": client.client_id, "iat": int(now), "token_introspection": dict(answer)}
    return endpoint.tokens.sign("token-introspection+jwt", claims)
