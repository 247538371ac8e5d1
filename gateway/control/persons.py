"""The control API: is a person known to the source, and what is recorded of them?"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, Any

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from audit.format.entry import canonical
from gateway.control.door import PREFIX, Authenticated
from gateway.desk.knowing import Looked, PersonUnknownError, look_up
from gateway.desk.listing import Listed, Listing
from gateway.journey.wiring import Wiring
from gateway.problems import CONFLICT, PERSON_UNKNOWN, ProblemError
from gateway.store.entries import ChangeRefusedError
from gateway.web.changes import ControlCaller, make_change

OneLine = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")]
Slug = Annotated[str, Field(max_length=100, pattern=r"^[a-z][a-z0-9_.-]*$")]
router = APIRouter(prefix=PREFIX, tags=["control"], redirect_slashes=False)


class PersonIn(BaseModel):
    """Whose records are meant. In a body: an address is kept by proxies, and a person's reference does not belong there."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    person: OneLine = Field(examples=["P0000042"])
    dataset: Slug | None = Field(default=None, description="None: every published one.", examples=["council-tax"])


async def look_up_person(wiring: Wiring, *, dataset: str, person: str) -> Looked:
    """Return whom a reference names, as the dataset's source says, or raise the problem."""
    services = wiring.services
    try:
        return await look_up(dataset, person, reader=services.reader, source_of=services.source_of)
    except PersonUnknownError as error:
        raise ProblemError(PERSON_UNKNOWN, str(error)) from error


@router.post("/consents/search", summary="List a person's consents")
async def post_consents_search(request: Request, given: PersonIn, caller: Authenticated) -> Response:
    """Everything that they gave, refused or withdrew; which of it counts now, for what, and what outweighs the rest."""
    wiring: Wiring = request.app.state.wiring
    now = wiring.services.clock()
    listed = await _listed(wiring, caller, lambda listing: listing.consents(given.person, given.dataset, now))
    return _told("consents", listed)


@router.post("/restrictions/search", summary="List a person's restrictions")
async def post_restrictions_search(request: Request, given: PersonIn, caller: Authenticated) -> Response:
    """Everything that was set and not lifted, and which of it holds something back now."""
    wiring: Wiring = request.app.state.wiring
    now = wiring.services.clock()
    listed = await _listed(wiring, caller, lambda listing: listing.restrictions(given.person, given.dataset, now))
    return _told("restrictions", listed)


async def _listed(wiring: Wiring, caller: ControlCaller, work: Callable[[Listing], Awaitable[Listed]]) -> Listed:
    services = wiring.services
    try:
        listed = await work(Listing(wiring.changes.people, services.reader, services.source_of, caller.by))
    except ChangeRefusedError as error:
        raise ProblemError(CONFLICT, str(error)) from error
    for within in listed.checked:
        await make_change(wiring, caller, within)
    return listed


def _told(what: str, listed: Listed) -> Response:
    content: dict[str, Any] = {what: listed.records, "notes": listed.notes}
    return Response(canonical(content), media_type="application/json")
