"""What types of fields are there, and in which forms may a field of each leave?"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final


class FieldType(StrEnum):
    """How a field's raw value is read, and which chain of forms it has."""

    DATE = "date"
    AGE = "age"
    POSTCODE = "postcode"
    NAME = "name"
    NHS_NUMBER = "nhs_number"
    NINO = "nino"
    UPRN = "uprn"
    UPN = "upn"
    REFERENCE = "reference"
    NUMBER = "number"
    MONEY = "money"
    CODE = "code"
    TEXT = "text"
    BOOLEAN = "boolean"
    GROUP = "group"

    __hash__ = str.__hash__  # an enum's own is written in Python, and types are looked up by the dozen for each record


IDENTIFIERS: Final = frozenset({FieldType.NHS_NUMBER, FieldType.NINO, FieldType.UPRN, FieldType.UPN, FieldType.REFERENCE})


# From least to most revealing: the chain law says that each is computable from the next.
# `over_N` stands in an age's chain once for each N that the dataset names.
CHAINS: Final[Mapping[FieldType, tuple[str, ...]]] = {
    FieldType.DATE: ("present", "year", "month", "full"),
    FieldType.AGE: ("over_18", "band", "years"),
    FieldType.POSTCODE: ("present", "area", "district", "sector", "full"),
    FieldType.NAME: ("present", "initial", "full"),
    **dict.fromkeys(IDENTIFIERS, ("present", "pseudonym", "full")),
    FieldType.NUMBER: ("present", "band", "rounded", "full"),
    FieldType.MONEY: ("present", "band", "rounded", "full"),
    FieldType.CODE: ("present", "group", "full"),
    FieldType.TEXT: ("present", "full"),
    FieldType.BOOLEAN: ("full",),
    FieldType.GROUP: ("present", "count", "latest", "all"),
}


WITHHELD: Final = "withheld"


SHOWS_ROWS: Final = frozenset({"latest", "all"})  # the forms of a group that its fields can stand in
