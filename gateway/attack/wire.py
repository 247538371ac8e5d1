"""What goes over the wire, byte for byte, and what comes back? Nothing that is malformed is put right on the way."""

from __future__ import annotations

import contextlib
import socket
import ssl
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

MOST: Final = 8_388_608  # bytes of answers that are read; what follows can't be honest
_END: Final = b"\r\n\r\n"


class UnreachableError(Exception):
    """Nothing listens where the gateway should be."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer of the gateway."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def header(self, name: str) -> str:
        """Return the first header field of this name, or nothing."""
        return next((value for key, value in self.headers if key == name), "")


@dataclass(frozen=True, slots=True)
class Heard:
    """What came back on one connection or more. `is_late`: the other side neither answered nor closed in time."""

    answers: tuple[Answer, ...]
    seconds: float = 0.0
    is_late: bool = False
    rest: bytes = b""  # what came and is no HTTP answer

    @property
    def first(self) -> Answer:
        """Return the first answer; one of status 0 where the connection ended without any."""
        return self.answers[0] if self.answers else Answer(0, (), b"")


@dataclass(frozen=True, slots=True)
class Place:
    """Where to connect, and how long to wait: `limit` for an answer, `quiet` for more after one on an open connection."""

    host: str
    port: int
    is_tls: bool = False
    limit: float = 15.0
    quiet: float = 0.25

    @property
    def authority(self) -> str:
        """Return host and port as the header Host holds them."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def exchange(self, *parts: bytes, limit: float | None = None, pause: float = 0.0) -> Heard:
        """Send bytes as they are, each part after a pause, and return what comes until the other side is done."""
        begun = time.monotonic()
        until = begun + (self.limit if limit is None else limit)
        is_head = bool(parts) and parts[0].startswith(b"HEAD ")
        with self._connected() as line:
            try:
                for number, part in enumerate(parts):
                    if number:
                        time.sleep(pause)
                    line.settimeout(max(0.01, until - time.monotonic()))
                    line.sendall(part)
            except OSError:  # closed before all was sent: what it said is still to be read
                pass
            data, is_late = self._received(line, until, is_head=is_head)
        answers, rest = parse(data, is_head=is_head)
        return Heard(answers, time.monotonic() - begun, is_late and not answers, rest)

    def _connected(self) -> socket.socket:
        with contextlib.ExitStack() as opened:
            try:
                line = opened.enter_context(socket.create_connection((self.host, self.port), timeout=self.limit))
                if self.is_tls:  # the plain socket becomes the other's own
                    line = ssl.create_default_context().wrap_socket(line, server_hostname=self.host)
            except OSError as error:
                raise UnreachableError(f"{self.host} port {self.port} can't be reached: {type(error).__name__}") from error
            opened.pop_all()
            return line

    def _received(self, line: socket.socket, until: float, *, is_head: bool) -> tuple[bytes, bool]:
        data = b""
        while len(data) < MOST:
            answers, rest = parse(data, is_head=is_head)
            left = until - time.monotonic()
            line.settimeout(max(0.01, min(left, self.quiet) if answers and not rest else left))
            try:
                part = line.recv(65_536)
            except TimeoutError:
                return data, True
            except OSError:
                return data, False
            if not part:
                return data, False
            data += part
        return data, False


def head_of(method: str, path: str, headers: Sequence[tuple[str, str]]) -> bytes:
    """Return the head of a request. What a server said stands in some headers, so that line ends are taken out."""
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {' '.join(value.split())}" for name, value in headers)]
    return "\r\n".join(lines).encode("latin-1", "replace") + _END


def parse(data: bytes, *, is_head: bool = False) -> tuple[tuple[Answer, ...], bytes]:
    """Return the answers that stand in what came, and what is left over: part of one, or none at all."""
    answers: list[Answer] = []
    while data.startswith(b"HTTP/") and _END in data:
        head, _, rest = data.partition(_END)
        first, *lines = head.decode("latin-1").split("\r\n")
        status = first.split(" ")[1] if first.count(" ") else ""
        headers = tuple((k.strip().lower(), v.strip()) for k, _, v in (line.partition(":") for line in lines))
        body = _body(int(status) if status.isdecimal() else 0, dict(headers), rest, is_head=is_head)
        if body is None:
            break
        answers.append(Answer(int(status) if status.isdecimal() else 0, headers, body[0]))
        data = body[1]
    return tuple(answers), data


def _body(status: int, headers: dict[str, str], rest: bytes, *, is_head: bool) -> tuple[bytes, bytes] | None:
    """Return a body and what follows it; None where it is not whole."""
    if is_head or status in {204, 304} or status // 100 == 1:
        return b"", rest
    if headers.get("transfer-encoding", "").lower() == "chunked":
        return _chunked(rest)
    length = headers.get("content-length", "")
    size = int(length) if length.isdecimal() else len(rest)
    return (rest[:size], rest[size:]) if len(rest) >= size else None


def _chunked(rest: bytes) -> tuple[bytes, bytes] | None:
    body = b""
    while b"\r\n" in rest:
        line, _, rest = rest.partition(b"\r\n")
        try:
            size = int(line.partition(b";")[0], 16)
        except ValueError:
            return None
        if len(rest) < size + 2:
            return None
        body, rest = body + rest[:size], rest[size + 2 :]
        if size == 0:
            return body, rest
    return None
