"""How is an instant kept in a row? As whole microseconds since 1970, so that comparing needs no parsing."""

from __future__ import annotations

from datetime import UTC, datetime


def to_micros(at: datetime) -> int:
    """Return an aware instant as whole microseconds since 1970."""
    return int(at.timestamp()) * 1_000_000 + at.microsecond


def from_micros(value: int) -> datetime:
    """Return the instant of a row."""
    return datetime.fromtimestamp(value // 1_000_000, UTC).replace(microsecond=value % 1_000_000)
