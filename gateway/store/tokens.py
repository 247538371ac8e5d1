"""How is an access token taken back? In the same transaction as its own entry; no later entry discloses by it."""

from __future__ import annotations

from dataclasses import dataclass

from audit.format.entry import Kind
from audit.stores.connection import Connection
from audit.writing.item import Draft, Moment, Within
from gateway.store.entries import Entries
from gateway.store.state import Reader


@dataclass(frozen=True, slots=True)
class TokenChanges:
    """Changes of which tokens count."""

    entries: Entries

    def revoke(self, jti: str, *, client_id: str, by: str) -> Within:
        """Take a token back; one that was taken back already needs no second entry (RFC 7009, section 2.2)."""

        def within(connection: Connection, moment: Moment) -> Draft | None:
            if Reader(connection).is_token_revoked(jti):
                return None
            what = {"what": {"token": jti, "client": client_id}, "who": {"by": by}}
            return self.entries.plain(Kind.TOKEN_REVOKED, connection, moment, (f"token/{jti}",), what)

        return within
