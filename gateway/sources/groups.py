"""Where do the rows of a group lie, in each kind of source?"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from gateway.sources.columns import UNSAFE, Column, column, header, path, sql
from gateway.sources.export import FileName, file_name
from gateway.sources.upstream import Call, calling
from policies.reading.sections import Section, members, name, refused, word
from policies.reading.yaml_text import Node

_ROW: Final = re.compile(r"(?<![:\w]):row\b")


@dataclass(frozen=True, slots=True)
class Joined:
    """Rows in a database; `where` finds those of one record by `:row`."""

    from_: str
    where: str


@dataclass(frozen=True, slots=True)
class Nested:
    """Rows in an upstream's answer: at a place inside the record, or in the answer to a call of their own.

    `row` is where a row of such an answer names its record.
    """

    records: str
    call: Call | None
    row: str | None


@dataclass(frozen=True, slots=True)
class RowFile:
    """Rows in a file of their own, whose column `where` names the record."""

    file: FileName
    where: str


@dataclass(frozen=True, slots=True)
class Rows:
    """A group's rows: where they lie, and their fields."""

    lie: Joined | Nested | RowFile
    fields: Mapping[str, Column]


def joined_rows(node: Node) -> Rows:
    """Read where a group's rows lie in a database."""
    section = Section(node, "a group")
    from_, where = section.need("from", sql), section.need("where", _where)
    found = Rows(Joined(from_, where), section.need("fields", members(name, column("sql"))))
    section.close()
    return found


def nested_rows(node: Node) -> Rows:
    """Read where a group's rows lie in an upstream's answer."""
    section = Section(node, "a group")
    call, records = section.may("call", calling("row"), None), section.may("records", path, None)
    row = section.may("row", path, None)
    fields = section.need("fields", members(name, column("path")))
    one = section.stands("call") != section.stands("records")
    section.check(one, "records", "gives neither records nor call, or both", "Give exactly one of them.")
    section.check(
        row is not None or call is None or not call.takes_several,
        "call",
        "asks for several records at once, and says not which record a row is of",
        "Give `row`, the place in a row that names its record.",
    )
    section.check(row is None or call is not None, "row", "is for a call of the group's own", "Take it out.")
    found = Rows(Nested(records or "", call, row), fields)
    section.close()
    return found


def file_rows(node: Node) -> Rows:
    """Read in which file a group's rows lie."""
    section = Section(node, "a group")
    file, where = section.need("file", file_name), section.need("where", header)
    found = Rows(RowFile(file, where), section.need("fields", members(name, column("column"))))
    section.close()
    return found


def _where(node: Node) -> str:
    text = word(node)
    if not _ROW.search(text):
        raise refused(node, "does not say of which record", "Compare a column with :row.")
    if UNSAFE.search(_ROW.sub("row", text)):
        raise refused(node, "holds more than one SQL expression, or another parameter", "Use no parameter but :row.")
    return _ROW.sub(":row", text)
