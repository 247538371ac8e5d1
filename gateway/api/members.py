"""How is a string of a body read: bounded, and in one form? Messages name the member, never its value."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from typing import Final

from gateway.problems import REQUEST_MALFORMED, ProblemError
from schemas.unseen import holds_unseen, label_form

_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def line(value: str | None, name: str, longest: int) -> str | None:
    """Return a string that fits; the message names the member, never its value."""
    if value is None:
        return None
    # Most are of ASCII, where what is printable is no control character, and is told ten times as fast.
    is_clean = value.isascii() and value.isprintable()
    if not value.strip() or len(value) > longest or (not is_clean and _CONTROL.search(value)):
        raise ProblemError(REQUEST_MALFORMED, f"{name}: 1 to {longest} characters, none of them a control character")
    return value


def lines(values: Sequence[str], name: str, longest: int) -> None:
    """Raise ProblemError unless each string fits: `line` of each, and most of the time of all at once."""
    if not are_plain(values, longest):
        for value in values:
            line(value, name, longest)


def are_plain(values: Collection[str], longest: int) -> bool:
    """Tell whether all strings fit as most do: of ASCII and printable. Of others `line` has yet to tell."""
    together = "".join(values)
    return (
        together.isascii() and together.isprintable() and all(map(str.strip, values)) and max(map(len, values)) <= longest
    )


def seen(value: str | None, name: str, longest: int) -> str | None:
    """Return a string that fits, and that looks like what it is: two that look alike would else be two."""
    found = line(value, name, longest)
    if found is not None and holds_unseen(found):
        raise ProblemError(REQUEST_MALFORMED, f"{name}: it holds a character that nobody sees: type it anew")
    return found


def label(value: str | None, name: str, longest: int) -> str | None:
    """Return the one form of what people type as a label: entries, limits and searches all know it by that."""
    found = seen(value, name, longest)
    return None if found is None else line(label_form(found), name, longest)
