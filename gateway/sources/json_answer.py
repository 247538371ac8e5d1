"""What does an upstream's JSON say? Read strictly, and nothing but the places that are asked for is taken from it."""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterator, Sequence
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final, NoReturn

DEEPEST: Final = 16
MOST_DIGITS: Final = 40  # of one number: no value of a council has more, and a longer one costs time alone
_STRING: Final = re.compile(rb'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)  # looks at each byte once, whatever is sent


class NotJsonError(Exception):
    """An answer that is no JSON of the strict kind. Says what is wrong, and never what stands there."""


def parse(body: bytes) -> Any:
    """Return what a body of RFC 8259 says, numbers with a point as Decimal; NotJsonError for anything doubtful.

    Its section 8.1 lets a reader pass over a byte order mark, and many a service writes one.
    """
    body = body.removeprefix(codecs.BOM_UTF8)
    _check_depth(body)
    try:
        return _DECODER.decode(body.decode("utf-8"))
    except UnicodeDecodeError:
        raise NotJsonError("is not UTF-8") from None
    except (ValueError, RecursionError):
        raise NotJsonError("is not JSON") from None


def _check_depth(body: bytes) -> None:
    if body.count(b"{") + body.count(b"[") <= DEEPEST:
        return
    deep = 0
    for mark in re.findall(rb"[\[{}\]]", _STRING.sub(b'""', body)):
        deep += 1 if mark in b"[{" else -1
        if deep > DEEPEST:
            raise NotJsonError(f"is over {DEEPEST} levels deep")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise NotJsonError("names a member twice")
    return found


def _no_constant(_: str) -> NoReturn:
    raise NotJsonError("holds NaN or an infinity")


def _number(text: str) -> Decimal:
    if len(text) > MOST_DIGITS:
        raise NotJsonError("holds a number too long")
    return Decimal(text)


def _integer(text: str) -> int:
    if len(text) > MOST_DIGITS:
        raise NotJsonError("holds a number too long")
    return int(text)


_DECODER: Final = json.JSONDecoder(
    object_pairs_hook=_once, parse_constant=_no_constant, parse_float=_number, parse_int=_integer
)


# -- places

WHOLE: Final = "."  # the place of the whole answer
MOST_STEPS: Final = 9
# A member's name as it is, or in quotes where it holds a dot itself: "@odata.nextLink", 'list.next'.
_STEP: Final = re.compile(
    r"""(?:"([^"\x00-\x1f]+)"|'([^'\x00-\x1f]+)'|([^\s.,&=?#"'\x00-\x1f][^\s.,&=?#\x00-\x1f]*))(?:\.(?=.)|$)"""
)


@lru_cache(maxsize=4096)
def steps(place: str) -> tuple[str, ...]:
    """Return the members' names that lead to a place; ValueError for what is none."""
    if place == WHOLE:
        return ()
    found: list[str] = []
    at_ = 0
    while at_ < len(place):
        step = _STEP.match(place, at_)
        if step is None or len(found) == MOST_STEPS:
            raise ValueError("no place in JSON")
        found.append(step[1] or step[2] or step[3])
        at_ = step.end()
    return tuple(found)


def reach(value: Any, steps: Sequence[str]) -> Iterator[Any]:
    """Give every value at a place; in a list, of each element."""
    if isinstance(value, list):
        for one in value:
            yield from reach(one, steps)
    elif not steps:
        yield value
    elif isinstance(value, dict) and steps[0] in value:
        yield from reach(value[steps[0]], steps[1:])


def at(value: Any, steps: Sequence[str]) -> Any:
    """Return what stands at a place of objects alone, None where nothing does; a list on the way is no single value."""
    for step in steps:
        if isinstance(value, list):
            return value
        value = value.get(step) if isinstance(value, dict) else None
    return value
