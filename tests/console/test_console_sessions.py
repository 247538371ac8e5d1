"""How does a session live and end? And what may a page of another site make an operator's browser do? Nothing."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest
from console_browser import BEFORE, PASSWORD, SESSION, Authenticator, Browser
from console_scene import give_password, grant, sign_in
from house import House, open_house

from gateway.app import make_changes
from gateway.background.sweeping import sweep_once
from gateway.console.routes import declared
from gateway.oauth.clients import Role
from gateway.store.operator_rows import find_session

SignIn = Callable[..., Browser]
GUARDED = sorted((one.method, one.path) for one in declared() if one.rule is not None)
FORMS = sorted(one.path for one in declared() if one.method == "POST")


def is_signed_in(browser: Browser) -> bool:
    return browser.get("/console").status_code == 200


# -- strangers


@pytest.mark.parametrize(("method", "path"), GUARDED)
def test_a_stranger_is_sent_to_sign_in_from(house: House, method: str, path: str) -> None:
    """A page sends them there; a form, with the right origin, is 401. Nothing is written."""
    entries = len(house.entries())
    browser = Browser(house, {SESSION: "A" * 43})
    if method == "GET":
        answer = browser.get(path)
        assert answer.status_code == 303
        assert answer.headers["location"].startswith("/console/sign-in?to=/console")
    else:
        answer = browser.post(path, {"csrf": "a"})
        assert (answer.status_code, "session_refused" in answer.text) == (401, True)
    assert len(house.entries()) == entries


@pytest.mark.parametrize("path", FORMS)
def test_a_get_changes_nothing_at(house: House, signed_in: SignIn, path: str) -> None:
    assert signed_in(*list(Role)[1:]).get(path).status_code == 405


# -- headers


PAGES = ["/console", "/console/sign-in", "/console/local", "/console/step-up", "/console/publish", "/console/keys"]


@pytest.mark.parametrize("path", PAGES)
def test_no_page_can_be_framed_kept_or_scripted(signed_in: SignIn, path: str) -> None:
    answer = signed_in(*list(Role)[1:]).get(path)

    assert answer.status_code == 200
    policy = answer.headers["content-security-policy"]
    assert {"default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'"} <= set(policy.split("; "))
    assert "unsafe" not in policy
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["referrer-policy"] == "same-origin"
    assert answer.headers["cross-origin-opener-policy"] == "same-origin"
    assert "style=" not in answer.text
    assert "onclick" not in answer.text


# -- how a session ends


def test_an_idle_session_ends_after_half_an_hour(house: House, signed_in: SignIn) -> None:
    """To the second; and use keeps it alive, though it is written once a minute at most."""
    browser = signed_in()
    house.clock.move(minutes=29, seconds=59)
    assert is_signed_in(browser)
    house.clock.move(minutes=29, seconds=59)
    assert is_signed_in(browser)
    house.clock.move(minutes=30)

    assert not is_signed_in(browser)


def test_a_session_ends_after_eight_hours_however_it_is_used(house: House, signed_in: SignIn) -> None:
    browser = signed_in()
    for _ in range(16):
        house.clock.move(minutes=29)
        assert is_signed_in(browser)
    house.clock.move(minutes=16)

    assert not is_signed_in(browser)


def test_last_use_is_written_once_a_minute(house: House, signed_in: SignIn) -> None:
    browser = signed_in()
    house.clock.move(seconds=59)
    browser.get("/console")
    (before,) = house.rows("SELECT used_at FROM console_session")
    house.clock.move(seconds=1)
    browser.get("/console")
    (after,) = house.rows("SELECT used_at FROM console_session")

    assert after[0] - before[0] == 60_000_000


def test_a_signed_out_session_is_dead_for_another_reader_and_after_a_restart(
    house: House, signed_in: SignIn, council_directory: Path
) -> None:
    """As for another worker: its reader is another connection to the same rows."""
    browser = signed_in()
    kept = dict(browser.cookies)
    key = hashlib.sha256(kept[SESSION].encode()).hexdigest()
    other = house.council.store.open(read_only=True)
    mapping = house.wiring.operators.mapping
    assert find_session(other, key, at=house.clock(), mapping=mapping) is not None
    browser.get("/console")
    assert browser.submit("/console/sign-out").status_code == 303

    assert find_session(other, key, at=house.clock(), mapping=mapping) is None
    other.close()
    with open_house(council_directory, clock=house.clock) as again:
        assert not is_signed_in(Browser(again, kept))


def test_a_live_session_outlives_a_restart(house: House, signed_in: SignIn, council_directory: Path) -> None:
    kept = dict(signed_in().cookies)

    with open_house(council_directory, clock=house.clock) as again:
        assert is_signed_in(Browser(again, kept))


def test_signing_out_everywhere_ends_every_session(house: House) -> None:
    grant(house, "nadia")
    authenticator, browsers = Authenticator(), [Browser(house), Browser(house)]
    for one in browsers:
        sign_in(one, "nadia", authenticator)
    browsers[0].get("/console")
    browsers[0].submit("/console/sign-out/everywhere")

    assert [is_signed_in(one) for one in browsers] == [False, False]


@pytest.mark.parametrize("how", ["revoke", "roles", "invite"])
def test_what_is_taken_from_an_operator_ends_their_sessions_at_once(house: House, how: str) -> None:
    """Made as `stile operator` makes it, beside the gateway; and each is an entry."""
    grant(house, "nadia", Role.DPO, Role.ADMINISTRATOR)
    browser = Browser(house)
    sign_in(browser, "nadia", Authenticator())
    changes = make_changes(house.council).operators
    house.append(
        {
            "revoke": lambda: changes.revoke("nadia", by="test"),
            "roles": lambda: changes.set_roles("nadia", frozenset({Role.AUDITOR}), by="test"),
            "invite": lambda: changes.invite("nadia", password="$argon2id$none", by="test"),
        }[how]()
    )

    assert not is_signed_in(browser)
    assert house.entries()[-1]["kind"] == ("operator.revoked" if how == "revoke" else "operator.granted")


def test_an_operator_has_ten_sessions_at_most(house: House) -> None:
    """The eleventh ends the first."""
    grant(house, "nadia")
    authenticator, browsers = Authenticator(), [Browser(house) for _ in range(11)]
    for one in browsers:
        house.clock.move(minutes=2)
        sign_in(one, "nadia", authenticator)

    assert [is_signed_in(one) for one in browsers] == [False] + [True] * 10


def test_what_is_over_is_swept(house: House, signed_in: SignIn) -> None:
    signed_in()
    grant(house, "omar")
    give_password(Browser(house), "omar")
    house.clock.move(hours=9)
    house.http.portal.call(sweep_once, house.wiring.services, house.wiring.early_limits)

    for table in ("console_session", "sign_in", "attempt"):
        assert house.rows(f"SELECT count(*) FROM {table}") == [(0,)], table


def test_no_id_stands_in_a_row(house: House, signed_in: SignIn) -> None:
    """Who reads the database can't use what stands there."""
    browser = signed_in()
    other = Browser(house)
    grant(house, "omar")
    give_password(other, "omar")
    content = house.council.state.read_bytes() + (house.council.directory / "state.sqlite-wal").read_bytes()

    assert browser.cookies[SESSION].encode() not in content
    assert other.cookies[BEFORE].encode() not in content
    assert PASSWORD.encode() not in content


# -- session fixation


def test_session_fixation_a_planted_id_never_becomes_a_session(house: House) -> None:
    """Neither an id made up, nor the one that the browser had before it signed in."""
    grant(house, "nadia")
    planted = "B" * 43
    browser = Browser(house, {SESSION: planted, BEFORE: planted})
    browser.get("/console/local")

    answer = sign_in(browser, "nadia", Authenticator())

    assert answer.status_code == 303
    assert browser.cookies[SESSION] != planted
    assert not is_signed_in(Browser(house, {SESSION: planted}))


def test_session_fixation_an_attackers_own_session_ends_when_its_victim_signs_in(house: House, signed_in: SignIn) -> None:
    attacker = signed_in()
    grant(house, "nadia")
    victim = Browser(house, {SESSION: attacker.cookies[SESSION]})

    sign_in(victim, "nadia", Authenticator())

    assert victim.cookies[SESSION] != attacker.cookies[SESSION]
    assert not is_signed_in(attacker)


@pytest.mark.parametrize("cookie", ["", "A", "A" * 44, "A" * 42 + "!", "a b", "%00" * 20])
def test_a_malformed_session_is_none(house: House, cookie: str) -> None:
    assert Browser(house).get("/console", Cookie=f"{SESSION}={cookie}").status_code == 303


def test_two_session_cookies_are_none(signed_in: SignIn) -> None:
    """One of them was planted, and nobody can tell which."""
    mine = signed_in().cookies[SESSION]
    browser = signed_in()

    answer = browser.get("/console", Cookie=f"{SESSION}={mine}; {SESSION}={browser.cookies[SESSION]}")

    assert answer.status_code == 303


@pytest.mark.parametrize(
    "edit",
    [
        'UPDATE operator SET roles = \'["administrator", "dpo"]\'',
        "UPDATE passkey SET public_key = 'AA'",
        "UPDATE operator SET invited_until = 9000000000000000",
    ],
)
def test_a_grant_that_was_edited_by_hand_opens_nothing(house: House, signed_in: SignIn, edit: str) -> None:
    """Neither a session that is live nor a sign-in rests on an account whose rows are not what the log says."""
    browser = signed_in(Role.AUDITOR)
    with contextlib.closing(house.council.store.session()) as connection:
        connection.execute(edit)
        connection.commit()

    assert browser.get("/console").status_code == 503
    house.differs = True
