"""How is a gateway served? uvicorn with uvloop and httptools; metrics on a port of their own."""

from __future__ import annotations

import asyncio
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final
from wsgiref.simple_server import WSGIRequestHandler, make_server

import uvicorn
from fastapi import FastAPI
from prometheus_client import CollectorRegistry, make_wsgi_app
from typing_extensions import override
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from audit.stores.room import check_room
from gateway.app import build_app, start_log, utc_now
from gateway.council.directory import Council, CouncilError
from gateway.operators.parts import make_operators

LARGEST_HEAD: Final = 16_384  # bytes of request line and header fields
LONGEST_HEAD: Final = 10.0  # seconds that a client may take to send them
_PART: Final = 4_096  # bytes that the parser is given at once, so that a head is over its limit by no more
_TOO_LARGE: Final = b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


class BoundedProtocol(HttpToolsProtocol):
    """HTTP whose heads are bounded in size and time: uvicorn bounds neither when httptools parses.

    Counted is what leads nowhere: bytes since the last complete head or piece of a body. So the trailers and the
    chunk extensions of a body are bounded too.
    """

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._idle_bytes = 0
        self._moved = False
        self._in_head = False
        self._head_timer: asyncio.TimerHandle | None = None

    @override
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn types it
        super().connection_made(transport)
        self._arm()

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._disarm()
        super().connection_lost(exc)

    @override
    def data_received(self, data: bytes) -> None:
        for begin in range(0, len(data), _PART):
            part = data[begin : begin + _PART]
            self._moved = False
            super().data_received(part)
            if self.transport.is_closing():
                return
            self._idle_bytes = 0 if self._moved else self._idle_bytes + len(part)
            if self._idle_bytes > LARGEST_HEAD:
                self._refuse()
                return
        if self._in_head and self._head_timer is None:
            self._arm()

    @override
    def on_message_begin(self) -> None:
        self._in_head = True
        super().on_message_begin()

    @override
    def on_headers_complete(self) -> None:
        self._moved, self._in_head = True, False
        self._disarm()
        super().on_headers_complete()

    @override
    def on_body(self, body: bytes) -> None:
        self._moved = True
        super().on_body(body)

    @override
    def on_message_complete(self) -> None:
        self._moved = True
        super().on_message_complete()

    def _arm(self) -> None:
        self._head_timer = self.loop.call_later(LONGEST_HEAD, self._head_is_late)

    def _disarm(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _is_answering(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete  # type: ignore[redundant-expr]  # None at first

    def _head_is_late(self) -> None:
        if self._is_answering():  # the request before this one is still owed its answer
            self._arm()
        else:
            self.transport.close()

    def _refuse(self) -> None:
        if not self._is_answering():  # an answer under way can't have another put into it
            self.transport.write(_TOO_LARGE)
        self.transport.close()


def server_of(app: FastAPI, *, host: str, port: int) -> uvicorn.Server:
    """Return a server that finishes what is under way when it is told to stop."""
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        http=BoundedProtocol,
        ws="none",  # an upgrade is no call of ours, and not worth a line in the log
        log_level="warning",
        access_log=False,
        proxy_headers=False,  # the app sees to them, inside what must know who is connected
        server_header=False,
        timeout_graceful_shutdown=20,
    )
    return uvicorn.Server(config)


def serve_council(council: Council, *, host: str, port: int, metrics_port: int) -> None:
    """Serve until told to stop; raises CouncilError for an address that is taken, and what building the gateway raises."""
    check_address(host, port)
    check_log(council)
    app = build_app(council)
    finish_on_signals()
    with metrics_of(lambda: app.state.wiring.telemetry.registry, host=host, port=metrics_port):
        server_of(app, host=host, port=port).run()


def finish_on_signals() -> None:
    """Let a signal end what uvicorn serves, and nothing besides."""
    for number in (signal.SIGTERM, signal.SIGINT):
        # uvicorn sends itself the signal again once it has finished: that is no failure, so nothing more is done.
        signal.signal(number, lambda *_: None)


def check_log(council: Council) -> None:
    """Raise what keeps this council from being served: from inside uvicorn it would come with a traceback."""
    check_room(council.directory)
    make_operators(council.settings, council.keyring, lambda: utc_now().timestamp())
    start_log(council, utc_now, lambda results: [done(result) for done, result in results]).close()


def check_address(host: str, port: int) -> None:
    """Raise CouncilError where nothing can listen: uvicorn would start the whole gateway first, and name no address."""
    for one in bound_to(host, port):
        one.close()


def bound_to(host: str, port: int) -> list[socket.socket]:
    """Return a socket for each address of a host, not yet listening; CouncilError where there is none."""
    bound: list[socket.socket] = []
    failures: list[OSError] = []
    try:
        found = set(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE))
    except OSError as error:
        found = set()
        failures.append(error)
    for family, kind, protocol, _, address in found:
        try:
            bound.append(_bind(socket.socket(family, kind, protocol), address))
        except OSError as error:
            failures.append(error)
    if not bound:
        raise CouncilError(f"{host} port {port} can't be listened on: {failures[0].strerror}") from failures[0]
    return bound


def _bind(one: socket.socket, address: Any) -> socket.socket:
    try:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if one.family == socket.AF_INET6:
            one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        one.bind(address)
    except OSError:
        one.close()
        raise
    return one


class _Quiet(WSGIRequestHandler):
    @override
    def log_message(self, *_: object) -> None:
        """Say nothing: a scrape is no event."""


@contextmanager
def metrics_of(registry_of: Callable[[], CollectorRegistry], *, host: str, port: int) -> Iterator[None]:
    """Serve /metrics on a port of its own while the gateway runs; port 0 serves none."""
    if port == 0:
        yield
        return

    def metrics(environ: dict[str, object], start: object) -> object:
        return make_wsgi_app(registry_of())(environ, start)

    check_address(host, port)
    server = make_server(host, port, metrics, handler_class=_Quiet)  # type: ignore[arg-type]  # the same
    thread = threading.Thread(target=server.serve_forever, name="metrics", daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
