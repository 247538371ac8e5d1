"""NHS number, NINO, UPRN, UPN, postcode: which spellings are one, and which are none?

Each function returns the one canonical form, or raises IdentifierError. What is checked is shape and check digit;
never whether the identifier was given to anyone.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from nhs_number.validate import is_valid
from stdnum.gb import upn

_NINO: Final = re.compile(r"([A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z])(\d{6})([A-D]?)", re.ASCII)
NINO_SUFFIXES: Final = ("A", "B", "C", "D")
_NEVER_ISSUED: Final = frozenset({"BG", "GB", "KN", "NK", "NT", "TN", "ZZ"})
_UPRN: Final = re.compile(r"\d{1,12}", re.ASCII)
_UPN: Final = re.compile(r"[A-HJ-NP-RT-Z]\d{11}[\dA-HJ-NP-RT-Z]", re.ASCII)
# The shapes of BS 7666: the inward part is always a digit and two letters, the outward part's length varies.
_POSTCODE: Final = re.compile(
    r"([A-PR-UWYZ](?:\d{1,2}|[A-HK-Y]\d{1,2}|\d[A-HJKPSTUW]|[A-HK-Y]\d[ABEHMNPRVWXY]))(\d[ABD-HJLNP-UW-Z]{2})", re.ASCII
)
# Postcodes of no mainland shape, as outward and last part, and what their own post writes between them. Bermuda's are
# not among them: the beginning of a Scottish one would be one of them.
_SPECIAL: Final = tuple(
    (re.compile(shape, re.ASCII), between)
    for shape, between in (
        (r"(ASCN|BBND|BIQQ|FIQQ|PCRN|SIQQ|STHL|TDCU|TKCA)(1ZZ)", " "),
        (r"(GIR)(0AA)", " "),
        (r"(BFPO)([1-9]\d{0,3})", " "),
        (r"(AI)(2640)", "-"),
        (r"(KY[1-3])(\d{4})", "-"),
        (r"(VG)(11[1-6]0)", ""),
        (r"(MSR)(1[1-3]\d0)", ""),
    )
)
# Spaces and every hyphen that a keyboard or a text program makes of one.
_BETWEEN: Final = re.compile(r"[\s\-\u2010-\u2015\u2212\ufe58\ufe63\uff0d]")


class IdentifierError(ValueError):
    """A text that is no such identifier. The message never repeats it: it may be somebody's."""


def parse_nhs_number(text: str) -> str:
    """Return ten digits whose last is the check digit (NHS Data Dictionary, NHS NUMBER: modulus 11)."""
    digits = _compact(text)
    # Some of ten equal digits pass the check, and are how systems write that there is none.
    if not re.fullmatch(r"(?!(\d)\1{9})\d{10}", digits, re.ASCII) or not is_valid(digits):
        raise IdentifierError("not an NHS number")
    return digits


def parse_nino(text: str) -> str:
    """Return a National Insurance number of a prefix that HMRC issues, with its suffix if it has one (NIM39110)."""
    found = _NINO.fullmatch(_compact(text))
    if found is None or found[1] in _NEVER_ISSUED:
        raise IdentifierError("not a National Insurance number")
    return found[0]


def nino_without_suffix(text: str) -> str:
    """Return what a number has in common with itself under another suffix, which only says when stamps fell due."""
    compact = _compact(text)
    return compact[:-1] if _NINO.fullmatch(compact) and compact[-1].isalpha() else compact


def parse_uprn(text: str) -> str:
    """Return a Unique Property Reference Number without the zeros that systems pad it with."""
    digits = text.strip().lstrip("0")
    if not _UPRN.fullmatch(digits):
        raise IdentifierError("not a UPRN")
    return digits


def parse_upn(text: str) -> str:
    """Return a Unique Pupil Number whose first letter is its check letter.

    The authority's number inside is not looked up: new ones are made faster than any list is kept.
    """
    compact = _compact(text)
    if not _UPN.fullmatch(compact) or upn.calc_check_digit(compact[1:]) != compact[0]:
        raise IdentifierError("not a UPN")
    return compact


def parse_postcode(text: str) -> str:
    """Return a postcode as outward part, one space, inward part; a special one as its own post writes it."""
    if found := _POSTCODE.fullmatch(_compact(text)):
        return f"{found[1]} {found[2]}"
    special = special_postcode(text)
    if special is None:
        raise IdentifierError("not a postcode")
    return special.written


@dataclass(frozen=True, slots=True)
class SpecialPostcode:
    """A postcode of no mainland shape: what stands before its last part is all that it has of a place."""

    outward: str
    written: str


def special_postcode(text: str) -> SpecialPostcode | None:
    """Return a postcode of those who serve abroad, of an overseas territory or of Girobank; None for any other text."""
    compact = _compact(text)
    for shape, between in _SPECIAL:
        if found := shape.fullmatch(compact):
            return SpecialPostcode(found[1], f"{found[1]}{between}{found[2]}")
    return None


def _compact(text: str) -> str:
    # Upper case only of ASCII: elsewhere it turns letters into others.
    compact = _BETWEEN.sub("", text)
    return compact.upper() if compact.isascii() else ""
