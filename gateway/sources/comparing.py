"""Is what was typed what is held? The normal forms that keys, details and references of persons are compared in."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Hashable
from typing import Final

from gateway.sources.cleaning import Cleaner, clean_value, cleaner
from gateway.sources.columns import Column
from schemas.dataset import Field
from schemas.decision import RawValue, Unusable
from schemas.forms import IDENTIFIERS, FieldType
from schemas.identifiers import NINO_SUFFIXES, nino_without_suffix
from schemas.spelling import folded, name_form

_AS_TYPED: Final[dict[FieldType, Cleaner]] = {
    kind: cleaner(Column(), kind) for kind in FieldType if kind not in (FieldType.AGE, FieldType.GROUP)
}
_HYPHENS: Final = re.compile(r"[\u2010-\u2015\u2212\ufe58\ufe63\uff0d]")
Form = Callable[[RawValue], str | None]


def typed_value(field: Field, text: str) -> RawValue:
    """Return a detail as a partner typed it, read as its field's type: dates as 2026-04-01."""
    return _AS_TYPED[field.type](text)


def typed_form(field: Field, text: str) -> str | None:
    """Return the normal form of a detail as a partner typed it, None for nothing to compare."""
    return _FORMS[field.type](_AS_TYPED[field.type](text))


def detail_form(raw: object, column: Column, field: Field) -> str | None:
    """Return a detail's normal form as it is held."""
    return normal_form(field.type)(clean_value(raw, column, field))


def normal_form(kind: FieldType) -> Form:
    """Return what makes of a value of this type what its spellings share, or None where there is nothing to compare.

    A code that means "not held" never fits anything.
    """
    fold = _FOLDS.get(kind, folded)

    def form(value: RawValue) -> str | None:
        if value is None or value is Unusable.INVALID:
            return None
        return fold(value) or None if isinstance(value, str) else str(value)

    return form


_FOLDS: Final[dict[FieldType, Callable[[str], str]]] = {
    FieldType.NAME: name_form,
    FieldType.NINO: lambda text: nino_without_suffix(text).lower(),
}


_FORMS: Final = {kind: normal_form(kind) for kind in FieldType}


def key_form(field: Field, text: str) -> str | None:
    """Return a key's value as the source is asked for it: in its canonical form, or None where there is none."""
    if field.type in IDENTIFIERS:
        value = typed_value(field, _HYPHENS.sub("-", text))
        return (value.strip() or None) if isinstance(value, str) else None
    return _HYPHENS.sub("-", text).strip() or None


def one_key(field: Field, text: str) -> str | None:
    """Return what all spellings of one key share: a National Insurance number is the same under any suffix."""
    value = key_form(field, text)
    return nino_without_suffix(value) if value is not None and field.type is FieldType.NINO else value


def held_spellings(field: Field, value: str) -> tuple[str, ...]:
    """Return how a source that compares exactly may hold the key that is asked for, as it was given first."""
    if field.type is not FieldType.NINO:
        return (value,)
    number = nino_without_suffix(value)
    return tuple(dict.fromkeys((value, number, *(number + suffix for suffix in NINO_SUFFIXES))))


def person_form(raw: object) -> str:
    """Return a source's own reference of a person as log, consents and restrictions name it; "" for nobody.

    Source and control side both come here: a reference that one spelt otherwise would hold nothing back.
    """
    return "" if raw is None else str(raw).strip()


def lenient(value: object) -> Hashable:
    """Return what all have in common that a database might take for one: by case, marks, spaces, or as numbers."""
    text = str(value).strip()
    if text.isascii() and text.isdigit():
        return text.lstrip("0") or "0"
    try:
        number = float(text)
    except ValueError:
        return "".join(c for c in unicodedata.normalize("NFKD", text).casefold() if c.isalnum())
    return str(int(number)) if number.is_integer() else repr(number)
