"""What is the one form of a label that people type, such as a case reference, and what in it does nobody see?"""

from __future__ import annotations

import unicodedata
from typing import Final

# Neither letters nor signs: controls, formats (joiners, soft hyphen, marks of direction, tags), halves of characters,
# line separators; and what is a letter or sign to nobody because nothing stands there yet.
_UNSEEN: Final = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"})
# Unicode's Default_Ignorable_Code_Point beside those categories, and the blank pattern of Braille.
_IGNORABLE: Final = frozenset(
    map(
        chr,
        (
            *(0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x2800, 0x3164, 0xFFA0),
            *range(0x180B, 0x1810),
            *range(0xFE00, 0xFE10),
            *range(0xE0100, 0xE01F0),
        ),
    )
)


def holds_unseen(text: str) -> bool:
    """Tell whether a text holds a character that nobody sees. A blank of whatever width is seen."""
    if text.isascii():
        return not text.isprintable()
    return any(c in _IGNORABLE or unicodedata.category(c) in _UNSEEN for c in text)


def label_form(text: str) -> str:
    """Return the one form of a label: without width, case, blanks at its ends, or more than one between words.

    It is its own form. What `holds_unseen` finds is to be refused before: it is not taken out here.
    """
    if text.isascii():
        return " ".join(text.lower().split())
    return _step(_step(text))  # folding may bring together what composes


def _step(text: str) -> str:
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return " ".join(folded.split())
