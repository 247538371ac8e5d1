"""How does a group leave: which rows, in which form, and what of each row?"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any, Final

from policies.deciding.choosing import Row, Work, choose, formed, is_plain
from schemas.dataset import Field
from schemas.decision import Option, Release
from schemas.forms import SHOWS_ROWS
from schemas.reasons import TrueReason

MOST_ROWS: Final = 1_000


def shape_group(work: Work, field: Field, release: Release, inner: Mapping[str, Release], *, asked: bool) -> None:
    """Release a group in its form. A row that its caps or conditions hold back is neither shown nor counted.

    A group that was not `asked` for leaves only to carry fields that were.
    """
    rows = work.record.groups.get(field.path, ())
    if len(rows) > MOST_ROWS:
        # A part of them would be a false count.
        work.true_reasons[field.path] = TrueReason.SOURCE_VALUE_INVALID
        return
    visible, hidden = _visible(work, field, release, rows)
    if not visible:
        work.true_reasons[field.path] = hidden
        return
    # Every row leaves in the coarsest form that any of them may: a finer one would tell how many are held back.
    coarsest = min((option for _, option in visible), key=lambda one: (field.rank(one.form), one.line))
    shown = [row for row, _ in visible]
    if coarsest.form in SHOWS_ROWS:
        order_by = work.compiled.rules.dataset.groups[field.path].order_by
        shown.sort(key=lambda row: _order(row.get(order_by)))
    value = _value(work, coarsest.form, shown, inner)
    if not asked and not any(path in work.lines for path in inner):
        work.true_reasons[field.path] = TrueReason.NOT_HELD
        return
    forms = {path.partition(".")[2]: work.lines[path][0] for path in inner if path in work.lines}
    work.values[field.path] = {"value": value, "form": coarsest.form, **({"forms": forms} if forms else {})}
    work.lines[field.path] = (coarsest.form, coarsest.line)
    work.lawful[field.path] = coarsest.lawful
    work.shown[field.path] = shown


def _visible(
    work: Work, field: Field, release: Release, rows: tuple[Row, ...]
) -> tuple[list[tuple[Row, Option]], TrueReason]:
    if is_plain(release):
        return [(row, release.options[0]) for row in rows], TrueReason.NOT_HELD
    found: list[tuple[Row, Option]] = []
    hidden = TrueReason.NOT_HELD
    for row in rows:
        chosen = choose(work, field, release, row)
        if isinstance(chosen, TrueReason):
            hidden = chosen
        else:
            found.append((row, chosen))
    return found, hidden


def _order(raw: object) -> tuple[bool, str, Any]:
    """Return a row's place; what is not known comes first, so that it is never the latest."""
    if type(raw) in {str, date}:
        return True, type(raw).__name__, raw
    if type(raw) is int or (isinstance(raw, Decimal) and raw.is_finite()):
        return True, "number", raw
    return False, "", 0


def _value(work: Work, form: str, rows: list[Row], inner: Mapping[str, Release]) -> Any:
    if form == "present":
        return True
    if form == "count":
        return len(rows)
    kept = rows[-1:] if form == "latest" else rows
    values: list[dict[str, Any]] = [{} for _ in kept]
    for path, release in inner.items():
        _fill(work, path, release, list(zip(kept, values, strict=True)))
    return values


def _fill(work: Work, path: str, release: Release, rows: list[tuple[Row, dict[str, Any]]]) -> None:
    """Put one field into the rows, in one form: the coarsest of those that rows may show it in.

    Blank or withheld, a row's value is simply not there; where no row has one, the field is not available.
    """
    field = work.compiled.rules.dataset.fields[path]
    chosen = [(row, value, choose(work, field, release, row)) for row, value in rows]
    options = [one for _, _, one in chosen if not isinstance(one, TrueReason)]
    if not options:
        work.true_reasons[path] = next((one for _, _, one in chosen if isinstance(one, TrueReason)), TrueReason.NOT_HELD)
        return
    coarsest = min(options, key=lambda one: (field.rank(one.form), one.line))
    for row, value, one in chosen:
        if isinstance(one, TrueReason):
            continue
        found = formed(work, field, coarsest.form, row.get(field.derived_from or path))
        if isinstance(found, TrueReason):
            work.true_reasons.setdefault(path, found)
            continue
        value[path.partition(".")[2]] = found
        work.shown.setdefault(path, []).append(row)
    if path in work.shown:
        work.lines[path] = (coarsest.form, coarsest.line)
        work.lawful[path] = coarsest.lawful
        work.true_reasons.pop(path, None)
