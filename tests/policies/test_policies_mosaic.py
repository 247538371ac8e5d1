"""Could two agreements give one recipient in two calls what may not leave together? That is a warning."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from policies_publishing import AGREEMENT, CORE, LINE, publish, put

from policies.checking.mosaic import mosaic_flaws
from schemas.agreement import RuleSet

ARREARS = "  - {fields: [arrears], as: band, when: [consent]}"
RAIL = "never: {together: {postcode: full, date_of_birth: full}}"
GUARDED = put(RAIL, "never: {together: {full_name: full, arrears: band}}", CORE)
FOR_CHARITIES = put("arrears: band}}", "arrears: band}, recipient_kinds: [charity]}", GUARDED)
BORN_IN_A_MONTH = put(RAIL, "never: {together: {full_name: full, date_of_birth: month}}", CORE)


def without(*lines: str, text: str = AGREEMENT) -> str:
    for line in lines:
        text = put(line + "\n", "", text)
    return text


NAMES, DEBTS, NEITHER = without(ARREARS), without(LINE), without(LINE, ARREARS)
FOR_HOPE = put("as: band, when: [consent]}", "as: band, when: [consent], to: [hope]}", DEBTS)
BORN = without("  - {fields: [date_of_birth], as: month, when: [consent]}")


def ours(text: str = NAMES, core: str = GUARDED) -> RuleSet:
    return publish(agreement=text, core=core)


def theirs(text: str = DEBTS, core: str = GUARDED, *, to: str = "harbour-housing") -> RuleSet:
    text = put("agreement: northmoor-harbour-tenancies", "agreement: northmoor-other", text)
    return publish(agreement=put("recipients: [harbour-housing]", f"recipients: [{to}]", text), core=core)


def renamed(rules: RuleSet) -> RuleSet:
    """A guardrail of the council's over a field that this dataset does not have."""
    rails = tuple(
        replace(one, together={"full_name": "full", "nickname": "full"} if one.together else {}) for one in rules.guardrails
    )
    return replace(rules, guardrails=rails)


def test_halves_that_two_agreements_give_one_recipient_are_told_with_both_lines() -> None:
    rules, other = ours(), theirs()

    (flaw,) = mosaic_flaws(rules, [other])

    line = other.agreement.releases[2].line
    assert flaw.way == ("releases", 0)
    assert f"full_name here, and arrears by northmoor-other@4, line {line}, reach harbour-housing" in flaw.message
    assert "in two calls" in flaw.message
    assert list(mosaic_flaws(other, [rules])) != []


def test_a_variation_counts_for_what_it_lifts() -> None:
    """The ceiling for a birth date is the year; an approved variation gives the month."""
    (flaw,) = mosaic_flaws(ours(BORN, BORN_IN_A_MONTH), [theirs(DEBTS, BORN_IN_A_MONTH)])

    assert "date_of_birth by northmoor-other@4" in flaw.message


# what -> (ours, theirs)
HARMLESS: dict[str, tuple[Callable[[], RuleSet], Callable[[], RuleSet]]] = {
    "both give the same half": (ours, lambda: theirs(NAMES)),
    "the other gives neither": (ours, lambda: theirs(NEITHER)),
    "the other alone gives both": (lambda: ours(NEITHER), lambda: theirs(AGREEMENT, CORE)),
    "they reach two recipients": (ours, lambda: theirs(to="hope")),
    "the other's line is for another recipient": (
        ours,
        lambda: theirs(FOR_HOPE, to="harbour-housing, hope"),
    ),
    "the guardrail is for another kind": (lambda: ours(core=FOR_CHARITIES), lambda: theirs(core=FOR_CHARITIES)),
    "its field is in no record of ours": (lambda: renamed(ours()), theirs),
    "the other's dataset lacks the field": (ours, lambda: lacking(theirs(), "arrears")),
}  # fmt: skip


def lacking(rules: RuleSet, path: str) -> RuleSet:
    fields = {name: one for name, one in rules.dataset.fields.items() if name != path}
    return replace(rules, dataset=replace(rules.dataset, fields=fields))


@pytest.mark.parametrize("what", HARMLESS)
def test_what_completes_nothing_is_not_told(what: str) -> None:
    rules, other = (make() for make in HARMLESS[what])

    assert list(mosaic_flaws(rules, [other])) == []


def test_without_another_agreement_there_is_nothing_to_tell() -> None:
    assert list(mosaic_flaws(ours(), [])) == []
