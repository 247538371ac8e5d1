"""Who calls? Authenticates from the headers, before a byte of the body is read, and names the request."""

from __future__ import annotations

import re
from typing import Final

from starlette.requests import Request

from gateway.journey.equipment import Chance
from gateway.oauth.caller import Caller, Door, TokenRefusedError, authenticate_call
from gateway.problems import TOKEN_REFUSED, ProblemError
from gateway.web.headers import NONE, first_of, headers_of

_REQUEST_ID: Final = re.compile(r"[A-Za-z0-9._:-]{1,64}")
_TRACEPARENT: Final = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")


def request_id_of(request: Request, chance: Chance) -> str:
    """Return the caller's X-Request-ID where it is a plain one, else a new one."""
    given = first_of(request, b"x-request-id")
    return given if _REQUEST_ID.fullmatch(given) else chance.take(12).hex()


def traceparent_of(request: Request) -> str | None:
    """Return the caller's `traceparent` (W3C Trace Context, section 3.2) where it is well-formed."""
    given = first_of(request, b"traceparent")
    return given if _TRACEPARENT.fullmatch(given) else None


def authenticate(request: Request, door: Door, *, now: float, audience: str) -> Caller:
    """Return the caller of `/v1` or `/control`, or raise the 401 problem with its challenge."""
    given = headers_of(request)
    try:
        return authenticate_call(
            door,
            authorization=given.get(b"authorization", NONE),
            proofs=given.get(b"dpop", NONE),
            method=request.method,
            path=request.scope["path"],
            audience=audience,
            now=now,
            certificates=given.get(b"client-cert", NONE),
        )
    except TokenRefusedError as refused:
        # RFC 9449, section 7.1, and RFC 9728, section 5.1.
        where = f'resource_metadata="{door.issuer}/.well-known/oauth-protected-resource"'
        challenge = f'DPoP error="{refused.error}", algs="ES256 PS256 EdDSA", {where}'
        if door.certificates is not None:  # RFC 6750, section 3: for tokens that are bound to a certificate alone
            challenge += f', Bearer error="invalid_token", {where}'
        raise ProblemError(TOKEN_REFUSED, refused.why, headers={"WWW-Authenticate": challenge}) from refused
