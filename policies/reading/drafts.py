"""What is wrong with a draft that can be read all the same: a word processor's quotes and blanks, noughts before numbers?

A text that was published before these were looked for goes on to mean what it meant: only drafts are held to them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from policies.reading.findings import Finding
from policies.reading.slips import CURLY, odd_blank
from policies.reading.yaml_text import Items, Members, Node, Scalar, read_document, without_mark

# Members whose values are whole numbers, in any text: elsewhere a nought may be a part of a code.
NUMBERS: Final = frozenset(
    {
        *("version", "at_least", "below", "batch", "per_minute", "subjects_per_day", "same_subject_per_day"),
        *("misses_per_day", "people_per_day", "bands", "step", "over", "timeout", "newest"),
    }
)
_NOUGHTS: Final = re.compile(r"-?0\d+")


def draft_slips(text: str) -> tuple[Finding, ...]:
    """Return the slips in a text that can be read. Raises TextError for one that can't."""
    root = read_document(text)
    lines = without_mark(text).split("\n")
    return (*_blanks(lines), *_quotes(root), *_numbers(root, lines))


def _blanks(lines: list[str]) -> Iterator[Finding]:
    for number, line in enumerate(lines, start=1):
        found = odd_blank(line.partition(" #")[0])
        if found is not None and not line.lstrip().startswith("#"):
            yield Finding(number, found[0] + 1, found[1], found[2])


def _quotes(node: Node) -> Iterator[Finding]:
    for one in _scalars(node):
        if one.is_plain and one.text[:1] in CURLY and one.text:
            text = "these are curly quotes: type straight ones, or none"
            yield Finding(one.line, one.column, text, "Type straight quotes, or none.")


def _scalars(node: Node) -> Iterator[Scalar]:
    if isinstance(node, Scalar):
        yield node
    elif isinstance(node, Items):
        for item in node.items:
            yield from _scalars(item)
    else:
        for name, value in node.members.values():
            yield name
            yield from _scalars(value)


def _numbers(node: Node, lines: list[str]) -> Iterator[Finding]:
    if isinstance(node, Items):
        for item in node.items:
            yield from _numbers(item, lines)
    if not isinstance(node, Members):
        return
    for name, value in node.members.values():
        if name.text in NUMBERS:
            given = value.items if isinstance(value, Items) else (value,)
            yield from (_noughts(one, lines) for one in given if isinstance(one, Scalar) and _has_noughts(one))
        yield from _numbers(value, lines)


def _has_noughts(one: Scalar) -> bool:
    return one.is_plain and bool(_NOUGHTS.fullmatch(one.text))


def _noughts(one: Scalar, lines: list[str]) -> Finding:
    before = re.search(r"(\d{1,3}),$", lines[one.line - 1][: one.column - 1])
    if before is not None and len(one.text) == len("000"):
        text = f"a comma stands in the number {before[1]},{one.text}"
        return Finding(one.line, one.column, text, f"Write {before[1]}{one.text}, or a blank after the comma.")
    return Finding(one.line, one.column, f"{one.text} has noughts before it", f"Write {int(one.text)}.")
