"""What leaves of a record, and why does the rest stay? Resolves what `decide` left to the record.

To the partner everything that the record causes is one reason, `not_available`; the log knows the true one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field as member
from datetime import date
from typing import Any, Final

from policies.compile import Compiled, Net
from policies.facts import holds
from policies.forms import Pseudonym, apply_form
from schemas.agreement import Condition, RecordTerm
from schemas.dataset import Field, FieldType
from schemas.decision import Decision, Option, Record, Release, Shaped, Unusable
from schemas.terms import EmergencyKind, Reason, TrueReason

Row = Mapping[str, object]
Line = tuple[str, str]
MOST_ROWS: Final = 1_000


@dataclass(slots=True)
class _Work:
    """What shaping one record needs and finds. Lives for one call."""

    record: Record
    compiled: Compiled
    on: date
    pseudonym: Pseudonym
    of: Mapping[str, str | None]
    markers: dict[str, bool | None] = member(default_factory=dict)
    values: dict[str, dict[str, Any]] = member(default_factory=dict)
    lines: dict[str, Line] = member(default_factory=dict)
    lawful: dict[str, str] = member(default_factory=dict)
    true_reasons: dict[str, TrueReason] = member(default_factory=dict)


def shape(
    record: Record | None,
    decision: Decision,
    compiled: Compiled,
    *,
    people: frozenset[str],
    on: date,
    emergency: EmergencyKind | None,
    recipient: str,
    pseudonym: Pseudonym,
) -> Shaped:
    """Return what leaves. `record` None: nobody was confirmed, or nothing was fetched.

    `people` are the roles that the record holds: where a line is about a person who is not there, nothing is held.
    """
    withheld = {path: one.reason for path, one in decision.fields.items() if not isinstance(one, Release)}
    releases = {path: one for path, one in decision.fields.items() if isinstance(one, Release)}
    if record is None:
        reasons = dict.fromkeys(releases, TrueReason.NOT_CONFIRMED)
        return Shaped({}, {}, {**withheld, **dict.fromkeys(releases, Reason.NOT_AVAILABLE)}, reasons, {})
    of = {line.id: line.of for line in compiled.rules.agreement.releases}
    work = _Work(record, compiled, on, pseudonym, of)
    groups = compiled.rules.dataset.groups
    for path, release in releases.items():
        field = compiled.rules.dataset.fields[path]
        if field.of is not None and field.of not in people:
            work.true_reasons[path] = TrueReason.NOT_HELD
        elif path in groups:
            _shape_group(work, field, release, releases)
        elif "." not in path:
            _shape_field(work, field, release)
    tripped = _cast_nets(work, compiled, emergency, recipient)
    for path in releases:
        if path not in work.lines:
            withheld[path] = Reason.NOT_AVAILABLE
            work.true_reasons.setdefault(path, TrueReason.NOT_HELD)
    return Shaped(work.values, work.lines, withheld, work.true_reasons, work.markers, tripped)


# -- one field


def _shape_field(work: _Work, field: Field, release: Release) -> None:
    chosen = _choose(work, field, release, None)
    if isinstance(chosen, TrueReason):
        work.true_reasons[field.path] = chosen
        return
    raw = work.record.values.get(field.derived_from or field.path)
    value = apply_form(field, chosen.form, raw, on=work.on, pseudonym=work.pseudonym)
    if value is None or isinstance(value, Unusable):
        invalid = isinstance(value, Unusable)
        work.true_reasons[field.path] = TrueReason.SOURCE_VALUE_INVALID if invalid else TrueReason.NOT_HELD
        return
    work.values[field.path] = {"value": value, "form": chosen.form}
    work.lines[field.path] = (chosen.form, chosen.line)
    work.lawful[field.path] = chosen.lawful


def _choose(work: _Work, field: Field, release: Release, row: Row | None) -> Option | TrueReason:
    """Return the first option whose conditions are known to hold, unless a cap is not known to be lifted."""
    for cap in release.caps:
        if not any(_holds(work, one, field.of, row) is False for one in cap.record):
            return TrueReason.RECORD_CAP
    for option in release.options:
        if all(_holds(work, one, work.of[option.line], row) is True for one in option.record):
            return option
    return TrueReason.RECORD_CONDITION


def _holds(work: _Work, condition: Condition, of: str | None, row: Row | None) -> bool | None:
    in_row = isinstance(condition, RecordTerm) and "." in condition.marker and row is not None
    result = holds(condition, work.record, work.compiled, on=work.on, of=of, row=row if in_row else None)
    name = condition.marker if isinstance(condition, RecordTerm) else condition.value
    if not in_row:
        work.markers[name] = work.record.values.get(name) if _is_plain(work, name) else result  # type: ignore[assignment]  # booleans alone
    return result


def _is_plain(work: _Work, name: str) -> bool:
    """Tell whether a marker's own value, and not a comparison with it, is what the log should hold."""
    return isinstance(work.record.values.get(name), bool)


# -- groups


def _shape_group(work: _Work, field: Field, release: Release, releases: Mapping[str, Release]) -> None:
    """Release a group in its form. A row that its caps or conditions hold back is neither shown nor counted."""
    dataset = work.compiled.rules.dataset
    group = dataset.groups[field.path]
    rows: list[tuple[Row, Option]] = []
    hidden: TrueReason = TrueReason.NOT_HELD
    for row in work.record.groups.get(field.path, ())[:MOST_ROWS]:
        chosen = _choose(work, field, release, row)
        if isinstance(chosen, TrueReason):
            hidden = chosen
            continue
        rows.append((row, chosen))
    if not rows:
        work.true_reasons[field.path] = hidden
        return
    # Every row leaves in the coarsest form that any of them may: a finer one would tell how many are held back.
    coarsest = min((option for _, option in rows), key=lambda one: field.rank(one.form))
    inner = [path for path in group.fields if path in releases]
    shown = sorted((row for row, _ in rows), key=lambda row: _order(row.get(group.order_by)))
    value, forms = _rows_value(work, coarsest.form, shown, inner, releases)
    work.values[field.path] = {"value": value, "form": coarsest.form, **({"forms": forms} if forms else {})}
    work.lines[field.path] = (coarsest.form, coarsest.line)
    work.lawful[field.path] = coarsest.lawful


def _order(raw: object) -> tuple[bool, str]:
    return (raw is not None and not isinstance(raw, Unusable), str(raw))


def _rows_value(
    work: _Work, form: str, rows: list[Row], inner: list[str], releases: Mapping[str, Release]
) -> tuple[Any, dict[str, str]]:
    if form == "present":
        return True, {}
    if form == "count":
        return len(rows), {}
    kept = rows[-1:] if form == "latest" else rows
    forms: dict[str, str] = {}
    value = [{path.partition(".")[2]: _inner(work, path, releases[path], row, forms) for path in inner} for row in kept]
    # Blank or withheld, a row's value is simply not there; where no row has one, the field is not available.
    return [{name: one for name, one in row.items() if one is not None} for row in value], forms


def _inner(work: _Work, path: str, release: Release, row: Row, forms: dict[str, str]) -> Any:
    field = work.compiled.rules.dataset.fields[path]
    chosen = _choose(work, field, release, row)
    if isinstance(chosen, TrueReason):
        work.true_reasons.setdefault(path, chosen)
        return None
    raw = row.get(field.derived_from or path)
    value = apply_form(field, chosen.form, raw, on=work.on, pseudonym=work.pseudonym)
    if value is None or isinstance(value, Unusable):
        if isinstance(value, Unusable):
            work.true_reasons.setdefault(path, TrueReason.SOURCE_VALUE_INVALID)
        return None
    # One form for a field in all rows, the first row's; a row that may show more shows no more than that.
    known = forms.setdefault(path.partition(".")[2], chosen.form)
    if known != chosen.form:
        lower = min(known, chosen.form, key=field.rank)
        value = apply_form(field, lower, raw, on=work.on, pseudonym=work.pseudonym) if lower == known else None
    work.lines[path] = (known, chosen.line)
    work.lawful[path] = chosen.lawful
    return value


# -- nets


def _cast_nets(work: _Work, compiled: Compiled, emergency: EmergencyKind | None, recipient: str) -> tuple[str, ...]:
    """Withhold whatever a guardrail would have forbidden: proved before, so a net that catches is a bug."""
    tripped = []
    kind = compiled.rules.recipient_kinds.get(recipient)
    for net in compiled.nets:
        if net.kinds and kind is not None and kind not in net.kinds:
            continue
        if emergency is not None and kind in net.except_emergency:
            continue
        reached = [[path for path, most in part if _is_above(work, net, path, most)] for part in net.parts]
        is_together = len(net.parts) > 1 and all(len(part) >= 1 for part in net.parts) and _is_together(compiled, net)
        caught = [path for part in reached for path in part]
        if not caught or (is_together and not all(reached)):
            continue
        if any(holds(one, work.record, compiled, on=work.on, of=None) is False for one in net.record):
            continue
        tripped.append(net.id)
        for path in caught:
            _take_back(work, path)
    return tuple(tripped)


def _is_together(compiled: Compiled, net: Net) -> bool:
    return any(one.id == net.id and one.together for one in compiled.rules.guardrails)


def _is_above(work: _Work, net: Net, path: str, most: int) -> bool:
    line = work.lines.get(path)
    if line is None:
        return False
    if compiled_power(work, path) in net.except_powers:
        return False
    field = work.compiled.rules.dataset.fields[path]
    return field.rank(line[0]) > most


def compiled_power(work: _Work, path: str) -> str | None:
    """Return the power that a released field's line of law names."""
    return work.compiled.power_of.get(work.lawful.get(path, ""))


def _take_back(work: _Work, path: str) -> None:
    fields = work.compiled.rules.dataset.fields
    taken = [path]
    if fields[path].type is FieldType.GROUP:
        taken += [one for one in work.lines if one.startswith(path + ".")]
    elif "." in path:
        taken.append(path.partition(".")[0])  # its rows hold the value
    for one in taken:
        work.values.pop(one, None)
        work.lines.pop(one, None)
        work.true_reasons[one] = TrueReason.GUARDRAIL_TRIPPED
