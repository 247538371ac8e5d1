"""POST /oauth2/token and the metadata documents."""

from __future__ import annotations

from typing import Any, Final

import orjson
from starlette.requests import Request
from starlette.responses import Response

from audit.stores.connection import Connection
from audit.writing.item import Draft, Moment
from audit.writing.sequencer import LogUnavailableError, NotDurableError
from gateway.journey.wiring import Wiring
from gateway.log.used_once import remember, remember_call
from gateway.oauth import metadata
from gateway.oauth.refusals import CLIENT_REFUSED, OAuthRefusal
from gateway.oauth.server import TokenAnswer, answer_token_request, parse_form
from gateway.oauth.standing import SIGNED_TYPE, Standing, ask_about_token, introspected, signed_introspection
from gateway.problems import NOT_FOUND, PROOF_REPLAYED, ProblemError
from gateway.web.bodies import read_form

USED_BEFORE: Final = "the assertion or proof was used before: make new ones"
NO_STORE: Final = {"Cache-Control": "no-store", "Pragma": "no-cache"}


async def post_token(request: Request) -> Response:
    """Give a token; what must be remembered is durable before it is sent."""
    wiring: Wiring = request.state.wiring
    wiring.services.reader.refresh()
    try:
        form = parse_form(await read_form(request))
        await wiring.clients.prepare(form)
        answer = answer_token_request(
            wiring.endpoint,
            form=form,
            proofs=request.headers.getlist("dpop"),
            authorization=request.headers.getlist("authorization"),
            certificates=request.headers.getlist("client-cert"),
            now=wiring.services.clock().timestamp(),
        )
    except OAuthRefusal as refused:
        answer = TokenAnswer(refused.status_code, dict(refused.get_body()), (), None)
    wiring.telemetry.note_authenticated(by_switch=answer.by_switch)
    return await _send(answer, wiring)


async def _send(answer: TokenAnswer, wiring: Wiring) -> Response:
    if answer.seen:
        try:
            await remember_call(wiring.services.log, *answer.seen)
        except ProblemError:
            refused = OAuthRefusal(CLIENT_REFUSED, USED_BEFORE, status=401)
            answer = TokenAnswer(401, dict(refused.get_body()), (), None)
        except (NotDurableError, LogUnavailableError):
            body = {"error": "temporarily_unavailable", "error_description": "nothing can be recorded: try again"}
            return Response(orjson.dumps(body), 503, {**NO_STORE, "Retry-After": "5"}, media_type="application/json")
    if answer.status == 401:  # noqa: PLR2004 -- HTTP's own number
        wiring.telemetry.refused_tokens.inc()
    return Response(orjson.dumps(dict(answer.body)), answer.status, NO_STORE, media_type="application/json")


async def post_introspection(request: Request) -> Response:
    """Say whether a token is live and what it is good for (RFC 7662), signed where that is asked for (RFC 9701)."""
    wiring: Wiring = request.app.state.wiring
    reader = wiring.services.reader
    now = wiring.services.clock().timestamp()
    reader.refresh()
    try:
        asked = await _asked(request, wiring, now)
        await remember_call(wiring.services.log, asked.seen)
    except (OAuthRefusal, ProblemError, NotDurableError, LogUnavailableError) as refused:
        return refusal(refused, wiring)
    token = asked.token
    if token is not None and reader.is_token_revoked(token.jti):
        token = None
    holder = reader.find_client(token.client_id) if token is not None else None
    answer = introspected(token, issuer=wiring.endpoint.issuer, holder=holder)
    if SIGNED_TYPE in request.headers.get("accept", ""):
        signed = signed_introspection(wiring.endpoint, answer, client=asked.client, now=now)
        return Response(signed, 200, NO_STORE, media_type=SIGNED_TYPE)
    return Response(orjson.dumps(answer), 200, NO_STORE, media_type="application/json")


async def post_revocation(request: Request) -> Response:
    """Take a token back (RFC 7009): acknowledged once no later entry discloses by it; so is one that says nothing."""
    wiring: Wiring = request.app.state.wiring
    now = wiring.services.clock().timestamp()
    wiring.services.reader.refresh()
    try:
        asked = await _asked(request, wiring, now)
        await _take_back(asked, wiring)
    except (OAuthRefusal, ProblemError, NotDurableError, LogUnavailableError) as refused:
        return refusal(refused, wiring)
    return Response(b"", 200, NO_STORE)


async def _asked(request: Request, wiring: Wiring, now: float) -> Standing:
    form = parse_form(await read_form(request))
    await wiring.clients.prepare(form)
    return ask_about_token(wiring.endpoint, form=form, authorization=request.headers.getlist("authorization"), now=now)


async def _take_back(asked: Standing, wiring: Wiring) -> None:
    """Remember the assertion and revoke the token in one transaction. ProblemError where the assertion was used before."""
    token, client = asked.token, asked.client
    if token is None:
        await remember_call(wiring.services.log, asked.seen)
        return
    revoke = wiring.changes.tokens.revoke(token.jti, client_id=token.client_id, by=client.client_id)
    is_fresh = True

    def within(connection: Connection, moment: Moment) -> Draft | None:
        nonlocal is_fresh
        is_fresh = remember(moment, (asked.seen,))
        return revoke(connection, moment) if is_fresh else None

    await wiring.services.log.append(within)
    if not is_fresh:
        raise ProblemError(PROOF_REPLAYED)


def refusal(error: Exception, wiring: Wiring) -> Response:
    """Say no in OAuth's own form (RFC 7009, section 2.2.1; RFC 7662, section 2.3)."""
    if isinstance(error, (NotDurableError, LogUnavailableError)):
        body = {"error": "temporarily_unavailable", "error_description": "nothing can be recorded: try again"}
        return Response(orjson.dumps(body), 503, {**NO_STORE, "Retry-After": "5"}, media_type="application/json")
    refused = error if isinstance(error, OAuthRefusal) else OAuthRefusal(CLIENT_REFUSED, USED_BEFORE, status=401)
    if refused.status_code == 401:  # noqa: PLR2004 -- HTTP's own number
        wiring.telemetry.refused_tokens.inc()
    return Response(orjson.dumps(dict(refused.get_body())), refused.status_code, NO_STORE, media_type="application/json")


async def get_authorization_server(request: Request) -> Response:
    """RFC 8414."""
    wiring: Wiring = request.app.state.wiring
    return _document(
        metadata.authorization_server(
            wiring.door.issuer,
            wiring.council.settings.environment,
            binds_certificates=wiring.door.certificates is not None,
        )
    )


async def get_protected_resource(request: Request) -> Response:
    """RFC 9728, of /v1 and of /control."""
    wiring: Wiring = request.app.state.wiring
    path = "/control" if request.url.path.endswith("/control") else ""
    return _document(_resource(wiring, path))


async def get_dataset_resource(request: Request) -> Response:
    """RFC 9728, of one dataset of /v1: what a token with that `resource` is good for."""
    wiring: Wiring = request.app.state.wiring
    wiring.services.reader.refresh()
    name = request.path_params["dataset"]
    if wiring.services.reader.find_text("dataset", name) is None:
        raise ProblemError(NOT_FOUND, "no dataset of that name is published")
    return _document(_resource(wiring, f"/datasets/{name}"))


def _resource(wiring: Wiring, path: str) -> dict[str, Any]:
    return metadata.protected_resource(
        wiring.door.issuer,
        path,
        wiring.council.settings.environment,
        binds_certificates=wiring.door.certificates is not None,
    )


async def get_jwks(request: Request) -> Response:
    """The gateway's public keys (RFC 7517, section 5), the next one among them."""
    wiring: Wiring = request.app.state.wiring
    wiring.services.reader.refresh()
    return _document({"keys": wiring.issuer_keys.published(wiring.services.clock().timestamp())})


def _document(content: object) -> Response:
    return Response(orjson.dumps(content), headers={"Cache-Control": "public, max-age=300"}, media_type="application/json")
