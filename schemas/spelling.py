"""Which spellings of a name or text are one, and which differ in nothing but how they are written?

Marks fall away from Latin, Greek and Cyrillic letters alone: in every other script a mark is a part of the letter, and
two names that differ by one are two names.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

# Letters that Unicode does not take apart into a plain one and a mark.
_PLAIN: Final = str.maketrans(
    {"ø": "o", "đ": "d", "ð": "d", "ł": "l", "æ": "ae", "œ": "oe", "þ": "th", "ħ": "h", "\u0131": "i"}
)
# Letters by Unicode's account that stand for an apostrophe, or for the sign of a breath that keyboards write as one.
_NO_LETTERS: Final = frozenset("\u02b9\u02ba\u02bb\u02bc\u02bd\u02be\u02bf\u02c0\u02c1\u02c8\u02ca\u02cb\u02ee\ua78b\ua78c")
APOSTROPHES: Final = frozenset("'`\u00b4\u2018\u2019\u201b\u2032\u2035\uff07\uff40\u055a\u05f3") | _NO_LETTERS
_MARKS_FOLD: Final = ("LATIN ", "GREEK ", "CYRILLIC ")
_TITLES: Final = frozenset(
    {"mr", "mrs", "ms", "miss", "mx", "dr", "prof", "professor", "rev", "revd", "reverend", "sir", "dame", "lord", "lady"}
)
# What forms with two boxes hold in one of them for somebody who has a single name.
_NO_NAME: Final = frozenset({"fnu", "lnu", "nfn", "nln", "xxx"})
# How one sound of a name is written with a mark in one place and with two letters in another.
_TWO_FOR_ONE: Final = re.compile(r"([aou])e|aa|ss")


def folded(text: str) -> str:
    """Return what spellings of one text share: without case, spaces, punctuation, and marks that fall away."""
    if text.isascii():
        plain = text.lower()
        return plain if plain.isalnum() else "".join(filter(str.isalnum, plain))
    # Twice: folding case takes some letters apart, and putting them together again can make others that fold.
    plain = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold()).casefold()
    decomposed = unicodedata.normalize("NFKD", plain).translate(_PLAIN)
    return unicodedata.normalize("NFC", "".join(_kept(decomposed)))


def name_form(text: str) -> str:
    """Return what spellings of one name share: as `folded`, without a title before it, and a single name but once."""
    words = [form for word in text.split() if (form := folded(word))]
    if len(words) < 2:  # noqa: PLR2004 -- one word is the whole name
        return "".join(words)
    words = _after_titles(words)
    words = [word for word in words if word not in _NO_NAME] or words
    return words[0] if len(set(words)) == 1 else "".join(words)


def without_title(text: str) -> str:
    """Return a name as it is written, without the titles before it."""
    words = text.split()
    return " ".join(words[len(words) - len(_after_titles([folded(word) for word in words])) :])


def differ_in_spelling(one: str, other: str) -> bool:
    """Tell whether two texts may be the same in another spelling, order or script: then neither yes nor no is true."""
    words, others_words = _loose_words(one), _loose_words(other)
    if "".join(words) == "".join(others_words) or sorted(words) == sorted(others_words):
        return True
    scripts, others = _scripts(one), _scripts(other)
    return bool(scripts and others) and not scripts & others


def _kept(decomposed: str) -> Iterator[str]:
    """Give letters, digits, and those marks that are parts of letters."""
    keeps_marks = False
    for character in decomposed:
        if character.isalnum() and character not in _NO_LETTERS:
            keeps_marks = not _name(character).startswith(_MARKS_FOLD)
            yield character
        elif unicodedata.category(character)[0] == "M":
            if keeps_marks and not _is_unseen_mark(character):
                yield character
        elif unicodedata.category(character) != "Cf":  # a joiner ends no letter
            keeps_marks = False


def _is_unseen_mark(character: str) -> bool:
    return character == "\u034f" or "VARIATION SELECTOR" in _name(character)


def _after_titles(words: list[str]) -> list[str]:
    begin = 0
    while begin < len(words) - 1 and words[begin] in _TITLES:
        begin += 1
    return words[begin:]


def _loose_words(text: str) -> list[str]:
    """Return what is left of each word without any mark or double writing."""
    words = without_title(text.replace(",", " ")).split()
    bare = (_without_marks(_TWO_FOR_ONE.sub(lambda found: found[1] or found[0][0], folded(word))) for word in words)
    return [word for word in bare if word]


def _without_marks(text: str) -> str:
    return "".join(c for c in unicodedata.normalize("NFKD", text) if c.isalnum())


def _scripts(text: str) -> frozenset[str]:
    return frozenset(_name(c).partition(" ")[0] for c in folded(text) if c.isalpha())


@lru_cache(maxsize=4_096)
def _name(character: str) -> str:
    return unicodedata.name(character, "")
