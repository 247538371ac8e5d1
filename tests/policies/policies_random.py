"""Worlds made of a seed: rule sets over the care dataset, circumstances and records, as unlikely as may be.

One seed makes one world, so that a failure repeats. Most facts stand well, or nothing would ever leave and every
promise would hold of itself: test_policies_properties.py counts what leaves.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from random import Random

import policies_building as build
import policies_texts as texts

from policies.deciding.safeguards import safeguards
from schemas.agreement import RECORD_ATOMS, Atom, Cap, ConsentOf, Guardrail, RecordTerm, ReleaseLine, RuleSet, Target
from schemas.decision import Record, Unusable
from schemas.forms import WITHHELD, FieldType
from schemas.request import Circumstances
from schemas.semantics import FIRST, NEWEST, Semantics
from schemas.terms import (
    Action,
    AssuranceLevel,
    Capacity,
    Classification,
    ConsentKind,
    ConsentState,
    Despite,
    EmergencyKind,
    GivenBy,
    ObjectionDecision,
    OptOutScheme,
    RecipientKind,
    RestrictionKind,
    RestrictionLaw,
    Tag,
)

COMPILED = texts.compiled("northmoor-aire-safeguarding")
RULES = COMPILED.rules
DATASET = RULES.dataset
FIELDS = [path for path in DATASET.fields if path not in {"surname", "upn", "nhs_number", "uprn", "case_number"}]
POWER = "crime-and-disorder-act-1998-s115"
TERMS = [
    RecordTerm("protected_address", True),
    RecordTerm("protected_address", False),
    RecordTerm("risk_level", "red"),
    RecordTerm("risk_level", "green"),
]
ROW_TERMS = [RecordTerm("episodes.hidden", True), RecordTerm("episodes.hidden", False)]
KINDS = [RecipientKind.POLICE, RecipientKind.AMBULANCE, RecipientKind.CHARITY]
OUTER = [path for path, field in DATASET.fields.items() if "." not in path and field.type is not FieldType.GROUP]
INNER = [path for path in DATASET.fields if "." in path]
PEOPLE = ["resident", "carer"]
INSTANTS = [
    datetime(2026, 3, 31, 22, 59, 59, 999_999, tzinfo=UTC),
    datetime(2026, 3, 31, 23, tzinfo=UTC),
    datetime(2027, 3, 31, 23, tzinfo=UTC),
    datetime(2026, 6, 30, 23, tzinfo=UTC),
]


def world(seed: int) -> Random:
    return Random(seed)


def few(r: Random, values, most: int = 2, *, often: float = 0.4) -> list:
    """Return none of the values, or a few."""
    return r.sample(list(values), r.randint(1, most)) if r.random() < often else []


def mostly(r: Random, value, *others):
    return value if r.random() < 0.85 else r.choice(others)


# -- rules


def rule_set(r: Random) -> RuleSet:
    lines = tuple(line(r, place) for place in range(1, r.randint(4, 24)))
    agreement = replace(
        RULES.agreement,
        releases=lines,
        requires=frozenset(few(r, ["caseworker", "case_reference"], often=0.2)),
        assurance=frozenset(few(r, list(AssuranceLevel)[:2], often=0.1)),
        roles=tuple(few(r, ["nurse", "clerk"], often=0.2)),
        consent_of=r.choice([None, None, *ConsentOf]),
        direct_care=r.random() < 0.3,
    )
    caps = tuple(cap(r) for _ in range(r.randint(0, 3)))
    guards = safeguards(DATASET) if r.random() < 0.5 else ()
    semantics = mostly(r, Semantics(), Semantics(FIRST, FIRST), Semantics(FIRST, NEWEST))
    return replace(RULES, agreement=agreement, caps=(*caps, *guards), guardrails=(), semantics=semantics)


def line(r: Random, place: int) -> ReleaseLine:
    # The group's rows are needed often, or nothing could stand in them.
    path = r.choice([*FIELDS, "episodes", "episodes", "date_of_birth", "age", "postcode"])
    return ReleaseLine(
        id=f"releases/{place}",
        line=place,
        fields=(path,),
        form=r.choice(DATASET.fields[path].chain[-3:]),
        when=tuple(few(r, [*Atom, *TERMS])),
        to=tuple(few(r, ["police", "ambulance", "aire-police"], most=1, often=0.2)),
        roles=tuple(few(r, ["nurse", "clerk"], most=1, often=0.2)),
        of=r.choice([None, None, None, *PEOPLE]),
        under=r.choice([None, "emergency"]),
        despite=frozenset(few(r, Despite)),
        exempt=r.choice([None, None, "Schedule 2, paragraph 2"]),
        heeds=frozenset(few(r, RestrictionLaw)),
        emergencies=frozenset(few(r, EmergencyKind, often=0.2)),
    )


def target(r: Random) -> Target:
    return r.choice(
        [
            Target(fields=tuple(r.sample(FIELDS, 2))),
            Target(reveals=r.choice(list(Tag))),
            Target(classification=r.choice(list(Classification))),
            Target(origin=r.choice(["dwp", "nhs", "police"])),
        ]
    )


def cap(r: Random) -> Cap:
    when = tuple(few(r, [*RECORD_ATOMS, Atom.NO_OBJECTION, *TERMS, *ROW_TERMS], often=0.7))
    by_record = any(isinstance(one, RecordTerm) or one in RECORD_ATOMS for one in when)
    forms = sorted({form for field in DATASET.fields.values() for form in field.chain})
    return Cap(
        id=f"cap-{r.randrange(10**9)}",
        says="",
        target=target(r),
        form=WITHHELD if by_record else r.choice([WITHHELD, *forms]),
        when=when,
        recipient_kinds=frozenset(few(r, KINDS)),
        except_emergency=frozenset(few(r, KINDS, most=1)),
        except_powers=frozenset(few(r, [POWER], most=1, often=0.2)),
    )


def guardrail(r: Random) -> Guardrail:
    together = {}
    if r.random() < 0.5:
        together = {path: r.choice(DATASET.fields[path].chain) for path in r.sample(FIELDS, 2)}
    return Guardrail(
        id=f"rail-{r.randrange(10**9)}",
        says="",
        target=None if together else target(r),
        above=None,
        together=together,
        when=tuple(few(r, [*RECORD_ATOMS, Atom.NO_OBJECTION, *TERMS, *ROW_TERMS], most=1)),
        recipient_kinds=frozenset(few(r, KINDS)),
        except_emergency=frozenset(few(r, KINDS, most=1)),
        except_powers=frozenset(few(r, [POWER], most=1, often=0.2)),
    )


# -- circumstances


def circumstances(r: Random) -> Circumstances:
    return build.circumstances(
        COMPILED,
        at=mostly(r, build.NOW, *INSTANTS),
        recipient=mostly(r, "aire-police", "aire-ambulance", "nobody"),
        token_fields=frozenset(r.sample(FIELDS, 6)) if r.random() < 0.2 else None,
        token_actions=frozenset(mostly(r, {Action.READ}, set(), {Action.MATCH})),
        asked=asked(r),
        role=r.choice([None, "nurse", "clerk"]),
        has_caseworker=mostly(r, True, False),
        is_vouched=mostly(r, True, False),
        assurances=mostly(r, frozenset(AssuranceLevel), frozenset()),
        has_case_reference=mostly(r, True, False),
        has_statement=r.random() < 0.5,
        has_assessment=r.random() < 0.5,
        emergency=r.choice([None, r.choice(list(EmergencyKind))]),
        subject=mostly(r, "resident", "carer", None),
        consents=by_person(r, consent),
        restrictions=by_person(r, restriction) if r.random() < 0.3 else {},
    )


def asked(r: Random) -> tuple[str, ...] | None:
    return tuple(r.sample([*FIELDS, "no_such_field"], r.randint(0, 12))) if r.random() < 0.4 else None


def by_person(r: Random, make):
    return {who: tuple(make(r) for _ in range(r.randint(0, 3))) for who in few(r, PEOPLE, often=0.8)}


def consent(r: Random):
    return build.consent(
        COMPILED,
        consent_id=f"c_{r.randrange(99)}",
        state=mostly(r, ConsentState.GIVEN, *ConsentState),
        kind=r.choice(list(ConsentKind)),
        fields=frozenset(few(r, FIELDS)),
        given_by=mostly(r, GivenBy.SELF, *GivenBy),
        capacity=mostly(r, Capacity.PRESUMED, *Capacity),
        authority=r.choice([None, "one", "other"]),
        **term(r),
    )


def restriction(r: Random):
    return build.restriction(
        COMPILED,
        kind=r.choice(list(RestrictionKind)),
        fields=frozenset(few(r, FIELDS, often=0.8)),
        recipients=frozenset(few(r, ["aire-police", "aire-ambulance"], most=1)),
        scheme=r.choice([None, None, *OptOutScheme]),
        purposes=frozenset(few(r, [RULES.agreement.purpose, "another"], most=1)),
        decided=r.choice([None, None, None, *ObjectionDecision]),
        **term(r),
    )


def term(r: Random) -> dict[str, datetime | None]:
    day = timedelta(days=1)
    return {"from_at": build.NOW - r.randint(-2, 60) * day, "until": r.choice([None, None, build.NOW, build.NOW + day])}


# -- records


def record(r: Random) -> Record:
    values = {path: raw(r, path) for path in OUTER if r.random() < 0.9}
    rows = tuple({path: raw(r, path) for path in INNER if r.random() < 0.9} for _ in range(r.randint(0, 4)))
    return Record(values, {"episodes": rows}, as_at=build.NOW)


def raw(r: Random, path: str) -> object:
    if r.random() < 0.1:
        return r.choice(UNUSABLE)
    match DATASET.fields[path].type:
        case FieldType.DATE | FieldType.AGE:
            return r.choice([date(1990, 2, 28), date(2012, 2, 29), date(2008, 7, 1), date(1950, 12, 31)])
        case FieldType.POSTCODE:
            return r.choice(["LS1 4AP", "NE3 1AA", "NE35 9AB", "W1A 1AA"])
        case FieldType.NUMBER:
            return r.choice([r.randint(-5, 20), Decimal("2.50")])
        case FieldType.MONEY:
            return Decimal(r.randint(-50_000, 500_000)) / 100
        case FieldType.CODE:
            return r.choice(["red", "green", "council", "houseboat"])
        case FieldType.BOOLEAN:
            return r.random() < 0.3
        case _:
            return r.choice(["Élodie", "A1", "\u2019t Hooft", "9434765919"])


UNUSABLE = [None, Unusable.INVALID, "", "\0", Decimal("NaN"), Decimal("Infinity"), 7, 1.5, b"x", date(1, 1, 1), 10**30]
