"""The control API: what do auditors ask of the log?"""

from __future__ import annotations

import asyncio
from contextlib import closing
from datetime import date
from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from audit.format.entry import canonical
from gateway.control.door import PREFIX, Authenticated
from gateway.journey.wiring import Wiring
from gateway.problems import REQUEST_MALFORMED, ProblemError
from gateway.search.caseworkers import CaseworkerQuery, Searched, UnknownPartnerError, search_caseworker
from gateway.web.changes import make_change
from schemas.instants import first_instant, instant_after

MOST_ROWS = 1_000

router = APIRouter(prefix=PREFIX, tags=["control"], redirect_slashes=False)
Name = Annotated[str, Query(min_length=1, max_length=100)]


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
    try:
        found = await asyncio.to_thread(_search, wiring, query, caller.by)
    except UnknownPartnerError as error:
        raise ProblemError(REQUEST_MALFORMED, f"partner: {error}") from error
    await make_change(wiring, caller, found.record)
    return Response(canonical(found.document()), media_type="application/json")


def _search(wiring: Wiring, query: CaseworkerQuery, by: str) -> Searched:
    with closing(wiring.council.store.open(read_only=True)) as connection:
        return search_caseworker(
            query,
            by=by,
            connection=connection,
            keyring=wiring.services.keyring,
            index=wiring.council.search,
            entries=wiring.changes.entries,
        )
