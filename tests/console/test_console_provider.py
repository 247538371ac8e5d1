"""What comes of a provider that is down, answers nonsense, or is not the one that was set up?"""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from console_browser import SESSION, Browser
from console_provider import Provider, begin, serving, settings_of
from house import House, open_house

from gateway.operators.parts import make_operators


@pytest.fixture
def house(house_with_provider: House) -> House:
    return house_with_provider


METADATA: dict[str, dict[str, Any]] = {
    "another issuer": {"issuer": "https://evil.example"},
    "a token endpoint elsewhere": {"token_endpoint": "https://evil.example/token"},
    "keys elsewhere": {"jwks_uri": "http://127.0.0.1:9/jwks"},
    "a sign-in page elsewhere": {"authorization_endpoint": "https://evil.example/authorize"},
    "an address that is none": {"authorization_endpoint": "javascript:alert(1)"},
    "no token endpoint": {"token_endpoint": None},
}


@pytest.mark.parametrize("what", METADATA, ids=str)
def test_a_provider_that_is_another_is_not_sent_anybody(provider: Provider, browser: Browser, what: str) -> None:
    provider.metadata = METADATA[what]
    browser.get("/console/sign-in")

    answer = browser.submit("/console/sign-in/provider")

    assert (answer.status_code, "provider_unavailable" in answer.text) == (502, True)


def test_metadata_do_not_steer_our_own_client(provider: Provider, browser: Browser) -> None:
    """Authlib makes options of its HTTP client out of them: a proxy, redirects, no PKCE."""
    provider.metadata = {
        "proxy": "http://127.0.0.1:9", "verify": False, "follow_redirects": True, "code_challenge_method": None,
        "scope": "everything", "headers": {"Host": "evil.example"}, "base_url": "http://127.0.0.1:9", "transport": None,
        "token_endpoint_auth_method": "none", "response_type": "token",
    }  # fmt: skip
    address = begin(browser)

    assert parse_qs(urlsplit(address).query)["response_type"] == ["code"]
    assert "code_challenge=" in address
    assert browser.get(provider.approve(address)).status_code == 303


TROUBLE: dict[str, tuple[int, dict[str, str], bytes]] = {
    "a failure": (500, {}, b"{}"),
    "a redirect": (302, {"Location": "/elsewhere"}, b'{"id_token": "a"}'),
    "too much": (200, {}, b'"' + b"a" * 300_000 + b'"'),
    "not JSON": (200, {}, b"<html>"),
    "not an object": (200, {}, b"[]"),
    "not UTF-8": (200, {}, b'{"a": "\xff"}'),
    "very deep": (200, {}, b"[" * 100_000),
    "compressed": (200, {"Content-Encoding": "gzip"}, b"\x1f\x8b"),
}


@pytest.mark.parametrize("what", TROUBLE, ids=str)
@pytest.mark.parametrize("path", ["/.well-known/openid-configuration", "/jwks", "/token"])
def test_a_provider_in_trouble_is_a_clear_page(provider: Provider, browser: Browser, path: str, what: str) -> None:
    """Whatever it answers at whichever step: no session and no fault of ours, and break-glass stays."""
    if path != "/.well-known/openid-configuration":
        address = provider.approve(begin(browser))
        provider.answers[path] = TROUBLE[what]
        answer = browser.get(address)
    else:
        provider.answers[path] = TROUBLE[what]
        browser.get("/console/sign-in")
        answer = browser.submit("/console/sign-in/provider")

    assert answer.status_code in ({502} if path.startswith("/.well") else {400, 403, 502}), what
    assert "request <code>" in answer.text
    assert SESSION not in browser.cookies
    assert browser.get("/console/local").status_code == 200


def test_a_provider_that_is_down_leaves_break_glass(house: House, council_directory: Path) -> None:
    with serving(Provider()) as gone:
        issuer = gone.issuer
    settings = {**settings_of(gone, council_directory), "oidc_issuer": issuer}
    with open_house(council_directory, **settings) as without_provider:
        browser = Browser(without_provider)
        browser.get("/console/sign-in")
        answer = browser.submit("/console/sign-in/provider")
        assert (answer.status_code, "provider_unavailable" in answer.text) == (502, True)
        assert "break-glass" in answer.text
        assert browser.get("/console/local").status_code == 200


def test_a_gateway_without_a_provider_has_no_way_there(council_directory: Path) -> None:
    with open_house(council_directory) as alone:
        browser = Browser(alone)
        browser.get("/console/sign-in")
        form = {"csrf": browser.get("/console/local") and browser.fields("/console/local/password")["csrf"]}
        assert browser.post("/console/sign-in/provider", form).status_code == 404
        assert make_operators(alone.council.settings, alone.council.keyring, lambda: 0.0).provider is None
