"""Where does one value lie in a council's system, and how is it cleaned? One entry of a mapping's `fields`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from policies.reading import Section, boolean, listed, members, name, one_of, refused, word
from policies.yaml_text import Items, Node, Scalar

CLEANERS: Final = ("trim", "collapse", "upper", "lower", "title")
# One expression alone, and no parameter but ours: `?`, `:name`, `@name` and `$` would each be one to some driver.
_UNSAFE: Final = re.compile(r";|--|/\*|\x00|\?|(?<![:\w]):(?!:)\w|@\w|\$")
_PROBES: Final = (date(1987, 11, 23), date(2004, 2, 29))
_ROW: Final = re.compile(r"(?<![:\w]):row\b")


@dataclass(frozen=True, slots=True)
class Column:
    """Where a value lies and how it is cleaned.

    `sql` is a column or expression; `by_person` gives one for each role instead, and the subject's is read.
    `clean` runs in order; `blank` lists codes that mean "not held"; `dates` are strptime formats, of which the
    first that fits counts; `yes` and `no` are a boolean's codes. `when_blank` is what a blank boolean means: None,
    unknown, unless the text says `blank: true` or `blank: false`.
    """

    sql: str | None = None
    by_person: Mapping[str, str] | None = None
    clean: tuple[str, ...] = ("trim",)
    blank: tuple[str, ...] = ("",)
    dates: tuple[str, ...] = ("%Y-%m-%d",)
    yes: tuple[str, ...] = ("Y", "y", "1", "true", "True", "T", "t")
    no: tuple[str, ...] = ("N", "n", "0", "false", "False", "F", "f")
    when_blank: bool | None = None


@dataclass(frozen=True, slots=True)
class Rows:
    """Where the rows of a group lie; `where` finds those of one record by `:row`."""

    from_: str
    where: str
    fields: Mapping[str, Column]


def sql(node: Node) -> str:
    """Read one SQL expression."""
    text = word(node)
    if _UNSAFE.search(text):
        remedy = "Write one expression, without `;`, comments, `?`, `:name`, `@name` and `$`."
        raise refused(node, "holds more than one SQL expression, or a parameter", remedy)
    return text


def column(node: Node) -> Column:
    """Read one column: an SQL text alone, or a mapping of `sql` or `by_person` and how to clean it."""
    if isinstance(node, Scalar):
        return Column(sql=sql(node))
    section = Section(node, "a column")
    own, by_person = section.may("sql", sql, None), section.may("by_person", members(name, sql), None)
    codes, when_blank = section.may("blank", _blank, (("",), None))
    usual = Column()
    found = Column(
        sql=own,
        by_person=by_person,
        clean=section.may("clean", listed(one_of(*CLEANERS), may_be_empty=True), usual.clean),
        blank=codes,
        dates=section.may("dates", listed(_date_format), usual.dates),
        yes=section.may("yes", listed(_code), usual.yes),
        no=section.may("no", listed(_code), usual.no),
        when_blank=when_blank,
    )
    one = ("sql" in section.names()) != ("by_person" in section.names())
    section.check(one, "sql", "gives neither sql nor by_person, or both", "Give exactly one of them.")
    section.check(not set(found.yes) & set(found.no), "no", "a code means both yes and no", "Keep it in one list.")
    section.close()
    return found


def rows(node: Node) -> Rows:
    """Read where a group's rows lie."""
    section = Section(node, "a group")
    found = Rows(
        from_=section.need("from", sql),
        where=section.need("where", _where),
        fields=section.need("fields", members(name, column)),
    )
    section.close()
    return found


def _where(node: Node) -> str:
    text = word(node)
    if not _ROW.search(text):
        raise refused(node, "does not say of which record", "Compare a column with :row.")
    if _UNSAFE.search(_ROW.sub("row", text)):
        raise refused(node, "holds more than one SQL expression, or another parameter", "Use no parameter but :row.")
    return _ROW.sub(":row", text)


def _blank(node: Node) -> tuple[tuple[str, ...], bool | None]:
    """Read what blank means: codes for "not held", or true or false for a boolean."""
    if isinstance(node, Items):
        return listed(_code)(node), None
    return ("",), boolean(node)


def _code(node: Node) -> str:
    """Read a code as it stands: an empty one in quotes, one of spaces, one that YAML would take for a number."""
    if not isinstance(node, Scalar) or (node.is_plain and not node.text):
        raise refused(node, "one code belongs here", "Write a single value; an empty one in quotes.")
    return node.text


def _date_format(node: Node) -> str:
    text = word(node)
    parts = re.findall(r"%(.)", text, re.DOTALL)
    year, month, day, of_year = (sum(map(parts.count, of)) for of in ("Yy", "mbB", "d", "j"))
    if (year, month, day, of_year) not in {(1, 1, 1, 0), (1, 0, 0, 1)} or not _round_trips(text):
        remedy = "Name day, month and year once each by strptime directives, such as %d/%m/%Y."
        raise refused(node, "is not the format of a date", remedy)
    return text


def _round_trips(form: str) -> bool:
    """Tell whether a date that is written by a format is read as itself: what fails here would fail every call."""
    try:
        read = [datetime.strptime(one.strftime(form), form).date() for one in _PROBES]  # noqa: DTZ007 -- a calendar date has no zone
    except (ValueError, LookupError, re.error):  # strptime makes an expression of it, and so has an expression's errors
        return False
    return read == list(_PROBES)
