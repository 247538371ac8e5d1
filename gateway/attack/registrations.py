"""Attacks on registration: a client that nobody invited, and a registration that is another's."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final

from gateway.attack.attack import Attack, Needs
from gateway.attack.forging import public_of, stranger
from gateway.attack.judging import Expected
from gateway.attack.target import Fields, Target
from gateway.attack.wire import Heard

REGISTER: Final = "/oauth2/register"
INVITED: Final = "RFC 7591, section 1.2: who registers a client was invited to"
OWN: Final = "RFC 7592, section 2: a registration is its own token's, and no word tells whether there is one"
UNREAD: Final = "Promise: a stranger gets 401 before a byte of the body is read"
REFUSED: Final = Expected((401,), "invalid_token")
JSON: Final = ("Content-Type", "application/json")


def _metadata(**more: Any) -> bytes:
    said = {"client_name": "Attack", "jwks": {"keys": [public_of(stranger())]}, **more}
    return json.dumps(said).encode()


def _post(*headers: tuple[str, str], body: bytes | None = None) -> Callable[[Target], Heard]:
    return lambda t: t.send("POST", REGISTER, [JSON, *headers], _metadata() if body is None else body)


STRANGERS: Final[tuple[tuple[str, str, str, Fields], ...]] = (
    ("none", "no invitation", INVITED, []),
    ("guess", "a guessed invitation", INVITED, [("Authorization", "Bearer " + "A" * 43)]),
    ("empty", "an empty invitation", INVITED, [("Authorization", "Bearer ")]),
    ("long", "an invitation of 8 KB", INVITED, [("Authorization", "Bearer " + "a" * 8_000)]),
    ("two", "two invitations", INVITED, [("Authorization", "Bearer a"), ("Authorization", "Bearer b")]),
    ("basic", "a password", INVITED, [("Authorization", "Basic YWRtaW46YWRtaW4=")]),
    ("dpop", "an invitation as DPoP", INVITED, [("Authorization", "DPoP " + "A" * 43)]),
    ("cookie", "a session's cookie", INVITED, [("Cookie", "__Host-stile=a; session=b")]),
    ("injection", "SQL for an invitation", INVITED, [("Authorization", "Bearer ' OR '1'='1")]),
)  # fmt: skip
BODIES: Final = (
    ("large", "100 KB of body", b"a" * 100_000),
    ("deep", "a body 10,000 deep", b"[" * 10_000),
    ("junk", "a body that is no JSON", b"\xff{"),
)
NAMES: Final = (
    ("dots", "by dots", "../token"),
    ("encoded", "by encoded dots", "..%2f..%2fcontrol"),
    ("injection", "by SQL", "x'%20OR%20'1'='1"),
    ("nul", "with a NUL", "harbour%00"),
    ("long", "by 4,000 letters", "a" * 4_000),
)


def attacks() -> list[Attack]:
    """Return the attacks on registration."""
    rows = [
        Attack(f"register-{i}", f"Registration: {n}", promise, f"POST {REGISTER}", REFUSED, _post(*headers), Needs.NOTHING)
        for i, n, promise, headers in STRANGERS
    ]
    rows += [
        Attack(f"register-{i}", f"Registration: {n}", UNREAD, f"POST {REGISTER}", REFUSED, _post(body=body), Needs.NOTHING)
        for i, n, body in BODIES
    ]
    gone = Expected((401, 404, 400), looks_for="nothing told")
    rows += [
        Attack(f"registration-{i}", f"A registration {name}", OWN, f"GET {REGISTER}/…", gone, _get(path), Needs.NOTHING)
        for i, name, path in NAMES
    ]
    return [*rows, *_signed()]


def _get(path: str) -> Callable[[Target], Heard]:
    return lambda t: t.send("GET", f"{REGISTER}/{path}", [("Authorization", "Bearer " + "A" * 43)])


def _signed() -> list[Attack]:
    def own(method: str) -> Callable[[Target], Heard]:
        def act(t: Target) -> Heard:
            path = f"{REGISTER}/{t.client.client_id}"
            return t.send(method, path, [JSON, ("Authorization", f"Bearer {t.token()}")], _metadata())

        return act

    def by(make: Callable[[Target], str]) -> Callable[[Target], Heard]:
        return lambda t: t.send("POST", REGISTER, [JSON, ("Authorization", f"Bearer {make(t)}")], _metadata())

    return [
        Attack("register-access-token", "Registration: an access token for an invitation", INVITED, f"POST {REGISTER}",
               REFUSED, by(lambda t: t.token())),
        Attack("register-assertion", "Registration: an assertion for an invitation", INVITED, f"POST {REGISTER}",
               REFUSED, by(lambda t: t.assertion())),
        *(
            Attack(f"registration-{method.lower()}", f"A client's registration by its access token: {method}", OWN,
                   f"{method} {REGISTER}/…", REFUSED, own(method))
            for method in ("GET", "PUT", "DELETE")
        ),
    ]  # fmt: skip
