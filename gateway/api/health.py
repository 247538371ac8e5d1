"""GET /healthz: is the process alive? GET /readyz: can it answer, that is write the log and read the state?"""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from audit.entry import canonical
from audit.sequencer import LogUnavailableError, NotDurableError
from gateway.wiring import Wiring


async def get_health(_request: Request) -> Response:
    """Answer at all."""
    return Response(b'{"alive":true}', media_type="application/json")


async def get_readiness(request: Request) -> Response:
    """Make an empty transaction and read the state; 503 names what is not ready."""
    wiring: Wiring = request.app.state.wiring
    wiring.services.reader.refresh()
    try:
        await wiring.services.log.append(lambda _connection, _moment: None)
    except (NotDurableError, LogUnavailableError):
        body = canonical({"ready": False, "log": "not writable"})
        return Response(body, 503, {"Retry-After": "5"}, media_type="application/json")
    return Response(canonical({"ready": True}), media_type="application/json")
