"""How does a raw value look in a form? One function for each; the coarser is always computable from the finer."""

from __future__ import annotations

import hmac
import re
import unicodedata
from bisect import bisect_right
from collections.abc import Callable, Mapping
from datetime import date
from decimal import ROUND_FLOOR, Decimal
from typing import Any, Final

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from policies.deciding.facts import age_on
from schemas.dataset import Field
from schemas.decision import RawValue, Unusable
from schemas.forms import FieldType
from schemas.identifiers import special_postcode

Pseudonym = Callable[[str, str], str]  # (path, canonical value) -> pseudonym
Former = Callable[[RawValue, date, Pseudonym], Any]

_DATE_LENGTHS: Final = {"year": 4, "month": 7}
_POSTCODE: Final = re.compile(r"([A-Z]{1,2})(\d[A-Z\d]?) ?(\d[A-Z]{2})", re.ASCII)
_TOO_LARGE: Final = 10**15
_PENNY: Final = Decimal("0.01")


def apply_form(field: Field, form: str, raw: RawValue, *, on: date, pseudonym: Pseudonym) -> Any:
    """Return the JSON-ready value of a form; None where nothing is held, Unusable.INVALID where it can't be made.

    `on` is the London day that ages count to. Money, and numbers with a fraction, are text, so that no reader
    rounds them.
    """
    return former(field, form)(raw, on, pseudonym)


def former(field: Field, form: str) -> Former:
    """Return `apply_form` of one field and form, for many values."""
    allowed = _RAW[field.type]
    made = None if form == "full" and field.type in _FULL_AS_IT_IS else _FORMS.get(field.type)

    def formed(raw: RawValue, on: date, pseudonym: Pseudonym) -> Any:
        kind = type(raw)
        if kind not in allowed:
            return raw if raw is None or raw is Unusable.INVALID else Unusable.INVALID
        if kind is str and not raw.strip():  # type: ignore[attr-defined]  # kind is its exact type
            return None
        value = raw if made is None else made(field, form, raw, on)
        if value is Unusable.INVALID:
            return value
        if form == "present":
            return True
        return pseudonym(field.path, str(raw)) if form == "pseudonym" else value

    return formed


def pseudonym_key(master: bytes, recipient: str, agreement: str, field: str, epoch: str) -> bytes:
    """Return the key of one scope: no two scopes share one, so their pseudonyms can't be joined (RFC 5869)."""
    info = f"stile pseudonym\0{recipient}\0{agreement}\0{field}\0{epoch}".encode()
    return HKDF(SHA256(), 32, salt=None, info=info).derive(master)


def pseudonym_value(key: bytes, canonical: str) -> str:
    """Return the pseudonym of a canonical value: 128 bits of HMAC-SHA256, in hexadecimal (RFC 2104)."""
    # Not hmac.digest, which lets the interpreter go: under load getting it back takes longer than all the rest.
    return hmac.new(key, canonical.encode(), "sha256").digest()[:16].hex()


def band_of(bands: tuple[int, ...], value: Decimal | int) -> dict[str, int]:
    """Return the band that a value lies in; `from` is in it, `below` is not, an open end is left out."""
    place = bisect_right(bands, value)
    low = {"from": bands[place - 1]} if place else {}
    return {**low, **({"below": bands[place]} if place < len(bands) else {})}


def _date(_field: Field, form: str, raw: Any, _on: date) -> Any:
    return raw.isoformat()[: _DATE_LENGTHS.get(form)]


def _age(field: Field, form: str, raw: Any, on: date) -> Any:
    years = age_on(raw, on)
    if years is None:
        return Unusable.INVALID
    if form == "years":
        return years
    return band_of(field.bands, years) if form == "band" else years >= int(form.removeprefix("over_"))


def _postcode(_field: Field, form: str, raw: Any, _on: date) -> Any:
    # From the right: the inward part is always a digit and two letters; the outward part's length varies.
    found = _POSTCODE.fullmatch(raw)
    if found is None:
        return _special_postcode(form, raw)
    area, number, inward = found.groups()
    outward = area + number
    return {"area": area, "district": outward, "sector": f"{outward} {inward[0]}"}.get(form, f"{outward} {inward}")


def _special_postcode(form: str, raw: str) -> Any:
    """Return what stands before the last part for each coarser form: anything shorter would be a guess."""
    special = special_postcode(raw)
    if special is None or special.written != raw:
        return Unusable.INVALID
    return special.outward if form in _COARSE else raw


def _name(_field: Field, form: str, raw: Any, _on: date) -> Any:
    if form != "initial":
        return raw
    letters = (character for character in unicodedata.normalize("NFC", raw) if character.isalpha())
    return next((letter.upper() for letter in letters), Unusable.INVALID)


def _number(field: Field, form: str, raw: Any, _on: date) -> Any:
    if type(raw) is int and form == "full" and field.type is FieldType.NUMBER:
        return raw if abs(raw) < _TOO_LARGE else Unusable.INVALID
    value = Decimal(raw)
    if not value.is_finite() or abs(value) >= _TOO_LARGE:
        return Unusable.INVALID
    if field.type is FieldType.MONEY:
        # Whole pence first, for every form: a band must be what follows from the amount that `full` shows.
        value = value.quantize(_PENNY, ROUND_FLOOR)
    if form == "band":
        return band_of(field.bands, value)
    if form == "rounded" and field.step:
        value = (value / field.step).to_integral_value(ROUND_FLOOR) * field.step
    if field.type is FieldType.MONEY:
        return f"{value + 0:.2f}"
    return int(value) if value == value.to_integral_value() else f"{value.normalize():f}"


def _code(field: Field, form: str, raw: Any, _on: date) -> Any:
    if field.codes is not None and raw not in field.codes:
        return Unusable.INVALID  # a remark in a column of codes is no code, and may be about a third person
    return (field.code_groups or {}).get(raw, Unusable.INVALID) if form == "group" else raw


# Values of other types leave as they are.
_FORMS: Final[Mapping[FieldType, Callable[[Field, str, Any, date], Any]]] = {
    FieldType.DATE: _date,
    FieldType.AGE: _age,
    FieldType.POSTCODE: _postcode,
    FieldType.NAME: _name,
    FieldType.NUMBER: _number,
    FieldType.MONEY: _number,
    FieldType.CODE: _code,
}
_COARSE: Final = frozenset({"area", "district", "sector"})
_FULL_AS_IT_IS: Final = frozenset({FieldType.NAME})
# The exact types of a raw value: True is an int, and a datetime a date, to isinstance.
_RAW: Final[Mapping[FieldType, frozenset[type]]] = {
    **dict.fromkeys(FieldType, frozenset({str})),
    FieldType.DATE: frozenset({date}),
    FieldType.AGE: frozenset({date}),
    FieldType.NUMBER: frozenset({int, Decimal}),
    FieldType.MONEY: frozenset({int, Decimal}),
    FieldType.BOOLEAN: frozenset({bool}),
}
