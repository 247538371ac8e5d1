"""What is wrong with a text, where, and what should be written instead?"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

from typing_extensions import override

# Words by which a name says that something is not so: its nearest name would say the opposite.
_DENYING: Final = frozenset(
    {
        *("not", "no", "non", "never", "without", "except", "excluding", "unless", "isnt", "lacks", "lacking", "false"),
        *("missing", "absent", "refused", "denied", "withheld", "withdrawn", "revoked"),
    }
)
_PREFIXES: Final = ("not", "non", "un", "no", "in", "dis", "!", "~", "\u00ac", "-")


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
    """Return the known name that is nearest to a word, where one is near; never what the word denies."""
    found = difflib.get_close_matches(word, sorted(known), n=1, cutoff=0.6)
    return found[0] if found and not denies(word, found[0]) else None


def denies(word: str, known: str) -> bool:
    """Tell whether a word says that a known name's thing is not so, or the reverse."""
    lowered = word.lower().strip()
    if any(lowered == prefix + known or known == prefix + lowered for prefix in _PREFIXES):
        return True
    return bool(_parts(word) & _DENYING) != bool(_parts(known) & _DENYING)


def denied(word: str) -> str | None:
    """Return what a word denies: it without the words that do; None where it denies nothing."""
    kept = [part for part in re.split(r"[\W_]+", word) if part and part.lower() not in _DENYING]
    given = [part for part in re.split(r"[\W_]+", word) if part]
    if len(kept) < len(given):
        return "_".join(kept)
    return "_".join(given) if word.strip()[:1] in {"!", "~", "\u00ac", "-"} else None


def _parts(word: str) -> frozenset[str]:
    return frozenset(part.lower() for part in re.split(r"[\W_]+", word))


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return the remedy for an unknown name: the nearest known one, or all of them."""
    names = sorted(known)
    near = nearest(word, names)
    if near:
        return f"Did you mean {near}?"
    shown = ", ".join(names[:20]) + (", …" if len(names) > 20 else "")  # noqa: PLR2004 -- as many as one reads
    return f"Write one of: {shown}." if names else "Take it out."
