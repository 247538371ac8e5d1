"""What may one field do, on what is known before the record is read?

A condition that releases holds only if its fact is known; one that restricts holds unless its fact is known to be
otherwise.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Final

from policies.deciding.compile import Compiled, CompiledLine, Lane, LaneCap
from policies.deciding.consents import Yes
from policies.deciding.naming import KNOWN_BEFORE
from policies.deciding.net_parts import Net
from policies.deciding.restrictions import SINCE, Held, holding_back, objecting
from schemas.agreement import Atom, ConsentOf, PersonTerm
from schemas.dataset import Field, Key
from schemas.decision import Option, RecordCap, Release, Withhold
from schemas.forms import FieldType
from schemas.reasons import Reason
from schemas.request import Circumstances
from schemas.terms import PUBLIC_AUTHORITIES, ConsentKind, RecipientKind, Tag

Ranked = tuple[int, CompiledLine]  # how far a line may release its field
GIVES_WAY_SINCE: Final = 2  # the semantics in which a form that can't be made gives way to the next
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
    compiled: Compiled
    held: Held
    epoch: int
    said: Mapping[tuple[str, str, ConsentKind], tuple[Yes, ...]]

    def yes_of(self, person: str, path: str, kinds: Collection[ConsentKind]) -> tuple[Yes, ...]:
        """Return the ways in which somebody has said yes to a path, each enough by itself; their own word first."""
        found = (yes for kind in sorted(kinds) for yes in self.said.get((person, path, kind), ()))
        each = {(one.own, one.needs): one for one in found}
        return tuple(sorted(each.values(), key=lambda one: (not one.own, len(one.needs), one.needs)))


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
    options, held, missed = _parted(lane, ours, caps, facts)
    theirs = _held_by_another(held, lane.field)
    if not options and theirs:
        return Withhold(Reason.NOT_AVAILABLE, theirs[0].line, theirs)
    if not options:
        _, reason, nearest = min(missed)
        return Withhold(_ORDER[reason], nearest)
    record_caps = tuple(_record_cap(cap, options, facts) for cap in caps if cap.record)
    return Release(_ordered(options, lane.field, record_caps, facts), record_caps, theirs)


def _parted(
    lane: Lane, ours: list[CompiledLine], caps: list[LaneCap], facts: Facts
) -> tuple[list[Ranked], list[Ranked], list[tuple[int, int, str]]]:
    """Part the lines into those that release, those that another's word alone holds back, and those that miss something.

    Another's word is told of nobody: a line misses for the partner what it would miss without.
    """
    options: list[Ranked] = []
    held: list[Ranked] = []
    missed = []
    tells_nobody = facts.compiled.rules.semantics.tightens(SINCE)
    for line in ours:
        rank = min([line.rank, lane.ceilings[facts.epoch], *_ranks(caps, line, facts)])
        missing = _missing(line, lane.field, facts)
        if rank == 0:
            missing.add(Reason.FIELD_NOT_AGREED)
        told = missing - {Reason.NOT_AVAILABLE} if tells_nobody else missing
        if told:
            missed.append((len(told), min(map(_ORDER.index, told)), line.id))
        else:
            (held if missing else options).append((rank, line))
    return options, held, missed


def _held_by_another(held: list[Ranked], field: Field) -> tuple[Option, ...]:
    """Return how a field would leave but for another's word: any reason for it, or another law, would tell of that."""
    return tuple(
        Option(field.form(rank), line.id, line.lawful, line.record)
        for rank, line in sorted(held, key=lambda one: (-one[0], len(one[1].record), one[1].id))
    )


def _record_cap(cap: LaneCap, options: list[Ranked], facts: Facts) -> RecordCap:
    spared = frozenset(line.id for _, line in options if _spares(cap, line, facts))
    return RecordCap(cap.id, cap.record, spared, cap.except_own_consent)


def _ordered(options: list[Ranked], field: Field, caps: tuple[RecordCap, ...], facts: Facts) -> tuple[Option, ...]:
    """Put the most revealing first. None is left out: one whose form can't be made of the value gives way to the next."""
    resting = [
        (rank, line, (*line.record, *terms), own) for rank, line in options for terms, own in _consents(line, field, facts)
    ]
    found: list[Option] = []
    for rank, line, record, own in sorted(resting, key=lambda one: (-one[0], len(one[2]), one[1].id, not one[3])):
        found.append(Option(field.form(rank), line.id, line.lawful, record, own))
        is_spared = any(cap.spares or cap.spares_own_consent for cap in caps)
        if not record and not is_spared and not _may_give_way(field, facts):
            break
    return tuple(found)


def _may_give_way(field: Field, facts: Facts) -> bool:
    """Tell whether a form can fail where a coarser one would not: a group's rows are chosen by their own rule."""
    return facts.compiled.rules.semantics.loosens(GIVES_WAY_SINCE) and field.type is not FieldType.GROUP


# -- how somebody is named


def unnamed(compiled: Compiled, facts: Facts, *, in_incident: bool) -> tuple[str, ...]:
    """Return the key and details of a call that it may not name anybody by: a yes or no to them would tell a place, say.

    `in_incident`: a declared incident covers the call's emergency, in which one of the agreement's own lines opens.
    """
    c, naming = facts.c, compiled.naming
    if c.key is None or not naming.counts:
        return ()
    key = naming.keys.get(c.key) or (_by_place(compiled, c.key) if in_incident else None)
    if key is None:
        return (c.key,)
    named = (*(() if key.all_of else (key.name,)), *sorted(c.details))
    if in_incident:
        fields = compiled.rules.dataset.fields
        named = tuple(one for one in named if one not in fields or not is_place(fields[one]))
    return tuple(one for one in named if one not in {key.name, *key.confirm} or not _may_name(compiled, one, facts))


def is_place(field: Field) -> bool:
    """Tell whether a key or detail finds by place: all that it reveals is where somebody is."""
    return field.reveals == {Tag.LOCATION}


def _by_place(compiled: Compiled, name: str) -> Key | None:
    """Return a key of the dataset that finds by place: a declared incident opens it for its partners."""
    key = compiled.rules.dataset.keys.get(name)
    return key if key is not None and not key.all_of and is_place(compiled.rules.dataset.fields[name]) else None


def _may_name(compiled: Compiled, path: str, facts: Facts) -> bool:
    field = compiled.rules.dataset.fields[path]
    if not field.reveals or facts.kind in compiled.naming.by_core.get(path, ()):
        return True
    lane = compiled.lanes.get(path)
    return lane is not None and any(_opens(line, lane, facts) for line in lane.lines if _is_for(line, facts))


def _opens(line: CompiledLine, lane: Lane, facts: Facts) -> bool:
    """Tell whether a line releases its field in full to this call, whoever is found."""
    c, full = facts.c, len(lane.field.chain)
    waived = {Atom.CONSENT} if opens_in(line, c) else set()
    atoms = set(line.atoms) - waived
    if line.rank < full or lane.ceilings[facts.epoch] < full or line.record or not atoms <= KNOWN_BEFORE:
        return False
    if line.of not in {None, lane.field.of} or (line.roles and c.role not in line.roles):
        return False
    if any(_missed(atom, line, lane.field, facts) is not None for atom in atoms):
        return False
    barring = [cap for cap in lane.caps if cap.rank < full and not cap.is_protective and _is_of_kind(cap, facts)]
    return all(_spares(cap, line, facts) for cap in barring)


# -- lines


def _is_for(line: CompiledLine, facts: Facts) -> bool:
    return not line.to or facts.c.recipient in line.to or (facts.kind is not None and facts.kind.value in line.to)


def _missing(line: CompiledLine, field: Field, facts: Facts) -> set[Reason]:
    c = facts.c
    missing = set()
    if line.roles and c.role not in line.roles:
        missing.add(Reason.ROLE_NOT_AGREED)
    if line.of is None and field.of is not None and c.subject is not None and field.of != c.subject:
        # Another person's own field: that it is another's is not the partner's to learn.
        missing.add(Reason.NOT_AVAILABLE)
    waives_consent = opens_in(line, c)
    holding = holding_back(line, field, facts.held, facts.compiled, in_emergency=waives_consent)
    if holding:
        missing.add(_told_of(holding, facts))
    for atom in line.atoms:
        reason = _missed(atom, line, field, facts)
        if reason is not None and not (waives_consent and reason is Reason.CONSENT_NEEDED):
            missing.add(reason)
    return missing


def _missed(atom: Atom, line: CompiledLine, field: Field, facts: Facts) -> Reason | None:
    c = facts.c
    if atom is Atom.CONSENT:
        return _missed_consent(line, field, facts)
    if atom is Atom.NO_OBJECTION:
        who = objecting(field, facts.held)
        return _told_of(who, facts) if who else None
    if atom is Atom.PUBLIC_TASK_STATEMENT:
        return None if c.has_statement and facts.kind in PUBLIC_AUTHORITIES else Reason.STATEMENT_NEEDED
    if atom is Atom.RISK_HIGH:
        return None if c.has_assessment else Reason.ASSESSMENT_NEEDED
    if c.emergency is None or (line.emergencies and c.emergency not in line.emergencies):
        return Reason.EMERGENCY_ONLY
    return None if is_emergency(c) else Reason.CASEWORKER_NEEDED


def _told_of(holding: Collection[str], facts: Facts) -> Reason:
    """Return the reason that people's restrictions are told as: another's of the record is not the partner's to learn.

    Not by a line `of:` them either: it would tell that there is another, and that they restrict.
    """
    is_own = facts.c.subject in holding or not facts.compiled.rules.semantics.tightens(SINCE)
    return Reason.RESTRICTED if is_own else Reason.NOT_AVAILABLE


def _missed_consent(line: CompiledLine, field: Field, facts: Facts) -> Reason | None:
    """Return why a line's consent is missing. That another of the record has not said yes is not the partner's to learn."""
    asked = line.of or facts.c.subject or ""
    whose = _whose_consent(line, field, facts)
    if asked in whose and not facts.yes_of(asked, field.path, line.consent_kinds):
        return Reason.CONSENT_NEEDED
    others = [person for person in whose if not facts.yes_of(person, field.path, line.consent_kinds)]
    return Reason.NOT_AVAILABLE if others else None


def _whose_consent(line: CompiledLine, field: Field, facts: Facts) -> frozenset[str]:
    asked = line.of or facts.c.subject or ""
    if line.of is not None or line.consent_of is ConsentOf.ASKED or facts.c.subject is None:
        return frozenset({asked})
    return frozenset({field.of}) if field.of is not None else facts.c.people or frozenset({asked})


def opens_in(line: CompiledLine, c: Circumstances) -> bool:
    """Tell whether a line is one of the emergency that a caseworker declares."""
    return line.in_emergency and is_emergency(c) and (not line.emergencies or c.emergency in line.emergencies)


def _consents(line: CompiledLine, field: Field, facts: Facts) -> Iterator[tuple[tuple[PersonTerm, ...], bool]]:
    """Yield how a line's consent is given: what the record must say of whom, and whether each spoke for themselves.

    Where a line asks for none, or an emergency waives it, nothing needs to be said, and nobody has said it.
    """
    if Atom.CONSENT not in line.atoms or opens_in(line, facts.c):
        yield (), False
        return
    whose = sorted(_whose_consent(line, field, facts))
    for chosen in product(*(facts.yes_of(person, field.path, line.consent_kinds) for person in whose)):
        terms = tuple(dict.fromkeys(term for one in chosen for term in one.needs))
        everybody = frozenset({field.of}) if field.of is not None else facts.c.people
        yield terms, all(one.own for one in chosen) and everybody <= set(whose)


# -- what restricts: caps, and guardrails' nets


def _ranks(caps: list[LaneCap], line: CompiledLine, facts: Facts) -> list[int]:
    return [cap.rank for cap in caps if not cap.record and not _spares(cap, line, facts)]


def _spares(cap: LaneCap, line: CompiledLine, facts: Facts) -> bool:
    """Tell whether a cap excepts a line: for its power, or as an emergency's own."""
    own = opens_in(line, facts.c)
    return line.power in cap.except_powers or (own and facts.kind in cap.except_emergency)


def _counts(cap: LaneCap, field: Field, facts: Facts) -> bool:
    """Tell whether a cap counts on request-time facts; one that is not known to be false, counts."""
    return _is_of_kind(cap, facts) and all(_may_hold(atom, field, facts) for atom in cap.atoms)


def _is_of_kind(cap: LaneCap, facts: Facts) -> bool:
    return not cap.kinds or facts.kind is None or facts.kind in cap.kinds


def counting_nets(nets: tuple[Net, ...], fields: tuple[Field, ...], facts: Facts) -> tuple[int, ...]:
    """Return the places of the guardrails that count on request-time facts."""
    return tuple(
        place
        for place, net in enumerate(nets)
        if not (net.kinds and facts.kind is not None and facts.kind not in net.kinds)
        if all(any(_may_hold(atom, field, facts) for field in fields) for atom in net.atoms)
    )


def _may_hold(atom: Atom, field: Field, facts: Facts) -> bool:
    """Tell whether a condition is not known to be false. That a partner is silent is no knowledge.

    An objection lifts nothing, or whoever objects would have more released: older texts may hold such a rule.
    """
    if facts.compiled.rules.semantics.tightens(SINCE):
        return True
    return atom is not Atom.NO_OBJECTION or not objecting(field, facts.held)
