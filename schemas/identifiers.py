"""NHS number, NINO, UPRN, UPN, postcode: which spellings are one, and which are none?

Each function returns the one canonical form, or raises IdentifierError. What is checked is shape and check digit;
never whether the identifier was given to anyone.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from nhs_number.validate import is_valid
from stdnum.gb import upn

_NINO: Final = re.compile(r"([A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z])(\d{6})([A-D])", re.ASCII)
_NEVER_ISSUED: Final = frozenset({"BG", "GB", "KN", "NK", "NT", "TN", "ZZ"})
_UPRN: Final = re.compile(r"\d{1,12}", re.ASCII)
_UPN: Final = re.compile(r"[A-HJ-NP-RT-Z]\d{11}[\dA-HJ-NP-RT-Z]", re.ASCII)
# The shapes of BS 7666: the inward part is always a digit and two letters, the outward part's length varies.
_POSTCODE: Final = re.compile(
    r"([A-PR-UWYZ](?:\d{1,2}|[A-HK-Y]\d{1,2}|\d[A-HJKPSTUW]|[A-HK-Y]\d[ABEHMNPRVWXY]))(\d[ABD-HJLNP-UW-Z]{2})", re.ASCII
)


# Letters that Unicode does not take apart into a plain one and a mark.
_PLAIN: Final = str.maketrans(
    {"ø": "o", "đ": "d", "ð": "d", "ł": "l", "æ": "ae", "œ": "oe", "þ": "th", "ħ": "h", "\u0131": "i"}
)


class IdentifierError(ValueError):
    """A text that is no such identifier. The message never repeats it: it may be somebody's."""


def parse_nhs_number(text: str) -> str:
    """Return ten digits whose last is the check digit (NHS Data Dictionary, NHS NUMBER: modulus 11)."""
    digits = _compact(text)
    # Ten noughts pass the check, and are how systems write that there is none.
    if not re.fullmatch(r"(?!0{10})\d{10}", digits, re.ASCII) or not is_valid(digits):
        raise IdentifierError("not an NHS number")
    return digits


def parse_nino(text: str) -> str:
    """Return a National Insurance number of a prefix that HMRC issues, with its suffix (NIM39110)."""
    found = _NINO.fullmatch(_compact(text))
    if found is None or found[1] in _NEVER_ISSUED:
        raise IdentifierError("not a National Insurance number")
    return found[0]


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
    """Return a postcode as outward part, one space, inward part."""
    found = _POSTCODE.fullmatch(_compact(text))
    if found is None:
        raise IdentifierError("not a postcode")
    return f"{found[1]} {found[2]}"


def folded(text: str) -> str:
    """Return what spellings of one text share: without case, accents, spaces and punctuation (Unicode, form KD)."""
    plain = unicodedata.normalize("NFKD", text).casefold().translate(_PLAIN)
    return "".join(c for c in plain if c.isalnum())


def _compact(text: str) -> str:
    # Upper case only of ASCII: elsewhere it turns letters into others.
    compact = re.sub(r"[\s-]", "", text)
    return compact.upper() if compact.isascii() else ""
