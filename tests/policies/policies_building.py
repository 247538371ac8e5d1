"""Builders: circumstances, records and answers of people, with all but what a test names supplied."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from policies.deciding.compile import Compiled
from policies.deciding.decide import decide
from policies.deciding.forms import pseudonym_key, pseudonym_value
from policies.deciding.shape import shape
from schemas.consent import ConsentRecord, Restriction
from schemas.dataset import Dataset
from schemas.decision import Decision, Record, Shaped, Unusable
from schemas.forms import FieldType
from schemas.instants import london_day
from schemas.request import Circumstances
from schemas.terms import Action, AssuranceLevel, Capacity, ConsentKind, ConsentState, GivenBy, RestrictionKind

NOW = datetime(2026, 10, 2, 9, 14, 3, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
EARLIER = datetime(2026, 5, 1, tzinfo=UTC)


def circumstances(compiled: Compiled, **more) -> Circumstances:
    """Return circumstances in which nothing at request time stands in the way."""
    agreement = compiled.rules.agreement
    base = Circumstances(
        at=NOW,
        recipient=agreement.recipients[0],
        token_purpose=agreement.purpose,
        token_dataset=compiled.rules.dataset.id,
        token_fields=None,
        token_actions=frozenset({Action.READ}),
        action=Action.READ,
        asked=None,
        role=next(iter(agreement.roles), None),
        has_caseworker=True,
        has_case_reference=True,
        subject=next(iter(compiled.rules.dataset.people)),
        people=frozenset(compiled.rules.dataset.people),
        assurances=frozenset(AssuranceLevel),
    )
    return replace(base, **more)


def consent(compiled: Compiled, **more) -> ConsentRecord:
    """Return a live yes to everything, for all recipients of the agreement."""
    agreement = compiled.rules.agreement
    base = ConsentRecord(
        consent_id="c_1",
        subject_ref="00",
        controller=agreement.controller,
        dataset=compiled.rules.dataset.id,
        purpose=agreement.purpose,
        recipients=frozenset(agreement.recipients),
        fields=frozenset(),
        state=ConsentState.GIVEN,
        kind=ConsentKind.UK_GDPR,
        given_by=GivenBy.SELF,
        capacity=Capacity.PRESUMED,
        authority=None,
        evidence=None,
        text_version="1",
        how="in writing",
        recorded_by="clerk",
        from_at=EARLIER,
        until=None,
    )
    return replace(base, **more)


def restriction(compiled: Compiled, **more) -> Restriction:
    """Return a live Article 18 restriction on everything, for everyone."""
    base = Restriction(
        restriction_id="r_1",
        subject_ref="00",
        dataset=compiled.rules.dataset.id,
        kind=RestrictionKind.ARTICLE_18,
        fields=frozenset(),
        recipients=frozenset(),
        from_at=EARLIER,
        until=None,
        recorded_by="clerk",
    )
    return replace(base, **more)


def typed(dataset: Dataset, path: str, raw: object) -> object:
    """Return a value of a YAML text as a source's mapping would type it."""
    if raw == "INVALID":
        return Unusable.INVALID
    kind = dataset.fields[path].type
    if raw is None or kind is FieldType.BOOLEAN:
        return raw
    if kind is FieldType.DATE:
        return raw if isinstance(raw, date) else date.fromisoformat(str(raw))
    if kind is FieldType.MONEY:
        return Decimal(str(raw))
    return raw if kind is FieldType.NUMBER else str(raw)


def record(dataset: Dataset, values: dict[str, object], groups: dict[str, list[dict[str, object]]] | None = None) -> Record:
    """Return a record of the given values; rows name their fields without the group."""
    rows = {
        group: tuple(
            {f"{group}.{name}": typed(dataset, f"{group}.{name}", raw) for name, raw in row.items()} for row in many
        )
        for group, many in (groups or {}).items()
    }
    return Record({path: typed(dataset, path, raw) for path, raw in values.items()}, rows, as_at=NOW)


def answer(
    compiled: Compiled, c: Circumstances, held: Record | None, people: frozenset[str] | None = None
) -> tuple[Decision, Shaped]:
    """Decide and shape, as the gateway does; the source gives only what the decision reads."""
    decision = decide(compiled, c)
    shaped = shape(
        minimised(held, decision) if held else None,
        decision,
        compiled,
        people=people if people is not None else frozenset(compiled.rules.dataset.people),
        on=london_day(c.at),
        emergency=c.emergency,
        recipient=c.recipient,
        pseudonym=pseudonym_for(compiled, c),
    )
    return decision, shaped


def minimised(held: Record, decision: Decision) -> Record:
    """Return what a source would hand over: the paths that the decision reads, and no other."""
    return replace(
        held,
        values={path: raw for path, raw in held.values.items() if path in decision.read},
        groups={
            group: tuple({path: raw for path, raw in row.items() if path in decision.read} for row in rows)
            for group, rows in held.groups.items()
            if any(path.partition(".")[0] == group for path in decision.read)
        },
    )


def pseudonym_for(compiled: Compiled, c: Circumstances):
    def pseudonym(path: str, value: str) -> str:
        key = pseudonym_key(b"m" * 32, c.recipient, compiled.rules.agreement.id, path, "2026")
        return pseudonym_value(key, value)

    return pseudonym
