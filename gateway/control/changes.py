"""The control API: publishing an agreement, and taking back or turning over keys. All of it needs a fresh sign-in."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Path, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from audit.writing.item import Within
from gateway.control.door import PREFIX, Authenticated, answer_change, answer_made
from gateway.council.issuer_keys import make_next, turns_of
from gateway.journey.wiring import Wiring
from gateway.store.acting import LONGEST_REASON
from gateway.store.change_kinds import AGREEMENT
from gateway.store.proposal_rows import Proposal
from gateway.web.bodies import LONGEST_TEXT
from gateway.web.changes import ControlCaller, make_change, rows_of_deciding
from policies.reading.parse import parse_agreement
from policies.reading.yaml_text import without_mark

router = APIRouter(prefix=PREFIX, tags=["control"], redirect_slashes=False)
ClientId = Annotated[str, Path(pattern=r"^[a-z][a-z0-9-]{0,99}$")]
Kid = Annotated[str, Path(pattern=r"^[\x21-\x7e]{1,200}$")]


class AgreementIn(BaseModel):
    """An agreement's whole text."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    text: str = Field(
        min_length=1, max_length=LONGEST_TEXT, description="YAML", examples=["agreement: northmoor-example\n"]
    )
    reason: str = Field(
        default="", max_length=LONGEST_REASON, description="Why: needed where two people decide, for then it is proposed."
    )


class IssuerKeyIn(BaseModel):
    """How the next key takes over."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    now: bool = Field(default=False, description="The keys so far may be in other hands: their tokens end.")


@router.post(
    "/agreements",
    status_code=201,
    summary="Publish a version of an agreement",
    responses={
        202: {"description": "Two people decide here: it was proposed, as `change`."},
        422: {"description": "The text does not hold together: findings says where, and what to write instead."},
    },
)
async def post_agreement(request: Request, given: AgreementIn, caller: Authenticated) -> Response:
    """Acknowledged once it counts: where one person decides; else it is proposed (202), and waits for another's approval.

    For a dpo or an approver; a session needs a sign-in of the last five minutes.
    """
    wiring: Wiring = request.app.state.wiring
    text, made = without_mark(given.text), list[Proposal]()
    publish = wiring.changes.proposals.make(
        AGREEMENT.name, {"text": text}, reason=given.reason, actor=caller.actor, made=made
    )
    appended = await make_change(wiring, caller, publish, rests_on=rows_of_deciding(wiring, caller))
    agreement = parse_agreement(text)
    told = {"agreement": agreement.id, "version": agreement.version, "digest": agreement.digest}
    return answer_made(told, made, appended)


@router.post("/clients/{client_id}/revocation", status_code=201, summary="Revoke a client")
async def post_client_revocation(request: Request, client_id: ClientId, caller: Authenticated) -> Response:
    """Its tokens are refused from the next entry on. For an administrator."""
    wiring: Wiring = request.app.state.wiring
    return await _change(
        wiring, caller, wiring.changes.partners.revoke_client(client_id, by=caller.by), client_id=client_id
    )


@router.post("/clients/{client_id}/keys/{kid}/revocation", status_code=201, summary="Revoke a client's key")
async def post_key_revocation(request: Request, client_id: ClientId, kid: Kid, caller: Authenticated) -> Response:
    """Assertions by it, and tokens that rest on it, are refused from the next entry on. For an administrator."""
    wiring: Wiring = request.app.state.wiring
    within = wiring.changes.client_keys.revoke_key(client_id, kid, by=caller.by)
    return await _change(wiring, caller, within, client_id=client_id, kid=kid)


@router.post("/issuer-keys", status_code=201, summary="Turn over the gateway's own key")
async def post_issuer_key(request: Request, given: IssuerKeyIn, caller: Authenticated) -> Response:
    """The next key is published at once and signs a day later; with `now` it replaces the others. For an administrator."""
    wiring: Wiring = request.app.state.wiring
    council, changes = wiring.council, wiring.changes.issuer_keys
    number = len(turns_of(wiring.services.reader.issuer_turns(), council.issuer_key)) + 1
    kid, within = await asyncio.to_thread(make_next, council, changes, number=number, now=given.now, by=caller.by)
    return answer_change({"kid": kid}, await make_change(wiring, caller, within))


async def _change(wiring: Wiring, caller: ControlCaller, within: Within, **told: str) -> Response:
    return answer_change(dict(told), await make_change(wiring, caller, within))
