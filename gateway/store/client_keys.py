"""How does a client get a key, and lose one? Each in the same transaction as its own entry, and counting from there on."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from audit.format.entry import Kind
from audit.stores.connection import Connection
from audit.stores.instants import to_micros
from audit.writing.item import Draft, Moment, Within
from gateway.oauth.client_keys import KeyRefusedError, NewKey, read_keys
from gateway.oauth.clients import MOST_LIVE_KEYS
from gateway.store.entries import ChangeRefusedError, Entries
from gateway.store.key_rows import find_holder, read_client_keys
from gateway.store.state import Reader
from schemas.instants import london_day

_THUMBPRINT: Final = re.compile(r"[A-Za-z0-9_-]{43}")


@dataclass(frozen=True, slots=True)
class Term:
    """The London days from which and until which a key counts, both included; None is without such an end."""

    starts_on: date | None = None
    expires_on: date | None = None


@dataclass(frozen=True, slots=True)
class ClientKeys:
    """Changes of clients' keys. `by` is who made the change."""

    entries: Entries

    def add_keys(self, client_id: str, keys: Sequence[NewKey], *, term: Term, by: str, by_key: str | None = None) -> Within:
        """Add keys beside those that a client has. `by_key`: the thumbprint of the client's own key that asked."""

        def within(connection: Connection, moment: Moment) -> Draft:
            _check_client(connection, client_id, by_key, moment.at)
            _check_term(term, moment.at)
            live = [one for one in read_client_keys(connection, client_id) if one.is_live(moment.at)]
            if len(live) + len(keys) > MOST_LIVE_KEYS:
                raise ChangeRefusedError(
                    f"a client has at most {MOST_LIVE_KEYS} live keys, and this one has {len(live)}: revoke one first"
                )
            insert_keys(connection, client_id, keys, moment.at, by=by, term=term)
            told = {
                "client": client_id,
                "kids": [one.kid for one in keys],
                "thumbprints": [one.thumbprint for one in keys],
                "starts_on": term.starts_on.isoformat() if term.starts_on else None,
                "expires_on": term.expires_on.isoformat() if term.expires_on else None,
            }
            touched = (f"client/{client_id}", *(f"key/{client_id}/{one.kid}" for one in keys))
            return self.entries.plain(Kind.KEY_REGISTERED, connection, moment, touched, {"what": told, "who": {"by": by}})

        return within

    def revoke_key(self, client_id: str, kid: str, *, by: str) -> Within:
        """Revoke a key: assertions by it, and tokens that rest on it, are refused from the next entry on."""

        def within(connection: Connection, moment: Moment) -> Draft:
            found = connection.all(
                "UPDATE client_key SET revoked_at = ? WHERE client_id = ? AND kid = ? AND revoked_at IS NULL "
                "RETURNING thumbprint",
                (to_micros(moment.at), client_id, kid),
            )
            if not found:
                found = [_bar_fetched(connection, client_id, kid, moment.at, by=by)]
            what = {"what": {"client": client_id, "kid": kid, "thumbprint": found[0][0]}, "who": {"by": by}}
            return self.entries.plain(
                Kind.KEY_REVOKED, connection, moment, (f"key/{client_id}/{kid}", f"client/{client_id}"), what
            )

        return within


def public_keys(jwks: object) -> tuple[NewKey, ...]:
    """Return the keys of a set that may be registered, or raise ChangeRefusedError."""
    try:
        return read_keys(jwks, most=MOST_LIVE_KEYS)
    except KeyRefusedError as refused:
        raise ChangeRefusedError(str(refused)) from refused


def insert_keys(
    connection: Connection, client_id: str, keys: Sequence[NewKey], at: datetime, *, by: str, term: Term | None = None
) -> None:
    """Write the rows of new keys; ChangeRefusedError for a key that is registered already, with whomever."""
    days = [one.isoformat() if one else None for one in ((term.starts_on, term.expires_on) if term else (None, None))]
    kids = {one.kid for one in read_client_keys(connection, client_id)}
    for key in keys:
        if find_holder(connection, key.thumbprint) is not None:
            # Not with whom: a key's holder could otherwise ask who else has it.
            raise ChangeRefusedError("the key is registered already, or was: make a new pair for each client and each turn")
        if key.kid in kids:
            raise ChangeRefusedError("the client has, or had, a key of that kid: give the new one another")
        connection.run(
            "INSERT INTO client_key (client_id, kid, thumbprint, jwk, added_at, added_by, starts_on, expires_on) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (client_id, key.kid, key.thumbprint, json.dumps(dict(key.jwk)), to_micros(at), by, *days),
        )


def _bar_fetched(connection: Connection, client_id: str, thumbprint: str, at: datetime, *, by: str) -> tuple[str]:
    """Bar a key that lies at a client's `jwks_uri`, by its thumbprint, whatever is fetched from there afterwards."""
    client = Reader(connection).find_client(client_id)
    if client is None or client.jwks_uri is None or client.has_revoked(thumbprint):
        raise ChangeRefusedError(f"client {client_id} has no such live key: see `stile client key list`")
    if not _THUMBPRINT.fullmatch(thumbprint):
        raise ChangeRefusedError("name a key that lies at a jwks_uri by its thumbprint (RFC 7638), not by its kid")
    connection.run(
        "INSERT INTO client_key (client_id, kid, thumbprint, jwk, added_at, added_by, revoked_at) "
        "VALUES (?, ?, ?, '{}', ?, ?, ?)",
        (client_id, thumbprint, thumbprint, to_micros(at), by, to_micros(at)),
    )
    return (thumbprint,)


def _check_client(connection: Connection, client_id: str, by_key: str | None, at: datetime) -> None:
    client = Reader(connection).find_client(client_id)
    if client is None or not client.is_active:
        raise ChangeRefusedError(f"client {client_id} is unknown, revoked, or its partner suspended")
    if client.jwks_uri is not None:
        raise ChangeRefusedError(f"the keys of client {client_id} lie at its jwks_uri: change them there")
    # The key may have been revoked since the call was authenticated.
    if by_key is not None and not any(one.thumbprint == by_key and one.counts(at.timestamp()) for one in client.keys):
        raise ChangeRefusedError("the key that asks is revoked, or its term is over: use another, or ask the council")


def _check_term(term: Term, at: datetime) -> None:
    today = london_day(at)
    if term.expires_on is not None and term.expires_on < max(today, term.starts_on or today):
        raise ChangeRefusedError("the key would never count: expires_on is past, or before starts_on")
