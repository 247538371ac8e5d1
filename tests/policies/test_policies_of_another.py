"""Does anything in an answer tell that it is another's word that holds a field back?"""

from __future__ import annotations

from dataclasses import replace

import policies_building as build
import policies_random as some
from hypothesis import given, settings
from hypothesis import strategies as st
from policies_publishing import AGREEMENT, publish, put

from policies.deciding.compile import compile_rules
from policies.deciding.decide import decide
from schemas.decision import Decision, Release
from schemas.reasons import Reason
from schemas.semantics import Semantics
from schemas.terms import Action

SEEDS = st.integers(0, 2**64 - 1)
SECOND = """  - id: second
    discloser: {basis: legal_obligation, power: localism-act-2011-s1}
    recipient: {basis: legitimate_interests, assessment: LIA-2026-03}
    compatible: {how: assessed, ref: CA-2026-07}
  - id: emergency
"""
TWO_LAWS = put("  - id: emergency\n", SECOND, AGREEMENT)
OF_ALL = put(
    "requires:", "consent_of: all\nrequires:", put("full_name], as: full", "full_name], as: full, under: second", TWO_LAWS)
)


def leaving(decision: Decision) -> dict[str, tuple[str, str]]:
    options = {path: one.options[0] for path, one in decision.fields.items() if isinstance(one, Release)}
    return {path: (one.form, one.lawful) for path, one in options.items()}


@settings(deadline=None, max_examples=400, derandomize=True)
@given(SEEDS)
def test_of_another_s_word_no_reason_law_or_number_tells(seed):
    """Of a record that holds nothing, the answer is the same with and without it; but where less precise forms leave."""
    r = some.world(seed)
    rules = replace(some.rule_set(r), semantics=Semantics())
    c = replace(some.circumstances(r), action=r.choice([Action.READ, Action.VERIFY]))
    c = replace(c, token_actions=frozenset(Action), subject=r.choice(some.PEOPLE), people=frozenset(some.PEOPLE))
    other = next(one for one in some.PEOPLE if one != c.subject)
    said = replace(c, restrictions={**c.restrictions, other: (*c.restrictions.get(other, ()), some.restriction(r))})
    compiled = compile_rules(rules)

    without, held = decide(compiled, c), decide(compiled, said)

    assert held.permits == without.permits
    assert held.fields.keys() == without.fields.keys()
    assert held.carriers == without.carriers
    for path, one in held.fields.items():
        before = without.fields[path]
        if not isinstance(one, Release):
            assert one.reason is (Reason.NOT_AVAILABLE if isinstance(before, Release) else before.reason), path
    kept = leaving(held)
    if kept == {path: one for path, one in leaving(without).items() if path in kept}:
        assert held.lawful == without.lawful


def test_the_law_that_is_told_is_as_if_the_other_had_said_yes():
    compiled = compile_rules(publish(agreement=OF_ALL))
    yes = build.consent(compiled)
    held = build.record(compiled.rules.dataset, {"full_name": "Grace Okafor", "arrears": None, "deceased": False})

    def told(asked: tuple[str, ...], **consents: tuple[object, ...]):
        c = build.circumstances(compiled, asked=asked, consents=consents)
        decision, shaped = build.answer(compiled, c, held)
        return decision.lawful, decision.permits, shaped.fields, shaped.withheld

    for asked in (("arrears", "full_name"), ("arrears",)):
        assert told(asked, liable=(yes,)) == told(asked, liable=(yes,), joint=(yes,))


def test_a_missing_yes_of_both_is_told_as_the_missing_yes_of_the_one_who_was_asked_about():
    compiled = compile_rules(publish(agreement=OF_ALL))

    decision = decide(compiled, build.circumstances(compiled, asked=("arrears",)))

    assert decision.fields["arrears"].reason is Reason.CONSENT_NEEDED
