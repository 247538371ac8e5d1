"""What have persons allowed and refused? Their consents and restrictions as rows hold them."""

from __future__ import annotations

import json
from typing import Any, Final

from audit.stores.connection import Connection
from audit.stores.instants import from_micros
from schemas.consent import ConsentRecord, Restriction
from schemas.terms import (
    Capacity,
    ConsentKind,
    ConsentState,
    GivenBy,
    ObjectionDecision,
    OptOutScheme,
    RestrictionKind,
)

_CONSENTS: Final = (
    "SELECT consent_id, subject_ref, controller, dataset, purpose, recipients, fields, state, kind, given_by, "
    "capacity, authority, evidence, text_version, how, recorded_by, from_at, until, unchecked "
    "FROM consent WHERE subject_ref = ? ORDER BY row"
)
_RESTRICTIONS: Final = (
    "SELECT restriction_id, subject_ref, dataset, kind, fields, recipients, from_at, until, recorded_by, scheme, purposes, "
    "decided, unchecked FROM restriction WHERE subject_ref = ? AND lifted_at IS NULL"
)


def read_consents(connection: Connection, subject_ref: str) -> tuple[ConsentRecord, ...]:
    """Return a person's consent records, each as it now stands, oldest change first."""
    rows = connection.all(_CONSENTS, (subject_ref,))
    return tuple({row[0]: _consent(row) for row in rows}.values())


def read_restrictions(connection: Connection, subject_ref: str) -> tuple[Restriction, ...]:
    """Return a person's restrictions that were not lifted."""
    return tuple(_restriction(row) for row in connection.all(_RESTRICTIONS, (subject_ref,)))


def _consent(row: Any) -> ConsentRecord:
    return ConsentRecord(
        consent_id=row[0],
        subject_ref=row[1],
        controller=row[2],
        dataset=row[3],
        purpose=row[4],
        recipients=frozenset(json.loads(row[5])),
        fields=frozenset(json.loads(row[6])),
        state=ConsentState(row[7]),
        kind=ConsentKind(row[8]),
        given_by=GivenBy(row[9]),
        capacity=Capacity(row[10]),
        authority=row[11],
        evidence=row[12],
        text_version=row[13],
        how=row[14],
        recorded_by=row[15],
        from_at=from_micros(row[16]),
        until=None if row[17] is None else from_micros(row[17]),
        unchecked=bool(row[18]),
    )


def _restriction(row: Any) -> Restriction:
    return Restriction(
        restriction_id=row[0],
        subject_ref=row[1],
        dataset=row[2],
        kind=RestrictionKind(row[3]),
        fields=frozenset(json.loads(row[4])),
        recipients=frozenset(json.loads(row[5])),
        from_at=from_micros(row[6]),
        until=None if row[7] is None else from_micros(row[7]),
        recorded_by=row[8],
        scheme=None if row[9] is None else OptOutScheme(row[9]),
        purposes=frozenset(json.loads(row[10])),
        decided=None if row[11] is None else ObjectionDecision(row[11]),
        unchecked=bool(row[12]),
    )
