"""How is a request's body read: after authentication, bounded, strict?"""

from __future__ import annotations

import asyncio
import json
import re
from typing import Any, Final

import msgspec
from starlette.requests import ClientDisconnect, Request

from gateway.problems import NOT_JSON, REQUEST_MALFORMED, REQUEST_SLOW, REQUEST_TOO_LARGE, ProblemError
from schemas.request import Caseworker, DisclosureRequest, Emergency, SubjectQuery
from schemas.terms import EmergencyKind

LARGEST: Final = 65_536  # bytes of a body
DEEPEST: Final = 16
SLOWEST: Final = 10.0  # seconds from the headers to the end of a body: its proof and token are good for little longer
MOST_FIELDS: Final = 200
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_STRING: Final = re.compile(rb'"(?:[^"\\]|\\.)*"')


class CaseworkerIn(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """The practitioner who asks, as the partner asserts."""

    id: str
    name: str
    role: str
    organisation_code: str | None = None


class EmergencyIn(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """A declared emergency, recorded with its reason for the council to review."""

    kind: EmergencyKind
    reason: str


class DisclosureIn(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """The body of POST /v1/disclosures."""

    subject: dict[str, Any]
    agreement: str | None = None
    fields: tuple[str, ...] | None = None
    case_reference: str | None = None
    caseworker: CaseworkerIn | None = None
    emergency: EmergencyIn | None = None
    statement: str | None = None
    assessment: str | None = None


class ExplainIn(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """The body of POST /v1/explain: the same, without a subject."""

    agreement: str | None = None
    fields: tuple[str, ...] | None = None
    case_reference: str | None = None
    caseworker: CaseworkerIn | None = None
    emergency: EmergencyIn | None = None
    statement: str | None = None
    assessment: str | None = None


async def read_body(request: Request) -> bytes:
    """Return the body, or raise ProblemError as soon as it is too large or not JSON by its own account."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise ProblemError(NOT_JSON)
    parts: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(SLOWEST):
            async for part in request.stream():
                size += len(part)
                if size > LARGEST:
                    raise ProblemError(REQUEST_TOO_LARGE)
                parts.append(part)
    except TimeoutError as error:
        raise ProblemError(REQUEST_SLOW) from error
    except ClientDisconnect as error:
        raise ProblemError(REQUEST_MALFORMED, "the body broke off") from error
    return b"".join(parts)


def check_json(body: bytes) -> None:
    """Raise ProblemError for nesting past `DEEPEST`, before a parser sees it."""
    if body.count(b"{") + body.count(b"[") <= DEEPEST:  # so few can't stand deeper, and are all that most bodies have
        return
    deep = 0
    for mark in re.findall(rb"[\[{}\]]", _STRING.sub(b'""', body)):
        deep += 1 if mark in b"[{" else -1
        if deep > DEEPEST:
            raise ProblemError(REQUEST_TOO_LARGE, f"the body is over {DEEPEST} levels deep")


def decode(body: bytes, kind: type[Any]) -> Any:
    """Return a strict struct of the body; a member given twice, unknown or of a wrong type is told by name."""
    check_json(body)
    try:
        if _has_duplicates(body):
            raise ProblemError(REQUEST_MALFORMED, "a member is given twice")
        return msgspec.json.decode(body, type=kind)
    except msgspec.ValidationError as error:
        raise ProblemError(REQUEST_MALFORMED, str(error)) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ProblemError(REQUEST_MALFORMED, "the body is not UTF-8 JSON") from error


def _has_duplicates(body: bytes) -> bool:
    """Tell whether an object names a member twice: counted names against kept names."""
    if b"\\" not in body:
        # Every quotation mark begins or ends a string, and so each second part is one; a colon after it makes it a name.
        parts = body.split(b'"')
        names = [part for part, after in zip(parts[1::2], parts[2::2], strict=False) if after.lstrip().startswith(b":")]
        if len(set(names)) == len(names):
            return False
    found = False

    def check(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        nonlocal found
        found = found or len({name for name, _ in pairs}) != len(pairs)
        return dict(pairs)

    try:
        json.loads(body, object_pairs_hook=check)
    except (ValueError, RecursionError) as error:
        raise ProblemError(REQUEST_MALFORMED, "the body is not UTF-8 JSON") from error
    return found


def parse_disclosure(body: bytes) -> DisclosureRequest:
    """Return the request of a body; every string bounded and free of control characters."""
    given = decode(body, DisclosureIn)
    return DisclosureRequest(
        agreement=_line(given.agreement, "agreement", 100),
        subject=_subject(given.subject),
        **_common(given),
    )


def parse_explain(body: bytes) -> DisclosureRequest:
    """Return the request of an explanation, about nobody."""
    given = decode(body, ExplainIn)
    return DisclosureRequest(
        agreement=_line(given.agreement, "agreement", 100),
        subject=SubjectQuery(key="", value="", confirm={}),
        **_common(given),
    )


def _common(given: DisclosureIn | ExplainIn) -> dict[str, Any]:
    fields = given.fields
    if fields is not None:
        if not 0 < len(fields) <= MOST_FIELDS or len(set(fields)) != len(fields):
            raise ProblemError(REQUEST_MALFORMED, f"fields: name 1 to {MOST_FIELDS}, each once")
        for name in fields:
            _line(name, "fields", 100)
    worker, emergency = given.caseworker, given.emergency
    return {
        "fields": fields,
        "case_reference": _line(given.case_reference, "case_reference", 200),
        "caseworker": _caseworker(worker) if worker else None,
        "emergency": Emergency(emergency.kind, _line(emergency.reason, "emergency.reason", 1_000) or "")
        if emergency
        else None,
        "statement": _line(given.statement, "statement", 1_000),
        "assessment": _line(given.assessment, "assessment", 200),
    }


def _caseworker(given: CaseworkerIn) -> Caseworker:
    return Caseworker(
        id=_line(given.id, "caseworker.id", 100) or "",
        name=_line(given.name, "caseworker.name", 200) or "",
        role=_line(given.role, "caseworker.role", 100) or "",
        organisation_code=_line(given.organisation_code, "caseworker.organisation_code", 100),
    )


def _subject(given: dict[str, Any]) -> SubjectQuery:
    confirm = given.get("confirm", {})
    keys = [name for name in given if name != "confirm"]
    if len(keys) != 1 or not isinstance(confirm, dict) or len(confirm) > 16:  # noqa: PLR2004 -- no key has so many
        raise ProblemError(REQUEST_MALFORMED, "subject: give one key, and confirm with the details that fit it")
    for name, value in ((keys[0], given[keys[0]]), *confirm.items()):
        if not isinstance(value, str) or not isinstance(name, str):
            raise ProblemError(REQUEST_MALFORMED, "subject: keys and details are strings")
        _line(name, "subject", 64)
        _line(value, "subject", 200)
    return SubjectQuery(key=keys[0], value=given[keys[0]].strip(), confirm=confirm)


def _line(value: str | None, name: str, longest: int) -> str | None:
    """Return a string that fits; the message names the member, never its value."""
    if value is None:
        return None
    if not value.strip() or len(value) > longest or _CONTROL.search(value):
        raise ProblemError(REQUEST_MALFORMED, f"{name}: 1 to {longest} characters, none of them a control character")
    return value
