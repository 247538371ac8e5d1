"""By which decision semantics does this council decide? The floor counts for all texts; each has its own number too."""

from __future__ import annotations

from typing import Any

from schemas.semantics import NEWEST


def read_floor(connection: Any) -> int:
    """Return the floor: what `semantics.changed` set last; before the first, the least number of any published text.

    So a council whose texts were all published by a build that knew numbers begins with the number of those.
    """
    (changed,) = connection.execute("SELECT max(number) FROM semantics").fetchone()
    if changed is not None:
        return int(changed)
    (least,) = connection.execute("SELECT min(semantics) FROM text").fetchone()
    return NEWEST if least is None else int(least)


def read_highest(connection: Any) -> int:
    """Return the highest number that the state rests on: a build that does not know it must not decide."""
    highest = connection.execute(
        "SELECT max(number) FROM (SELECT number FROM semantics UNION ALL SELECT semantics FROM text)"
    ).fetchone()[0]
    return 0 if highest is None else int(highest)


def read_number(connection: Any, kind: str, name: str, version: int) -> int:
    """Return the number that a text was published under."""
    row = connection.execute(
        "SELECT semantics FROM text WHERE kind = ? AND id = ? AND version = ?", (kind, name, version)
    ).fetchone()
    return int(row[0])
