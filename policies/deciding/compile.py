"""How does a rule set become a table? Once for each rules_digest; nothing here depends on a request.

Each field has a lane: its release lines, its caps, and its ceiling in each epoch. Dates split time into epochs,
at whose edges alone time changes a decision; where ages count, each London midnight is an edge too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from dataclasses import field as member
from datetime import datetime
from typing import Any, Final

from policies.deciding.naming import Naming, is_protective, naming_of, usable
from policies.deciding.net_parts import Net, nets_of, split
from policies.deciding.targets import covers, most
from schemas.agreement import (
    Atom,
    Cap,
    Condition,
    ConsentOf,
    LegalBasis,
    PersonTerm,
    RecordTerm,
    ReleaseLine,
    Resting,
    RuleSet,
    Speaking,
)
from schemas.dataset import Dataset, Field, Key
from schemas.decision import Decision
from schemas.forms import FieldType
from schemas.instants import first_instant, instant_after
from schemas.memo import Memo
from schemas.terms import (
    Classification,
    ConsentKind,
    Despite,
    EmergencyKind,
    LawfulBasis,
    RecipientKind,
    RestrictionLaw,
    SpecialCategoryCondition,
)

DECEASED: Final = Atom.DECEASED.value
AGES: Final = frozenset({Atom.ADULT, Atom.CHILD})
MOST_DECISIONS: Final = 4_096  # that are kept of one rule set; and what shaping them worked out
MOST_PLANS: Final = 1_024
MOST_REACHED: Final = 4_096
AGES_SINCE: Final = 2  # the semantics in which an age is that of whose field it is


@dataclass(frozen=True, slots=True)
class CompiledLine:
    """A release line in one field's lane."""

    id: str
    rank: int
    lawful: str
    power: str | None
    to: frozenset[str]
    roles: frozenset[str]
    of: str | None
    atoms: tuple[Atom, ...]  # known at request time
    record: tuple[Condition, ...]  # known from the record
    despite: frozenset[Despite]
    consent_kinds: frozenset[ConsentKind]
    in_emergency: bool
    basis: LawfulBasis
    consent_of: ConsentOf
    exempt: bool
    heeds: frozenset[RestrictionLaw]
    emergencies: frozenset[EmergencyKind]


@dataclass(frozen=True, slots=True)
class LaneCap:
    """A cap in one field's lane: `rank` is the most that it leaves."""

    id: str
    rank: int
    atoms: tuple[Atom, ...]
    record: tuple[Condition, ...]
    kinds: frozenset[RecipientKind]
    except_emergency: frozenset[RecipientKind]
    except_powers: frozenset[str]
    except_own_consent: bool
    is_protective: bool  # holds back only from those who are never found by what it covers


@dataclass(frozen=True, slots=True)
class Lane:
    """All that bears on one field. `ceilings` has one rank for each epoch."""

    field: Field
    lines: tuple[CompiledLine, ...]
    caps: tuple[LaneCap, ...]
    ceilings: tuple[int, ...]
    group: str | None  # the group that the field lies in


@dataclass(frozen=True, slots=True)
class Compiled:
    """A rule set as a table, with bounded memos: of decisions, of the day that they were made on, and of what they mean."""

    rules: RuleSet
    edges: tuple[datetime, ...]  # epoch n is before edges[n]
    in_force: tuple[bool, ...]
    lanes: Mapping[str, Lane]
    asked_by_default: tuple[str, ...]
    consent_paths: tuple[str, ...]
    nets: tuple[Net, ...]
    power_of: Mapping[str, str | None]
    whose: Mapping[str, str | None]  # release line -> the person whose fields it is for
    emergency_lines: frozenset[str]
    naming: Naming
    births: Mapping[str | None, str]  # whose age -> the date that it derives from; None: of the person asked about
    counts_days: (
        bool  # an age is released or asked about, or decides whose yes counts, so that midnight may change a decision
    )
    memo: Memo[object, Decision] = member(default_factory=lambda: Memo(MOST_DECISIONS), compare=False)
    today: dict[str, tuple[datetime, datetime]] = member(default_factory=dict, compare=False)
    plans: Memo[object, Any] = member(default_factory=lambda: Memo(MOST_PLANS), compare=False)  # of shape.py
    usable: dict[str, Mapping[str, Key]] = member(default_factory=dict, compare=False)  # by recipient
    reached: Memo[object, Any] = member(default_factory=lambda: Memo(MOST_REACHED), compare=False)  # of nets.py


def compile_rules(rules: RuleSet) -> Compiled:
    """Return the table of a rule set."""
    agreement, dataset = rules.agreement, rules.dataset
    start, end = first_instant(agreement.starts_on), instant_after(agreement.ends_on)
    ends = {instant_after(one.ends_on) for one in agreement.variations}
    edges = tuple(sorted({start, end, *(at for at in ends if start < at < end)}))
    # An epoch is known by the instant it begins with; the first by having none.
    begins: tuple[datetime | None, ...] = (None, *edges)
    named = tuple(dict.fromkeys(path for line in agreement.releases for path in line.fields if path in dataset.fields))
    lanes = {path: _lane(rules, dataset.fields[path], begins) for path in named}
    return Compiled(
        rules=rules,
        edges=edges,
        in_force=tuple(at is not None and start <= at < end for at in begins),
        lanes=lanes,
        asked_by_default=named,
        consent_paths=tuple(path for path, lane in lanes.items() if _asks_for(Atom.CONSENT, lane)),
        nets=tuple(net for one in rules.guardrails for net in nets_of(one, rules)),
        power_of={one.id: one.discloser.power for one in agreement.lawful},
        whose={one.id: one.of for one in agreement.releases},
        emergency_lines=frozenset(one.id for one in agreement.releases if Atom.EMERGENCY in one.when),
        naming=naming_of(rules),
        births=_births(dataset),
        counts_days=_counts_days(rules, lanes.values()),
    )


def _births(dataset: Dataset) -> dict[str | None, str]:
    ages = [one for one in dataset.fields.values() if one.type is FieldType.AGE and "." not in one.path]
    return {one.of: one.derived_from for one in reversed(ages) if one.derived_from is not None}


def keys_for(compiled: Compiled, recipient: str) -> Mapping[str, Key]:
    """Return the keys, with the details, by which a recipient may name people in some call at least."""
    found = compiled.usable.get(recipient)
    if found is None:
        found = compiled.usable[recipient] = usable(compiled.naming, compiled.rules, recipient)
    return found


def born_of(compiled: Compiled, *, person: str | None, subject: str | None) -> str | None:
    """Return the date that a person's age is counted from; an age of nobody's own is that of the person asked about."""
    own = compiled.births.get(person) if person is not None else None
    return own or (compiled.births.get(None) if person == subject else None)


def births_for(compiled: Compiled, field: Field, *, subject: str | None, of: str | None) -> tuple[str | None, ...]:
    """Return the dates that an age beside a field is counted from: that of the person whose field it is.

    A text of the first semantics looked at whomever its line was `of`: it releases only where both would, and what
    restricts holds unless both are known to be otherwise.
    """
    semantics = compiled.rules.semantics
    now, before = born_of(compiled, person=field.of or subject, subject=subject), birth_path(compiled.rules, of)
    if semantics.loosens(AGES_SINCE):
        return (now,)
    return (before,) if now == before or not semantics.tightens(AGES_SINCE) else (now, before)


def birth_path(rules: RuleSet, of: str | None) -> str | None:
    """Return the date that `adult` and `child` rested on in the first semantics: what that person's age derives from."""
    ages = [one for one in rules.dataset.fields.values() if one.type is FieldType.AGE and "." not in one.path]
    own = [one.derived_from for one in ages if one.of == of]
    return next(iter(own or [one.derived_from for one in ages if one.of is None]), None)


def paths_of(condition: Resting, compiled: Compiled, field: Field, subject: str | None, of: str | None) -> tuple[str, ...]:
    """Return what must be read to know a condition on the record, beside a field."""
    if isinstance(condition, RecordTerm):
        paths: tuple[str | None, ...] = (condition.marker,)
    elif condition is Atom.DECEASED:
        paths = (DECEASED,)
    elif isinstance(condition, PersonTerm):
        is_life = condition.needs is Speaking.ALIVE
        paths = (DECEASED if is_life else born_of(compiled, person=condition.person, subject=subject),)
    else:
        paths = births_for(compiled, field, subject=subject, of=of)
    return tuple(one for one in paths if one is not None and one in compiled.rules.dataset.fields)


def consent_kinds(field: Field, law: LegalBasis) -> frozenset[ConsentKind]:
    """Return the kinds of consent that count: explicit for Article 9(2)(a), data protection's own for Article 6(1)(a)."""
    explicit = law.discloser.condition is SpecialCategoryCondition.EXPLICIT_CONSENT
    if explicit and field.classification is Classification.SPECIAL_CATEGORY:
        return frozenset({ConsentKind.EXPLICIT})
    if law.discloser.basis is LawfulBasis.CONSENT:
        return frozenset({ConsentKind.UK_GDPR, ConsentKind.EXPLICIT})
    return frozenset(ConsentKind)


# -- lanes


def _lane(rules: RuleSet, field: Field, begins: tuple[datetime | None, ...]) -> Lane:
    lines = tuple(_line(rules, field, one) for one in rules.agreement.releases if _can_release(one, field, rules))
    caps = tuple(_cap(rules, field, one) for one in rules.caps if covers(one.target, field, rules))
    group = field.path.partition(".")[0] if "." in field.path else None
    return Lane(field, lines, caps, tuple(_ceiling(rules, field, at) for at in begins), group)


def _can_release(line: ReleaseLine, field: Field, rules: RuleSet) -> bool:
    """Tell whether a line means anything of a field: a published text may name what is not there any more."""
    is_lawful = line.under is None or any(line.under == law.id for law in rules.agreement.lawful)
    return field.path in line.fields and line.form in field.chain and is_lawful


def _ceiling(rules: RuleSet, field: Field, at: datetime | None) -> int:
    named = rules.ceiling.get(field.path)
    rank = most(field, named, rules.dataset) if named else 0
    if at is None:
        return rank
    live = [
        field.rank(one.form)
        for one in rules.agreement.variations
        if one.field == field.path and one.form in field.chain and at < instant_after(one.ends_on)
    ]
    return max([rank, *live])


def _line(rules: RuleSet, field: Field, line: ReleaseLine) -> CompiledLine:
    laws = {one.id: one for one in rules.agreement.lawful}
    law = laws[line.under] if line.under else rules.agreement.lawful[0]
    atoms, record = split(line.when)
    return CompiledLine(
        id=line.id,
        rank=field.rank(line.form),
        lawful=law.id,
        power=law.discloser.power,
        to=frozenset(line.to),
        roles=frozenset(line.roles),
        of=line.of,
        atoms=atoms,
        record=record,
        despite=line.despite,
        consent_kinds=consent_kinds(field, law),
        in_emergency=Atom.EMERGENCY in atoms,
        basis=law.discloser.basis,
        consent_of=_consent_of(rules, law),
        exempt=line.exempt is not None,
        heeds=line.heeds,
        emergencies=line.emergencies,
    )


def _consent_of(rules: RuleSet, law: LegalBasis) -> ConsentOf:
    """Where consent is the basis itself, everybody's is asked whom a field belongs to."""
    if rules.agreement.consent_of is not None:
        return rules.agreement.consent_of
    is_basis = law.discloser.basis is LawfulBasis.CONSENT and rules.semantics.tightens(2)
    return ConsentOf.ALL if is_basis else ConsentOf.ASKED


def _cap(rules: RuleSet, field: Field, cap: Cap) -> LaneCap:
    atoms, record = split(cap.when)
    return LaneCap(
        id=cap.id,
        rank=most(field, cap.form, rules.dataset),
        atoms=atoms,
        record=record,
        kinds=cap.recipient_kinds,
        except_emergency=cap.except_emergency,
        except_powers=cap.except_powers,
        except_own_consent=cap.except_own_consent,
        is_protective=is_protective(cap.when, field, rules.dataset),
    )


def _asks_for(atom: Atom, lane: Lane) -> bool:
    return any(atom in one.atoms for one in lane.lines) or any(atom in one.atoms for one in lane.caps)


def _counts_days(rules: RuleSet, lanes: Iterable[Lane]) -> bool:
    whens = [one.when for one in rules.agreement.releases]
    whens += [one.when for one in rules.caps] + [one.when for one in rules.guardrails]
    # A parent speaks to an eighteenth birthday, and capacity is presumed from a sixteenth.
    asks = any(AGES.intersection(when) or Atom.CONSENT in when for when in whens)
    return asks or any(lane.field.type is FieldType.AGE for lane in lanes)
