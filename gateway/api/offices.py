"""Who calls the control API: a client by its token, or an operator by their session? Never by both, and each in a role."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final

from fastapi import Depends, Request
from starlette.responses import Response

from audit.format.entry import canonical
from audit.writing.item import Appended, Draft, Moment, Within
from audit.writing.sequencer import LogUnavailableError, NotDurableError
from gateway.api.door import authenticate
from gateway.journey.wiring import Wiring
from gateway.log.waiting import remember_call
from gateway.oauth.clients import Role
from gateway.operators import cookies, cross_site
from gateway.problems import (
    CONFLICT,
    CROSS_SITE_REFUSED,
    REQUEST_MALFORMED,
    SESSION_REFUSED,
    STEP_UP_NEEDED,
    TOKEN_REFUSED,
    WRONG_ROLE,
    ProblemError,
    log_unavailable,
)
from gateway.store import sign_ins
from gateway.store.changes import ChangeRefusedError
from gateway.store.operator_rows import FRESH, find_session
from gateway.store.state import Reader

PREFIX: Final = "/control/v1"
USED_EVERY: Final = 60.0  # seconds: a session's last use is written no oftener
# RFC 9470, section 3. What a session brings is no token, so the scheme is no token's.
STEP_UP_CHALLENGE: Final = f'Stile-Session error="insufficient_user_authentication", max_age="{int(FRESH.total_seconds())}"'


@dataclass(frozen=True, slots=True)
class Rule:
    """Who may call an address; with `needs_fresh`, by a session only with a sign-in of the last minutes."""

    roles: frozenset[Role]
    needs_fresh: bool = False


EVERYDAY: Final = Rule(frozenset({Role.DPO, Role.ADMINISTRATOR}))
PUBLISHING: Final = Rule(frozenset({Role.DPO, Role.APPROVER}), needs_fresh=True)
KEYS: Final = Rule(frozenset({Role.ADMINISTRATOR}), needs_fresh=True)
LETTING_IN: Final = Rule(frozenset({Role.DPO, Role.ADMINISTRATOR}), needs_fresh=True)
AUDITING: Final = Rule(frozenset({Role.AUDITOR, Role.DPO}))
READING: Final = Rule(frozenset({Role.DPO, Role.APPROVER, Role.ADMINISTRATOR, Role.AUDITOR}))
ADDRESSES: Final = Rule(frozenset({Role.ADMINISTRATOR}))  # where a council's systems lie
# By the part of the address behind /control/v1. What is not here is for the two roles of every day.
RULE_OF: Final = {
    "agreements": PUBLISHING,
    "clients": KEYS,
    "issuer-keys": KEYS,
    "registrations": LETTING_IN,
    "entries": AUDITING,
    "cores": READING,
    "datasets": READING,
    "sources": READING,
}
# Where reading is for more roles than writing.
READ_BY: Final = {"agreements": READING}


@dataclass(frozen=True, slots=True)
class ControlCaller:
    """An authenticated caller. `by` is who entries name; `still_counts` judges again inside a transaction."""

    by: str
    roles: frozenset[Role]
    still_counts: Callable[[Any, Moment], None]


def rule_of(*, path: str, method: str = "POST") -> Rule:
    """Return the rule of an address under /control."""
    part, _, rest = path.removeprefix(PREFIX).strip("/").partition("/")
    if part == "sources" and rest.endswith("/text"):
        return ADDRESSES
    if method in {"GET", "HEAD"} and part in READ_BY:
        return READ_BY[part]
    return RULE_OF.get(part, EVERYDAY)


async def authenticate_control(request: Request) -> None:
    """Keep the caller of a control call at `request.state.caller`, or raise the problem. Reads headers only."""
    wiring: Wiring = request.app.state.wiring
    wiring.services.reader.refresh()
    has_token = any(name in request.headers for name in ("authorization", "dpop"))
    has_session = cookies.is_sent(request, cookies.SESSION)
    if has_token and has_session:
        raise ProblemError(REQUEST_MALFORMED, "send a token or a session's cookie, not both")
    rule = rule_of(path=request.scope["path"], method=request.method)
    try:
        caller = await (_by_session(request, wiring, rule) if has_session else _by_token(request, wiring, rule))
    except (NotDurableError, LogUnavailableError) as error:
        raise log_unavailable() from error
    request.state.caller = caller


async def _by_token(request: Request, wiring: Wiring, rule: Rule) -> ControlCaller:
    now = wiring.services.clock().timestamp()
    caller = authenticate(request, wiring.door, now=now, audience=f"{wiring.door.issuer}/control")
    _require(rule, frozenset({caller.client.role}))
    await remember_call(wiring.services.log, caller.seen)

    def still_counts(connection: Any, _moment: Moment) -> None:
        # A token lives for 300 seconds at most, so one that counts is as fresh as a step-up asks.
        if not Reader(connection).still_counts(caller.token):
            raise ProblemError(TOKEN_REFUSED, "the client, a key or the token was taken back meanwhile")

    return ControlCaller(caller.client.client_id, frozenset({caller.client.role}), still_counts)


async def _by_session(request: Request, wiring: Wiring, rule: Rule) -> ControlCaller:
    operators, now = wiring.operators, wiring.services.clock()
    if not cross_site.is_own_page(request, operators.public_url):
        raise ProblemError(CROSS_SITE_REFUSED, "Origin is not this gateway's")
    found = operators.session_of(request, wiring.services.reader.connection, now)
    if found is None:
        raise ProblemError(SESSION_REFUSED)
    cookie, session = found
    given = request.headers.getlist(cross_site.HEADER)
    if len(given) != 1 or not cross_site.is_token(operators.csrf_key, cookie, given[0]):
        raise ProblemError(CROSS_SITE_REFUSED, "Stile-CSRF is not this session's token")
    _require(rule, session.roles)
    needs_fresh = rule.needs_fresh and request.method not in {"GET", "HEAD"}
    if needs_fresh and not session.is_fresh(now):
        raise step_up()
    if (now - session.used_at).total_seconds() >= USED_EVERY:
        await wiring.services.log.append(sign_ins.touch(session.key))

    def still_counts(connection: Any, moment: Moment) -> None:
        live = find_session(connection, session.key, at=moment.at, mapping=operators.mapping)
        if live is None or rule.roles.isdisjoint(live.roles):
            raise ProblemError(SESSION_REFUSED)
        if needs_fresh and not live.is_fresh(moment.at):
            raise step_up()

    return ControlCaller(session.operator_id, session.roles, still_counts)


def step_up() -> ProblemError:
    """Return the refusal of a session whose sign-in is too long ago: RFC 9470, section 3."""
    return ProblemError(STEP_UP_NEEDED, headers={"WWW-Authenticate": STEP_UP_CHALLENGE})


def _require(rule: Rule, roles: frozenset[Role]) -> None:
    if rule.roles.isdisjoint(roles):
        raise ProblemError(WRONG_ROLE, f"this call is for: {', '.join(sorted(rule.roles))}")


async def make_change(wiring: Wiring, caller: ControlCaller, within: Within) -> Appended | None:
    """Make a change durable where its caller still counts at that moment, or raise the problem."""

    def guarded(connection: Any, moment: Moment) -> Draft | None:
        caller.still_counts(connection, moment)
        return within(connection, moment)

    try:
        return await wiring.services.log.append(guarded)
    except ChangeRefusedError as error:
        raise ProblemError(CONFLICT, str(error)) from error
    except (NotDurableError, LogUnavailableError) as error:
        raise log_unavailable() from error


def answer_change(content: Mapping[str, Any], appended: Appended | None) -> Response:
    """Write what a change made, with the entry that it is."""
    entry = {"entry_id": appended.entry_id, "index": appended.index} if appended else {}
    return Response(canonical({**content, **entry}), 201, media_type="application/json")


async def control_caller(request: Request) -> ControlCaller:
    """Return who calls. They were authenticated before FastAPI read the body."""
    caller: ControlCaller = request.state.caller
    return caller


Authenticated = Annotated[ControlCaller, Depends(control_caller)]
