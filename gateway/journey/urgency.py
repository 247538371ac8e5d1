"""What row does a call in an emergency leave for a second person? It stands or falls with the call's entry."""

from __future__ import annotations

from datetime import datetime

from gateway.journey.person import Line
from gateway.store.emergency_calls import Call
from policies.deciding.decide import waives_in_emergency


def urgent_call(first: Line, entry_id: str, *, people: int, at: datetime) -> Call | None:
    """Return the row of an emergency that opened something for people of whom no row tells yet; None of any other call."""
    judged, ask, incident = first.judged, first.ask, first.judged.incident
    live, emergency, client = judged.live, ask.request.emergency, ask.caller.client
    if live is None or emergency is None or ask.caseworker_ref is None or not people:
        return None
    if not waives_in_emergency(live.compiled, judged.circumstances):
        return None
    return Call(
        entry_id=entry_id,
        at=at,
        partner=client.partner_id or "",
        client=client.client_id,
        agreement=live.agreement.id,
        caseworker_ref=ask.caseworker_ref.hex(),
        kind=emergency.kind,
        people=people,
        incident=incident.incident_id if incident is not None else None,
    )
