"""What keys lie at a client's `jwks_uri`? RFC 7517, section 5; asked of listed hosts alone, and of no address inside.

An address is checked after its name was resolved, and the connection goes to the very address that was checked: a name
that answers otherwise the next time is not asked a next time.
"""

from __future__ import annotations

import asyncio
import codecs
import ipaddress
import socket
import ssl
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from typing_extensions import override
from yarl import URL

from gateway.oauth import jose
from gateway.oauth.client_keys import KeyRefusedError, NewKey, read_key
from gateway.oauth.clients import MOST_LIVE_KEYS

LONGEST_URI: Final = 512
LARGEST_SET: Final = 65_536  # bytes
MOST_IN_SET: Final = 16
PATIENCE: Final = 5.0  # seconds, from the name's look-up to the last byte
LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_KINDS: Final = frozenset({"application/jwk-set+json", "application/json"})
_HEADERS: Final = {
    "Accept": "application/jwk-set+json, application/json",
    "Accept-Encoding": "identity",
    "User-Agent": "stile",
}
# What the standard library calls global and is none of a client's: protocol assignments, and IPv6 addresses that stand for
# an IPv4 one elsewhere, by NAT64, 6to4 and Teredo.
_SPECIAL: Final = tuple(
    ipaddress.ip_network(one)
    for one in ("192.0.0.0/24", "192.88.99.0/24", "64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32")
)


class JwksRefusedError(Exception):
    """A set of keys that could not be had or used. Says why; never what was answered."""


class _InsideError(OSError):
    """A name leads to an address that is not a public one."""


def check_jwks_uri(uri: str, hosts: Collection[str], *, allow_private: bool) -> None:
    """Raise JwksRefusedError unless the address is https, plain, and at one of these hosts (host, or host:port)."""
    try:
        parts = urlsplit(uri)
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        raise JwksRefusedError("the jwks_uri is no address") from error
    if len(uri) > LONGEST_URI or not uri.isascii() or not uri.isprintable() or " " in uri:
        raise JwksRefusedError(f"the jwks_uri must be at most {LONGEST_URI} plain characters")
    if parts.username is not None or parts.password is not None or parts.fragment:
        raise JwksRefusedError("the jwks_uri must name neither a user nor a fragment")
    is_own = allow_private and host in LOOPBACK
    if parts.scheme != "https" and not (parts.scheme == "http" and is_own):
        raise JwksRefusedError("the jwks_uri must be https")
    shown = f"[{host}]" if ":" in host else host
    usual = 443 if parts.scheme == "https" else 80
    names = {f"{shown}:{port or usual}"} | ({shown} if (port or usual) == usual else set())
    if names.isdisjoint(hosts):
        raise JwksRefusedError("the jwks_uri is at a host that the setting jwks_hosts does not list")
    if _is_literal(host) and not (allow_private or is_public(host)):
        raise JwksRefusedError("the jwks_uri is at an address that is not public")


def _is_literal(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def is_public(address: str) -> bool:
    """Tell whether an address is one of the public Internet: not private, shared, loopback, link-local or multicast."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:  # one with a zone, say
        return False
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped is not None:
        return is_public(str(found.ipv4_mapped))
    if any(found in network for network in _SPECIAL):
        return False
    return found.is_global and not (found.is_multicast or found.is_reserved or found.is_unspecified)


class CheckedResolver(AbstractResolver):
    """Resolves a name and refuses it where any of its addresses is not public; what it returns is what is connected to."""

    def __init__(self, inner: AbstractResolver, *, allow_private: bool) -> None:
        self._inner = inner
        self._allow_private = allow_private

    @override
    async def resolve(self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET) -> list[ResolveResult]:
        """Return addresses that were checked, as numbers, so that nobody resolves them again."""
        found = await self._inner.resolve(host, port, family)
        if not all(_is_literal(one["host"]) and (self._allow_private or is_public(one["host"])) for one in found):
            raise _InsideError("an address that is not public")
        return found

    @override
    async def close(self) -> None:
        """Let the resolver go."""
        await self._inner.close()


@dataclass(frozen=True, slots=True)
class JwksFetch:
    """How sets are fetched. `resolver` and `trust` are the system's own where none is given."""

    hosts: tuple[str, ...]
    allow_private: bool = False
    resolver: AbstractResolver | None = None
    trust: ssl.SSLContext | None = field(default=None, repr=False)
    patience: float = PATIENCE

    async def fetch(self, uri: str) -> tuple[NewKey, ...]:
        """Return the keys that lie there, or raise JwksRefusedError; in bounded time and size, and without redirects."""
        # Again at each fetch: the setting may have narrowed since the client was registered.
        check_jwks_uri(uri, self.hosts, allow_private=self.allow_private)
        try:
            async with asyncio.timeout(self.patience):
                return keys_of(await self._get(uri))
        except TimeoutError:
            raise JwksRefusedError(f"the set did not come in {self.patience:g} seconds") from None
        except (aiohttp.ClientError, OSError, ValueError) as error:  # ValueError: a name that no resolver takes
            inside = isinstance(error.__cause__, _InsideError) or isinstance(getattr(error, "os_error", None), _InsideError)
            why = "its name leads to an address that is not public" if inside else type(error).__name__
            raise JwksRefusedError(f"the set could not be had: {why}") from None

    async def _get(self, uri: str) -> bytes:
        # A connection of its own, closed at once: whoever answers there keeps nothing open here.
        resolver = CheckedResolver(self.resolver or aiohttp.ThreadedResolver(), allow_private=self.allow_private)
        connector = aiohttp.TCPConnector(
            resolver=resolver, use_dns_cache=False, force_close=True, ssl=self.trust if self.trust is not None else True
        )
        async with (
            aiohttp.ClientSession(
                connector=connector, cookie_jar=aiohttp.DummyCookieJar(), auto_decompress=False, trust_env=False
            ) as session,
            session.get(URL(uri, encoded=True), headers=_HEADERS, allow_redirects=False) as answer,
        ):
            return await _read(answer)


async def _read(answer: aiohttp.ClientResponse) -> bytes:
    if answer.status != 200:  # noqa: PLR2004 -- RFC 9110, section 15.3.1
        raise JwksRefusedError(f"the set could not be had: status {answer.status}, and nothing else is followed")
    if answer.headers.get("Content-Type", "").partition(";")[0].strip().lower() not in _KINDS:
        raise JwksRefusedError("the set is not of type application/jwk-set+json or application/json")
    # Nothing compressed was asked for: so what is counted is what is read, and no few bytes become very many.
    if answer.headers.get("Content-Encoding", "identity").strip().lower() != "identity":
        raise JwksRefusedError("the set came compressed, and was asked for plain")
    body = b""
    async for part in answer.content.iter_chunked(8_192):
        body += part
        if len(body) > LARGEST_SET:
            raise JwksRefusedError(f"the set is over {LARGEST_SET} bytes")
    return body


def keys_of(body: bytes) -> tuple[NewKey, ...]:
    """Return the usable keys of a set; others are passed over (RFC 7517, section 5), but a private one spoils all."""
    try:
        found: Any = jose.read_json(body.removeprefix(codecs.BOM_UTF8))
    except jose.JoseRefusedError as refused:
        raise JwksRefusedError(f"the set: {refused}") from refused
    keys = found.get("keys") if isinstance(found, dict) else None
    if not isinstance(keys, list) or not 0 < len(keys) <= MOST_IN_SET:
        raise JwksRefusedError(f"the set does not hold 1 to {MOST_IN_SET} keys")
    if any(isinstance(one, dict) and jose.PRIVATE_MEMBERS & one.keys() for one in keys):
        raise JwksRefusedError("the set holds a private key: its holder must make new ones")
    usable: dict[str, NewKey] = {}
    for one in keys:
        try:
            key = read_key(one)
        except KeyRefusedError:
            continue
        usable.setdefault(key.thumbprint, key)
    if not 0 < len(usable) <= MOST_LIVE_KEYS:
        raise JwksRefusedError(f"the set does not hold 1 to {MOST_LIVE_KEYS} keys that a client may have")
    return tuple(usable.values())
