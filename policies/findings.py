"""What is wrong with a text, where, and what should be written instead?"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

from typing_extensions import override

# "No" and "non" are taken for a denial only where a word follows: `none` and `notes` are names.
_DENIAL: Final = re.compile(
    r"\s*(?:(?:not|no|non|never|without|except|unless|isnt|is_not)(?:[\W_]|$)|[!~\u00ac])", re.IGNORECASE
)


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

    def __init__(self, findings: Iterable[Finding], kept: object = None) -> None:
        self.findings = tuple(sorted(findings, key=lambda one: (one.line, one.column)))
        self.kept = kept  # what could be read all the same: of a list its sound items
        super().__init__("\n".join(str(one) for one in self.findings))


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Return the known name that is nearest to a word, where one is near; never what a denial denies."""
    found = difflib.get_close_matches(word, sorted(known), n=1, cutoff=0.6)
    return found[0] if found and denied(word) == denied(found[0]) else None


def denied(word: str) -> bool:
    """Tell whether a name begins as a denial does: its nearest name would say the opposite."""
    return bool(_DENIAL.match(word))


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return the remedy for an unknown name: the nearest known one, or all of them."""
    names = sorted(known)
    near = nearest(word, names)
    if near:
        return f"Did you mean {near}?"
    shown = ", ".join(names[:20]) + (", …" if len(names) > 20 else "")  # noqa: PLR2004 -- as many as one reads
    return f"Write one of: {shown}." if names else "Take it out."
