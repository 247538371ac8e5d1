"""How are a source's capitals written as people write them? By grapheme: a mark ends no word."""

from __future__ import annotations

import unicodedata
from typing import Final

from schemas.spelling import APOSTROPHES

_DOTTED: Final = "\u0130"  # İ, which lower case takes apart into an i and a stray dot
_JOINERS: Final = frozenset("\u200c\u200d")


def lower_case(text: str) -> str:
    """Return a text in lower case, each letter one character where Unicode has one."""
    if text.isascii():
        return text.lower()
    return unicodedata.normalize("NFC", text).replace(_DOTTED, "i").lower()


def title_case(text: str) -> str:
    """Return a text with each word's first letter alone in upper case; apostrophes stay as they are held.

    A letter that stands alone behind an apostrophe is the end of its word: O'Brien, but St Mary's.
    """
    if text.isascii() and text.replace(" ", "").isalpha():  # as most names are: then a word is what stands between blanks
        return text.title()
    text = text if text.isascii() else unicodedata.normalize("NFC", text)
    found, place = [], 0
    while place < len(text):
        end = _word_end(text, place)
        if end == place:
            found.append(text[place])
            place += 1
            continue
        word = text[place:end]
        found.append(lower_case(word) if found and _is_ending(text, place, end) else _capitalised(word))
        place = end
    return "".join(found)


def _word_end(text: str, place: int) -> int:
    """Return where a run of letters with their marks ends."""
    if not _is_letter(text[place]):
        return place
    end = place + 1
    while end < len(text) and (_is_letter(text[end]) or _continues(text[end])):
        end += 1
    return end


def _is_letter(character: str) -> bool:
    return character.isalpha() and character not in APOSTROPHES


def _continues(character: str) -> bool:
    return unicodedata.category(character)[0] == "M" or character in _JOINERS


def _is_ending(text: str, place: int, end: int) -> bool:
    """Tell whether a run is one letter between an apostrophe inside its word and the word's end."""
    before = text[max(0, place - 2) : place]
    is_inside = before[1:] != "" and before[1] in APOSTROPHES and (_is_letter(before[0]) or _continues(before[0]))
    is_one = _first_grapheme(text[place:end]) == end - place
    is_end = end == len(text) or not (text[end].isalnum() or text[end] in APOSTROPHES)
    return is_inside and is_one and is_end


def _first_grapheme(word: str) -> int:
    end = 1
    while end < len(word) and _continues(word[end]):
        end += 1
    return end


def _capitalised(word: str) -> str:
    """Return a word with its first letter as a title's: of İ the capital is İ, which is what is held."""
    end = _first_grapheme(word)
    lowered = lower_case(word)  # of the whole word, for a letter's shape may depend on whether others stand before it
    return unicodedata.normalize("NFC", word[:end].title() + lowered[end:])
