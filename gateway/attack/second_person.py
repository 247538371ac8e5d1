"""Attacks on what takes two people: a proposal decided by who made it, by another digest, by a login that nobody let in.

What is tried is to reject, and never to approve: where the defence fails, a proposal of the attack's own is gone, and
nothing is published.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Callable
from typing import Any, Final

from gateway.attack.attack import Attack, Needs
from gateway.attack.forging import stranger
from gateway.attack.judging import Expected, HonestCallError, NotApplicableError, json_of
from gateway.attack.offices import CONTROL, as_office
from gateway.attack.target import LIST, Target
from gateway.attack.wire import Heard
from gateway.oauth.made_jwts import make_proof

TWO: Final = "Promise: what matters is decided by another person than proposed it, and is exactly what they saw"
LET_IN: Final = "Promise: a command line acts as an operator who let it, by both halves of its token and its own key"
CHANGES: Final = f"{CONTROL}/changes"
CONFLICT: Final = Expected((409,), "conflict")
NO_TOKEN: Final = Expected((401,), "token_refused")
REASON: Final = "stile attack: to be withdrawn"
CREATED: Final = 201
MADE_UP: Final = "A" * 43


def attacks() -> list[Attack]:
    """Return the attacks of an asset owner's client on its own proposal, and of a command line that nobody let in."""
    own = (
        ("own", "An own proposal decided by its proposer", "its own proposal", _own),
        ("digest", "A proposal decided by another digest", "another digest", _other_digest),
        ("anothers", "A proposal that nobody made", "an id made up", _made_up),
    )
    found = [
        Attack(f"two-people-{i}", f"Two people: {n}", TWO, f"POST {CHANGES}/…/rejection, of {sent}", CONFLICT, act)
        for i, n, sent, act in own
    ]
    return [*found, *_logins()]


def _own(t: Target) -> Heard:
    return _on_a_proposal(t, lambda office, one: _reject(office, one["change"], one["digest"]))


def _other_digest(t: Target) -> Heard:
    return _on_a_proposal(t, lambda office, one: _reject(office, one["change"], "sha256:" + "0" * 64))


def _made_up(t: Target) -> Heard:
    return _reject(_owner(t), f"ch_{secrets.token_hex(8)}", "sha256:" + "0" * 64)


def _on_a_proposal(t: Target, act: Callable[[Target, dict[str, Any]], Heard]) -> Heard:
    """Propose the next version of an agreement as it stands, try something, and take the proposal back."""
    office = _owner(t)
    heard = _post(office, CHANGES, {"kind": "agreement", "reason": REASON, "text": _next_text(office)})
    proposed = json_of(heard.first)
    if heard.first.status != CREATED or not isinstance(proposed, dict):
        raise NotApplicableError(
            "the asset owner's client may propose nothing: nobody has said whose it is, or nothing fits"
        )
    try:
        return act(office, proposed)
    finally:
        _post(office, f"{CHANGES}/{proposed['change']}/withdrawal", None)


def _owner(t: Target) -> Target:
    office = as_office(t, "approver")
    if _read(office, CHANGES).get("people") == 1:
        raise NotApplicableError("one person decides there: the council says that it is too small for two")
    return office


def _next_text(office: Target) -> str:
    """Return the next version of an agreement that counts, with nothing but its number changed."""
    listed = _read(office, f"{CONTROL}/agreements").get("agreements") or []
    names = [f"{one['id']}@{one['version']}" for one in listed if one.get("counts")]
    if not names:
        raise NotApplicableError("no agreement counts there")
    path = f"{CONTROL}/agreements/{names[0]}/text"
    text = office.send("GET", path, office.signed("GET", path)).first.body.decode()
    return re.sub(r"^version: *(\d+)", lambda found: f"version: {int(found[1]) + 1}", text, count=1, flags=re.MULTILINE)


def _read(office: Target, path: str) -> dict[str, Any]:
    content = json_of(office.send("GET", path, office.signed("GET", path)).first)
    if not isinstance(content, dict):
        raise HonestCallError(f"{path} was answered with no object")
    return content


def _reject(office: Target, change: str, digest: str) -> Heard:
    return _post(office, f"{CHANGES}/{change}/rejection", {"digest": digest, "reason": REASON})


def _post(office: Target, path: str, content: dict[str, Any] | None) -> Heard:
    if content is None:
        return office.send("POST", path, office.signed("POST", path))
    typed = ("Content-Type", "application/json")
    return office.send("POST", path, [*office.signed("POST", path), typed], json.dumps(content).encode())


# -- a command line


def _logins() -> list[Attack]:
    forms = (
        ("made-up", "both halves made up", f"login_{MADE_UP}{MADE_UP}", f"{CONTROL}/who"),
        ("half", "one half alone", f"login_{MADE_UP}", f"{CONTROL}/who"),
        ("injection", "SQL for a half", f"login_{MADE_UP}{'x' * 30}' OR '1'='1", f"{CONTROL}/who"),
        ("empty", "nothing behind its prefix", "login_", f"{CONTROL}/who"),
        ("partners", "at what is the partners'", f"login_{MADE_UP}{MADE_UP}", LIST),
    )
    return [
        Attack(f"login-{i}", f"A command line's token: {n}", LET_IN, f"GET {path}, DPoP login_…", NO_TOKEN,
               _by_login(token, path), Needs.NOTHING)
        for i, n, token, path in forms
    ]  # fmt: skip


def _by_login(token: str, path: str) -> Callable[[Target], Heard]:
    def act(t: Target) -> Heard:
        proof = make_proof(stranger(), method="GET", url=t.issuer + path, token=token)
        return t.send("GET", path, [("Authorization", f"DPoP {token}"), ("DPoP", proof)])

    return act
