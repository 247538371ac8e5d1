"""Which slip of the keyboard, or of a word processor, keeps a text from being read? In words for who writes no programs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from policies.reading.findings import Finding

CURLY: Final = "\u2018\u2019\u201a\u201b\u201c\u201d\u201e\u201f\u00ab\u00bb"
# What looks like a blank and is none; a word processor puts it in so that a line does not break there.
ODD_BLANKS: Final = "\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000"
DASHES: Final = "\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe58\uff0d"
_MARKS: Final = "\u2022\u00b7\u25cf\u25aa\u25e6\u2219\uf0b7*+"
_LIST_MARK: Final = re.compile(rf"\s*([{DASHES}]|[{re.escape(_MARKS)}](?=\s))")
_NO_BLANK_AFTER_HYPHEN: Final = re.compile(r"\s*-(?=[A-Za-z{\[\"'])")
_NO_BLANK: Final = re.compile(r"(?:^\s*(?:-\s+)?|[{,]\s*)([A-Za-z_][\w.-]*):(?=[^\s/:])")
_CURLY_VALUE: Final = re.compile(rf"(?:^\s*|[:\[{{,]\s*|-\s+)([{CURLY}])")
_OTHER_COLON: Final = re.compile(r"\s*(?:-\s+)?[A-Za-z_][\w.-]*\s*([;=\uff1a\ufe55\u2236])")
_COLON_NAMES: Final = {";": "a semicolon", "=": "an equals sign"}


@dataclass(frozen=True, slots=True)
class Problem:
    """What the reader stumbled over, and where; lines and columns count from one. Its words are no words for an author."""

    words: str
    line: int
    column: int
    context: str = ""
    context_line: int = 0
    context_column: int = 0


def explain(text: str, problem: Problem) -> tuple[Finding, ...]:
    """Return every slip that a text shows; where it shows none, what was stumbled over."""
    lines = text.split("\n")
    return tuple(slips(lines)) or (_stumbled(lines, problem),)


def slips(lines: list[str]) -> Iterator[Finding]:
    """Yield what a look at each line alone shows."""
    for number, line in enumerate(lines, start=1):
        bare = _bare(line)
        for place, message, remedy in _slips_of(bare):
            yield Finding(number, place + 1, message, remedy)


def _slips_of(bare: str) -> Iterator[tuple[int, str, str]]:
    if "\t" in bare:
        place = bare.index("\t")
        indents = not bare[:place].strip()
        what = "a tab stands here: indent by blanks" if indents else "a tab stands here: type a blank"
        yield place, what, "Put blanks in its place." if indents else "Put a blank in its place."
    odd = odd_blank(bare)
    if odd is not None:
        yield odd
    mark = _LIST_MARK.match(bare)
    if mark is not None:
        yield mark.start(1), _about_mark(mark[1]), "Write `- ` in its place."
    hyphen = _NO_BLANK_AFTER_HYPHEN.match(bare)
    if hyphen is not None:
        yield hyphen.end() - 1, "a blank is missing after the hyphen", "Write `- ` and then the rest."
    for found in _NO_BLANK.finditer(bare):
        rest = bare[found.end() :].strip()
        yield found.end() - 1, f"a blank is missing after `{found[1]}:`", f"Write `{found[1]}: {_first(rest)}`."
    for found in _CURLY_VALUE.finditer(bare):
        yield found.start(1), "these are curly quotes: type straight ones, or none", "Type straight quotes, or none."


def odd_blank(line: str) -> tuple[int, str, str] | None:
    """Return where a line has what looks like a blank and is none, with what to say of it."""
    found = next((place for place, character in enumerate(line) if character in ODD_BLANKS), None)
    if found is None:
        return None
    what = "a no-break space" if line[found] in "\u00a0\u202f" else "a blank of another width"
    return found, f"{what} stands here", "Type an ordinary blank in its place."


def about_list_mark(text: str) -> str | None:
    """Return what is wrong with a value that begins as a list in a letter would; None where it does not."""
    found = _LIST_MARK.match(text)
    return _about_mark(found[1]) if found else None


def _about_mark(mark: str) -> str:
    what = "a long dash" if mark in DASHES else {"*": "a star", "+": "a plus sign"}.get(mark, "a dot")
    return f"a list begins with a hyphen (-), and this is {what}"


def _first(rest: str) -> str:
    """Return the value that stands there, as far as a line tells it; what was in quotes is not repeated."""
    value = re.split(r"[,}\]]", rest, maxsplit=1)[0].strip() if rest[:1] not in "[{" else ""
    return value if value and "\x01" not in value else "…"


def _bare(line: str) -> str:
    """Return a line without its comment, with what stands in straight quotes made unreadable, each thing at its place."""
    found: list[str] = []
    quote, before = "", ""
    for place, character in enumerate(line):
        if quote:
            found.append("\x01")
            if character == quote and (quote == "'" or line[place - 1] != "\\"):
                quote = ""
            continue
        if character == "#" and (place == 0 or line[place - 1] in " \t"):
            break
        if character in "\"'" and before in {"", ":", ",", "[", "{", "-"}:
            quote = character
        found.append("\x01" if quote else character)
        before = character if not character.isspace() else before
    return "".join(found).rstrip("\r")


# -- by what was stumbled over


def _stumbled(lines: list[str], problem: Problem) -> Finding:
    words, line, column = problem.words, problem.line, problem.column
    if "quoted" in problem.context:
        if "escape" in words or "hexadecimal" in words:
            text = "a backslash in double quotes does not stand for itself"
            return Finding(line, column, text, "Put the value in single straight quotes.")
        at = (problem.context_line, problem.context_column)
        return Finding(*at, "a quotation mark opens here and is never closed", "Close it, or take it out.")
    if words.startswith("expected ',' or"):
        return _bracket(problem)
    if "node content" in words:
        opened = _never_closed(lines)
        if opened is not None:
            return Finding(*opened, "the bracket that opens here is not closed", "Close it where the part ends.")
    if words.startswith("expected <block end>") and words.rstrip("'")[-1] in "}]":
        return Finding(line, column, "this bracket was not opened before", "Take it out, or open it where the part begins.")
    if "values are not allowed here" in words:
        return _second_colon(lines, problem)
    if "could not find expected ':'" in words:
        return _no_colon(lines, problem)
    if words.startswith("expected <block end>"):
        return _indented(lines, problem)
    return _sign(lines, problem)


def _bracket(problem: Problem) -> Finding:
    if problem.line > problem.context_line:
        at = (problem.context_line, problem.context_column)
        return Finding(*at, "the bracket that opens here is not closed", "Close it where the part ends.")
    text = "a comma is missing before this, or a closing bracket"
    return Finding(problem.line, problem.column, text, "Part members by commas, and close each bracket.")


def _never_closed(lines: list[str]) -> tuple[int, int] | None:
    """Return where the innermost bracket opens that nothing closes."""
    opened: list[tuple[int, int]] = []
    for number, line in enumerate(lines, start=1):
        for place, character in enumerate(_bare(line), start=1):
            if character in "[{":
                opened.append((number, place))
            elif character in "]}" and opened:
                opened.pop()
    return opened[-1] if opened else None


def _second_colon(lines: list[str], problem: Problem) -> Finding:
    bare = _bare(lines[problem.line - 1])
    colons = [found.start() for found in re.finditer(r":(?=\s|$)", bare)]
    if len(colons) > 1:
        text = "a second colon stands in this line, so it can't be told where the value begins"
        return Finding(problem.line, colons[1] + 1, text, "Put the value in straight quotes.")
    return _indented(lines, problem)


def _no_colon(lines: list[str], problem: Problem) -> Finding:
    number = problem.context_line or problem.line
    line = _bare(lines[number - 1])
    other = _OTHER_COLON.match(line)
    if other is not None:
        what = _COLON_NAMES.get(other[1], "a wide one of another script")
        return Finding(number, other.start(1) + 1, f"a colon (:) belongs here, and this is {what}", "Write `name: value`.")
    return Finding(number, _indent(line) + 1, "a colon is missing in this line", "Write `name: value`.")


def _indented(lines: list[str], problem: Problem) -> Finding:
    own = _indent(lines[problem.line - 1])
    above = [_indent(one) for one in lines[: problem.line - 1] if one.strip() and not one.lstrip().startswith("#")]
    if not above or own == above[-1]:
        text = "this line is no part of the list before it: it does not begin with a hyphen, or a colon is missing"
        return Finding(problem.line, own + 1, text, "Begin each item of a list with `- `, in one column.")
    expected = min({*above} - {own}, key=lambda one: (abs(one - own), one != above[-1]), default=above[-1])
    text = f"this line is indented by {own} blank{'' if own == 1 else 's'}, and its neighbours by {expected}"
    return Finding(problem.line, own + 1, text, f"Indent it by {expected}: what belongs together begins in one column.")


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


def _sign(lines: list[str], problem: Problem) -> Finding:
    at_context = problem.context and problem.context_line
    line, column = (problem.context_line, problem.context_column) if at_context else (problem.line, problem.column)
    text = lines[line - 1] if 0 < line <= len(lines) else ""
    sign = text[column - 1 : column]
    if sign and not sign.isalnum() and not sign.isspace():
        return Finding(line, column, f"a value or line can't begin with {sign}", "Put the value in straight quotes.")
    remedy = "Compare it with its neighbours: blanks, colons, commas, brackets, quotes."
    return Finding(line, column, "from here on the text can't be read", remedy)
