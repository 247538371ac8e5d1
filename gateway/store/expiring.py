"""What no longer counts, and is dropped? Rows whose end has come, a few at a time, so that nobody waits for the broom."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from audit.stores.connection import Connection, Values
from gateway.store import sign_ins
from schemas.instants import london_day

MOST_AT_ONCE: Final = 2_000  # rows dropped in one transaction
# A minute's number two minutes old (the sliding count looks one back), or a day before yesterday. Yesterday is kept because
# a clock that ran past midnight, and was put back, would else have forgotten today: misses, locks, the people of
# emergencies and incidents. A window that was reached is dropped by who records it.
KEPT: Final = timedelta(days=1)
_WINDOW_IS_OVER: Final = (
    "(name < 'reached/' OR name >= 'reached0') "
    'AND CASE WHEN "window" LIKE \'%-%\' THEN "window" < ? ELSE CAST("window" AS BIGINT) < ? END'
)
_IS_FOLLOWED: Final = "number < (SELECT max(number) FROM used_once)"


def has_expired(connection: Connection, at: datetime, *, used_before: float) -> bool:
    """Tell whether a row is over that `drop_expired` would drop; of names that count once, over before an instant."""
    used = connection.one(f"SELECT 1 FROM used_once WHERE until <= ? AND {_IS_FOLLOWED} LIMIT 1", (used_before,))
    return (
        used is not None
        or sign_ins.has_expired(connection, at)
        or any(
            connection.one(f"SELECT 1 FROM {table} WHERE {where} LIMIT 1", values) is not None
            for table, _, where, values in _over(at)
        )
    )


def drop_expired(connection: Connection, at: datetime, *, forgotten: int) -> None:
    """Drop what is over. `forgotten`: the number up to which this writer has forgotten the names that count once.

    By the boot clock too, so that no clock that is put back makes a name good again. Their newest row stays: the next one's
    number follows from it.
    """
    sign_ins.drop_expired(connection, at)
    connection.run(
        "DELETE FROM used_once WHERE number IN "
        f"(SELECT number FROM used_once WHERE number <= ? AND {_IS_FOLLOWED} LIMIT {MOST_AT_ONCE})",
        (forgotten,),
    )
    for table, key, where, values in _over(at):
        connection.run(
            f"DELETE FROM {table} WHERE ({key}) IN (SELECT {key} FROM {table} WHERE {where} LIMIT {MOST_AT_ONCE})", values
        )


def _over(at: datetime) -> tuple[tuple[str, str, str, Values], ...]:
    """Return which rows are over: table, its key, condition, and what that is bound to."""
    now = (int(at.timestamp()),)
    windows = ((london_day(at) - KEPT).isoformat(), now[0] // 60 - 1)
    return (
        ("idempotency", "client_id, key", "expires <= ?", now),
        ("invitation", "token_hash", "expires <= ?", now),
        ("registration", "client_id", "expires <= ?", now),
        ("usage", 'name, "window"', _WINDOW_IS_OVER, windows),
    )
