"""Attacks on a new key's coming: whom does the assertion vouch for, and who has shown that they hold it?"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Mapping
from typing import Any, Final

from joserfc import jwk

from gateway.attack.attack import Attack
from gateway.attack.forging import LEFT_OUT, changed, forge, now, public_of, stranger
from gateway.attack.judging import Expected
from gateway.attack.others import KEYS
from gateway.attack.target import TYPE, Target
from gateway.attack.wire import Heard
from gateway.oauth.jose import thumbprint

HELD: Final = "Promise: a key comes by a live key, with a proof that it is held"
FULL: Final = b"live keys"  # what a client is told that has as many as it may have
PROOF: Final = "key-proof+jwt"

Changes = Callable[[Target], Mapping[str, Any]]


def _with(**changes: Any) -> Changes:
    return lambda _t: changes


def _another() -> str:
    return thumbprint(stranger("EC", "P-384"))


# id, name, what differs in the assertion, what differs in the proof of possession
ROWS: Final[tuple[tuple[str, str, Changes, Changes], ...]] = (
    ("none", "the assertion names no key", _with(sub_jkt=LEFT_OUT), _with()),
    ("other", "the assertion names another key", lambda _t: {"sub_jkt": _another()}, _with()),
    ("own", "the assertion names the key that signs it", lambda t: {"sub_jkt": thumbprint(t.client.key)}, _with()),
    ("array", "the assertion names several keys", lambda _t: {"sub_jkt": [_another()]}, _with()),
    ("proof-none", "the proof names no key", _with(), _with(sub_jkt=LEFT_OUT)),
    ("proof-other", "the proof names another key", _with(), lambda _t: {"sub_jkt": _another()}),
    ("proof-iss", "the proof is another client's", _with(), _with(iss="another-client")),
    ("proof-aud", "the proof is for another gateway", _with(), _with(aud="https://another.example")),
    ("proof-expired", "the proof has expired", _with(), lambda _t: {"iat": now() - 90, "exp": now() - 1}),
    ("proof-far", "the proof lives for a day", _with(), lambda _t: {"exp": now() + 86_400}),
    ("proof-future", "the proof is made in a minute", _with(), lambda _t: {"iat": now() + 60}),
    ("proof-jti", "the proof has no jti", _with(), _with(jti=LEFT_OUT)),
)  # fmt: skip


def _reached_the_register(heard: Heard) -> str | None:
    return "the key passed, and was refused for the number of keys alone" if FULL in heard.first.body else None


BAD: Final = Expected((400,), "invalid_request", look=_reached_the_register, looks_for="no key is taken")


def _bring(t: Target, assertion: Mapping[str, Any], proof: Mapping[str, Any], *, typ: str = PROOF, by: Any = None) -> Heard:
    """Bring a stranger's key honestly in all but what is changed. Where it is taken, the gateway is broken."""
    new = jwk.generate_key("EC", "P-256", private=True)  # each time another, in case one is taken
    at = now()
    claims = {
        "iss": t.client.client_id,
        "aud": t.issuer,
        "sub_jkt": thumbprint(new),
        "iat": at,
        "exp": at + 60,
        "jti": secrets.token_urlsafe(16),
    }
    signed = forge({"typ": typ, "alg": "ES256" if by is None else t.alg}, changed(claims, proof), by or new)
    vouching = t.assertion(t.claims(**{"sub_jkt": thumbprint(new), **assertion}))
    form = {"client_assertion_type": TYPE, "client_assertion": vouching, "jwk": json.dumps(public_of(new)), "proof": signed}
    return t.post_form(KEYS, form)


def _row(assertion: Changes, proof: Changes) -> Callable[[Target], Heard]:
    return lambda t: _bring(t, assertion(t), proof(t))


def attacks() -> list[Attack]:
    """Return the attacks on a new key's coming."""
    found = [
        Attack(f"vouch-{i}", f"Bring a key: {n}", HELD, f"POST {KEYS}", BAD, _row(assertion, proof))
        for i, n, assertion, proof in ROWS
    ]
    return [
        *found,
        Attack("vouch-proof-typ", "Bring a key: the proof is a DPoP proof", HELD, f"POST {KEYS}", BAD,
               lambda t: _bring(t, {}, {}, typ="dpop+jwt")),
        Attack("vouch-proof-by-old", "Bring a key: the proof is by the old key", HELD, f"POST {KEYS}", BAD,
               lambda t: _bring(t, {}, {}, by=t.client.key)),
    ]  # fmt: skip
