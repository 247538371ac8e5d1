"""The page on which clients and keys are taken back, and the gateway's own key is turned over."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

from starlette.responses import Response

from audit.writing.item import Within
from gateway.console.door import SignedIn
from gateway.console.pages import page, see_other
from gateway.council.issuer_keys import make_next, turns_of
from gateway.store.key_rows import read_client_keys, read_client_list
from gateway.web.changes import make_change


async def get_keys(visit: SignedIn) -> Response:
    """List clients with their keys, and the gateway's own."""
    connection = visit.wiring.services.reader.connection
    clients = [
        {
            "client_id": client_id,
            "role": role,
            "partner": partner,
            "is_active": status == "active",
            "keys": [
                {"kid": one.kid, "is_live": one.is_live(visit.now)} for one in read_client_keys(connection, client_id)
            ],
        }
        for client_id, partner, role, status in read_client_list(connection)
    ]
    return page("administrator/keys.html", csrf=visit.csrf, is_fresh=visit.is_fresh, clients=clients, turns=_turns(visit))


async def post_client_revocation(visit: SignedIn) -> Response:
    """Revoke a client."""
    within = visit.wiring.changes.partners.revoke_client(visit.form.get("client", ""), by=visit.caller.by)
    return await _change(visit, within)


async def post_key_revocation(visit: SignedIn) -> Response:
    """Revoke one key of a client."""
    client, kid = visit.form.get("client", ""), visit.form.get("kid", "")
    return await _change(visit, visit.wiring.changes.client_keys.revoke_key(client, kid, by=visit.caller.by))


async def post_issuer_key(visit: SignedIn) -> Response:
    """Turn the gateway's own key over."""
    council, changes = visit.wiring.council, visit.wiring.changes.issuer_keys
    number = len(turns_of(visit.wiring.services.reader.issuer_turns(), council.issuer_key)) + 1
    _, within = await asyncio.to_thread(make_next, council, changes, number=number, now=False, by=visit.caller.by)
    return await _change(visit, within)


async def _change(visit: SignedIn, within: Within) -> Response:
    await make_change(visit.wiring, visit.caller, within)
    return see_other("/console/keys")


def _turns(visit: SignedIn) -> list[dict[str, Any]]:
    turns = turns_of(visit.wiring.services.reader.issuer_turns(), visit.wiring.council.issuer_key)
    return [
        {
            "kid": one.kid,
            "signs_at": datetime.fromtimestamp(one.signs_at, UTC) if one.signs_at else None,
            "is_revoked": one.revoked_at is not None,
        }
        for one in turns
    ]
