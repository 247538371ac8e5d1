"""How is a draft written down, so that it parses at once and every guess says that it is one?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from gateway.drafting.guessing import PROTECTED, Guess, field_name, guess_fields, label_of
from gateway.drafting.persons import KeyGuess, Persons, guess_persons
from gateway.drafting.sample import Table, plain_name, shown
from policies.reading.parse import parse_dataset
from schemas.forms import FieldType

AGE_BANDS: Final = "[0, 16, 18, 25, 65]"
_HEAD: Final = """\
# A draft: guesses from the names of columns and a sample of rows, of which none stands here. It decides nothing. A
# person who knows the system confirms or mends each line that says `guess`, and takes the remark away. Of a code,
# write the `groups` by hand; of a number, the `bands`.
"""
_NO_PROTECTION: Final = """\
  # guess: no column looks like the protection of an address. Who must not be found needs a boolean with `marker: true`
  # and `protects: [location]`; confirm where the system says who they are, or write `no_protection:` with the reason.\
"""


@dataclass(frozen=True, slots=True)
class Draft:
    """A dataset's text, and the guesses that it was written from; `groups` by name, each with its table."""

    dataset_id: str
    text: str
    table: Table
    fields: tuple[Guess, ...]
    persons: Persons
    groups: dict[str, tuple[Table, tuple[Guess, ...]]]


def draft_dataset(tables: list[Table], dataset_id: str) -> Draft:
    """Return a dataset for the first table, with the others as its groups."""
    persons, fields = guess_persons(guess_fields(tables[0]))
    groups: dict[str, tuple[Table, tuple[Guess, ...]]] = {}
    for table in tables[1:]:
        groups[_group_name(table, {*groups, *(one.name for one in fields)})] = (table, guess_fields(table, in_group=True))
    lines = [
        _HEAD.rstrip(),
        f"dataset: {dataset_id}  # guess: the table's name; confirm",
        "version: 1",
        f"title: {_quoted(label_of(dataset_id.replace('-', '_')))}  # guess: the table's name; confirm",
        "collected_for: to-be-said  # guess: a source does not say it; write what the data were collected for, and confirm",
        "collected_under: to-be-said  # guess: a source does not say it; write the statute, and confirm",
        *_people(persons),
        "keys:",
        *map(_key, persons.keys),
        "fields:",
        *(f"  {_field(one)}" for one in fields),
        *([] if any(one.name == PROTECTED for one in fields) else [_NO_PROTECTION]),
        *_groups(groups),
    ]
    text = "\n".join(lines) + "\n"
    parse_dataset(text)  # a draft that does not hold together is an error of ours, and no help to anyone
    return Draft(dataset_id, text, tables[0], fields, persons, groups)


def _group_name(table: Table, taken: set[str]) -> str:
    own = field_name(plain_name(table.name))
    number, found = 2, own
    while found in taken:
        found, number = f"{own}_{number}", number + 1
    return found


def _people(persons: Persons) -> list[str]:
    lines = ["people:"]
    for role, (ref, why) in persons.refs.items():
        lines.append(f"  {role}: {{ref: {role}_ref}}  # guess: {_of(ref)}, by {why}; confirm whose data a record holds")
    return lines


def _key(key: KeyGuess) -> str:
    finds = "place" if key.is_place else "[subject]"
    members = f"finds: {finds}, confirm: [{', '.join(key.confirm)}], at_least: {key.at_least}"
    return f"  {key.name}: {{{members}}}  # guess: {key.by}; confirm key and details"


def _field(one: Guess) -> str:
    members = [f"type: {one.type.value}", f"label: {_quoted(label_of(one.name))}"]
    if one.base is not None:
        members.append(f"from: {one.base}")
    members.append(f"classification: {one.classification.value}")
    if one.categories:
        members.append(f"categories: [{', '.join(sorted(one.categories))}]")
    if one.reveals:
        members.append(f"reveals: [{', '.join(sorted(one.reveals))}]")
    if one.origin is not None:
        members.append(f"origin: {one.origin.value}")
    if one.of is not None:
        members.append(f"of: {one.of}")
    if one.marker:
        members.append("marker: true")
    if (
        one.name == PROTECTED
    ):  # a marker keeps back what it says that it protects, and no dataset with places is published without
        members.append("protects: [location]")
    if one.type is FieldType.AGE:
        members.append(f"bands: {AGE_BANDS}")
    return f"{one.name}: {{{', '.join(members)}}}  # guess: {_why(one)}; confirm"


def _why(one: Guess) -> str:
    parts = [] if one.column.name == one.name else [_of(one)]
    parts += [f"{one.type.value}, {one.by}", f"{one.classification.value}, {one.because}"]
    if one.reveals:
        parts.append("reveals, by its name and type")
    if one.origin is not None:
        parts.append("origin, by its name")
    if one.of is not None:
        parts.append("of, by its name")
    if one.marker:
        blank = "; say in the mapping what a blank means" if one.type is FieldType.BOOLEAN else ""
        parts.append(f"a marker, by its name{blank}")
    return "; ".join(parts)


def _of(one: Guess) -> str:
    return f"column {_quoted(shown(one.column.name))}"


def _groups(groups: dict[str, tuple[Table, tuple[Guess, ...]]]) -> list[str]:
    if not groups:
        return []
    lines = ["groups:"]
    for name, (_, fields) in groups.items():
        order = next((one for one in fields if one.type is FieldType.DATE), fields[0])
        lines += [
            f"  {name}:",
            f"    label: {_quoted(label_of(name))}  # guess: the table's name; confirm",
            f"    order_by: {order.name}  # guess: its first date, or its first column; confirm",
            "    fields:",
            *(f"      {_field(one)}" for one in fields),
        ]
    return lines


def _quoted(text: str) -> str:
    """Return a text in double quotes, in ASCII: neither YAML nor a comment can take it for anything else."""
    escaped = "".join(one if " " <= one <= "~" and one not in '"\\' else "?" for one in text)
    return f'"{escaped}"'
