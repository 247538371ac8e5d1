"""Sign-in by an OpenID provider: what a hostile answer, a hostile page or a hostile provider gets."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from console_browser import BEFORE, SESSION, Browser
from console_provider import CLIENT, KEY, OTHER_KEY, SECRET, Provider, begin, serving, sign_in_at
from house import Clock, House, open_house
from joserfc import jwk

from gateway.operators.id_token import roles_in
from gateway.operators.parts import make_operators

ROLES = {"Stile.DPO": "dpo", "Stile.Admin": "administrator"}


@pytest.fixture
def provider() -> Iterator[Provider]:
    with serving(Provider()) as running:
        yield running


def settings_of(provider: Provider, directory: Path, **more: Any) -> dict[str, Any]:
    secret = directory / "oidc.secret"
    secret.write_text(SECRET + "\n")
    given = {"oidc_issuer": provider.issuer, "oidc_client_id": CLIENT, "oidc_client_secret_file": secret}
    return {**given, "oidc_roles": ROLES, **more}


@pytest.fixture
def house(council_directory: Path, provider: Provider) -> Iterator[House]:
    clock = Clock()
    provider.now = lambda: clock().timestamp()
    with open_house(council_directory, clock=clock, **settings_of(provider, council_directory)) as running:
        yield running


@pytest.fixture
def browser(house: House) -> Browser:
    return Browser(house)


def is_refused(browser: Browser, answer: Any, status: int, code: str) -> bool:
    """Tell whether it was refused just so: no session, no 5xx, nothing told of the provider's answer."""
    assert (answer.status_code, code in answer.text) == (status, True), answer.text
    assert SESSION not in browser.cookies
    assert "248289761001" not in answer.text
    assert browser.get("/console").status_code == 303
    return True


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


# -- ID tokens that do not hold


def set_to(name: str, value: Any) -> Any:
    return lambda claims: claims.update({name: value})


def moved(name: str, seconds: int) -> Any:
    return lambda claims: claims.update({name: claims.get("iat", 0) + seconds})


def without(name: str) -> Any:
    return lambda claims: claims.pop(name)


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
    one, two = provider.approve(begin(attacker)), None
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


# -- a provider that is down, or is not the one that was set up


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


def test_a_gateway_without_a_provider_has_no_way_there(council_directory: Path) -> None:
    with open_house(council_directory) as alone:
        browser = Browser(alone)
        browser.get("/console/sign-in")
        form = {"csrf": browser.get("/console/local") and browser.fields("/console/local/password")["csrf"]}
        assert browser.post("/console/sign-in/provider", form).status_code == 404
        assert make_operators(alone.council.settings, alone.council.keyring, lambda: 0.0).provider is None
