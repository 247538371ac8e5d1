"""Is each address of the console asked for at its door, as it is declared: by strangers, in another role, too late?"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from console_browser import Browser
from house import House
from httpx2 import Response
from starlette.routing import Route

from gateway.console.routes import Declared, declared
from gateway.oauth.clients import Role
from gateway.store.operator_rows import Session
from gateway.web.changes import ControlCaller

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


def asks_for_a_new_sign_in(answer: Response) -> bool:
    """Tell whether it is refused, or leads to a new sign-in."""
    if answer.status_code == 401:
        return 'max_age="300"' in answer.headers["www-authenticate"]
    return answer.headers.get("location", "").startswith("/console/step-up?")


@pytest.mark.parametrize("one", FRESH, ids=name_of)
def test_a_form_by_an_old_sign_in_changes_nothing_at(house: House, signed_in: SignIn, one: Declared) -> None:
    browser = signed_in(*OFFICES)
    csrf = browser.csrf
    house.clock.move(seconds=301)
    entries = len(house.entries())

    assert asks_for_a_new_sign_in(browser.post(one.path, {"csrf": csrf}))
    assert len(house.entries()) == entries


@pytest.mark.parametrize("one", FRESH, ids=name_of)
def test_an_old_sign_in_does_not_come_past_the_door_of(
    house: House, signed_in: SignIn, one: Declared, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the transaction asks once more is taken out, so that it is the door that asks."""
    browser = signed_in(*OFFICES)
    csrf = browser.csrf
    house.clock.move(seconds=301)

    def counts_for_ever(session: Session, *_: object, **__: object) -> ControlCaller:
        return ControlCaller(session.operator_id, session.roles, lambda *_: None)

    monkeypatch.setattr("gateway.console.door.caller_of", counts_for_ever)

    assert asks_for_a_new_sign_in(browser.post(one.path, {"csrf": csrf}))


@pytest.mark.parametrize("one", OF_AN_OFFICE, ids=name_of)
def test_who_holds_another_office_is_refused_at(house: House, signed_in: SignIn, one: Declared) -> None:
    browser = signed_in(*(OFFICES - one.rule.roles))
    csrf, entries = browser.csrf, len(house.entries())

    answer = browser.get(one.path) if one.method == "GET" else browser.post(one.path, {"csrf": csrf})

    assert (answer.status_code, "this page is for: " in answer.text) == (403, True)
    assert len(house.entries()) == entries


def test_what_is_walked_is_there() -> None:
    assert min(len(FRESH), len(OF_AN_OFFICE)) >= 4
