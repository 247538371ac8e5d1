"""Which calls were made in an emergency? The row by which each waits for a second person."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from audit.stores.connection import Connection, Row, Statement
from audit.stores.instants import to_micros
from audit.stores.shelf import Key
from schemas.terms import EmergencyKind

EMERGENCY_CALLS: Final = "emergency"  # the shelf's name; a key names the entry of a call


@dataclass(frozen=True, slots=True)
class Call:
    """One call in an emergency, as its row holds it. It names its caseworker by a keyed reference, and nobody else."""

    entry_id: str
    at: datetime
    partner: str
    client: str
    agreement: str
    caseworker_ref: str
    kind: EmergencyKind
    people: int
    incident: str | None


class EmergencyCallShelf:
    """Calls in an emergency: to those who judge only whether there is one."""

    def asked(self, keys: Collection[Key]) -> Sequence[Statement]:
        """Return the statement that reads these rows."""
        ids = [key[1] for key in keys]
        return [(f"SELECT entry_id FROM emergency WHERE entry_id IN ({', '.join('?' * len(ids))})", ids)]

    def found(self, _keys: Collection[Key], answers: Sequence[Sequence[Row]], _connection: Connection) -> dict[Key, Any]:
        """Return which calls have a row."""
        return {(EMERGENCY_CALLS, entry_id): True for rows in answers for (entry_id,) in rows}

    def written(self, rows: Mapping[Key, Any]) -> Sequence[Statement]:
        """Return the statements that write new calls."""
        return [(_WRITE, _row(call)) for call in rows.values()]


_WRITE: Final = (
    "INSERT INTO emergency (entry_id, at, partner_id, client_id, agreement_id, caseworker_ref, kind, people, incident_id) "
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
)


def _row(call: Call) -> tuple[Any, ...]:
    who = (call.partner, call.client, call.agreement, call.caseworker_ref)
    return (call.entry_id, to_micros(call.at), *who, call.kind.value, call.people, call.incident)
