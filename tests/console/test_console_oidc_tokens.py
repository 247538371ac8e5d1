"""Which ID tokens open a session, and which claims give a role?"""

from __future__ import annotations

from typing import Any

import pytest
from console_browser import Browser
from console_provider import CLIENT, KEY, OTHER_KEY, SECRET, Provider, begin, is_refused, moved, set_to, sign_in_at, without
from house import House
from joserfc import jwk

from gateway.operators.id_token import roles_in


@pytest.fixture
def house(house_with_provider: House) -> House:
    return house_with_provider


# -- ID tokens that do not hold


TOKENS = {
    "iss: another": set_to("iss", "https://evil.example"),
    "iss: with a slash more": lambda claims: claims.update(iss=claims["iss"] + "/"),
    "iss: missing": without("iss"),
    "aud: another": set_to("aud", "another-client"),
    "aud: a stranger beside us": set_to("aud", [CLIENT, "another-client"]),
    "aud: missing": without("aud"),
    "azp: another": set_to("azp", "another-client"),
    "nonce: another": set_to("nonce", "another"),
    "nonce: missing": without("nonce"),
    "nonce: no string": set_to("nonce", ["a"]),
    "exp: past": moved("exp", -31),
    "exp: missing": without("exp"),
    "exp: a string": set_to("exp", "9999999999"),
    "exp: true": set_to("exp", True),
    "iat: long ago": moved("iat", -601),
    "iat: to come": moved("iat", 31),
    "iat: missing": without("iat"),
    "nbf: to come": moved("nbf", 60),
    "nbf: no number": set_to("nbf", "now"),
    "sub: missing": without("sub"),
    "sub: empty": set_to("sub", ""),
    "sub: no string": set_to("sub", 7),
    "sub: very long": set_to("sub", "a" * 256),
}


@pytest.mark.parametrize("what", TOKENS, ids=str)
def test_an_id_token_that_does_not_hold_opens_nothing(
    house: House, provider: Provider, browser: Browser, what: str
) -> None:
    provider.change = TOKENS[what]

    assert is_refused(browser, sign_in_at(provider, browser), 403, "sign_in_refused")
    assert house.last()["what"] == {"method": "oidc", "why": "id token"}


def hs256(provider: Provider) -> None:
    """Sign by the secret that both sides know."""
    provider.alg, provider.key, provider.header = "HS256", jwk.import_key(SECRET, "oct"), {}


def hs256_by_public_key(provider: Provider) -> None:
    provider.alg, provider.key = "HS256", KEY.as_pem(private=False)


def with_own_key(provider: Provider) -> None:
    """Bring the key along in the header."""
    provider.alg, provider.key = "ES256", OTHER_KEY
    provider.header = {"jwk": OTHER_KEY.as_dict(private=False)}


SIGNED = {
    "alg none": lambda one: setattr(one, "alg", "none"),
    "HS256 by the client's secret": hs256,
    "HS256 by the public key": hs256_by_public_key,
    "another key of the same kid": lambda one: (setattr(one, "alg", "ES256"), setattr(one, "key", OTHER_KEY)),
    "a key in the header": with_own_key,
    "a critical header": lambda one: setattr(one, "header", {"kid": "one", "crit": ["b64"], "b64": True}),
    "no ID token": lambda one: setattr(one, "token", lambda _: {"access_token": "a", "token_type": "Bearer"}),
    "an ID token that is none": lambda one: setattr(one, "token", lambda _: {"access_token": "a", "id_token": "a.b.c"}),
    "an ID token that is a list": lambda one: setattr(one, "token", lambda _: {"access_token": "a", "id_token": []}),
    "a very long one": lambda one: setattr(one, "token", lambda _: {"access_token": "a", "id_token": "a" * 40_000}),
}


@pytest.mark.parametrize("what", SIGNED, ids=str)
def test_an_id_token_that_the_provider_did_not_sign_opens_nothing(provider: Provider, browser: Browser, what: str) -> None:
    SIGNED[what](provider)

    assert is_refused(browser, sign_in_at(provider, browser), 403, "sign_in_refused")


# -- role claim spoofing


SPOOFS: dict[str, Any] = {
    "no claim": None,
    "another value": ["Stile.dpo"],
    "a value with a blank": [" Stile.DPO"],
    "a part of a value": ["Stile"],
    "a list in a list": [["Stile.DPO"]],
    "an object": {"Stile.DPO": True},
    "an object in a list": [{"value": "Stile.DPO"}],
    "strings and others": ["Stile.DPO", 1],
    "a joined string": "Stile.DPO,Stile.Admin",
    "JSON in a string": '["Stile.DPO"]',
    "true": True,
    "a very long list": ["Stile.DPO"] * 1_001,
}


@pytest.mark.parametrize("what", SPOOFS, ids=str)
def test_role_claim_spoofing_gives_no_role(house: House, provider: Provider, browser: Browser, what: str) -> None:
    """403 that says so, and an entry."""
    provider.claims = {} if SPOOFS[what] is None else {"roles": SPOOFS[what]}

    answer = sign_in_at(provider, browser)

    assert is_refused(browser, answer, 403, "gives you no role here")
    assert house.last()["what"] == {"method": "oidc", "why": "no role"}


ELSEWHERE: dict[str, dict[str, Any]] = {
    "a pointer to another place": {
        "roles": ["Stile.DPO"],
        "_claim_names": {"roles": "src1"},
        "_claim_sources": {"src1": {"endpoint": "https://evil.example"}},
    },
    "pointers that are none": {"roles": ["Stile.DPO"], "_claim_names": ["roles"]},
    "another claim": {"groups": ["Stile.DPO"], "role": "Stile.DPO", "Roles": ["Stile.DPO"]},
    "a nested claim": {"realm_access": {"roles": ["Stile.DPO"]}, "resource_access": {CLIENT: {"roles": ["Stile.DPO"]}}},
    "a claim named by its path": {"realm_access.roles": ["Stile.DPO"]},
}


@pytest.mark.parametrize("what", ELSEWHERE, ids=str)
def test_role_claim_spoofing_from_another_place_gives_no_role(provider: Provider, browser: Browser, what: str) -> None:
    provider.claims = ELSEWHERE[what]

    assert is_refused(browser, sign_in_at(provider, browser), 403, "gives you no role here")


def test_role_claim_spoofing_beside_the_id_token_gives_no_role(provider: Provider, browser: Browser) -> None:
    """In the token answer, the callback's address, or a header."""
    provider.claims = {}
    provider.token = lambda signed: {
        "access_token": "a", "id_token": signed, "roles": ["Stile.DPO"], "userinfo": {"roles": ["Stile.DPO"]},
    }  # fmt: skip
    address = provider.approve(begin(browser), roles="Stile.DPO")

    answer = browser.get(address, X_Roles="Stile.DPO")

    assert is_refused(browser, answer, 403, "gives you no role here")


def test_one_exact_string_gives_its_role() -> None:
    assert roles_in({"roles": "Stile.DPO"}, "roles", {"Stile.DPO": "dpo"}) == {"dpo"}
    assert roles_in({"roles": ["x", "Stile.DPO"]}, "roles", {"Stile.DPO": "dpo"}) == {"dpo"}
