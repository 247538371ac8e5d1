"""Can an agreement be read aloud by somebody who does not program?"""

from __future__ import annotations

from dataclasses import replace

import policies_texts as texts
import pytest

from policies.telling.explain import explain_agreement
from policies.telling.wording import duration_text, form_text, listed
from schemas.agreement import Atom, RecordTerm
from schemas.forms import CHAINS, FieldType
from schemas.terms import Relationship


def said(name: str) -> str:
    return explain_agreement(texts.composed(texts.agreements()[name]))


def test_everything_that_binds_is_said():
    """Who, what, in which form, when, under which law; limits, term, retention, onward; variations, caps, guardrails."""
    text = said("northmoor-harbour-tenancies")

    for part in (
        "northmoor lets harbour-housing (housing association), as an independent controller, see data",
        "Its term is 1 April 2026 to 31 March 2027, both days included. It is to be reviewed by 1 October 2026.",
        "1. Full name (full_name), in full; under the law main.",
        "4. Arrears (arrears), as a band, only if the person's consent to it is live; under the law main.",
        "6. Postcode (postcode), in full, only if the caseworker declares an emergency; under the law emergency.",
        "Everything else is withheld.",
        "main: the controller relies on public task (power localism-act-2011-s1); the recipient relies on legitimate",
        "At most 60 requests a minute, 500 people a day, 5 times a day about the same person and 200 people",
        "It may be kept for 6 years from case closed,",
        "and is then deleted, and the recipient confirms it.",
        "It may not be passed on.",
        "Date of birth (date_of_birth) may go up to the year and month only, above the common core's the year only",
        "until the end of 31 December 2026. Reason: Matching twins in one household.",
        "cap protected-addresses; counts unless it is known to be otherwise that protected_address is yes",
        "A full postcode and a full date of birth never leave together.",
        "for charity)",
    ):
        assert part in text


@pytest.mark.parametrize("name", sorted(texts.agreements()))
def test_every_line_is_said(name):
    """One sentence a line, numbered as the log numbers them, ending with the digests that stamp it."""
    agreement = texts.agreements()[name]
    text = said(name)

    for number, line in enumerate(agreement.releases, start=1):
        (sentence,) = [one for one in text.split("Everything else")[0].splitlines() if one.startswith(f"  {number}. ")]
        assert all(f"({path})" in sentence for path in line.fields)
    assert text.endswith("\n")
    assert f"Text {agreement.digest}" in text


def test_who_and_whose_and_despite_what_are_said():
    assert "Carer's name (carer_name), of the person called carer, in full" in said("northmoor-calder-discharge")
    assert "to a discharge nurse only" in said("northmoor-calder-discharge")
    assert "It survives a restriction for legal claim." in said("northmoor-calder-discharge")
    assert "Offence (offence), in full, to police only" in said("northmoor-aire-safeguarding")
    assert "only if the record says that Risk level is red" in said("northmoor-calder-discharge")
    assert "the recipient acts on contract" in said("northmoor-hope-befriending")
    assert "or welfare-reform-act-2012-s131" in said("northmoor-hope-befriending")


def test_a_marker_that_must_be_false_is_said_with_no():
    rules = texts.composed(texts.agreements()["northmoor-harbour-tenancies"])
    first, *others = rules.agreement.releases
    line = replace(first, when=(RecordTerm("deceased", False), Atom.ADULT))
    agreement = replace(rules.agreement, releases=(line, *others))

    text = explain_agreement(replace(rules, agreement=agreement, caps=(), guardrails=()))

    assert "only if the record says that Has died is no and the person is known to be an adult" in text
    assert "What can never happen" not in text


@pytest.mark.parametrize("relationship", list(Relationship))
def test_the_relationship_is_said(relationship):
    rules = texts.composed(texts.agreements()["northmoor-harbour-tenancies"])
    agreement = replace(rules.agreement, relationship=relationship)

    assert relationship.value.replace("_", " ") in explain_agreement(replace(rules, agreement=agreement))


def test_every_form_has_words():
    fields = texts.datasets()[("care-records", 1)].fields.values()
    by_type = {field.type: field for field in fields}
    assert set(by_type) == set(FieldType)

    said_of = [form_text(by_type[kind], form) for kind, chain in CHAINS.items() for form in ("withheld", *chain)]

    assert all(said_of)
    assert form_text(by_type[FieldType.AGE], "over_16") == "only whether over 16 (yes, no, or no answer)"
    assert form_text(by_type[FieldType.BOOLEAN], "full") == "yes or no"


@pytest.mark.parametrize(
    ("duration", "words"),
    [
        ("P6Y", "6 years"),
        ("P1Y6M", "1 year and 6 months"),
        ("P2W", "2 weeks"),
        ("P1DT12H30M", "1 day, 12 hours and 30 minutes"),
        ("PT1M", "1 minute"),
    ],
)
def test_a_duration_is_said_in_words(duration, words):
    assert duration_text(duration) == words


def test_a_list_ends_with_its_last_word():
    assert listed(["a"]) == "a"
    assert listed(["a", "b", "c"], "or") == "a, b or c"
