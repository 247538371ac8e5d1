"""What leaves of a record, and why does the rest stay? Resolves what `decide` left to the record.

To the partner everything that the record causes is one reason, `not_available`; the log knows the true one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from policies.deciding.choosing import Work, choices, formed, is_plain
from policies.deciding.compile import Compiled
from policies.deciding.forms import Former, Pseudonym, former
from policies.deciding.nets import cast_nets
from policies.deciding.rows import shape_group
from schemas.dataset import Field
from schemas.decision import Decision, Option, Record, Release, Shaped, Unusable, Withhold
from schemas.reasons import Reason, TrueReason
from schemas.terms import EmergencyKind


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
    if record is None:
        return _without_record(decision)
    plan = _plan_of(decision, compiled, people)
    withheld = dict(plan.withheld)
    work = Work(record, compiled, on, pseudonym, compiled.whose, decision.subject, true_reasons=dict(plan.not_held))
    _shape_plain(work, plan)
    for field, release in plan.conditional:
        _shape_field(work, field, release)
    for field, release, inner in plan.groups:
        shape_group(work, field, release, inner, asked=field.path not in decision.carriers)
    tripped = cast_nets(work, decision, emergency, recipient)
    if len(work.lines) < plan.most:
        for path in plan.asked:
            if path not in work.lines:
                withheld[path] = Reason.NOT_AVAILABLE
                group = work.true_reasons.get(path.partition(".")[0], TrueReason.NOT_HELD)
                work.true_reasons.setdefault(path, group)
    return Shaped(work.values, work.lines, withheld, work.true_reasons, work.markers, tripped)


def _without_record(decision: Decision) -> Shaped:
    released = (path for path, one in decision.fields.items() if isinstance(one, Release))
    asked = [path for path in released if path not in decision.carriers]
    withheld = {**_withheld(decision), **dict.fromkeys(asked, Reason.NOT_AVAILABLE)}
    return Shaped({}, {}, withheld, dict.fromkeys(asked, TrueReason.NOT_CONFIRMED), {})


def _withheld(decision: Decision) -> dict[str, Reason]:
    """Return why asked fields stay; of a group that nobody asked for, nothing is told."""
    stay = ((path, one) for path, one in decision.fields.items() if not isinstance(one, Release))
    return {path: one.reason for path, one in stay if path not in decision.carriers}


@dataclass(frozen=True, slots=True)
class Plan:
    """What shaping does for everybody of one decision whose records hold the same roles.

    `plain` fields leave by their first option whatever the record says: path, where the raw value stands, its former, form,
    (form, line), and line of law. `most` is how many paths leave where all do.
    """

    fields: Mapping[str, Release | Withhold]
    releases: Mapping[str, Release]
    withheld: Mapping[str, Reason]
    asked: tuple[str, ...]
    not_held: Mapping[str, TrueReason]
    plain: tuple[tuple[str, str, Former, str, tuple[str, str], str], ...]
    conditional: tuple[tuple[Field, Release], ...]
    groups: tuple[tuple[Field, Release, Mapping[str, Release]], ...]
    most: int


def _plan_of(decision: Decision, compiled: Compiled, people: frozenset[str]) -> Plan:
    """Return the plan of a decision. Decisions are kept, and so are plans: making one takes as long as shaping a record."""
    known = (id(decision.fields), decision.carriers, people)
    plan: Plan | None = compiled.plans.find(known)
    # A plan holds on to its decision's fields: while it is kept, nothing else can have their identity.
    if plan is None:
        plan = compiled.plans.keep(known, _make_plan(decision, compiled, people))
    return plan


def _make_plan(decision: Decision, compiled: Compiled, people: frozenset[str]) -> Plan:
    fields, groups, held = compiled.rules.dataset.fields, compiled.rules.dataset.groups, {None, *people}
    releases = {path: one for path, one in decision.fields.items() if isinstance(one, Release)}
    theirs = {path: one for path, one in releases.items() if fields[path].of in held}
    own = {path: one for path, one in theirs.items() if path not in groups and "." not in path}
    return Plan(
        fields=decision.fields,
        releases=releases,
        withheld=_withheld(decision),
        asked=tuple(path for path in releases if path not in decision.carriers),
        not_held={path: TrueReason.NOT_HELD for path in releases if path not in theirs},
        plain=tuple(_plain(fields[path], one.options[0]) for path, one in own.items() if is_plain(one)),
        conditional=tuple((fields[path], one) for path, one in own.items() if not is_plain(one)),
        groups=tuple(
            (fields[path], one, {inner: theirs[inner] for inner in theirs if inner.startswith(path + ".")})
            for path, one in theirs.items()
            if path in groups
        ),
        most=len(releases),
    )


def _plain(field: Field, option: Option) -> tuple[str, str, Former, str, tuple[str, str], str]:
    form, base = option.form, field.derived_from or field.path
    return field.path, base, former(field, form), form, (form, option.line), option.lawful


def _shape_plain(work: Work, plan: Plan) -> None:
    raws, on, pseudonym = work.record.values, work.on, work.pseudonym
    for path, base, form_of, form, line, lawful in plan.plain:
        value = form_of(raws.get(base), on, pseudonym)
        if value is None:
            work.true_reasons[path] = TrueReason.NOT_HELD
            continue
        if value is Unusable.INVALID:
            _shape_field(work, work.compiled.rules.dataset.fields[path], plan.releases[path])
            continue
        work.values[path] = {"value": value, "form": form}
        work.lines[path] = line
        work.lawful[path] = lawful


def _shape_field(work: Work, field: Field, release: Release) -> None:
    """Release a field by the first option whose conditions hold and whose form can be made of the value."""
    path, raw = field.path, work.record.values.get(field.derived_from or field.path)
    failed: TrueReason | None = None
    for chosen in choices(work, field, release, None):  # pragma: no branch -- its last one is always a reason
        if isinstance(chosen, TrueReason):
            work.true_reasons[path] = failed or chosen
            return
        value = formed(work, field, chosen.form, raw)
        if not isinstance(value, TrueReason):
            work.values[path] = {"value": value, "form": chosen.form}
            work.lines[path] = (chosen.form, chosen.line)
            work.lawful[path] = chosen.lawful
            return
        failed = failed or value
