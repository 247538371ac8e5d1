"""What is asked, by whom, about whom?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from schemas.consent import ConsentRecord, Restriction
from schemas.terms import Action, Assurance, AssuranceLevel, EmergencyKind


@dataclass(frozen=True, slots=True)
class Caseworker:
    """The practitioner who asks: as the partner asserts, or vouches for by its key.

    `device` and `reason` are told in a signed context alone.
    """

    id: str
    name: str
    role: str
    organisation_code: str | None = None
    assurance: Assurance = Assurance.ASSERTED
    device: str | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Emergency:
    """A declared emergency: which kind, and the caseworker's reason in words."""

    kind: EmergencyKind
    reason: str


@dataclass(frozen=True, slots=True)
class SubjectQuery:
    """One person, by one key and confirming details, as typed.

    Of a composite key `confirm` holds the details that it is made of, and `value` is "": it has none of its own.
    """

    key: str
    value: str
    confirm: Mapping[str, str]
    is_composite: bool = False

    def is_named_like(self, other: SubjectQuery) -> bool:
        """Tell whether two people are asked about by the same key and details: what a decision may rest on."""
        return self.key == other.key and self.confirm.keys() == other.confirm.keys()


@dataclass(frozen=True, slots=True)
class NamedSubject:
    """One of many people in a request: the caller's own label, who it is, and (to verify) what is claimed of them."""

    ref: str
    query: SubjectQuery
    claims: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class DisclosureRequest:
    """A request for one person's data. `fields` None asks for all that the agreement may release.

    `claims` are what is to be verified, as typed, by field. Of a request about many people `subjects` holds them, and
    `subject` is nobody.
    """

    agreement: str | None
    subject: SubjectQuery
    fields: tuple[str, ...] | None
    action: Action = Action.READ
    claims: Mapping[str, str] | None = None
    subjects: tuple[NamedSubject, ...] = ()
    case_reference: str | None = None
    caseworker: Caseworker | None = None
    emergency: Emergency | None = None
    statement: str | None = None  # a public authority's statement of its task
    assessment: str | None = None  # the reference of a risk assessment


@dataclass(frozen=True, slots=True)
class Circumstances:
    """Everything that a decision may rest on before a record is read. What is not here cannot matter.

    `consents` and `restrictions` are by role of the person in the record (dataset `people`);
    `subject` is the role of the person asked for, None where nobody was confirmed.
    `purpose`, `dataset` and `fields` in `token_…` are what the token was granted for.
    """

    at: datetime
    recipient: str
    token_purpose: str
    token_dataset: str
    token_fields: frozenset[str] | None  # None: no narrowing
    token_actions: frozenset[Action]
    action: Action
    asked: tuple[str, ...] | None
    role: str | None
    has_caseworker: bool
    has_case_reference: bool
    has_statement: bool = False
    has_assessment: bool = False
    emergency: EmergencyKind | None = None
    in_incident: bool = False  # a declared incident covers the recipient's emergency
    is_vouched: bool = False  # the caseworker, by a context that the partner signed
    subject: str | None = None
    people: frozenset[str] = frozenset()  # roles of everybody in the record
    key: str | None = None  # how the person is named; None where nobody is asked about
    details: frozenset[str] = frozenset()
    consents: Mapping[str, tuple[ConsentRecord, ...]] = field(default_factory=dict)
    restrictions: Mapping[str, tuple[Restriction, ...]] = field(default_factory=dict)
    assurances: frozenset[AssuranceLevel] = frozenset()  # what the recipient has shown, and is not over
