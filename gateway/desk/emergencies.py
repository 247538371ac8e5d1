"""What waits for a second person, as an operator is told it? Who asked, never whom it was about."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

from audit.writing.keyring import Keyring
from gateway.search.caseworkers import caseworker_of
from gateway.store.emergencies import items
from gateway.store.state import Reader
from schemas.incident import Incident
from schemas.instants import as_text, london_day


def told_items(
    reader: Reader, *, at: datetime, keyring: Keyring, index: Path, is_open: bool = True
) -> list[dict[str, Any]]:
    """Return the open items, what is past its day first; or else those that were reviewed."""
    found = []
    for item in items(reader.connection, at, is_open=is_open):
        told = item.told(london_day(at))
        if item.caseworker_ref is not None:
            ref = bytes.fromhex(item.caseworker_ref)
            told["caseworker"] = caseworker_of(ref, connection=reader.connection, keyring=keyring, index=index)
        found.append(told)
    return found


def told_incident(incident: Incident) -> dict[str, Any]:
    """Return an incident, JSON-ready."""
    return {
        "incident": incident.incident_id,
        "what": incident.what,
        "partners": sorted(incident.partners),
        "kinds": sorted(kind.value for kind in incident.kinds),
        "most_people": incident.most_people,
        "from": as_text(incident.begins),
        "until": as_text(incident.ends),
        "declared_by": incident.declared_by,
    }
