"""POST /oauth2/register, and what a client may do there with its own registration: RFC 7591, RFC 7592.

Who may register holds an invitation, so that a registration is a known partner's; and it is let in only once the council
has approved it.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any, Final

import orjson
from starlette.requests import Request
from starlette.responses import Response

from audit.writing.sequencer import LogUnavailableError, NotDurableError
from gateway.api.oauth import NO_STORE
from gateway.journey.wiring import Wiring
from gateway.oauth.jwks_fetch import JwksRefusedError, check_jwks_uri
from gateway.oauth.registration import (
    MAY_CHANGE,
    METADATA_REFUSED,
    Metadata,
    RegistrationRefusedError,
    read_metadata,
)
from gateway.problems import ProblemError
from gateway.store.changes import ChangeRefusedError
from gateway.store.registrations import (
    Registration,
    Status,
    TokenSpentError,
    find_by_token,
    is_invited,
    new_token,
    token_hash,
)
from gateway.web.bodies import decode, read_body

PATH: Final = "/oauth2/register"
_SCHEME: Final = "bearer "
_LONGEST_TOKEN: Final = 100
_NOT_SENT: Final = (
    "registration_access_token",
    "registration_client_uri",
    "client_secret_expires_at",
    "client_id_issued_at",
)


class _UnknownTokenError(Exception):
    """The call brings no token that counts: 401, and no word why (RFC 7592, section 2)."""


async def post_registration(request: Request) -> Response:
    """Take what a client says of itself, by an invitation; it waits for the council then."""
    wiring: Wiring = request.app.state.wiring
    try:
        invitation = _token_of(request)
        if not is_invited(wiring.services.reader.connection, invitation, wiring.services.clock().timestamp()):
            raise _UnknownTokenError
        metadata = _metadata(await _body(request), wiring)
        client_id, token = f"c-{secrets.token_hex(10)}", new_token()
        said = metadata.document()
        register = wiring.changes.registrations.register(client_id, token_hash(token), said, invitation=invitation)
        await wiring.services.log.append(register)
    except _FAILURES as failure:
        return _refusal(failure, wiring)
    at = int(wiring.services.clock().timestamp())
    return _shown(client_id, said, Status.PENDING, at, wiring, token=token, code=201)


async def registration(request: Request) -> Response:
    """Show, replace or take back a registration, by its own token."""
    wiring: Wiring = request.app.state.wiring
    wiring.services.reader.refresh()
    client_id = str(request.path_params["client_id"])
    try:
        token = _token_of(request)
        now = wiring.services.clock().timestamp()
        found = find_by_token(wiring.services.reader.connection, client_id, token, now)
        if found is None:
            raise _UnknownTokenError
        if request.method == "PUT":
            return await _replace(request, wiring, found, token)
        if request.method == "DELETE":
            await wiring.services.log.append(wiring.changes.registrations.withdraw(client_id, token=token))
            return Response(b"", 204, NO_STORE)
    except _FAILURES as failure:
        return _refusal(failure, wiring)
    # RFC 7592, section 3: the answer holds the token; of ours only its hash is kept, so it is the one that was sent.
    sent = request.headers["authorization"][len(_SCHEME) :]
    return _shown(client_id, found.metadata, found.status, found.registered_at, wiring, token=sent)


async def _replace(request: Request, wiring: Wiring, found: Registration, token: str) -> Response:
    given = await _body(request)
    if any(name in given for name in _NOT_SENT) or given.get("client_id") != found.client_id:
        raise RegistrationRefusedError(METADATA_REFUSED, f"send client_id, and none of {', '.join(_NOT_SENT)}")
    said = _metadata(given, wiring).document()
    renewed, replaced = new_token(), found

    def check(as_it_stands: Registration) -> None:
        # In the transaction: it may have been approved since this call was let in.
        nonlocal replaced
        replaced = as_it_stands
        if as_it_stands.status is Status.APPROVED:
            _check_kept(as_it_stands.metadata, said)

    change = wiring.changes.registrations.replace(
        found.client_id, said, token=token, renewed=token_hash(renewed), check=check
    )
    await wiring.services.log.append(change)
    return _shown(found.client_id, said, replaced.status, found.registered_at, wiring, token=renewed)


def _check_kept(before: Mapping[str, Any], said: Mapping[str, Any]) -> None:
    """Raise RegistrationRefusedError where an approved client would change what the council has approved."""
    changed = [name for name in {*before, *said} if before.get(name) != said.get(name) and name not in MAY_CHANGE]
    if changed:
        what = f"{', '.join(sorted(changed))} stays as it was approved; a new key comes by POST /oauth2/keys"
        raise RegistrationRefusedError(METADATA_REFUSED, what)


def _token_of(request: Request) -> str:
    """Return the hash of the one token that a call brings (RFC 6750, section 2.1)."""
    given = request.headers.getlist("authorization")
    if len(given) != 1 or not given[0].lower().startswith(_SCHEME) or len(given[0]) > _LONGEST_TOKEN:
        raise _UnknownTokenError
    return token_hash(given[0][len(_SCHEME) :])


async def _body(request: Request) -> dict[str, Any]:
    found: dict[str, Any] = decode(await read_body(request), dict[str, Any])
    return found


def _metadata(given: Mapping[str, Any], wiring: Wiring) -> Metadata:
    settings = wiring.council.settings
    found = read_metadata(given, environment=settings.environment, binds_certificates=wiring.door.certificates is not None)
    if found.jwks_uri is not None:
        try:
            check_jwks_uri(found.jwks_uri, settings.jwks_hosts, allow_private=settings.jwks_allow_private)
        except JwksRefusedError as refused:
            raise RegistrationRefusedError(METADATA_REFUSED, str(refused)) from refused
    return found


def _shown(
    client_id: str,
    said: Mapping[str, Any],
    status: Status,
    at: int,
    wiring: Wiring,
    *,
    token: str,
    code: int = 200,
) -> Response:
    """Write a registration as RFC 7591, section 3.2.1 and RFC 7592, section 3 have it."""
    told = {
        "client_id": client_id,
        "client_id_issued_at": at,
        "registration_client_uri": f"{wiring.door.issuer}{PATH}/{client_id}",
        "registration_access_token": token,
        "stile_status": status.value,
        **said,
    }
    return Response(orjson.dumps(told), code, NO_STORE, media_type="application/json")


_FAILURES: Final = (
    _UnknownTokenError,
    RegistrationRefusedError,
    ChangeRefusedError,
    ProblemError,
    NotDurableError,
    LogUnavailableError,
)


def _refusal(failure: Exception, wiring: Wiring) -> Response:
    """Say no as RFC 7591, section 3.2.2 and RFC 6750, section 3.1 do."""
    headers = dict(NO_STORE)
    if isinstance(failure, (_UnknownTokenError, TokenSpentError)):
        wiring.telemetry.refused_tokens.inc()
        headers["WWW-Authenticate"] = 'Bearer error="invalid_token"'
        status, error, why = 401, "invalid_token", "the token is missing, or counts no more: ask the council"
    elif isinstance(failure, (NotDurableError, LogUnavailableError)):
        headers["Retry-After"] = "5"
        status, error, why = 503, "temporarily_unavailable", "nothing can be recorded: try again"
    elif isinstance(failure, ProblemError):
        status, error, why = failure.problem.status, METADATA_REFUSED, failure.detail or failure.problem.title
    else:
        error = failure.error if isinstance(failure, RegistrationRefusedError) else METADATA_REFUSED
        status, why = 400, str(failure)
    body = {"error": error, "error_description": why}
    return Response(orjson.dumps(body), status, headers, media_type="application/json")
