"""Does a key or detail have the shape of its field's type? In words that tell the shape, and never the value.

The shape says nothing of anybody, so telling it costs nothing; what is of the type and of nobody is a miss.
"""

from __future__ import annotations

import re
from typing import Final

from gateway.sources.comparing import key_form, typed_form
from schemas.dataset import Field
from schemas.forms import FieldType

_A_DAY: Final = re.compile(r"\s*\d{4}-\d{1,2}-\d{1,2}\s*", re.ASCII)
_NO_DAY: Final = "is no day of the calendar: write one as 1979-07-23"
_SHAPES: Final[dict[FieldType, str]] = {
    FieldType.DATE: "is not a date: write it as 1979-07-23",
    FieldType.POSTCODE: "is not a postcode: write the whole of it, as LS1 4AB",
    FieldType.NHS_NUMBER: "is not an NHS number: write its ten digits, of which the last checks the others",
    FieldType.NINO: "is not a National Insurance number: write it as AB123456C, or without the last letter",
    FieldType.UPRN: "is not a UPRN: write its digits, twelve at most",
    FieldType.UPN: "is not a UPN: write a letter and twelve characters, as B801200005001",
    FieldType.NUMBER: "is not a number: write it in digits, as 12 or 1.5",
    FieldType.MONEY: "is not an amount: write it in digits, as 12.50",
    FieldType.BOOLEAN: "is neither yes nor no: write Y or N",
    FieldType.NAME: "is not a name: it has no letter",
}
_OF_ANY: Final = "has neither a letter nor a digit"


def misfit_of_key(field: Field, text: str) -> str | None:
    """Return what is wrong with a key's value, None where it fits."""
    return None if key_form(field, text) is not None else _said(field, text)


def misfit_of_detail(field: Field, text: str) -> str | None:
    """Return what is wrong with a confirming detail, None where it fits."""
    return None if typed_form(field, text) is not None else _said(field, text)


def _said(field: Field, text: str) -> str:
    if field.type is FieldType.DATE and _A_DAY.fullmatch(text):
        return _NO_DAY
    return _SHAPES.get(field.type, _OF_ANY)
