"""Attacks with the session of an operator who has signed in: more than their roles, forged forms, after its end."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from gateway.attack import cross_site
from gateway.attack.attack import Attack
from gateway.attack.console import MADE_UP, PUBLISH, SESSION, TO_SIGN_IN, refused
from gateway.attack.judging import Expected, NotApplicableError
from gateway.attack.offices import CONTROL, DECIDERS, EVERYDAY, PARTS, ROLES, WRONG
from gateway.attack.signed_in import HOME, OK, SIGN_OUT, control, cookie, csrf_of, own, page, session_of
from gateway.attack.target import LIST, Fields, Target
from gateway.attack.wire import Heard

REVOKE: Final = "/console/keys/client-revocation"
STEP_UP: Final = "RFC 9470, section 3: what changes most needs a sign-in of the last five minutes"
ENDED: Final = "Promise: a session that was ended opens nothing, from that moment on"
ALONE: Final = "Promise: a session is one cookie, and counts for the control API and the console alone"
FRESH: Final = 300.0  # seconds for which a sign-in is a fresh one
PUBLISHERS: Final = frozenset({"author", "dpo", "approver"})
ADMINISTRATORS: Final = frozenset({"administrator"})
NOBODYS: Final = {"client": "no-such-client"}
NOTHING_PROPOSED: Final = {"change": "none", "digest": "none"}
TEXT: Final = {"text": "agreement: x\n"}  # that no gateway publishes

# id, method, path, who may, form: as docs/sign-in.md promises
PAGES: Final[tuple[tuple[str, str, str, frozenset[str], dict[str, str]], ...]] = (
    ("publish", "GET", "/console/publish", PUBLISHERS, {}),
    ("publish-check", "POST", "/console/publish/check", PUBLISHERS, TEXT),
    ("publish-now", "POST", PUBLISH, PUBLISHERS, TEXT),
    ("approve", "POST", "/console/change/approve", DECIDERS, NOTHING_PROPOSED),
    ("reject", "POST", "/console/change/reject", DECIDERS, NOTHING_PROPOSED),
    ("advise", "POST", "/console/change/advise", frozenset({"dpo"}), NOTHING_PROPOSED),
    ("keys", "GET", "/console/keys", ADMINISTRATORS, {}),
    ("keys-client", "POST", REVOKE, ADMINISTRATORS, NOBODYS),
    ("keys-key", "POST", "/console/keys/key-revocation", ADMINISTRATORS, {**NOBODYS, "kid": "none"}),
)
SPOOFED: Final = (("X-Roles", "administrator"), ("X-Forwarded-Groups", "dpo"), ("X-Forwarded-User", "admin"))

Made = Callable[[Target], Heard]


def attacks() -> list[Attack]:
    """Return the attacks; what ends the session comes last."""
    return [*_roles(), *_alone(), *cross_site.attacks(), *_stale(), *_ended()]


def _without(t: Target, roles: frozenset[str]) -> None:
    if not roles.isdisjoint(session_of(t).roles):
        raise NotApplicableError("the operator's roles may do it")


# -- more than its roles


def _roles() -> list[Attack]:
    no_page = refused(403, "wrong_role")
    found = [
        Attack(f"session-role-{i}", f"Session, without the role: {i}", ROLES, f"{method} {CONTROL}{path.partition('?')[0]}",
               WRONG, _at_part(method, path, roles))
        for i, method, path, roles in PARTS
    ]  # fmt: skip
    found += [
        Attack(f"session-page-{i}", f"Session, without the role: the page {i}", ROLES, f"{method} {path}", no_page,
               _at_page(method, path, roles, form))
        for i, method, path, roles, form in PAGES
    ]  # fmt: skip
    words = "Session, without the role: with roles in headers"
    return [*found, Attack("session-role-spoofed", words, ROLES, f"GET {CONTROL}/…, with X-Roles", WRONG, _spoofed)]


def _at_part(method: str, path: str, roles: frozenset[str]) -> Made:
    def act(t: Target) -> Heard:
        _without(t, roles)
        return control(t, method, path, own(t))

    return act


def _at_page(method: str, path: str, roles: frozenset[str], form: dict[str, str]) -> Made:
    def act(t: Target) -> Heard:
        _without(t, roles)
        return page(t, method, path, form)

    return act


def _spoofed(t: Target) -> Heard:
    for _, method, path, roles in PARTS:
        if roles.isdisjoint(session_of(t).roles):
            return control(t, method, path, [*own(t), *SPOOFED])
    raise NotApplicableError("the operator's roles may do everything")


# -- one cookie, and for this alone


def _alone() -> list[Attack]:
    no_session, no_token = Expected((401,), "session_refused"), Expected((401,), "token_refused")
    both = Expected((400,), "request_malformed")
    sends = f"GET {CONTROL}/misses"

    def at_control(change: Callable[[Target], Fields]) -> Made:
        return lambda t: control(t, "GET", "/misses", [*change(t), *own(t)[1:]])

    return [
        Attack("session-twice", "Session: its cookie twice", ALONE, sends, no_session,
               at_control(lambda t: [cookie(t), cookie(t)])),
        Attack("session-altered", "Session: another last letter", ALONE, sends, no_session, at_control(_altered)),
        Attack("session-named", "Session: by the name without its prefix", ALONE, sends, no_token,
               at_control(lambda t: [("Cookie", f"stile={session_of(t).cookie}")])),
        Attack("session-token", "Session: beside a token", ALONE, sends, both,
               at_control(lambda t: [cookie(t), ("Authorization", "DPoP a.b.c")])),
        Attack("session-bearer", "Session: its id as a token", ALONE, sends, no_token,
               at_control(lambda t: [("Authorization", f"Bearer {session_of(t).cookie}")])),
        Attack("session-partners", "Session: at what is the partners'", ALONE, f"GET {LIST}", no_token,
               lambda t: t.send("GET", LIST, own(t))),
    ]  # fmt: skip


def _altered(t: Target) -> Fields:
    known = session_of(t).cookie
    return [("Cookie", f"{SESSION}={known[:-1]}{'A' if known[-1] != 'A' else 'Q'}")]


# -- a sign-in of too long ago, and a session that was ended


def _stale() -> list[Attack]:
    at_control, at_page = Expected((401,), "step_up_needed"), refused(401, "step_up_needed")
    leads = Expected((303,), look=_to_step_up, looks_for="to the step-up")
    rows: tuple[tuple[str, str, Expected, frozenset[str], Made], ...] = (
        ("publish", f"POST {CONTROL}/agreements", at_control, PUBLISHERS,
         lambda t: control(t, "POST", "/agreements", own(t))),
        ("revoke", f"POST {CONTROL}/clients/…/revocation", at_control, ADMINISTRATORS,
         lambda t: control(t, "POST", "/clients/no-such-client/revocation", own(t))),
        ("let-in", f"POST {CONTROL}/registrations/…/approval", at_control, EVERYDAY,
         lambda t: control(t, "POST", "/registrations/no-such-client/approval", own(t))),
        ("publish-now", f"POST {PUBLISH}", leads, PUBLISHERS, lambda t: page(t, "POST", PUBLISH, TEXT)),
        ("keys-client", f"POST {REVOKE}", at_page, ADMINISTRATORS, lambda t: page(t, "POST", REVOKE, NOBODYS)),
    )  # fmt: skip
    return [
        Attack(f"session-step-up-{i}", f"Session, signed in over five minutes ago: {i}", STEP_UP, sends, expected,
               _when_stale(roles, act), waits=True)
        for i, sends, expected, roles, act in rows
    ]  # fmt: skip


def _when_stale(roles: frozenset[str], act: Made) -> Made:
    """Wait till no sign-in of before this run can be a fresh one."""

    def wait(t: Target) -> Heard:
        if roles.isdisjoint(session_of(t).roles):
            raise NotApplicableError("the operator's roles may not do it at all")
        time.sleep(max(0.0, t.begun + FRESH + 1 - time.monotonic()))
        return act(t)

    return wait


def _to_step_up(heard: Heard) -> str | None:
    return None if heard.first.header("location").startswith("/console/step-up") else "it leads elsewhere"


def _ended() -> list[Attack]:
    no_session, no_form = Expected((401,), "session_refused"), refused(401, "session_refused")
    return [
        Attack("session-end-page", "Session: its cookie, after signing out", ENDED, f"POST {SIGN_OUT}, then GET {HOME}",
               TO_SIGN_IN, _after_end(lambda t, _csrf: t.send("GET", HOME, [cookie(t)])),
               locks="the operator's session: it was ended"),
        Attack("session-end-control", "Session: at the control API, after signing out", ENDED, f"POST {CONTROL}/consents",
               no_session, _after_end(lambda t, csrf: control(
                   t, "POST", "/consents", [cookie(t), ("Origin", t.issuer), ("Stile-CSRF", csrf)]))),
        Attack("session-end-form", "Session: its forms, after signing out", ENDED, f"POST {SIGN_OUT}", no_form,
               _after_end(lambda t, csrf: t.post_form(SIGN_OUT, {"csrf": csrf}, [cookie(t), ("Origin", t.issuer)]))),
    ]  # fmt: skip


def _after_end(act: Callable[[Target, str], Heard]) -> Made:
    """Sign out, where that was not done yet; then try."""

    def end(t: Target) -> Heard:
        csrf = MADE_UP
        if t.send("GET", HOME, [cookie(t)]).first.status == OK:
            csrf = csrf_of(t)
            t.post_form(SIGN_OUT, {"csrf": csrf}, [cookie(t), ("Origin", t.issuer)])
        return act(t, csrf)

    return end
