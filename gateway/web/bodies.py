"""How is a body read: after authentication, bounded in size and time, strict?"""

from __future__ import annotations

import asyncio
import json
import re
from typing import Any, Final

import msgspec
import orjson
from starlette.requests import ClientDisconnect, Request

from gateway.oauth.refusals import REQUEST_REFUSED, OAuthRefusal
from gateway.problems import NOT_JSON, REQUEST_MALFORMED, REQUEST_SLOW, REQUEST_TOO_LARGE, ProblemError
from gateway.web.headers import first_of

LARGEST: Final = 65_536  # bytes of a body, or of a form
DEEPEST: Final = 16
LONGEST_TEXT: Final = 60_000  # characters of an agreement's text: a body holds 64 KiB
SLOWEST: Final = 10.0  # seconds from the headers to the end of a body: its proof and token are good for little longer
# It matches at every quotation mark, also where a string has no end, and never takes back what it has taken: so each byte
# is looked at once.
_STRING: Final = re.compile(rb'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)


async def read_body(request: Request, *, largest: int = LARGEST) -> bytes:
    """Return the body, or raise ProblemError as soon as it is too large or not JSON by its own account."""
    kind = first_of(request, b"content-type").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise ProblemError(NOT_JSON)
    parts: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(SLOWEST):
            async for part in request.stream():
                size += len(part)
                if size > largest:
                    raise ProblemError(REQUEST_TOO_LARGE)
                parts.append(part)
    except TimeoutError as error:
        raise ProblemError(REQUEST_SLOW) from error
    except ClientDisconnect as error:
        raise ProblemError(REQUEST_MALFORMED, "the body broke off") from error
    return b"".join(parts)


async def read_form(request: Request) -> bytes:
    """Return a form's bytes, bounded in size and time, or raise OAuthRefusal."""
    kind = first_of(request, b"content-type").partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        raise OAuthRefusal(REQUEST_REFUSED, "the body must be application/x-www-form-urlencoded")
    if request.url.query:
        raise OAuthRefusal(REQUEST_REFUSED, "parameters belong in the body, not in the address")
    body = b""
    try:
        async with asyncio.timeout(SLOWEST):
            async for part in request.stream():
                body += part
                if len(body) > LARGEST:
                    raise OAuthRefusal(REQUEST_REFUSED, f"the body is over {LARGEST} bytes", status=413)
    except TimeoutError as error:
        raise OAuthRefusal(REQUEST_REFUSED, f"the body took over {SLOWEST:g} seconds", status=408) from error
    except ClientDisconnect as error:
        raise OAuthRefusal(REQUEST_REFUSED, "the body broke off") from error
    return body


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
    """Tell whether an object names a member twice: names as they stand against members as they are kept."""
    if b"\\" not in body:
        # Every quotation mark begins or ends a string, and so each second part is one; a colon after it makes it a name.
        parts = body.split(b'"')
        names = sum([after.startswith(b":") or after.lstrip().startswith(b":") for after in parts[2::2]])
        try:
            return names != _members(orjson.loads(body))
        except orjson.JSONDecodeError as error:
            raise ProblemError(REQUEST_MALFORMED, "the body is not UTF-8 JSON") from error
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


def _members(value: Any) -> int:
    """Return how many members all objects of a value have."""
    count, inside = 0, [value]
    while inside:
        one = inside.pop()
        if type(one) is dict:
            count += len(one)
            inside += one.values()
        elif type(one) is list:
            inside += one
    return count
