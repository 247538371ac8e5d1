"""What would this partner get, if this and that were so? About nobody: facts about a person are suppositions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time
from typing import Any

from gateway.journey.explain import condition_text
from policies.deciding.choosing import Work, is_spared, look
from policies.deciding.compile import DECEASED, Compiled
from policies.deciding.decide import decide
from policies.telling.wording import condition_text as spoken_condition
from policies.telling.wording import form_text, listed
from schemas.agreement import PersonTerm, RecordTerm, Resting
from schemas.consent import ConsentRecord, Restriction
from schemas.dataset import Dataset
from schemas.decision import Decision, Record, RecordCap, Release, Withhold
from schemas.instants import london_day
from schemas.reasons import REMEDY_OF, Reason
from schemas.request import Circumstances
from schemas.terms import (
    Action,
    AssuranceLevel,
    Capacity,
    ConsentKind,
    ConsentState,
    EmergencyKind,
    GivenBy,
    RestrictionKind,
)

_BEGAN = datetime(1990, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Supposed:
    """What is taken to be so. `age` is of everybody in the record; `about` the role of the person asked about."""

    recipient: str
    about: str | None = None
    role: str | None = None
    fields: tuple[str, ...] | None = None
    consent: bool = False
    restriction: RestrictionKind | None = None
    statement: bool = False
    assessment: bool = False
    emergency: EmergencyKind | None = None
    age: int | None = None

    def facts(self) -> dict[str, Any]:
        """Return the suppositions about the person and the call, JSON-ready."""
        return {
            "consent": self.consent,
            "restriction": self.restriction.value if self.restriction else None,
            "statement": self.statement,
            "assessment": self.assessment,
            "emergency": self.emergency.value if self.emergency else None,
            "age": self.age,
        }


@dataclass(frozen=True, slots=True)
class Outlook:
    """What would be decided. Conditions of the record that the suppositions answer are worked out already."""

    compiled: Compiled
    supposed: Supposed
    on: date
    fields: dict[str, Release | Withhold] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        """Return what would be decided, JSON-ready."""
        return {path: _document(one) for path, one in self.fields.items()}

    def lines(self) -> list[str]:
        """Return what would be decided, for people: a line a field, or one for all where one reason holds for all."""
        reasons = {one.reason for one in self.fields.values() if isinstance(one, Withhold)}
        if len(reasons) == 1 and not any(isinstance(one, Release) for one in self.fields.values()) and len(self.fields) > 1:
            return [f"Nothing would be released: {_why(next(iter(reasons)))}"]
        width = max(map(len, self.fields), default=0)
        said = {path: list(self._said(path, one)) for path, one in self.fields.items()}
        return [
            f"  {(path if place == 0 else '').ljust(width)}  {text}"
            for path, texts in said.items()
            for place, text in enumerate(texts)
        ]

    def _said(self, path: str, one: Release | Withhold) -> Iterator[str]:
        if isinstance(one, Withhold):
            nearest = f" (the nearest line: {one.nearest})" if one.nearest else ""
            yield f"withheld: {_why(one.reason)}{nearest}"
            return
        dataset = self.compiled.rules.dataset
        found = dataset.fields[path]
        for option in one.options:
            needed = [_spoken(term, dataset) for term in option.record]
            when = f", if {listed(needed)}" if needed else ""
            yield f"{form_text(found, option.form)}{when} ({option.line})"
        for cap in one.caps:
            needed = [_spoken(term, dataset) for term in cap.record]
            spared = list(_spared(one, cap))
            told = f", but for {listed(spared)}" if spared else ""
            yield f"withheld{told} where {listed(needed)}, or where that is not known (cap {cap.id})"


def outlook(compiled: Compiled, supposed: Supposed, at: datetime, *, is_ended: bool = False) -> Outlook:
    """Return what a partner would get at an instant. A caseworker, a case reference and assurances are taken as given."""
    asked = supposed.fields or compiled.asked_by_default
    if is_ended:
        fields: dict[str, Release | Withhold] = dict.fromkeys(asked, Withhold(Reason.AGREEMENT_NOT_IN_FORCE))
    else:
        decision = decide(compiled, circumstances(compiled, supposed, at))
        fields = _answered(compiled, supposed, decision, london_day(at))
    return Outlook(compiled, supposed, london_day(at), fields)


def circumstances(compiled: Compiled, supposed: Supposed, at: datetime) -> Circumstances:
    """Return the circumstances of a call in which all that is supposed is so."""
    agreement, dataset = compiled.rules.agreement, compiled.rules.dataset
    subject = _subject(compiled, supposed)
    yes = tuple(_consent(compiled, supposed.recipient, kind) for kind in ConsentKind)
    held = _restriction(compiled, supposed.restriction) if supposed.restriction else None
    return Circumstances(
        at=at,
        recipient=supposed.recipient,
        token_purpose=agreement.purpose,
        token_dataset=dataset.id,
        token_fields=None,
        token_actions=frozenset({Action.READ}),
        action=Action.READ,
        asked=supposed.fields,
        role=supposed.role or next(iter(agreement.roles), None),
        has_caseworker=True,
        has_case_reference=True,
        has_statement=supposed.statement,
        has_assessment=supposed.assessment,
        emergency=supposed.emergency,
        is_vouched=True,
        assurances=frozenset(AssuranceLevel),
        subject=subject,
        people=frozenset(dataset.people),
        consents=dict.fromkeys(dataset.people, yes) if supposed.consent else {},
        restrictions={subject: (held,)} if subject and held else {},
    )


def _subject(compiled: Compiled, supposed: Supposed) -> str | None:
    return supposed.about or next(iter(compiled.rules.dataset.people), None)


def _consent(compiled: Compiled, recipient: str, kind: ConsentKind) -> ConsentRecord:
    agreement = compiled.rules.agreement
    return ConsentRecord(
        consent_id="supposed",
        subject_ref="",
        controller=agreement.controller,
        dataset=compiled.rules.dataset.id,
        purpose=agreement.purpose,
        recipients=frozenset({recipient}),
        fields=frozenset(),
        state=ConsentState.GIVEN,
        kind=kind,
        given_by=GivenBy.SELF,
        capacity=Capacity.ASSESSED,
        authority=None,
        evidence=None,
        text_version="",
        how="",
        recorded_by="",
        from_at=_BEGAN,
        until=None,
    )


def _restriction(compiled: Compiled, kind: RestrictionKind) -> Restriction:
    everything: frozenset[str] = frozenset()
    dataset = compiled.rules.dataset.id
    return Restriction("supposed", "", dataset, kind, everything, everything, _BEGAN, None, "")


# -- what an age, or a life, answers


def _answered(compiled: Compiled, supposed: Supposed, decision: Decision, on: date) -> dict[str, Release | Withhold]:
    """Work out the conditions of the record that the suppositions answer."""
    values: dict[str, object] = {DECEASED: False} if supposed.consent else {}  # who consents is alive
    if supposed.age is not None:
        born = date(on.year - supposed.age, on.month, min(on.day, 28))
        values |= {path: born for path in compiled.births.values() if path}
    if not values:
        return dict(decision.fields)
    record = Record(values, {}, datetime.combine(on, time(), UTC))
    work = Work(record, compiled, on, _no_pseudonym, of=compiled.whose, subject=_subject(compiled, supposed))
    return {path: _told_by(work, path, one) for path, one in decision.fields.items()}


def _no_pseudonym(_path: str, _value: str) -> str:
    return ""


def _told_by(work: Work, path: str, one: Release | Withhold) -> Release | Withhold:
    """Take out what the record answers: conditions that hold, lines that can't be, caps that are lifted."""
    if isinstance(one, Withhold):
        return one
    found = work.compiled.rules.dataset.fields[path]

    def said(term: Resting, of: str | None) -> frozenset[bool | None]:
        if isinstance(term, RecordTerm) and term.marker not in work.record.values:
            return frozenset({None})  # of a marker nothing is supposed, and of a group's rows not that there are none
        return frozenset(look(work, term, found, of, None))

    caps = [cap for cap in one.caps if not any(said(term, found.of) == {False} for term in cap.record)]
    left = {cap.id: tuple(term for term in cap.record if said(term, found.of) != {True}) for cap in caps}
    options = tuple(
        replace(option, record=tuple(term for term in option.record if said(term, work.of[option.line]) != {True}))
        for option in one.options
        if not any(False in said(term, work.of[option.line]) for term in option.record)
        if all(left[cap.id] or is_spared(option, cap) for cap in caps)
    )
    if not options:
        return Withhold(Reason.NOT_AVAILABLE, one.options[0].line)
    return Release(options, tuple(replace(cap, record=left[cap.id]) for cap in caps if left[cap.id]))


def _spoken(term: Resting, dataset: Dataset) -> str:
    return condition_text(term) if isinstance(term, PersonTerm) else spoken_condition(term, dataset)


def _document(one: Release | Withhold) -> Any:
    if isinstance(one, Withhold):
        return {"withheld": one.reason.value, "nearest": one.nearest}
    return {
        "released": [
            {"form": option.form, "line": option.line, "if": [condition_text(term) for term in option.record]}
            for option in one.options
        ],
        "unless": [
            {"cap": cap.id, "if": [condition_text(term) for term in cap.record], "but": list(_spared(one, cap))}
            for cap in one.caps
        ],
    }


def _spared(one: Release, cap: RecordCap) -> Iterator[str]:
    """Give the lines by which a field leaves all the same."""
    return iter(sorted({option.line for option in one.options if is_spared(option, cap)}))


def _why(reason: Reason) -> str:
    return f"{reason.value}. {REMEDY_OF[reason][1]}"
