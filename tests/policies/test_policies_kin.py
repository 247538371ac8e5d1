"""Does a rule, or a word, on one age hold for its birth date, and for every other age of that date?"""

from __future__ import annotations

from dataclasses import replace

import policies_building as build
import pytest
from policies_publishing import AGREEMENT, CORE, DATASET, FIRST, publish, put, refused

from policies.deciding.compile import compile_rules
from policies.reading.parse import parse_dataset
from schemas.reasons import Reason, TrueReason
from schemas.semantics import FIRST as FIRST_SEMANTICS
from schemas.semantics import Semantics

EXACT = "  exact_age: {type: age, label: Exact age, from: date_of_birth, classification: personal, bands: [0, 18]}\n"
TWO_AGES = put("  postcode:", EXACT + "  postcode:", DATASET)
OPEN = CORE.replace("date_of_birth: year", "date_of_birth: full").replace("age: band", "age: years\n  exact_age: years")
OPEN = OPEN[: OPEN.index("  - id: no-reidentification")]
VARIED = put("  - {fields: [date_of_birth], as: month, when: [consent]}\n", "", AGREEMENT)
PLAIN = VARIED[: VARIED.index("variations:")]
TOGETHER = "  - {id: rail, says: Never, never: {together: {age: years, full_name: full}}}\n"
KIN = ["{fields: [date_of_birth], as: full}", "{fields: [exact_age], as: years}"]


def of(line: str) -> str:
    return put(FIRST, f"  - {line}", PLAIN)


@pytest.mark.parametrize("line", KIN)
def test_a_guardrail_on_an_age_keeps_in_whatever_tells_that_age(line):
    rail = "  - {id: rail, says: Never, never: {fields: [age], above: band}}\n"

    assert any(
        "would break the guardrail rail" in one for one in refused(agreement=of(line), core=OPEN + rail, dataset=TWO_AGES)
    )
    assert publish(agreement=of(line), core=OPEN, dataset=TWO_AGES)


@pytest.mark.parametrize("line", KIN)
def test_what_an_age_may_not_leave_beside_its_birth_date_and_other_ages_may_not_either(line):
    found = refused(agreement=of(line), core=OPEN + TOGETHER, dataset=TWO_AGES)

    assert any("would break the guardrail rail" in one for one in found)
    assert publish(agreement=of("{fields: [exact_age], as: band}"), core=OPEN + TOGETHER, dataset=TWO_AGES)


def test_a_cap_on_an_age_lowers_its_other_ages():
    capped = OPEN.replace("guardrails:", "  - {id: cap, says: Bands, at_most: {fields: [age], as: band}}\nguardrails:")
    compiled = compile_rules(publish(agreement=of(KIN[1]), core=capped, dataset=TWO_AGES))

    decision, _ = build.answer(compiled, build.circumstances(compiled), None)

    assert decision.fields["exact_age"].options[0].form == "band"


def test_who_holds_back_one_age_holds_back_the_others():
    compiled = compile_rules(publish(agreement=of(KIN[1]), core=OPEN, dataset=TWO_AGES))
    held = build.restriction(compiled, fields=frozenset({"age"}))
    c = build.circumstances(compiled, restrictions={"liable": (held,)})

    decision, _ = build.answer(compiled, c, None)

    assert decision.fields["exact_age"].reason is Reason.RESTRICTED


def test_a_no_to_one_age_is_one_to_the_others():
    waiting = put("as: years}", "as: years, when: [consent]}", of(KIN[1]))
    dataset = "\n".join(one for one in TWO_AGES.splitlines() if not one.strip().startswith("deceased:"))
    compiled = compile_rules(publish(agreement=waiting, core=OPEN, dataset=dataset))
    yes = build.consent(compiled)
    no = build.consent(compiled, consent_id="c_2", state="refused", fields=frozenset({"age"}), from_at=build.NOW)

    for said, reason in (((yes,), None), ((yes, no), Reason.CONSENT_NEEDED)):
        decision, _ = build.answer(compiled, build.circumstances(compiled, consents={"liable": said}), None)
        assert getattr(decision.fields["exact_age"], "reason", None) is reason


def test_an_older_text_withholds_what_a_guardrail_covers_since_and_trips_no_net():
    """Nobody proved it against that: it is no bug, and nothing alarms."""
    published = publish(agreement=of(KIN[0]), core=OPEN, dataset=TWO_AGES)
    rails = publish(agreement=PLAIN, core=OPEN + TOGETHER, dataset=TWO_AGES).guardrails
    record = build.record(parse_dataset(TWO_AGES), {"date_of_birth": "1985-02-14", "full_name": "Grace Okafor"})

    def shaped_under(semantics: Semantics):
        compiled = compile_rules(replace(published, guardrails=rails, semantics=semantics))
        return build.answer(compiled, build.circumstances(compiled, asked=("date_of_birth", "full_name")), record)[1]

    before = shaped_under(Semantics(FIRST_SEMANTICS, FIRST_SEMANTICS))
    since = shaped_under(Semantics(published=FIRST_SEMANTICS))
    unproved = shaped_under(Semantics())

    assert set(before.fields) == {"date_of_birth", "full_name"}
    assert (dict(since.fields), since.tripped) == ({}, ())
    assert set(since.true_reasons.values()) == {TrueReason.RECORD_CAP}
    assert unproved.tripped == ("rail",)
