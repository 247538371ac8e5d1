"""What does a raw value of a council's system mean? Cleaned as the mapping says, typed as the dataset says."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Final

from gateway.sources.columns import Column
from schemas.dataset import IDENTIFIERS, Field, FieldType
from schemas.decision import RawValue, Unusable
from schemas.identifiers import parse_nhs_number, parse_nino, parse_postcode, parse_upn, parse_uprn

_WORD: Final = re.compile(r"[^\W\d_]+('[^\W\d_]{1}\b)?")
_CLEAN: Final[Mapping[str, Callable[[str], str]]] = {
    "trim": str.strip,
    "collapse": lambda text: " ".join(text.split()),
    "upper": str.upper,
    "lower": str.lower,
    "title": lambda text: _WORD.sub(_capital, text.lower()),
}
LONGEST: Final = 4_000  # characters of one value
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]")  # Unicode's category Cc


def clean_value(raw: object, column: Column, field: Field) -> RawValue:
    """Return the typed value, None for what is not held, Unusable.INVALID for what does not fit its type."""
    if isinstance(raw, (bytes, bytearray, memoryview)):
        return Unusable.INVALID
    text = raw if isinstance(raw, str) else _text(raw)
    for name in column.clean:
        text = _CLEAN[name](text)
    if field.type is FieldType.BOOLEAN:
        return _boolean(text, column)
    if text == "" or text in column.blank:
        return None
    if isinstance(raw, date) and field.type is FieldType.DATE:
        return _day(raw)
    # What is printable holds no control character, and is told ten times as fast.
    if len(text) > LONGEST or (not text.isprintable() and _CONTROL.search(text)):
        return Unusable.INVALID
    try:
        return _PARSE[field.type](text, column)
    except ValueError:  # IdentifierError is one
        return Unusable.INVALID


def _text(raw: object) -> str:
    if raw is None:
        return ""
    return _day(raw).isoformat() if isinstance(raw, date) else str(raw)


def _capital(word: re.Match[str]) -> str:
    return word[0].capitalize()


def _day(raw: date) -> date:
    return raw.date() if isinstance(raw, datetime) else raw


def _boolean(text: str, column: Column) -> RawValue:
    if text in column.yes:
        return True
    if text in column.no:
        return False
    if text == "" or text in column.blank:
        return column.when_blank
    return Unusable.INVALID


def parse_date(text: str, formats: tuple[str, ...]) -> date:
    """Return the date by the first format that fits; ValueError if none does."""
    for form in formats:
        try:
            return _plain_date(text, form) or datetime.strptime(text, form).date()  # noqa: DTZ007 -- a calendar date has no zone
        except ValueError:
            continue
    raise ValueError("no format fits")


# Formats of four digits for the year and two for month and day: strptime takes ten times as long for them.
_PLAIN_DATES: Final = {
    form: re.compile(
        form.replace("%Y", r"(?P<Y>\d{4})").replace("%m", r"(?P<m>\d\d)").replace("%d", r"(?P<d>\d\d)"), re.ASCII
    )
    for form in ("%Y-%m-%d", "%d/%m/%Y", "%Y%m%d", "%d-%m-%Y")
}


def _plain_date(text: str, form: str) -> date | None:
    found = _PLAIN_DATES[form].fullmatch(text) if form in _PLAIN_DATES else None
    return date(int(found["Y"]), int(found["m"]), int(found["d"])) if found else None


def _number(text: str, _column: Column) -> RawValue:
    return int(text) if re.fullmatch(r"-?\d{1,13}", text, re.ASCII) else _decimal(text)


def _money(text: str, _column: Column) -> RawValue:
    return _decimal(text)


def _decimal(text: str) -> Decimal:
    """Read digits with or without thousands' commas; `1,5` might be either of two numbers, and is neither."""
    found = re.fullmatch(r"(-?)£?(-?)(\d{1,13}|\d{1,3}(?:,\d{3}){1,4})(\.\d{1,6})?", text, re.ASCII)
    if found is None or (found[1] and found[2]):
        raise ValueError("not a number")
    return Decimal(found[1] + found[2] + found[3].replace(",", "") + (found[4] or ""))


def _name(text: str, _column: Column) -> RawValue:
    return unicodedata.normalize("NFC", text)


_PARSE: Final[Mapping[FieldType, Callable[[str, Column], RawValue]]] = {
    FieldType.DATE: lambda text, column: parse_date(text, column.dates),
    FieldType.POSTCODE: lambda text, _: parse_postcode(text),
    FieldType.NAME: _name,
    FieldType.NHS_NUMBER: lambda text, _: parse_nhs_number(text),
    FieldType.NINO: lambda text, _: parse_nino(text),
    FieldType.UPRN: lambda text, _: parse_uprn(text),
    FieldType.UPN: lambda text, _: parse_upn(text),
    FieldType.REFERENCE: lambda text, _: text,
    FieldType.NUMBER: _number,
    FieldType.MONEY: _money,
    FieldType.CODE: lambda text, _: text,
    FieldType.TEXT: _name,
}


# -- comparing what was typed with what is held

_ISO: Final = Column()
# Letters that Unicode does not take apart into a plain one and a mark.
_PLAIN: Final = str.maketrans(
    {"ø": "o", "đ": "d", "ð": "d", "ł": "l", "æ": "ae", "œ": "oe", "þ": "th", "ħ": "h", "\u0131": "i"}
)


def typed_form(field: Field, text: str) -> str | None:
    """Return the normal form of a detail as a partner typed it (dates as 2026-04-01), None for nothing to compare."""
    return detail_form(text, _ISO, field)


def detail_form(raw: object, column: Column, field: Field) -> str | None:
    """Return what two spellings of one detail share, or None where there is nothing to compare.

    A code that means "not held" never fits anything. Names: without case, accents, spaces and punctuation, so that
    O'Brien is OBRIEN and Zoë is ZOE.
    """
    value = clean_value(raw, column, field)
    if value is None or isinstance(value, Unusable):
        return None
    if not isinstance(value, str):
        return str(value)
    if value.isascii():
        folded = value.lower()
        return folded if folded.isalnum() else "".join(filter(str.isalnum, folded)) or None
    folded = unicodedata.normalize("NFKD", value).casefold().translate(_PLAIN)
    return "".join(c for c in folded if c.isalnum()) or None


def key_form(field: Field, text: str) -> str | None:
    """Return a key's value as the source is asked for it: in its canonical form, or None where there is none."""
    if field.type in IDENTIFIERS:
        value = clean_value(text, _ISO, field)
        return value if isinstance(value, str) else None
    return text.strip() or None


def person_form(raw: object) -> str:
    """Return a source's own reference of a person as log, consents and restrictions name it; "" for nobody.

    Source and control side both come here: a reference that one spelt otherwise would hold nothing back.
    """
    return "" if raw is None else str(raw).strip()
