"""What do an agreement, a common core and council rules say, once parsed?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from schemas.dataset import Dataset
from schemas.semantics import Semantics
from schemas.terms import (
    AssuranceLevel,
    Classification,
    Despite,
    EmergencyKind,
    LawfulBasis,
    RecipientKind,
    Regime,
    Relationship,
    RestrictionLaw,
    SpecialCategoryCondition,
    Tag,
)


class Atom(StrEnum):
    """A condition that needs no further word. The last three are known only from the record."""

    CONSENT = "consent"
    NO_OBJECTION = "no_objection"
    PUBLIC_TASK_STATEMENT = "public_task_statement"
    RISK_HIGH = "risk_high"
    EMERGENCY = "emergency"
    ADULT = "adult"
    CHILD = "child"
    DECEASED = "deceased"


RECORD_ATOMS = frozenset({Atom.ADULT, Atom.CHILD, Atom.DECEASED})


@dataclass(frozen=True, slots=True)
class RecordTerm:
    """`record: {marker: value}`: a marker of the record must have this value."""

    marker: str
    value: bool | str


class Speaking(StrEnum):
    """What must be so of a person for a yes to count."""

    ALIVE = "alive"
    UNDER_18 = "under_18"  # a parent speaks for them
    PRESUMED_ABLE = "presumed_able"  # not known to be under 16: below that, capacity is assessed


@dataclass(frozen=True, slots=True, order=True)
class PersonTerm:
    """Something of one person of the record that a yes rests on. No text writes it: it follows from who said yes."""

    person: str
    needs: Speaking


Condition = Atom | RecordTerm  # what a text may say
Resting = Condition | PersonTerm  # what a decision may rest on


@dataclass(frozen=True, slots=True)
class Side:
    """One side's legal basis. None where a processor's contract stands in."""

    basis: LawfulBasis
    power: str | None = None
    assessment: str | None = None
    condition: SpecialCategoryCondition | None = None  # UK GDPR Article 9(2)
    schedule_1: str | None = None  # paragraph of DPA 2018 Schedule 1
    policy_document: str | None = None
    official_authority: str | None = None  # UK GDPR Article 10
    regime: Regime = Regime.UK_GDPR


@dataclass(frozen=True, slots=True)
class LegalBasis:
    """One line of law: both sides, compatibility with what the data were collected for, confidentiality."""

    id: str
    discloser: Side
    recipient: Side | None
    compatible: tuple[str, str | None] | None  # (how, ref)
    confidentiality: str | None


@dataclass(frozen=True, slots=True)
class ReleaseLine:
    """One line of `releases`. `id` is its place, counted from one ("releases/3"); `line` the text's line."""

    id: str
    line: int
    fields: tuple[str, ...]
    form: str
    when: tuple[Condition, ...] = ()
    to: tuple[str, ...] = ()  # recipients or kinds; empty: all
    roles: tuple[str, ...] = ()
    of: str | None = None
    under: str | None = None  # id of a LegalBasis; None: the first
    despite: frozenset[Despite] = frozenset()
    exempt: str | None = None  # the paragraph of DPA 2018 Schedules 2 to 4 by which no objection holds it back
    heeds: frozenset[RestrictionLaw] = frozenset()  # of an emergency's line: what holds it back all the same
    emergencies: frozenset[EmergencyKind] = frozenset()  # of an emergency's line: the kinds that open it; none: all


@dataclass(frozen=True, slots=True)
class Target:
    """Which fields a cap or guardrail is about: any of the named facets that are given must fit."""

    fields: tuple[str, ...] = ()
    reveals: Tag | None = None
    classification: Classification | None = None
    origin: str | None = None


@dataclass(frozen=True, slots=True)
class Cap:
    """A conditional ceiling. With a record condition `form` is `withheld`: such a cap never lowers."""

    id: str
    says: str
    target: Target
    form: str
    when: tuple[Condition, ...] = ()
    recipient_kinds: frozenset[RecipientKind] = frozenset()  # empty: everyone
    except_emergency: frozenset[RecipientKind] = frozenset()
    except_powers: frozenset[str] = frozenset()
    except_own_consent: bool = False  # spares a line that rests on consent which whoever it is about gave themselves


@dataclass(frozen=True, slots=True)
class Guardrail:
    """What can never happen: fields above a form, or forms of several fields together."""

    id: str
    says: str
    target: Target | None
    above: str | None  # with target; None means above withheld
    together: Mapping[str, str]  # path -> form; empty unless this is a `together`
    when: tuple[Condition, ...] = ()
    recipient_kinds: frozenset[RecipientKind] = frozenset()
    except_emergency: frozenset[RecipientKind] = frozenset()
    except_powers: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Identify:
    """How people may be named: by which keys, with which details, and how many of them at the least.

    An empty list narrows nothing; None asks for no more than the dataset does.
    """

    keys: tuple[str, ...] = ()
    confirm: tuple[str, ...] = ()
    at_least: int | None = None


@dataclass(frozen=True, slots=True)
class Core:
    """The common core, or (kind `council`) one council's rules over all its agreements.

    `purpose`, `recipient_kinds` and `dataset` are None or empty where it is for everything;
    `ceiling` is None where it sets none (statutory bars, council rules). `may_confirm` are keys and details that reveal a
    tag and may be used all the same.
    """

    id: str
    version: int
    is_council: bool
    purpose: str | None
    recipient_kinds: frozenset[RecipientKind]
    dataset: str | None
    ceiling: Mapping[str, str] | None
    caps: tuple[Cap, ...]
    guardrails: tuple[Guardrail, ...]
    text: str
    digest: str
    identify: Identify | None = None
    may_confirm: tuple[str, ...] = ()


class ConsentOf(StrEnum):
    """Whose consent a line asks for: of the person asked about, or of all whom the field belongs to."""

    ASKED = "asked"
    ALL = "all"


@dataclass(frozen=True, slots=True)
class Variation:
    """One approved lifting of the ceiling. `ends_on` is included (Europe/London)."""

    field: str
    form: str
    reason: str
    dpia: str
    approved_by: tuple[str, ...]
    ends_on: date
    line: int


@dataclass(frozen=True, slots=True)
class Limits:
    """How much a recipient may ask. None: no limit of that kind."""

    per_minute: int | None = None
    subjects_per_day: int | None = None
    same_subject_per_day: int | None = None
    batch: int = 1
    misses_per_day: int | None = None


@dataclass(frozen=True, slots=True)
class Retain:
    """How long the recipient may keep what it gets: an ISO 8601 duration from an event."""

    duration: str
    from_: str
    then: str
    attest: bool


@dataclass(frozen=True, slots=True)
class Agreement:
    """One version of one agreement. Dates are Europe/London, both ends included."""

    id: str
    version: int
    follows: tuple[tuple[str, int], ...]
    controller: str
    recipients: tuple[str, ...]
    relationship: Relationship
    purpose: str
    dataset: tuple[str, int]
    why: Mapping[str, str]
    lawful: tuple[LegalBasis, ...]
    dpia: Mapping[str, str] | None
    about: tuple[str, ...]
    contacts: Mapping[str, str]
    starts_on: date
    ends_on: date
    review_on: date | None
    retain: Retain
    onward: str
    releases: tuple[ReleaseLine, ...]
    requires: frozenset[str]  # of "caseworker", "case_reference", "vouched_caseworker"
    assurance: frozenset[AssuranceLevel]  # the recipient must have shown one of these; none: nothing is asked
    roles: tuple[str, ...]
    limits: Limits
    variations: tuple[Variation, ...]
    retention_class: str
    resumes: str | None  # why an agreement that was ended is taken up again by this version
    text: str
    digest: str
    identify: Identify | None = None
    consent_of: ConsentOf | None = None
    direct_care: bool = False  # the purpose is the care of the person themselves
    emergency_people_per_day: int | None = None  # beyond it a client waits for the duty officer


@dataclass(frozen=True, slots=True)
class RuleSet:
    """An agreement with everything that bounds it: what is compiled, cached and named by `rules_digest`."""

    agreement: Agreement
    cores: tuple[Core, ...]  # followed cores, statutory bars, council rules
    dataset: Dataset
    recipient_kinds: Mapping[str, RecipientKind]  # of the agreement's recipients
    ceiling: Mapping[str, str]  # the lowest that the followed cores allow, before variations
    caps: tuple[Cap, ...]
    guardrails: tuple[Guardrail, ...]
    rules_digest: str
    semantics: Semantics
