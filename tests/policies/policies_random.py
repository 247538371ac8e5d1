"""Strategies: rule sets over the care dataset, circumstances and records, as unlikely as may be."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import policies_building as build
import policies_texts as texts
from hypothesis import strategies as st
from schemas.agreement import RECORD_ATOMS, Atom, Cap, Guardrail, RecordTerm, ReleaseLine, RuleSet, Target
from schemas.dataset import WITHHELD, FieldType
from schemas.decision import Record, Unusable
from schemas.terms import (
    Action,
    Classification,
    ConsentKind,
    ConsentState,
    Despite,
    EmergencyKind,
    RecipientKind,
    RestrictionKind,
    Tag,
)

RULES = texts.composed(texts.agreements()["northmoor-aire-safeguarding"])
CALDER = texts.composed(texts.agreements()["northmoor-calder-discharge"])
DATASET = RULES.dataset
FIELDS = [path for path, field in DATASET.fields.items() if field.path not in {"surname", "upn", "nhs_number"}]
POWER = "crime-and-disorder-act-1998-s115"
TERMS = [
    RecordTerm("protected_address", True),
    RecordTerm("protected_address", False),
    RecordTerm("risk_level", "red"),
    RecordTerm("risk_level", "green"),
]
ROW_TERMS = [RecordTerm("episodes.hidden", True), RecordTerm("episodes.hidden", False)]
KINDS = [RecipientKind.POLICE, RecipientKind.AMBULANCE, RecipientKind.CHARITY]


def subsets(values, most=3):
    return st.lists(st.sampled_from(list(values)), max_size=most, unique=True)


@st.composite
def lines(draw, place: int) -> ReleaseLine:
    path = draw(st.sampled_from(FIELDS))
    field = DATASET.fields[path]
    return ReleaseLine(
        id=f"releases/{place}",
        line=place,
        fields=(path,),
        form=draw(st.sampled_from(field.chain)),
        when=tuple(draw(subsets([*Atom, *TERMS], most=2))),
        to=tuple(draw(subsets(["police", "ambulance", "aire-police"], most=1))),
        roles=tuple(draw(subsets(["nurse", "clerk"], most=1))),
        of=draw(st.sampled_from([None, None, "carer", "resident"])),
        under=draw(st.sampled_from([None, "emergency"])),
        despite=frozenset(draw(subsets(Despite, most=2))),
    )


def targets():
    return st.one_of(
        st.builds(Target, fields=subsets(FIELDS).filter(bool).map(tuple)),
        st.builds(Target, reveals=st.sampled_from(Tag)),
        st.builds(Target, classification=st.sampled_from(Classification)),
        st.builds(Target, origin=st.sampled_from(["dwp", "nhs", "police"])),
    )


@st.composite
def caps(draw) -> Cap:
    when = tuple(draw(subsets([*RECORD_ATOMS, Atom.NO_OBJECTION, *TERMS, *ROW_TERMS], most=2)))
    by_record = any(isinstance(one, RecordTerm) or one in RECORD_ATOMS for one in when)
    forms = sorted({form for field in DATASET.fields.values() for form in field.chain})
    return Cap(
        id=f"cap-{draw(st.integers(1, 10**9))}",
        says="",
        target=draw(targets()),
        form=WITHHELD if by_record else draw(st.sampled_from([WITHHELD, *forms])),
        when=when,
        recipient_kinds=frozenset(draw(subsets(KINDS, most=2))),
        except_emergency=frozenset(draw(subsets(KINDS, most=1))),
        except_powers=frozenset(draw(subsets([POWER], most=1))),
    )


@st.composite
def guardrails(draw) -> Guardrail:
    together = {}
    if draw(st.booleans()):
        for path in draw(st.lists(st.sampled_from(FIELDS), min_size=2, max_size=3, unique=True)):
            together[path] = draw(st.sampled_from(DATASET.fields[path].chain))
    return Guardrail(
        id=f"rail-{draw(st.integers(1, 10**9))}",
        says="",
        target=None if together else draw(targets()),
        above=None,
        together=together,
        when=tuple(draw(subsets([*RECORD_ATOMS, *TERMS, *ROW_TERMS], most=1))),
        recipient_kinds=frozenset(draw(subsets(KINDS, most=1))),
        except_emergency=frozenset(draw(subsets(KINDS, most=1))),
    )


@st.composite
def rule_sets(draw) -> RuleSet:
    count = draw(st.integers(1, 10))
    agreement = replace(
        RULES.agreement,
        releases=tuple(draw(lines(place)) for place in range(1, count + 1)),
        requires=frozenset(draw(subsets(["caseworker", "case_reference"]))),
        roles=tuple(draw(subsets(["nurse", "clerk"], most=2))),
    )
    return replace(RULES, agreement=agreement, caps=tuple(draw(st.lists(caps(), max_size=3))), guardrails=())


INSTANTS = st.sampled_from(
    [
        build.NOW,
        datetime(2026, 3, 31, 22, 59, 59, 999_999, tzinfo=UTC),
        datetime(2026, 3, 31, 23, tzinfo=UTC),
        datetime(2027, 3, 31, 23, tzinfo=UTC),
        datetime(2026, 6, 30, 23, tzinfo=UTC),
    ]
)


@st.composite
def consents(draw):
    state = draw(st.sampled_from([ConsentState.GIVEN, ConsentState.GIVEN, *ConsentState]))
    from_at = build.NOW - timedelta(days=draw(st.integers(-3, 60)))
    return build.consent(
        _COMPILED,
        consent_id=f"c_{draw(st.integers(1, 99))}",
        state=state,
        kind=draw(st.sampled_from(ConsentKind)),
        fields=frozenset(draw(subsets(FIELDS))),
        from_at=from_at,
        until=draw(st.none() | st.just(build.NOW) | st.just(build.NOW + timedelta(days=1))),
    )


@st.composite
def restrictions(draw):
    return build.restriction(
        _COMPILED,
        kind=draw(st.sampled_from(RestrictionKind)),
        fields=frozenset(draw(subsets(FIELDS))),
        recipients=frozenset(draw(subsets(["aire-police", "aire-ambulance"], most=1))),
        from_at=build.NOW - timedelta(days=draw(st.integers(-3, 60))),
        until=draw(st.none() | st.just(build.NOW) | st.just(build.NOW + timedelta(days=1))),
    )


def by_person(many):
    return st.dictionaries(st.sampled_from(["resident", "carer"]), st.lists(many, max_size=3).map(tuple), max_size=2)


@st.composite
def all_circumstances(draw):
    return build.circumstances(
        _COMPILED,
        at=draw(INSTANTS),
        recipient=draw(st.sampled_from(["aire-police", "aire-police", "aire-ambulance", "nobody"])),
        token_fields=draw(st.none() | st.none() | st.frozensets(st.sampled_from(FIELDS), min_size=1)),
        token_actions=draw(st.sampled_from([frozenset({Action.READ}), frozenset({Action.READ}), frozenset()])),
        asked=draw(st.none() | st.lists(st.sampled_from([*FIELDS, "no_such_field"]), max_size=8).map(tuple)),
        role=draw(st.sampled_from([None, "nurse", "clerk"])),
        has_caseworker=draw(st.booleans()),
        has_case_reference=draw(st.booleans()),
        has_statement=draw(st.booleans()),
        has_assessment=draw(st.booleans()),
        emergency=draw(st.none() | st.sampled_from(EmergencyKind)),
        subject=draw(st.sampled_from([None, "resident", "resident", "carer"])),
        consents=draw(by_person(consents())),
        restrictions=draw(by_person(restrictions())),
    )


VALUES = {
    FieldType.DATE: st.dates(date(1900, 1, 1), date(2026, 12, 31)),
    FieldType.POSTCODE: st.sampled_from(["LS1 4AP", "NE3 1AA", "NE35 9AB", "W1A 1AA"]),
    FieldType.NUMBER: st.integers(-5, 20) | st.decimals(-5, 20, places=2),
    FieldType.MONEY: st.decimals(-500, 5000, places=2),
    FieldType.CODE: st.sampled_from(["red", "green", "council", "houseboat"]),
    FieldType.BOOLEAN: st.booleans(),
}
WORDS = st.sampled_from(["Élodie", "A1", "’t Hooft", "9434765919"])
UNUSABLE = st.sampled_from([None, Unusable.INVALID, "", "\0", Decimal("NaN"), Decimal("Infinity"), 7, 1.5, b"x", date(1, 1, 1)])


def raw_values(path: str):
    kind = DATASET.fields[path].type
    return st.one_of(VALUES.get(kind, WORDS), VALUES.get(kind, WORDS), UNUSABLE)


OUTER = [path for path, field in DATASET.fields.items() if "." not in path and field.type is not FieldType.GROUP]
INNER = [path for path in DATASET.fields if "." in path]


@st.composite
def records(draw) -> Record:
    values = {path: draw(raw_values(path)) for path in draw(subsets(OUTER, most=len(OUTER)))}
    rows = tuple(
        {path: draw(raw_values(path)) for path in draw(subsets(INNER, most=4))} for _ in range(draw(st.integers(0, 3)))
    )
    return Record(values, {"episodes": rows}, as_at=build.NOW)


_COMPILED = texts.compiled("northmoor-aire-safeguarding")
EMPTY_RAILS: tuple[Guardrail, ...] = ()
