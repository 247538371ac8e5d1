"""Which windows of counted use have ended? A minute by its number, a London day by its date."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from audit.stores.connection import Connection
from schemas.instants import london_day

# A window of `usage` that is dropped: a minute's number two minutes old (the sliding count looks one back), or a day before
# yesterday. Yesterday is kept because a clock that ran past midnight, and was put back, would else have forgotten today:
# misses, locks, the people of emergencies and incidents.
KEPT: Final = timedelta(days=1)
IS_OVER: Final = (
    "name NOT LIKE 'reached/%' AND ((instr(\"window\", '-') = 0 AND CAST(\"window\" AS INTEGER) < ?) "
    'OR (instr("window", \'-\') > 0 AND "window" < ?))'
)


def over_before(at: datetime) -> tuple[int, str]:
    """Return what `IS_OVER` is bound to at an instant."""
    return int(at.timestamp()) // 60 - 1, (london_day(at) - KEPT).isoformat()


def ended_windows(connection: Connection, at: datetime) -> list[tuple[str, str, int]]:
    """Return (name, window, refusals) of the limits' windows that were reached and have ended."""
    rows = connection.all('SELECT name, "window", count FROM usage WHERE name LIKE ?', ("reached/%",))
    minute, day = int(at.timestamp()) // 60, london_day(at).isoformat()
    return [
        (name, window, count) for name, window, count in rows if (window < day if "-" in window else int(window) < minute)
    ]
