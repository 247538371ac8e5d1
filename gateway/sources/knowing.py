"""Does a source know the person whom a reference names, and by which spelling? Judged on references that it holds."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from gateway.sources.comparing import person_form
from gateway.sources.contract import Known

MOST_NEAR: Final = 3
DROPPED: Final = ("-", " ", ".", "/")
ALIKE: Final = (("l", "1"), ("i", "1"), ("o", "0"))
_LIKENESS: Final = str.maketrans(
    {chr(one): chr(one + 32) for one in range(ord("A"), ord("Z") + 1)}
    | dict.fromkeys(DROPPED, "")
    | dict(ALIKE)
    | {one.upper(): digit for one, digit in ALIKE}
)


def likeness(text: str) -> str:
    """Return what all references share that a hand might write for one another."""
    return text.strip().translate(_LIKENESS)


def known_of(reference: str, held: Iterable[object], *, taken: bool = False) -> Known:
    """Return whether one of the references that are held is this one, else those that are near.

    Consents and restrictions count by the form that a record yields, and so no other is the person's. `taken`: the source
    itself took all of these for the reference, whatever their case; one alone is then meant.
    """
    own, like = person_form(reference), likeness(reference)
    forms: set[str] = set()
    for raw in held:
        form = person_form(raw)
        if not form:  # nobody
            continue
        if form == own:
            return Known(form)
        if taken or likeness(form) == like:
            forms.add(form)
    if taken and len(forms) == 1:
        return Known(next(iter(forms)))
    return Known(None, tuple(sorted(forms)[:MOST_NEAR]))
