"""How do the gateway's own signing keys turn over? In the same transaction as an entry, so that every worker knows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from audit.format.entry import Kind
from audit.stores.connection import Connection
from audit.writing.item import Draft, Moment, Within
from gateway.oauth.issuer_keys import PUBLISHED_BEFORE
from gateway.store.entries import ChangeRefusedError, Entries
from gateway.store.key_rows import read_turns
from gateway.store.state_rows import ISSUER

MICROS: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class IssuerKeyChanges:
    """Changes of the gateway's own keys. `by` is who made the change; `first` the kid and name of the key it began with."""

    entries: Entries

    def turn_over(self, *, kid: str, name: str, first: tuple[str, str], by: str) -> Within:
        """Publish the next key now, to sign a day from now; the one before is accepted until its last token is over."""

        def within(connection: Connection, moment: Moment) -> Draft:
            _keep_first(connection, first)
            now = int(moment.at.timestamp())
            if any(one.revoked_at is None and one.signs_at > now for one in read_turns(connection)):
                raise ChangeRefusedError("a next key is published already, and signs soon: see `stile issuer-key list`")
            signs = now + PUBLISHED_BEFORE
            _insert(connection, kid, name, published=now, signs=signs)
            what = {"what": {"issuer_key": kid, "signs_at": signs}, "who": {"by": by}}
            return self.entries.plain(Kind.KEY_REGISTERED, connection, moment, (ISSUER,), what)

        return within

    def replace_now(self, *, kid: str, name: str, first: tuple[str, str], by: str) -> Within:
        """Sign by a new key from this entry on, and refuse every token of the keys before: they may be in other hands."""

        def within(connection: Connection, moment: Moment) -> Draft:
            _keep_first(connection, first)
            now = int(moment.at.timestamp())
            gone = [one.kid for one in read_turns(connection) if one.revoked_at is None]
            connection.run("UPDATE issuer_key SET revoked_at = ? WHERE revoked_at IS NULL", (now * MICROS,))
            _insert(connection, kid, name, published=now, signs=now)
            # Every client's tokens are refused by it: what is under way under one is judged again.
            clients = connection.all("SELECT client_id FROM client WHERE status = 'active'")
            touched = (ISSUER, *(f"client/{one[0]}" for one in clients))
            what = {"what": {"issuer_key": kid, "revoked": gone}, "who": {"by": by}}
            return self.entries.plain(Kind.KEY_REVOKED, connection, moment, touched, what)

        return within


def _keep_first(connection: Connection, first: tuple[str, str]) -> None:
    if not read_turns(connection):
        _insert(connection, *first, published=0, signs=0)


def _insert(connection: Connection, kid: str, name: str, *, published: int, signs: int) -> None:
    connection.run(
        "INSERT INTO issuer_key (kid, name, published_at, signs_at) VALUES (?, ?, ?, ?)",
        (kid, name, published * MICROS, signs * MICROS),
    )
