"""What have persons allowed and refused? Their consents and restrictions as rows hold them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, Final

from audit.stores.connection import Connection, Row
from audit.stores.instants import from_micros
from gateway.store.state_rows import CONSENT_COLUMNS, RESTRICTION_COLUMNS
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

_CONSENTS: Final = f"SELECT {CONSENT_COLUMNS}, unchecked FROM consent WHERE subject_ref = ? ORDER BY row"
_RESTRICTIONS: Final = (
    f"SELECT {RESTRICTION_COLUMNS}, unchecked FROM restriction WHERE subject_ref = ? ORDER BY restriction_id"
)


def consent_rows(connection: Connection, subject_ref: str) -> list[Row]:
    """Return the rows of a person's consents, oldest change first."""
    return connection.all(_CONSENTS, (subject_ref,))


def restriction_rows(connection: Connection, subject_ref: str) -> list[Row]:
    """Return the rows of a person's restrictions, lifted ones too."""
    return connection.all(_RESTRICTIONS, (subject_ref,))


def as_consents(rows: Iterable[Row]) -> tuple[ConsentRecord, ...]:
    """Return what these rows say, each consent as it now stands."""
    return tuple({row[0]: _consent(row) for row in rows}.values())


def as_restrictions(rows: Iterable[Row]) -> tuple[Restriction, ...]:
    """Return what these rows say of restrictions that were not lifted."""
    return tuple(_restriction(row) for row in rows if row[12] is None)


def read_consents(connection: Connection, subject_ref: str) -> tuple[ConsentRecord, ...]:
    """Return a person's consent records, each as it now stands, oldest change first."""
    return as_consents(consent_rows(connection, subject_ref))


def read_restrictions(connection: Connection, subject_ref: str) -> tuple[Restriction, ...]:
    """Return a person's restrictions that were not lifted."""
    return as_restrictions(restriction_rows(connection, subject_ref))


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
        unchecked=bool(row[19]),
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
        unchecked=bool(row[13]),
    )
