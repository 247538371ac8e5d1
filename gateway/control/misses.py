"""The control API: what is locked by misses, and lifting it."""

from __future__ import annotations

import asyncio
from contextlib import closing
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from audit.format.entry import canonical
from gateway.control.door import PREFIX, Authenticated, answer_change
from gateway.desk.misses import told_locks
from gateway.journey.wiring import Wiring
from gateway.store.state import Reader
from gateway.web.changes import make_change

router = APIRouter(prefix=PREFIX, tags=["control"], redirect_slashes=False)
LockId = Annotated[str, Path(pattern=r"^[0-9a-f]{12}$")]


class LiftingIn(BaseModel):
    """Why a lock is lifted: it stands in the entry, and names nobody."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    reason: str = Field(min_length=1, max_length=500)


@router.get("/misses", summary="List what is locked by misses today")
async def get_misses(request: Request, caller: Authenticated) -> Response:
    """For whom and until when; never whom it is about."""
    del caller
    # In a thread: the id of a locked caseworker stands in the log, and the first search of a long one reads all of it.
    found = await asyncio.to_thread(_locks, request.app.state.wiring)
    return Response(canonical({"locks": found}), media_type="application/json")


def _locks(wiring: Wiring) -> list[dict[str, Any]]:
    services = wiring.services
    with closing(wiring.council.store.open(read_only=True)) as connection:
        return told_locks(Reader(connection), at=services.clock(), keyring=services.keyring, index=wiring.council.search)


@router.post("/misses/{lock}/lifting", status_code=201, summary="Lift a lock")
async def post_lifting(request: Request, lock: LockId, given: LiftingIn, caller: Authenticated) -> Response:
    """Its misses of today no longer count; an entry says who lifted it, and why."""
    wiring: Wiring = request.app.state.wiring
    lift = wiring.changes.locks.lift(lock, reason=given.reason, by=caller.by)
    return answer_change({"lock": lock}, await make_change(wiring, caller, lift))
