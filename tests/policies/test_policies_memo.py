"""What makes two decisions one? All members of the circumstances, or what stands for them in the memo's key."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import timedelta

import policies_building as build
import policies_texts as texts
import pytest

from policies.deciding import decide as deciding
from policies.deciding.compile import Compiled, compile_rules
from policies.deciding.decide import decide
from schemas.request import Circumstances
from schemas.terms import AssuranceLevel

MEMBERS = sorted(one.name for one in fields(Circumstances))
HARBOUR = texts.compiled("northmoor-harbour-tenancies").rules
STANDING = deciding.NOT_AS_IT_IS


def assured() -> Compiled:
    """Return an agreement that asks its recipients for an assurance, with nothing decided yet."""
    level = frozenset({AssuranceLevel.ISO_27001})
    return compile_rules(replace(HARBOUR, agreement=replace(HARBOUR.agreement, assurance=level)))


@pytest.mark.parametrize("member", sorted(set(MEMBERS) - STANDING))
def test_what_circumstances_gain_is_in_the_key(member: str) -> None:
    c = build.circumstances(assured())

    other = replace(c, **{member: object()})

    assert deciding.AS_IT_IS(other) != deciding.AS_IT_IS(c)


OTHERWISE = {
    "at": lambda compiled: compiled.edges[-1] + timedelta(seconds=1),
    "assurances": lambda _: frozenset(),
    "consents": lambda compiled: {next(iter(compiled.rules.dataset.people)): (build.consent(compiled),)},
    "restrictions": lambda compiled: {next(iter(compiled.rules.dataset.people)): (build.restriction(compiled),)},
}


def test_each_member_that_something_stands_for_has_its_case() -> None:
    assert OTHERWISE.keys() == STANDING
    assert set(MEMBERS) > STANDING


@pytest.mark.parametrize("member", OTHERWISE.keys())
def test_what_stands_for_a_member_parts_decisions(member: str) -> None:
    compiled = assured()
    c = build.circumstances(compiled)
    decide(compiled, c)

    decide(compiled, replace(c, **{member: OTHERWISE[member](compiled)}))

    assert len(compiled.memo) == 2
