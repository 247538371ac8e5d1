"""The control API: who am I here, and how do I sign a command line out?"""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from audit.format.entry import canonical
from gateway.control.door import PREFIX, Authenticated
from gateway.journey.wiring import Wiring
from gateway.problems import CONFLICT, ProblemError
from gateway.store import sign_ins
from gateway.store.account_persons import find_person
from gateway.web.changes import make_change
from schemas.instants import as_text

router = APIRouter(prefix=PREFIX, tags=["control"], redirect_slashes=False)


@router.get("/who", summary="Say who calls")
async def get_who(request: Request, caller: Authenticated) -> Response:
    """By which name entries know who calls, in which roles, and until when a session lasts."""
    wiring: Wiring = request.app.state.wiring
    person = find_person(wiring.services.reader.connection, caller.by)
    ends = as_text(caller.session.ends_at) if caller.session is not None else None
    told = {
        "by": caller.by,
        "roles": sorted(one.value for one in caller.roles),
        "person_known": person is not None,
        "ends_at": ends,
    }
    return Response(canonical(told), media_type="application/json")


@router.post("/logout", status_code=201, summary="End the session that a call is made by")
async def post_logout(request: Request, caller: Authenticated) -> Response:
    """A client's token ends by itself, and by `/oauth2/revoke`."""
    if caller.session is None:
        raise ProblemError(CONFLICT, "a client's token is no session: revoke it at /oauth2/revoke")
    await make_change(request.app.state.wiring, caller, sign_ins.end(caller.session.key))
    return Response(canonical({"by": caller.by, "ended": True}), 201, media_type="application/json")
