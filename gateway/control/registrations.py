"""The control API: which clients have registered themselves and wait, and are they let in?"""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from audit.format.entry import canonical
from gateway.control.door import PREFIX, Authenticated, answer_change, answer_made
from gateway.journey.wiring import Wiring
from gateway.store.acting import LONGEST_REASON
from gateway.store.change_kinds import REGISTRATION
from gateway.store.proposal_rows import Proposal
from gateway.store.registrations import Registration, Status, read_registrations
from gateway.web.changes import make_change, rows_of_deciding

router = APIRouter(prefix=PREFIX, tags=["control"], redirect_slashes=False)
RegistrationId = Annotated[str, Path(pattern=r"^c-[0-9a-f]{20}$")]


class ApprovalIn(BaseModel):
    """Which version of a registration is approved: the digest that was listed with it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    digest: str = Field(pattern=r"^sha256:[0-9a-f]{64}$")
    reason: str = Field(
        default="", max_length=LONGEST_REASON, description="Why: needed where two people decide, for then it is proposed."
    )


@router.get("/registrations", summary="List the clients that have registered themselves, and wait")
async def get_registrations(request: Request, caller: Authenticated) -> Response:
    """The oldest first. Of what a client says of itself only the form was checked."""
    del caller
    wiring: Wiring = request.app.state.wiring
    waiting = read_registrations(wiring.services.reader.connection, Status.PENDING)
    content = canonical({"registrations": [_described(one) for one in waiting]})
    return Response(content, media_type="application/json")


@router.post(
    "/registrations/{client_id}/approval",
    status_code=201,
    summary="Let a client in that registered itself",
    responses={202: {"description": "Two people decide here: it was proposed, as `change`."}},
)
async def post_approval(request: Request, client_id: RegistrationId, given: ApprovalIn, caller: Authenticated) -> Response:
    """It counts from its entry on: where one person decides; else it is proposed (202), and waits for another's approval.

    A session needs a sign-in of the last five minutes.
    """
    wiring: Wiring = request.app.state.wiring
    made: list[Proposal] = []
    content = {"client": client_id, "client_digest": given.digest}
    approve = wiring.changes.proposals.make(REGISTRATION.name, content, reason=given.reason, actor=caller.actor, made=made)
    appended = await make_change(wiring, caller, approve, rests_on=rows_of_deciding(wiring, caller))
    status = Status.PENDING if made else Status.APPROVED
    return answer_made({"client_id": client_id, "status": status.value}, made, appended)


@router.post("/registrations/{client_id}/refusal", status_code=201, summary="Refuse a client that registered itself")
async def post_refusal(request: Request, client_id: RegistrationId, caller: Authenticated) -> Response:
    """Its registration's token counts no more."""
    wiring: Wiring = request.app.state.wiring
    appended = await make_change(wiring, caller, wiring.changes.registrations.refuse(client_id, by=caller.by))
    return answer_change({"client_id": client_id, "status": Status.REFUSED.value}, appended)


def _described(one: Registration) -> dict[str, Any]:
    return {
        "client_id": one.client_id,
        "partner": one.partner_id,
        "registered_at": one.registered_at,
        "digest": one.digest,
        "metadata": dict(one.metadata),
    }
