"""What happens once somebody has shown who they are? A new session under a new id, in place of the one before."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from starlette.responses import Response

from audit.stores.connection import Connection
from audit.writing.item import Moment
from gateway.console.door import Visit, append
from gateway.console.pages import own_place, see_other
from gateway.oauth.clients import Role
from gateway.operators import cookies
from gateway.problems import CALLBACK_REFUSED, SIGN_IN_REFUSED, ProblemError
from gateway.store import sign_ins
from gateway.store.changes import ChangeRefusedError
from gateway.store.operator_rows import Session
from gateway.store.sign_ins import Beginning


def session_before(visit: Visit) -> Session | None:
    """Return the live session that this browser has already."""
    found = visit.wiring.operators.session_of(visit.request, visit.wiring.services.reader, visit.now)
    return found[1] if found is not None else None


async def put_under_way(visit: Visit, content: Mapping[str, Any], *, is_strangers: bool) -> str:
    """Keep a step for this browser under a new id, and return the id. A stranger has shown nothing of who they are yet."""
    if visit.before is not None:
        await take_under_way(visit)
    browser = cookies.new_id()
    await append(visit.wiring, sign_ins.put_under_way(cookies.key_of(browser), content, is_strangers=is_strangers))
    return browser


async def take_under_way(visit: Visit) -> dict[str, Any] | None:
    """Return what was kept for this browser, which is forgotten with it."""
    if visit.before is None:
        return None
    taken: list[dict[str, Any]] = []
    await append(visit.wiring, sign_ins.take_under_way(cookies.key_of(visit.before), taken))
    return taken[0] if taken else None


def require_step(content: dict[str, Any] | None, step: str) -> dict[str, Any]:
    """Return what was kept for a step, or raise the problem where this browser is at none, or at another."""
    if content is None or content.get("step") != step:
        raise ProblemError(CALLBACK_REFUSED)
    return content


async def begin_session(
    visit: Visit,
    *,
    operator_id: str,
    method: str,
    roles: frozenset[Role],
    shown: str,
    authenticated_at: float,
    content: Mapping[str, Any],
    facts: Mapping[str, Any],
    also: Callable[[Connection, Moment], None] | None = None,
) -> Response:
    """Begin the session, and send the browser where it wanted to go. `content` is what was kept under way."""
    before, cookie = session_before(visit), cookies.new_id()
    renews = content.get("renews")
    if renews is not None and (before is None or before.key != renews or before.operator_id != operator_id):
        await failed(visit, method, "another operator", operator_id)
        raise ProblemError(SIGN_IN_REFUSED, "you are signed in as somebody else, or no longer: sign out first")
    new = Beginning(
        key=cookies.key_of(cookie),
        operator_id=operator_id,
        method=method,
        roles=roles,
        shown=shown,
        mapping=visit.wiring.operators.mapping,
        authenticated_at=datetime.fromtimestamp(authenticated_at, UTC),
        replaces=before.key if before is not None else None,
        renews=renews is not None,
    )
    await _begin(visit, new, facts, also)
    visit.wiring.telemetry.sign_ins.labels(method, "done").inc()
    answer = see_other(own_place(content.get("to")))
    cookies.give(answer, cookies.SESSION, cookie)
    cookies.forget(answer, cookies.BEFORE)
    return answer


async def _begin(
    visit: Visit, new: Beginning, facts: Mapping[str, Any], also: Callable[[Connection, Moment], None] | None
) -> None:
    try:
        await append(visit.wiring, visit.wiring.changes.sign_ins.begin(new, facts, also=also))
    except ChangeRefusedError as error:
        await failed(visit, new.method, "passkey", new.operator_id)
        raise ProblemError(SIGN_IN_REFUSED, str(error)) from error


async def failed(visit: Visit, method: str, why: str, operator_id: str | None = None) -> None:
    """Enter a sign-in that failed, and count it."""
    visit.wiring.telemetry.sign_ins.labels(method, "failed").inc()
    facts = {"method": method, "why": why}
    await append(visit.wiring, visit.wiring.changes.sign_ins.fail(operator_id, facts))
