"""What may another site make an operator's browser do, and where may a sign-in lead? Nothing, and nowhere."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from console_browser import PASSWORD, SESSION, Authenticator, Browser
from console_scene import grant, sign_in
from house import ISSUER, House

from gateway.console.routes import declared
from gateway.oauth.clients import Role

SignIn = Callable[..., Browser]
FORMS = sorted(one.path for one in declared() if one.method == "POST")


def is_signed_in(browser: Browser) -> bool:
    return browser.get("/console").status_code == 200


# -- CSRF


FOREIGN = {
    "another origin": {"Origin": "https://evil.example"},
    "a subdomain": {"Origin": ISSUER.replace("127", "a.127")},
    "another port": {"Origin": "http://127.0.0.1:8081"},
    "another scheme": {"Origin": "https://127.0.0.1:8080"},
    "null": {"Origin": "null"},
    "nothing said": {"Origin": ""},
    "said by the browser": {"Origin": "https://evil.example", "Sec_Fetch_Site": "same-origin"},
}


@pytest.mark.parametrize("what", FOREIGN, ids=str)
@pytest.mark.parametrize("path", ["/console/sign-out", "/console/publish/now", "/console/local/password"])
def test_csrf_a_form_of_another_site_is_403(house: House, signed_in: SignIn, what: str, path: str) -> None:
    """Even with the right token."""
    browser = signed_in(Role.DPO)
    csrf = browser.csrf
    entries = len(house.entries())

    refused = browser.post(path, {"csrf": csrf, "text": "a"}, **FOREIGN[what])

    assert (refused.status_code, "cross_site_refused" in refused.text) == (403, True)
    assert is_signed_in(browser)
    assert len(house.entries()) == entries


@pytest.mark.parametrize("site", ["cross-site", "same-site", "none", ""])
def test_csrf_without_origin_the_browser_must_say_same_origin(signed_in: SignIn, site: str) -> None:
    browser = signed_in()
    form = {"csrf": browser.csrf}
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Sec_Fetch_Site": site}
    body = f"csrf={form['csrf']}".encode()

    assert browser.call("POST", "/console/sign-out", body, **headers).status_code == 403
    assert (
        browser.call("POST", "/console/sign-out", body, **{**headers, "Sec_Fetch_Site": "same-origin"}).status_code == 303
    )


@pytest.mark.parametrize("path", FORMS)
def test_csrf_a_form_needs_its_browsers_token(house: House, signed_in: SignIn, path: str) -> None:
    """None, one made up, and another operator's: 403, and nothing is changed."""
    browser, other = signed_in(*list(Role)[1:]), signed_in(*list(Role)[1:])
    browser.get("/console/local")
    entries = len(house.entries())
    for form in ({}, {"csrf": "a"}, {"csrf": ""}, {"csrf": other.csrf}):
        refused = browser.post(path, {"name": "a", "password": "b", "credential": "c", **form})
        assert (refused.status_code, "cross_site_refused" in refused.text) == (403, True), form

    assert len(house.entries()) == entries
    assert is_signed_in(browser)


def test_csrf_a_sign_in_form_belongs_to_the_browser_that_was_shown_it(house: House) -> None:
    """Login CSRF: an attacker's form, with the attacker's own token, signs nobody else's browser in."""
    grant(house, "mallory")
    attacker, victim = Browser(house), Browser(house)
    attacker.get("/console/local")
    victim.get("/console/local")
    form = attacker.fields("/console/local/password")

    refused = victim.post("/console/local/password", {**form, "name": "mallory", "password": PASSWORD})

    assert (refused.status_code, SESSION in victim.cookies) == (403, False)


# -- forms, and where they lead


MALFORMED = {
    "not a form": (b"{}", {"Content-Type": "application/json"}, 400),
    "a parameter twice": (b"csrf=a&csrf=a", {}, 400),
    "not UTF-8": (b"csrf=%ff", {}, 400),
    "too many parameters": (b"&".join(b"a%d=1" % n for n in range(40)), {}, 400),
    "too large": (b"csrf=" + b"a" * 70_000, {}, 413),
    "nothing": (b"", {}, 403),
}


@pytest.mark.parametrize("what", MALFORMED, ids=str)
def test_a_malformed_form_is_refused_without_a_fault(house: House, what: str) -> None:
    body, headers, status = MALFORMED[what]
    browser = Browser(house)
    browser.get("/console/local")
    sent = {"Origin": ISSUER, "Content-Type": "application/x-www-form-urlencoded", **headers}

    assert browser.call("POST", "/console/local/password", body, **sent).status_code == status


ELSEWHERE = [
    "https://evil.example",
    "//evil.example",
    "/\\evil.example",
    "/console/../../x",
    "javascript:alert(1)",
    "/console/keys?",
]


@pytest.mark.parametrize("to", ELSEWHERE)
def test_open_redirect_only_own_pages_are_led_to(house: House, to: str) -> None:
    grant(house, "nadia")
    browser = Browser(house)
    browser.get("/console/local")
    browser.submit("/console/local/password", name="nadia", password=PASSWORD, to=to)

    answer = browser.submit("/console/local/passkey", credential=Authenticator().create(browser.options()))

    assert (answer.status_code, answer.headers["location"]) == (303, "/console")
    assert "evil" not in Browser(house).get("/console/sign-in", X_Forwarded_Host="evil.example").text
    assert f'value="{to}"' not in Browser(house).get(f"/console/sign-in?to={to}").text


def test_an_own_page_is_come_back_to(house: House) -> None:
    grant(house, "nadia")

    assert (
        sign_in(Browser(house), "nadia", Authenticator(), to="/console/publish").headers["location"] == "/console/publish"
    )
