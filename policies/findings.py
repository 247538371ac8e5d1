"""What is wrong with a text, where, and what should be written instead?"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from typing_extensions import override


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to mend. `line` and `column` count from one; `remedy` says what to write instead."""

    line: int
    column: int
    message: str
    remedy: str
    severity: Literal["error", "warning"] = "error"

    @override
    def __str__(self) -> str:
        return f"line {self.line}, column {self.column}: {self.message}. {self.remedy}"


class TextError(Exception):
    """A text that does not hold together: every finding at once, in the order of the text."""

    def __init__(self, findings: Iterable[Finding]) -> None:
        self.findings = tuple(sorted(findings, key=lambda one: (one.line, one.column)))
        super().__init__("\n".join(str(one) for one in self.findings))


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return the remedy for an unknown name: the nearest known one, or all of them."""
    names = sorted(known)
    near = difflib.get_close_matches(word, names, n=1, cutoff=0.6)
    if near:
        return f"Did you mean {near[0]}?"
    shown = ", ".join(names[:20]) + (", …" if len(names) > 20 else "")  # noqa: PLR2004 -- as many as one reads
    return f"Write one of: {shown}." if names else "Take it out."
