"""Whose word about the caller's connection is believed? `Client-Cert` counts from the hops that the setting names.

It stands outside everything that reads a header, and sees the address that the connection itself has: what
`X-Forwarded-For` says is put in its place further inside, if at all.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

_TOLD: Final = frozenset({b"client-cert", b"client-cert-chain"})  # RFC 9440, section 2


class Hops:
    """Takes from each call what its peer may not say of it. Pure ASGI."""

    def __init__(self, app: ASGIApp, *, believed: Sequence[str]) -> None:
        networks = [ip_network(one) for one in believed]

        @lru_cache(maxsize=1_024)
        def is_believed(peer: str) -> bool:
            address = _address(peer)
            return address is not None and any(address in one for one in networks)

        self._app = app
        self._is_believed = is_believed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one call on, without what it may not say."""
        if scope["type"] == "http" and not _TOLD.isdisjoint([name for name, _ in scope["headers"]]):
            peer = scope.get("client")
            if peer is None or not self._is_believed(peer[0]):
                scope = {**scope, "headers": [one for one in scope["headers"] if one[0] not in _TOLD]}
        await self._app(scope, receive, send)


def _address(peer: str) -> IPv4Address | IPv6Address | None:
    try:
        address = ip_address(peer)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address  # a socket for both families names an IPv4 peer as ::ffff:192.0.2.1
