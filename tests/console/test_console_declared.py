"""Is each address of the console asked for at its door, as it is declared: by strangers, in another role, too late?"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from console_browser import Browser
from house import House
from starlette.routing import Route

from gateway.console.routes import Declared, declared
from gateway.oauth.clients import Role

SignIn = Callable[..., Browser]
OFFICES = frozenset(Role) - {Role.PARTNER}
# Nobody could sign in without them. Whoever opens another address to strangers writes it here.
OPEN = {
    *("/console/sign-in", "/console/sign-in/provider", "/console/callback", "/console/local"),
    *("/console/local/password", "/console/local/passkey", "/console/passkey.js", "/console/console.css"),
}
# Forms that change nothing but the session itself. Whoever adds one that needs no fresh sign-in writes it here.
LIGHT = {"/console/step-up/begin", "/console/sign-out", "/console/sign-out/everywhere", "/console/publish/check"}
GUARDED = [one for one in declared() if one.rule is not None]
FORMS = [one for one in GUARDED if one.method == "POST"]
FRESH = [one for one in FORMS if one.rule.needs_fresh]
OF_AN_OFFICE = [one for one in GUARDED if not one.rule.lets({Role.AUDITOR})]


def name_of(one: Declared) -> str:
    return f"{one.method} {one.path}"


def test_every_address_that_is_served_is_declared(house: House) -> None:
    served = {
        (one.path, method)
        for one in house.http.app.routes
        if isinstance(one, Route) and one.path.startswith("/console")
        for method in one.methods - {"HEAD"}
    }

    assert len(served) > 15
    assert served == {(one.path, one.method) for one in declared()}


def test_only_a_sign_in_is_open_to_strangers() -> None:
    assert {one.path for one in declared() if one.rule is None} == OPEN


def test_every_other_form_is_declared_to_need_a_fresh_sign_in() -> None:
    assert {one.path for one in FORMS} - {one.path for one in FRESH} == LIGHT


@pytest.mark.parametrize("one", FRESH, ids=name_of)
def test_a_form_by_an_old_sign_in_changes_nothing_at(house: House, signed_in: SignIn, one: Declared) -> None:
    """It is refused, or leads to a new sign-in."""
    browser = signed_in(*OFFICES)
    csrf = browser.csrf
    house.clock.move(seconds=301)
    entries = len(house.entries())

    answer = browser.post(one.path, {"csrf": csrf})

    is_refused = 'max_age="300"' in answer.headers.get("www-authenticate", "") and answer.status_code == 401
    assert is_refused or answer.headers["location"].startswith("/console/step-up?"), answer.text
    assert len(house.entries()) == entries


@pytest.mark.parametrize("one", OF_AN_OFFICE, ids=name_of)
def test_who_holds_another_office_is_refused_at(house: House, signed_in: SignIn, one: Declared) -> None:
    browser = signed_in(*(OFFICES - one.rule.roles))
    csrf, entries = browser.csrf, len(house.entries())

    answer = browser.get(one.path) if one.method == "GET" else browser.post(one.path, {"csrf": csrf})

    assert (answer.status_code, "this page is for: " in answer.text) == (403, True)
    assert len(house.entries()) == entries


def test_what_is_walked_is_there() -> None:
    assert min(len(FRESH), len(OF_AN_OFFICE)) >= 4
