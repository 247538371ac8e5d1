"""What is one of several workers? A gateway of its own, on sockets that its parent has bound. `workers` starts it.

A process started anew, not a copy of its parent: threads and SQLite connections don't survive a fork. It ends when its
parent does, and hands it its metrics once a second.
"""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import sys
import threading
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import uvicorn
from fastapi import FastAPI

from audit.stores.connection import StoreError
from audit.writing.keyring import KeyringError
from gateway.app import build_app
from gateway.council.directory import CouncilError, open_council
from gateway.serving.gathered import snapshot
from gateway.serving.server import finish_on_signals, server_of
from gateway.settings import SettingsError
from gateway.store.schema import SchemaError

EVERY: Final = 1.0  # seconds between two reports
_UNTIL_READY: Final = 0.05


@dataclass(frozen=True, slots=True)
class Post:
    """Where a worker works. Holds no secret: it is read off the command line. Numbers of sockets are inherited ones."""

    directory: str
    public_url: str
    host: str
    port: int
    listening: tuple[int, ...]
    parent: int


def main() -> None:
    """Serve until told to stop, or until the parent is gone."""
    members = json.loads(sys.argv[1])
    post = Post(**{**members, "listening": tuple(members["listening"])})
    parent = socket.socket(fileno=post.parent)
    try:
        council = open_council(Path(post.directory))
    except (CouncilError, KeyringError, SchemaError, SettingsError, StoreError) as error:
        sys.exit(str(error))
    settings = council.settings.model_copy(update={"public_url": post.public_url})
    council = replace(council, settings=settings)
    app = build_app(council)
    server = server_of(app, host=post.host, port=post.port)
    finish_on_signals()
    threading.Thread(target=_report, args=(parent, server, app), name="report", daemon=True).start()
    server.run(sockets=[socket.socket(fileno=one) for one in post.listening])
    with suppress(OSError):
        _tell_metrics(parent, app)


def _report(parent: socket.socket, server: uvicorn.Server, app: FastAPI) -> None:
    """Tell the parent that this worker serves, then its metrics; when the parent is gone, stop."""
    is_ready = False
    while not select.select([parent], [], [], EVERY if is_ready else _UNTIL_READY)[0]:
        if not server.started:
            continue
        try:
            if not is_ready:
                parent.sendall(b'{"ready":true}\n')
                is_ready = True
            _tell_metrics(parent, app)
        except OSError:
            break
    os.kill(os.getpid(), signal.SIGTERM)


def _tell_metrics(parent: socket.socket, app: FastAPI) -> None:
    parent.sendall(json.dumps({"metrics": snapshot(app.state.wiring.telemetry.registry)}).encode() + b"\n")


if __name__ == "__main__":
    main()
