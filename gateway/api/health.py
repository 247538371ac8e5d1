"""GET /healthz: is the process alive? GET /readyz: can it answer, that is write the log and read the state?"""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from audit.format.entry import canonical
from audit.writing.heartbeat import JUMP, told
from audit.writing.sequencer import LogUnavailableError, NotDurableError
from gateway.background.sweeping import log_ahead
from gateway.journey.wiring import Wiring
from gateway.store.probe import write_and_take_back


async def get_health(_request: Request) -> Response:
    """Answer at all."""
    return Response(b'{"alive":true}', media_type="application/json")


async def get_readiness(request: Request) -> Response:
    """Make a transaction that leaves nothing behind and read the state; 503 names what is not ready.

    `log_ahead` is by how many seconds the log's newest entry is ahead of this machine's clock.
    """
    wiring: Wiring = request.app.state.wiring
    reader = wiring.services.reader
    try:
        reader.refresh()
    except LogUnavailableError:
        return _not_ready(log="not the one that it was")
    if reader.followed is not None and (damaged := reader.followed.still_damaged(reader.connection)):
        return _not_ready(state="not what the log says", state_keys=len(damaged))
    heartbeat = wiring.sequencer.heartbeat
    moved = heartbeat.moved() if heartbeat is not None else 0.0
    if abs(moved) > JUMP:
        return _not_ready(clock=told(moved), clock_moved=round(moved))
    try:
        await wiring.services.log.append(lambda connection, _moment: write_and_take_back(connection))
    except (NotDurableError, LogUnavailableError):
        return _not_ready(log="not the one that it was" if wiring.sequencer.follower.is_forked else "not writable")
    if not wiring.sequencer.writable:
        return _not_ready(log="not writable")
    ready = {"ready": True, "log_ahead": round(log_ahead(wiring.services))}
    return Response(canonical(ready), media_type="application/json")


def _not_ready(**what: str | int) -> Response:
    body = canonical({"ready": False, **what})
    return Response(body, 503, {"Retry-After": "5"}, media_type="application/json")
