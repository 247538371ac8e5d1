"""Where does one value lie in a council's system, and how is it cleaned? One entry of a mapping's `fields`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Final, Literal

from gateway.sources.dates import PIVOTS, is_read
from gateway.sources.json_answer import steps
from policies.reading.sections import Read, Section, boolean, integer, listed, members, name, one_of, refused, word
from policies.reading.yaml_text import Items, Node, Scalar

Kind = Literal["sql", "path", "column"]  # the word that says where a value lies, by the kind of mapping
MOST_DECIMALS: Final = 6
CLEANERS: Final = ("trim", "collapse", "upper", "lower", "title")
# One expression alone, and no parameter but ours: `?`, `:name`, `@name` and `$` would each be one to some driver.
UNSAFE: Final = re.compile(r";|--|/\*|\x00|\?|(?<![:\w]):(?!:)\w|@\w|\$")
_PROBES: Final = (date(1987, 11, 23), date(2004, 2, 29))


@dataclass(frozen=True, slots=True)
class Column:
    """Where a value lies and how it is cleaned.

    `sql` is a column or expression, `path` a place in an upstream's JSON, `column` a column of a file: a mapping's
    kind says which. `by_person` gives one for each role instead, and the subject's is read.
    `clean` runs in order; `blank` lists codes that mean "not held"; `dates` are formats (`gateway/sources/dates.py`), of
    which those that fit must agree, and `pivot` the first year that two digits may mean; `yes` and `no` are a boolean's
    codes. `when_blank` is what a blank boolean means: None, unknown, unless the text says `blank: true` or `blank: false`.
    `rounding` says to how many decimals a number is rounded; without it, one of more than six is not read.
    """

    sql: str | None = None
    path: str | None = None
    column: str | None = None
    by_person: Mapping[str, str] | None = None
    clean: tuple[str, ...] = ("trim",)
    blank: tuple[str, ...] = ("",)
    dates: tuple[str, ...] = ("%Y-%m-%d",)
    yes: tuple[str, ...] = ("Y", "y", "1", "true", "True", "T", "t")
    no: tuple[str, ...] = ("N", "n", "0", "false", "False", "F", "f")
    when_blank: bool | None = None
    pivot: int | None = None
    rounding: int | None = None

    def lies(self, subject: str | None) -> str | None:
        """Return where the value lies for a subject, or None where it is not mapped for this person."""
        return self.sql or self.path or self.column or (self.by_person or {}).get(subject or "")


@dataclass(frozen=True, slots=True)
class Codes:
    """A place that holds one of some codes: `live`, where no SQL says it."""

    place: str
    codes: tuple[str, ...]


def sql(node: Node) -> str:
    """Read one SQL expression."""
    text = word(node)
    if UNSAFE.search(text):
        remedy = "Write one expression, without `;`, comments, `?`, `:name`, `@name` and `$`."
        raise refused(node, "holds more than one SQL expression, or a parameter", remedy)
    return text


def column(kind: Kind) -> Read[Column]:
    """Read one column: a place alone, or a mapping of the place (or `by_person`) and how to clean it."""

    def read(node: Node) -> Column:
        if isinstance(node, Scalar):
            return _lying(kind, PLACES[kind](node))
        section = Section(node, "a column")
        own, by_person = section.may(kind, PLACES[kind], None), section.may("by_person", members(name, PLACES[kind]), None)
        codes, when_blank = section.may("blank", _blank, (("",), None))
        usual = Column()
        found = replace(
            _lying(kind, own),
            by_person=by_person,
            clean=section.may("clean", listed(one_of(*CLEANERS), may_be_empty=True), usual.clean),
            blank=codes,
            dates=section.may("dates", listed(_date_format), usual.dates),
            yes=section.may("yes", listed(code), usual.yes),
            no=section.may("no", listed(code), usual.no),
            when_blank=when_blank,
            pivot=section.may("pivot", integer(*PIVOTS), None),
            rounding=section.may("rounding", integer(0, MOST_DECIMALS), None),
        )
        one = section.stands(kind) != section.stands("by_person")
        section.check(one, kind, f"gives neither {kind} nor by_person, or both", "Give exactly one of them.")
        section.check(not set(found.yes) & set(found.no), "no", "a code means both yes and no", "Keep it in one list.")
        section.close()
        return found

    return read


def _lying(kind: Kind, place: str | None) -> Column:
    if kind == "sql":
        return Column(sql=place)
    return Column(path=place) if kind == "path" else Column(column=place)


def codes_at(kind: Kind) -> Read[Codes]:
    """Read a place and the codes of which it holds one."""

    def read(node: Node) -> Codes:
        section = Section(node, "live")
        found = Codes(section.need(kind, PLACES[kind]), section.need("is", listed(code)))
        section.close()
        return found

    return read


def path(node: Node) -> str:
    """Read a place in JSON: names of members, joined by dots."""
    text = word(node)
    try:
        if steps(text):
            return text
    except ValueError:
        pass
    remedy = "Write members' names joined by dots, such as holder.surname; one that holds a dot in quotes: '\"list.next\"'."
    raise refused(node, "is no place in JSON", remedy)


def header(node: Node) -> str:
    """Read the name of a file's column."""
    return word(node)


PLACES: Final[Mapping[Kind, Read[str]]] = {"sql": sql, "path": path, "column": header}


def _blank(node: Node) -> tuple[tuple[str, ...], bool | None]:
    """Read what blank means: codes for "not held", or true or false for a boolean."""
    if isinstance(node, Items):
        return listed(code)(node), None
    return ("",), boolean(node)


def code(node: Node) -> str:
    """Read a code as it stands: an empty one in quotes, one of spaces, one that YAML would take for a number."""
    if not isinstance(node, Scalar) or (node.is_plain and not node.text):
        raise refused(node, "one code belongs here", "Write a single value; an empty one in quotes.")
    return node.text


def _date_format(node: Node) -> str:
    text = word(node)
    parts = re.findall(r"%-?(.)", text, re.DOTALL)
    year, month, day, of_year = (sum(map(parts.count, of)) for of in ("Yy", "mbB", "d", "j"))
    if (year, month, day, of_year) not in {(1, 1, 1, 0), (1, 0, 0, 1)} or not (is_read(text) or _round_trips(text)):
        remedy = "Name day, month and year once each by directives, such as %d/%m/%Y."
        raise refused(node, "is not the format of a date", remedy)
    return text


def _round_trips(form: str) -> bool:
    """Tell whether strptime reads what a format writes. A published text may hold such a one; no value fits it any more."""
    try:
        read = [datetime.strptime(one.strftime(form), form).date() for one in _PROBES]  # noqa: DTZ007 -- a calendar date has no zone
    except (ValueError, LookupError, re.error):  # strptime makes an expression of it, and so has an expression's errors
        return False
    return read == list(_PROBES)
