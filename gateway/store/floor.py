"""By which decision semantics does this council decide? The floor counts for all texts; each has its own number too."""

from __future__ import annotations

from audit.stores.connection import Connection
from schemas.semantics import NEWEST


def read_floor(connection: Connection) -> int:
    """Return the floor: what `semantics.changed` set last; before the first, the least number of any published text.

    So a council whose texts were all published by a build that knew numbers begins with the number of those.
    """
    changed = connection.value("SELECT max(number) FROM semantics")
    if changed is not None:
        return int(changed)
    least = connection.value("SELECT min(semantics) FROM text")
    return NEWEST if least is None else int(least)


def read_highest(connection: Connection) -> int:
    """Return the highest number that the state rests on: a build that does not know it must not decide."""
    highest = connection.value(
        "SELECT max(number) FROM (SELECT number FROM semantics UNION ALL SELECT semantics FROM text) AS known"
    )
    return 0 if highest is None else int(highest)


def read_number(connection: Connection, kind: str, name: str, version: int) -> int:
    """Return the number that a text was published under."""
    number = connection.value("SELECT semantics FROM text WHERE kind = ? AND id = ? AND version = ?", (kind, name, version))
    return int(number)
