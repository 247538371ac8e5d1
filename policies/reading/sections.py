"""How is a value of a text read as what it should be, with every mistake found in one pass?"""

from __future__ import annotations

import re
from collections.abc import Callable
from enum import Enum
from typing import Final, TypeVar, cast

from policies.reading.findings import Finding, TextError, did_you_mean, nearest
from policies.reading.slips import about_list_mark
from policies.reading.values import (
    Read,
    boolean,
    day,
    duration,
    integer,
    name,
    path,
    pinned,
    refused,
    slug,
    span,
    truth_or_code,
    word,
)
from policies.reading.yaml_text import Items, Members, Node, Scalar

T = TypeVar("T")
D = TypeVar("D")
E = TypeVar("E", bound=Enum)

__all__ = [
    "Read",
    "Section",
    "boolean",
    "choice",
    "day",
    "duration",
    "integer",
    "listed",
    "members",
    "members_by_name",
    "name",
    "one_of",
    "path",
    "pinned",
    "refused",
    "slug",
    "span",
    "truth_or_code",
    "word",
]
MOST_ITEMS: Final = 2_000


class Section:
    """Something that is read member by member. What is wrong is kept until `close`, which raises it all.

    One that `keeps` goes on with the sound items of a broken list, so that what is wrong with them is told too.
    """

    def __init__(self, node: Node, what: str, *, keeps: bool = False) -> None:
        if not isinstance(node, Members):
            raise refused(node, f"{what} must have members", "Write each as `name: value`.")
        self._node = node
        self._what = what
        self._keeps = keeps
        self._lacking: dict[str, Finding] = {}
        self._taken: set[str] = set()
        self.findings: list[Finding] = []
        self.broken: set[str] = set()  # members that are missing, or of which not all could be read

    def need(self, name: str, read: Read[T]) -> T:
        """Read a member that must be there."""
        if name not in self._node.members:
            self._taken.add(name)
            self.broken.add(name)
            at = (self._node.line, self._node.column)
            self._lacking[name] = Finding(*at, f"{self._what} lacks {name}", f"Add `{name}:`.")
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
            self.broken.add(name)
            return cast(T, error.kept) if self._keeps and error.kept is not None else default

    def place(self, name: str) -> Node:
        """Return where a member stands, for a finding about it."""
        found = self._node.members.get(name)
        return found[0] if found else self._node

    def names(self) -> tuple[str, ...]:
        """Return the members' names, in the text's order."""
        return tuple(self._node.members)

    def stands(self, name: str) -> bool:
        """Tell whether a member stands here, by its own name or misspelt, once all others were read."""
        strangers = (at for one, (at, _) in self._node.members.items() if one not in self._taken)
        return name in self._node.members or any(self._means(at, name) for at in strangers)

    def check(self, holds: bool, name: str, message: str, remedy: str) -> None:  # noqa: FBT001 -- reads as "check that"
        """Note a finding at a member unless something holds."""
        if not holds:
            at = self.place(name)
            self.findings.append(Finding(at.line, at.column, message, remedy))

    def close(self) -> None:
        """Raise TextError with all findings, unknown members among them."""
        findings = self.told()
        if findings:
            raise TextError(findings)

    def told(self) -> tuple[Finding, ...]:
        """Return all findings, unknown members among them. A member that is misspelt is not said to be missing too."""
        strangers = [at for name, (at, _) in self._node.members.items() if name not in self._taken]
        missing = {name: one for name, one in self._lacking.items() if not any(self._means(at, name) for at in strangers)}
        return (*self.findings, *missing.values(), *(self._unknown(at) for at in strangers))

    def _means(self, at: Scalar, name: str) -> bool:
        return at.text.partition(":")[0] == name or nearest(at.text, self._taken) == name

    def _unknown(self, at: Scalar) -> Finding:
        """Say of a member that nobody knows what may have been meant: a slip in the member before, or another name."""
        name, _, rest = at.text.partition(":")
        if rest and name in self._taken:
            text = f"a blank is missing after `{name}:`"
            return Finding(at.line, at.column + len(name), text, f"Write `{name}: {rest.strip()}`.")
        others = list(self._node.members)
        before = others[others.index(at.text) - 1] if others.index(at.text) else ""
        whole = self._node.members[before][1] if before else None
        if isinstance(whole, Scalar) and re.fullmatch(r"\d{3}", at.text) and re.fullmatch(r"\d{1,3}", whole.text):
            text = f"a comma stands in the number of {before}"
            return Finding(whole.line, whole.column, text, f"Write {whole.text}{at.text}.")
        return Finding(at.line, at.column, f"{self._what} has no member {at.text}", did_you_mean(at.text, self._taken))


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


def listed(read: Read[T], *, may_be_empty: bool = False, lost: T | None = None) -> Read[tuple[T, ...]]:
    """Read a list, each item once, all mistakes at once. `lost` stands in for an item that can't be read, at its place."""

    def read_all(node: Node) -> tuple[T, ...]:
        if not isinstance(node, Items):
            slip = about_list_mark(node.text) if isinstance(node, Scalar) else None
            raise refused(
                node, slip or "a list belongs here", "Write `- ` in its place." if slip else "Write [one, another]."
            )
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
                stand_in = cast(T | None, error.kept) if error.kept is not None else lost
                found += [stand_in] if stand_in is not None else []
                continue
            if isinstance(item, Scalar) and value in found:
                findings.append(Finding(item.line, item.column, f"{item.text} stands here twice", "Keep one."))
                continue
            found.append(value)
        if findings:
            raise TextError(findings, kept=tuple(found))
        return tuple(found)

    return read_all


def members(read_name: Read[str], read: Read[T]) -> Read[dict[str, T]]:
    """Read a mapping whose names are data."""
    return members_by_name(read_name, lambda _: read)


def members_by_name(read_name: Read[str], read_of: Callable[[str], Read[T]]) -> Read[dict[str, T]]:
    """Read a mapping whose names are data, and say how each one's value is read."""

    def read_all(node: Node) -> dict[str, T]:
        if not isinstance(node, Members):
            raise refused(node, "members belong here", "Write {name: value}.")
        found: dict[str, T] = {}
        findings: list[Finding] = []
        for at, value in node.members.values():
            try:
                found[read_name(at)] = read_of(at.text)(value)
            except TextError as error:
                findings += error.findings
        if findings:
            raise TextError(findings, kept=found)
        return found

    return read_all
