"""POST /oauth2/token and the metadata documents."""

from __future__ import annotations

import asyncio
from typing import Final

import orjson
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from audit.sequencer import LogUnavailableError, NotDurableError
from gateway.api.reading import SLOWEST
from gateway.log import remember_call
from gateway.oauth import metadata
from gateway.oauth.refusals import REQUEST_REFUSED, OAuthRefusal
from gateway.oauth.server import TokenAnswer, answer_token_request, parse_form
from gateway.problems import ProblemError
from gateway.wiring import Wiring

LARGEST: Final = 65_536  # bytes of a form
NO_STORE: Final = {"Cache-Control": "no-store", "Pragma": "no-cache"}


async def post_token(request: Request) -> Response:
    """Give a token; what must be remembered is durable before it is sent."""
    wiring: Wiring = request.app.state.wiring
    wiring.services.reader.refresh()
    try:
        form = parse_form(await _read_form(request))
        answer = answer_token_request(
            wiring.endpoint,
            form=form,
            proofs=request.headers.getlist("dpop"),
            authorization=request.headers.getlist("authorization"),
            now=wiring.services.clock().timestamp(),
        )
    except OAuthRefusal as refused:
        answer = TokenAnswer(refused.status_code, dict(refused.get_body()), (), None)
    return await _send(answer, wiring)


async def _send(answer: TokenAnswer, wiring: Wiring) -> Response:
    if answer.seen:
        try:
            await remember_call(wiring.services.log, *answer.seen)
        except ProblemError:
            refused = OAuthRefusal("invalid_client", "the assertion or proof was used before: make new ones", status=401)
            answer = TokenAnswer(401, dict(refused.get_body()), (), None)
        except (NotDurableError, LogUnavailableError):
            body = {"error": "temporarily_unavailable", "error_description": "nothing can be recorded: try again"}
            return Response(orjson.dumps(body), 503, {**NO_STORE, "Retry-After": "5"}, media_type="application/json")
    if answer.status == 401:  # noqa: PLR2004 -- HTTP's own number
        wiring.telemetry.refused_tokens.inc()
    return Response(orjson.dumps(dict(answer.body)), answer.status, NO_STORE, media_type="application/json")


async def _read_form(request: Request) -> bytes:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        raise OAuthRefusal(REQUEST_REFUSED, "the body must be application/x-www-form-urlencoded")
    if request.url.query:
        raise OAuthRefusal(REQUEST_REFUSED, "parameters belong in the body, not in the address")
    body = b""
    try:
        async with asyncio.timeout(SLOWEST):
            async for part in request.stream():
                body += part
                if len(body) > LARGEST:
                    raise OAuthRefusal(REQUEST_REFUSED, f"the body is over {LARGEST} bytes", status=413)
    except TimeoutError as error:
        raise OAuthRefusal(REQUEST_REFUSED, f"the body took over {SLOWEST:g} seconds", status=408) from error
    except ClientDisconnect as error:
        raise OAuthRefusal(REQUEST_REFUSED, "the body broke off") from error
    return body


async def get_authorization_server(request: Request) -> Response:
    """RFC 8414."""
    wiring: Wiring = request.app.state.wiring
    return _document(metadata.authorization_server(wiring.door.issuer))


async def get_protected_resource(request: Request) -> Response:
    """RFC 9728, of /v1 and of /control."""
    wiring: Wiring = request.app.state.wiring
    path = "/control" if request.url.path.endswith("/control") else ""
    return _document(metadata.protected_resource(wiring.door.issuer, path))


async def get_jwks(request: Request) -> Response:
    """The gateway's public keys (RFC 7517, section 5)."""
    wiring: Wiring = request.app.state.wiring
    key = wiring.council.issuer_key
    public = {**key.key.as_dict(private=False), "kid": key.kid, "use": "sig", "alg": "ES256"}
    return _document({"keys": [public]})


def _document(content: object) -> Response:
    return Response(orjson.dumps(content), headers={"Cache-Control": "public, max-age=300"}, media_type="application/json")
