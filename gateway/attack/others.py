"""Attacks on what belongs to others: receipts, tokens, keys, and who is registered at all."""

from __future__ import annotations

import json
import re
import statistics
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import quote, unquote

from gateway.attack.attack import Attack, Needs
from gateway.attack.describing import second
from gateway.attack.forging import forge, public_of, stranger
from gateway.attack.judging import Expected, json_of
from gateway.attack.target import TYPE, Target
from gateway.attack.wire import Heard

INTROSPECT: Final = "/oauth2/introspect"
REVOKE: Final = "/oauth2/revoke"
KEYS: Final = "/oauth2/keys"
TEST: Final = "/oauth2/test-assertion"
NOT_YOURS: Final = "Promise: no disclosure of others is told of"
STANDING: Final = "RFC 7662, section 2.2: of a token that says nothing to the client, no more than that it is not active"
AUTHENTICATED: Final = "RFC 7662, section 2.1, and RFC 7009, section 2.1: the client is authenticated"
HELD: Final = "Promise: a key comes by a live key, with a proof that it is held"
SILENT: Final = "Promise: nobody learns who is registered"
TIMES: Final = 9  # of each kind, to compare how long they take

NOT_FOUND: Final = Expected((404,), "not_found")
NO_CLIENT: Final = Expected((401,), "invalid_client", looks_for="no token")
BAD: Final = Expected((400,), "invalid_request")

RECEIPTS: Final = (
    ("made-up", "an id made up", "d_01K6H0Q3ZB7M5T2V8N4R1X9C0D"),
    ("lower", "an id in small letters", "d_01k6h0q3zb7m5t2v8n4r1x9c0d"),
    ("traversal", "dots, encoded", "..%2f..%2fcontrol"),
    ("double", "dots, encoded twice", "%252e%252e%252f"),
    ("injection", "SQL", quote("d_' OR '1'='1", safe="")),
    ("nul", "NUL", "d_01K6H0Q3ZB7M5T2V8N4R1X9C0D%00"),
    ("line-end", "a line end", "d_01K6H0Q3ZB7M5T2V8N4R1X9C0D%0a"),
    ("digits", "digits of another script", quote("d_01K6H0Q3ZB7M5T2V8N4R1X9C\u0660D")),
    ("invalid-utf8", "bytes that are not UTF-8", "d_%ff%fe"),
    ("long", "4,000 characters", "d_" + "0" * 4_000),
    ("wildcard", "a pattern", "d_%25"),
    ("line", "a line of a made-up entry", "d_01K6H0Q3ZB7M5T2V8N4R1X9C0D.99999"),
)


def attacks() -> list[Attack]:
    """Return the attacks on what belongs to others."""
    receipts = [
        Attack(f"receipt-{i}", f"Receipt: {n}", NOT_YOURS, "GET /v1/disclosures/…/receipt", NOT_FOUND, _receipt(one))
        for i, n, one in RECEIPTS
    ]
    return [*receipts, *_standing(), *_keys(), *_registered()]


def _receipt(path: str) -> Callable[[Target], Heard]:
    def act(t: Target) -> Heard:
        # The proof is for the address as the gateway reads it: decoded, and in what can't be decoded, replaced.
        token, decoded = t.token(), unquote(f"/v1/disclosures/{path}/receipt")
        headers = [("Authorization", f"DPoP {token}"), ("DPoP", t.proof("GET", decoded, token))]
        return t.send("GET", f"/v1/disclosures/{path}/receipt", headers)

    return act


def _inactive(heard: Heard) -> str | None:
    return None if json_of(heard.first) == {"active": False} else "more was told than that it is not active"


def _form(t: Target, token: str, **more: str) -> dict[str, str]:
    return {"client_assertion_type": TYPE, "client_assertion": t.assertion(), "token": token, **more}


def _ask_with(path: str, make: Callable[[Target], dict[str, str]], *headers: tuple[str, str]) -> Callable[[Target], Heard]:
    return lambda t: t.post_form(path, make(t), headers)


def _standing() -> list[Attack]:
    quiet = Expected((200,), look=_inactive, looks_for="not active, and no more")
    silent = Expected((200,), look=lambda h: "it says something" if h.first.body else None, looks_for="nothing is said")
    rows: list[tuple[str, str, str, Expected, str, Callable[[Target], dict[str, str]]]] = [
        ("introspect-junk", "Introspection: of no token", STANDING, quiet, INTROSPECT, lambda t: _form(t, "token")),
        ("introspect-assertion", "Introspection: of an assertion", STANDING, quiet, INTROSPECT,
         lambda t: _form(t, t.assertion())),
        ("introspect-forged", "Introspection: of a forged token", STANDING, quiet, INTROSPECT, lambda t: _form(
            t, forge({"typ": "at+jwt", "alg": "ES256"}, t.claims(), stranger()))),
        ("introspect-surrogate", "Introspection: of a token that is not text", STANDING, quiet, INTROSPECT,
         lambda t: _form(t, "\0\u2028")),
        ("introspect-stranger", "Introspection: without a client", AUTHENTICATED, NO_CLIENT, INTROSPECT,
         lambda _t: {"token": "a"}),
        ("introspect-by-token", "Introspection: a token authenticates itself", AUTHENTICATED, NO_CLIENT, INTROSPECT,
         lambda t: {
            "client_assertion_type": TYPE, "client_assertion": t.token(), "token": t.token()}),
        ("introspect-nothing", "Introspection: of nothing", AUTHENTICATED, BAD, INTROSPECT, lambda t: {
            "client_assertion_type": TYPE, "client_assertion": t.assertion()}),
        ("revoke-junk", "Revocation: of no token", "RFC 7009, section 2.2", silent, REVOKE, lambda t: _form(t, "token")),
        ("revoke-stranger", "Revocation: without a client", AUTHENTICATED, NO_CLIENT, REVOKE,
         lambda t: {"token": t.token()}),
        ("revoke-secret", "Revocation: a secret beside the assertion", AUTHENTICATED, BAD, REVOKE, lambda t: _form(
            t, "a", client_secret="a")),  # noqa: S106 -- a secret of nobody's
    ]  # fmt: skip
    found = [Attack(i, n, p, f"POST {path}", e, _ask_with(path, make)) for i, n, p, e, path, make in rows]
    still = Expected((200,), look=_is_list, looks_for="the token still opens")
    return [
        *found,
        Attack("introspect-seconds", "Introspection: of the second client's token", STANDING, f"POST {INTROSPECT}", quiet,
               lambda t: t.post_form(INTROSPECT, _form(t, second(t).token())), Needs.OTHER),
        Attack("revoke-seconds", "Revocation: of the second client's token",
            "RFC 7009, section 2.1: a client's own tokens alone",
               f"POST {REVOKE}, then a call by the second client", still, _revoke_seconds, Needs.OTHER),
    ]  # fmt: skip


def _is_list(heard: Heard) -> str | None:
    content = json_of(heard.first)
    return None if isinstance(content, dict) and "agreements" in content else "it does not"


def _revoke_seconds(t: Target) -> Heard:
    other = second(t)
    token = other.token()
    t.post_form(REVOKE, _form(t, token))
    return other.call("GET", "/v1/agreements")


def _keys() -> list[Attack]:
    def bring(key: Callable[[], Any], **more: str) -> Callable[[Target], Heard]:
        def act(t: Target) -> Heard:
            given = {"jwk": json.dumps(key()), "proof": t.assertion(header={"typ": "key-proof+jwt", "alg": t.alg}), **more}
            form = {"client_assertion_type": TYPE, "client_assertion": t.assertion(), **given}
            return t.post_form(KEYS, form)

        return act

    rows = [
        ("unvouched", "an assertion made for a token", bring(lambda: public_of(stranger()))),
        ("private", "a private key", bring(lambda: dict(stranger().as_dict(private=True)))),
        ("symmetric", "a symmetric key", bring(lambda: {"kty": "oct", "k": "YWFhYWFhYWFhYWFhYWFhYQ"})),
        ("array", "a key that is an array", bring(list)),
        ("deep", "a key 200 levels deep", bring(dict, jwk="[" * 200 + "]" * 200)),
        ("no-proof", "a proof that is none", bring(lambda: public_of(stranger()), proof="proof")),
    ]
    found = [Attack(f"key-{i}", f"Bring a key: {n}", HELD, f"POST {KEYS}", BAD, act) for i, n, act in rows]
    return [*found, Attack("key-stranger", "Bring a key: by a stranger", HELD, f"POST {KEYS}", NO_CLIENT, _strangers_key)]


def _strangers_key(t: Target) -> Heard:
    form = {"client_assertion_type": TYPE, "client_assertion": t.assertion(key=stranger(), header={"alg": "ES256"})}
    return t.post_form(KEYS, {**form, "jwk": json.dumps(public_of(stranger())), "proof": "a.b.c"})


def _unknown(t: Target) -> str:
    name = "x" * len(t.client.client_id)  # as long as the known one, for a length may be told
    return forge({"typ": "JWT", "alg": "ES256"}, t.claims(iss=name, sub=name), stranger())


def _known(t: Target) -> str:
    return forge({"typ": "JWT", "alg": "ES256"}, t.claims(), stranger())


def _same(heard: Heard) -> str | None:
    bodies = {re.sub(rb"\d+", b"#", one.body) for one in heard.answers}  # a second may pass between the two
    return None if len(bodies) == 1 else "an unknown client is told other words than a wrong signature"


def _both(make: Callable[[Target, str], Heard]) -> Callable[[Target], Heard]:
    return lambda t: joined(make(t, _unknown(t)), make(t, _known(t)))


def joined(*heard: Heard) -> Heard:
    """Return several connections' answers as one."""
    return Heard(
        tuple(a for one in heard for a in one.answers), sum(one.seconds for one in heard), any(o.is_late for o in heard)
    )


def _registered() -> list[Attack]:
    def tested(t: Target, assertion: str) -> Heard:
        return t.post_form(TEST, {"client_assertion_type": TYPE, "client_assertion": assertion})

    def asked(t: Target, assertion: str) -> Heard:
        return t.ask_token(t.form(client_assertion=assertion))

    told = Expected((200,), look=_same, looks_for="the same words")
    refused = Expected((401,), "invalid_client", look=_same, looks_for="the same words, no token")
    return [
        Attack("registered-test", "Who is registered: by /oauth2/test-assertion", SILENT, f"POST {TEST} twice", told,
            _both(tested)),
        Attack("registered-token", "Who is registered: by /oauth2/token", SILENT,
            "POST /oauth2/token for an unknown client and a known one",
               refused, _both(asked)),
    ]  # fmt: skip


def timing_note(t: Target) -> str:
    """Compare how long an unknown client and a wrong signature take: for the reader, and no verdict."""
    taken: list[list[float]] = [[], []]
    for _ in range(TIMES):
        for kind, make in enumerate((_unknown, _known)):
            taken[kind].append(t.ask_token(t.form(client_assertion=make(t))).seconds)
    unknown, known = (statistics.median(one) * 1000 for one in taken)
    return f"median of {TIMES}: {unknown:.1f} ms for an unknown client, {known:.1f} ms for a wrong signature"
