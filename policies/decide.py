"""What may leave, on what is known before the record is read?

`decide` is pure, total and has no error path. A condition that releases holds only if its fact is known; one that
restricts holds unless its fact is known to be otherwise.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, replace
from typing import Final

from policies.compile import SHOWS_ROWS, Compiled, Lane, LaneCap, Line, paths_of
from policies.facts import OBJECTIONS, SURVIVES, Covered, Held, consented, personal_edges, restricted
from schemas.agreement import Atom
from schemas.dataset import Field
from schemas.decision import Decision, Option, RecordCap, Release, Withhold
from schemas.request import Circumstances
from schemas.terms import PUBLIC_AUTHORITIES, Reason, RecipientKind, RestrictionKind

MOST_KEPT: Final = 4_096
_NOTHING: Final[Covered] = frozenset()
_FREE: Final[Held] = frozenset()

# Where lines miss as much as each other, the reason that is the least work to mend is told first.
_ORDER: Final = (
    Reason.ROLE_NOT_AGREED,
    Reason.STATEMENT_NEEDED,
    Reason.ASSESSMENT_NEEDED,
    Reason.CONSENT_NEEDED,
    Reason.RESTRICTED,
    Reason.EMERGENCY_ONLY,
    Reason.NOT_AVAILABLE,
    Reason.FIELD_NOT_AGREED,
)


@dataclass(frozen=True, slots=True)
class _Facts:
    """The circumstances with what follows from consents and restrictions, in one epoch."""

    c: Circumstances
    kind: RecipientKind | None
    covered: Covered
    held: Held
    epoch: int


def decide(compiled: Compiled | None, c: Circumstances) -> Decision:
    """Return the decision on these circumstances; None stands for no such agreement.

    A declared emergency opens the lines that name it, on their own line of law, and waives on those lines the
    consent condition, for the whole request the case reference; never the caseworker, and no other line changes.
    """
    if compiled is None:
        return _refuse_all(c.asked or (), Reason.AGREEMENT_NOT_FOUND)
    epoch = bisect_right(compiled.edges, c.at)
    covered = consented(compiled, c) if c.consents else _NOTHING
    held = restricted(compiled, c) if c.restrictions else _FREE
    known = (
        epoch,
        c.recipient,
        c.role,
        c.asked,
        c.token_fields,
        c.token_purpose,
        c.token_dataset,
        c.token_actions,
        c.action,
        c.has_caseworker,
        c.has_case_reference,
        c.has_statement,
        c.has_assessment,
        c.emergency,
        c.subject,
        covered,
        held,
    )
    decision = compiled.memo.get(known)
    if decision is None:
        if len(compiled.memo) >= MOST_KEPT:
            compiled.memo.clear()
        decision = _decide(compiled, _Facts(c, compiled.rules.recipient_kinds.get(c.recipient), covered, held, epoch))
        compiled.memo[known] = decision
    if c.consents or c.restrictions:
        return _until_they_change(decision, c)
    return decision


def _until_they_change(decision: Decision, c: Circumstances) -> Decision:
    """Bound how long a decision holds by what a consent or restriction does later."""
    edges = list(personal_edges(c))
    if not edges:
        return decision
    if decision.holds_until is not None:
        edges.append(decision.holds_until)
    return replace(decision, holds_until=min(edges))


def _decide(compiled: Compiled, facts: _Facts) -> Decision:
    asked = facts.c.asked if facts.c.asked is not None else compiled.asked_by_default
    refusal = _whole_refusal(compiled, facts)
    holds_until = compiled.edges[facts.epoch] if facts.epoch < len(compiled.edges) else None
    if refusal is not None:
        return replace(_refuse_all(asked, refusal), holds_until=holds_until)
    # A group's field needs the group's rows to stand in.
    groups = [lane.group for path in asked if (lane := compiled.lanes.get(path)) and lane.group]
    paths = tuple(dict.fromkeys((*groups, *asked)))
    fields = {path: _field(compiled, path, facts) for path in paths}
    fields = {path: _with_rows(compiled.lanes.get(path), one, fields, compiled) for path, one in fields.items()}
    released = {path: one for path, one in fields.items() if isinstance(one, Release)}
    return Decision(
        fields=fields,
        permits=bool(released),
        read=_read(compiled, released),
        lawful=_lawful(compiled, released),
        holds_until=holds_until,
    )


def _refuse_all(asked: tuple[str, ...], reason: Reason) -> Decision:
    return Decision(
        fields=dict.fromkeys(asked, Withhold(reason)),
        permits=False,
        read=frozenset(),
        lawful=None,
        holds_until=None,
    )


def _whole_refusal(compiled: Compiled, facts: _Facts) -> Reason | None:
    c, agreement = facts.c, compiled.rules.agreement
    if c.recipient not in agreement.recipients:
        return Reason.NOT_A_RECIPIENT
    if not compiled.in_force[facts.epoch]:
        return Reason.AGREEMENT_NOT_IN_FORCE
    if (c.token_purpose, c.token_dataset) != (agreement.purpose, compiled.rules.dataset.id):
        return Reason.PURPOSE_NOT_AGREED
    if c.action not in c.token_actions:
        return Reason.ACTION_NOT_AGREED
    if "caseworker" in agreement.requires and not c.has_caseworker:
        return Reason.CASEWORKER_NEEDED
    if c.emergency is not None and not c.has_caseworker:
        return Reason.CASEWORKER_NEEDED
    if agreement.roles and c.role not in agreement.roles:
        return Reason.ROLE_NOT_AGREED
    if "case_reference" in agreement.requires and not c.has_case_reference and c.emergency is None:
        return Reason.CASE_REFERENCE_NEEDED
    return None


# -- one field


def _field(compiled: Compiled, path: str, facts: _Facts) -> Release | Withhold:
    lane = compiled.lanes.get(path)
    ours = [line for line in lane.lines if _is_for(line, facts)] if lane else []
    if lane is None or not ours:
        return Withhold(Reason.FIELD_NOT_AGREED)
    token = facts.c.token_fields
    if token is not None and path not in token and not any(one.startswith(path + ".") for one in token):
        return Withhold(Reason.OUTSIDE_THE_TOKEN)
    caps = [cap for cap in lane.caps if _applies(cap, path, facts)]
    options, missed = [], []
    for line in ours:
        rank = min([line.rank, lane.ceilings[facts.epoch], *_request_caps(caps, line)])
        missing = _missing(line, lane.field, facts)
        if rank == 0:
            missing.append(Reason.FIELD_NOT_AGREED)
        if missing:
            missed.append((len(missing), min(map(_ORDER.index, missing)), line.id))
        else:
            options.append((rank, line))
    if not options:
        _, reason, nearest = min(missed)
        return Withhold(_ORDER[reason], nearest)
    record_caps = tuple(RecordCap(cap.id, cap.record) for cap in caps if cap.record)
    return Release(_ordered(options, lane.field), record_caps)


def _ordered(options: list[tuple[int, Line]], field: Field) -> tuple[Option, ...]:
    """Put the most revealing first; after one that rests on no record, no other can matter."""
    found: list[Option] = []
    for rank, line in sorted(options, key=lambda one: (-one[0], len(one[1].record), one[1].id)):
        found.append(Option(field.form(rank), line.id, line.lawful, line.record))
        if not line.record:
            break
    return tuple(found)


def _is_for(line: Line, facts: _Facts) -> bool:
    return not line.to or facts.c.recipient in line.to or (facts.kind is not None and facts.kind.value in line.to)


def _missing(line: Line, field: Field, facts: _Facts) -> list[Reason]:
    c = facts.c
    missing = []
    if line.roles and c.role not in line.roles:
        missing.append(Reason.ROLE_NOT_AGREED)
    if line.of is None and field.of is not None and c.subject is not None and field.of != c.subject:
        # Another person's own field: that it is another's is not the partner's to learn.
        missing.append(Reason.NOT_AVAILABLE)
    if _is_restricted(line, field, facts):
        missing.append(Reason.RESTRICTED)
    waives_consent = line.in_emergency and c.emergency is not None
    for atom in line.atoms:
        reason = _missed(atom, line, field, facts)
        if reason is not None and not (waives_consent and reason is Reason.CONSENT_NEEDED):
            missing.append(reason)
    return missing


def _missed(atom: Atom, line: Line, field: Field, facts: _Facts) -> Reason | None:
    c = facts.c
    if atom is Atom.CONSENT:
        person = line.of or c.subject or ""
        has = any((person, field.path, kind) in facts.covered for kind in line.consent_kinds)
        return None if has else Reason.CONSENT_NEEDED
    if atom is Atom.NO_OBJECTION:
        return Reason.RESTRICTED if any(kind in OBJECTIONS for *_, kind in _holds_on(field, facts)) else None
    if atom is Atom.PUBLIC_TASK_STATEMENT:
        return None if c.has_statement and facts.kind in PUBLIC_AUTHORITIES else Reason.STATEMENT_NEEDED
    if atom is Atom.RISK_HIGH:
        return None if c.has_assessment else Reason.ASSESSMENT_NEEDED
    return None if c.emergency is not None else Reason.EMERGENCY_ONLY


def _holds_on(field: Field, facts: _Facts) -> list[tuple[str, str, RestrictionKind]]:
    """Return the restrictions of every person that a field belongs to."""
    return [one for one in facts.held if one[1] == field.path and (field.of is None or one[0] == field.of)]


def _is_restricted(line: Line, field: Field, facts: _Facts) -> bool:
    return any(not line.despite & SURVIVES[kind] for *_, kind in _holds_on(field, facts))


# -- caps


def _applies(cap: LaneCap, path: str, facts: _Facts) -> bool:
    """Tell whether a cap counts on request-time facts; one that is not known to be false, counts."""
    c = facts.c
    if cap.kinds and facts.kind is not None and facts.kind not in cap.kinds:
        return False
    if c.emergency is not None and facts.kind in cap.except_emergency:
        return False
    return all(_may_hold(atom, path, facts) for atom in cap.atoms)


def _may_hold(atom: Atom, path: str, facts: _Facts) -> bool:
    c = facts.c
    if atom is Atom.EMERGENCY:
        return c.emergency is not None
    if atom is Atom.RISK_HIGH:
        return c.has_assessment
    if atom is Atom.PUBLIC_TASK_STATEMENT:
        return c.has_statement
    if atom is Atom.CONSENT:
        return c.subject is None or any(one[:2] == (c.subject, path) for one in facts.covered)
    return not any(kind in OBJECTIONS for *_, kind in facts.held)


def _request_caps(caps: list[LaneCap], line: Line) -> list[int]:
    return [cap.rank for cap in caps if not cap.record and line.power not in cap.except_powers]


# -- groups, and what must be read


def _with_rows(
    lane: Lane | None, one: Release | Withhold, fields: dict[str, Release | Withhold], compiled: Compiled
) -> Release | Withhold:
    """Withhold a group's field where the group's rows do not leave."""
    if lane is None or lane.group is None or isinstance(one, Withhold):
        return one
    group = fields.get(lane.group, Withhold(Reason.FIELD_NOT_AGREED))
    if isinstance(group, Withhold):
        return group
    return one if any(option.form in SHOWS_ROWS for option in group.options) else Withhold(Reason.FIELD_NOT_AGREED)


def _read(compiled: Compiled, released: dict[str, Release]) -> frozenset[str]:
    rules = compiled.rules
    of = {line.id: line.of for line in rules.agreement.releases}
    paths: set[str] = set()
    for path, one in released.items():
        paths |= rules.dataset.bases_of(path)
        if path in rules.dataset.groups:
            paths.add(rules.dataset.groups[path].order_by)
        for option in one.options:
            for condition in option.record:
                paths.update(paths_of(condition, rules, of[option.line]))
        for cap in one.caps:
            for condition in cap.record:
                paths.update(paths_of(condition, rules, rules.dataset.fields[path].of))
    for net in compiled.nets:
        if any(path in released for part in net.parts for path, _ in part):
            for condition in net.record:
                paths.update(paths_of(condition, rules, None))
    return frozenset(paths)


def _lawful(compiled: Compiled, released: dict[str, Release]) -> str | None:
    """Return the line of law that what may leave rests on: an emergency's own where it opened something."""
    emergency = {line.id for lane in compiled.lanes.values() for line in lane.lines if line.in_emergency}
    options = [one.options[0] for one in released.values()]
    opened = [one.lawful for one in options if one.line in emergency]
    return next(iter(opened or [one.lawful for one in options]), None)
