"""What does a raw value of a council's system mean? Cleaned as the mapping says, typed as the dataset says."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Final

from schemas.identifiers import (
    IdentifierError,
    parse_nhs_number,
    parse_nino,
    parse_postcode,
    parse_upn,
    parse_uprn,
)

from gateway.sources.mapping import Column
from schemas.dataset import Field, FieldType
from schemas.decision import RawValue, Unusable

_CLEAN: Final[Mapping[str, Callable[[str], str]]] = {
    "trim": str.strip,
    "collapse": lambda text: " ".join(text.split()),
    "upper": str.upper,
    "lower": str.lower,
    "title": lambda text: re.sub(r"[^\W\d_]+('[^\W\d_]{1}\b)?", lambda m: m[0].capitalize(), text.lower()),
}
LONGEST: Final = 4_000  # characters of one value


def clean_value(raw: object, column: Column, field: Field) -> RawValue:
    """Return the typed value, None for what is not held, Unusable.INVALID for what does not fit its type."""
    if isinstance(raw, (bytes, bytearray, memoryview)):
        return Unusable.INVALID
    text = "" if raw is None else _text(raw)
    for name in column.clean:
        text = _CLEAN[name](text)
    if field.type is FieldType.BOOLEAN:
        return _boolean(text, column)
    if text == "" or text in column.blank:
        return column.when_blank if field.marker else None
    if len(text) > LONGEST or any(unicodedata.category(c) == "Cc" for c in text):
        return Unusable.INVALID
    return _typed(text, column, field)


def _text(raw: object) -> str:
    if isinstance(raw, datetime):
        return raw.date().isoformat()
    return raw.isoformat() if isinstance(raw, date) else str(raw)


def _boolean(text: str, column: Column) -> RawValue:
    if text in column.yes:
        return True
    if text in column.no:
        return False
    if text == "" or text in column.blank:
        return column.when_blank
    return Unusable.INVALID


def _typed(text: str, column: Column, field: Field) -> RawValue:
    try:
        return _PARSE[field.type](text, column)
    except (ValueError, InvalidOperation):  # IdentifierError is a ValueError
        return Unusable.INVALID


def parse_date(text: str, formats: tuple[str, ...]) -> date:
    """Return the date by the first format that fits; ValueError if none does."""
    for form in formats:
        try:
            return datetime.strptime(text, form).date()  # noqa: DTZ007 -- a calendar date has no zone
        except ValueError:
            continue
    raise ValueError("no format fits")


def _number(text: str, _column: Column) -> RawValue:
    return int(text) if re.fullmatch(r"-?\d{1,15}", text, re.ASCII) else _money(text, _column)


def _money(text: str, _column: Column) -> RawValue:
    value = Decimal(text.replace(",", "").removeprefix("£"))
    if not value.is_finite() or abs(value) >= Decimal(10) ** 13:
        raise ValueError("out of range")
    return value


_PARSE: Final[Mapping[FieldType, Callable[[str, Column], RawValue]]] = {
    FieldType.DATE: lambda text, column: parse_date(text, column.dates),
    FieldType.AGE: _number,
    FieldType.POSTCODE: lambda text, _: parse_postcode(text),
    FieldType.NAME: lambda text, _: unicodedata.normalize("NFC", text),
    FieldType.NHS_NUMBER: lambda text, _: parse_nhs_number(text),
    FieldType.NINO: lambda text, _: parse_nino(text),
    FieldType.UPRN: lambda text, _: parse_uprn(text),
    FieldType.UPN: lambda text, _: parse_upn(text),
    FieldType.REFERENCE: lambda text, _: text,
    FieldType.NUMBER: _number,
    FieldType.MONEY: _money,
    FieldType.CODE: lambda text, _: text,
    FieldType.TEXT: lambda text, _: unicodedata.normalize("NFC", text),
}


def normal_form(field: Field, text: str, dates: tuple[str, ...] = ("%Y-%m-%d",)) -> str | None:
    """Return what two spellings of one detail share, or None where there is nothing to compare.

    Names: without case, accents, spaces and punctuation, so that O'Brien is OBRIEN and Zoë is ZOE.
    """
    stripped = text.strip()
    if not stripped:
        return None
    try:
        if field.type is FieldType.DATE:
            return parse_date(stripped, dates).isoformat()
        if field.type is FieldType.POSTCODE:
            return parse_postcode(stripped)
    except (ValueError, IdentifierError):
        return None
    folded = unicodedata.normalize("NFKD", stripped).casefold()
    return "".join(c for c in folded if c.isalnum()) or None
