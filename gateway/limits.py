"""Has this partner asked too often? Judged in the append transaction, by the rows that it also writes.

`per_minute` slides: the last minute's count is weighted by what is left of it. Days are London's.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from schemas.agreement import Limits
from schemas.instants import instant_after, london_day

MOST_MISSES: Final = 5  # a day, of one partner, for one key's value
MOST_REPEATS: Final = 10  # a day, of one call by its Idempotency-Key
MISSES: Final = "misses_per_day"
REPEATS: Final = "repeats_per_day"
EARLY: Final = "per_minute"  # the one limit that is known before a body is read

# A window of `usage` that is over: a minute's number two minutes old (the sliding count looks one back), or a past day.
IS_OVER: Final = (
    "name NOT LIKE 'reached/%' AND ((instr(\"window\", '-') = 0 AND CAST(\"window\" AS INTEGER) < ?) "
    'OR (instr("window", \'-\') > 0 AND "window" < ?))'
)


@dataclass(frozen=True, slots=True)
class Reached:
    """A limit that this call would pass. `window` names the minute or the London day."""

    limit: str
    window: str
    retry_after: int  # seconds


@dataclass(frozen=True, slots=True)
class Left:
    """How much of each limit is left after this call, and for how many seconds: for the RateLimit header."""

    left: tuple[tuple[str, int, int], ...]


@dataclass(frozen=True, slots=True)
class Use:
    """Whose use is counted: one agreement's, by one partner, of one person. `counts` is False for a repeat."""

    agreement: str
    partner: str
    subject_ref: str
    at: datetime
    in_emergency: bool
    counts: bool


def policy_header(limits: Limits) -> str:
    """Return `RateLimit-Policy` (draft-ietf-httpapi-ratelimit-headers, section 3)."""
    parts = [f'"per_minute";q={limits.per_minute};w=60'] if limits.per_minute else []
    parts += [f'"subjects_per_day";q={limits.subjects_per_day};w=86400'] if limits.subjects_per_day else []
    return ", ".join(parts)


def left_header(left: Left) -> str:
    """Return `RateLimit` (the same draft, section 4)."""
    return ", ".join(f'"{name}";r={count};t={seconds}' for name, count, seconds in left.left)


def judge(connection: Any, limits: Limits, use: Use) -> Reached | Left:
    """Tell whether the call is within the limits, without counting it."""
    minute, day = _minute(use.at), london_day(use.at).isoformat()
    seconds_left = 60 - use.at.second
    left: list[tuple[str, int, int]] = []
    if limits.per_minute is not None and use.counts:
        used = _sliding(connection, use)
        if used + 1 > limits.per_minute:
            return Reached(EARLY, str(minute), seconds_left)
        left.append(("per_minute", int(limits.per_minute - used - 1), seconds_left))
    if use.in_emergency or not use.counts:
        return Left(tuple(left))
    until_midnight = _until_midnight(use.at)
    same = _count(connection, _same(use), day)
    if limits.same_subject_per_day is not None and same >= limits.same_subject_per_day:
        return Reached("same_subject_per_day", day, until_midnight)
    if limits.subjects_per_day is not None:
        subjects = _count(connection, _subjects(use), day) + (1 if same == 0 else 0)
        if subjects > limits.subjects_per_day:
            return Reached("subjects_per_day", day, until_midnight)
        left.append(("subjects_per_day", limits.subjects_per_day - subjects, until_midnight))
    return Left(tuple(left))


def count(connection: Any, limits: Limits, use: Use) -> None:
    """Count the call; only what a limit asks for is written."""
    if not use.counts:
        return
    day = london_day(use.at).isoformat()
    if limits.per_minute is not None:
        _add(connection, _calls(use), str(_minute(use.at)))
    if limits.same_subject_per_day is None and limits.subjects_per_day is None:
        return
    if _add(connection, _same(use), day) == 1:
        _add(connection, _subjects(use), day)


def day_reached(limit: str, at: datetime) -> Reached:
    """Return a limit that is reached for the rest of a London day."""
    return Reached(limit, london_day(at).isoformat(), _until_midnight(at))


def count_repeat(connection: Any, client: str, key: str, at: datetime) -> int:
    """Count a repeat under an Idempotency-Key; return how many there were today. A repeat counts for no other limit."""
    return _add(connection, f"repeat/{client}/{key}", london_day(at).isoformat())


def misses(connection: Any, partner: str, key_ref: str, at: datetime) -> int:
    """Return how often a partner missed with this key's value today."""
    return _count(connection, f"miss/{partner}/{key_ref}", london_day(at).isoformat())


def count_miss(connection: Any, partner: str, key_ref: str, at: datetime) -> None:
    """Count a search that confirmed nobody."""
    _add(connection, f"miss/{partner}/{key_ref}", london_day(at).isoformat())


def over_before(at: datetime) -> tuple[int, str]:
    """Return what `IS_OVER` is bound to at an instant."""
    return _minute(at) - 1, london_day(at).isoformat()


def ended_windows(connection: Any, at: datetime) -> list[tuple[str, str, int]]:
    """Return (name, window, refusals) of the limits' windows that were reached and have ended."""
    rows = connection.execute('SELECT name, "window", count FROM usage WHERE name LIKE ?', ("reached/%",)).fetchall()
    minute, day = _minute(at), london_day(at).isoformat()
    return [
        (name, window, count) for name, window, count in rows if (window < day if "-" in window else int(window) < minute)
    ]


def mark_reached(connection: Any, client: str, reached: Reached) -> bool:
    """Note that a limit was reached; True the first time in its window, when it becomes an entry."""
    return _add(connection, f"reached/{client}/{reached.limit}", reached.window) == 1


def _until_midnight(at: datetime) -> int:
    return int((instant_after(london_day(at)) - at) / timedelta(seconds=1)) + 1


def _minute(at: datetime) -> int:
    return int(at.timestamp()) // 60


def _calls(use: Use) -> str:
    return f"calls/{use.agreement}/{use.partner}"


def _same(use: Use) -> str:
    return f"subject/{use.agreement}/{use.partner}/{use.subject_ref}"


def _subjects(use: Use) -> str:
    return f"subjects/{use.agreement}/{use.partner}"


def _sliding(connection: Any, use: Use) -> float:
    minute = _minute(use.at)
    before = _count(connection, _calls(use), str(minute - 1))
    return _count(connection, _calls(use), str(minute)) + before * (60 - use.at.second) / 60


def _count(connection: Any, name: str, window: str) -> int:
    row = connection.execute('SELECT count FROM usage WHERE name = ? AND "window" = ?', (name, window)).fetchone()
    return int(row[0]) if row else 0


def _add(connection: Any, name: str, window: str) -> int:
    row = connection.execute(
        'INSERT INTO usage (name, "window", count) VALUES (?, ?, 1) '
        'ON CONFLICT (name, "window") DO UPDATE SET count = count + 1 RETURNING count',
        (name, window),
    ).fetchone()
    return int(row[0])
