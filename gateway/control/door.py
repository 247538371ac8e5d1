"""Who calls the control API: a client by its token, or an operator by their session? Never by both, and each in a role."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Annotated, Any, Final

from fastapi import Depends, Request
from starlette.responses import Response
from starlette.types import Message, Receive

from audit.format.entry import canonical
from audit.stores.connection import Connection
from audit.writing.item import Appended, Moment
from audit.writing.sequencer import LogUnavailableError, NotDurableError
from gateway.journey.wiring import Wiring
from gateway.log.used_once import remember_call
from gateway.oauth.clients import Role
from gateway.operators import cookies, cross_site
from gateway.problems import (
    CROSS_SITE_REFUSED,
    REQUEST_MALFORMED,
    SESSION_REFUSED,
    TOKEN_REFUSED,
    WRONG_ROLE,
    ProblemError,
    log_unavailable,
)
from gateway.store.proposal_rows import Proposal
from gateway.store.state import Reader
from gateway.web.bodies import decode, read_body
from gateway.web.changes import ControlCaller
from gateway.web.command_line import find_command_line, is_command_line
from gateway.web.door import authenticate
from gateway.web.offices import (
    ADDRESSES,
    ADVISING,
    ANYBODY,
    AUDITING,
    DECIDING,
    EMERGENCIES,
    EVERYDAY,
    KEYS,
    LETTING_IN,
    PROPOSING,
    PUBLISHING,
    READING,
    SAFE,
    Rule,
)
from gateway.web.sessions import caller_of, note_use, require_fresh

PREFIX: Final = "/control/v1"
WayIn = Callable[[Request, Wiring, Rule], Awaitable[ControlCaller]]
# By the part of the address behind /control/v1. What is not here is for the two roles of every day.
RULE_OF: Final = {
    "agreements": PUBLISHING,
    "changes": PROPOSING,
    "who": ANYBODY,
    "logout": ANYBODY,
    "incidents": EMERGENCIES,
    "emergencies": EMERGENCIES,
    "emergency-bounds": EMERGENCIES,
    "clients": KEYS,
    "issuer-keys": KEYS,
    "registrations": LETTING_IN,
    "entries": AUDITING,
    "cores": READING,
    "datasets": READING,
    "sources": READING,
}
# Where reading is for more roles than writing.
READ_BY: Final = {"agreements": READING, "changes": READING}
# What is done to a change that was proposed, by the last part of the address.
RULE_OF_STEP: Final = {"approval": DECIDING, "rejection": DECIDING, "advice": ADVISING}


def rule_of(*, path: str, method: str = "POST") -> Rule:
    """Return the rule of an address under /control."""
    part, _, rest = path.removeprefix(PREFIX).strip("/").partition("/")
    if part == "sources" and rest.endswith("/text"):
        return ADDRESSES
    if part == "changes" and method not in SAFE:
        return RULE_OF_STEP.get(rest.rpartition("/")[2], PROPOSING)
    if method in SAFE and part in READ_BY:
        return READ_BY[part]
    return RULE_OF.get(part, EVERYDAY)


def roles_of(*, path: str, method: str) -> frozenset[Role]:
    """Return who may call an address, for the description of it."""
    return rule_of(path=path, method=method).roles


async def enter(request: Request, receive: Receive) -> Receive:
    """Let a control call in, or raise the problem. Who calls is known before a byte of the body is read."""
    await authenticate_control(request)
    return await checked_body(request, receive)


async def authenticate_control(request: Request) -> None:
    """Keep the caller of a control call at `request.state.caller`, or raise the problem. Reads headers only."""
    wiring: Wiring = request.app.state.wiring
    wiring.services.reader.refresh()
    has_token = any(name in request.headers for name in ("authorization", "dpop"))
    has_session = cookies.is_sent(request, cookies.SESSION)
    if has_token and has_session:
        raise ProblemError(REQUEST_MALFORMED, "send a token or a session's cookie, not both")
    rule = rule_of(path=request.scope["path"], method=request.method).by(request.method)
    try:
        caller = await _way_in(request, has_session=has_session)(request, wiring, rule)
    except (NotDurableError, LogUnavailableError) as error:
        raise log_unavailable() from error
    request.state.caller = caller


async def checked_body(request: Request, receive: Receive) -> Receive:
    """Return what hands the app the body, once it is bounded, strict JSON: FastAPI itself would take anything."""
    headers = request.headers
    if headers.get("content-length", "0") == "0" and "transfer-encoding" not in headers:
        return receive
    body = await read_body(request)
    decode(body, dict[str, Any])
    messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replay() -> Message:
        return messages.pop() if messages else await receive()

    return replay


def _way_in(request: Request, *, has_session: bool) -> WayIn:
    if has_session:
        return _by_session
    return _by_command_line if is_command_line(request) else _by_token


async def _by_command_line(request: Request, wiring: Wiring, rule: Rule) -> ControlCaller:
    session, seen = find_command_line(request, wiring)
    _require(rule, session.roles)
    require_fresh(rule, session, wiring.services.clock())
    await remember_call(wiring.services.log, seen)
    await note_use(wiring, session, wiring.services.clock())
    return caller_of(session, rule, mapping=wiring.operators.mapping)


async def _by_token(request: Request, wiring: Wiring, rule: Rule) -> ControlCaller:
    now = wiring.services.clock().timestamp()
    caller = authenticate(request, wiring.door, now=now, audience=f"{wiring.door.issuer}/control")
    _require(rule, frozenset({caller.client.role}))
    await remember_call(wiring.services.log, caller.seen)

    def still_counts(connection: Connection, _moment: Moment) -> None:
        # A token lives for 300 seconds at most, so one that counts is as fresh as a step-up asks.
        if not Reader(connection).still_counts(caller.token):
            raise ProblemError(TOKEN_REFUSED, "the client, a key or the token was taken back meanwhile")

    return ControlCaller(caller.client.client_id, frozenset({caller.client.role}), still_counts)


async def _by_session(request: Request, wiring: Wiring, rule: Rule) -> ControlCaller:
    operators, now = wiring.operators, wiring.services.clock()
    if not cross_site.is_own_page(request, operators.public_url):
        raise ProblemError(CROSS_SITE_REFUSED, "Origin is not this gateway's")
    found = operators.session_of(request, wiring.services.reader, now)
    if found is None:
        raise ProblemError(SESSION_REFUSED)
    cookie, session = found
    given = request.headers.getlist(cross_site.HEADER)
    if len(given) != 1 or not cross_site.is_token(operators.csrf_key, cookie, given[0]):
        raise ProblemError(CROSS_SITE_REFUSED, "Stile-CSRF is not this session's token")
    _require(rule, session.roles)
    require_fresh(rule, session, now)
    await note_use(wiring, session, now)
    return caller_of(session, rule, mapping=operators.mapping)


def _require(rule: Rule, roles: frozenset[Role]) -> None:
    if not rule.lets(roles):
        raise ProblemError(WRONG_ROLE, f"this call is for: {rule.words()}")


def answer_change(content: Mapping[str, Any], appended: Appended | None) -> Response:
    """Write what a change made, with the entry that it is."""
    entry = {"entry_id": appended.entry_id, "index": appended.index} if appended else {}
    return Response(canonical({**content, **entry}), 201, media_type="application/json")


def answer_made(content: Mapping[str, Any], made: Sequence[Proposal], appended: Appended | None) -> Response:
    """Write what one person's step made; or, where two people decide, what was proposed by it and waits."""
    if not made:
        return answer_change({**content, "people": 1}, appended)
    entry = {"entry_id": appended.entry_id, "index": appended.index} if appended else {}
    told = {**content, "change": made[0].change_id, "change_digest": made[0].digest, "status": "pending", **entry}
    return Response(canonical(told), 202, media_type="application/json")


async def control_caller(request: Request) -> ControlCaller:
    """Return who calls. They were authenticated before FastAPI read the body."""
    caller: ControlCaller = request.state.caller
    return caller


Authenticated = Annotated[ControlCaller, Depends(control_caller)]
