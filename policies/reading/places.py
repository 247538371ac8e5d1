"""Where in a text does a flaw stand that only the whole shows?"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from policies.reading.findings import Finding
from policies.reading.yaml_text import Items, Members, Node, read_document

Step = str | int


@dataclass(frozen=True, slots=True)
class Flaw:
    """One thing to mend, by the way to it: `("releases", 2, "as")` is the form of the third release line."""

    way: tuple[Step, ...]
    message: str
    remedy: str


def located(text: str, flaws: Iterable[Flaw], severity: Literal["error", "warning"] = "error") -> tuple[Finding, ...]:
    """Return each flaw with its line and column; one whose way leads nowhere stands at the last step that exists."""
    found = tuple(flaws)
    if not found:
        return ()
    root = read_document(text)
    return tuple(Finding(*_place(root, one.way), one.message, one.remedy, severity) for one in found)


def _place(root: Members, way: tuple[Step, ...]) -> tuple[int, int]:
    node: Node = root
    at = (root.line, root.column)
    for step in way:
        if isinstance(node, Members) and step in node.members:
            name, node = node.members[str(step)]
            at = (name.line, name.column)
        elif isinstance(node, Items) and isinstance(step, int) and step < len(node.items):
            node = node.items[step]
            at = (node.line, node.column)
        else:
            break
    return at
