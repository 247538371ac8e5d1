"""A gateway on a port of its own, behind a front that can misbehave as networks and proxies do."""

from __future__ import annotations

import base64
import contextlib
import json
import ssl
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import uvicorn
from house import CASEWORKER, HARBOUR, confirming, free_port
from typing_extensions import override

from gateway.app import build_app
from gateway.client import Caseworker, Client, Patience, Subject
from gateway.client.asking import Said
from gateway.council.directory import Council, open_council

CASE: Said = {"case_reference": "HH-2291", "caseworker": Caseworker(**CASEWORKER)}
GRACE = Subject("account_ref", "1000042", {"surname": "Okafor", "date_of_birth": "1985-02-14"})
PEOPLE = [("1000042", "Adeyemi"), ("1000043", "Price"), ("1000051", "Hargreaves"), ("1000061", "Rahman")]
QUICK = Patience(first_wait=0.01, longest_wait=0.02, timeout=5.0, deadline=15.0)

ASK = "/v1/disclosures"
SLOW = {"code": "source_slow", "status": 504, "detail": "It was slow.", "remedy": "Later.", "urgent_contact": "999"}


def somebody(number: int) -> Subject:
    """Name one of the demo's people, and beyond them people whom nobody knows."""
    ref, surname = PEOPLE[number] if number < len(PEOPLE) else (str(7_000_000 + number), "Nobody")
    return Subject("account_ref", ref, confirming(ref, surname), ref=f"r{number}")


@dataclass(frozen=True)
class Seen:
    """One request as it came to the front."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    def proof(self) -> dict[str, Any]:
        """Return the claims of its DPoP proof."""
        part = self.headers["dpop"].split(".")[1]
        return dict(json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))))


@dataclass(frozen=True)
class Answered:
    """What the gateway behind said."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes


Forward = Callable[[], Answered]
Fault = Callable[[Seen, Forward], Answered | None]  # None: the connection is dropped


@dataclass
class Front:
    """Stands before the gateway. Faults are used up, one each call of their path; without any it only passes on."""

    port: int
    behind: int
    scheme: str = "http"
    faults: dict[str, list[Fault]] = field(default_factory=lambda: defaultdict(list))
    seen: list[Seen] = field(default_factory=list)
    connections: int = 0

    @property
    def issuer(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}"

    def calls_of(self, path: str) -> list[Seen]:
        return [one for one in self.seen if one.path == path]

    def fail(self, path: str, *faults: Fault) -> None:
        self.faults[path].extend(faults)


def answers(status: int, body: Any = b"", **headers: str) -> Fault:
    """Answer in the gateway's place."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = [(name.replace("_", "-"), value) for name, value in headers.items()]
    return lambda _seen, _forward: Answered(status, named, raw)


def drops(_seen: Seen, _forward: Forward) -> None:
    """Break off before anything was asked."""


def loses_the_answer(_seen: Seen, forward: Forward) -> None:
    """Break off after the gateway has answered."""
    forward()


def hangs(seconds: float) -> Fault:
    def fault(_seen: Seen, forward: Forward) -> Answered:
        time.sleep(seconds)
        return forward()

    return fault


def changes(change: Callable[[bytes], bytes]) -> Fault:
    """Pass the answer on, changed."""

    def fault(_seen: Seen, forward: Forward) -> Answered:
        found = forward()
        return Answered(found.status, found.headers, change(found.body))

    return fault


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    front: Front

    @override
    def setup(self) -> None:
        super().setup()
        self.front.connections += 1

    def _handle(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        seen = Seen(self.command, self.path, {k.lower(): v for k, v in self.headers.items()}, body)
        self.front.seen.append(seen)
        faults = self.front.faults[self.path]
        answered = faults.pop(0)(seen, lambda: self._forward(seen)) if faults else self._forward(seen)
        if answered is None:
            self.close_connection = True
            return
        self.send_response_only(answered.status)
        for name, value in answered.headers:
            if name.lower() not in {"content-length", "transfer-encoding", "connection"}:
                self.send_header(name, value)
        self.send_header("content-length", str(len(answered.body)))
        self.end_headers()
        self.wfile.write(answered.body)

    do_GET = do_POST = _handle  # noqa: N815 -- the names that the standard library calls

    def _forward(self, seen: Seen) -> Answered:
        connection = HTTPConnection("127.0.0.1", self.front.behind, timeout=30)
        connection.request(seen.method, seen.path, body=seen.body, headers=seen.headers)
        found = connection.getresponse()
        answered = Answered(found.status, found.getheaders(), found.read())
        connection.close()
        return answered

    @override
    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: a test's output is its own."""


class _Outside(ThreadingHTTPServer):
    daemon_threads = True

    @override
    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a caller that went away: that is what some tests are about."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


@contextlib.contextmanager
def served(directory: Path, *, tls: ssl.SSLContext | None = None, **more: Any) -> Iterator[tuple[Front, Council]]:
    """Serve a council's gateway in this process, behind a front whose address is the issuer."""
    port, behind = free_port(), free_port()
    council = open_council(directory)
    settings = council.settings.model_copy(
        update={"public_url": f"{'https' if tls else 'http'}://127.0.0.1:{port}", **more}
    )
    object.__setattr__(council, "settings", settings)
    config = uvicorn.Config(build_app(council), host="127.0.0.1", port=behind, log_config=None, lifespan="on", ws="none")
    server = uvicorn.Server(config)
    front = Front(port, behind, "https" if tls else "http")
    outside = _Outside(("127.0.0.1", port), type("Handler", (_Handler,), {"front": front}))
    if tls:
        outside.socket = tls.wrap_socket(outside.socket, server_side=True)
    threads = [threading.Thread(target=server.run), threading.Thread(target=outside.serve_forever)]
    for thread in threads:
        thread.start()
    try:
        until = time.monotonic() + 30
        while not server.started:
            assert time.monotonic() < until, "the gateway did not start"
            time.sleep(0.02)
        yield front, council
    finally:
        outside.shutdown()
        outside.server_close()
        server.should_exit = True
        for thread in threads:
            thread.join(30)
        council.keyring.close()


def key_of(council: Council, client_id: str = HARBOUR.client_id) -> Path:
    return council.directory / "partners" / f"{client_id}.jwk.json"


def settings_for(front: Front, council: Council, **more: Any) -> dict[str, Any]:
    """Return what a client of Harbour's is made with."""
    return {
        "issuer": front.issuer, "client_id": HARBOUR.client_id, "key": key_of(council), "vkey": council.signer.vkey,
        "agreement": HARBOUR.agreement, "patience": QUICK, **more,
    }  # fmt: skip


def client_for(front: Front, council: Council, **more: Any) -> Client:
    return Client(**settings_for(front, council, **more))
