"""How is a YAML text read so that nothing in it can hurt, and every word knows where it stands?

Scalars stay text until a reader asks for a type, so YAML 1.1's traps (`no`, `08`, `1:30`) have no teeth.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    NodeEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from policies.reading.findings import Finding, TextError
from policies.reading.slips import Problem, explain

LARGEST: Final = 262_144  # bytes
DEEPEST: Final = 12
MOST_NODES: Final = 20_000
KEPT_UP_TO: Final = (
    32_768  # characters of a text that stays read: more than any that people write, and no burden a hundred times
)
# Characters that make a text read otherwise than it is: bidirectional controls and their like.
_HIDDEN: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})


@dataclass(frozen=True, slots=True)
class Scalar:
    """One word or phrase. `is_plain` is False where it stood in quotes or in a block."""

    text: str
    is_plain: bool
    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Items:
    """A list."""

    items: tuple[Node, ...]
    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Members:
    """What has members; they stand here by name, each with the place of the name."""

    members: dict[str, tuple[Scalar, Node]]
    line: int
    column: int


Node = Scalar | Items | Members


def read_document(text: str) -> Members:
    """Return the members of a text. Raises TextError for what is malformed, too large, or in disguise.

    A published text is read again and again, by each check of a draft against what is live, and never changes: the last
    ones stay read. Nodes are shared, so whoever gets them leaves them as they are.
    """
    return _read_again(text) if len(text) <= KEPT_UP_TO else _read(text)


@lru_cache(maxsize=128)
def _read_again(text: str) -> Members:
    return _read(text)


def _read(text: str) -> Members:
    text = without_mark(text)
    _check_characters(text)
    yaml = YAML(typ="safe", pure=True)
    try:
        return _Builder(yaml.parse(text)).document()
    except MarkedYAMLError as error:
        raise TextError(explain(text, _problem(error))) from error
    except (YAMLError, ValueError, OverflowError, RecursionError) as error:
        raise TextError(explain(text, Problem("", 1, 1))) from error


def without_mark(text: str) -> str:
    """Return a text without the byte order mark that some editors put before it: it says nothing."""
    return text.removeprefix("\ufeff")


def _problem(error: MarkedYAMLError) -> Problem:
    mark, context = error.problem_mark, error.context_mark
    line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
    begun = (context.line + 1, context.column + 1) if context else (0, 0)
    return Problem(error.problem or "", line, column, error.context or "", begun[0], begun[1])


def _check_characters(text: str) -> None:
    try:
        size = len(text.encode())
    except UnicodeEncodeError as error:
        raise TextError([Finding(1, 1, "half a character pair stands in it", "Write the text as UTF-8.")]) from error
    if size > LARGEST:
        raise TextError([Finding(1, 1, f"{size} bytes, more than {LARGEST}", "Split the text.")])
    for number, line in enumerate(text.split("\n"), start=1):
        for place, character in enumerate(line, start=1):
            if " " <= character <= "~" or character in "\t\r":
                continue
            if unicodedata.category(character) in _HIDDEN:
                what = f"the hidden character U+{ord(character):04X}"
                raise TextError([Finding(number, place, what, "Take it out.")])


class _Builder:
    """Builds nodes from the parser's events; lives for one text."""

    def __init__(self, events: Iterator[Event]) -> None:
        self._events = events
        self._nodes = 0

    def document(self) -> Members:
        root: Node | None = None
        for event in self._events:
            if isinstance(event, DocumentStartEvent) and root is not None:
                raise _refused(event, "a second text begins here", "Keep one text to a file.")
            if isinstance(event, NodeEvent):
                root = self._node(event, 1)
        if not isinstance(root, Members):
            line, column = (root.line, root.column) if root else (1, 1)
            raise TextError([Finding(line, column, "the text does not consist of members", "Begin with `name: value`.")])
        return root

    def _node(self, event: Event, depth: int) -> Node:
        self._nodes += 1
        if self._nodes > MOST_NODES:
            raise _refused(event, f"more than {MOST_NODES} values", "Split the text.")
        if depth > DEEPEST:
            raise _refused(event, f"nested deeper than {DEEPEST}", "Write it flatter.")
        if isinstance(event, AliasEvent) or getattr(event, "anchor", None) is not None:
            raise _refused(event, "a value can't begin with & or *", "Put it in straight quotes.")
        if getattr(event, "tag", None) is not None:
            raise _refused(event, "a value can't begin with !", "Put it in straight quotes.")
        line, column = event.start_mark.line + 1, event.start_mark.column + 1
        if isinstance(event, ScalarEvent):
            return Scalar(event.value, event.style is None, line, column)
        if isinstance(event, SequenceStartEvent):
            return Items(tuple(self._items(depth)), line, column)
        return Members(self._members(depth), line, column)

    def _items(self, depth: int) -> Iterator[Node]:
        for event in self._events:
            if isinstance(event, SequenceEndEvent):
                return
            yield self._node(event, depth + 1)

    def _members(self, depth: int) -> dict[str, tuple[Scalar, Node]]:
        found: dict[str, tuple[Scalar, Node]] = {}
        while not isinstance(event := next(self._events), MappingEndEvent):
            name = self._node(event, depth + 1)
            if not isinstance(name, Scalar):
                raise _refused(event, "a name must be one word", "Write `name: value`.")
            if name.text == "<<":
                raise _refused(event, "a member can't be called <<", "Write each member out.")
            if name.text in found:
                raise _refused(event, f"{name.text} stands here twice", "Keep one of them.")
            found[name.text] = (name, self._node(next(self._events), depth + 1))
        return found


def _refused(event: Event, message: str, remedy: str) -> TextError:
    return TextError([Finding(event.start_mark.line + 1, event.start_mark.column + 1, message, remedy)])
