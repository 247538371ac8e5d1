"""Where does the gateway reach when it asks the OpenID provider, and how much does it read? One origin, not much."""

from __future__ import annotations

import ssl
from typing import Final
from urllib.parse import urlsplit

import httpx2
from typing_extensions import override

LARGEST: Final = 262_144  # bytes of an answer


class ProviderUnavailableError(Exception):
    """The provider can't be asked, or is not the one that was set up. The message says what to do."""


class Bounded(httpx2.AsyncBaseTransport):
    """Reaches one origin, and reads no more than an honest answer holds."""

    def __init__(self, issuer: str, context: ssl.SSLContext) -> None:
        self._origin, self._context = origin_of(issuer), context

    @override
    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        if origin_of(str(request.url)) != self._origin:
            raise ProviderUnavailableError("the provider's metadata name an address at another host than the issuer's")
        async with httpx2.AsyncHTTPTransport(verify=self._context, trust_env=False) as inner:
            return await self._read(request, await inner.handle_async_request(request))

    async def _read(self, request: httpx2.Request, answer: httpx2.Response) -> httpx2.Response:
        try:
            if 300 <= answer.status_code < 400 or "content-encoding" in answer.headers:  # noqa: PLR2004 -- HTTP's own numbers
                raise ProviderUnavailableError("the provider answered with a redirect, or what was not asked for")
            body = b""
            async for part in answer.aiter_raw():
                body += part
                if len(body) > LARGEST:
                    raise ProviderUnavailableError("the provider's answer is larger than any honest one")
        finally:
            await answer.aclose()
        kept = [(name, value) for name, value in answer.headers.raw if name.lower() == b"content-type"]
        return httpx2.Response(answer.status_code, headers=kept, content=body, request=request)


def origin_of(address: str) -> str:
    """Return scheme, host and port of an address; nothing for one that is none, or is plain HTTP beyond this machine."""
    parts = urlsplit(address)
    is_here = parts.hostname in {"127.0.0.1", "localhost", "::1"}
    if parts.scheme not in ({"http", "https"} if is_here else {"https"}) or not parts.hostname or parts.username:
        return ""
    standard = {"http": 80, "https": 443}[parts.scheme]
    port = "" if parts.port in (None, standard) else f":{parts.port}"
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{parts.scheme}://{host}{port}"
