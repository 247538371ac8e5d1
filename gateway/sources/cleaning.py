"""What does a raw value of a council's system mean? Cleaned as the mapping says, typed as the dataset says."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Final

from gateway.sources.casing import lower_case, title_case
from gateway.sources.columns import Column
from schemas.dataset import Field, FieldType
from schemas.decision import RawValue, Unusable
from schemas.identifiers import parse_nhs_number, parse_nino, parse_postcode, parse_upn, parse_uprn

_CLEAN: Final[Mapping[str, Callable[[str], str]]] = {
    "trim": str.strip,
    "collapse": lambda text: " ".join(text.split()),
    "upper": str.upper,
    "lower": lower_case,
    "title": title_case,
}
Cleaner = Callable[[object], RawValue]
_BYTES: Final = (bytes, bytearray, memoryview)
LONGEST: Final = 4_000  # characters of one value
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]")  # Unicode's category Cc


def clean_value(raw: object, column: Column, field: Field) -> RawValue:
    """Return the typed value, None for what is not held, Unusable.INVALID for what does not fit its type."""
    return cleaner(column, field.type)(raw)


def cleaner(column: Column, kind: FieldType) -> Cleaner:
    """Return `clean_value` of one column, for many values."""
    if kind is FieldType.BOOLEAN:
        return _flag_cleaner(column)
    steps, parse = tuple(_CLEAN[name] for name in column.clean), _PARSE[kind]
    blank, is_day = frozenset(("", *column.blank)), kind is FieldType.DATE

    def clean(raw: object) -> RawValue:
        if raw is None:
            return None
        if isinstance(raw, _BYTES):
            return Unusable.INVALID
        text = raw if isinstance(raw, str) else _text(raw)
        for step in steps:
            text = step(text)
        if text in blank:
            return None
        if is_day and isinstance(raw, date):
            return _day(raw)
        # What is printable holds no control character, and is told ten times as fast.
        if len(text) > LONGEST or (not text.isprintable() and _CONTROL.search(text)):
            return Unusable.INVALID
        try:
            return text if parse is _as_it_is else parse(text, column)
        except ValueError:  # IdentifierError is one
            return Unusable.INVALID

    return clean


def _flag_cleaner(column: Column) -> Cleaner:
    """Return the cleaner of yes and no. Of a code with two meanings, yes comes before no, and blank last."""
    steps = tuple(_CLEAN[name] for name in column.clean)
    codes: dict[str, RawValue] = dict.fromkeys(("", *column.blank), column.when_blank)
    codes |= {**dict.fromkeys(column.no, False), **dict.fromkeys(column.yes, True)}

    def clean(raw: object) -> RawValue:
        if isinstance(raw, _BYTES):
            return Unusable.INVALID
        text = raw if isinstance(raw, str) else _text(raw)
        for step in steps:
            text = step(text)
        return codes.get(text, Unusable.INVALID)

    return clean


def _text(raw: object) -> str:
    if raw is None:
        return ""
    return _day(raw).isoformat() if isinstance(raw, date) else str(raw)


def _day(raw: date) -> date:
    return raw.date() if isinstance(raw, datetime) else raw


def parse_date(text: str, formats: tuple[str, ...]) -> date:
    """Return the date by the first format that fits; ValueError if none does."""
    for form in formats:
        try:
            return _plain_date(text, form) or _any_date(text, form)
        except ValueError:
            continue
    raise ValueError("no format fits")


def _plain_date(text: str, form: str) -> date | None:
    """Return the date of a text that fits one of the usual formats digit for digit: strptime takes twenty times as long."""
    as_iso = _AS_ISO[form](text) if form in _AS_ISO else ""
    try:
        return date.fromisoformat(as_iso) if as_iso else None
    except ValueError:
        return None


def _any_date(text: str, form: str) -> date:
    # What lacks a format's slash can't fit it, and strptime takes longest to say so.
    if not all(mark in text for mark in _marks(form)):
        raise ValueError("a mark is missing")
    return datetime.strptime(text, form).date()  # noqa: DTZ007 -- a calendar date has no zone


@lru_cache(maxsize=64)
def _marks(form: str) -> frozenset[str]:
    return frozenset(mark for mark in re.sub("%.", "", form) if not mark.isalnum() and not mark.isspace())


_WITH_MARKS: Final = len("2026-04-01")
_WITHOUT: Final = len("20260401")

# Texts of four digits for the year and two for month and day, put into ISO 8601's order; "" for any other text.
_AS_ISO: Final[Mapping[str, Callable[[str], str]]] = {
    "%Y-%m-%d": lambda text: text if len(text) == _WITH_MARKS and text[4] == text[7] == "-" else "",
    "%d/%m/%Y": lambda text: (
        f"{text[6:]}-{text[3:5]}-{text[:2]}" if len(text) == _WITH_MARKS and text[2] == text[5] == "/" else ""
    ),
    "%d-%m-%Y": lambda text: (
        f"{text[6:]}-{text[3:5]}-{text[:2]}" if len(text) == _WITH_MARKS and text[2] == text[5] == "-" else ""
    ),
    "%Y%m%d": lambda text: f"{text[:4]}-{text[4:6]}-{text[6:]}" if len(text) == _WITHOUT else "",
}


_WHOLE: Final = re.compile(r"-?\d{1,13}", re.ASCII)
_DECIMAL: Final = re.compile(r"(-?)£?(-?)(\d{1,13}|\d{1,3}(?:,\d{3}){1,4})(\.\d{1,6})?", re.ASCII)


def _number(text: str, _column: Column) -> RawValue:
    return int(text) if _WHOLE.fullmatch(text) else _decimal(text)


def _money(text: str, _column: Column) -> RawValue:
    return _decimal(text)


def _decimal(text: str) -> Decimal:
    """Read digits with or without thousands' commas; `1,5` might be either of two numbers, and is neither."""
    found = _DECIMAL.fullmatch(text)
    if found is None or (found[1] and found[2]):
        raise ValueError("not a number")
    return Decimal(found[1] + found[2] + found[3].replace(",", "") + (found[4] or ""))


def _as_it_is(text: str, _column: Column) -> RawValue:
    return text


def _name(text: str, _column: Column) -> RawValue:
    return text if text.isascii() else unicodedata.normalize("NFC", text)


_PARSE: Final[Mapping[FieldType, Callable[[str, Column], RawValue]]] = {
    FieldType.DATE: lambda text, column: parse_date(text, column.dates),
    FieldType.POSTCODE: lambda text, _: parse_postcode(text),
    FieldType.NAME: _name,
    FieldType.NHS_NUMBER: lambda text, _: parse_nhs_number(text),
    FieldType.NINO: lambda text, _: parse_nino(text),
    FieldType.UPRN: lambda text, _: parse_uprn(text),
    FieldType.UPN: lambda text, _: parse_upn(text),
    FieldType.REFERENCE: _as_it_is,
    FieldType.NUMBER: _number,
    FieldType.MONEY: _money,
    FieldType.CODE: _as_it_is,
    FieldType.TEXT: _name,
}
