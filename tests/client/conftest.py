"""One served gateway for each file: its tests use people and keys of their own, and leave no fault behind."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from client_serving import CASE, GRACE, Front, client_for, served, settings_for
from house import HARBOUR, copy_template, open_house, republish

from gateway.client import AsyncClient, Client
from gateway.council.directory import Council


@pytest.fixture(scope="module")
def gateway(patient: None, template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Front, Council]]:
    directory = copy_template(template, tmp_path_factory.mktemp("served") / "council")
    with open_house(directory) as house:  # a file of tests may ask more often than an agreement's minute allows
        republish(house, HARBOUR.agreement, ("per_minute: 60, subjects_per_day: 500", "per_minute: 6000"))
    with served(directory) as running:
        yield running


@pytest.fixture
def front(gateway: tuple[Front, Council]) -> Iterator[Front]:
    found, _ = gateway
    found.seen.clear()
    yield found
    left = {path: faults for path, faults in found.faults.items() if faults}
    found.faults.clear()
    assert not left, "a fault that nothing met"


@pytest.fixture
def council(gateway: tuple[Front, Council]) -> Council:
    return gateway[1]


@pytest.fixture
def client(front: Front, council: Council) -> Iterator[Client]:
    with client_for(front, council) as made:
        yield made


def ask_in_threads(front: Front, council: Council, **more: Any) -> str:
    with client_for(front, council, **more) as client:
        return client.get(GRACE, fields=["age"], **CASE).outcome


def ask_in_a_loop(front: Front, council: Council, **more: Any) -> str:
    async def ask() -> str:
        async with AsyncClient(**settings_for(front, council, **more)) as client:
            return (await client.get(GRACE, fields=["age"], **CASE)).outcome

    return asyncio.run(ask())


@pytest.fixture(params=[ask_in_threads, ask_in_a_loop], ids=["threads", "loop"])
def asks(request: pytest.FixtureRequest) -> Callable[..., str]:
    """Each promise of retrying holds for both clients."""
    return request.param  # type: ignore[no-any-return]
