"""The control API: which clients have registered themselves and wait, and are they let in?"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from audit.format.entry import canonical
from gateway.control.door import PREFIX, Authenticated, answer_change
from gateway.journey.wiring import Wiring
from gateway.oauth.jwks_fetch import check_jwks_uri
from gateway.store.registrations import Registration, Status, read_registrations
from gateway.web.changes import make_change

router = APIRouter(prefix=PREFIX, tags=["control"], redirect_slashes=False)
RegistrationId = Annotated[str, Path(pattern=r"^c-[0-9a-f]{20}$")]


class ApprovalIn(BaseModel):
    """Which version of a registration is approved: the digest that was listed with it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    digest: str = Field(pattern=r"^sha256:[0-9a-f]{64}$")


@router.get("/registrations", summary="List the clients that have registered themselves, and wait")
async def get_registrations(request: Request, caller: Authenticated) -> Response:
    """The oldest first. Of what a client says of itself only the form was checked."""
    del caller
    wiring: Wiring = request.app.state.wiring
    waiting = read_registrations(wiring.services.reader.connection, Status.PENDING)
    content = canonical({"registrations": [_described(one) for one in waiting]})
    return Response(content, media_type="application/json")


@router.post("/registrations/{client_id}/approval", status_code=201, summary="Let a client in that registered itself")
async def post_approval(request: Request, client_id: RegistrationId, given: ApprovalIn, caller: Authenticated) -> Response:
    """It counts from its entry on. A session needs a sign-in of the last five minutes."""
    wiring: Wiring = request.app.state.wiring
    approve = wiring.changes.registrations.approve(
        client_id, digest=given.digest, by=caller.by, check_uri=_uri_check(wiring)
    )
    appended = await make_change(wiring, caller, approve)
    return answer_change({"client_id": client_id, "status": Status.APPROVED.value}, appended)


@router.post("/registrations/{client_id}/refusal", status_code=201, summary="Refuse a client that registered itself")
async def post_refusal(request: Request, client_id: RegistrationId, caller: Authenticated) -> Response:
    """Its registration's token counts no more."""
    wiring: Wiring = request.app.state.wiring
    appended = await make_change(wiring, caller, wiring.changes.registrations.refuse(client_id, by=caller.by))
    return answer_change({"client_id": client_id, "status": Status.REFUSED.value}, appended)


def _uri_check(wiring: Wiring) -> Callable[[str], None]:
    settings = wiring.council.settings
    return partial(check_jwks_uri, hosts=settings.jwks_hosts, allow_private=settings.jwks_allow_private)


def _described(one: Registration) -> dict[str, Any]:
    return {
        "client_id": one.client_id,
        "partner": one.partner_id,
        "registered_at": one.registered_at,
        "digest": one.digest,
        "metadata": dict(one.metadata),
    }
