"""What does a claim mean, as a partner typed it? Read as the type of its field."""

from __future__ import annotations

import re
from collections.abc import Mapping

from gateway.sources.cleaning import clean_value
from gateway.sources.columns import Column
from schemas.dataset import Dataset
from schemas.decision import RawValue
from schemas.forms import FieldType

_AS_TYPED = Column(yes=("true", "yes"), no=("false", "no"))


def typed_claims(dataset: Dataset, claims: Mapping[str, str]) -> dict[str, RawValue]:
    """Return each claim's value; Unusable.INVALID for one that is not of its field's type. An age is whole years."""
    found: dict[str, RawValue] = {}
    for path, text in claims.items():
        field = dataset.fields[path]
        if field.type is FieldType.AGE:
            found[path] = int(text) if re.fullmatch(r"\d{1,3}", text.strip(), re.ASCII) else None
        else:
            found[path] = clean_value(text.lower() if field.type is FieldType.BOOLEAN else text, _AS_TYPED, field)
    return found
