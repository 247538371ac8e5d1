"""What row does a call in an emergency leave for a second person? Written in the transaction of its entry."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from audit.stores.connection import Connection
from gateway.journey.entry_names import caseworker_ref
from gateway.journey.equipment import Services
from gateway.journey.person import Line
from gateway.store.emergencies import Call, is_written, write_call
from policies.deciding.decide import waives_in_emergency


def untold(connection: Connection, within: Collection[int], new: Collection[int], retry_of: str | None) -> int:
    """Return how many people no row tells of yet. A repeat is a new emergency where the first call was none.

    And of those who are `new`: the first call was not counted for them, or not for the bound that they count for now.
    """
    if retry_of is None or not is_written(connection, retry_of):
        return len(within)
    return len(set(within) & set(new))


def write_urgent(
    connection: Connection, first: Line, entry_id: str, *, people: int, services: Services, at: datetime
) -> Call | None:
    """Write the row of an emergency that opened something, and return it; of a call that is none, nothing."""
    judged, emergency, client = first.judged, first.ask.request.emergency, first.ask.caller.client
    live, incident = judged.live, judged.incident
    if live is None or emergency is None or not people or not waives_in_emergency(live.compiled, judged.circumstances):
        return None
    call = Call(
        entry_id=entry_id,
        at=at,
        partner=client.partner_id or "",
        client=client.client_id,
        agreement=live.agreement.id,
        caseworker_ref=caseworker_ref(first.ask, services).hex(),
        kind=emergency.kind,
        people=people,
        incident=incident.incident_id if incident is not None else None,
    )
    write_call(connection, call)
    return call
