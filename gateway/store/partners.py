"""How are partners and clients registered, suspended and revoked? Each in the same transaction as its own entry."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from audit.format.entry import Kind
from audit.stores.connection import Connection
from audit.writing.item import Draft, Moment, Within
from gateway.oauth.clients import Role
from gateway.store.client_keys import insert_keys, public_keys
from gateway.store.entries import ChangeRefusedError, Entries
from gateway.store.state import Reader
from schemas.terms import Environment, RecipientKind


@dataclass(frozen=True, slots=True)
class Partners:
    """Changes of who may call. `by` is who made the change; `environment` is the gateway's."""

    entries: Entries
    environment: Environment = Environment.PRODUCTION

    def register_partner(self, partner_id: str, *, name: str, kind: RecipientKind, by: str) -> Within:
        """Register an organisation that agreements may name."""

        def within(connection: Connection, moment: Moment) -> Draft:
            if Reader(connection).find_partner(partner_id) is not None:
                raise ChangeRefusedError(f"partner {partner_id} is registered already")
            connection.run(
                "INSERT INTO partner (partner_id, name, kind, status) VALUES (?, ?, ?, 'active')",
                (partner_id, name, kind.value),
            )
            what = {"what": {"partner": partner_id, "name": name, "kind": kind.value}, "who": {"by": by}}
            return self.entries.plain(Kind.PARTNER_REGISTERED, connection, moment, (f"partner/{partner_id}",), what)

        return within

    def set_partner_status(self, partner_id: str, *, active: bool, by: str) -> Within:
        """Suspend a partner, or let it in again."""

        def within(connection: Connection, moment: Moment) -> Draft:
            status = "active" if active else "suspended"
            found = connection.run(
                "UPDATE partner SET status = ? WHERE partner_id = ? AND status <> ?", (status, partner_id, status)
            )
            if found < 1:
                raise ChangeRefusedError(f"partner {partner_id} is unknown, or {status} already")
            kind = Kind.PARTNER_RESUMED if active else Kind.PARTNER_SUSPENDED
            what = {"what": {"partner": partner_id}, "who": {"by": by}}
            return self.entries.plain(
                kind, connection, moment, (f"partner/{partner_id}", *_clients_of(connection, partner_id)), what
            )

        return within

    def register_client(
        self,
        client_id: str,
        *,
        partner_id: str | None,
        role: Role,
        jwks: Mapping[str, Any] | None,
        by: str,
        jwks_uri: str | None = None,
        system: str | None = None,
        environment: Environment | None = None,
        certificate_bound: bool = False,
    ) -> Within:
        """Register an OAuth client with its public keys, or with the address where they lie.

        A partner has one active client for each of its systems and environments; a `system` of None is one of the client's
        own name, an `environment` of None the gateway's.
        """
        system = client_id if system is None else system
        environment = environment or self.environment
        if (jwks is None) == (jwks_uri is None):
            raise ChangeRefusedError("give a client's keys, or the address where they lie, and not both")
        keys = public_keys(jwks) if jwks is not None else ()

        def within(connection: Connection, moment: Moment) -> Draft:
            reader = Reader(connection)
            if reader.find_client(client_id) is not None:
                raise ChangeRefusedError(f"client {client_id} is registered already")
            if (role is Role.PARTNER) != (partner_id is not None):
                raise ChangeRefusedError("a partner's client names its partner, an office's does not")
            if partner_id is not None and reader.find_partner(partner_id) is None:
                raise ChangeRefusedError(f"partner {partner_id} is not registered: `stile partner add` first")
            _check_alone(connection, partner_id, system, environment)
            connection.run(
                "INSERT INTO client (client_id, partner_id, role, status, allows_rs, allows_endpoint_audience, "
                "is_certificate_bound, jwks_uri, system, environment) VALUES (?, ?, ?, 'active', 0, 0, ?, ?, ?, ?)",
                (client_id, partner_id, role.value, certificate_bound, jwks_uri, system, environment.value),
            )
            insert_keys(connection, client_id, keys, moment.at, by=by)
            told = {
                "client": client_id,
                "partner": partner_id,
                "role": role.value,
                "keys": len(keys),
                "thumbprints": [one.thumbprint for one in keys],
                "jwks_uri": jwks_uri,
                "system": system,
                "environment": environment.value,
                "certificate_bound": certificate_bound,
            }
            touched = (f"client/{client_id}", *(f"key/{client_id}/{one.kid}" for one in keys))
            return self.entries.plain(
                Kind.CLIENT_REGISTERED, connection, moment, touched, {"what": told, "who": {"by": by}}
            )

        return within

    def revoke_client(self, client_id: str, *, by: str) -> Within:
        """Revoke a client: its tokens are refused from the next entry on."""

        def within(connection: Connection, moment: Moment) -> Draft:
            found = connection.run(
                "UPDATE client SET status = 'revoked' WHERE client_id = ? AND status = 'active'", (client_id,)
            )
            if found < 1:
                raise ChangeRefusedError(f"client {client_id} is unknown, or revoked already")
            what = {"what": {"client": client_id}, "who": {"by": by}}
            return self.entries.plain(Kind.CLIENT_REVOKED, connection, moment, (f"client/{client_id}",), what)

        return within

    def set_compatibility(self, client_id: str, *, rs: bool, endpoint_audience: bool, by: str) -> Within:
        """Let a client sign by RS256 and RS512, or name the token endpoint as audience, which the profile forbids."""

        def within(connection: Connection, moment: Moment) -> Draft:
            found = connection.run(
                "UPDATE client SET allows_rs = ?, allows_endpoint_audience = ? "
                "WHERE client_id = ? AND (allows_rs <> ? OR allows_endpoint_audience <> ?)",
                (rs, endpoint_audience, client_id, rs, endpoint_audience),
            )
            if found < 1:
                raise ChangeRefusedError(f"client {client_id} is unknown, or its switches stand so already")
            told = {"client": client_id, "allows_rs": rs, "allows_endpoint_audience": endpoint_audience}
            # No kind of entry is the client's own change: it is the organisation's, or the council's, that is changed.
            return self.entries.plain(
                Kind.PARTNER_CHANGED, connection, moment, (f"client/{client_id}",), {"what": told, "who": {"by": by}}
            )

        return within

    def set_binding(self, client_id: str, *, to_certificate: bool, by: str) -> Within:
        """Bind a client's tokens to the certificate of its TLS connection (RFC 8705), or to its proof key alone again.

        Tokens of the other sort that it has end with it: what they were bound to is not asked for any more.
        """

        def within(connection: Connection, moment: Moment) -> Draft:
            found = connection.run(
                "UPDATE client SET is_certificate_bound = ? WHERE client_id = ? AND is_certificate_bound <> ?",
                (to_certificate, client_id, to_certificate),
            )
            if found < 1:
                raise ChangeRefusedError(f"client {client_id} is unknown, or bound so already")
            told = {"client": client_id, "certificate_bound": to_certificate}
            return self.entries.plain(
                Kind.PARTNER_CHANGED, connection, moment, (f"client/{client_id}",), {"what": told, "who": {"by": by}}
            )

        return within


def _check_alone(connection: Connection, partner_id: str | None, system: str, environment: Environment) -> None:
    """Raise ChangeRefusedError where the partner's system has an active client in this environment."""
    row = connection.one(
        "SELECT client_id FROM client WHERE partner_id = ? AND system = ? AND environment = ? AND status = 'active'",
        (partner_id, system, environment.value),
    )
    if row is not None:
        raise ChangeRefusedError(f"the system {system} has the client {row[0]} in {environment} already: revoke that first")


def _clients_of(connection: Connection, partner_id: str) -> tuple[str, ...]:
    rows = connection.all("SELECT client_id FROM client WHERE partner_id = ?", (partner_id,))
    return tuple(f"client/{row[0]}" for row in rows)
