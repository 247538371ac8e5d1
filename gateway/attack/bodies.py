"""Attacks on what is asked: malformed, ambiguous, oversized bodies, wrong types, and more than is agreed."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from typing import Any, Final

from gateway.attack.attack import Attack
from gateway.attack.forging import LEFT_OUT
from gateway.attack.judging import Expected, HonestCallError, NotApplicableError
from gateway.attack.target import ASK, Target
from gateway.attack.wire import Heard

STRICT: Final = "Promise: strict JSON; an unknown member, or one given twice, is refused"
BOUNDED: Final = "Promise: bounds before parsing"
TYPED: Final = "Promise: each member has one type"
CLEAN: Final = "Promise: no control or hidden characters"
AGREED: Final = "Promise: default deny; decided for each call"
MEDIA: Final = "RFC 9110, section 8.3: the body is what its Content-Type says"
MANY: Final = "Promise: many people are bounded, and each is named once"
REPEATS: Final = "Promise: an Idempotency-Key is one printable line"

MALFORMED: Final = Expected((400,), "request_malformed")
TOO_LARGE: Final = Expected((413,), "request_too_large")
NOT_JSON: Final = Expected((415,), "not_json")
NOTHING: Final = Expected((403,), "nothing_permitted", looks_for="nothing disclosed")

Body = Callable[[Target], Any]


def _with(**changes: Any) -> Body:
    return lambda t: t.matter(**changes)


def _text(how: Callable[[bytes], bytes]) -> Body:
    return lambda t: how(json.dumps(t.matter()).encode())


def _before(members: bytes) -> Body:
    return _text(lambda text: b"{" + members + b"," + text[1:])


def _subject(**changes: Any) -> Body:
    return lambda t: t.matter(subject=t.person(**changes))


def _verify(claims: Any) -> Body:
    return lambda t: t.matter(action="verify", claims=claims)


# id, name, promise, what must be answered, the body: bytes as they are, anything else as JSON
ROWS: Final[tuple[tuple[str, str, str, Expected, Body], ...]] = (
    ("empty", "an empty body", STRICT, MALFORMED, lambda _t: b""),
    ("array", "an array", STRICT, MALFORMED, lambda _t: b"[]"),
    ("null", "null", STRICT, MALFORMED, lambda _t: b"null"),
    ("junk", "what is not JSON", STRICT, MALFORMED, _text(lambda text: text.replace(b'"', b"'"))),
    ("comment", "a comment", STRICT, MALFORMED, _text(lambda text: b"/* a */" + text)),
    ("two", "two documents", STRICT, MALFORMED, _text(lambda text: text + text)),
    ("truncated", "half of a document", STRICT, MALFORMED, _text(lambda text: text[:-5])),
    ("bom", "a byte order mark", STRICT, MALFORMED, _text(lambda text: b"\xef\xbb\xbf" + text)),
    ("utf16", "UTF-16", STRICT, MALFORMED, _text(lambda text: text.decode().encode("utf-16"))),
    ("utf7", "UTF-7", STRICT, MALFORMED, _text(lambda text: text.replace(b'"', b"+ACI-"))),
    ("invalid-utf8", "bytes that are not UTF-8", STRICT, MALFORMED, _before(b'"statement":"\xff\xfe"')),
    ("overlong-utf8", "an overlong spelling of a slash", STRICT, MALFORMED, _before(b'"statement":"\xc0\xaf"')),
    ("raw-nul", "NUL in a string", STRICT, MALFORMED, _before(b'"statement":"a\x00b"')),
    ("raw-line-end", "a line end in a string", STRICT, MALFORMED, _before(b'"statement":"a\nb"')),
    ("unknown", "an unknown member", STRICT, MALFORMED, _with(unrestricted=True)),
    ("prototype", "a member __proto__", STRICT, MALFORMED, _with(__proto__={"admin": True})),
    ("twice", "a member given twice", STRICT, MALFORMED, _before(b'"subject":{"a":"1"}')),
    ("twice-escaped", "a member given twice, once with an escape", STRICT, MALFORMED,
     _before(b'"subj\\u0065ct":{"a":"1"}')),
    ("twice-inner", "a member given twice inside", STRICT, MALFORMED, _text(
        lambda text: text.replace(b'"role":', b'"role":"another","role":'))),
    ("nan", "NaN", STRICT, MALFORMED, _before(b'"statement":NaN')),
    ("digits", "a number of 10,000 digits", BOUNDED, MALFORMED, _before(b'"statement":' + b"9" * 10_000)),
    ("exponent", "a number of a huge exponent", BOUNDED, MALFORMED, _before(b'"statement":1e999999')),
    ("deep", "17 levels", BOUNDED, TOO_LARGE, _before(b'"statement":' + b"[" * 17 + b"]" * 17)),
    ("very-deep", "30,000 levels", BOUNDED, TOO_LARGE, _before(b'"statement":' + b"[" * 30_000 + b"]" * 30_000)),
    ("deep-objects", "5,000 objects in each other", BOUNDED, TOO_LARGE,
     _before(b'"a":' + b'{"a":' * 5_000 + b"1" + b"}" * 5_000)),
    ("large", "over 64 KiB about one person", BOUNDED, TOO_LARGE, _with(statement="a" * 70_000)),
    ("very-large", "over 2 MiB", BOUNDED, TOO_LARGE, _with(subjects=[{"ref": "a" * 2_200_000}], subject=LEFT_OUT)),
    ("members", "2,000 members", BOUNDED, MALFORMED, _before(b",".join(b'"m%d":1' % n for n in range(2_000)))),
    ("long", "a case reference of 201 characters", BOUNDED, MALFORMED, _with(case_reference="a" * 201)),
    ("nul", "NUL, escaped", CLEAN, MALFORMED, _with(case_reference="a\0b")),
    ("line-end", "a line end, escaped", CLEAN, MALFORMED, _with(case_reference="a\r\nlog: forged")),
    ("terminal", "a terminal's escape sequence", CLEAN, MALFORMED, _with(case_reference="\x1b[2J")),
    ("bidirectional", "text that reads backwards", CLEAN, MALFORMED, _with(case_reference="a\u202eb")),
    ("surrogate", "half a surrogate pair", CLEAN, MALFORMED, _with(case_reference="\ud800")),
    ("surrogate-name", "half a surrogate pair in a name", CLEAN, MALFORMED, _subject(confirm={"\udfff": "a"})),
    ("no-subject", "nobody is named", TYPED, MALFORMED, _with(subject=LEFT_OUT)),
    ("both-subjects", "subject and subjects", TYPED, MALFORMED, lambda t: t.matter(subjects=[t.person(ref="a")])),
    ("subject-array", "a subject that is an array", TYPED, MALFORMED, _with(subject=["a"])),
    ("subject-empty", "an empty subject", TYPED, MALFORMED, _with(subject={})),
    ("subject-keys", "two keys", TYPED, MALFORMED, _subject(another_key="1")),
    ("subject-number", "a key that is a number", TYPED, MALFORMED, _with(subject={"account_ref": 1_000_042})),
    ("subject-operator", "a key that is a query", TYPED, MALFORMED, _with(subject={"account_ref": {"$gt": ""}})),
    ("composite-operators", "a key that is a query of two operators", TYPED, MALFORMED,
     _with(subject={"account_ref": {"$gt": "0", "$lt": "9"}})),
    ("composite-deep", "a composite key whose detail is an object", TYPED, MALFORMED,
     _with(subject={"person": {"full_name": {"$ne": "x"}}})),
    ("composite-confirm", "a composite key with details beside it", TYPED, MALFORMED,
     _with(subject={"person": {"a": "1", "b": "2"}, "confirm": {"a": "1"}})),
    ("composite-many", "a composite key of 17 details", BOUNDED, MALFORMED,
     _with(subject={"person": {f"d{n}": "a" for n in range(17)}})),
    ("subject-array-value", "a key that is several", TYPED, MALFORMED, _with(subject={"account_ref": ["1", "2"]})),
    ("subject-unknown", "a key that is SQL", TYPED, MALFORMED, _with(subject={"account_ref' OR 1=1 --": "1"})),
    ("confirm-array", "details that are an array", TYPED, MALFORMED, _subject(confirm=["a"])),
    ("confirm-null", "a detail that is null", TYPED, MALFORMED, _subject(confirm={"surname": None})),
    ("confirm-many", "17 details", BOUNDED, MALFORMED, _subject(confirm={f"d{n}": "a" for n in range(17)})),
    ("fields-string", "fields that are a string", TYPED, MALFORMED, _with(fields="full_name")),
    ("fields-empty", "no fields", TYPED, MALFORMED, _with(fields=[])),
    ("fields-twice", "a field named twice", TYPED, MALFORMED, _with(fields=["full_name", "full_name"])),
    ("fields-many", "201 fields", BOUNDED, MALFORMED, _with(fields=[f"f{n}" for n in range(201)])),
    ("fields-star", "every field", AGREED, MALFORMED, _with(fields=["*"])),
    ("fields-path", "a field by dots", AGREED, MALFORMED, _with(fields=["../marker_protected"])),
    ("fields-injection", "a field that is SQL", AGREED, MALFORMED, _with(fields=["full_name, nino FROM persons --"])),
    ("action-unknown", "an action that there is not", TYPED, MALFORMED, _with(action="write")),
    ("action-array", "several actions", TYPED, MALFORMED, _with(action=["read"])),
    ("verify-nothing", "to verify, without claims", TYPED, MALFORMED, _with(action="verify")),
    ("claims-read", "claims, to read", TYPED, MALFORMED, _with(claims={"postcode": "LS1 4AB"})),
    ("claims-array", "claims that are an array", TYPED, MALFORMED, _verify(["postcode"])),
    ("claims-empty", "no claims", TYPED, MALFORMED, _verify({})),
    ("claims-object", "a claim that is an object", TYPED, MALFORMED, _verify({"postcode": {"$ne": ""}})),
    ("claims-list", "a claim of many guesses", TYPED, MALFORMED, _verify({"postcode": ["LS1 4AB", "LS1 4AC"]})),
    ("claims-null", "a claim that is null", TYPED, MALFORMED, _verify({"postcode": None})),
    ("claims-float", "a claim that is a fraction", TYPED, MALFORMED, _verify({"age": 41.5})),
    ("claims-many", "41 claims", BOUNDED, MALFORMED, _verify({f"f{n}": "a" for n in range(41)})),
    ("match-fields", "to match, with fields", TYPED, MALFORMED, _with(action="match", fields=["full_name"])),
    ("caseworker-string", "a caseworker that is a string", TYPED, MALFORMED, _with(caseworker="admin")),
    ("caseworker-member", "a caseworker with a member more", TYPED, MALFORMED, _with(
        caseworker={"id": "a", "name": "a", "role": "a", "admin": True})),
    ("caseworker-none", "a caseworker without a role", TYPED, MALFORMED, _with(caseworker={"id": "a", "name": "a"})),
    ("emergency-kind", "an emergency of another kind", TYPED, MALFORMED,
     _with(emergency={"kind": "urgent", "reason": "a"})),
    ("emergency-true", "an emergency that is true", TYPED, MALFORMED, _with(emergency=True)),
    ("emergency-empty", "an emergency without a reason", TYPED, MALFORMED,
     _with(emergency={"kind": "risk_to_life", "reason": ""})),
    ("agreement-other", "an agreement that the token does not cover", AGREED, NOTHING,
     _with(agreement="no-such-agreement")),
    ("subjects-empty", "nobody among many", MANY, MALFORMED, _with(subject=LEFT_OUT, subjects=[])),
    ("subjects-object", "many that are an object", MANY, MALFORMED, _with(subject=LEFT_OUT, subjects={"ref": "a"})),
    ("subjects-flood", "10,001 people", MANY, MALFORMED, lambda t: t.matter(
        subject=LEFT_OUT, subjects=[t.person(ref=f"r{n}", confirm={}) for n in range(10_001)])),
    ("subjects-ref-twice", "a label given twice", MANY, MALFORMED, lambda t: t.matter(
        subject=LEFT_OUT, subjects=[t.person(ref="a"), t.person(ref="a")])),
    ("subjects-ref-number", "a label that is a number", MANY, MALFORMED, lambda t: t.matter(
        subject=LEFT_OUT, subjects=[t.person(ref=1)])),
    ("subjects-ref-lines", "a label with line ends", MANY, MALFORMED, lambda t: t.matter(
        subject=LEFT_OUT, subjects=[t.person(ref='a\n{"end":{}}')])),
    ("subjects-ref-long", "a label of 65 characters", MANY, MALFORMED, lambda t: t.matter(
        subject=LEFT_OUT, subjects=[t.person(ref="a" * 65)])),
    ("subjects-ref-none", "somebody without a label", MANY, MALFORMED, lambda t: t.matter(
        subject=LEFT_OUT, subjects=[t.person()])),
    ("subjects-claims", "claims for all of many", MANY, MALFORMED, lambda t: t.matter(
        subject=LEFT_OUT, subjects=[t.person(ref="a")], action="verify", claims={"age": 41})),
    ("subjects-over-batch", "more people than the agreement's batch", MANY, Expected((400,), "batch_too_large"),
     lambda t: t.matter(
        subject=LEFT_OUT, subjects=[t.person(ref=f"r{n}") for n in range(_batch(t) + 1)])),
)  # fmt: skip


def _batch(t: Target) -> int:
    batch = t.described.get("limits", {}).get("batch")
    return batch if isinstance(batch, int) else 1


KINDS: Final = (
    ("none", "no Content-Type", ""),
    ("text", "JSON that says it is text", "text/plain"),
    ("form", "JSON that says it is a form", "application/x-www-form-urlencoded"),
    ("multipart", "JSON that says it is multipart", "multipart/form-data; boundary=a"),
    ("xml", "JSON that says it is XML", "application/xml"),
    ("suffix", "JSON that says it is a problem", "application/problem+json"),
    ("prefix", "a longer type that begins alike", "application/jsonp"),
)
_IDEMPOTENCY: Final = (
    ("long", "a key of 129 characters", [("Idempotency-Key", "a" * 129)]),
    ("empty", "an empty key", [("Idempotency-Key", "")]),
    ("space", "a key with a space", [("Idempotency-Key", "a b")]),
    ("non-ascii", "a key that is not ASCII", [("Idempotency-Key", "caf\xe9")]),
    ("two", "two keys", [("Idempotency-Key", "a"), ("Idempotency-Key", "b")]),
)


def attacks() -> list[Attack]:
    """Return the attacks on what is asked."""
    sends = f"POST {ASK} with a good token and proof"
    found = [Attack(f"body-{i}", f"Body: {n}", p, sends, e, _asked(make)) for i, n, p, e, make in ROWS]
    found += [Attack(f"body-kind-{i}", f"Body: {n}", MEDIA, sends, NOT_JSON, _typed(kind)) for i, n, kind in KINDS]
    found += [
        Attack(f"idempotency-{i}", f"Idempotency-Key: {n}", REPEATS, sends, MALFORMED, _headed(more))
        for i, n, more in _IDEMPOTENCY
    ]
    explain = "POST /v1/explain with a good token and proof"
    role = Attack("body-role-other", "Body: a role that is not agreed", AGREED, sends, NOTHING, _other_role)
    return [
        *found,
        role,
        Attack("idempotency-reused", "Idempotency-Key: the same for another body", REPEATS,
            f"{sends}, twice, both for a role that "
               "is not agreed", Expected((422,), "idempotency_key_reused"), _key_reused),
        Attack("explain-subject", "Explain: about somebody", AGREED, explain, MALFORMED, _explain(_with())),
        Attack("explain-deep", "Explain: 17 levels", BOUNDED, explain, TOO_LARGE,
            _explain(lambda _t: b"[" * 17 + b"]" * 17)),
        Attack("explain-twice", "Explain: a member given twice", STRICT, explain, MALFORMED, _explain(
            lambda _t: b'{"agreement":"a","agreement":"b"}')),
    ]  # fmt: skip


def _asked(make: Body) -> Callable[[Target], Heard]:
    return lambda t: t.ask(make(t))


def _explain(make: Body) -> Callable[[Target], Heard]:
    return lambda t: t.ask(make(t), path="/v1/explain")


def _typed(kind: str) -> Callable[[Target], Heard]:
    return lambda t: t.ask(t.matter(), kind=kind)


def _headed(more: list[tuple[str, str]]) -> Callable[[Target], Heard]:
    return lambda t: t.ask(t.matter(), *more)


def _in_no_role(t: Target, **changes: Any) -> dict[str, Any]:
    """Return a request that is refused whoever the person is, so that none can be disclosed."""
    if not t.described.get("roles"):
        raise NotApplicableError("the agreement asks for no role")
    return t.matter(caseworker={"id": "attack", "name": "Attack Suite", "role": "no-such-role"}, **changes)


def _other_role(t: Target) -> Heard:
    return t.ask(_in_no_role(t))


def _key_reused(t: Target) -> Heard:
    key = ("Idempotency-Key", secrets.token_hex(8))
    first = t.ask(_in_no_role(t), key).first
    if first.status != 403:  # noqa: PLR2004 -- HTTP's own number
        raise HonestCallError(f"the first use was answered {first.status}")
    return t.ask(_in_no_role(t, case_reference="another"), key)
