"""How are partners and clients registered, suspended and revoked? Each in the same transaction as its own entry."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from audit.entry import Kind
from audit.sequencer import Draft, Moment, Within
from gateway.oauth.clients import Role
from gateway.oauth.jose import COMPATIBLE, JoseRefusedError, import_public_key
from gateway.store.entries import ChangeRefusedError, Entries
from gateway.store.state import Reader
from schemas.terms import RecipientKind


@dataclass(frozen=True, slots=True)
class Partners:
    """Changes of who may call. `by` is who made the change."""

    entries: Entries

    def register_partner(self, partner_id: str, *, name: str, kind: RecipientKind, by: str) -> Within:
        """Register an organisation that agreements may name."""

        def within(connection: Any, moment: Moment) -> Draft:
            if Reader(connection).find_partner(partner_id) is not None:
                raise ChangeRefusedError(f"partner {partner_id} is registered already")
            connection.execute(
                "INSERT INTO partner (partner_id, name, kind, status) VALUES (?, ?, ?, 'active')",
                (partner_id, name, kind.value),
            )
            what = {"what": {"partner": partner_id, "name": name, "kind": kind.value}, "who": {"by": by}}
            return self.entries.plain(Kind.PARTNER_REGISTERED, moment, (f"partner/{partner_id}",), what)

        return within

    def set_partner_status(self, partner_id: str, *, active: bool, by: str) -> Within:
        """Suspend a partner, or let it in again."""

        def within(connection: Any, moment: Moment) -> Draft:
            status = "active" if active else "suspended"
            found = connection.execute(
                "UPDATE partner SET status = ? WHERE partner_id = ? AND status <> ?", (status, partner_id, status)
            )
            if found.rowcount < 1:
                raise ChangeRefusedError(f"partner {partner_id} is unknown, or {status} already")
            kind = Kind.PARTNER_RESUMED if active else Kind.PARTNER_SUSPENDED
            what = {"what": {"partner": partner_id}, "who": {"by": by}}
            return self.entries.plain(kind, moment, (f"partner/{partner_id}", *_clients_of(connection, partner_id)), what)

        return within

    def register_client(
        self, client_id: str, *, partner_id: str | None, role: Role, jwks: Mapping[str, Any], by: str
    ) -> Within:
        """Register an OAuth client with its public keys."""
        keys = _public_keys(jwks)

        def within(connection: Any, moment: Moment) -> Draft:
            reader = Reader(connection)
            if reader.find_client(client_id) is not None:
                raise ChangeRefusedError(f"client {client_id} is registered already")
            if (role is Role.PARTNER) != (partner_id is not None):
                raise ChangeRefusedError("a partner's client names its partner, an office's does not")
            if partner_id is not None and reader.find_partner(partner_id) is None:
                raise ChangeRefusedError(f"partner {partner_id} is not registered: `stile partner add` first")
            connection.execute(
                "INSERT INTO client (client_id, partner_id, role, jwks, status, allows_rs512) "
                "VALUES (?, ?, ?, ?, 'active', 0)",
                (client_id, partner_id, role.value, json.dumps({"keys": keys})),
            )
            what = {
                "what": {"client": client_id, "partner": partner_id, "role": role.value, "keys": len(keys)},
                "who": {"by": by},
            }
            return self.entries.plain(Kind.CLIENT_REGISTERED, moment, (f"client/{client_id}",), what)

        return within

    def revoke_client(self, client_id: str, *, by: str) -> Within:
        """Revoke a client: its tokens are refused from the next entry on."""

        def within(connection: Any, moment: Moment) -> Draft:
            found = connection.execute(
                "UPDATE client SET status = 'revoked' WHERE client_id = ? AND status = 'active'", (client_id,)
            )
            if found.rowcount < 1:
                raise ChangeRefusedError(f"client {client_id} is unknown, or revoked already")
            what = {"what": {"client": client_id}, "who": {"by": by}}
            return self.entries.plain(Kind.CLIENT_REVOKED, moment, (f"client/{client_id}",), what)

        return within


def _clients_of(connection: Any, partner_id: str) -> tuple[str, ...]:
    rows = connection.execute("SELECT client_id FROM client WHERE partner_id = ?", (partner_id,)).fetchall()
    return tuple(f"client/{row[0]}" for row in rows)


def _public_keys(jwks: Mapping[str, Any]) -> list[dict[str, Any]]:
    keys = jwks.get("keys") if "keys" in jwks else [jwks]
    if not isinstance(keys, list) or not 0 < len(keys) <= 8:  # noqa: PLR2004 -- a client turns its keys over, no more
        raise ChangeRefusedError("give a JWK set with 1 to 8 public keys")
    for key in keys:
        try:
            import_public_key(key, allowed=COMPATIBLE)
        except JoseRefusedError as error:
            raise ChangeRefusedError(f"a key of the set: {error}") from error
    return keys
