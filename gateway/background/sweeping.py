"""What is tidied while the gateway runs? Windows that have ended become entries; what has expired is dropped."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Final

from audit.exporting.tiles import checkpoint
from audit.stores.connection import Connection
from audit.stores.entries import head
from audit.stores.instants import from_micros
from audit.writing.heartbeat import JUMP, Heartbeat
from audit.writing.highwater import keep_high_water
from audit.writing.item import Draft, Moment, Within
from audit.writing.once import LIFE
from audit.writing.sequencer import LogUnavailableError, NotDurableError
from gateway.journey.equipment import Services
from gateway.journey.refusal_entry import refuse_in_window
from gateway.limits.early_refusals import EarlyLimits
from gateway.store.expiring import drop_expired, has_expired
from gateway.store.key_rows import assurance_days_left, days_left
from gateway.store.refused import add_refused, ended_windows, take_window
from gateway.telemetry import NO_END, Telemetry
from schemas.instants import london_day

EVERY: Final = 1.0  # seconds
HANDED_IN: Final = timedelta(seconds=EVERY)  # after a window's end


async def sweep(
    services: Services,
    early: EarlyLimits,
    telemetry: Telemetry,
    high_water: Path,
    heartbeat: Heartbeat | None = None,
    keep_known: Callable[[], None] = lambda: None,
) -> None:
    """Sweep until cancelled. Whatever fails is tried again with the next round. `keep_known` keeps what would take long."""
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
            await asyncio.to_thread(keep_known)
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
    for name, window in ended_windows(connection, now - HANDED_IN):
        await services.log.append(_ended_window(services, name, window))
    if has_expired(connection, now, used_before=now.timestamp() - LIFE):
        await services.log.append(lambda inner, moment: drop_expired(inner, now, forgotten=moment.once.forgotten))


async def _hand_in(services: Services, early: EarlyLimits) -> None:
    """Add the calls that this worker refused early to their windows' rows, which all workers share."""
    if not early.refused:
        return
    refused, early.refused = early.refused, Counter()

    def within(connection: Connection, _moment: Moment) -> None:
        for (client_id, limit, window), count in refused.items():
            add_refused(connection, client_id=client_id, limit=limit, window=window, count=count)

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
        counted = take_window(connection, name=name, window=window)
        if counted < 2:  # noqa: PLR2004 -- the first refusal was an entry of its own
            return None
        facts = {"limit": limit, "window": window, "refused": counted - 1}
        return refuse_in_window((client_id, partner), facts, services, moment)

    return within
