"""How is a gateway served? uvicorn with uvloop and httptools; metrics on a port of their own."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from wsgiref.simple_server import WSGIRequestHandler, make_server

import uvicorn
from fastapi import FastAPI
from prometheus_client import make_wsgi_app
from typing_extensions import override

from gateway.app import build_app
from gateway.council import Council


def server_of(council: Council, app: FastAPI, *, host: str, port: int) -> uvicorn.Server:
    """Return a server that finishes what is under way when it is told to stop."""
    hops = council.settings.forwarded_hops
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        log_level="warning",
        access_log=False,
        proxy_headers=bool(hops),
        forwarded_allow_ips=list(hops) or None,
        server_header=False,
        timeout_graceful_shutdown=20,
        h11_max_incomplete_event_size=16_384,
    )
    return uvicorn.Server(config)


def serve_council(council: Council, *, host: str, port: int, metrics_port: int) -> None:
    """Serve until told to stop; raises what building the gateway raises."""
    app = build_app(council)
    for number in (signal.SIGTERM, signal.SIGINT):
        # uvicorn sends itself the signal again once it has finished: that is no failure, so nothing more is done.
        signal.signal(number, lambda *_: None)
    with metrics_of(app, host=host, port=metrics_port):
        server_of(council, app, host=host, port=port).run()


class _Quiet(WSGIRequestHandler):
    @override
    def log_message(self, *_: object) -> None:
        """Say nothing: a scrape is no event."""


@contextmanager
def metrics_of(app: FastAPI, *, host: str, port: int) -> Iterator[None]:
    """Serve /metrics on a port of its own while the gateway runs; port 0 serves none."""
    if port == 0:
        yield
        return

    def metrics(environ: dict[str, object], start: object) -> object:
        registry = app.state.wiring.telemetry.registry
        return make_wsgi_app(registry)(environ, start)

    server = make_server(host, port, metrics, handler_class=_Quiet)  # type: ignore[arg-type]  # the same
    thread = threading.Thread(target=server.serve_forever, name="metrics", daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
