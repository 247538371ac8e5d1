"""Which limit was reached, until when, and how much is left: as answers and entries say it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from gateway.store.counts import COUNTS, CountKey
from schemas.agreement import Limits
from schemas.instants import instant_after, london_day


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


NOTHING_LEFT: Final = Left(())  # where no limit holds


def policy_header(limits: Limits) -> str:
    """Return `RateLimit-Policy` (draft-ietf-httpapi-ratelimit-headers, section 3)."""
    parts = [f'"per_minute";q={limits.per_minute};w=60'] if limits.per_minute else []
    parts += [f'"subjects_per_day";q={limits.subjects_per_day};w=86400'] if limits.subjects_per_day else []
    return ", ".join(parts)


def left_header(left: Left) -> str:
    """Return `RateLimit` (the same draft, section 4)."""
    return ", ".join(f'"{name}";r={count};t={seconds}' for name, count, seconds in left.left)


def day_reached(limit: str, at: datetime) -> Reached:
    """Return a limit that is reached for the rest of a London day."""
    return Reached(limit, london_day(at).isoformat(), until_midnight(at))


def repeats(*, client: str, key: str, at: datetime) -> CountKey:
    """Name the count of a London day's repeats under an Idempotency-Key. A repeat counts for no other limit."""
    return COUNTS, f"repeat/{client}/{key}", london_day(at).isoformat()


def refusals(client: str, reached: Reached) -> CountKey:
    """Name the count of refusals at a limit in its window: the first of them becomes an entry."""
    return COUNTS, f"reached/{client}/{reached.limit}", reached.window


def until_midnight(at: datetime) -> int:
    """Return the seconds that are left of a London day."""
    return int((instant_after(london_day(at)) - at) / timedelta(seconds=1)) + 1
