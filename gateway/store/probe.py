"""Can the state be written? By a row that is put and taken away again in one transaction."""

from __future__ import annotations

from typing import Final

from audit.stores.connection import Connection

PROBE: Final = "readiness"  # the name of a row that is never committed


def write_and_take_back(connection: Connection) -> None:
    """Have the database write, and leave nothing: an empty transaction writes nothing, and succeeds on a full disk too."""
    connection.run(
        'INSERT INTO usage (name, "window", count) VALUES (?, ?, 0) ON CONFLICT (name, "window") DO NOTHING', (PROBE, PROBE)
    )
    connection.run("DELETE FROM usage WHERE name = ?", (PROBE,))
