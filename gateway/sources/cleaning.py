"""What does a raw value of a council's system mean? Cleaned as the mapping says, typed as the dataset says."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Final

from gateway.sources.casing import lower_case, title_case
from gateway.sources.columns import Column
from gateway.sources.dates import london_day_of, read_day
from schemas.dataset import Dataset, Field
from schemas.decision import RawValue, Unusable
from schemas.forms import FieldType
from schemas.identifiers import parse_nhs_number, parse_nino, parse_postcode, parse_upn, parse_uprn
from schemas.instants import london_day

_CLEAN: Final[Mapping[str, Callable[[str], str]]] = {
    "trim": str.strip,
    "collapse": lambda text: " ".join(text.split()),
    "upper": str.upper,
    "lower": lower_case,
    "title": title_case,
}
Cleaner = Callable[[object], RawValue]
_BYTES: Final = (bytes, bytearray, memoryview)
_BIRTHS: Final = frozenset({"date_of_birth", "birth_date", "dob", "born"})
LONGEST: Final = 4_000  # characters of one value
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]")  # Unicode's category Cc
_LONG_PAST: Final = date(2020, 1, 1)  # today is after it by any clock that goes, and most need not be asked


def clean_value(raw: object, column: Column, field: Field) -> RawValue:
    """Return the typed value, None for what is not held, Unusable.INVALID for what does not fit its type."""
    return cleaner(column, field.type)(raw)


def cleaner(column: Column, kind: FieldType, is_ahead: Callable[[date], bool] | None = None) -> Cleaner:
    """Return `clean_value` of one column, for many values. A day that `is_ahead` is none: nobody is born after today."""
    if kind is FieldType.BOOLEAN:
        return _flag_cleaner(column)
    steps, typed = tuple(_CLEAN[name] for name in column.clean), _typed(column, kind, is_ahead)
    blank = frozenset(("", *column.blank))

    is_text = _PARSE[kind] in (_as_it_is, _name)

    def clean(raw: object) -> RawValue:
        if raw is None:
            return None
        if isinstance(raw, _BYTES):
            return Unusable.INVALID
        given = text = raw if isinstance(raw, str) else raw_text(raw)
        for step in steps:
            text = step(text)
        # A code is declared as the source spells it, whatever the steps make of it: NULL would else be a name, Null.
        if text in blank or given.strip() in blank:
            return None
        if is_text and len(text) <= LONGEST and text.isascii() and text.isprintable():
            return text  # as most are: what is printable holds no control character, and ASCII is its own normal form
        try:
            return typed(raw, text)
        except ValueError:  # IdentifierError is one
            return Unusable.INVALID

    return clean


def _typed(column: Column, kind: FieldType, is_ahead: Callable[[date], bool] | None) -> Callable[[object, str], RawValue]:
    """Return what makes a value of the type of a raw one and its cleaned text, or raises ValueError."""
    parse = _PARSE[kind]

    def typed(_raw: object, text: str) -> RawValue:
        if len(text) > LONGEST or (not text.isprintable() and _CONTROL.search(text)):
            return Unusable.INVALID
        return parse(text, column)

    def day(raw: object, text: str) -> RawValue:
        found = _day(raw) if isinstance(raw, date) else read_day(text, column.dates, column.pivot)
        return Unusable.INVALID if is_ahead is not None and is_ahead(found) else found

    return day if kind is FieldType.DATE else typed


def field_cleaner(dataset: Dataset, path: str, column: Column, clock: Callable[[], datetime]) -> Cleaner:
    """Return the cleaner of a dataset's field; a birth date may not lie after the London day of `clock`.

    What is not among a code's closed list is no value of it: columns of codes collect remarks, also about third persons.
    """
    is_ahead = (lambda day: day >= _LONG_PAST and day > london_day(clock())) if is_birth_date(dataset, path) else None
    clean, codes = cleaner(column, dataset.fields[path].type, is_ahead), dataset.fields[path].codes
    if codes is None:
        return clean

    def coded(raw: object) -> RawValue:
        value = clean(raw)
        return value if value is None or value in codes else Unusable.INVALID

    return coded


def is_birth_date(dataset: Dataset, path: str) -> bool:
    """Tell whether a date is somebody's birth: an age derives from it, or it is called so."""
    ages = (field.derived_from for field in dataset.fields.values())
    return path in ages or path.rpartition(".")[2] in _BIRTHS


def _flag_cleaner(column: Column) -> Cleaner:
    """Return the cleaner of yes and no. Of a code with two meanings, yes comes before no, and blank last."""
    steps = tuple(_CLEAN[name] for name in column.clean)
    codes: dict[str, RawValue] = dict.fromkeys(("", *column.blank), column.when_blank)
    codes |= {**dict.fromkeys(column.no, False), **dict.fromkeys(column.yes, True)}

    def clean(raw: object) -> RawValue:
        if isinstance(raw, _BYTES):
            return Unusable.INVALID
        text = raw if isinstance(raw, str) else raw_text(raw)
        for step in steps:
            text = step(text)
        return codes.get(text, Unusable.INVALID)

    return clean


def raw_text(raw: object) -> str:
    """Return a raw value as text; a driver's date as ISO 8601 has it."""
    if raw is None:
        return ""
    try:
        return _day(raw).isoformat() if isinstance(raw, date) else str(raw)
    except ValueError:  # an instant past the calendar's end has no day of London's
        return str(raw)


def _day(raw: date) -> date:
    """Return the day of a driver's date or time; of an instant, London's. ValueError for one past the calendar."""
    return london_day_of(raw) if isinstance(raw, datetime) else raw


_WHOLE: Final = re.compile(r"-?\d{1,13}", re.ASCII)
_DECIMAL: Final = re.compile(r"(-?)£?(-?)(\d{1,13}|\d{1,3}(?:,\d{3}){1,4})(\.\d{1,6})?", re.ASCII)
# An exponent above nought may stand for digits that an export has cut off; one below is what is left of a nought.
_LONG_DECIMAL: Final = re.compile(r"(-?)£?(-?)(\d{1,13}|\d{1,3}(?:,\d{3}){1,4})(\.\d{1,40})?([eE]-\d{1,3})?", re.ASCII)


def _number(text: str, column: Column) -> RawValue:
    if _WHOLE.fullmatch(text):
        return int(text)
    found = _money(text, column)
    return int(found) if column.rounding == 0 else found


def _money(text: str, column: Column) -> Decimal:
    return _decimal(text) if column.rounding is None else _rounded(text, column.rounding)


def _rounded(text: str, decimals: int) -> Decimal:
    """Round what binary arithmetic made of a decimal, halves away from nought: 87.30000000000001 is 87.30."""
    found = _LONG_DECIMAL.fullmatch(text)
    if found is None or (found[1] and found[2]):
        raise ValueError("not a number")
    exact = Decimal(found[1] + found[2] + found[3].replace(",", "") + (found[4] or "") + (found[5] or ""))
    return exact.quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP) + 0  # no nought is less than nothing


def is_of_binary(text: str) -> bool:
    """Tell whether a text is a decimal that binary arithmetic made: more decimals than anybody writes."""
    return bool(_LONG_DECIMAL.fullmatch(text)) and not _DECIMAL.fullmatch(text)


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
    FieldType.DATE: lambda text, column: read_day(text, column.dates, column.pivot),
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
