"""What may one field do, on what is known before the record is read?

A condition that releases holds only if its fact is known; one that restricts holds unless its fact is known to be
otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from policies.compile import Compiled, LaneCap, Line, Net
from policies.facts import OBJECTIONS, SURVIVES, Covered, Held
from schemas.agreement import Atom
from schemas.dataset import Field
from schemas.decision import Option, RecordCap, Release, Withhold
from schemas.reasons import Reason
from schemas.request import Circumstances
from schemas.terms import PUBLIC_AUTHORITIES, RecipientKind, RestrictionKind

# Where lines miss as much as each other, the reason that is the least work to mend is told first.
_ORDER: Final = (
    Reason.ROLE_NOT_AGREED,
    Reason.CASEWORKER_NEEDED,
    Reason.STATEMENT_NEEDED,
    Reason.ASSESSMENT_NEEDED,
    Reason.CONSENT_NEEDED,
    Reason.RESTRICTED,
    Reason.EMERGENCY_ONLY,
    Reason.NOT_AVAILABLE,
    Reason.FIELD_NOT_AGREED,
)


@dataclass(frozen=True, slots=True)
class Facts:
    """The circumstances with what follows from consents and restrictions, in one epoch."""

    c: Circumstances
    kind: RecipientKind | None
    covered: Covered
    held: Held
    epoch: int


def is_emergency(c: Circumstances) -> bool:
    """Tell whether an emergency counts: only where a caseworker declares it."""
    return c.emergency is not None and c.has_caseworker


def decide_field(compiled: Compiled, path: str, facts: Facts) -> Release | Withhold:
    """Return how a field may leave, most revealing first, or why it stays."""
    lane = compiled.lanes.get(path)
    ours = [line for line in lane.lines if _is_for(line, facts)] if lane else []
    if lane is None or not ours:
        return Withhold(Reason.FIELD_NOT_AGREED)
    token = facts.c.token_fields
    if token is not None and path not in token and not any(one.startswith(path + ".") for one in token):
        return Withhold(Reason.OUTSIDE_THE_TOKEN)
    caps = [cap for cap in lane.caps if _counts(cap, lane.field, facts)]
    options, missed = [], []
    for line in ours:
        rank = min([line.rank, lane.ceilings[facts.epoch], *_ranks(caps, line, facts)])
        missing = _missing(line, lane.field, facts)
        if rank == 0:
            missing.add(Reason.FIELD_NOT_AGREED)
        if missing:
            missed.append((len(missing), min(map(_ORDER.index, missing)), line.id))
        else:
            options.append((rank, line))
    if not options:
        _, reason, nearest = min(missed)
        return Withhold(_ORDER[reason], nearest)
    record_caps = tuple(_record_cap(cap, options, facts) for cap in caps if cap.record)
    return Release(_ordered(options, lane.field, record_caps), record_caps)


def _record_cap(cap: LaneCap, options: list[tuple[int, Line]], facts: Facts) -> RecordCap:
    return RecordCap(cap.id, cap.record, frozenset(line.id for _, line in options if _spares(cap, line, facts)))


def _ordered(options: list[tuple[int, Line]], field: Field, caps: tuple[RecordCap, ...]) -> tuple[Option, ...]:
    """Put the most revealing first; after one that rests on no record, none matters but one that a cap spares."""
    found: list[Option] = []
    for rank, line in sorted(options, key=lambda one: (-one[0], len(one[1].record), one[1].id)):
        found.append(Option(field.form(rank), line.id, line.lawful, line.record))
        if not line.record and not any(cap.spares for cap in caps):
            break
    return tuple(found)


# -- lines


def _is_for(line: Line, facts: Facts) -> bool:
    return not line.to or facts.c.recipient in line.to or (facts.kind is not None and facts.kind.value in line.to)


def _missing(line: Line, field: Field, facts: Facts) -> set[Reason]:
    c = facts.c
    missing = set()
    if line.roles and c.role not in line.roles:
        missing.add(Reason.ROLE_NOT_AGREED)
    if line.of is None and field.of is not None and c.subject is not None and field.of != c.subject:
        # Another person's own field: that it is another's is not the partner's to learn.
        missing.add(Reason.NOT_AVAILABLE)
    if _is_restricted(line, field, facts):
        missing.add(Reason.RESTRICTED)
    waives_consent = line.in_emergency and is_emergency(c)
    for atom in line.atoms:
        reason = _missed(atom, line, field, facts)
        if reason is not None and not (waives_consent and reason is Reason.CONSENT_NEEDED):
            missing.add(reason)
    return missing


def _missed(atom: Atom, line: Line, field: Field, facts: Facts) -> Reason | None:
    c = facts.c
    if atom is Atom.CONSENT:
        person = line.of or c.subject or ""
        has = any((person, field.path, kind) in facts.covered for kind in line.consent_kinds)
        return None if has else Reason.CONSENT_NEEDED
    if atom is Atom.NO_OBJECTION:
        return Reason.RESTRICTED if _objected(field, facts) else None
    if atom is Atom.PUBLIC_TASK_STATEMENT:
        return None if c.has_statement and facts.kind in PUBLIC_AUTHORITIES else Reason.STATEMENT_NEEDED
    if atom is Atom.RISK_HIGH:
        return None if c.has_assessment else Reason.ASSESSMENT_NEEDED
    if c.emergency is None:
        return Reason.EMERGENCY_ONLY
    return None if is_emergency(c) else Reason.CASEWORKER_NEEDED


def _held_on(field: Field, facts: Facts) -> list[RestrictionKind]:
    """Return the restrictions of every person that a field belongs to."""
    return [kind for person, path, kind in facts.held if path == field.path and field.of in {None, person}]


def _objected(field: Field, facts: Facts) -> bool:
    return any(kind in OBJECTIONS for kind in _held_on(field, facts))


def _is_restricted(line: Line, field: Field, facts: Facts) -> bool:
    return bool(facts.held) and any(not line.despite & SURVIVES[kind] for kind in _held_on(field, facts))


# -- what restricts: caps, and guardrails' nets


def _ranks(caps: list[LaneCap], line: Line, facts: Facts) -> list[int]:
    return [cap.rank for cap in caps if not cap.record and not _spares(cap, line, facts)]


def _spares(cap: LaneCap, line: Line, facts: Facts) -> bool:
    """Tell whether a cap excepts a line: for its power, or as an emergency's own."""
    own = line.in_emergency and is_emergency(facts.c)
    return line.power in cap.except_powers or (own and facts.kind in cap.except_emergency)


def _counts(cap: LaneCap, field: Field, facts: Facts) -> bool:
    """Tell whether a cap counts on request-time facts; one that is not known to be false, counts."""
    if cap.kinds and facts.kind is not None and facts.kind not in cap.kinds:
        return False
    return all(_may_hold(atom, field, facts) for atom in cap.atoms)


def counting_nets(nets: tuple[Net, ...], fields: tuple[Field, ...], facts: Facts) -> tuple[int, ...]:
    """Return the places of the guardrails that count on request-time facts."""
    return tuple(
        place
        for place, net in enumerate(nets)
        if not (net.kinds and facts.kind is not None and facts.kind not in net.kinds)
        if all(any(_may_hold(atom, field, facts) for field in fields) for atom in net.atoms)
    )


def _may_hold(atom: Atom, field: Field, facts: Facts) -> bool:
    """Tell whether a condition is not known to be false. That a partner is silent is no knowledge."""
    return atom is not Atom.NO_OBJECTION or not _objected(field, facts)
