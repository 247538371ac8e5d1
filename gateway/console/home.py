"""The first page: who am I, until when, and where else am I signed in?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.responses import Response

from gateway.console.door import SignedIn, append
from gateway.console.pages import SIGN_IN, page, see_other
from gateway.operators import cookies
from gateway.store import sign_ins
from gateway.store.operator_rows import sessions_of
from gateway.store.proposal_rows import count_waiting
from gateway.store.staffing import how_many_decide


async def get_home(visit: SignedIn) -> Response:
    """Show the operator's own session, and the others."""
    connection, mapping = visit.wiring.services.reader.connection, visit.wiring.operators.mapping
    titles: Mapping[Any, str] = visit.wiring.council.settings.role_titles
    sessions = sessions_of(connection, visit.session.operator_id, at=visit.now, mapping=mapping)
    return page(
        "home.html",
        csrf=visit.csrf,
        session=visit.session,
        roles=sorted(visit.session.roles),
        titles=[titles.get(one.value, one.value) for one in sorted(visit.session.roles)],
        people=how_many_decide(connection),
        waiting=count_waiting(connection),
        sessions=sessions,
        controller=visit.wiring.council.settings.controller,
    )


async def post_sign_out(visit: SignedIn) -> Response:
    """End this session."""
    await append(visit.wiring, sign_ins.end(visit.session.key))
    return _signed_out()


async def post_sign_out_everywhere(visit: SignedIn) -> Response:
    """End every session of this operator."""
    await append(visit.wiring, sign_ins.end_all(visit.session.operator_id))
    return _signed_out()


def _signed_out() -> Response:
    answer = see_other(SIGN_IN)
    cookies.forget(answer, cookies.SESSION)
    return answer
