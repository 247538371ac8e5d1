"""What could a column be as a field: how sensitive, revealing what, whose? Unsure is the stricter class."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Final

from gateway.drafting import words
from gateway.drafting.sample import SampledColumn, Table
from gateway.drafting.typing_columns import type_of
from schemas.forms import FieldType
from schemas.terms import Classification, Origin, SpecialCategory, Tag

LONGEST_NAME: Final = 56  # the language takes 64, and a name that stands twice gets a number
PROTECTED: Final = "protected_address"
YAML_WORDS: Final = frozenset({"null", "true", "false", "yes", "no", "on", "off", "y", "n"})  # words to YAML, not names
_LONG_TEXT: Final = 40  # characters on average: sentences, which may tell of anything
_ABUSE: Final = "do_not warn danger risk"


@dataclass(frozen=True, slots=True)
class Guess:
    """A field that a column could be, with why; `base` is the date that an age is derived from."""

    name: str
    column: SampledColumn
    type: FieldType
    by: str
    classification: Classification
    because: str
    dates: tuple[str, ...] = ()
    categories: frozenset[SpecialCategory] = frozenset()
    reveals: frozenset[Tag] = frozenset()
    origin: Origin | None = None
    marker: bool = False
    of: str | None = None
    base: str | None = None


def guess_fields(table: Table, *, in_group: bool = False) -> tuple[Guess, ...]:
    """Return one guess for each column, and an age for each date of birth; every name once.

    A marker in a group hides its own row, and so it is not called as the record's own are.
    """
    taken: set[str] = set()
    found: list[Guess] = []
    for column in table.columns:
        guess = _guess(column)
        own = field_name(column.name) if in_group else guess.name
        guess = replace(guess, name=_once(own, taken))
        found.append(guess)
        if guess.type is FieldType.DATE and words.says(column.name, "dob born birth"):
            aged = replace(guess, name=_once(f"{guess.name}_age", taken), type=FieldType.AGE, base=guess.name, dates=())
            found.append(replace(aged, by="derived from the date of birth"))
    return tuple(found)


def _once(name: str, taken: set[str]) -> str:
    number, own = 2, name
    while own in taken:
        own, number = f"{name}_{number}", number + 1
    taken.add(own)
    return own


def field_name(column: str) -> str:
    """Return a name that the language takes, as near to the column's as it can be."""
    joined = "_".join(words.tokens(column))[:LONGEST_NAME].strip("_")
    if not joined:
        return "unnamed"
    is_plain = joined[0].isalpha() and joined not in YAML_WORDS
    return joined if is_plain else f"field_{joined}"


def _guess(column: SampledColumn) -> Guess:
    typed = type_of(column)
    classification, categories, because = _classified(column, typed.type)
    marker = _marker(column.name, typed.type)
    return Guess(
        name=marker or field_name(column.name),
        column=column,
        type=typed.type,
        by=typed.by,
        dates=typed.dates,
        classification=classification,
        categories=categories,
        because=because,
        reveals=_reveals(column.name, typed.type),
        origin=next((origin for origin, named in words.ORIGINS.items() if words.says(column.name, named)), None),
        marker=marker is not None,
    )


def _marker(name: str, kind: FieldType) -> str | None:
    """Return a marker's name, or None for what is none: the two that the rules know are called as they call them."""
    if kind not in {FieldType.BOOLEAN, FieldType.CODE}:
        return None
    if kind is FieldType.BOOLEAN and words.says(name, words.DECEASED):
        return "deceased"
    if not words.says(name, words.MARKERS):
        return None
    # Whatever hides or protects is taken for an address's protection, for that is what must never be missed.
    is_address = kind is FieldType.BOOLEAN and not words.says(name, _ABUSE)
    return PROTECTED if is_address else field_name(name)


def _classified(column: SampledColumn, kind: FieldType) -> tuple[Classification, frozenset[SpecialCategory], str]:
    name = column.name
    categories = frozenset(one for one, named in words.SPECIAL.items() if words.says(name, named))
    if words.says(name, words.CRIMINAL):
        return Classification.CRIMINAL_OFFENCE, frozenset(), "its name speaks of offences, courts or the police"
    special = Classification.SPECIAL_CATEGORY
    if categories and kind is not FieldType.NHS_NUMBER:
        return special, categories, "its name speaks of what is special"
    unsure = frozenset({SpecialCategory.HEALTH})
    if kind is FieldType.TEXT and (words.says(name, words.FREE_TEXT) or _is_long(column)):
        return special, unsure, "free text may tell of anything"
    if _is_marker_name(name) or kind in _KNOWN_BY_VALUE or words.is_understood(name):
        return Classification.PERSONAL, frozenset(), "nothing speaks for more"
    return special, unsure, "its name is not understood, and unsure is the stricter class"


_KNOWN_BY_VALUE: Final = frozenset(
    {
        FieldType.POSTCODE,
        FieldType.NINO,
        FieldType.UPN,
        FieldType.NHS_NUMBER,
        FieldType.UPRN,
        FieldType.NAME,
        FieldType.MONEY,
    }
)


def _is_marker_name(name: str) -> bool:
    return words.says(name, words.MARKERS) or words.says(name, words.DECEASED)


def _is_long(column: SampledColumn) -> bool:
    total = sum(map(len, column.values))
    sentences = sum(one.count(" ") > 4 for one in column.values)  # noqa: PLR2004 -- more words than a name or an address line has
    return bool(column.values) and (total > _LONG_TEXT * len(column.values) or sentences * 5 > len(column.values))


def _reveals(name: str, kind: FieldType) -> frozenset[Tag]:
    found = {tag for tag, named in words.TAGS.items() if words.says(name, named)}
    if kind in {FieldType.POSTCODE, FieldType.UPRN}:
        found.add(Tag.LOCATION)
    if Tag.ADOPTION in found or any(one in words.OTHERS for one in words.tokens(name)):
        found.add(Tag.THIRD_PERSON)
    return frozenset(found)


def label_of(name: str) -> str:
    """Return words for people: the column's own name, spelt out."""
    return re.sub(r"\s+", " ", name.replace("_", " ")).strip().capitalize()
