"""Which of a person's answers counts? Whatever a decision goes by, and what outweighs the rest is named."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from policies.deciding.consents import Scope, covering, deciding, is_no
from policies.deciding.standing import Standing, Why, standing
from schemas.consent import ConsentRecord
from schemas.dataset import Field
from schemas.forms import FieldType
from schemas.terms import Capacity, Classification, ConsentKind, ConsentState, GivenBy

NOW = datetime(2026, 10, 2, 9, 0, tzinfo=UTC)
SCOPE = Scope("northmoor", "cards", "support", "lantern", NOW)
FIELD = Field("grant", FieldType.MONEY, "Grant", Classification.PERSONAL, ("full",))
GIVEN = ConsentRecord(
    consent_id="c_0",
    subject_ref="00",
    controller="northmoor",
    dataset="cards",
    purpose="support",
    recipients=frozenset({"lantern"}),
    fields=frozenset(),
    state=ConsentState.GIVEN,
    kind=ConsentKind.UK_GDPR,
    given_by=GivenBy.SELF,
    capacity=Capacity.PRESUMED,
    authority=None,
    evidence=None,
    text_version="v1",
    how="letter",
    recorded_by="test",
    from_at=NOW - timedelta(days=9),
    until=None,
)
PARENT = replace(GIVEN, given_by=GivenBy.PARENTAL_RESPONSIBILITY, authority="A. Bell")


def numbered(*records: ConsentRecord) -> list[ConsentRecord]:
    return [replace(one, consent_id=f"c_{number}") for number, one in enumerate(records)]


def later(one: ConsentRecord, days: int = 1, **changes: object) -> ConsentRecord:
    return replace(one, from_at=one.from_at + timedelta(days=days), **changes)  # type: ignore[arg-type]  # its own members


NO = {"state": ConsentState.REFUSED}
CASES = {
    "alone": ([GIVEN], Standing()),
    "a later no": ([GIVEN, later(GIVEN, **NO)], Standing(Why.OUTWEIGHED, ("c_1",))),
    "an earlier no": ([GIVEN, later(GIVEN, -1, **NO)], Standing()),
    "a no of the same instant": ([GIVEN, replace(GIVEN, state=ConsentState.REFUSED)], Standing(Why.OUTWEIGHED, ("c_1",))),
    "a yes of the same instant that ends sooner": (
        [GIVEN, replace(GIVEN, until=NOW + timedelta(days=1))],
        Standing(Why.OUTWEIGHED, ("c_1",)),
    ),
    "the one that ends sooner": ([replace(GIVEN, until=NOW + timedelta(days=1)), GIVEN], Standing()),
    "a yes of the same instant by a capacity that is presumed": (
        [replace(GIVEN, capacity=Capacity.ASSESSED), replace(GIVEN, capacity=Capacity.PRESUMED)],
        Standing(Why.OUTWEIGHED, ("c_1",)),
    ),
    "a parent's no": ([GIVEN, later(PARENT, **NO)], Standing()),
    "a parent's, against the person's own no": ([PARENT, later(GIVEN, -3, **NO)], Standing(Why.OUTWEIGHED, ("c_1",))),
    "a parent's, against the other's no": (
        [PARENT, later(PARENT, -3, authority="B. Bell", **NO)],
        Standing(Why.OUTWEIGHED, ("c_1",)),
    ),
    "a no that was taken back outweighs nobody": (
        [PARENT, later(PARENT, -3, authority="B. Bell", **NO), later(PARENT, -2, authority="B. Bell")],
        Standing(),
    ),
    "a later one that has ended": ([GIVEN, later(GIVEN, until=NOW)], Standing(Why.OUTWEIGHED, ("c_1",))),
    "past its end": ([replace(GIVEN, until=NOW)], Standing(Why.ENDED)),
    "before it begins": ([later(GIVEN, 10)], Standing(Why.NOT_BEGUN)),
    "a no before it begins": ([later(GIVEN, 10, **NO), GIVEN], Standing()),
    "a no that has not begun": ([GIVEN, later(GIVEN, 10, **NO)], Standing(Why.OUTWEIGHED, ("c_1",))),
    "without capacity": ([replace(GIVEN, capacity=Capacity.LACKING)], Standing(Why.LACKING_CAPACITY)),
    "another purpose's no": ([GIVEN, later(GIVEN, purpose="debt", **NO)], Standing()),
    "another recipient's no": ([GIVEN, later(GIVEN, recipients=frozenset({"aire"}), **NO)], Standing()),
    "another field's no": ([GIVEN, later(GIVEN, fields=frozenset({"born"}), **NO)], Standing()),
    "a no to everybody": ([GIVEN, later(GIVEN, recipients=frozenset(), **NO)], Standing(Why.OUTWEIGHED, ("c_1",))),
    "a no": ([replace(GIVEN, state=ConsentState.WITHDRAWN), later(GIVEN, -1)], Standing()),
    "a no before a yes": ([replace(GIVEN, state=ConsentState.REFUSED), later(GIVEN)], Standing(Why.OUTWEIGHED, ("c_1",))),
    "a parent's no beside one's own yes": (
        [replace(PARENT, state=ConsentState.REFUSED), later(GIVEN, -4)],
        Standing(Why.OUTWEIGHED, ("c_1",)),
    ),
}


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_first_answer_stands(case: str) -> None:
    records, stands = CASES[case]
    first, *others = numbered(*records)

    assert standing(first, [first, *others], FIELD, SCOPE) == stands


def made_up() -> Iterator[list[ConsentRecord]]:
    chance = random.Random(11)
    for _ in range(3_000):
        yield numbered(
            *(
                later(
                    chance.choice([GIVEN, PARENT, replace(PARENT, authority="B. Bell")]),
                    chance.randrange(4),
                    state=chance.choice([ConsentState.GIVEN, ConsentState.REFUSED, ConsentState.WITHDRAWN]),
                    kind=chance.choice(list(ConsentKind)),
                    capacity=chance.choice(list(Capacity)),
                    until=chance.choice([None, NOW, NOW + timedelta(days=1)]),
                    fields=chance.choice([frozenset(), frozenset({"grant"})]),
                )
                for _ in range(chance.randrange(1, 5))
            )
        )


def test_a_yes_counts_exactly_where_decisions_go_by_it_and_else_there_is_a_why() -> None:
    seen: set[Why | None] = set()
    for records in made_up():
        answers = covering(records, FIELD, SCOPE)
        for one in records:
            stands = standing(one, records, FIELD, SCOPE)
            yes = deciding(answers, one.kind, NOW)
            seen.add(stands.why_not)
            assert is_no(one) or stands.counts is (one in yes)
            assert not (is_no(one) and stands.counts and yes), "a no counts where nothing is released"
            assert bool(stands.outweighed_by) is (stands.why_not is Why.OUTWEIGHED), (one, records)
            assert one.consent_id not in stands.outweighed_by
    assert seen == {None, Why.ENDED, Why.LACKING_CAPACITY, Why.OUTWEIGHED}
