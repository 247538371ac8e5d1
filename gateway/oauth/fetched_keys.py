"""Which keys has a client whose keys lie at its own address? Those last fetched, at most a day old.

Kept in this process. A client's set is fetched when it is first needed, when it is five minutes old, and when an assertion
names a kid that is not in it; but once a minute at most, whatever is sent. Nobody waits for another client's address.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from gateway.oauth import jose
from gateway.oauth.client_keys import NewKey
from gateway.oauth.clients import Client, ClientKey, Clients
from gateway.oauth.jwks_fetch import JwksRefusedError

FRESH: Final = 300  # seconds
OLDEST: Final = 86_400  # seconds that a set counts without a fetch that succeeded
BETWEEN: Final = 60  # seconds between two fetches for one client
Told = Callable[[str, str | None], None]  # client_id, and why it failed, if it did


@dataclass(slots=True)
class _Set:
    """What was fetched for one client, and when it was last tried (epoch seconds)."""

    uri: str
    tried_at: float
    keys: tuple[ClientKey, ...] = ()
    fetched_at: float | None = None
    under_way: asyncio.Task[None] | None = None


@dataclass(frozen=True, slots=True)
class FetchedKeys:
    """The register of clients, with the keys of those that have a `jwks_uri`. For one event loop.

    `fetch` raises JwksRefusedError and nothing else. `told` hears what became of each fetch.
    """

    register: Clients
    fetch: Callable[[str], Awaitable[tuple[NewKey, ...]]]
    clock: Callable[[], float]
    told: Told = lambda _client_id, _why: None
    _sets: dict[str, _Set] = field(default_factory=dict)

    def find_client(self, client_id: str) -> Client | None:
        """Return a client with its keys of now, without waiting for any."""
        client = self.register.find_client(client_id)
        if client is None or client.jwks_uri is None:
            return client
        known = self._sets.get(client_id)
        if known is None or known.uri != client.jwks_uri or not _counts(known, self.clock()):
            return replace(client, keys=())
        return replace(client, keys=tuple(one for one in known.keys if one.thumbprint not in client.revoked))

    def is_token_revoked(self, jti: str) -> bool:
        """Tell whether a token was revoked."""
        return self.register.is_token_revoked(jti)

    async def prepare(self, form: Mapping[str, str]) -> None:
        """Fetch the keys that the assertion of a form may need, where they are due."""
        try:
            jws = jose.read(form.get("client_assertion", ""))
        except jose.JoseRefusedError:
            return  # it is refused for that
        name = jws.payload.get("sub")
        if isinstance(name, str):
            await self.prepare_for(name, jws.header.get("kid"))

    async def prepare_for(self, client_id: str, kid: object) -> None:
        """Fetch the keys of a client that something it signed may need, where they are due."""
        client = self.register.find_client(client_id)
        if client is None or client.jwks_uri is None or not client.is_active:
            return
        await self._refresh(client.client_id, client.jwks_uri, kid)

    async def aclose(self) -> None:
        """Let go what is under way."""
        tasks = [one.under_way for one in self._sets.values() if one.under_way is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _refresh(self, client_id: str, uri: str, kid: object) -> None:
        now = self.clock()
        known = self._sets.get(client_id)
        if known is None or known.uri != uri:
            known = self._sets[client_id] = _Set(uri, tried_at=float("-inf"))
        if known.under_way is None:
            if not _is_due(known, kid, now) or now - known.tried_at < BETWEEN:
                return
            known.tried_at = now
            known.under_way = asyncio.create_task(self._fetch(client_id, known))
        # Shielded: one caller that goes away does not end the fetch that others wait for.
        await asyncio.shield(known.under_way)

    async def _fetch(self, client_id: str, known: _Set) -> None:
        try:
            keys = await self.fetch(known.uri)
            known.keys = tuple(ClientKey(one.jwk.get("kid"), one.key) for one in keys)
            known.fetched_at = self.clock()
            self.told(client_id, None)
        except JwksRefusedError as refused:
            self.told(client_id, str(refused))
        finally:
            known.under_way = None


def _counts(known: _Set, now: float) -> bool:
    return known.fetched_at is not None and now - known.fetched_at < OLDEST


def _is_due(known: _Set, kid: object, now: float) -> bool:
    if known.fetched_at is None or now - known.fetched_at >= FRESH:
        return True
    return kid is not None and all(one.kid != kid for one in known.keys)
