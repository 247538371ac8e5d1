"""What is a token wanted for, and how much of that is granted? RFC 9396, type `stile_disclosure_v1`."""

from __future__ import annotations

import hmac
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from gateway.oauth import jose
from gateway.oauth.refusals import DETAILS_REFUSED, OAuthRefusal
from schemas.terms import Action

TYPE: Final = "stile_disclosure_v1"
LARGEST: Final = 16_384  # bytes of the parameter
MOST: Final = 16  # details in one token
LONGEST_SUBJECT: Final = 128  # characters of an identifier
MOST_PARTS: Final = 16  # details of a composite key
Named = str | Mapping[str, str]  # what names one person: a key's value, or the details that a composite key is made of


class Detail(msgspec.Struct, forbid_unknown_fields=True, frozen=True, omit_defaults=True):
    """One thing a token may be used for. Absent members ask for all that the agreement has."""

    type: str
    agreement: str
    purpose: str | None = None
    dataset: str | None = None
    actions: tuple[str, ...] | None = None
    fields: tuple[str, ...] | None = None
    subject: dict[str, str | dict[str, str]] | None = None


MEMBERS: Final = ", ".join(Detail.__struct_fields__)


@dataclass(frozen=True, slots=True)
class Available:
    """What an agreement has for one partner: its purpose, its dataset, the fields its lines name, the instant it ends."""

    agreement: str
    purpose: str
    dataset: str
    fields: frozenset[str]
    ends: float = math.inf


def seconds_left(granted: Sequence[Mapping[str, Any]], available: Mapping[str, Available], now: float) -> float:
    """Return how long a token of these details may live: to the end of the agreement that ends first.

    One that is over already has no end to outlive: each of its calls is refused, and the refusal is an entry.
    """
    ends = (available[one["agreement"]].ends for one in granted)
    return min((end - int(now) for end in ends if end > now), default=math.inf)


def grant(
    parameter: str | None, available: Mapping[str, Available], *, subject_secret: bytes | None = None
) -> list[dict[str, Any]]:
    """Return the details as granted, narrowed to what the client's agreements name.

    A `subject` leaves as a reference under `subject_secret`: what a token holds may be logged by anyone on the way.

    Raises OAuthRefusal(invalid_authorization_details) for none, for an unknown type, member, agreement,
    purpose, dataset, action or field, and where narrowing would leave nothing.
    """
    if parameter is None:
        names = ", ".join(sorted(available)) or "none yet"
        raise _refused(f"say what the token is for: authorization_details is missing. Your agreements: {names}")
    if len(parameter) > LARGEST:
        raise _refused(f"authorization_details is over {LARGEST} bytes")
    try:
        asked = msgspec.json.decode(parameter.encode(), type=list[Detail])
        # Once more and strictly: a member given twice would be one thing to us and another to whoever else reads it.
        jose.read_json(parameter.encode())
    except jose.JoseRefusedError as error:
        raise _refused(f"authorization_details can't be read: {error}") from error
    except (msgspec.MsgspecError, UnicodeEncodeError, RecursionError) as error:
        raise _refused(f"authorization_details can't be read: {_cause(error)}") from error
    if not 0 < len(asked) <= MOST:
        raise _refused(f"authorization_details must hold 1 to {MOST} details")
    granted = [_grant_one(detail, available, subject_secret) for detail in asked]
    if len({one["agreement"] for one in granted}) != len(granted):
        raise _refused("an agreement is named twice")
    return granted


def covers_subject(detail: Mapping[str, Any], secret: bytes, *, key: str, value: Named) -> bool:
    """Tell whether a granted detail is for anyone, or for the person that this key names."""
    known = detail.get("subject")
    return known is None or hmac.compare_digest(
        known, subject_reference(secret, agreement=detail["agreement"], key=key, value=value)
    )


def subject_reference(secret: bytes, *, agreement: str, key: str, value: Named) -> str:
    """Return a token's name for one person: 128 bits of HMAC-SHA256, of no use under another agreement."""
    typed = _typed(value) if isinstance(value, str) else _typed_details(value)
    content = f"stile token subject\0{agreement}\0{key}\0{typed}"
    return hmac.digest(secret, content.encode(), "sha256")[:16].hex()


def _typed(text: str) -> str:
    return "".join(text.split()).casefold()


def _typed_details(details: Mapping[str, str]) -> str:
    """Return the details of a composite key as one text, whatever order they were given in; no plain value is one."""
    return "\0" + "\0".join(f"{name}\0{_typed(details[name])}" for name in sorted(details))


def _cause(error: Exception) -> str:
    if not isinstance(error, msgspec.ValidationError):
        return "it is not a JSON array of objects"
    # msgspec names members and types, never a value; an unknown member's name alone is the sender's.
    return f"the members of a detail are {MEMBERS}" if "unknown field" in str(error) else str(error)


def _grant_one(detail: Detail, available: Mapping[str, Available], subject_secret: bytes | None) -> dict[str, Any]:
    if detail.type != TYPE:
        raise _refused(f"the type must be {TYPE}")
    agreement = available.get(detail.agreement)
    if agreement is None:
        names = ", ".join(sorted(available)) or "none yet"
        raise _refused(f"that agreement is not one of yours. Your agreements: {names}")
    if detail.purpose not in (None, agreement.purpose):
        raise _refused(f"the purpose of {agreement.agreement} is {agreement.purpose}")
    if detail.dataset not in (None, agreement.dataset):
        raise _refused(f"the dataset of {agreement.agreement} is {agreement.dataset}")
    granted: dict[str, Any] = {
        "type": TYPE,
        "agreement": agreement.agreement,
        "purpose": agreement.purpose,
        "dataset": agreement.dataset,
        "actions": _actions(detail.actions),
    }
    if detail.fields is not None:
        granted["fields"] = _fields(detail.fields, agreement)
    if detail.subject is not None:
        granted["subject"] = _subject(detail.subject, agreement.agreement, subject_secret)
    return granted


def _subject(asked: Mapping[str, Named], agreement: str, secret: bytes | None) -> str:
    if secret is None:
        raise _refused("this gateway gives no tokens for one subject: leave the member out")
    key, value = next(iter(asked.items()), ("", ""))
    parts = (key, value) if isinstance(value, str) else (key, *(part for pair in value.items() for part in pair))
    is_composed = isinstance(value, str) or 1 < len(value) <= MOST_PARTS  # one detail is no composite key
    if len(asked) != 1 or not is_composed or not all(0 < len(part) <= LONGEST_SUBJECT for part in parts):
        raise _refused("subject must be one key with its value, or all its details, without confirming details")
    return subject_reference(secret, agreement=agreement, key=key, value=value)


def _actions(asked: tuple[str, ...] | None) -> list[str]:
    if asked is None:
        return [Action.READ.value]
    if not asked or not set(asked) <= {action.value for action in Action}:
        raise _refused("actions must name at least one of read, verify, match")
    return sorted(set(asked))


def _fields(asked: tuple[str, ...], agreement: Available) -> list[str]:
    kept = sorted(set(asked) & agreement.fields)
    if not kept:
        raise _refused(f"{agreement.agreement} releases none of these fields. See GET /v1/agreements")
    return kept


def _refused(why: str) -> OAuthRefusal:
    return OAuthRefusal(DETAILS_REFUSED, why)
