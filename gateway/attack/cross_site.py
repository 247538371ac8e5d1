"""Attacks by forms that another site makes the browser of a signed-in operator send: with its cookie, without its token."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from gateway.attack.attack import Attack
from gateway.attack.console import CSRF, MADE_UP, refused
from gateway.attack.judging import Expected
from gateway.attack.offices import CONTROL
from gateway.attack.signed_in import HOME, OK, SIGN_OUT, control, cookie, csrf_of
from gateway.attack.target import Fields, Target
from gateway.attack.wire import Heard

Made = Callable[[Target], Heard]


def attacks() -> list[Attack]:
    """Return the attacks; the last looks whether the session still lives."""
    origins: tuple[tuple[str, str, Fields], ...] = (
        ("origin", "from another site", [("Origin", "https://evil.example")]),
        ("null", "Origin: null", [("Origin", "null")]),
        ("prefix", "from a site that begins alike", [("Origin", "https://evil.example#")]),
        ("none", "without Origin", []),
        ("site", "without Origin, cross-site by the browser's word", [("Sec-Fetch-Site", "cross-site")]),
    )
    at_control, at_page = Expected((403,), "cross_site_refused"), refused(403, "cross_site_refused")
    found = []
    for i, n, headers in origins:
        found += [
            Attack(f"session-csrf-{i}", f"Session, CSRF: {n}, at the control API", CSRF, f"POST {CONTROL}/consents",
                   at_control, _control_from(headers)),
            Attack(f"session-csrf-form-{i}", f"Session, CSRF: {n}, to sign out", CSRF, f"POST {SIGN_OUT}", at_page,
                   _form_from(headers)),
        ]  # fmt: skip
    for i, n, tokens in (("missing", "no token", ()), ("made-up", "a token made up", (MADE_UP,))):
        found += [
            Attack(f"session-csrf-{i}", f"Session, CSRF: {n}, at the control API", CSRF, f"POST {CONTROL}/consents",
                   at_control, _with_tokens(tokens)),
            Attack(f"session-csrf-form-{i}", f"Session, CSRF: {n}, to sign out", CSRF, f"POST {SIGN_OUT}", at_page,
                   _form_with(tokens)),
        ]  # fmt: skip
    lives = Expected((OK,), looks_for="the session still lives")
    read = "Session, CSRF: a read without a token"
    return [
        *found,
        Attack("session-csrf-read", read, CSRF, f"GET {CONTROL}/misses", at_control,
               lambda t: t.send("GET", f"{CONTROL}/misses", [cookie(t), ("Origin", t.issuer)])),
        Attack("session-csrf-lives", "Session, CSRF: signed in, after all of them", CSRF, f"GET {HOME}", lives,
               lambda t: t.send("GET", HOME, [cookie(t)])),
    ]  # fmt: skip


def _control_from(headers: Fields) -> Made:
    return lambda t: control(t, "POST", "/consents", [cookie(t), ("Stile-CSRF", csrf_of(t)), *headers])


def _form_from(headers: Fields) -> Made:
    return lambda t: t.post_form(SIGN_OUT, {"csrf": csrf_of(t)}, [cookie(t), *headers])


def _with_tokens(tokens: Sequence[str]) -> Made:
    given = [("Stile-CSRF", one) for one in tokens]
    return lambda t: control(t, "POST", "/consents", [cookie(t), ("Origin", t.issuer), *given])


def _form_with(tokens: Sequence[str]) -> Made:
    form = [("csrf", one) for one in tokens]
    return lambda t: t.post_form(SIGN_OUT, form or {"a": "b"}, [cookie(t), ("Origin", t.issuer)])
