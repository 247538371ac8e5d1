"""When are a client's keys fetched, which count meanwhile, who waits? A clock that stands, a fetch that a test holds."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from joserfc import jwk
from oauth_scene import NOW, Register, compact

from gateway.oauth.client_keys import NewKey, read_key
from gateway.oauth.fetched_keys import BETWEEN, FRESH, OLDEST, FetchedKeys
from gateway.oauth.jwks_fetch import JwksRefusedError

URI = "https://keys.harbour.example/jwks"


def new_key(kid: str) -> tuple[Any, NewKey]:
    key = jwk.generate_key("EC", "P-256", private=True)
    return key, read_key({**key.as_dict(private=False), "kid": kid})


@dataclass
class Address:
    """A client's address: what lies there, whether it answers, and how often it was asked."""

    keys: tuple[NewKey, ...] = ()
    fails: bool = False
    asked: int = 0
    held: asyncio.Event | None = None

    async def fetch(self, uri: str) -> tuple[NewKey, ...]:
        assert uri == URI
        self.asked += 1
        if self.held is not None:
            await self.held.wait()
        if self.fails:
            raise JwksRefusedError("it does not answer")
        return self.keys


@dataclass
class Rig:
    """A register with one client whose keys lie elsewhere, and one whose keys do not."""

    address: Address = field(default_factory=Address)
    now: float = NOW
    told: list[tuple[str, str | None]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.register = Register()
        self.register.add("harbour", jwks_uri=URI)
        self.register.add("calder", new_key("c")[0])
        self.key, self.first = new_key("one")
        self.address.keys = (self.first,)
        self.clients = FetchedKeys(
            self.register, self.address.fetch, clock=lambda: self.now, told=lambda *told: self.told.append(told)
        )

    async def prepare(self, kid: str | None = "one", client: str = "harbour") -> None:
        header = {"alg": "ES256", **({"kid": kid} if kid else {})}
        await self.clients.prepare({"client_assertion": compact(header, {"sub": client}, self.key)})

    def kids(self) -> list[str | None]:
        client = self.clients.find_client("harbour")
        assert client is not None
        return [one.kid for one in client.keys]


@pytest.fixture
def rig() -> Rig:
    return Rig()


def test_keys_are_fetched_when_they_are_first_needed(rig: Rig) -> None:
    assert rig.kids() == []

    asyncio.run(rig.prepare())

    assert (rig.kids(), rig.address.asked, rig.told) == (["one"], 1, [("harbour", None)])


def test_nothing_is_fetched_for_who_has_registered_keys_or_is_nobody(rig: Rig) -> None:
    async def run() -> None:
        for client in ("calder", "nobody"):
            await rig.prepare(client=client)
        await rig.clients.prepare({})
        await rig.clients.prepare({"client_assertion": "x"})

    asyncio.run(run())

    assert rig.address.asked == 0
    assert rig.clients.find_client("nobody") is None


def test_nothing_is_fetched_for_a_revoked_client(rig: Rig) -> None:
    rig.register.add("harbour", jwks_uri=URI, is_active=False)

    asyncio.run(rig.prepare())

    assert rig.address.asked == 0


def test_an_unknown_kid_fetches_once_a_minute_and_no_more(rig: Rig) -> None:
    """Whatever strangers send."""

    async def run() -> list[int]:
        counts = []
        await rig.prepare()
        for seconds in (0, BETWEEN - 1, 1, 0, BETWEEN):
            rig.now += seconds
            for number in range(5):
                await rig.prepare(f"stranger-{number}")
            counts.append(rig.address.asked)
        return counts

    assert asyncio.run(run()) == [1, 1, 2, 2, 3]


def test_a_key_that_was_put_there_counts_with_its_first_use(rig: Rig) -> None:
    asyncio.run(rig.prepare())
    rig.address.keys = (rig.first, new_key("two")[1])
    rig.now += BETWEEN

    asyncio.run(rig.prepare("two"))

    assert rig.kids() == ["one", "two"]


def test_a_key_that_was_taken_away_goes_within_minutes(rig: Rig) -> None:
    asyncio.run(rig.prepare())
    rig.address.keys = (new_key("two")[1],)

    rig.now += FRESH - 1
    asyncio.run(rig.prepare())
    assert rig.kids() == ["one"]
    rig.now += 1
    asyncio.run(rig.prepare())
    assert rig.kids() == ["two"]


def test_the_last_good_set_stays_for_a_day(rig: Rig) -> None:
    asyncio.run(rig.prepare())
    rig.address.fails = True

    rig.now += OLDEST - 1
    asyncio.run(rig.prepare())
    assert (rig.kids(), rig.told[-1]) == (["one"], ("harbour", "it does not answer"))
    rig.now += 1
    asyncio.run(rig.prepare())
    assert rig.kids() == []
    rig.address.fails = False
    rig.now += BETWEEN
    asyncio.run(rig.prepare())
    assert rig.kids() == ["one"]


def test_an_address_that_fails_is_asked_once_a_minute(rig: Rig) -> None:
    rig.address.fails = True

    async def run() -> None:
        for _ in range(10):
            await rig.prepare()

    asyncio.run(run())

    assert rig.address.asked == 1


def test_many_calls_wait_for_one_fetch_and_nobody_elses_call_waits(rig: Rig) -> None:
    async def run() -> None:
        rig.address.held = asyncio.Event()
        waiting = [asyncio.create_task(rig.prepare()) for _ in range(20)]
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        async with asyncio.timeout(1):
            await rig.prepare(client="calder")
        assert not any(one.done() for one in waiting)
        waiting[0].cancel()
        rig.address.held.set()
        await asyncio.gather(*waiting, return_exceptions=True)

    asyncio.run(run())

    assert (rig.address.asked, rig.kids()) == (1, ["one"])


def test_a_key_that_the_council_revoked_is_not_taken_from_there(rig: Rig) -> None:
    asyncio.run(rig.prepare())
    client = rig.register.clients["harbour"]

    rig.register.clients["harbour"] = replace(client, revoked=frozenset({rig.first.thumbprint}))

    assert rig.kids() == []


def test_a_new_address_begins_anew(rig: Rig) -> None:
    asyncio.run(rig.prepare())

    rig.register.add("harbour", jwks_uri="https://elsewhere.example/jwks")

    assert rig.kids() == []


def test_what_is_under_way_ends_with_the_gateway(rig: Rig) -> None:
    async def run() -> bool:
        rig.address.held = asyncio.Event()
        waiting = asyncio.create_task(rig.prepare())
        await asyncio.sleep(0.01)
        await rig.clients.aclose()
        await asyncio.gather(waiting, return_exceptions=True)
        return waiting.cancelled()

    assert asyncio.run(run())
