"""How does the client for threads reach a gateway? The standard library's HTTP, kept connections, every wait bounded."""

from __future__ import annotations

import contextlib
import selectors
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from typing import Final
from urllib.parse import urlsplit

from gateway.client.steps import LONGEST, PIECE, BrokenError, Call, Reply, is_lines

MOST_IDLE: Final = 8  # connections to one gateway that wait for their next call
_FAILURES: Final = (OSError, HTTPException)


@dataclass(slots=True)
class Connections:
    """A pool of kept connections, for many threads. `tls` is None for the system's own certificates."""

    tls: ssl.SSLContext | None = None
    _idle: dict[str, list[HTTPConnection]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def send(self, call: Call) -> Reply:
        """Send one call; BrokenError where it had no answer. No redirect is followed: a proof is for one address."""
        until = time.monotonic() + call.timeout
        parts = urlsplit(call.url)
        server = f"{parts.scheme}://{parts.netloc}"
        connection = self._take(server)
        try:
            _limit(connection, until)
            headers = {"Accept-Encoding": "identity", **call.headers}
            connection.request(call.method, parts.path or "/", body=call.body, headers=headers)
            sock = connection.sock
            answer = connection.getresponse()
            names = {name.lower(): value for name, value in answer.getheaders()}
            if call.streams and is_lines(answer.status, names):
                return Reply(answer.status, names, b"", Stream(connection, answer, sock, call.timeout))
            body = _whole(answer, sock, until)
        except _FAILURES as error:
            connection.close()
            raise BrokenError(_told(error)) from error
        self._give(server, connection)
        return Reply(answer.status, names, body)

    def close(self) -> None:
        """Close the connections that wait."""
        with self._lock:
            idle, self._idle = self._idle, {}
        for connection in (one for kept in idle.values() for one in kept):
            connection.close()

    def _take(self, server: str) -> HTTPConnection:
        while True:
            with self._lock:
                kept = self._idle.get(server)
                connection = kept.pop() if kept else None
            if connection is None:
                return self._new(server)
            if not _was_closed(connection):
                return connection
            connection.close()

    def _give(self, server: str, connection: HTTPConnection) -> None:
        with self._lock:
            kept = self._idle.setdefault(server, [])
            if connection.sock is not None and len(kept) < MOST_IDLE:
                kept.append(connection)
                return
        connection.close()

    def _new(self, server: str) -> HTTPConnection:
        parts = urlsplit(server)
        host = parts.hostname or ""
        if parts.scheme == "https":
            return HTTPSConnection(host, parts.port, context=self.tls or ssl.create_default_context())
        return HTTPConnection(host, parts.port)


@dataclass(slots=True)
class Stream:
    """The rest of an answer that comes line by line. Each wait is bounded; BrokenError where it breaks off."""

    connection: HTTPConnection
    answer: HTTPResponse
    sock: socket.socket
    timeout: float

    def pieces(self) -> Iterator[bytes]:
        """Give what comes, until the end; the connection is closed with it."""
        try:
            self.sock.settimeout(self.timeout)
            while piece := self.answer.read1(PIECE):
                yield piece
        except _FAILURES as error:
            raise BrokenError(_told(error)) from error
        finally:
            self.close()

    def close(self) -> None:
        """Let go: the gateway asks for no further chunk."""
        self.answer.close()
        self.connection.close()


def _limit(connection: HTTPConnection, until: float) -> None:
    """Bound the next wait by what is left, on a kept connection and on one not yet made."""
    left = max(0.001, until - time.monotonic())
    connection.timeout = left
    if connection.sock is not None:
        connection.sock.settimeout(left)


def _whole(answer: HTTPResponse, sock: socket.socket, until: float) -> bytes:
    """Read a body in pieces, so that one which trickles can't outlast the call."""
    parts: list[bytes] = []
    size = 0
    while True:
        left = until - time.monotonic()
        if left <= 0:
            raise TimeoutError
        with contextlib.suppress(OSError):  # closed already where the answer was the connection's last, and is all here
            sock.settimeout(left)
        part = answer.read1(PIECE)
        if not part:
            if answer.length:
                raise HTTPException("the body broke off")
            answer.close()  # else the connection would take its next call for one too early
            return b"".join(parts)
        size += len(part)
        if size > LONGEST:
            raise HTTPException("the body is too long")
        parts.append(part)


def _was_closed(connection: HTTPConnection) -> bool:
    """Tell whether the server has closed a waiting connection, or said something that nobody asked for."""
    if connection.sock is None:
        return True
    with selectors.DefaultSelector() as selector:
        selector.register(connection.sock, selectors.EVENT_READ)
        return bool(selector.select(0))


def _told(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "it took too long"
    if isinstance(error, ssl.SSLCertVerificationError):
        return "its certificate is not one that this machine trusts"
    return f"the connection failed ({type(error).__name__})"
