"""How could a draft's fields be mapped to the source that it was made from? Text that parses, for a person to confirm."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Final

from sqlalchemy.engine import URL

from gateway.drafting.guessing import Guess
from gateway.drafting.persons import SUBJECT
from gateway.drafting.sample import DraftError, Table, shown
from gateway.drafting.typing_columns import PIVOT
from gateway.drafting.writing import Draft
from schemas.forms import FieldType

# What can stand in a mapping's expression as it is, quoted; anything else wants a view with plainer names.
_PLAIN: Final = re.compile(r"(?!.*--)[A-Za-z0-9_ .-]{1,63}", re.ASCII)
_HEAD: Final = """\
# A draft: where the fields of {dataset}@1 could lie. A person who knows the system confirms or mends each line that says
# `guess`. A boolean's own codes, and what a blank means, are to be written by hand.
source: {source}  # guess: the dataset's name; confirm
version: 1
dataset: {dataset}@1
"""


def draft_sql_mapping(draft: Draft, url: URL) -> str:
    """Return a mapping of a database. No password is written into it."""
    kept = URL.create(url.drivername, url.username, None, url.host, url.port, url.database)
    lines = [
        _HEAD.format(dataset=draft.dataset_id, source=f"{draft.dataset_id}-source").rstrip(),
        f"url: {json.dumps(kept.render_as_string(hide_password=False))}  # guess: as given, without any password; confirm",
        f"from: {_sql(draft.table.name)}  # guess: one row for each record; confirm",
        *_body(draft, "sql", _sql),
        *_sql_groups(draft),
    ]
    return "\n".join(lines) + "\n"


def draft_csv_mapping(draft: Draft, folder: Path, delimiter: str) -> str:
    """Return a mapping of files."""
    lines = [
        _HEAD.format(dataset=draft.dataset_id, source=f"{draft.dataset_id}-files").rstrip(),
        "csv:",
        f"  folder: {json.dumps(str(folder))}  # guess: as given; confirm",
        f"  file: {_file(draft.table.name)}  # guess: one row for each record; confirm",
        f"  delimiter: {json.dumps(delimiter)}  # guess: what its first row has most of; confirm",
        *_body(draft, "column", _header),
        *_csv_groups(draft),
    ]
    return "\n".join(lines) + "\n"


def _sql(name: str) -> str:
    """Return a quoted identifier as a YAML text."""
    return json.dumps(f'"{_writable(name)}"')


def _header(name: str) -> str:
    return json.dumps(_writable(name))


def _file(name: str) -> str:
    """Return a file's name; a day in it stands for the newest."""
    return json.dumps(re.sub(r"\d{4}-\d\d-\d\d(?=\.csv$)", "%Y-%m-%d", _writable(name)))


def _writable(name: str) -> str:
    if not _PLAIN.fullmatch(name):
        text = f"{shown(name)} can't be written in a mapping"
        raise DraftError(f"{text}: make a view, or a file, whose names are letters, digits, spaces, `_`, `.` and `-`")
    return name


def _body(draft: Draft, member: str, place: Callable[[str], str]) -> list[str]:
    persons, by_name = draft.persons, {one.name: one for one in draft.fields}
    details = dict.fromkeys(name for key in persons.keys for name in key.confirm)
    return [
        f"row: {place(by_name[persons.keys[0].name].column.name)}  # guess: unique in the sample; confirm",
        "people:",
        *(f"  {role}: {place(ref.column.name)}  # guess: {why}; confirm" for role, (ref, why) in persons.refs.items()),
        "keys:",
        *(f"  {key.name}: {place(by_name[key.name].column.name)}  # guess: its column; confirm" for key in persons.keys),
        "confirm:",
        *(
            f"  {name}: {{{SUBJECT}: [{place(by_name[name].column.name)}]}}  # guess: its column; confirm, add former names"
            for name in details
        ),
        "fields:",
        *_columns(draft.fields, member, place, "  "),
    ]


def _columns(fields: tuple[Guess, ...], member: str, place: Callable[[str], str], indent: str) -> list[str]:
    lines = []
    for one in fields:
        if one.base is not None:
            continue
        if not _PLAIN.fullmatch(one.column.name):
            lines.append(
                f"{indent}# guess: {one.name} is left out, for its column's name can't be written; confirm, or make a view"
            )
            continue
        more = _how(one)
        blank = "; say what a blank means" if one.type is FieldType.BOOLEAN else ""
        blank += "; say of which century two digits are" if _has_two_digits(one) else ""
        lines.append(
            f"{indent}{one.name}: {{{member}: {place(one.column.name)}{more}}}  # guess: its column{blank}; confirm"
        )
    return lines


def _how(one: Guess) -> str:
    if one.dates:
        pivot = f", pivot: {PIVOT}" if _has_two_digits(one) else ""
        return f", dates: [{', '.join(json.dumps(form) for form in one.dates)}]{pivot}"
    shouts = one.type is FieldType.NAME and one.column.values and all(value.isupper() for value in one.column.values)
    return ", clean: [collapse, title]" if shouts else ""


def _has_two_digits(one: Guess) -> bool:
    return any("%y" in form for form in one.dates)


def _joining(draft: Draft, table: Table) -> str | None:
    """Return the column of a group's table that is called as the record's own."""
    row = next(one for one in draft.fields if one.name == draft.persons.keys[0].name).column.name
    return next((one.name for one in table.columns if one.name.casefold() == row.casefold()), None)


def _where(draft: Draft, name: str, table: Table) -> str:
    column = _joining(draft, table)
    if column is None:
        raise DraftError(
            f"{shown(table.name)} has no column that is called as the record's key: group {name} can't be mapped"
        )
    return _writable(column)


def _sql_groups(draft: Draft) -> list[str]:
    lines = ["groups:"] if draft.groups else []
    for name, (table, fields) in draft.groups.items():
        where = json.dumps(f'"{_where(draft, name, table)}" = :row')
        lines += [f"  {name}:", f"    from: {_sql(table.name)}  # guess: as given; confirm"]
        lines += [f"    where: {where}  # guess: the same name; confirm", "    fields:"]
        lines += _columns(fields, "sql", _sql, "      ")
    return lines


def _csv_groups(draft: Draft) -> list[str]:
    lines = ["groups:"] if draft.groups else []
    for name, (table, fields) in draft.groups.items():
        where = json.dumps(_where(draft, name, table))
        lines += [f"  {name}:", f"    file: {_file(table.name)}  # guess: as given; confirm"]
        lines += [f"    where: {where}  # guess: the same name; confirm", "    fields:"]
        lines += _columns(fields, "column", _header, "      ")
    return lines
