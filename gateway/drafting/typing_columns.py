"""What type of field could a column be? By its values where they fit, and by its name where they can't say."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Final

from gateway.drafting import words
from gateway.drafting.sample import SampledColumn
from gateway.sources.dates import read_day
from schemas.forms import FieldType
from schemas.identifiers import IdentifierError, parse_nhs_number, parse_nino, parse_postcode, parse_upn, parse_uprn

FITS: Final = 0.8  # of the values: systems are dirty, and a draft is for a person to confirm
FEW: Final = 30  # different codes at most
LONGEST_CODE: Final = 12
PIVOT: Final = 1930  # what a draft takes the first year of two digits for, until a person says
DATES: Final = (
    "%Y-%m-%d",
    "%d/%m/%Y",
    "%Y%m%d",
    "%d-%m-%Y",
    "%d.%m.%Y",
    "%Y/%m/%d",
    "%-d/%-m/%Y",
    "%d/%m/%y",
    "%d %b %Y",
    "%d %B %Y",
    "%d-%b-%Y",
    "%m/%d/%Y",
    "%Y-%m-%d %H:%M:%S",
    "%Y-%m-%dT%H:%M:%S",
    "%Y-%m-%dT%H:%M:%S%z",
    "%d/%m/%Y %H:%M",
    "%d/%m/%Y %H:%M:%S",
)
_LETTERS: Final = frozenset({"Y", "N", "y", "n", "true", "false", "True", "False", "T", "F", "t", "f"})
_YES: Final = frozenset({"Y", "y", "true", "True", "T", "t"})
_BITS: Final = frozenset({"0", "1"})
_BOOLEAN: Final = "ind flag has is was known protect deceas marker active live confiden hidden hide"
_DATED: Final = "date dob born birth since until from on at start end decom mrcdate voiddate startdate review"


@dataclass(frozen=True, slots=True)
class Typed:
    """A type, by what it was guessed, and for a date the ways in which it is written."""

    type: FieldType
    by: str
    dates: tuple[str, ...] = ()


def type_of(column: SampledColumn) -> Typed:
    """Return what a column could be. What nothing tells is text: it has no form between a yes and the whole."""
    if not column.values:
        return _by_name(column.name)
    kind = _identifier(column)
    if kind is not None:
        return Typed(kind, "its values fit")
    dates = _date_formats(column.values)
    if dates:
        return Typed(FieldType.DATE, "its values fit", dates)
    if _is_boolean(column):
        return Typed(FieldType.BOOLEAN, "its values fit")
    return _number(column) or _wording(column)


def _by_name(name: str) -> Typed:
    by = "by its name alone, for no value was seen"
    for kind, beginnings in (
        (FieldType.UPRN, "uprn"),
        (FieldType.UPN, "upn"),
        (FieldType.NINO, "nino"),
        (FieldType.NHS_NUMBER, "nhs"),
        (FieldType.POSTCODE, "postcode post_code pcode"),
        (FieldType.BOOLEAN, f"{words.MARKERS} {words.DECEASED}"),
        (FieldType.NAME, words.NAMES),
    ):
        if words.says(name, beginnings) and not (kind is FieldType.BOOLEAN and words.says(name, "date")):
            return Typed(kind, by)
    return Typed(FieldType.TEXT, "nothing tells, for no value was seen")


def _identifier(column: SampledColumn) -> FieldType | None:
    for kind, parse, named in (
        (FieldType.POSTCODE, parse_postcode, None),
        (FieldType.NINO, parse_nino, None),
        (FieldType.UPN, parse_upn, None),
        (FieldType.NHS_NUMBER, parse_nhs_number, None),
        # Any number is a UPRN by its shape, and so the name must say so.
        (FieldType.UPRN, parse_uprn, "uprn"),
    ):
        if (named is None or words.says(column.name, named)) and _share(column.values, _reads(parse)) >= FITS:
            return kind
    return FieldType.NINO if words.says(column.name, "nino national_insurance ni_number") else None


def _reads(parse: Callable[[str], str]) -> Callable[[str], bool]:
    def fits(value: str) -> bool:
        try:
            parse(value)
        except IdentifierError:
            return False
        return True

    return fits


def _share(values: tuple[str, ...], fits: Callable[[str], bool]) -> float:
    return sum(map(fits, values)) / len(values)


def _date_formats(values: tuple[str, ...]) -> tuple[str, ...]:
    """Return the formats that together read most values, those that read more first."""
    left = list(values)
    found: list[str] = []
    for _ in range(3):
        counted = [(sum(_is_date(one, form) for one in left), form) for form in DATES]
        most, form = max(counted, key=lambda one: one[0])
        if most == 0 or (found and most < len(values) / 50):
            break
        found.append(form)
        left = [one for one in left if not _is_date(one, form)]
    return tuple(found) if len(left) <= len(values) * (1 - FITS) else ()


def _is_date(value: str, form: str) -> bool:
    try:
        return 1850 < read_day(value, (form,), PIVOT).year < 2200 and len(value) >= 8  # noqa: PLR2004 -- a day of a life
    except ValueError:
        return False


def _is_boolean(column: SampledColumn) -> bool:
    seen = set(column.values)
    named = words.says(column.name, f"{_BOOLEAN} {words.MARKERS} {words.DECEASED}")
    if seen <= _BITS:
        return named
    both = bool(seen & _YES) and bool(seen - _YES)
    return (seen <= _LETTERS and (both or named)) or (
        named and _share(column.values, (_LETTERS | _BITS).__contains__) >= FITS
    )


def _number(column: SampledColumn) -> Typed | None:
    if _share(column.values, _is_number) < FITS:
        return None
    whole = all(one.lstrip("-").isdigit() for one in column.values)
    padded = any(len(one) > 1 and one.startswith("0") and one.isdigit() for one in column.values)
    if words.says(column.name, words.MONEY) and not padded:
        return Typed(FieldType.MONEY, "its name and values")
    if _is_code(column) and padded:
        return Typed(FieldType.CODE, "few different values, with noughts in front")
    if words.says(column.name, words.REFERENCES) or padded:
        return Typed(FieldType.REFERENCE, "its name, or noughts in front")
    if not whole:
        pence = _share(column.values, lambda one: bool(re.fullmatch(r"-?[\d,]+\.\d\d", one))) >= FITS
        return Typed(FieldType.MONEY if pence else FieldType.NUMBER, "its values fit")
    if _is_code(column):
        return Typed(FieldType.CODE, "few different values, all of them numbers")
    distinct = len(set(column.values)) == len(column.values) > FEW
    return Typed(FieldType.REFERENCE, "every value is another") if distinct else Typed(FieldType.NUMBER, "its values fit")


def _is_number(value: str) -> bool:
    try:
        return Decimal(value.replace(",", "").lstrip("£")).is_finite()
    except InvalidOperation:
        return False


def _is_code(column: SampledColumn) -> bool:
    seen = set(column.values)
    short = all(len(one) <= LONGEST_CODE for one in seen)
    return short and len(seen) <= FEW and len(seen) * 3 <= len(column.values)


def _wording(column: SampledColumn) -> Typed:
    name = column.name
    if words.says(name, words.NAMES) and not words.says(name, "user file street town company"):
        return Typed(FieldType.NAME, "its name")
    if words.says(name, words.FREE_TEXT):
        return Typed(FieldType.TEXT, "its name")
    spaced = _share(column.values, lambda one: " " in one)
    if words.says(name, words.REFERENCES) and spaced < 1 - FITS and not _is_code(column):
        return Typed(FieldType.REFERENCE, "its name")
    if _is_code(column):
        return Typed(FieldType.CODE, "few different values")
    return Typed(FieldType.TEXT, "nothing tells more")
