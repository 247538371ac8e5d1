"""What does an upstream's JSON say? Read strictly, and nothing but the places that are asked for is taken from it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any, Final, NoReturn

DEEPEST: Final = 16
MOST_DIGITS: Final = 40  # of one number: no value of a council has more, and a longer one costs time alone
_STRING: Final = re.compile(rb'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)  # looks at each byte once, whatever is sent


class NotJsonError(Exception):
    """An answer that is no JSON of the strict kind. Says what is wrong, and never what stands there."""


def parse(body: bytes) -> Any:
    """Return what a body of RFC 8259 says, numbers with a point as Decimal; NotJsonError for anything doubtful."""
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
