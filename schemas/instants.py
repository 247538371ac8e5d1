"""How do calendar dates in London and instants in UTC meet?"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

LONDON: Final = ZoneInfo("Europe/London")


def first_instant(on: date) -> datetime:
    """Return the first instant of a London day, as UTC."""
    return datetime.combine(on, time(), LONDON).astimezone(UTC)


def instant_after(on: date) -> datetime:
    """Return the first instant that no longer belongs to a London day; of the very last, the last instant there is."""
    return first_instant(on + timedelta(days=1)) if on < date.max else datetime.max.replace(tzinfo=UTC)


@lru_cache(maxsize=256)
def london_day(at: datetime) -> date:
    """Return the London day of an instant."""
    return at.astimezone(LONDON).date()


def end_of(text: str) -> datetime:
    """Return the instant from which something no longer counts, as somebody typed it; ValueError where it can't be read.

    A day without a time is a day of London's, and counts to its last instant. A time without an offset is London's clock;
    one with an offset keeps its instant.
    """
    try:
        return instant_after(date.fromisoformat(text))
    except ValueError:
        at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        return at.replace(tzinfo=LONDON).astimezone(UTC)
    try:
        return at.astimezone(UTC)
    except OverflowError:  # west of the last day, or east of the first: the instant is what it is
        return at


@lru_cache(maxsize=256)
def as_text(at: datetime) -> str:
    """Return an instant as RFC 3339 in UTC, to the microsecond where it has one."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")
