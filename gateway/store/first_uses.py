"""What was an Idempotency-Key first used for? Kept for a day, so that a repeat is known as one."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from audit.stores.connection import Connection, Row, Statement
from audit.stores.shelf import Key

FIRST_USES: Final = "idempotency"  # the shelf's name; a key names the client and its Idempotency-Key
KEPT_FOR: Final = timedelta(hours=24)


def drop_first_uses(connection: Connection) -> None:
    """Forget every first use: the entries that they name are of another log."""
    connection.run("DELETE FROM idempotency")


@dataclass(frozen=True, slots=True)
class FirstUse:
    """What a key was first used for. `uncounted` are the places of those whom that call was not counted for.

    `expires` is the epoch second from which the key may be used anew.
    """

    body_digest: str
    disclosure_id: str
    expires: int
    uncounted: frozenset[int] = frozenset()

    def counts(self, at: datetime) -> bool:
        """Tell whether the key is still kept."""
        return self.expires > int(at.timestamp())


class FirstUseShelf:
    """First uses of Idempotency-Keys."""

    def asked(self, keys: Collection[Key]) -> Sequence[Statement]:
        """Return the statement that reads these rows."""
        marks = ", ".join(["(?, ?)"] * len(keys))
        statement = "SELECT client_id, key, body_digest, disclosure_id, expires, limited FROM idempotency "
        return [(f"{statement}WHERE (client_id, key) IN (VALUES {marks})", [value for key in keys for value in key[1:]])]

    def found(self, _keys: Collection[Key], answers: Sequence[Sequence[Row]], _connection: Connection) -> dict[Key, Any]:
        """Return the first uses that there are."""
        return {
            (FIRST_USES, client, key): FirstUse(digest, disclosure_id, expires, frozenset(json.loads(limited)))
            for rows in answers
            for client, key, digest, disclosure_id, expires, limited in rows
        }

    def written(self, rows: Mapping[Key, Any]) -> Sequence[Statement]:
        """Return the statements by which first uses stand so."""
        return [(_WRITE, _row(key, use)) for key, use in rows.items()]


_WRITE: Final = (
    "INSERT INTO idempotency (client_id, key, body_digest, disclosure_id, expires, limited) VALUES (?, ?, ?, ?, ?, ?) "
    "ON CONFLICT (client_id, key) DO UPDATE SET body_digest = excluded.body_digest, "
    "disclosure_id = excluded.disclosure_id, expires = excluded.expires, limited = excluded.limited"
)


def _row(key: Key, use: FirstUse) -> tuple[Any, ...]:
    return (*key[1:], use.body_digest, use.disclosure_id, use.expires, json.dumps(sorted(use.uncounted)))
