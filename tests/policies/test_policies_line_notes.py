"""Does each line say what an objection, a restriction and an opt-out would do to it, and whose consent it asks for?"""

from __future__ import annotations

from dataclasses import replace

import pytest
from policies_publishing import publish, put

from policies.telling.line_notes import line_notes

ALL = "an objection, a restriction, an opt-out or the national data opt-out"
BUT_THE_NATIONAL = "held back by an objection, a restriction or an opt-out, not by the national data opt-out"
FULL_NAME = "  - {fields: [full_name], as: full}"
ARREARS = "  - {fields: [arrears], as: band, when: [consent]}"

# the line as it stands -> what is written in its place, and what is told of it
NOTES = {
    "under public task": (FULL_NAME, FULL_NAME, f"full_name: held back by {ALL}"),
    "exempt": (
        FULL_NAME,
        "  - {fields: [full_name], as: full, exempt: 'Schedule 2, paragraph 2'}",
        "full_name: held back by a restriction, an opt-out or the national data opt-out, not by an objection",
    ),
    "despite a restriction": (
        FULL_NAME,
        "  - {fields: [full_name], as: full, despite: legal_claim}",
        "full_name: held back by an objection, an opt-out or the national data opt-out, not by a restriction",
    ),
    "of an emergency": (
        "  - {fields: [postcode], as: full, when: [emergency], under: emergency}",
        "  - {fields: [postcode], as: full, when: [emergency], under: emergency}",
        f"postcode: not held back by {ALL}",
    ),
    "of an emergency that heeds an objection": (
        "when: [emergency], under: emergency}",
        "when: [emergency], under: emergency, heeds: [opt_out]}",
        "postcode: held back by an opt-out or the national data opt-out, not by an objection or a restriction",
    ),
    "that waits for consent": (
        ARREARS,
        ARREARS,
        f"arrears: {BUT_THE_NATIONAL}; asks the consent of the person asked about",
    ),
    "that waits for everybody's": (
        "releases:\n",
        "consent_of: all\nreleases:\n",
        f"arrears: {BUT_THE_NATIONAL}; asks the consent of everybody whom the field belongs to",
    ),
    "that waits for one person's": (
        ARREARS,
        "  - {fields: [arrears], as: band, when: [consent], of: joint}",
        f"arrears: {BUT_THE_NATIONAL}; asks the consent of joint",
    ),
}


@pytest.mark.parametrize("what", NOTES)
def test_a_line_says_what_peoples_words_do_to_it(what: str) -> None:
    old, new, told = NOTES[what]
    rules = publish(agreement=put(old, new))

    notes = list(line_notes(rules))

    assert told in [note for _, note in notes]
    assert [place for place, _ in notes] == [line.line for line in rules.agreement.releases]


def test_a_line_that_can_release_nothing_any_more_says_nothing() -> None:
    """Of a text that was published before: its dataset has lost the field since."""
    rules = publish()
    first = replace(rules.agreement.releases[0], fields=("nickname",))
    changed = replace(rules, agreement=replace(rules.agreement, releases=(first, *rules.agreement.releases[1:])))

    assert [place for place, _ in line_notes(changed)] == [line.line for line in rules.agreement.releases[1:]]
