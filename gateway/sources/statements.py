"""How is a statement put together so that its database can run it? By that database's dialect, whatever it is.

A mapping's expressions stand in it as they were written, in the database's own SQL. All else (how many rows, the style of
parameters, a percent sign that a driver would take for one) is the dialect's.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Any, Final, TypeVar

import sqlalchemy as sa
from sqlalchemy.dialects import sqlite

# A value has no type, so that the database takes it for the column's: typed as text, it would be compared as such, by no
# index. Oracle alone does not pad: there a value is of fixed length, or it would not equal a column that is.
_UNTYPED: Final = sa.types.NullType()
_TEXT: Final = sa.types.NullType().with_variant(sa.CHAR(), "oracle")
_SQLITE: Final = sqlite.dialect(paramstyle="named")
T = TypeVar("T")
_LIMIT: Final = re.compile(r"(?<![:\w]):(param_\d+)\b", re.ASCII)  # no expression of a mapping has a parameter


class Statement:
    """One SELECT; values are bound by name. Made once, and used by several threads."""

    def __init__(self, clause: sa.Executable) -> None:
        self.clause = clause

    @cached_property
    def sqlite(self) -> str:
        """Return the statement as SQLite's own connection takes it, where nothing is put together at each call."""
        compiled = self.clause.compile(dialect=_SQLITE)  # type: ignore[attr-defined]  # a SELECT is compiled
        values = compiled.params
        return _LIMIT.sub(lambda found: str(int(values[found[1]])), str(compiled))


def select(
    places: Sequence[str | None], from_: str, where: sa.ColumnElement[bool] | sa.TextClause | None, most: int
) -> sa.Select[Any]:
    """Return a bounded SELECT of expressions; None stands for no value."""
    columns: list[sa.Label[Any]] = [
        sa.literal_column(place or "NULL").label(f"c{number}") for number, place in enumerate(places)
    ]
    clause = sa.select(*columns).select_from(sa.text(from_)).limit(most)
    return clause if where is None else clause.where(where)


def is_value(place: str, name: str, *, is_text: bool = True) -> sa.ColumnElement[bool]:
    """Return the condition that an expression equals the value bound by a name."""
    return sa.literal_column(place) == _bound(name, is_text=is_text)


def is_one_of(place: str, names: Iterable[str], *, is_text: bool = True) -> sa.ColumnElement[bool]:
    """Return the condition that an expression equals one of the values bound by some names."""
    return sa.literal_column(place).in_([_bound(name, is_text=is_text) for name in names])


def any_of(conditions: Iterable[sa.ColumnElement[bool]]) -> sa.ColumnElement[bool]:
    """Return the condition that one of some holds, one at least; a row that fits several is one row."""
    return sa.or_(*conditions)


def all_of(conditions: Iterable[sa.ColumnElement[bool]]) -> sa.ColumnElement[bool]:
    """Return the condition that all of some hold, one at least."""
    return sa.and_(*conditions)


def is_like(place: str, name: str, *, dropped: Iterable[str], alike: Iterable[tuple[str, str]]) -> sa.ColumnElement[bool]:
    """Return the condition that an expression, as small letters and in all but some characters, equals a bound value."""
    text: sa.ColumnElement[str] = sa.cast(sa.literal_column(place), sa.String(200))
    text = sa.func.lower(sa.func.ltrim(sa.func.rtrim(text)))
    for one, other in (*((one, "") for one in dropped), *alike):
        # Written out: they are ours, and a statement has no parameters but those that it is given.
        text = sa.func.replace(text, sa.literal_column(f"'{one}'"), sa.literal_column(f"'{other}'"))
    return text == _bound(name, is_text=True)


def besides(condition: sa.ColumnElement[bool], expression: str) -> sa.ColumnElement[bool]:
    """Return a condition with an expression of the mapping's besides, which may hold an OR of its own."""
    return sa.and_(condition, sa.text(f"({expression})"))


def where_row(expression: str, name: str, *, is_text: bool = True) -> sa.TextClause:
    """Return a mapping's condition on `:row`, with the value bound by a name."""
    return sa.text(expression.replace(":row", f":{name}")).bindparams(_bound(name, is_text=is_text))


def each_of(selects: Iterable[sa.Select[Any]]) -> sa.CompoundSelect[Any]:
    """Put bounded SELECTs into one statement: each finds what it would find alone."""
    return sa.union_all(*(sa.select(one.subquery(f"q{number}")) for number, one in enumerate(selects)))


def padded(values: Sequence[T]) -> list[T]:
    """Repeat the last value up to a power of two: few lengths are few statements, which stay prepared."""
    size = 1 << (len(values) - 1).bit_length()
    return [*values, *[values[-1]] * (size - len(values))]


def _bound(name: str, *, is_text: bool) -> sa.BindParameter[Any]:
    return sa.bindparam(name, type_=_TEXT if is_text else _UNTYPED)
