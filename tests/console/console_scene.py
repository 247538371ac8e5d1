"""An operator with an account, and how they sign in: password, then passkey."""

from __future__ import annotations

from argon2 import PasswordHasher
from console_browser import PASSWORD, Authenticator, Browser
from house import HARBOUR, House
from httpx2 import Response

from gateway.oauth.clients import Role

QUICK = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
NAMES = iter(range(1_000_000))
KINDS = {
    "agreements": "agreement.published",
    "client": "client.revoked",
    "key": "key.revoked",
    "issuer-keys": "key.registered",
}


def grant(house: House, name: str, *roles: Role) -> str:
    """Make an account that has no passkey yet; return the operator's id."""
    operator_id = f"op_{next(NAMES):024x}"
    changes = house.changes().operators
    held = frozenset(roles or {Role.DPO})
    house.append(changes.grant(operator_id, name=name, password=QUICK.hash(PASSWORD), roles=held, by="test"))
    return operator_id


def give_password(browser: Browser, name: str, password: str = PASSWORD, to: str = "/console") -> Response:
    browser.get(f"/console/local?to={to}")
    return browser.submit("/console/local/password", name=name, password=password)


def sign_in(browser: Browser, name: str, authenticator: Authenticator, *, to: str = "/console") -> Response:
    """Sign in by password and passkey; the first time the passkey is registered."""
    answer = give_password(browser, name, to=to)
    assert answer.status_code == 200, answer.text
    asked = authenticator.create if "Register a passkey" in answer.text else authenticator.get
    return browser.submit("/console/local/passkey", credential=asked(browser.options()))


def next_version(house: House) -> str:
    version, text, _ = house.wiring.services.reader.find_text("agreement", HARBOUR.agreement)
    return str(text.replace(f"version: {version}\n", f"version: {version + 1}\n"))
