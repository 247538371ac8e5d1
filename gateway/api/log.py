"""The log as outsiders read it: checkpoint and hash tiles (C2SP tlog-tiles), without a token."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from audit.exporting import tiles
from gateway.journey.wiring import Wiring
from gateway.problems import NOT_FOUND, ProblemError


async def get_checkpoint(request: Request) -> Response:
    """Serve the newest signed tree head."""
    wiring: Wiring = request.app.state.wiring
    note = tiles.checkpoint(wiring.services.reader.connection)
    if note is None:
        raise ProblemError(NOT_FOUND, "the log has no entry yet")
    return Response(note, headers={"Cache-Control": "no-store"}, media_type="text/plain; charset=utf-8")


async def get_tile(request: Request) -> Response:
    """Serve a hash tile. Entry bundles are for auditors, and are not served here."""
    wiring: Wiring = request.app.state.wiring
    path = "tile/" + request.path_params["path"]
    found = None if path.startswith("tile/entries") else tiles.find_tile(wiring.services.reader.connection, path)
    if found is None:
        raise ProblemError(NOT_FOUND, "there is no such tile, or not yet")
    return Response(found, media_type="application/octet-stream")
