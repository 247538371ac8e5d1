"""What leaves of a record, and why does the rest stay? Resolves what `decide` left to the record.

To the partner everything that the record causes is one reason, `not_available`; the log knows the true one.
"""

from __future__ import annotations

from datetime import date

from policies.choosing import Work, choose, formed
from policies.compile import Compiled
from policies.forms import Pseudonym
from policies.nets import cast_nets
from policies.rows import shape_group
from schemas.dataset import Field
from schemas.decision import Decision, Record, Release, Shaped
from schemas.terms import EmergencyKind, Reason, TrueReason


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

    `people` are the roles that the record holds: where a field is of a person who is not there, nothing is held.
    """
    withheld = {path: one.reason for path, one in decision.fields.items() if not isinstance(one, Release)}
    releases = {path: one for path, one in decision.fields.items() if isinstance(one, Release)}
    asked = [path for path in releases if path not in decision.carriers]
    if record is None:
        reasons = dict.fromkeys(asked, TrueReason.NOT_CONFIRMED)
        return Shaped({}, {}, {**withheld, **dict.fromkeys(asked, Reason.NOT_AVAILABLE)}, reasons, {})
    work = Work(record, compiled, on, pseudonym, compiled.whose)
    fields, groups, held = compiled.rules.dataset.fields, compiled.rules.dataset.groups, {None, *people}
    for path, release in releases.items():
        field = fields[path]
        if field.of not in held:
            work.true_reasons[path] = TrueReason.NOT_HELD
        elif path in groups:
            theirs = [one for one in releases if one.startswith(path + ".") and fields[one].of in held]
            inner = {one: releases[one] for one in theirs}
            shape_group(work, field, release, inner, asked=path not in decision.carriers)
        elif "." not in path:
            _shape_field(work, field, release)
    tripped = cast_nets(work, decision, emergency, recipient)
    for path in asked:
        if path not in work.lines:
            withheld[path] = Reason.NOT_AVAILABLE
            group = work.true_reasons.get(path.partition(".")[0], TrueReason.NOT_HELD)
            work.true_reasons.setdefault(path, group)
    return Shaped(work.values, work.lines, withheld, work.true_reasons, work.markers, tripped)


def _shape_field(work: Work, field: Field, release: Release) -> None:
    path, chosen = field.path, choose(work, field, release, None)
    if isinstance(chosen, TrueReason):
        work.true_reasons[path] = chosen
        return
    value = formed(work, field, chosen.form, work.record.values.get(field.derived_from or path))
    if isinstance(value, TrueReason):
        work.true_reasons[path] = value
        return
    work.values[path] = {"value": value, "form": chosen.form}
    work.lines[path] = (chosen.form, chosen.line)
    work.lawful[path] = chosen.lawful
