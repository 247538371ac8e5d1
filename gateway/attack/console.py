"""Attacks on operators' sign-in: fixed sessions, forms of other sites, confused providers, roles that nobody gave."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final
from urllib.parse import quote, urlencode

from gateway.attack.attack import Attack, Needs
from gateway.attack.judging import Expected
from gateway.attack.target import Target
from gateway.attack.wire import Heard

SESSION: Final = "__Host-stile"
BEFORE: Final = "__Host-stile-before"
MADE_UP: Final = "A" * 43
CONTROL: Final = "/control/v1/consents"
SIGN_IN: Final = "/console/sign-in"
PASSWORD: Final = "/console/local/password"  # noqa: S105 -- an address
PUBLISH: Final = "/console/publish/now"
FIXATION: Final = "Promise: a session's id is made when it begins, and none that a browser brought becomes one"
CSRF: Final = "Promise: what another site makes a browser send does nothing"
MIX_UP: Final = "RFC 9207, section 2.4: the answer of another provider, or to another browser, is no answer"
SPOOFING: Final = "Promise: only the provider's ID token and our own rows give a role"
REDIRECT: Final = "Promise: a sign-in leads back to our own pages alone"
GUARDED: Final = "Promise: a stranger sees no page of an operator"

Made = Callable[[Target], Heard]
Row = tuple[str, str, str, str, Expected, Made]


def attacks() -> list[Attack]:
    """Return the attacks on operators' sign-in."""
    rows = [*_fixation(), *_csrf(), *_mix_up(), *_spoofing(), *_redirects(), *_pages()]
    return [Attack(i, n, p, sent, expected, act, Needs.NOTHING) for i, n, p, sent, expected, act in rows]


def _shown(code: str) -> Callable[[Heard], str | None]:
    """Return what looks for a problem's code on a page, and that no cookie of a session comes with it."""

    def look(heard: Heard) -> str | None:
        if f"<code>{code}</code>".encode() not in heard.first.body:
            return "refused with another problem"
        return _no_session(heard)

    return look


def _no_session(heard: Heard) -> str | None:
    given = [value for key, value in heard.first.headers if key == "set-cookie" and value.startswith(f"{SESSION}=")]
    return "a session was given" if given else None


def _leads_to_sign_in(heard: Heard) -> str | None:
    if not heard.first.header("location").startswith(f"{SIGN_IN}?to=/console"):
        return "it leads somewhere else than to the sign-in"
    return _no_session(heard)


def refused(status: int, code: str) -> Expected:
    """Return a page that tells of a problem, and gives no session."""
    return Expected((status,), look=_shown(code), looks_for=f"{code}, no session")


CROSS_SITE: Final = refused(403, "cross_site_refused")
NO_METHOD: Final = Expected((405,), "method_not_allowed")
NO_SESSION: Final = refused(401, "session_refused")
NO_CALLBACK: Final = refused(400, "callback_refused")
TO_SIGN_IN: Final = Expected((303,), look=_leads_to_sign_in, looks_for="to the sign-in, no session")


def _get(path: str, *headers: tuple[str, str]) -> Made:
    return lambda t: t.send("GET", path, headers)


def _post(path: str, *headers: tuple[str, str], **form: str) -> Made:
    """Post a form as a page of ours would, unless headers say otherwise."""

    def act(t: Target) -> Heard:
        origin = [] if any(name == "Origin" for name, _ in headers) else [("Origin", t.issuer)]
        return t.post_form(path, form, [*origin, *headers])

    return act


def _cookie(name: str, value: str) -> tuple[str, str]:
    return ("Cookie", f"{name}={value}")


def _fixation() -> list[Row]:
    sent = "GET /console, with a cookie"
    both = ("Cookie", f"{SESSION}={MADE_UP}; {SESSION}={'B' * 43}")
    cookies = (
        ("made-up", "an id made up", _cookie(SESSION, MADE_UP)),
        ("empty", "an empty id", _cookie(SESSION, "")),
        ("long", "an id of 4,000 characters", _cookie(SESSION, "A" * 4_000)),
        ("injection", "SQL", _cookie(SESSION, "' OR '1'='1")),
        ("twice", "two ids", both),
        ("other-name", "the name without its prefix", _cookie("stile", MADE_UP)),
    )
    rows: list[Row] = [
        (f"console-fixation-{i}", f"Session fixation: {n}", FIXATION, sent, TO_SIGN_IN, _get("/console", one))
        for i, n, one in cookies
    ]
    kept = Expected((200,), look=_no_session, looks_for="no session")
    planted = _get(SIGN_IN, ("Cookie", f"{SESSION}={MADE_UP}; {BEFORE}={MADE_UP}"))
    in_address = _get(f"/console?{SESSION}={MADE_UP}")
    words = "Session fixation: ids planted before the sign-in"
    rows.append(("console-fixation-planted", words, FIXATION, f"GET {SIGN_IN}", kept, planted))
    words = "Session fixation: an id in the address"
    rows.append(("console-fixation-address", words, FIXATION, "GET /console?…", TO_SIGN_IN, in_address))
    return rows


def _csrf() -> list[Row]:
    foreign = (
        ("origin", "another origin", ("Origin", "https://evil.example")),
        ("null", "Origin: null", ("Origin", "null")),
        ("site", "another site, by the browser's word", ("Sec-Fetch-Site", "cross-site")),
        ("prefix", "an origin that begins alike", ("Origin", "https://evil.example#")),
    )
    rows: list[Row] = []
    for path in (PASSWORD, PUBLISH, "/console/sign-out", "/console/sign-in/provider"):
        name = path.removeprefix("/console/").replace("/", "-")
        sent = f"POST {path}"
        for i, n, header in foreign:
            act = _foreign(path, header)
            rows.append((f"console-csrf-{name}-{i}", f"CSRF: {name}: {n}", CSRF, sent, CROSS_SITE, act))
    forms = (
        ("no-token", "without its token", _post(PASSWORD, _cookie(BEFORE, MADE_UP), name="a")),
        ("made-up", "with a token made up", _post(PASSWORD, _cookie(BEFORE, MADE_UP), csrf=MADE_UP)),
        ("anothers", "that another browser was shown", _anothers_form),
    )
    for i, n, act in forms:
        rows.append((f"console-csrf-{i}", f"CSRF: a sign-in form {n}", CSRF, f"POST {PASSWORD}", CROSS_SITE, act))
    by_get = _get("/console/sign-out")
    rows.append(("console-csrf-get", "CSRF: to sign out by GET", CSRF, "GET /console/sign-out", NO_METHOD, by_get))
    return rows


def _foreign(path: str, header: tuple[str, str]) -> Made:
    both = ("Cookie", f"{SESSION}={MADE_UP}; {BEFORE}={MADE_UP}")
    return lambda t: t.post_form(path, {"csrf": MADE_UP}, [header, both])


def _anothers_form(t: Target) -> Heard:
    """Take the token of one browser, and send it in another's form."""
    page = t.send("GET", "/console/local").first
    found = re.search(rb'name="csrf" value="([^"]+)"', page.body)
    token = found[1].decode("latin-1") if found else MADE_UP
    return _post(PASSWORD, _cookie(BEFORE, MADE_UP), csrf=token, name="a", password="b")(t)  # noqa: S106 -- the same


def _mix_up() -> list[Row]:
    queries: tuple[tuple[str, str, dict[str, str]], ...] = (
        ("state", "a state made up", {"code": "a", "state": "a"}),
        ("issuer", "another provider's answer", {"code": "a", "state": "a", "iss": "https://evil.example"}),
        ("error", "a refusal that nobody asked for", {"error": "access_denied", "state": "a", "error_description": "<b>"}),
        ("nothing", "nothing at all", {}),
        ("token", "tokens in the address", {"state": "a", "id_token": "e30.e30.", "access_token": "a"}),
        ("nul", "NUL", {"code": "\0", "state": "\0"}),
        ("long", "a state of 8,000 characters", {"code": "a", "state": "a" * 8_000}),
    )
    rows: list[Row] = []
    for i, n, query in queries:
        path = f"/console/callback?{urlencode(query)}"
        for who, headers in (("", ()), ("-browser", (_cookie(BEFORE, MADE_UP),))):
            words = f"Mix-up: {n}" + (", in a browser that began nothing" if who else "")
            sent = "GET /console/callback"
            rows.append((f"console-mix-up-{i}{who}", words, MIX_UP, sent, NO_CALLBACK, _get(path, *headers)))
    posted = _post("/console/callback", code="a", state="a")
    rows.append(
        ("console-mix-up-post", "Mix-up: the answer as a form", MIX_UP, "POST /console/callback", NO_METHOD, posted)
    )
    return rows


def _spoofing() -> list[Row]:
    cookie, form = _cookie(SESSION, MADE_UP), ("Stile-CSRF", MADE_UP)
    headers = (
        ("roles", ("X-Roles", "administrator")),
        ("user", ("X-Forwarded-User", "admin")),
        ("groups", ("X-Forwarded-Groups", "dpo")),
        ("principal", ("X-MS-CLIENT-PRINCIPAL", "eyJyb2xlcyI6WyJkcG8iXX0")),
    )
    unauthorised = Expected((401,), "token_refused")
    rows: list[Row] = [
        (f"console-role-{i}", f"Role claim spoofing: {one[0]}", SPOOFING, f"GET {CONTROL}/…", unauthorised,
         _get(f"{CONTROL}/c_{'0' * 24}", one))
        for i, one in headers
    ]  # fmt: skip
    session = Expected((401,), "session_refused")
    both, foreign = Expected((400,), "request_malformed"), Expected((403,), "cross_site_refused")
    bearer = ("Authorization", "DPoP a.b.c")
    extra: tuple[tuple[str, str, Expected, tuple[tuple[str, str], ...]], ...] = (
        ("session", "a session made up, at the control API", session, (cookie, form)),
        ("session-roles", "a session made up, with roles in headers", session, (cookie, form, headers[0][1])),
        ("both", "a session beside a token", both, (cookie, form, bearer)),
        ("foreign", "a session made up, from another site", foreign, (cookie, form, ("Origin", "https://evil.example"))),
    )
    for i, n, expected, sent in extra:
        words = f"Role claim spoofing: {n}"
        rows.append((f"console-role-{i}", words, SPOOFING, f"POST {CONTROL}", expected, _by_session(*sent)))
    return rows


def _by_session(*headers: tuple[str, str]) -> Made:
    def act(t: Target) -> Heard:
        origin = [] if any(name == "Origin" for name, _ in headers) else [("Origin", t.issuer)]
        return t.send("POST", CONTROL, [*origin, *headers, ("Content-Type", "application/json")], b"{}")

    return act


def _redirects() -> list[Row]:
    def look(address: str) -> Callable[[Heard], str | None]:
        told = address.encode()
        return lambda heard: "the page leads there" if told in heard.first.body else _no_session(heard)

    places = ("https://evil.example", "//evil.example", "/\\evil.example", "javascript:alert(1)")
    rows: list[Row] = []
    for number, place in enumerate(places, 1):
        expected = Expected((200,), look=look(place), looks_for="it does not stand on the page")
        act = _get(f"{SIGN_IN}?to={quote(place, safe='')}")
        sent = f"GET {SIGN_IN}?to=…"
        rows.append((f"console-redirect-{number}", f"Open redirect: {place}", REDIRECT, sent, expected, act))
    return rows


def _pages() -> list[Row]:
    rows: list[Row] = []
    for name in ("publish", "keys", "step-up"):
        path, words = f"/console/{name}", f"Console: {name}, by a stranger"
        rows.append((f"console-page-{name}", words, GUARDED, f"GET {path}", TO_SIGN_IN, _get(path)))
    changes = (
        ("publish/now", {"text": "agreement: x"}),
        ("keys/client-revocation", {"client": "a"}),
        ("keys/key-revocation", {"client": "a", "kid": "a"}),
        ("keys/issuer-key", {"now": "1"}),
        ("sign-out/everywhere", {"all": "1"}),
        ("step-up/begin", {"to": "/console"}),
    )
    for name, form in changes:
        path, i = f"/console/{name}", name.replace("/", "-")
        act = _post(path, _cookie(SESSION, MADE_UP), csrf=MADE_UP, **form)
        rows.append((f"console-form-{i}", f"Console: {name}, by a stranger", GUARDED, f"POST {path}", NO_SESSION, act))
    return rows
