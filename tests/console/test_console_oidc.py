"""Sign-in by an OpenID provider: what a hostile answer, a hostile page or a hostile provider gets."""

from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from console_browser import BEFORE, SESSION, Browser
from console_provider import (
    CLIENT,
    KEY,
    Provider,
    begin,
    is_refused,
    moved,
    set_to,
    settings_of,
    sign_in_at,
    without,
)
from house import House, open_house
from joserfc import jwk


@pytest.fixture
def house(house_with_provider: House) -> House:
    return house_with_provider


# -- the honest journey


def test_an_operator_of_the_provider_signs_in(house: House, provider: Provider, browser: Browser) -> None:
    """By an entry that names neither the person nor their subject, under an id that is the same each time."""
    answer = sign_in_at(provider, browser)
    again = Browser(house)
    sign_in_at(provider, again)

    assert (answer.status_code, answer.headers["location"]) == (303, "/console")
    assert "dpo" in browser.get("/console").text
    told = [house.truth(one) for one in house.entries("sign-in")]
    assert len({one["who"]["by"] for one in told}) == 1
    assert told[0]["who"]["by"].startswith("op_")
    assert "248289761001" not in json.dumps(told)


def test_the_request_is_bound_by_state_nonce_and_s256(provider: Provider, browser: Browser) -> None:
    asked = {name: values[0] for name, values in parse_qs(urlsplit(begin(browser)).query).items()}

    assert (asked["response_type"], asked["client_id"]) == ("code", CLIENT)
    assert asked["redirect_uri"] == "http://127.0.0.1:8080/console/callback"
    assert asked["code_challenge_method"] == "S256"
    assert len(asked["code_challenge"]) == 43
    assert min(len(asked["state"]), len(asked["nonce"])) >= 20
    assert "code_verifier" not in asked


def test_userinfo_is_never_asked(provider: Provider, browser: Browser) -> None:
    sign_in_at(provider, browser)

    paths = {path for _, path, _ in provider.asked}
    assert paths == {"/.well-known/openid-configuration", "/jwks", "/token"}


def test_a_new_key_of_the_providers_is_found(house: House, provider: Provider, browser: Browser) -> None:
    """Once for an unknown kid; a token by a key that is not published is refused."""
    sign_in_at(provider, Browser(house))
    provider.key = jwk.generate_key("EC", "P-256", {"kid": "two"}, private=True)
    provider.alg, provider.header, provider.keys = "ES256", {"kid": "two"}, [KEY, provider.key]

    assert sign_in_at(provider, browser).status_code == 303
    provider.header = {"kid": "three"}
    assert is_refused(Browser(house), sign_in_at(provider, Browser(house)), 403, "sign_in_refused")


# -- the callback


def test_mix_up_an_answer_of_another_provider_is_refused(house: House, provider: Provider, browser: Browser) -> None:
    """RFC 9207, section 2.4: and the code is not sent to anybody."""
    for iss in ("https://evil.example", provider.issuer + "/", ""):
        answer = sign_in_at(provider, browser, iss=iss)
        assert is_refused(browser, answer, 400, "callback_refused")

    assert "/token" not in {path for _, path, _ in provider.asked}
    assert house.last()["what"] == {"method": "oidc", "why": "callback"}


def test_mix_up_two_issuers_in_one_answer_are_refused(provider: Provider, browser: Browser) -> None:
    address = provider.approve(begin(browser)) + "&iss=https://evil.example"

    assert is_refused(browser, browser.get(address), 400, "callback_refused")


def test_a_provider_that_sends_no_iss_need_not(provider: Provider, browser: Browser) -> None:
    """Where its metadata do not promise one; a wrong one is refused all the same."""
    provider.metadata = {"authorization_response_iss_parameter_supported": False}

    assert sign_in_at(provider, browser, iss="").status_code == 303
    other = Browser(browser.house)
    assert is_refused(other, sign_in_at(provider, other, iss="https://evil.example"), 400, "callback_refused")


def test_a_callback_counts_once(house: House, provider: Provider, browser: Browser) -> None:
    """The same answer again, also from the browser that began: its state is gone, and the code is not sent twice."""
    address = provider.approve(begin(browser))
    kept = dict(browser.cookies)
    assert browser.get(address).status_code == 303

    again = Browser(house, kept)

    assert is_refused(again, again.get(address), 400, "callback_refused")
    assert [path for _, path, _ in provider.asked].count("/token") == 1


def test_a_code_that_was_redeemed_elsewhere_opens_nothing(provider: Provider, browser: Browser) -> None:
    address = provider.approve(begin(browser))
    provider.codes.clear()

    assert is_refused(browser, browser.get(address), 400, "callback_refused")


def test_csrf_anothers_callback_signs_nobody_in(house: House, provider: Provider, browser: Browser) -> None:
    """Login CSRF: an attacker's own answer, followed in the victim's browser, with or without a sign-in under way."""
    attacker = Browser(house)
    one = provider.approve(begin(attacker))
    stranger = Browser(house)
    assert is_refused(stranger, stranger.get(one), 400, "callback_refused")
    two = provider.approve(begin(attacker))
    begin(browser)

    assert is_refused(browser, browser.get(two), 400, "callback_refused")
    assert "/token" not in {path for _, path, _ in provider.asked}


def test_session_fixation_a_browsers_id_is_new_once_it_begins(house: House, provider: Provider) -> None:
    """Whoever planted the id before does not know the one that the state is bound to."""
    planted = "B" * 43
    victim = Browser(house, {BEFORE: planted})
    address = provider.approve(begin(victim))

    assert victim.cookies[BEFORE] != planted
    attacker = Browser(house, {BEFORE: planted})
    assert is_refused(attacker, attacker.get(address), 400, "callback_refused")


def test_a_sign_in_that_takes_over_ten_minutes_is_over(house: House, provider: Provider, browser: Browser) -> None:
    address = provider.approve(begin(browser))
    house.clock.move(minutes=10)

    assert is_refused(browser, browser.get(address), 400, "callback_refused")


CALLBACKS = ["", "?code=a", "?state=a&code=a", "?error=access_denied&state=a", "?state=a&state=b", "?code=%00&state=%ff"]


@pytest.mark.parametrize("query", CALLBACKS)
def test_a_malformed_callback_is_refused_without_a_fault(house: House, provider: Provider, query: str) -> None:
    for browser in (Browser(house), Browser(house)):
        assert is_refused(browser, browser.get(f"/console/callback{query}"), 400, "callback_refused")
        begin(browser)


def test_a_refusal_at_the_provider_is_not_repeated_in_its_words(provider: Provider, browser: Browser) -> None:
    state = parse_qs(urlsplit(begin(browser)).query)["state"][0]
    address = f"/console/callback?error=%3Cscript%3E&error_description=ring+0800&state={state}&iss={provider.issuer}"

    answer = browser.get(address)

    assert is_refused(browser, answer, 400, "callback_refused")
    assert "0800" not in answer.text
    assert "script>" not in answer.text


# -- step-up, and roles that change


def test_step_up_at_the_provider_is_a_new_sign_in(house: House, provider: Provider, browser: Browser) -> None:
    """It asks for one (`max_age=0`), and comes back to the page under a new id."""
    sign_in_at(provider, browser)
    before = browser.cookies[SESSION]
    browser.get("/console/step-up?to=/console/publish")
    address = str(browser.submit("/console/step-up/begin").headers["location"])
    asked = parse_qs(urlsplit(address).query)
    answer = browser.get(provider.approve(address))

    assert (asked["max_age"], asked["prompt"]) == (["0"], ["login"])
    assert (answer.status_code, answer.headers["location"]) == (303, "/console/publish")
    assert browser.cookies[SESSION] != before
    assert "may publish" in browser.get("/console/publish").text
    assert Browser(house, {SESSION: before}).get("/console").status_code == 303


AGES = {
    "auth_time: missing": without("auth_time"),
    "auth_time: before it was asked for": moved("auth_time", -31),
    "auth_time: to come": moved("auth_time", 31),
    "auth_time: a string": set_to("auth_time", "now"),
    "another person": set_to("sub", "somebody else"),
}


@pytest.mark.parametrize("what", AGES, ids=str)
def test_step_up_by_an_old_sign_in_is_none(house: House, provider: Provider, browser: Browser, what: str) -> None:
    sign_in_at(provider, browser)
    house.clock.move(minutes=6)
    browser.get("/console/step-up")
    address = str(browser.submit("/console/step-up/begin").headers["location"])
    provider.change = AGES[what]

    answer = browser.get(provider.approve(address))

    assert (answer.status_code, "sign_in_refused" in answer.text) == (403, True)
    assert "sign in once more" in browser.get("/console/publish").text
    assert len(house.entries("sign-in")) == 1


def test_without_auth_time_a_sign_in_is_not_fresh(provider: Provider, browser: Browser) -> None:
    sign_in_at(provider, browser)

    assert "sign in once more" in browser.get("/console/publish").text


def test_a_changed_role_mapping_ends_the_sessions_that_it_gave(
    house: House, provider: Provider, browser: Browser, council_directory: Path
) -> None:
    sign_in_at(provider, browser)
    kept = dict(browser.cookies)
    same = settings_of(provider, council_directory)
    with open_house(council_directory, clock=house.clock, **same) as again:
        assert Browser(again, kept).get("/console").status_code == 200
    for change in ({"oidc_roles": {"Stile.DPO": "auditor"}}, {"oidc_role_claim": "groups"}, {"oidc_client_id": "another"}):
        with open_house(council_directory, clock=house.clock, **{**same, **change}) as changed:
            assert Browser(changed, kept).get("/console").status_code == 303, change


def test_a_revoked_operator_of_the_provider_is_out_and_stays_out(
    house: House, provider: Provider, browser: Browser
) -> None:
    sign_in_at(provider, browser)
    operator = house.last()["who"]["by"]
    house.append(house.changes().operators.revoke(operator, by="test"))

    assert browser.get("/console").status_code == 303
    refused = sign_in_at(provider, browser)
    assert (refused.status_code, "the operator is revoked" in refused.text) == (403, True)
    house.append(house.changes().operators.restore(operator, by="test"))
    assert sign_in_at(provider, browser).status_code == 303


def test_sign_ins_that_are_begun_are_limited(house: House, provider: Provider) -> None:
    for _ in range(60):
        begin(Browser(house))
    browser = Browser(house)
    browser.get("/console/sign-in")

    answer = browser.submit("/console/sign-in/provider")

    assert (answer.status_code, "too_many_attempts" in answer.text) == (429, True)
