"""How is one value of a text read as what it should be? Each reader raises where it stands, and says what to write."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, timedelta
from typing import Final, TypeVar

from policies.reading.findings import Finding, TextError
from policies.reading.slips import DASHES, ODD_BLANKS
from policies.reading.yaml_text import Node, Scalar

T = TypeVar("T")
Read = Callable[[Node], T]

_SLUG: Final = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", re.ASCII)
_NAME: Final = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", re.ASCII)
_DURATION: Final = re.compile(r"P(?=.)(\d{1,3}Y)?(\d{1,3}M)?(\d{1,3}W)?(\d{1,4}D)?(T(?=.)(\d{1,4}H)?(\d{1,4}M)?)?")
_DAY: Final = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
# What parts the thousands of a number in a letter, and in none of ours.
_PARTED: Final = re.compile(rf"[,_'\s{ODD_BLANKS}](?=\d{{3}})")
_MONTHS: Final = (
    *("january", "february", "march", "april", "may", "june", "july"),
    *("august", "september", "october", "november", "december"),
)
_PINNED: Final = re.compile(r"([a-z][a-z0-9]*(?:-[a-z0-9]+)*)@([1-9]\d{0,5})", re.ASCII)


def refused(node: Node, message: str, remedy: str) -> TextError:
    """Return the error of one node."""
    return TextError([Finding(node.line, node.column, message, remedy)])


def word(node: Node) -> str:
    """Return a short text, not empty."""
    if not isinstance(node, Scalar):
        raise refused(node, "one value belongs here", "Write a single value.")
    text = node.text.strip()
    if not text or (node.is_plain and text in {"~", "null", "Null", "NULL"}):
        raise refused(node, "empty", "Write a value, or take the member out.")
    if len(text) > 2_000:  # noqa: PLR2004 -- longer than anyone reads in a rule
        raise refused(node, "longer than 2,000 characters", "Say it shorter.")
    return text


def slug(node: Node) -> str:
    """Return an id such as `council-tax`."""
    return _matching(node, _SLUG, "an id", "Use lower-case words joined by hyphens.")


def name(node: Node) -> str:
    """Return a name such as `date_of_birth`."""
    return _matching(node, _NAME, "a name", "Use lower-case words joined by underscores.")


def path(node: Node) -> str:
    """Return a field's name, or `group.name`."""
    text = word(node)
    if not all(_NAME.fullmatch(part) for part in text.split(".")) or text.count(".") > 1:
        raise refused(node, f"{text!r} is not a field's name", "Write name, or group.name.")
    return text


def _matching(node: Node, pattern: re.Pattern[str], what: str, remedy: str) -> str:
    text = word(node)
    if not pattern.fullmatch(text) or len(text) > 64:  # noqa: PLR2004 -- fits columns, keys and headers
        typed = re.sub(rf"[{DASHES}]", "-", text)
        if typed != text and pattern.fullmatch(typed):
            raise refused(node, f"a long dash stands in {text[:80]!r}", f"Write {typed}, with a hyphen.")
        raise refused(node, f"{text[:80]!r} is not {what}", remedy)
    return text


def integer(low: int, high: int) -> Read[int]:
    """Read a whole number within bounds."""

    def read(node: Node) -> int:
        text = word(node)
        if not re.fullmatch(r"-?\d{1,12}", text, re.ASCII) or not low <= int(text) <= high:
            digits = _PARTED.sub("", text)
            remedy = (
                f"Write {digits}." if digits != text and digits.isascii() and digits.isdigit() else "Write such a number."
            )
            raise refused(node, f"{text[:80]!r} is not a whole number from {low} to {high}", remedy)
        return int(text)

    return read


def boolean(node: Node) -> bool:
    """Return true or false; `yes`, `on` and `1` are refused as unclear."""
    text = word(node)
    if text not in {"true", "false"}:
        raise refused(node, f"{text[:80]!r} is neither true nor false", "Write true or false.")
    return text == "true"


def truth_or_code(node: Node) -> bool | str:
    """Return a marker's value: true, false, or a code."""
    text = word(node)
    if isinstance(node, Scalar) and node.is_plain and text in {"true", "false"}:
        return text == "true"
    return text


def day(node: Node) -> date:
    """Return a calendar date."""
    text = word(node)
    try:
        # `fromisoformat` takes more than one way to write a day.
        found = date.fromisoformat(text if _DAY.fullmatch(text) else "")
    except ValueError as error:
        meant = written_day(text)
        remedy = f"Write {meant.isoformat()}." if meant else "Write it as 2026-04-01."
        raise refused(node, f"{text[:80]!r} is not a date", remedy) from error
    if not 1990 <= found.year <= 2200:  # noqa: PLR2004 -- outside it, a slip of the pen
        raise refused(node, f"{text} lies outside 1990 to 2200", "Check the year.")
    return found


def written_day(text: str) -> date | None:
    """Return the day that somebody wrote as in a letter: the day first, then the month, as a word or a number."""
    found = re.fullmatch(r"(\d{1,2})(?:st|nd|rd|th)?[\s./-]+([A-Za-z]{3,9}\.?|\d{1,2}),?[\s./-]+(\d{4})", text.strip())
    year_first = re.fullmatch(r"(\d{4})[\s./-](\d{1,2})[\s./-](\d{1,2})", text.strip())
    if year_first:
        return _day_of(int(year_first[1]), int(year_first[2]), int(year_first[3]))
    if not found:
        return None
    named = [number for number, one in enumerate(_MONTHS, start=1) if one.startswith(found[2].lower().rstrip("."))]
    return _day_of(int(found[3]), int(found[2]) if found[2].isdigit() else next(iter(named), 0), int(found[1]))


def _day_of(year: int, month: int, on: int) -> date | None:
    try:
        return date(year, month, on)
    except ValueError:
        return None


def duration(node: Node) -> str:
    """Return an ISO 8601 duration, as it was written."""
    text = word(node)
    if not _DURATION.fullmatch(text):
        raise refused(node, f"{text[:80]!r} is not a duration", "Write one as P6Y, P30D or PT12H (ISO 8601).")
    return text


def span(node: Node) -> timedelta:
    """Return a duration of days, hours and minutes."""
    text = duration(node)
    found = re.fullmatch(r"P(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?)?", text)
    if found is None:
        raise refused(node, f"{text} has no fixed length", "Use weeks, days, hours and minutes.")
    weeks, days, hours, minutes = (int(part or 0) for part in found.groups())
    return timedelta(weeks=weeks, days=days, hours=hours, minutes=minutes)


def pinned(node: Node) -> tuple[str, int]:
    """Return an id with a version: `council-tax@2`."""
    text = word(node)
    found = _PINNED.fullmatch(text)
    if found is None:
        raise refused(node, f"{text[:80]!r} names no version", "Write id@version, such as council-tax@2.")
    return found[1], int(found[2])
