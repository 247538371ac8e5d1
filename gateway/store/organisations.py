"""What is known of a partner's organisation, and how does it change? Codes, contacts, assurances; each change an entry."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from audit.format.entry import Kind
from audit.stores.connection import Connection
from audit.writing.item import Draft, Moment, Within
from gateway.store.entries import ChangeRefusedError, Entries
from gateway.store.state import Reader
from schemas.instants import london_day
from schemas.organisation import (
    Contact,
    OrganisationError,
    PartnerAssurance,
    check_assurance,
    check_contact,
    parse_official_code,
)
from schemas.terms import AssuranceLevel, CodeScheme, ContactRole, RecipientKind


@dataclass(frozen=True, slots=True)
class Organisations:
    """Changes of what is known of partners. `by` is who made the change. What may leave can rest on an assurance."""

    entries: Entries

    def describe(self, partner_id: str, *, name: str, kind: RecipientKind, by: str) -> Within:
        """Give a partner another name or kind. Agreements that name it are held against its new kind when next read."""

        def change(connection: Connection, _moment: Moment) -> dict[str, Any]:
            connection.run("UPDATE partner SET name = ?, kind = ? WHERE partner_id = ?", (name, kind.value, partner_id))
            return {"name": name, "kind": kind.value}

        return self._change(partner_id, by, change)

    def set_code(self, partner_id: str, scheme: CodeScheme, code: str | None, *, by: str) -> Within:
        """Set a partner's official code, or with None take it away. One that another partner has is refused."""

        def change(connection: Connection, _moment: Moment) -> dict[str, Any]:
            found = _checked(lambda: parse_official_code(scheme, code)) if code is not None else None
            held = connection.one(
                "SELECT partner_id FROM partner_code WHERE scheme = ? AND code = ?", (scheme.value, found)
            )
            if held is not None and held[0] != partner_id:
                raise ChangeRefusedError(f"this {scheme} code is {held[0]}'s: a code is one organisation's")
            connection.run("DELETE FROM partner_code WHERE partner_id = ? AND scheme = ?", (partner_id, scheme.value))
            if found is not None:
                connection.run("INSERT INTO partner_code VALUES (?, ?, ?)", (scheme.value, found, partner_id))
            return {"scheme": scheme.value, "code": found}

        return self._change(partner_id, by, change)

    def set_contact(self, partner_id: str, role: ContactRole, contact: Contact | None, *, by: str) -> Within:
        """Set whom to reach for a role, or with None nobody. The entry says that it changed, and to nobody's name."""

        def change(connection: Connection, _moment: Moment) -> dict[str, Any]:
            connection.run("DELETE FROM partner_contact WHERE partner_id = ? AND role = ?", (partner_id, role.value))
            if contact is not None:
                _checked(lambda: check_contact(contact))
                row = (partner_id, role.value, contact.name, contact.email, contact.telephone)
                connection.run("INSERT INTO partner_contact VALUES (?, ?, ?, ?, ?)", row)
            # The controller's key stays for ever, and a name of staff need not.
            return {"contact": role.value, "is_set": contact is not None}

        return self._change(partner_id, by, change)

    def set_assurance(self, partner_id: str, assurance: PartnerAssurance, *, by: str) -> Within:
        """Record what a partner has shown, in place of an earlier one of the level."""

        def change(connection: Connection, moment: Moment) -> dict[str, Any]:
            _checked(lambda: check_assurance(assurance, london_day(moment.at)))
            days = (assurance.checked_on.isoformat(), assurance.expires_on.isoformat())
            row = (partner_id, assurance.level.value, assurance.evidence, *days, by)
            connection.run(
                "INSERT INTO partner_assurance (partner_id, level, evidence, checked_on, expires_on, checked_by) "
                "VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (partner_id, level) DO UPDATE SET evidence = excluded.evidence, "
                "checked_on = excluded.checked_on, expires_on = excluded.expires_on, checked_by = excluded.checked_by",
                row,
            )
            told = {"level": assurance.level.value, "evidence": assurance.evidence}
            return {**told, "checked_on": days[0], "expires_on": days[1]}

        return self._change(partner_id, by, change)

    def withdraw_assurance(self, partner_id: str, level: AssuranceLevel, *, by: str) -> Within:
        """Take an assurance away: it counts no more from the next entry on."""

        def change(connection: Connection, _moment: Moment) -> dict[str, Any]:
            found = connection.run(
                "DELETE FROM partner_assurance WHERE partner_id = ? AND level = ?", (partner_id, level.value)
            )
            if found < 1:
                raise ChangeRefusedError(f"{partner_id} has shown no {level}")
            return {"level": level.value, "withdrawn": True}

        return self._change(partner_id, by, change)

    def _change(self, partner_id: str, by: str, change: Any) -> Within:
        def within(connection: Connection, moment: Moment) -> Draft:
            if Reader(connection).find_partner(partner_id) is None:
                raise ChangeRefusedError(f"partner {partner_id} is not registered: `stile partner add` first")
            told = {"partner": partner_id, **change(connection, moment)}
            return self.entries.plain(
                Kind.PARTNER_CHANGED, connection, moment, (f"partner/{partner_id}",), {"what": told, "who": {"by": by}}
            )

        return within


def _checked(check: Any) -> Any:
    try:
        return check()
    except OrganisationError as refused:
        raise ChangeRefusedError(str(refused)) from refused


def read_contacts(connection: Connection, partner_id: str) -> Mapping[ContactRole, Contact]:
    """Return whom to reach at a partner, by role."""
    rows = connection.all(
        "SELECT role, name, email, telephone FROM partner_contact WHERE partner_id = ? ORDER BY role", (partner_id,)
    )
    return {ContactRole(role): Contact(ContactRole(role), name, email, phone) for role, name, email, phone in rows}


def read_partner_ids(connection: Connection) -> list[str]:
    """Return every partner's id, in order."""
    return [row[0] for row in connection.all("SELECT partner_id FROM partner ORDER BY partner_id")]


def read_clients_of(connection: Connection, partner_id: str) -> list[dict[str, str]]:
    """Return a partner's clients by system and environment, revoked ones too."""
    rows = connection.all(
        "SELECT client_id, system, environment, status FROM client WHERE partner_id = ? ORDER BY client_id", (partner_id,)
    )
    return [dict(zip(("client_id", "system", "environment", "status"), row, strict=True)) for row in rows]
