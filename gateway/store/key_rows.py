"""Who may call, by which keys, and by which does the gateway sign? Reads the rows of partners, clients and keys."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from audit.stores.connection import Connection
from audit.stores.instants import from_micros
from gateway.oauth.clients import Client, ClientKey, Role
from gateway.oauth.issuer_keys import Turn
from gateway.oauth.jose import COMPATIBLE, import_public_key
from schemas.instants import first_instant, instant_after
from schemas.organisation import PartnerAssurance
from schemas.terms import AssuranceLevel, CodeScheme, Environment, RecipientKind

_COLUMNS = "client_id, kid, thumbprint, jwk, added_at, added_by, starts_on, expires_on, revoked_at"


@dataclass(frozen=True, slots=True)
class PartnerRecord:
    """A partner as registered, with what it has shown of its security, also what is over. Contacts stand elsewhere."""

    partner_id: str
    name: str
    kind: RecipientKind
    is_active: bool
    codes: Mapping[CodeScheme, str] = field(default_factory=dict)
    assurances: tuple[PartnerAssurance, ...] = ()


@dataclass(frozen=True, slots=True)
class KeyRow:
    """A key of a client, as registered. Its days are London's, both ends included."""

    client_id: str
    kid: str
    thumbprint: str
    jwk: Mapping[str, Any]
    added_at: datetime
    added_by: str
    starts_on: date | None
    expires_on: date | None
    revoked_at: datetime | None

    def is_live(self, at: datetime) -> bool:
        """Tell whether it counts now, or is going to."""
        return self.revoked_at is None and (self.expires_on is None or at < instant_after(self.expires_on))

    def as_key(self) -> ClientKey:
        """Return what assertions are held against."""
        return ClientKey(
            kid=self.jwk.get("kid"),
            key=import_public_key(dict(self.jwk), allowed=COMPATIBLE),
            starts=first_instant(self.starts_on).timestamp() if self.starts_on else None,
            ends=instant_after(self.expires_on).timestamp() if self.expires_on else None,
        )


def read_partner(connection: Connection, partner_id: str) -> PartnerRecord | None:
    """Return a partner, suspended ones too."""
    row = connection.one("SELECT name, kind, status FROM partner WHERE partner_id = ?", (partner_id,))
    if row is None:
        return None
    codes = connection.all("SELECT scheme, code FROM partner_code WHERE partner_id = ?", (partner_id,))
    assurances = connection.all(
        "SELECT level, evidence, checked_on, expires_on FROM partner_assurance WHERE partner_id = ? ORDER BY level",
        (partner_id,),
    )
    return PartnerRecord(
        partner_id,
        row[0],
        RecipientKind(row[1]),
        row[2] == "active",
        {CodeScheme(scheme): code for scheme, code in codes},
        tuple(
            PartnerAssurance(AssuranceLevel(level), evidence, date.fromisoformat(checked), date.fromisoformat(expires))
            for level, evidence, checked, expires in assurances
        ),
    )


def read_client(
    connection: Connection, client_id: str, *, is_active: Callable[[str], bool], environment: Environment | None = None
) -> Client | None:
    """Return a client; it is inactive when it or its partner is, of which `is_active` tells.

    So is one of another environment than the gateway's, where that is given.
    """
    row = connection.one(
        "SELECT partner_id, role, status, allows_rs, allows_endpoint_audience, jwks_uri, is_certificate_bound, "
        "system, environment FROM client WHERE client_id = ?",
        (client_id,),
    )
    if row is None:
        return None
    partner_id, role, status, allows_rs, allows_endpoint_audience, jwks_uri, is_certificate_bound, system, own = row
    keys = read_client_keys(connection, client_id)
    return Client(
        client_id=client_id,
        partner_id=partner_id,
        role=Role(role),
        keys=tuple(one.as_key() for one in keys if one.revoked_at is None),
        is_active=status == "active"
        and environment in (None, Environment(own))
        and (partner_id is None or is_active(partner_id)),
        allows_rs=bool(allows_rs),
        allows_endpoint_audience=bool(allows_endpoint_audience),
        is_certificate_bound=bool(is_certificate_bound),
        system=system,
        environment=Environment(own),
        revoked=frozenset(one.thumbprint for one in keys if one.revoked_at is not None),
        jwks_uri=jwks_uri,
    )


def read_client_list(connection: Connection) -> list[tuple[str, str | None, str, str]]:
    """Return (client, partner, role, status) of every client, in order."""
    rows = connection.all("SELECT client_id, partner_id, role, status FROM client ORDER BY client_id")
    return [(row[0], row[1], row[2], row[3]) for row in rows]


def read_client_keys(connection: Connection, client_id: str) -> list[KeyRow]:
    """Return every key that a client has had, in the order in which they came."""
    rows = connection.all(f"SELECT {_COLUMNS} FROM client_key WHERE client_id = ? ORDER BY added_at, kid", (client_id,))
    return [_key_row(row) for row in rows]


def find_holder(connection: Connection, thumbprint: str) -> KeyRow | None:
    """Return where a key is registered already, revoked ones included."""
    row = connection.one(f"SELECT {_COLUMNS} FROM client_key WHERE thumbprint = ?", (thumbprint,))
    return _key_row(row) if row else None


def days_left(connection: Connection, now: datetime, *, most: int) -> int:
    """Return the days until the first active client is left without a key; `most` where none will be."""
    # Where one key of a client has no end, the client has none. One whose keys were all revoked was left so on purpose.
    last = connection.value(
        "SELECT min(last) FROM (SELECT max(expires_on) AS last FROM client_key JOIN client USING (client_id) "
        "WHERE revoked_at IS NULL AND status = 'active' GROUP BY client_id HAVING count(*) = count(expires_on)) AS ends"
    )
    return most if last is None else max(0, (instant_after(date.fromisoformat(last)) - now).days)


def assurance_days_left(connection: Connection, today: date, *, most: int) -> int:
    """Return the days until an active partner's first assurance is over, 0 where one is; `most` where there is none."""
    last = connection.value(
        "SELECT min(expires_on) FROM partner_assurance JOIN partner USING (partner_id) WHERE status = 'active'"
    )
    return most if last is None else max(0, (date.fromisoformat(last) - today).days + 1)


def _key_row(row: tuple[Any, ...]) -> KeyRow:
    client_id, kid, thumbprint, jwk, added_at, added_by, starts_on, expires_on, revoked_at = row
    return KeyRow(
        client_id=client_id,
        kid=kid,
        thumbprint=thumbprint,
        jwk=json.loads(jwk),
        added_at=from_micros(added_at),
        added_by=added_by,
        starts_on=date.fromisoformat(starts_on) if starts_on else None,
        expires_on=date.fromisoformat(expires_on) if expires_on else None,
        revoked_at=from_micros(revoked_at) if revoked_at is not None else None,
    )


def read_turns(connection: Connection) -> tuple[Turn, ...]:
    """Return the gateway's own keys in the order in which they sign; none before the first was turned over."""
    rows = connection.all("SELECT kid, name, published_at, signs_at, revoked_at FROM issuer_key ORDER BY signs_at, name")
    return tuple(
        Turn(kid, name, published / 1e6, signs / 1e6, None if revoked is None else revoked / 1e6)
        for kid, name, published, signs, revoked in rows
    )
