"""What is tidied while the gateway runs? Windows that have ended become entries; what has expired is dropped."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from audit.exporting.tiles import checkpoint
from audit.stores.connection import Connection
from audit.stores.sqlite import from_micros, head
from audit.writing.heartbeat import JUMP, Heartbeat
from audit.writing.highwater import keep_high_water
from audit.writing.item import Draft, Moment, Within
from audit.writing.once import LIFE
from audit.writing.sequencer import LogUnavailableError, NotDurableError
from gateway.journey.equipment import Services
from gateway.journey.refusal_entry import refuse_in_window
from gateway.limits import windows
from gateway.limits.early_refusals import EarlyLimits
from gateway.store import sign_ins
from gateway.store.key_rows import assurance_days_left, days_left
from gateway.telemetry import NO_END, Telemetry
from schemas.instants import london_day

EVERY: Final = 1.0  # seconds
HANDED_IN: Final = timedelta(seconds=EVERY)  # after a window's end
MOST_AT_ONCE: Final = 2_000  # rows dropped in one transaction, so that nobody waits for the broom


async def sweep(
    services: Services, early: EarlyLimits, telemetry: Telemetry, high_water: Path, heartbeat: Heartbeat | None = None
) -> None:
    """Sweep until cancelled. Whatever fails is tried again with the next round."""
    moved = 0.0
    while True:
        await asyncio.sleep(EVERY)
        try:
            if heartbeat is not None:
                moved = await watch_clock(heartbeat, telemetry, before=moved)
            telemetry.log_ahead.set(log_ahead(services))
            telemetry.log_size.set(services.reader.refresh())
            telemetry.key_days_left.set(days_left(services.reader.connection, services.clock(), most=NO_END))
            today = london_day(services.clock())
            telemetry.assurance_days_left.set(assurance_days_left(services.reader.connection, today, most=NO_END))
            await sweep_once(services, early)
            # In a thread: it waits for the disk.
            await asyncio.to_thread(keep_high_water, checkpoint(services.reader.connection), high_water)
        except (NotDurableError, LogUnavailableError):
            continue  # every call tells of it already
        except Exception as error:  # noqa: BLE001 -- a broom that stops at one bad row stops for ever, and unseen
            telemetry.logger.error("sweeping_failed", error=type(error).__name__)  # noqa: TRY400 -- a traceback may hold values


async def watch_clock(heartbeat: Heartbeat, telemetry: Telemetry, *, before: float) -> float:
    """Beat, and tell operators once of a clock that has jumped: nothing is written then. Return how far it has moved."""
    moved = heartbeat.moved()
    if abs(moved) > JUMP >= abs(before):
        telemetry.warn_of_clock(moved)
    telemetry.clock_moved.set(moved)
    await asyncio.to_thread(heartbeat.beat)  # it writes a file
    return moved


def log_ahead(services: Services) -> float:
    """Return by how many seconds the log's newest entry is ahead of this machine's clock; 0 where it is not."""
    found = head(services.reader.connection)
    return max(0.0, (from_micros(found[2]) - services.clock()).total_seconds()) if found else 0.0


async def sweep_once(services: Services, early: EarlyLimits) -> None:
    """Record the windows that have ended, and drop what no longer counts. Other workers may do the same at this moment."""
    now = services.clock()
    connection = services.reader.connection
    await _hand_in(services, early)
    # A second after its end, so that each worker has handed in what it refused in the window.
    for name, window, _ in windows.ended_windows(connection, now - HANDED_IN):
        await services.log.append(_ended_window(services, name, window))
    if _has_expired(connection, now):
        await services.log.append(lambda inner, moment: _drop_expired(inner, now, moment))


async def _hand_in(services: Services, early: EarlyLimits) -> None:
    """Add the calls that this worker refused early to their windows' rows, which all workers share."""
    if not early.refused:
        return
    refused, early.refused = early.refused, Counter()

    def within(connection: Connection, _moment: Moment) -> None:
        for (client_id, limit, window), count in refused.items():
            # Where another worker has recorded the window already, a new row counts on from its one first refusal.
            connection.run(
                'INSERT INTO usage (name, "window", count) VALUES (?, ?, ?) '
                'ON CONFLICT (name, "window") DO UPDATE SET count = count + excluded.count - 1',
                (f"reached/{client_id}/{limit}", window, count + 1),
            )

    try:
        await services.log.append(within)
    except (NotDurableError, LogUnavailableError):
        early.refused.update(refused)
        raise


def _ended_window(services: Services, name: str, window: str) -> Within:
    """Return the item that drops a window's row and, where it refused more than its first call, records how many.

    Whoever drops the row records it; for every other worker it is gone.
    """
    _, client_id, limit = name.split("/")
    client = services.reader.find_client(client_id)
    partner = client.partner_id if client else None

    def within(connection: Connection, moment: Moment) -> Draft | None:
        found = connection.all('DELETE FROM usage WHERE name = ? AND "window" = ? RETURNING count', (name, window))
        if not found or found[0][0] < 2:  # noqa: PLR2004 -- the first refusal was an entry of its own
            return None
        facts = {"limit": limit, "window": window, "refused": found[0][0] - 1}
        return refuse_in_window((client_id, partner), facts, services, moment)

    return within


# Which rows are over: table, its key, condition.
_EXPIRED: Final = (
    ("idempotency", "client_id, key", "expires <= ?"),
    ("invitation", "token_hash", "expires <= ?"),
    ("registration", "client_id", "expires <= ?"),
    ("usage", 'name, "window"', windows.IS_OVER),
)


def _has_expired(connection: Connection, now: datetime) -> bool:
    used = connection.one("SELECT 1 FROM used_once WHERE until <= ? LIMIT 1", (now.timestamp() - LIFE,))
    return (
        used is not None
        or sign_ins.has_expired(connection, now)
        or any(
            connection.one(f"SELECT 1 FROM {table} WHERE {where} LIMIT 1", _bound(table, now)) is not None
            for table, _, where in _EXPIRED
        )
    )


def _drop_expired(connection: Connection, now: datetime, moment: Moment) -> None:
    sign_ins.drop_expired(connection, now)
    # What this writer has forgotten: by the boot clock too, so that no clock that is put back makes a name good again.
    connection.run(
        f"DELETE FROM used_once WHERE number IN (SELECT number FROM used_once WHERE number <= ? LIMIT {MOST_AT_ONCE})",
        (moment.once.forgotten,),
    )
    for table, key, where in _EXPIRED:
        connection.run(
            f"DELETE FROM {table} WHERE ({key}) IN (SELECT {key} FROM {table} WHERE {where} LIMIT {MOST_AT_ONCE})",
            _bound(table, now),
        )


def _bound(table: str, now: datetime) -> tuple[Any, ...]:
    """Return what a condition is bound to."""
    return windows.over_before(now) if table == "usage" else (int(now.timestamp()),)
