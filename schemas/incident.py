"""What is a declared incident: a flood, a fire, a missing child, in which many people are asked about at once?"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from schemas.terms import EmergencyKind


@dataclass(frozen=True, slots=True)
class Incident:
    """An incident that the duty officer has declared. Its partners may ask about `most_people` people until it ends."""

    incident_id: str
    what: str  # which area or which people, in words
    partners: frozenset[str]
    kinds: frozenset[EmergencyKind]
    most_people: int
    begins: datetime
    ends: datetime
    declared_by: str
