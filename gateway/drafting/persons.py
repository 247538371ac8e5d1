"""Whose data could a record hold, how is somebody found in it, and what would confirm that it is they?"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from gateway.drafting import words
from gateway.drafting.guessing import Guess
from schemas.forms import IDENTIFIERS, FieldType
from schemas.terms import Tag

MOST_KEYS: Final = 4
MOST_DETAILS: Final = 4
SUBJECT: Final = "subject"
_MOST_OTHERS: Final = 4
_HELD: Final = 0.9  # of the rows


@dataclass(frozen=True, slots=True)
class KeyGuess:
    """A key with its confirming details."""

    name: str
    is_place: bool
    confirm: tuple[str, ...]
    at_least: int
    by: str


@dataclass(frozen=True, slots=True)
class Persons:
    """The people of a record, each with the field that could be the source's own reference of them, and the keys."""

    refs: dict[str, tuple[Guess, str]]  # role -> (field, why)
    keys: tuple[KeyGuess, ...]


def guess_persons(fields: tuple[Guess, ...]) -> tuple[Persons, tuple[Guess, ...]]:
    """Return people and keys, and the fields again with whose own each could be."""
    refs = {SUBJECT: _reference(fields)}
    for other in words.OTHERS:
        ref = next((one for one in fields if _is_reference_of(other, one)), None)
        if ref is not None and len(refs) <= _MOST_OTHERS:
            refs[other] = (ref, "its name")
    owned = tuple(replace(one, of=_owner(one, refs)) for one in fields)
    return Persons(refs, _keys(owned, is_alone=len(refs) == 1)), owned


def _reference(fields: tuple[Guess, ...]) -> tuple[Guess, str]:
    plain = [one for one in fields if one.base is None]
    for one in plain:
        if (
            _is_unique(one)
            and one.type is FieldType.REFERENCE
            and words.says(one.column.name, words.PEOPLE)
            and not _other(one)
        ):
            return one, "its name, and every value is another"
    for one in plain:
        if _is_unique(one) and one.type in IDENTIFIERS - {FieldType.UPRN} and not _other(one):
            return one, "every value is another"
    return plain[0], "nothing looks like a person's reference, so the first column stands here"


def _is_reference_of(other: str, one: Guess) -> bool:
    parts = words.tokens(one.column.name)
    return other in parts and one.base is None and any(part in {"ref", "id", "reference"} for part in parts)


def _other(one: Guess) -> str | None:
    return next((part for part in words.tokens(one.column.name) if part in words.OTHERS), None)


def _owner(one: Guess, refs: dict[str, tuple[Guess, str]]) -> str | None:
    other = _other(one)
    return other if other in refs else None


def _is_unique(one: Guess) -> bool:
    values = one.column.values
    enough = len(values) >= _HELD * (len(values) + one.column.blanks)
    return bool(values) and enough and len(set(values)) == len(values)


def _keys(fields: tuple[Guess, ...], *, is_alone: bool) -> tuple[KeyGuess, ...]:
    details = _details(fields)
    names = tuple(one.name for one in details)
    found = [
        KeyGuess(one.name, is_place=False, confirm=_without(names, one), at_least=1, by="every value is another")
        for one in fields
        if one.base is None and one.of is None and _is_unique(one) and one.type in IDENTIFIERS - {FieldType.UPRN}
    ]
    people = tuple(one.name for one in details if one.type is not FieldType.POSTCODE)
    found += [
        KeyGuess(one.name, is_place=True, confirm=people, at_least=2, by="a UPRN is a place, and a place is not a person")
        for one in fields
        # A place finds everybody in the record, and so the details of each would have to be known.
        if one.type is FieldType.UPRN and len(people) > 1 and is_alone
    ]
    found = [one for one in found if one.confirm]
    return tuple(found[:MOST_KEYS]) or (_last_resort(fields, names),)


def _without(names: tuple[str, ...], one: Guess) -> tuple[str, ...]:
    return tuple(name for name in names if name != one.name)


def _last_resort(fields: tuple[Guess, ...], names: tuple[str, ...]) -> KeyGuess:
    plain = [one.name for one in fields if one.base is None]
    confirm = tuple(name for name in names if name != plain[0]) or tuple(plain[1:2]) or (plain[0],)
    by = "nothing looks like a key: every one of these is to be chosen by hand"
    return KeyGuess(plain[0], is_place=False, confirm=confirm, at_least=1, by=by)


def _details(fields: tuple[Guess, ...]) -> list[Guess]:
    """Return what a partner could know of somebody: a surname before another name, a birth date, a postcode."""
    own = [one for one in fields if one.of is None and one.base is None and not _other(one) and not one.marker]
    # A former name may find its person, which the mapping says, and is no detail of its own.
    own = [one for one in own if Tag.GENDER_HISTORY not in one.reveals]
    surnames = [one for one in own if one.type is FieldType.NAME and words.says(one.column.name, "surname last family")]
    names = surnames or [one for one in own if one.type is FieldType.NAME]
    births = [one for one in own if one.type is FieldType.DATE and words.says(one.column.name, "dob born birth")]
    postcodes = [one for one in own if one.type is FieldType.POSTCODE]
    return [*names[:1], *births[:1], *postcodes[:1], *names[1:2]][:MOST_DETAILS]
