"""How does a client register itself? By an invitation of its partner's, and pending until the council approves.

A pending client is no client: nothing here lets it in but `approve`, which registers it as any other.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any, Final

from audit.format.entry import Kind, canonical
from audit.stores.connection import Connection
from audit.writing.item import Draft, Moment, Within
from gateway.oauth.clients import Role
from gateway.oauth.jwks_fetch import JwksRefusedError
from gateway.store.client_keys import public_keys
from gateway.store.entries import ChangeRefusedError, Entries
from gateway.store.key_rows import find_holder
from gateway.store.partners import Partners
from gateway.store.state import Reader
from schemas.terms import Environment

MOST_PENDING: Final = 5  # of one partner
PENDING_FOR: Final = timedelta(days=30)
LONGEST_INVITATION: Final = 30  # days
_COLUMNS: Final = "client_id, partner_id, status, metadata, registered_at, decided_by"


class Status(StrEnum):
    """What became of a registration."""

    PENDING = "pending"
    APPROVED = "approved"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"


class TokenSpentError(ChangeRefusedError):
    """The token counts no more: it was used, replaced, or is over."""


@dataclass(frozen=True, slots=True)
class Registration:
    """A client's own registration. `metadata` is as it was registered; `registered_at` epoch seconds."""

    client_id: str
    partner_id: str
    status: Status
    metadata: Mapping[str, Any]
    registered_at: int
    decided_by: str | None

    @property
    def digest(self) -> str:
        """Return what names this version of what the client says of itself: who approves it has seen this one."""
        return "sha256:" + hashlib.sha256(canonical(dict(self.metadata))).hexdigest()


def new_token() -> str:
    """Return a token that nobody guesses: 256 bits. Its hash is kept, and it is shown once."""
    return secrets.token_urlsafe(32)


def token_hash(token: str) -> str:
    """Return what is kept of a token. It is random, so that a plain hash is enough."""
    return hashlib.sha256(token.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Registrations:
    """Changes of registrations. `by` is who made the change; tokens come as their hashes."""

    entries: Entries
    partners: Partners

    def invite(self, partner_id: str, hashed: str, *, days: int, by: str) -> Within:
        """Let one client of a partner register itself, once, within some days."""

        def within(connection: Connection, moment: Moment) -> Draft:
            if Reader(connection).find_partner(partner_id) is None:
                raise ChangeRefusedError(f"partner {partner_id} is not registered: `stile partner add` first")
            if not 0 < days <= LONGEST_INVITATION:
                raise ChangeRefusedError(f"an invitation counts for 1 to {LONGEST_INVITATION} days")
            ends = int((moment.at + timedelta(days=days)).timestamp())
            connection.run("INSERT INTO invitation VALUES (?, ?, ?, ?)", (hashed, partner_id, by, ends))
            return self._about(connection, partner_id, moment, by, {"invited": "client", "days": days})

        return within

    def register(self, client_id: str, hashed: str, metadata: Mapping[str, Any], *, invitation: str) -> Within:
        """Register a client as pending, and use its invitation up. TokenSpentError where that counts no more."""

        def within(connection: Connection, moment: Moment) -> None:
            now = int(moment.at.timestamp())
            row = connection.all(
                "DELETE FROM invitation WHERE token_hash = ? AND expires > ? RETURNING partner_id", (invitation, now)
            )
            if not row:
                raise TokenSpentError("the invitation was used, or is over")
            partner_id = row[0][0]
            pending = connection.value(
                "SELECT count(*) FROM registration WHERE partner_id = ? AND status = ?", (partner_id, Status.PENDING.value)
            )
            if pending >= MOST_PENDING:
                raise ChangeRefusedError(f"{MOST_PENDING} registrations of the partner wait already: ask the council")
            _check_keys(connection, metadata)
            expires = int((moment.at + PENDING_FOR).timestamp())
            told = json.dumps(dict(metadata))
            connection.run(
                f"INSERT INTO registration ({_COLUMNS}, token_hash, expires) VALUES (?, ?, ?, ?, ?, NULL, ?, ?)",
                (client_id, partner_id, Status.PENDING.value, told, now, hashed, expires),
            )

        return within

    def replace(
        self,
        client_id: str,
        metadata: Mapping[str, Any],
        *,
        token: str,
        renewed: str,
        check: Callable[[Registration], None],
    ) -> Within:
        """Replace what a client says of itself (RFC 7592, section 2.2), and its token with it.

        `check` is given the registration as it then stands, and raises where this may not be said of it any more.
        """

        def within(connection: Connection, moment: Moment) -> None:
            found = find_by_token(connection, client_id, token, moment.at.timestamp())
            if found is None:
                raise TokenSpentError("the registration's token counts no more")
            check(found)
            if found.status is Status.PENDING:
                _check_keys(connection, metadata)
            connection.run(
                "UPDATE registration SET metadata = ?, token_hash = ? WHERE client_id = ?",
                (json.dumps(dict(metadata)), renewed, client_id),
            )

        return within

    def withdraw(self, client_id: str, *, token: str) -> Within:
        """Take a registration back; a client that was approved is revoked (RFC 7592, section 2.3)."""

        def within(connection: Connection, moment: Moment) -> Draft | None:
            found = find_by_token(connection, client_id, token, moment.at.timestamp())
            if found is None:
                raise TokenSpentError("the registration's token counts no more")
            _decide(connection, client_id, Status.WITHDRAWN, f"client:{client_id}")
            if found.status is not Status.APPROVED:
                return None
            return self.partners.revoke_client(client_id, by=f"client:{client_id}")(connection, moment)

        return within

    def approve(self, client_id: str, *, digest: str, by: str, check_uri: Callable[[str], None]) -> Within:
        """Register a pending client with its keys, as it was when its `digest` was shown.

        `check_uri` raises JwksRefusedError (or a ChangeRefusedError) where its `jwks_uri` may not be fetched.
        """

        def within(connection: Connection, moment: Moment) -> Draft | None:
            found = _pending(connection, client_id, moment.at.timestamp())
            if found.digest != digest:
                raise ChangeRefusedError("the client says other things of itself than you were shown: look at it again")
            partner = Reader(connection).find_partner(found.partner_id)
            if partner is None or not partner.is_active:
                raise ChangeRefusedError(f"{found.partner_id} is suspended: resume it first, or refuse its client")
            said = found.metadata
            if said.get("jwks_uri") is not None:
                try:
                    check_uri(said["jwks_uri"])
                except JwksRefusedError as refused:
                    raise ChangeRefusedError(str(refused)) from refused
            _decide(connection, client_id, Status.APPROVED, by)
            register = self.partners.register_client(
                client_id,
                partner_id=found.partner_id,
                role=Role.PARTNER,
                jwks=said.get("jwks"),
                jwks_uri=said.get("jwks_uri"),
                by=by,
                system=said.get("stile_system"),
                environment=Environment(said["stile_environment"]),
                certificate_bound=said["tls_client_certificate_bound_access_tokens"],
            )
            return register(connection, moment)

        return within

    def refuse(self, client_id: str, *, by: str) -> Within:
        """Refuse a pending client."""

        def within(connection: Connection, moment: Moment) -> Draft:
            found = _pending(connection, client_id, moment.at.timestamp())
            _decide(connection, client_id, Status.REFUSED, by)
            return self._about(
                connection, found.partner_id, moment, by, {"registration": client_id, "decided": Status.REFUSED.value}
            )

        return within

    def _about(self, connection: Connection, partner_id: str, moment: Moment, by: str, told: Mapping[str, Any]) -> Draft:
        what = {"what": {"partner": partner_id, **told}, "who": {"by": by}}
        return self.entries.plain(Kind.PARTNER_CHANGED, connection, moment, (f"partner/{partner_id}",), what)


def _check_keys(connection: Connection, metadata: Mapping[str, Any]) -> None:
    """Raise ChangeRefusedError for a key that is registered already: better now than when it is approved."""
    for key in public_keys(metadata["jwks"]) if "jwks" in metadata else ():
        if find_holder(connection, key.thumbprint) is not None:
            raise ChangeRefusedError("a key of the set is registered already: make a new one")


def _pending(connection: Connection, client_id: str, now: float) -> Registration:
    found = find_registration(connection, client_id)
    expires = connection.value("SELECT max(expires) FROM registration WHERE client_id = ?", (client_id,))
    if found is None or found.status is not Status.PENDING or (expires or 0) <= now:
        raise ChangeRefusedError(f"no registration {client_id} waits: `stile registration list`")
    return found


def _decide(connection: Connection, client_id: str, status: Status, by: str) -> None:
    # Decided ones stay; and one that is over has no token any more.
    gone = status in {Status.REFUSED, Status.WITHDRAWN}
    connection.run(
        "UPDATE registration SET status = ?, decided_by = ?, expires = NULL, "
        "token_hash = CASE WHEN ? = 1 THEN NULL ELSE token_hash END WHERE client_id = ?",
        (status.value, by, gone, client_id),
    )


def find_registration(connection: Connection, client_id: str) -> Registration | None:
    """Return a registration, decided ones too."""
    row = connection.one(f"SELECT {_COLUMNS} FROM registration WHERE client_id = ?", (client_id,))
    return _registration(row) if row else None


def find_by_token(connection: Connection, client_id: str, hashed: str, now: float) -> Registration | None:
    """Return a client's registration where this is its token; one that was revoked since, or waited too long, has none."""
    row = connection.one(
        f"SELECT {_COLUMNS} FROM registration WHERE client_id = ? AND token_hash = ? AND (expires IS NULL OR expires > ?)",
        (client_id, hashed, now),
    )
    found = _registration(row) if row else None
    if found is not None and found.status is Status.APPROVED:
        client = Reader(connection).find_client(client_id)
        return found if client is not None and client.is_active else None
    return found


def is_invited(connection: Connection, hashed: str, now: float) -> bool:
    """Tell whether an invitation counts, before a body is read."""
    row = connection.one("SELECT 1 FROM invitation WHERE token_hash = ? AND expires > ?", (hashed, now))
    return row is not None


def read_registrations(connection: Connection, status: Status | None = None) -> list[Registration]:
    """Return registrations, the oldest first."""
    where, values = ("WHERE status = ?", (status.value,)) if status else ("", ())
    rows = connection.all(f"SELECT {_COLUMNS} FROM registration {where} ORDER BY registered_at, client_id", values)
    return [_registration(row) for row in rows]


def _registration(row: Any) -> Registration:
    client_id, partner_id, status, metadata, at, decided_by = row
    return Registration(client_id, partner_id, Status(status), json.loads(metadata), at, decided_by)
