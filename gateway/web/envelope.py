"""What is put around every call? A name, a time, the headers that each answer has, and every failure as a problem."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final

from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from audit.format.entry import canonical
from audit.stores.connection import StoreError
from audit.writing.keyring import KeyringError
from audit.writing.sequencer import LogUnavailableError, NotDurableError
from gateway.journey.equipment import Chance
from gateway.journey.wiring import Wiring
from gateway.problems import (
    FAULT,
    METHOD_REFUSED,
    NOT_FOUND,
    REQUEST_MALFORMED,
    ProblemError,
    log_unavailable,
)
from gateway.settings import Settings
from gateway.telemetry import Steps
from gateway.web.door import request_id_of, traceparent_of
from gateway.web.headers import headers_of

DISCLOSURES: Final = "/v1/disclosures"
SCENARIO: Final = b"stile-scenario"
UNWRITABLE: Final = (NotDurableError, LogUnavailableError, KeyringError)  # nothing can be recorded, so nothing leaves

# Lets a call in before its body is read, or raises the problem; returns what hands on the body, once it is checked.
EntranceDoor = Callable[[Request, Receive], Awaitable[Receive]]


class Envelope:
    """Names each request, times it, and leads it to the door of its entrance before its body is read. Pure ASGI.

    `doors` are by the beginning of the addresses behind them. The routes in `hot` are handed their request here: what
    FastAPI puts around every call costs them more than their own authentication.
    """

    def __init__(
        self, app: ASGIApp, *, routes: Sequence[Route], hot: frozenset[str], doors: Mapping[str, EntranceDoor]
    ) -> None:
        self._app = app
        self._doors = tuple(doors.items())
        self._hot = {(method, route.path): route for route in routes if route.path in hot for method in route.methods or ()}
        self._templates: dict[object, str] = {route.endpoint: route.path for route in routes}
        self._chance = Chance()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Wrap one call."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope, receive)
        wiring: Wiring = scope["app"].state.wiring
        state = request.state
        state.wiring = wiring
        steps = state.steps = Steps()
        state.request_id = request_id_of(request, self._chance)
        sent: dict[str, int] = {}

        async def send_named(message: Message) -> None:
            if message["type"] == "http.response.start":
                sent["status"] = message["status"]
                message["headers"] += _own_headers(request, state.wiring, steps)
            await send(message)

        try:
            if named := headers_of(request).get(SCENARIO):
                request.state.wiring = wiring.stage(wiring, scope["path"], named)
            await self._handle(request, await self._let_in(request, receive), send_named)
        except ProblemError as error:
            await (await answer_problem(request, error))(scope, receive, send_named)
        except UNWRITABLE as error:
            await (await answer_unwritable(request, error))(scope, receive, send_named)
        except Exception as error:  # noqa: BLE001 -- the door: a bug is told as one, and its message stays inside
            answer = await answer_fault(request, error)
            if not sent:
                await answer(scope, receive, send_named)
        finally:
            wiring.telemetry.count(self._route_of(scope), sent.get("status", 0), steps)

    async def _let_in(self, request: Request, receive: Receive) -> Receive:
        for beginning, enter in self._doors:
            if request.scope["path"].startswith(beginning):
                return await enter(request, receive)
        return receive

    async def _handle(self, request: Request, receive: Receive, send: Send) -> None:
        scope = request.scope
        hot = self._hot.get((scope["method"], scope["path"]))
        if hot is None:
            await self._app(scope, receive, send)
            return
        scope["route"] = hot
        await (await hot.endpoint(request))(scope, receive, send)

    def _route_of(self, scope: Scope) -> str:
        """Return a route's template: an address itself may hold anything."""
        route = scope.get("route")
        path: str = route.path if route is not None else self._templates.get(scope.get("endpoint"), "other")
        return path


def _own_headers(request: Request, wiring: Wiring, steps: Steps) -> list[tuple[bytes, bytes]]:
    """Return the headers that every answer has."""
    headers = [
        (b"x-request-id", request.state.request_id.encode()),
        (b"server-timing", _server_timing(steps, wiring.council.settings).encode()),
        *wiring.marks(),
    ]
    if wiring.nonces is not None:  # RFC 9449, section 8.2: a new one may come with any answer
        headers.append((b"dpop-nonce", wiring.nonces.current(wiring.services.clock().timestamp()).encode()))
    if traceparent := traceparent_of(request):
        headers.append((b"traceparent", traceparent.encode()))
    return headers


def _server_timing(steps: Steps, settings: Settings) -> str:
    """Return the total; the steps besides only where the setting asks for them, for they can tell of a record."""
    shown = steps.taken if settings.steps_in_server_timing else {}
    parts = [f"{name};dur={seconds * 1000:.2f}" for name, seconds in shown.items()]
    return ", ".join([f"total;dur={steps.total() * 1000:.1f}", *parts])


async def answer_problem(request: Request, error: ProblemError) -> Response:
    """Write a problem as RFC 9457 says."""
    wiring: Wiring = request.app.state.wiring
    settings = wiring.council.settings
    if error.problem.status == 401:  # noqa: PLR2004 -- HTTP's own number
        wiring.telemetry.refused_tokens.inc()
    # A request for a person may be an emergency, also where it could not be read: whom to ring always stands there.
    urgent = {"urgent_contact": settings.urgent_contact} if request.url.path == DISCLOSURES else {}
    body = error.problem.body(
        detail=error.detail, request_id=request.state.request_id, base=settings.public_url, **urgent, **error.more
    )
    return Response(canonical(body), error.problem.status, error.headers, media_type="application/problem+json")


async def answer_validation(request: Request, error: RequestValidationError) -> Response:
    """Say what is wrong with a body that pydantic refused: where, and why; never what stood there."""
    wrong = "; ".join(f"{'.'.join(str(part) for part in one['loc'])}: {one['msg']}" for one in error.errors()[:8])
    return await answer_problem(request, ProblemError(REQUEST_MALFORMED, wrong))


async def answer_http(request: Request, error: HTTPException) -> Response:
    """Answer what the router refuses as a problem: no such address, no such method there."""
    known = {404: NOT_FOUND, 405: METHOD_REFUSED}.get(error.status_code, REQUEST_MALFORMED)
    return await answer_problem(request, ProblemError(known, headers=error.headers))


async def answer_fault(request: Request, error: Exception) -> Response:
    """Answer what nobody has foreseen: a bug is told as one; where the database does not answer, nothing was disclosed."""
    if isinstance(error, StoreError) and not error.is_own:
        return await answer_unwritable(request, error)
    logger = request.app.state.wiring.telemetry.logger
    logger.error("fault", request_id=request.state.request_id, error=type(error).__name__)  # a traceback may hold values
    return await answer_problem(request, ProblemError(FAULT))


async def answer_unwritable(request: Request, _error: Exception) -> Response:
    """Answer where nothing can be recorded: nothing was disclosed."""
    return await answer_problem(request, log_unavailable())
