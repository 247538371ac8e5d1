"""How many entries has each recipient? A gapless counter, by which who kept its receipts can show an omission."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from audit.stores.connection import Connection, Row, Statement
from audit.stores.shelf import Key

COUNTERS: Final = "recipient_counter"  # the shelf's name; a key names one recipient


class CounterShelf:
    """Recipients' counters."""

    def asked(self, keys: Collection[Key]) -> Sequence[Statement]:
        """Return the statement that reads these rows."""
        names = sorted(key[1] for key in keys)
        return [(f"SELECT name, value FROM recipient_counter WHERE name IN ({','.join('?' * len(names))})", names)]

    def found(self, _keys: Collection[Key], answers: Sequence[Sequence[Row]], _connection: Connection) -> dict[Key, Any]:
        """Return the counters that there are."""
        return {(COUNTERS, name): value for rows in answers for name, value in rows}

    def written(self, rows: Mapping[Key, Any]) -> Sequence[Statement]:
        """Return the statement by which the counters stand so."""
        values = [value for (_, name), count in rows.items() for value in (name, count)]
        marks = ", ".join(["(?, ?)"] * len(rows))
        statement = f"INSERT INTO recipient_counter (name, value) VALUES {marks} ON CONFLICT (name) DO UPDATE SET value = "
        return [(f"{statement}excluded.value", values)]
