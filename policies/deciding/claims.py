"""Is what a partner claims what the record says, in the form that they may see? Yes, no, or nothing.

A claim is compared in the released form alone, and so tells no more than reading would.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any, Final

from policies.deciding.forms import apply_form, band_of
from schemas.dataset import Dataset, Field
from schemas.decision import Option, RawValue, Release, Shaped, Unusable, Withhold
from schemas.forms import FieldType
from schemas.identifiers import nino_without_suffix
from schemas.reasons import Reason, TrueReason
from schemas.spelling import differ_in_spelling, folded, name_form, without_title

YES: Final = "yes"
NO: Final = "no"
_EXACT: Final = frozenset({FieldType.BOOLEAN, FieldType.CODE})  # of few values: half a value would be guessed at once

# What people write in more than one way; of these a no that only the spelling made would be a false one.
_WRITTEN: Final = frozenset({FieldType.NAME, FieldType.TEXT, FieldType.REFERENCE, FieldType.CODE})


def comparable(field: Field, one: Release | Withhold) -> Release | Withhold:
    """Leave of a field's options those whose form a claim can be compared in; of what another holds back, too."""
    if not one.options:
        return one
    options = tuple(option for option in one.options if _is_comparable(field, option))
    if options:
        return replace(one, options=options)
    held = tuple(option for option in one.held if _is_comparable(field, option)) if isinstance(one, Release) else ()
    return Withhold(Reason.NOT_AVAILABLE, held[0].line, held) if held else Withhold(Reason.FIELD_NOT_AGREED)


def _is_comparable(field: Field, option: Option) -> bool:
    if field.type is FieldType.GROUP or option.form == "present":
        return False
    return option.form == "full" or field.type not in _EXACT


# What a value looks like in a form that is less than the whole. A claim of that shape is right or wrong: were it answered
# where it is right alone, it could be guessed at without end. Overseas posts have no area, but three or four letters.
_OUTWARD: Final = r"[A-Z]{1,2}\d[A-Z\d]?"
_SHAPES: Final[Mapping[tuple[FieldType, str], re.Pattern[str]]] = {
    (FieldType.DATE, "year"): re.compile(r"\d{4}", re.ASCII),
    (FieldType.DATE, "month"): re.compile(r"\d{4}-\d{2}", re.ASCII),
    (FieldType.POSTCODE, "area"): re.compile(r"[A-Z]{1,4}", re.ASCII),
    (FieldType.POSTCODE, "district"): re.compile(rf"{_OUTWARD}|[A-Z]{{3,4}}", re.ASCII),
    (FieldType.POSTCODE, "sector"): re.compile(rf"{_OUTWARD} \d|[A-Z]{{3,4}}", re.ASCII),
}


def compare(
    shaped: Shaped, dataset: Dataset, *, typed: Mapping[str, RawValue], as_typed: Mapping[str, str], on: date
) -> Shaped:
    """Return yes or no in place of each released value; a claim that can't be compared has no answer.

    `typed` holds the claims read as their fields' types, `as_typed` as they came: a year is a claim about a year.
    """
    answers: dict[str, Mapping[str, object]] = {}
    withheld, true_reasons = dict(shaped.withheld), dict(shaped.true_reasons)
    for path, released in shaped.fields.items():
        field, form = dataset.fields[path], str(released["form"])
        said = _fits(field, form, released["value"], typed.get(path), as_typed[path], on)
        if said is None:
            withheld[path], true_reasons[path] = Reason.NOT_AVAILABLE, TrueReason.CLAIM_NOT_COMPARABLE
        else:
            answers[path] = {"value": YES if said else NO, "form": form}
    lines = {path: line for path, line in shaped.lines.items() if path in answers}
    return Shaped(answers, lines, withheld, true_reasons, shaped.markers, shaped.tripped)


def wrong_in(shaped: Shaped) -> list[str]:
    """Return the fields of which a claim was answered with no."""
    return [path for path, one in shaped.fields.items() if one["value"] == NO]


def without_answers(shaped: Shaped, paths: Collection[str]) -> Shaped:
    """Leave claims about these fields without an answer, as where nothing is held."""
    if not paths:
        return shaped
    return replace(
        shaped,
        fields={path: one for path, one in shaped.fields.items() if path not in paths},
        lines={path: one for path, one in shaped.lines.items() if path not in paths},
        withheld={**shaped.withheld, **dict.fromkeys(paths, Reason.NOT_AVAILABLE)},
        true_reasons={**shaped.true_reasons, **dict.fromkeys(paths, TrueReason.WRONG_TOO_OFTEN)},
    )


def _fits(field: Field, form: str, value: Any, typed: RawValue, text: str, on: date) -> bool | None:
    if isinstance(value, str) and _same(field, text, value):
        return True
    if form == "pseudonym":
        # Only as a pseudonym: comparing the identifier itself would join what pseudonyms keep apart.
        return False
    if (shape := _SHAPES.get((field.type, form))) is not None and shape.fullmatch(" ".join(text.split()).upper()):
        return False
    if field.type is FieldType.AGE and isinstance(typed, (int, Decimal)):
        return bool(_age_in(field, form, int(typed)) == value)
    said = {_claimed_is(field, form, value, one, on) for one in _readings(field, typed)}
    return True if True in said else None if None in said else False


def _readings(field: Field, typed: RawValue) -> tuple[RawValue, ...]:
    """Return what a claim may mean: a name's title is no part of it, or it is a name."""
    if field.type is not FieldType.NAME or not isinstance(typed, str):
        return (typed,)
    return tuple(dict.fromkeys((typed, without_title(typed))))


def _claimed_is(field: Field, form: str, value: Any, typed: RawValue, on: date) -> bool | None:
    claimed = apply_form(field, form, typed, on=on, pseudonym=lambda _path, one: one)
    if claimed is None or isinstance(claimed, Unusable):
        return None
    if not isinstance(claimed, str) or not isinstance(value, str):
        return bool(claimed == value)
    if _same(field, claimed, value):
        return True
    return None if field.type in _WRITTEN and differ_in_spelling(claimed, value) else False


def _same(field: Field, one: str, other: str) -> bool:
    """Tell whether two texts say the same: names and prose however they are spelt, the rest but for case."""
    match field.type:
        case FieldType.NAME:
            return bool(name_form(one)) and name_form(one) == name_form(other)
        case FieldType.TEXT:
            return bool(folded(one)) and folded(one) == folded(other)
        case FieldType.NINO:
            return nino_without_suffix(one) == nino_without_suffix(other)
        case _:
            return " ".join(one.split()).casefold() == " ".join(other.split()).casefold()


def _age_in(field: Field, form: str, years: int) -> object:
    if form == "years":
        return years
    return band_of(field.bands, years) if form == "band" else years >= int(form.removeprefix("over_"))


def matched(shaped: Shaped) -> Shaped:
    """Return what a match releases: nothing. Whether the person was confirmed stands beside it."""
    return Shaped({}, {}, {}, {}, {}, shaped.tripped)
