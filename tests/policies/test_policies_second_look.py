"""What may be published and is more often a slip than meant gets a warning, each with its line."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date
from pathlib import Path

import policies_texts as texts
import pytest

from policies.checking.may_publish import warnings
from policies.reading.parse import parse_agreement
from schemas.powers import POWERS
from schemas.terms import Despite

ROOT = Path(__file__).parents[2]
NAME = "northmoor-harbour-tenancies"
TEXT = texts.agreements()[NAME].text

# what -> (the piece, what stands in its place, what is warned of; None: nothing)
LOOKS = {
    "a retention over 25 years": ("for: P6Y", "for: P40Y", "kept for 40 years, longer than 25 years"),
    "a retention over 25 years in months": ("for: P6Y", "for: P301M", "longer than 25 years"),
    "a retention of 25 years": ("for: P6Y", "for: P25Y", None),
    "a term over 3 years": ("ends_on: 2027-03-31, review", "ends_on: 2029-04-01, review", "longer than 3 years"),
    "a term of 3 years": ("ends_on: 2027-03-31, review", "ends_on: 2029-03-31, review", None),
    "a review after the end": ("review_on: 2026-10-01", "review_on: 2027-04-01", "the review is after the end"),
    "a review on the last day": ("review_on: 2026-10-01", "review_on: 2027-03-31", None),
    "a power that nobody knows": ("localism-act-2011-s1", "localism-act-2011-s100", "no register knows the power"),
    "no caseworker": ("requires: [caseworker, case_reference]", "requires: [case_reference]", "which caseworker asks"),
    "despite on every ground": (
        "{fields: [full_name], as: full}",
        f"{{fields: [full_name], as: full, despite: [{', '.join(Despite)}]}}",
        "survives a restriction on every ground",
    ),
    "despite on one ground": (
        "{fields: [full_name], as: full}", "{fields: [full_name], as: full, despite: legal_claim}", None
    ),
}  # fmt: skip


def warned(text: str, mapped: frozenset[str] | None = None) -> list[tuple[int, str]]:
    agreement = parse_agreement(text)
    rules = texts.composed(agreement)
    return [(one.line, one.message) for one in warnings(rules, mapped=mapped)]


@pytest.mark.parametrize("what", sorted(LOOKS))
def test_a_figure_that_is_seldom_meant_is_pointed_out(what: str) -> None:
    piece, other, said = LOOKS[what]
    assert piece in TEXT, piece
    usual = {message for _, message in warned(TEXT)}

    more = [(line, message) for line, message in warned(TEXT.replace(piece, other)) if message not in usual]

    if said is None:
        assert more == []
        return
    ((line, message),) = more
    assert said in message
    assert line == TEXT[: TEXT.index(piece)].count("\n") + 1


def test_despite_on_every_line_is_pointed_out() -> None:
    text = re.sub(r"(  - \{fields: [^}]*)\}", r"\1, despite: legal_claim}", TEXT)

    assert any("every line survives a restriction" in message for _, message in warned(text))


def test_a_field_that_the_mapping_lacks_is_pointed_out_on_its_line() -> None:
    dataset = texts.composed(texts.agreements()[NAME]).dataset
    mapped = frozenset(dataset.fields) - {"full_name"}

    found = [(line, message) for line, message in warned(TEXT, mapped) if "does not give" in message]

    assert found == [(TEXT[: TEXT.index("{fields: [full_name]")].count("\n") + 1, found[0][1])]
    assert "full_name" in found[0][1]
    assert not [message for _, message in warned(TEXT, frozenset(dataset.fields)) if "does not give" in message]


def test_warnings_keep_nothing_from_publication() -> None:
    text = TEXT.replace("for: P6Y", "for: P40Y")

    assert texts.composed(parse_agreement(text)).agreement.retain.duration == "P40Y"


def test_every_power_of_the_shipped_texts_and_pages_is_known_by_name() -> None:
    pages = [
        *ROOT.glob("schemas/catalogue/*.yaml"),
        *ROOT.glob("policies/core/*.yaml"),
        *ROOT.glob("gateway/demo/texts/*.yaml"),
    ]
    pages += [*ROOT.glob("docs/*.md"), *ROOT.glob("examples/**/*.yaml")]
    named = {
        one
        for page in pages
        for found in re.findall(
            r"\b(?:power|collected_under): *([a-z][a-z0-9-]+)|powers: \[([^\]]*)\]", page.read_text("utf-8")
        )
        for one in re.findall(r"[a-z][a-z0-9-]+", " ".join(found))
    }

    assert len(named) > 8
    assert sorted(named - POWERS.keys()) == []


def test_a_powers_id_is_its_statutes_name() -> None:
    """So that a slip in either is seen: the id can be read off the title."""
    for power, title in POWERS.items():
        statute, _, section = title.partition(", section ")
        made = "-".join(statute.lower().split())
        assert power == (f"{made}-s{section.lower()}" if section else made)


def test_three_years_from_a_leap_day_end_on_the_first_of_march() -> None:
    """A term that begins on the 29th of February, and there is none three years on."""
    rules = texts.composed(parse_agreement(TEXT))

    def told(last: date) -> list[str]:
        agreement = replace(rules.agreement, starts_on=date(2028, 2, 29), ends_on=last)
        return [
            one.message for one in warnings(replace(rules, agreement=agreement)) if "longer than 3 years" in one.message
        ]

    assert told(date(2031, 2, 28)) == []
    assert len(told(date(2031, 3, 1))) == 1
