"""What is put around every call, and in which order? Around those of hot routes: nothing of FastAPI's."""

from __future__ import annotations

from collections.abc import Awaitable, Collection, Mapping, Sequence
from typing import Any, Final

from fastapi import FastAPI
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from gateway.settings import Settings
from gateway.web.envelope import DISCLOSURES, EntranceDoor, Envelope
from gateway.web.hops import Hops

HOT: Final = frozenset({DISCLOSURES, "/oauth2/token"})
Address = tuple[str, str]  # a method and a path


def put_around(app: FastAPI, *, routes: Sequence[Route], settings: Settings, doors: Mapping[str, EntranceDoor]) -> None:
    """Put around the calls of an application what each has: the last to be done to it, once it has all else."""
    around: list[tuple[Any, dict[str, Any]]] = [(Envelope, {"routes": routes, "hot": HOT, "doors": doors})]
    if settings.forwarded_hops:
        around.append((ProxyHeadersMiddleware, {"trusted_hosts": list(settings.forwarded_hops)}))
    around.append((Hops, {"believed": settings.certificate_hops}))  # the outermost: it asks who is connected
    for kind, named in around:
        app.add_middleware(kind, **named)
    rest = hot = app.build_middleware_stack()
    for kind, named in around:
        hot = kind(hot, **named)
    addresses = [(method, one.path) for one in routes if one.path in HOT for method in one.methods or ()]
    app.middleware_stack = HotFirst(addresses, answered_by=hot, rest=rest)


class HotFirst:
    """Hands the calls of hot addresses to what answers them, all others to the rest. Pure ASGI."""

    def __init__(self, hot: Collection[Address], *, answered_by: ASGIApp, rest: ASGIApp) -> None:
        self._hot = frozenset(hot)
        self._answered_by = answered_by
        self._rest = rest

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Pass one call on."""
        is_hot = scope["type"] == "http" and (scope["method"], scope["path"]) in self._hot
        return (self._answered_by if is_hot else self._rest)(scope, receive, send)
