"""How does an answer about many people leave: line by line as NDJSON, or as one JSON document?"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Final

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Message, Send
from typing_extensions import override

from audit.format.entry import canonical
from gateway.disclose_many import Lines, refusal_of, whole
from gateway.journey.call import Ask
from gateway.journey.wiring import Wiring
from gateway.problems import ProblemError

SLOWEST_READER: Final = 30.0  # seconds that a caller may take to read one chunk
NDJSON: Final = "application/x-ndjson"


class BoundedStream(StreamingResponse):
    """A stream whose reader has so many seconds for each part: one that does not read holds no memory for ever."""

    @override
    async def stream_response(self, send: Send) -> None:
        async def bounded(message: Message) -> None:
            async with asyncio.timeout(SLOWEST_READER):
                await send(message)

        with contextlib.suppress(TimeoutError):  # the answer then lacks its end, and shows so
            await super().stream_response(bounded)


async def answer_many(request: Request, ask: Ask, wiring: Wiring) -> Response:
    """Answer about many people. What fails before the first line has its own status; later, a line says so.

    Raises ProblemError for the first chunk. Where request-time facts alone permit nothing to anybody, the status is 403
    and the answer one document: a stream would have to give its status before it knows.
    """
    lines = Lines(ask, wiring.services)
    await lines.begin()
    chunks = lines.each()
    first = await anext(chunks)
    if _wants_lines(request) and lines.permits:
        headers = dict(lines.headers)
        return BoundedStream(_stream(first, chunks, lines, request, wiring), 200, headers, media_type=NDJSON)
    body, status = await _collected(first, chunks, lines, request, wiring)
    headers = dict(lines.headers)  # as of the last chunk: what is left after all of this call
    kind = "application/json" if status == 200 else "application/problem+json"  # noqa: PLR2004 -- HTTP's own number
    return Response(body, status, headers, media_type=kind)


def _wants_lines(request: Request) -> bool:
    """Tell whether the caller prefers NDJSON: it names it, and JSON not before it (RFC 9110, section 12.5.1)."""
    named = [one.partition(";")[0].strip().lower() for one in request.headers.get("accept", "").split(",")]
    places = {name: place for place, name in reversed(list(enumerate(named)))}
    ours = min(
        (places[name] for name in (NDJSON, "application/jsonl", "application/ndjson") if name in places), default=None
    )
    return ours is not None and ours < places.get("application/json", len(named))


async def _stream(
    first: list[bytes], chunks: AsyncIterator[list[bytes]], lines: Lines, request: Request, wiring: Wiring
) -> AsyncIterator[bytes]:
    """Give out each chunk once it is recorded. A caller that goes away ends it: no further chunk is asked for."""
    yield _joined(first)
    try:
        async for chunk in chunks:
            yield _joined(chunk)
    except ProblemError as error:
        yield _problem_line(error, request, wiring) + b"\n"
        return
    finally:
        _alarm(lines, request, wiring)
    yield lines.end() + b"\n"


async def _collected(
    first: list[bytes], chunks: AsyncIterator[list[bytes]], lines: Lines, request: Request, wiring: Wiring
) -> tuple[bytes, int]:
    kept = list(first)
    problem = None
    try:
        async for chunk in chunks:
            kept += chunk
    except ProblemError as error:
        problem = _problem_line(error, request, wiring)  # the chunks before it are disclosed, and so they are given out
    _alarm(lines, request, wiring)
    if problem is not None:
        return whole(kept, None, problem), 200
    if lines.permits:
        return whole(kept, lines.end()), 200
    return refusal_of(kept, lines.end(), lines.ask, wiring.services, lines.detail), 403


def _joined(lines: list[bytes]) -> bytes:
    return b"\n".join(lines) + b"\n"


def _problem_line(error: ProblemError, request: Request, wiring: Wiring) -> bytes:
    settings = wiring.council.settings
    body = error.problem.body(
        detail=error.detail,
        request_id=request.state.request_id,
        base=settings.public_url,
        urgent_contact=settings.urgent_contact,
        **error.more,
    )
    return canonical({"problem": body})


def _alarm(lines: Lines, request: Request, wiring: Wiring) -> None:
    if lines.tripped:
        wiring.telemetry.alarm(lines.tripped, request.state.request_id)
    if lines.misses is not None:
        wiring.telemetry.alarm_misses(
            client_id=lines.ask.caller.client.client_id, count=lines.misses, request_id=request.state.request_id
        )
    for one in lines.urgent:
        wiring.telemetry.note_emergency(one, request.state.request_id)
