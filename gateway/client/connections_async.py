"""How does the client for event loops reach a gateway? aiohttp, connections kept alive, every wait bounded."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Final

import aiohttp

from gateway.client.steps import LONGEST, BrokenError, Call, Reply, is_lines

_FAILURES: Final = (aiohttp.ClientError, OSError, asyncio.TimeoutError)


@dataclass(slots=True)
class AsyncConnections:
    """One aiohttp session, made with the first call, for one event loop. `tls` is None for the system's certificates."""

    tls: ssl.SSLContext | None = None
    _session: aiohttp.ClientSession | None = field(default=None, repr=False)

    async def send(self, call: Call) -> Reply:
        """Send one call; BrokenError where it had no answer. No redirect is followed: a proof is for one address."""
        try:
            async with asyncio.timeout(call.timeout):
                return await self._send(call)
        except _FAILURES as error:
            raise BrokenError(_told(error)) from error

    async def _send(self, call: Call) -> Reply:
        answer = await self._open().request(
            call.method,
            call.url,
            data=call.body,
            headers={"Accept-Encoding": "identity", **call.headers},
            allow_redirects=False,
            timeout=aiohttp.ClientTimeout(total=None, sock_read=call.timeout),
        )
        names = {name.lower(): value for name, value in answer.headers.items()}
        if call.streams and is_lines(answer.status, names):
            return Reply(answer.status, names, b"", AsyncStream(answer))
        async with answer:
            return Reply(answer.status, names, await _whole(answer))

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None or self._session.closed:
            connector = aiohttp.TCPConnector(ssl=self.tls or True)
            self._session = aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar())
        return self._session

    async def close(self) -> None:
        """Close the session."""
        if self._session is not None:
            await self._session.close()


@dataclass(slots=True)
class AsyncStream:
    """The rest of an answer that comes line by line. Each wait is bounded; BrokenError where it breaks off."""

    answer: aiohttp.ClientResponse = field(repr=False)

    async def pieces(self) -> AsyncIterator[bytes]:
        """Give what comes, until the end; the connection is closed with it."""
        try:
            async for piece in self.answer.content.iter_any():
                yield piece
        except _FAILURES as error:
            raise BrokenError(_told(error)) from error
        finally:
            self.close()

    def close(self) -> None:
        """Let go: the gateway asks for no further chunk."""
        self.answer.close()


async def _whole(answer: aiohttp.ClientResponse) -> bytes:
    parts: list[bytes] = []
    size = 0
    async for part in answer.content.iter_any():
        size += len(part)
        if size > LONGEST:
            raise aiohttp.ClientPayloadError("the body is too long")
        parts.append(part)
    return b"".join(parts)


def _told(error: BaseException) -> str:
    if isinstance(error, TimeoutError):
        return "it took too long"
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return "its certificate is not one that this machine trusts"
    return f"the connection failed ({type(error).__name__})"
