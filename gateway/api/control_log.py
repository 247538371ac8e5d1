"""The control API: registrations that wait, and what auditors ask of the log."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import closing
from datetime import date
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from audit.entry import canonical
from audit.sqlite import open_connection
from gateway.api.offices import PREFIX, Authenticated, make_change
from gateway.oauth.jwks_fetch import check_jwks_uri
from gateway.searching import CaseworkerQuery, Searched, search_caseworker
from gateway.store.registrations import Registration, Status, read_registrations
from gateway.wiring import Wiring
from schemas.instants import first_instant, instant_after

MOST_ROWS = 1_000

router = APIRouter(prefix=PREFIX, tags=["control"], redirect_slashes=False)
RegistrationId = Annotated[str, Path(pattern=r"^c-[0-9a-f]{20}$")]
Name = Annotated[str, Query(min_length=1, max_length=100)]


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
    return _json({"registrations": [_described(one) for one in waiting]})


@router.post("/registrations/{client_id}/approval", status_code=201, summary="Let a client in that registered itself")
async def post_approval(request: Request, client_id: RegistrationId, given: ApprovalIn, caller: Authenticated) -> Response:
    """It counts from its entry on. A session needs a sign-in of the last five minutes."""
    wiring: Wiring = request.app.state.wiring
    approve = wiring.changes.registrations.approve(
        client_id, digest=given.digest, by=caller.by, check_uri=_uri_check(wiring)
    )
    appended = await make_change(wiring, caller, approve)
    entry = {"entry_id": appended.entry_id, "index": appended.index} if appended else {}
    return _json({"client_id": client_id, "status": Status.APPROVED.value, **entry}, 201)


@router.post("/registrations/{client_id}/refusal", status_code=201, summary="Refuse a client that registered itself")
async def post_refusal(request: Request, client_id: RegistrationId, caller: Authenticated) -> Response:
    """Its registration's token counts no more."""
    wiring: Wiring = request.app.state.wiring
    appended = await make_change(wiring, caller, wiring.changes.registrations.refuse(client_id, by=caller.by))
    entry = {"entry_id": appended.entry_id, "index": appended.index} if appended else {}
    return _json({"client_id": client_id, "status": Status.REFUSED.value, **entry}, 201)


@router.get("/entries", summary="Find what a caseworker asked for")
async def get_entries(
    request: Request,
    caller: Authenticated,
    partner: Name,
    caseworker: Name,
    begins_on: Annotated[date | None, Query(alias="from", description="A day in London.")] = None,
    ends_on: Annotated[date | None, Query(alias="until", description="The last day.")] = None,
) -> Response:
    """The newest thousand, each with what proves it. The search is an entry itself, before anything is shown."""
    wiring: Wiring = request.app.state.wiring
    query = CaseworkerQuery(
        partner=partner,
        caseworker=caseworker,
        begins=first_instant(begins_on) if begins_on else None,
        ends=instant_after(ends_on) if ends_on else None,
        most=MOST_ROWS,
    )
    # In a thread: the first search of a long log reads all of it.
    found = await asyncio.to_thread(_search, wiring, query, caller.by)
    await make_change(wiring, caller, found.record)
    return _json(found.document())


def _search(wiring: Wiring, query: CaseworkerQuery, by: str) -> Searched:
    with closing(open_connection(wiring.council.state, read_only=True)) as connection:
        return search_caseworker(
            query,
            by=by,
            connection=connection,
            keyring=wiring.services.keyring,
            index=wiring.council.search,
            entries=wiring.changes.entries,
        )


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


def _json(content: dict[str, Any], status: int = 200) -> Response:
    return Response(canonical(content), status, media_type="application/json")
