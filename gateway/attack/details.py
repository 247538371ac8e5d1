"""Attacks on what a token is for: details that ask for more than the agreement has. RFC 9396."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final

from gateway.attack.attack import Attack, Needs
from gateway.attack.judging import Expected, NotApplicableError, json_of
from gateway.attack.target import DETAIL, Target
from gateway.attack.wire import Heard

NARROWS: Final = "Promise: a token only narrows; RFC 9396, section 5"
STRICT: Final = "RFC 9396, section 5: an unknown type or member is refused"
BOUNDED: Final = "Promise: bounds before parsing"
REFUSED: Final = Expected((400,), "invalid_authorization_details", looks_for="no token")

Detail = dict[str, Any]


def _one(**changes: Any) -> Callable[[Target], Any]:
    return lambda t: [{**_honest(t), **changes}]


def _honest(t: Target) -> Detail:
    return {"type": DETAIL, "agreement": t.client.agreement}


def _text(make: Callable[[str], str]) -> Callable[[Target], str]:
    return lambda t: make(json.dumps([_honest(t)]))


# id, name, promise, the details: a string as it is, anything else as JSON
ROWS: Final[tuple[tuple[str, str, str, Callable[[Target], Any]], ...]] = (
    ("agreement-unknown", "an agreement that is not the client's", NARROWS, _one(agreement="no-such-agreement")),
    ("agreement-empty", "an agreement without a name", NARROWS, _one(agreement="")),
    ("agreement-wildcard", "every agreement", NARROWS, _one(agreement="*")),
    ("agreement-case", "its agreement in capitals", NARROWS,
     lambda t: [{**_honest(t), "agreement": t.client.agreement.upper()}]),
    ("agreement-confusable", "a letter that only looks alike", NARROWS, lambda t: [
        {**_honest(t), "agreement": t.client.agreement.replace("o", "\u043e").replace("a", "\u0430")}]),
    ("agreement-traversal", "an agreement by dots", NARROWS, lambda t: [
        {**_honest(t), "agreement": f"x/../{t.client.agreement}"}]),
    ("agreement-twice", "one agreement in two details", NARROWS, lambda t: [_honest(t), _honest(t)]),
    ("second-unknown", "a second detail that is not its own", NARROWS, lambda t: [
        _honest(t), {"type": DETAIL, "agreement": "no-such-agreement"}]),
    ("purpose-other", "another purpose", NARROWS, _one(purpose="marketing")),
    ("dataset-other", "another dataset", NARROWS, _one(dataset="another-dataset")),
    ("fields-unagreed", "only fields that no line releases", NARROWS, _one(fields=["no_such_field", "*"])),
    ("fields-none", "no fields", NARROWS, _one(fields=[])),
    ("actions-unknown", "an action that there is not", NARROWS, _one(actions=["read", "write"])),
    ("actions-none", "no actions", NARROWS, _one(actions=[])),
    ("type-unknown", "another type", STRICT, _one(type="openid_credential")),
    ("type-version", "a later version of the type", STRICT, _one(type="stile_disclosure_v2")),
    ("member-unknown", "a member that there is not", STRICT, _one(unrestricted=True)),
    ("member-locations", "locations, a common member", STRICT, lambda t: [{**_honest(t), "locations": [t.issuer]}]),
    ("member-twice", "a member given twice, the second its own", STRICT, _text(
        lambda text: text.replace('"agreement":', '"agreement": "another", "agreement":'))),
    ("type-confused", "fields that are a string", STRICT, _one(fields="full_name")),
    ("type-number", "an agreement that is a number", STRICT, _one(agreement=1)),
    ("type-object", "an object in place of the array", STRICT, _honest),
    ("type-null", "null", STRICT, lambda _t: "null"),
    ("junk", "what is not JSON", STRICT, lambda _t: "[{"),
    ("empty", "an empty string", STRICT, lambda _t: ""),
    ("none", "an empty array", NARROWS, lambda _t: []),
    ("trailing", "something behind the array", STRICT, _text(lambda text: text + "[]")),
    ("bom", "a byte order mark", STRICT, _text(lambda text: "\ufeff" + text)),
    ("nan", "a member that is NaN", STRICT, _text(lambda text: text.replace('"agreement"', '"fields": NaN, "agreement"'))),
    ("surrogate", "half a surrogate pair", STRICT,
     _text(lambda text: text.replace('"agreement": "', '"agreement": "\\ud800'))),
    ("subject-two", "a subject with two keys", STRICT, _one(subject={"a": "1", "b": "2"})),
    ("subject-none", "a subject without a key", STRICT, _one(subject={})),
    ("subject-deep", "a subject that is an object of objects", STRICT, _one(subject={"a": {"b": "1"}})),
    ("subject-deeper", "a subject of objects in objects", STRICT, _one(subject={"a": {"b": {"c": "1"}, "d": {"e": "1"}}})),
    ("subject-details", "a subject of 17 details", BOUNDED, _one(subject={"a": {f"d{n}": "1" for n in range(17)}})),
    ("subject-long", "a subject of 129 characters", BOUNDED, _one(subject={"a": "1" * 129})),
    ("many", "17 details", BOUNDED, lambda t: [_honest(t)] * 17),
    ("deep", "5,000 arrays in each other", BOUNDED, lambda _t: "[" * 5_000 + "]" * 5_000),
    ("large", "17 KB of details", BOUNDED, lambda t: [{**_honest(t), "purpose": "a" * 17_000}]),
)  # fmt: skip


def attacks() -> list[Attack]:
    """Return the attacks on authorization_details."""
    sends = "POST /oauth2/token with these authorization_details"
    found = [Attack(f"details-{i}", f"Details: {n}", p, sends, REFUSED, _act(make)) for i, n, p, make in ROWS]
    flood = Expected((413,), "invalid_request", looks_for="no token")
    narrowed = Expected((200,), look=_is_narrowed, looks_for="a token for the agreed field alone", gives_token=True)
    other = Attack(
        "details-second-clients", "Details: the second client's agreement", NARROWS, sends, REFUSED, _other, Needs.OTHER
    )
    return [
        *found,
        Attack("details-flood", "Details: 10,000 of them", BOUNDED, sends, flood, _act(lambda t: [_honest(t)] * 10_000)),
        Attack("details-wider", "Details: agreed and other fields", NARROWS, sends, narrowed, _wider),
        other,
    ]


def _act(make: Callable[[Target], Any]) -> Callable[[Target], Heard]:
    def act(t: Target) -> Heard:
        made = make(t)
        return t.ask_token(t.form(authorization_details=made if isinstance(made, str) else json.dumps(made)))

    return act


def _other(t: Target) -> Heard:
    if t.other is None or t.other.agreement == t.client.agreement:
        raise NotApplicableError("the second client has the same agreement")
    return _act(_one(agreement=t.other.agreement))(t)


def _wider(t: Target) -> Heard:
    agreed = [field for line in t.described.get("releases", ()) for field in line.get("fields", ())]
    if not agreed:
        raise NotApplicableError("the agreement releases nothing to this client")
    return _act(_one(fields=[agreed[0], "no_such_field", "marker_protected"]))(t)


def _is_narrowed(heard: Heard) -> str | None:
    content = json_of(heard.first)
    details = content.get("authorization_details") if isinstance(content, dict) else None
    fields = details[0].get("fields") if isinstance(details, list) and len(details) == 1 else None
    return None if isinstance(fields, list) and len(fields) == 1 else "more was granted than is agreed"
