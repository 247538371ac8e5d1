"""How many answers a second does a server give? Keep-alive connections, requests made ahead, one in flight on each."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import uvloop

ENOUGH = 3  # requests made ahead may run out; what was answered until then counts


@dataclass(slots=True)
class Measured:
    """Answers a second, latencies in milliseconds, and how many answers were not 200."""

    answers: int = 0
    wrong: int = 0
    seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)

    @property
    def rate(self) -> float:
        return self.answers / self.seconds if self.seconds else 0.0

    def percentile(self, share: float) -> float:
        ordered = sorted(self.latencies)
        return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else 0.0


class _Connection(asyncio.Protocol):
    """One request in flight; the next goes out when the answer is whole."""

    def __init__(self, requests: Iterator[bytes], measured: Measured, until: float, done: asyncio.Future[None]) -> None:
        self._requests, self._measured, self._until, self._done = requests, measured, until, done
        self._buffer = b""
        self._sent = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: asyncio.Transport = transport  # type: ignore[assignment]
        self._send()

    def _send(self) -> None:
        request = next(self._requests, None)
        if request is None or time.perf_counter() >= self._until:
            self._transport.close()
            return
        self._sent = time.perf_counter()
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, separator, body = self._buffer.partition(b"\r\n\r\n")
        if not separator:
            return
        length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n", 1)[0])
        if len(body) < length:
            return
        self._buffer = b""
        self._measured.answers += 1
        self._measured.wrong += not head.startswith(b"HTTP/1.1 200")
        self._measured.latencies.append((time.perf_counter() - self._sent) * 1000)
        self._send()

    def connection_lost(self, _error: Exception | None) -> None:
        if not self._done.done():
            self._done.set_result(None)


def run(port: int, requests: list[bytes], *, connections: int, seconds: float) -> Measured:
    """Send requests over some connections until they or the time run out."""
    return uvloop.run(_run(port, requests, connections, seconds))


async def _run(port: int, requests: list[bytes], connections: int, seconds: float) -> Measured:
    loop = asyncio.get_running_loop()
    measured, source = Measured(), iter(requests)
    begun = time.perf_counter()
    finished = [loop.create_future() for _ in range(connections)]
    for done in finished:
        await loop.create_connection(
            lambda done=done: _Connection(source, measured, begun + seconds, done), "127.0.0.1", port
        )
    await asyncio.gather(*finished)
    measured.seconds = time.perf_counter() - begun
    return measured


def http(method: str, path: str, headers: dict[str, str], body: bytes = b"") -> bytes:
    """Return the bytes of one request."""
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body
