"""What has a person allowed, refused or objected to?"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from schemas.terms import Capacity, ConsentKind, ConsentState, GivenBy, ObjectionDecision, OptOutScheme, RestrictionKind


@dataclass(frozen=True, slots=True)
class ConsentRecord:
    """One answer of one person, as it was recorded. Instants are aware UTC; `until` is not included.

    `subject_ref` is the keyed reference made from the source's own person reference (log.md's
    "reference of a person"), never what a partner typed. An empty `fields` means the whole dataset.
    """

    consent_id: str
    subject_ref: str
    controller: str
    dataset: str
    purpose: str
    recipients: frozenset[str]
    fields: frozenset[str]
    state: ConsentState
    kind: ConsentKind
    given_by: GivenBy
    capacity: Capacity
    authority: str | None
    evidence: str | None
    text_version: str
    how: str
    recorded_by: str
    from_at: datetime
    until: datetime | None
    unchecked: bool = False  # the source could not be asked whether it knows the person


@dataclass(frozen=True, slots=True)
class Restriction:
    """A hold on the use of a person's data. No fields: all; no recipients: everyone; no end: until lifted."""

    restriction_id: str
    subject_ref: str
    dataset: str
    kind: RestrictionKind
    fields: frozenset[str]
    recipients: frozenset[str]
    from_at: datetime
    until: datetime | None
    recorded_by: str
    scheme: OptOutScheme | None = None  # of an opt-out: whose rules say what it is from
    purposes: frozenset[str] = frozenset()  # of an opt-out of the council's own: none, from everything
    decided: ObjectionDecision | None = None  # against an objection: it holds nothing back any more
    unchecked: bool = False
