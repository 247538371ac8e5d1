"""Operators with accounts and passkeys, at a gateway of this process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from console_browser import Authenticator, Browser
from console_provider import Provider, serving, settings_of
from console_scene import NAMES, QUICK, grant, sign_in
from hours import Clock
from house import House, open_house

from gateway.oauth.clients import Role
from gateway.operators.passwords import Passwords


@pytest.fixture
def house(house: House) -> House:
    """The gateway, with an Argon2 so weak that a test is quick."""
    object.__setattr__(house.wiring.operators, "passwords", Passwords(QUICK))
    return house


@pytest.fixture
def browser(house: House) -> Browser:
    return Browser(house)


SignIn = Callable[..., Browser]


@pytest.fixture
def signed_in(house: House) -> SignIn:
    """Return what signs a new operator in, in the given roles."""

    def run(*roles: Role, name: str = "") -> Browser:
        browser, name = Browser(house), name or f"account-{next(NAMES)}"
        grant(house, name, *roles)
        answer = sign_in(browser, name, Authenticator())
        assert (answer.status_code, answer.headers["location"]) == (303, "/console")
        return browser

    return run


@pytest.fixture
def provider() -> Iterator[Provider]:
    with serving(Provider()) as running:
        yield running


@pytest.fixture
def house_with_provider(council_directory: Path, provider: Provider) -> Iterator[House]:
    """A gateway whose operators sign in at `provider`, by the same clock."""
    clock = Clock()
    provider.now = lambda: clock().timestamp()
    with open_house(council_directory, clock=clock, **settings_of(provider, council_directory)) as running:
        yield running
