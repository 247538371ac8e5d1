"""The control API: declared incidents, a day's bound on emergencies, and their review by a second person."""

from __future__ import annotations

import asyncio
from contextlib import closing
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from audit.format.entry import canonical
from gateway.control.door import PREFIX, Authenticated, answer_change
from gateway.desk.emergencies import told_incident, told_items
from gateway.journey.wiring import Wiring
from gateway.store.emergencies import MOST_HOURS, MOST_PEOPLE, MOST_RAISED, Outcome, new_incident_id, open_incidents
from gateway.store.state import Reader
from gateway.web.changes import make_change, rows_of_deciding
from schemas.terms import EmergencyKind

router = APIRouter(prefix=PREFIX, tags=["control"], redirect_slashes=False)
IncidentId = Annotated[str, Path(pattern=r"^i_[0-9a-f]{12}$")]
ItemId = Annotated[str, Path(pattern=r"^(i_[0-9a-f]{12}|[a-z]_[0-9A-Za-z-]{1,64})$")]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,99}$")]


class IncidentIn(BaseModel):
    """An incident: whom it is for, and how long."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    what: str = Field(min_length=1, max_length=500, description="Which area or which people, in words.")
    partners: list[Name] = Field(min_length=1, max_length=50)
    kinds: list[EmergencyKind] = Field(min_length=1, max_length=10)
    most_people: int = Field(ge=1, le=MOST_PEOPLE)
    hours: int = Field(ge=1, le=MOST_HOURS)


class RaisingIn(BaseModel):
    """By how much a client's emergencies of today may pass their agreement's bound. The reason names nobody."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    agreement: Name
    client: Name
    people: int = Field(ge=1, le=MOST_RAISED)
    reason: str = Field(min_length=1, max_length=500)


class ReviewIn(BaseModel):
    """What a second person found. The note names nobody."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    outcome: Outcome
    note: str = Field(default="", max_length=1_000)


@router.get("/incidents", summary="List the open incidents")
async def get_incidents(request: Request, caller: Authenticated) -> Response:
    """Those that count now, the newest first."""
    del caller
    services = request.app.state.wiring.services
    found = open_incidents(services.reader.connection, services.clock())
    return Response(canonical({"incidents": [told_incident(one) for one in found]}), media_type="application/json")


@router.post("/incidents", status_code=201, summary="Declare an incident")
async def post_incident(request: Request, given: IncidentIn, caller: Authenticated) -> Response:
    """Its partners may ask about many people in one call, and find people by place, from the entry on."""
    wiring: Wiring = request.app.state.wiring
    name = new_incident_id()
    declare = wiring.changes.emergencies.declare(
        given.what,
        partners=frozenset(given.partners),
        kinds=frozenset(given.kinds),
        most_people=given.most_people,
        hours=given.hours,
        by=caller.by,
        incident_id=name,
    )
    return answer_change({"incident": name}, await make_change(wiring, caller, declare))


@router.post("/incidents/{incident}/closing", status_code=201, summary="Close an incident")
async def post_closing(request: Request, incident: IncidentId, caller: Authenticated) -> Response:
    """From the entry on nothing rests on it."""
    wiring: Wiring = request.app.state.wiring
    close = wiring.changes.emergencies.close(incident, by=caller.by)
    return answer_change({"incident": incident}, await make_change(wiring, caller, close))


@router.get("/emergencies", summary="List emergencies that wait for a review")
async def get_emergencies(
    request: Request,
    caller: Authenticated,
    *,
    reviewed: Annotated[bool, Query(description="Those that were reviewed instead, the newest first.")] = False,
) -> Response:
    """What is past two working days first; who asked, never whom it was about."""
    del caller
    # In a thread: who asked stands in the log, and the first search of a long one reads all of it.
    found = await asyncio.to_thread(_items, request.app.state.wiring, is_open=not reviewed)
    return Response(canonical({"emergencies": found}), media_type="application/json")


def _items(wiring: Wiring, *, is_open: bool) -> list[dict[str, Any]]:
    services = wiring.services
    with closing(wiring.council.store.open(read_only=True)) as connection:
        ring, index = services.keyring, wiring.council.search
        return told_items(Reader(connection), at=services.clock(), keyring=ring, index=index, is_open=is_open)


@router.post("/emergencies/{item}/review", status_code=201, summary="Review an emergency or an incident")
async def post_review(request: Request, item: ItemId, given: ReviewIn, caller: Authenticated) -> Response:
    """By somebody else than who is named in it; the review is an entry of the log."""
    wiring: Wiring = request.app.state.wiring
    review = wiring.changes.emergencies.review(item, outcome=given.outcome, note=given.note, by=caller.by)
    return answer_change(
        {"item": item, "outcome": given.outcome.value},
        await make_change(wiring, caller, review, rests_on=rows_of_deciding(wiring, caller)),
    )


@router.post("/emergency-bounds", status_code=201, summary="Raise a day's bound on emergencies")
async def post_raising(request: Request, given: RaisingIn, caller: Authenticated) -> Response:
    """For one client, under one agreement, today."""
    wiring: Wiring = request.app.state.wiring
    raising = wiring.changes.emergencies.raise_bound(
        given.agreement, given.client, people=given.people, reason=given.reason, by=caller.by
    )
    told = {"agreement": given.agreement, "client": given.client, "people": given.people}
    return answer_change(told, await make_change(wiring, caller, raising))
