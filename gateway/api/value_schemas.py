"""What does a value look like, as JSON Schema? One function a type of field, as `policies/deciding/forms.py` writes it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from itertools import pairwise
from typing import Any, Final

from schemas.dataset import Field
from schemas.forms import IDENTIFIERS, FieldType

Schema = dict[str, Any]
DAY: Final[Schema] = {"type": "string", "format": "date", "pattern": r"^\d{4}-\d{2}-\d{2}$"}
_TEXT: Final[Schema] = {"type": "string", "minLength": 1}
_PENCE: Final[Schema] = {"type": "string", "pattern": r"^-?\d+\.\d{2}$", "description": "Pounds and pence, as text."}
_NUMBER: Final[Schema] = {"anyOf": [{"type": "integer"}, {"type": "string", "pattern": r"^-?\d+\.\d+$"}]}
_POSTCODES: Final = {
    "area": r"^[A-Z]{1,2}$",
    "district": r"^[A-Z]{1,2}\d[A-Z\d]?$",
    "sector": r"^[A-Z]{1,2}\d[A-Z\d]? \d$",
    "full": r"^[A-Z]{1,2}\d[A-Z\d]? \d[A-Z]{2}$",
}
_DAYS: Final[Mapping[str, Schema]] = {
    "year": {"type": "string", "pattern": r"^\d{4}$"},
    "month": {"type": "string", "pattern": r"^\d{4}-\d{2}$"},
    "full": DAY,
}
# What a claim about a field may be, where it is not any text.
_CLAIMS: Final[Mapping[FieldType, Schema]] = {
    FieldType.AGE: {"type": ["integer", "string"], "description": "Whole years."},
    FieldType.NUMBER: {"type": ["integer", "string"]},
    FieldType.BOOLEAN: {"type": ["boolean", "string"]},
}


def value_schema(field: Field, form: str) -> Schema:
    """Return the schema of a field's value in a form; of a group that shows rows, see `rows_schema`."""
    if form == "present":
        return {"const": True}
    return _OF_TYPE[field.type](field, form)


def rows_schema(form: str, inner: Mapping[str, Iterable[Schema]]) -> Schema:
    """Return the schema of a group's rows: in each, those of its fields that are held and may be shown."""
    properties = {name: {"anyOf": list(values)} for name, values in inner.items()}
    rows: Schema = {"type": "array", "items": {"type": "object", "additionalProperties": False, "properties": properties}}
    return {**rows, "maxItems": 1} if form == "latest" else rows


def typed_schema(field: Field | None) -> Schema:
    """Return what is sent for a key or a confirming detail."""
    is_day = field is not None and field.type is FieldType.DATE
    return dict(DAY) if is_day else {"type": "string", "minLength": 1, "maxLength": 200}


def claim_schema(field: Field) -> Schema:
    """Return what may be claimed of a field. A coarser claim than the form has no answer."""
    return {"maxLength": 200, **_CLAIMS.get(field.type, {"type": "string"}), "title": field.label}


def band_schema(bands: tuple[int, ...]) -> Schema:
    """Return the bands that there are: `from` is in one, `below` is not, an open end is left out."""
    if not bands:
        return {"type": "object", "maxProperties": 0}
    inner = [{"from": low, "below": high} for low, high in pairwise(bands)]
    return {"type": "object", "enum": [{"below": bands[0]}, *inner, {"from": bands[-1]}]}


def _date(_field: Field, form: str) -> Schema:
    return dict(_DAYS[form])


def _age(field: Field, form: str) -> Schema:
    if form == "band":
        return band_schema(field.bands)
    return {"type": "integer", "minimum": 0, "maximum": 150} if form == "years" else {"type": "boolean"}


def _postcode(_field: Field, form: str) -> Schema:
    return {"type": "string", "pattern": _POSTCODES[form]}


def _name(_field: Field, form: str) -> Schema:
    return {**_TEXT, "maxLength": 3} if form == "initial" else dict(_TEXT)


def _identifier(_field: Field, form: str) -> Schema:
    if form != "pseudonym":
        return dict(_TEXT)
    return {
        "type": "string",
        "pattern": "^[0-9a-f]{32}$",
        "description": "The same for one person within a year, to you alone.",
    }


def _number(field: Field, form: str) -> Schema:
    if form == "band":
        return band_schema(field.bands)
    return dict(_PENCE if field.type is FieldType.MONEY else _NUMBER)


def _code(field: Field, form: str) -> Schema:
    return {"enum": sorted(set((field.code_groups or {}).values()))} if form == "group" else dict(_TEXT)


def _text(_field: Field, _form: str) -> Schema:
    return dict(_TEXT)


def _boolean(_field: Field, _form: str) -> Schema:
    return {"type": "boolean"}


def _group(_field: Field, form: str) -> Schema:
    return {"type": "integer", "minimum": 0} if form == "count" else rows_schema(form, {})


_OF_TYPE: Final[Mapping[FieldType, Callable[[Field, str], Schema]]] = {
    FieldType.DATE: _date,
    FieldType.AGE: _age,
    FieldType.POSTCODE: _postcode,
    FieldType.NAME: _name,
    **dict.fromkeys(IDENTIFIERS, _identifier),
    FieldType.NUMBER: _number,
    FieldType.MONEY: _number,
    FieldType.CODE: _code,
    FieldType.TEXT: _text,
    FieldType.BOOLEAN: _boolean,
    FieldType.GROUP: _group,
}
