"""What would this partner get, if this and that were so? About nobody: facts about a person are suppositions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

from gateway.explaining import condition_text
from policies.compile import Compiled, birth_path
from policies.decide import decide
from policies.facts import holds
from policies.wording import condition_text as spoken_condition
from policies.wording import form_text, listed
from schemas.agreement import Condition
from schemas.consent import ConsentRecord, Restriction
from schemas.decision import Decision, Option, Record, RecordCap, Release, Withhold
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
            needed = [spoken_condition(term, dataset) for term in option.record]
            when = f", if {listed(needed)}" if needed else ""
            yield f"{form_text(found, option.form)}{when} ({option.line})"
        for cap in one.caps:
            needed = [spoken_condition(term, dataset) for term in cap.record]
            spared = f", but for {listed(sorted(cap.spares))}" if cap.spares else ""
            yield f"withheld{spared} where {listed(needed)}, or where that is not known (cap {cap.id})"


def outlook(compiled: Compiled, supposed: Supposed, at: datetime, *, is_ended: bool = False) -> Outlook:
    """Return what a partner would get at an instant. A caseworker, a case reference and assurances are taken as given."""
    asked = supposed.fields or compiled.asked_by_default
    if is_ended:
        fields: dict[str, Release | Withhold] = dict.fromkeys(asked, Withhold(Reason.AGREEMENT_NOT_IN_FORCE))
    else:
        decision = decide(compiled, circumstances(compiled, supposed, at))
        fields = _with_age(compiled, supposed, decision, london_day(at))
    return Outlook(compiled, supposed, london_day(at), fields)


def circumstances(compiled: Compiled, supposed: Supposed, at: datetime) -> Circumstances:
    """Return the circumstances of a call in which all that is supposed is so."""
    agreement, dataset = compiled.rules.agreement, compiled.rules.dataset
    subject = supposed.about or next(iter(dataset.people), None)
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
        consents=dict.fromkeys(dataset.people, yes) if supposed.consent else {},
        restrictions={subject: (held,)} if subject and held else {},
    )


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
        capacity=Capacity.PRESUMED,
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


# -- what an age answers


def _with_age(compiled: Compiled, supposed: Supposed, decision: Decision, on: date) -> dict[str, Release | Withhold]:
    if supposed.age is None:
        return dict(decision.fields)
    born = date(on.year - supposed.age, on.month, min(on.day, 28))
    places = {birth_path(compiled.rules, person) for person in (None, *compiled.rules.dataset.people)}
    record = Record({path: born for path in places if path}, {}, datetime.combine(on, datetime.min.time(), UTC))
    return {path: _answered(compiled, record, on, path, one) for path, one in decision.fields.items()}


def _answered(compiled: Compiled, record: Record, on: date, path: str, one: Release | Withhold) -> Release | Withhold:
    """Take out what the record's age answers: conditions that hold, lines that can't be, caps that are lifted."""
    if isinstance(one, Withhold):
        return one

    def open_of(terms: tuple[Condition, ...], of: str | None) -> tuple[Condition, ...] | None:
        """Return the conditions that are still open, or None where one is known not to hold."""
        said = [(term, holds(term, record, compiled, on=on, of=of)) for term in terms]
        return None if any(value is False for _, value in said) else tuple(term for term, value in said if value is None)

    whose = compiled.rules.dataset.fields[path].of
    caps = [(cap, left) for cap in one.caps if (left := open_of(cap.record, whose)) is not None]
    barring = [cap for cap, left in caps if not left]
    options = tuple(
        Option(option.form, option.line, option.lawful, left)
        for option in one.options
        if (left := open_of(option.record, compiled.whose[option.line])) is not None
        if all(option.line in cap.spares for cap in barring)
    )
    if not options:
        return Withhold(Reason.NOT_AVAILABLE, one.options[0].line)
    return Release(options, tuple(RecordCap(cap.id, left, cap.spares) for cap, left in caps if left))


def _document(one: Release | Withhold) -> Any:
    if isinstance(one, Withhold):
        return {"withheld": one.reason.value, "nearest": one.nearest}
    return {
        "released": [
            {"form": option.form, "line": option.line, "if": [condition_text(term) for term in option.record]}
            for option in one.options
        ],
        "unless": [{"cap": cap.id, "if": [condition_text(term) for term in cap.record]} for cap in one.caps],
    }


def _why(reason: Reason) -> str:
    return f"{reason.value}. {REMEDY_OF[reason][1]}"
