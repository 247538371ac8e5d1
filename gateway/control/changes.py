"""The control API: publishing an agreement, and taking back or turning over keys. All of it needs a fresh sign-in."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from audit.writing.item import Appended, Within
from gateway.control.door import PREFIX, Authenticated, ControlCaller, answer_change, make_change
from gateway.council.issuer_keys import FIRST, make_issuer_key
from gateway.journey.wiring import Wiring
from gateway.problems import TEXT_REFUSED, ProblemError
from policies.reading.findings import Finding, TextError
from policies.reading.parse import parse_agreement
from policies.reading.yaml_text import without_mark

LONGEST_TEXT = 60_000  # characters: a body holds 64 KiB
MOST_FINDINGS = 50

router = APIRouter(prefix=PREFIX, tags=["control"], redirect_slashes=False)
ClientId = Annotated[str, Path(pattern=r"^[a-z][a-z0-9-]{0,99}$")]
Kid = Annotated[str, Path(pattern=r"^[\x21-\x7e]{1,200}$")]


class AgreementIn(BaseModel):
    """An agreement's whole text."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    text: str = Field(
        min_length=1, max_length=LONGEST_TEXT, description="YAML", examples=["agreement: northmoor-example\n"]
    )


class IssuerKeyIn(BaseModel):
    """How the next key takes over."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    now: bool = Field(default=False, description="The keys so far may be in other hands: their tokens end.")


@router.post(
    "/agreements",
    status_code=201,
    summary="Publish a version of an agreement",
    responses={422: {"description": "The text does not hold together: findings says where, and what to write instead."}},
)
async def post_agreement(request: Request, given: AgreementIn, caller: Authenticated) -> Response:
    """Acknowledged once it counts. For a dpo or an approver; a session needs a sign-in of the last five minutes."""
    wiring: Wiring = request.app.state.wiring
    text = without_mark(given.text)
    appended = await publish(wiring, caller, text)
    agreement = parse_agreement(text)
    return answer_change({"agreement": agreement.id, "version": agreement.version, "digest": agreement.digest}, appended)


async def publish(wiring: Wiring, caller: ControlCaller, text: str) -> Appended | None:
    """Publish an agreement, or raise the problem with its findings."""
    try:
        return await make_change(wiring, caller, wiring.changes.texts.publish_agreement(text, by=caller.by))
    except TextError as error:
        raise ProblemError(TEXT_REFUSED, findings=[told_finding(one) for one in error.findings[:MOST_FINDINGS]]) from error


def told_finding(one: Finding) -> dict[str, Any]:
    """Return a flaw of a text as its author is told it."""
    return {"line": one.line, "column": one.column, "message": one.message, "remedy": one.remedy}


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
    kid, appended = await turn_over(wiring, caller, now=given.now)
    return answer_change({"kid": kid}, appended)


async def turn_over(wiring: Wiring, caller: ControlCaller, *, now: bool) -> tuple[str, Appended | None]:
    """Make the gateway's next key and its turn."""
    council, changes = wiring.council, wiring.changes.issuer_keys
    number = max(len(wiring.services.reader.issuer_turns()), 1) + 1
    name, kid = await asyncio.to_thread(make_issuer_key, council.keyring, number=number, is_fresh=now)
    first = (council.issuer_key.kid, FIRST)
    change = changes.replace_now if now else changes.turn_over
    return kid, await make_change(wiring, caller, change(kid=kid, name=name, first=first, by=caller.by))


async def _change(wiring: Wiring, caller: ControlCaller, within: Within, **told: str) -> Response:
    return answer_change(dict(told), await make_change(wiring, caller, within))
