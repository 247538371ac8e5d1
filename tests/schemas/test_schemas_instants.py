"""Do London's days and UTC's instants meet where they should?"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from schemas.instants import as_text, end_of, first_instant, instant_after, london_day


@pytest.mark.parametrize(
    ("on", "begins", "ends"),
    [
        (date(2026, 1, 15), "2026-01-15T00:00:00Z", "2026-01-16T00:00:00Z"),
        (date(2026, 7, 1), "2026-06-30T23:00:00Z", "2026-07-01T23:00:00Z"),
        (date(2026, 3, 29), "2026-03-29T00:00:00Z", "2026-03-29T23:00:00Z"),  # clocks go forward: 23 hours
        (date(2026, 10, 25), "2026-10-24T23:00:00Z", "2026-10-26T00:00:00Z"),  # clocks go back: 25 hours
        (date(2027, 3, 31), "2027-03-30T23:00:00Z", "2027-03-31T23:00:00Z"),
    ],
)
def test_a_london_day_is_half_open(on, begins, ends):
    """Its first instant belongs to it, the instant after does not; the last microsecond does."""
    assert as_text(first_instant(on)) == begins
    assert as_text(instant_after(on)) == ends
    assert london_day(first_instant(on)) == on
    assert london_day(instant_after(on) - timedelta(microseconds=1)) == on
    assert london_day(instant_after(on)) == on + timedelta(days=1)


def test_an_instant_is_written_in_utc():
    """RFC 3339, to the microsecond where it has one."""
    paris = timezone(timedelta(hours=2))

    assert as_text(datetime(2026, 7, 1, 2, tzinfo=paris)) == "2026-07-01T00:00:00Z"
    assert as_text(datetime(2026, 7, 1, microsecond=5, tzinfo=UTC)) == "2026-07-01T00:00:00.000005Z"


@pytest.mark.parametrize(
    ("typed", "ends"),
    [
        ("2026-10-25", "2026-10-26T00:00:00Z"),  # a day counts to its last instant
        ("2026-06-30", "2026-06-30T23:00:00Z"),
        ("2026-06-30T12:00", "2026-06-30T11:00:00Z"),  # London's clock, where no offset is said
        ("2026-10-25T01:30:00", "2026-10-25T00:30:00Z"),  # of two such hours, the first
        ("2026-06-30T12:00:00+05:00", "2026-06-30T07:00:00Z"),
    ],
)
def test_an_end_is_the_instant_that_was_meant(typed, ends):
    assert as_text(end_of(typed)) == ends


def test_an_end_beyond_the_calendar_keeps_its_instant():
    west = datetime(9999, 12, 31, 23, 59, 59, tzinfo=timezone(timedelta(hours=-12)))

    assert end_of(west.isoformat()) == west
    with pytest.raises(ValueError, match="isoformat"):
        end_of("tomorrow")
