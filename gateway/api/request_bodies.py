"""What does a partner ask? Each member of the body bounded, and free of control characters."""

from __future__ import annotations

import asyncio
from typing import Any, Final

import msgspec
from starlette.requests import Request

from gateway.api.members import are_plain, label, line, lines, seen
from gateway.problems import REQUEST_MALFORMED, REQUEST_TOO_LARGE, ProblemError
from gateway.web.bodies import LARGEST, decode, read_body
from schemas.request import Caseworker, DisclosureRequest, Emergency, NamedSubject, SubjectQuery
from schemas.terms import Action, EmergencyKind

LARGEST_OF_MANY: Final = 2_097_152  # bytes of a body about many people
MOST_SUBJECTS: Final = 10_000
MOST_CLAIMS: Final = 40
LONGEST_REF: Final = 64
LONGEST_NAME: Final = 64  # of a key or a detail
LONGEST_DETAIL: Final = 200
MOST_FIELDS: Final = 200
MOST_DETAILS: Final = 16  # no key has so many
NOBODY_NAMED: Final = SubjectQuery(key="", value="", confirm={})
_BESIDE_WHO: Final = frozenset({"ref", "claims"})  # members of one of many subjects that do not say who it is


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

    subject: dict[str, Any] | None = None
    subjects: tuple[dict[str, Any], ...] | None = None
    action: Action = Action.READ
    claims: dict[str, str | bool | int] | None = None
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


async def read_disclosure(request: Request) -> tuple[bytes, DisclosureRequest]:
    """Return the body of a disclosure request and what it asks, or raise ProblemError."""
    body = await read_body(request, largest=LARGEST_OF_MANY)
    if len(body) <= LARGEST:
        return body, parse_disclosure(body)
    if b'"subjects"' not in body:
        raise ProblemError(REQUEST_TOO_LARGE)
    asked = await asyncio.to_thread(parse_disclosure, body)  # so large a body would keep others waiting
    if not asked.subjects:
        raise ProblemError(REQUEST_TOO_LARGE)
    return body, asked


def parse_disclosure(body: bytes) -> DisclosureRequest:
    """Return the request of a body; every string bounded and free of control characters."""
    given = decode(body, DisclosureIn)
    if (given.subject is None) == (given.subjects is None):
        raise ProblemError(REQUEST_MALFORMED, "give subject, for one person, or subjects, for many")
    if given.action is not Action.READ and given.fields is not None:
        raise ProblemError(REQUEST_MALFORMED, f"fields: to {given.action.value} names none; claims name what to verify")
    if given.subject is None:
        return _about_many(given)
    subject = _subject(given.subject, "subject")
    return DisclosureRequest(
        agreement=line(given.agreement, "agreement", 100),
        subject=subject,
        action=given.action,
        claims=_claims(given.claims, given.action, "claims"),
        **_common(given),
    )


def _about_many(given: DisclosureIn) -> DisclosureRequest:
    if given.claims is not None:
        raise ProblemError(REQUEST_MALFORMED, "claims: of many subjects, each has its own")
    people = given.subjects or ()
    if not 0 < len(people) <= MOST_SUBJECTS:
        raise ProblemError(REQUEST_MALFORMED, f"subjects: name 1 to {MOST_SUBJECTS}")
    subjects = tuple(_named(one, given.action, f"subjects[{number}]") for number, one in enumerate(people))
    if len({one.ref for one in subjects}) != len(subjects):
        raise ProblemError(REQUEST_MALFORMED, "subjects: each ref once")
    return DisclosureRequest(
        agreement=line(given.agreement, "agreement", 100),
        subject=NOBODY_NAMED,
        action=given.action,
        subjects=subjects,
        **_common(given),
    )


def _named(given: dict[str, Any], action: Action, where: str) -> NamedSubject:
    ref, claims = given.get("ref"), given.get("claims")
    if not isinstance(ref, str):
        raise ProblemError(REQUEST_MALFORMED, f"{where}.ref: give each subject a label of your own, a string")
    if claims is not None and not isinstance(claims, dict):
        raise ProblemError(REQUEST_MALFORMED, f"{where}.claims: an object of fields and values")
    rest = {name: value for name, value in given.items() if name not in _BESIDE_WHO}
    return NamedSubject(
        ref=line(ref, f"{where}.ref", LONGEST_REF) or "",
        query=_subject(rest, where),
        claims=_claims(claims, action, f"{where}.claims"),
    )


def _claims(given: dict[str, Any] | None, action: Action, where: str) -> dict[str, str] | None:
    """Return claims as texts; they belong to verifying, and to nothing else."""
    if (given is not None) != (action is Action.VERIFY):
        raise ProblemError(REQUEST_MALFORMED, f"{where}: give claims to verify, and only then")
    if given is None:
        return None
    if not 0 < len(given) <= MOST_CLAIMS:
        raise ProblemError(REQUEST_MALFORMED, f"{where}: name 1 to {MOST_CLAIMS} fields")
    found: dict[str, str] = {}
    for name, value in given.items():
        line(name, where, 100)
        if not isinstance(value, (str, bool, int)):
            raise ProblemError(REQUEST_MALFORMED, f"{where}: a claim is a string, a whole number, true or false")
        found[name] = line(str(value).lower() if isinstance(value, bool) else str(value), where, 200) or ""
    return found


def parse_explain(body: bytes) -> DisclosureRequest:
    """Return the request of an explanation, about nobody."""
    given = decode(body, ExplainIn)
    return DisclosureRequest(
        agreement=line(given.agreement, "agreement", 100),
        subject=NOBODY_NAMED,
        **_common(given),
    )


def _common(given: DisclosureIn | ExplainIn) -> dict[str, Any]:
    fields = given.fields
    if fields is not None:
        if not 0 < len(fields) <= MOST_FIELDS or len(set(fields)) != len(fields):
            raise ProblemError(REQUEST_MALFORMED, f"fields: name 1 to {MOST_FIELDS}, each once")
        lines(fields, "fields", 100)
    worker, emergency = given.caseworker, given.emergency
    return {
        "fields": fields,
        "case_reference": label(given.case_reference, "case_reference", 200),
        "caseworker": _caseworker(worker) if worker else None,
        "emergency": Emergency(emergency.kind, line(emergency.reason, "emergency.reason", 1_000) or "")
        if emergency
        else None,
        "statement": line(given.statement, "statement", 1_000),
        "assessment": seen(given.assessment, "assessment", 200),
    }


def _caseworker(given: CaseworkerIn) -> Caseworker:
    return Caseworker(
        id=label(given.id, "caseworker.id", 100) or "",
        name=line(given.name, "caseworker.name", 200) or "",
        role=seen(given.role, "caseworker.role", 100) or "",
        organisation_code=seen(given.organisation_code, "caseworker.organisation_code", 100),
    )


def _subject(given: dict[str, Any], where: str) -> SubjectQuery:
    confirm = given.get("confirm", {})
    keys = [name for name in given if name != "confirm"]
    if len(keys) != 1 or not isinstance(confirm, dict) or len(confirm) > MOST_DETAILS:
        raise ProblemError(REQUEST_MALFORMED, f"{where}: give one key, and confirm with the details that fit it")
    key, value = keys[0], given[keys[0]]
    line(key, where, LONGEST_NAME)
    if isinstance(value, dict):
        return _composite(key, value, where, has_confirm="confirm" in given)
    _check_details({key: value}, where)
    _check_details(confirm, f"{where}.confirm")
    seen(value, f"{where}.{key}", LONGEST_DETAIL)
    return SubjectQuery(key=key, value=value.strip(), confirm=confirm)


def _composite(key: str, given: dict[str, Any], where: str, *, has_confirm: bool) -> SubjectQuery:
    """Read a composite key: an object of details, of which every one must fit."""
    if has_confirm:
        text = f"{where}.confirm: {key} is given as an object of details, and there is nothing to confirm besides"
        raise ProblemError(REQUEST_MALFORMED, text)
    if not 0 < len(given) <= MOST_DETAILS:
        raise ProblemError(REQUEST_MALFORMED, f"{where}.{key}: name each detail of the key once, and no other")
    _check_details(given, f"{where}.{key}")
    return SubjectQuery(key=key, value="", confirm=given, is_composite=True)


def _check_details(given: dict[str, Any], where: str) -> None:
    are_texts = given and {*map(type, given.values())} == {str}
    if are_texts and are_plain(given.keys(), LONGEST_NAME) and are_plain(given.values(), LONGEST_DETAIL):
        return
    for name, value in given.items():
        line(name, where, LONGEST_NAME)
        if not isinstance(value, str):
            raise ProblemError(REQUEST_MALFORMED, f"{where}.{name}: keys and details are strings")
        line(value, f"{where}.{name}", LONGEST_DETAIL)
