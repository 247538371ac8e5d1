"""Operators with accounts and passkeys, at a gateway of this process."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from console_browser import Authenticator, Browser
from console_scene import NAMES, QUICK, grant, sign_in
from house import House

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
