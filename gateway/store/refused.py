"""How many calls did a limit refuse in a window? A row of `usage`, which all workers share, until it is recorded."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from audit.stores.connection import Connection
from schemas.instants import london_day

_REACHED: Final = ("reached/", "reached0")  # from the one up to the other: what names these rows, and nothing besides


def add_refused(connection: Connection, *, client_id: str, limit: str, window: str, count: int) -> None:
    """Add the calls that a worker refused early.

    Where another worker has recorded the window already, a new row counts on from its one first refusal.
    """
    connection.run(
        'INSERT INTO usage (name, "window", count) VALUES (?, ?, ?) '
        'ON CONFLICT (name, "window") DO UPDATE SET count = usage.count + excluded.count - 1',
        (f"reached/{client_id}/{limit}", window, count + 1),
    )


def ended_windows(connection: Connection, at: datetime) -> list[tuple[str, str]]:
    """Return (name, window) of the limits' windows that were reached and have ended: minutes by number, days by date."""
    rows = connection.all('SELECT name, "window" FROM usage WHERE name >= ? AND name < ?', _REACHED)
    minute, day = int(at.timestamp()) // 60, london_day(at).isoformat()
    return [(name, window) for name, window in rows if (window < day if "-" in window else int(window) < minute)]


def take_window(connection: Connection, *, name: str, window: str) -> int:
    """Drop a window's row, and return how many calls it counted; 0 where another worker has taken it."""
    found = connection.all('DELETE FROM usage WHERE name = ? AND "window" = ? RETURNING count', (name, window))
    return int(found[0][0]) if found else 0
