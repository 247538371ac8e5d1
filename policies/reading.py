"""How is a value of a text read as what it should be, with every mistake found in one pass?"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, timedelta
from enum import Enum
from typing import Final, TypeVar, cast

from policies.findings import Finding, TextError, did_you_mean
from policies.yaml_text import Items, Members, Node, Scalar

T = TypeVar("T")
D = TypeVar("D")
E = TypeVar("E", bound=Enum)
Read = Callable[[Node], T]

MOST_ITEMS: Final = 2_000
_SLUG: Final = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", re.ASCII)
_NAME: Final = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", re.ASCII)
_DURATION: Final = re.compile(r"P(?=.)(\d{1,3}Y)?(\d{1,3}M)?(\d{1,3}W)?(\d{1,4}D)?(T(?=.)(\d{1,4}H)?(\d{1,4}M)?)?")
_DAY: Final = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_PINNED: Final = re.compile(r"([a-z][a-z0-9]*(?:-[a-z0-9]+)*)@([1-9]\d{0,5})", re.ASCII)


def refused(node: Node, message: str, remedy: str) -> TextError:
    """Return the error of one node."""
    return TextError([Finding(node.line, node.column, message, remedy)])


class Section:
    """A mapping that is read member by member. What is wrong is kept until `close`, which raises it all."""

    def __init__(self, node: Node, what: str) -> None:
        if not isinstance(node, Members):
            raise refused(node, f"{what} must be a mapping", "Write `name: value` members.")
        self._node = node
        self._what = what
        self._taken: set[str] = set()
        self.findings: list[Finding] = []

    def need(self, name: str, read: Read[T]) -> T:
        """Read a member that must be there."""
        if name not in self._node.members:
            self._taken.add(name)
            self.findings.append(
                Finding(self._node.line, self._node.column, f"{self._what} lacks {name}", f"Add `{name}:`.")
            )
            return cast(T, None)  # never used: close() raises
        return cast(T, self.may(name, read, None))

    def may(self, name: str, read: Read[T], default: D) -> T | D:
        """Read a member that may be absent."""
        self._taken.add(name)
        found = self._node.members.get(name)
        if found is None:
            return default
        try:
            return read(found[1])
        except TextError as error:
            self.findings += error.findings
            return default

    def place(self, name: str) -> Node:
        """Return where a member stands, for a finding about it."""
        found = self._node.members.get(name)
        return found[0] if found else self._node

    def names(self) -> tuple[str, ...]:
        """Return the members' names, in the text's order."""
        return tuple(self._node.members)

    def check(self, holds: bool, name: str, message: str, remedy: str) -> None:  # noqa: FBT001 -- reads as "check that"
        """Note a finding at a member unless something holds."""
        if not holds:
            at = self.place(name)
            self.findings.append(Finding(at.line, at.column, message, remedy))

    def close(self) -> None:
        """Raise TextError with all findings, unknown members among them."""
        for name, (at, _) in self._node.members.items():
            if name not in self._taken:
                remedy = did_you_mean(name, self._taken)
                self.findings.append(Finding(at.line, at.column, f"{self._what} has no member {name}", remedy))
        if self.findings:
            raise TextError(self.findings)


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
        raise refused(node, f"{text[:80]!r} is not {what}", remedy)
    return text


def integer(low: int, high: int) -> Read[int]:
    """Read a whole number within bounds."""

    def read(node: Node) -> int:
        text = word(node)
        if not re.fullmatch(r"-?\d{1,12}", text, re.ASCII) or not low <= int(text) <= high:
            raise refused(node, f"{text[:80]!r} is not a whole number from {low} to {high}", "Write such a number.")
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
        raise refused(node, f"{text[:80]!r} is not a date", "Write it as 2026-04-01.") from error
    if not 1990 <= found.year <= 2200:  # noqa: PLR2004 -- outside it, a slip of the pen
        raise refused(node, f"{text} lies outside 1990 to 2200", "Check the year.")
    return found


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


def choice(kind: type[E]) -> Read[E]:
    """Read a word of a closed list."""

    def read(node: Node) -> E:
        text = word(node)
        try:
            return kind(text)
        except ValueError as error:
            remedy = did_you_mean(text, [str(one.value) for one in kind])
            raise refused(node, f"unknown word {text[:80]!r}", remedy) from error

    return read


def one_of(*words: str) -> Read[str]:
    """Read one of a few words."""

    def read(node: Node) -> str:
        text = word(node)
        if text not in words:
            raise refused(node, f"unknown word {text[:80]!r}", did_you_mean(text, words))
        return text

    return read


def listed(read: Read[T], *, may_be_empty: bool = False) -> Read[tuple[T, ...]]:
    """Read a list, each item once, all mistakes at once."""

    def read_all(node: Node) -> tuple[T, ...]:
        if not isinstance(node, Items):
            raise refused(node, "a list belongs here", "Write [one, another].")
        if not node.items and not may_be_empty:
            raise refused(node, "the list is empty", "Fill it, or take the member out.")
        if len(node.items) > MOST_ITEMS:
            raise refused(node, f"more than {MOST_ITEMS} items", "Split the text.")
        found: list[T] = []
        findings: list[Finding] = []
        for item in node.items:
            try:
                value = read(item)
            except TextError as error:
                findings += error.findings
                continue
            if isinstance(item, Scalar) and value in found:
                findings.append(Finding(item.line, item.column, f"{item.text} stands here twice", "Keep one."))
            found.append(value)
        if findings:
            raise TextError(findings)
        return tuple(found)

    return read_all


def members(read_name: Read[str], read: Read[T]) -> Read[dict[str, T]]:
    """Read a mapping whose names are data."""

    def read_all(node: Node) -> dict[str, T]:
        if not isinstance(node, Members):
            raise refused(node, "a mapping belongs here", "Write {name: value}.")
        found: dict[str, T] = {}
        findings: list[Finding] = []
        for at, value in node.members.values():
            try:
                found[read_name(at)] = read(value)
            except TextError as error:
                findings += error.findings
        if findings:
            raise TextError(findings)
        return found

    return read_all
