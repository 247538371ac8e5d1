"""Is every text read, or refused at the place where it is wrong?"""

from __future__ import annotations

import re
from pathlib import Path

import policies_texts as texts
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policies.reading import yaml_text
from policies.reading.findings import TextError, did_you_mean
from policies.reading.parse import parse_agreement, parse_core, parse_dataset

AGREEMENT = (texts.FIXTURES / "agreement.yaml").read_text()
CORE = (texts.FIXTURES / "core.yaml").read_text()
DATASET = (texts.FIXTURES / "dataset.yaml").read_text()
DESIGN = Path(__file__).parents[2].parent / "shared" / "design" / "policies.md"
# The fixtures themselves are read in any case.
needs_design = pytest.mark.skipif(not DESIGN.exists(), reason="the design page, no part of the repository, is not there")


def finding(parse, text: str):
    with pytest.raises(TextError) as caught:
        parse(text)
    assert caught.value.findings
    return caught.value.findings[0]


@needs_design
def test_the_fixtures_are_the_designs_own_blocks():
    """Every YAML block of the page is a fixture, and the rule set tests publish them."""
    blocks = re.findall(r"^```yaml\n(.*?)^```", DESIGN.read_text(), re.MULTILINE | re.DOTALL)

    assert blocks == [DATASET, CORE, AGREEMENT]


def test_the_fixtures_read():
    assert parse_agreement(AGREEMENT).text == AGREEMENT
    assert parse_core(CORE).text == CORE
    assert parse_dataset(DATASET).text == DATASET


BOMB = "a: &a [x, x]\n" + "\n".join(f"{n}: &{n} [*{p}, *{p}]" for p, n in zip("abcdefgh", "bcdefghi", strict=True))

# what -> (text, line, column, what is said)
NOT_YAML = {
    "empty": ("", 1, 1, "does not consist of members"),
    "a comment alone": ("# nothing\n", 1, 1, "does not consist of members"),
    "a list": ("- a\n", 1, 1, "does not consist of members"),
    "a word": ("\nword\n", 2, 1, "does not consist of members"),
    "a bomb of anchors": (BOMB, 1, 4, "can't begin with & or *"),
    "an alias": ("a: *b\n", 1, 4, "can't begin with & or *"),
    "a merge": ("a:\n  <<: {b: c}\n", 2, 3, "can't be called <<"),
    "a tag": ("a: !!python/object:os.system x\n", 1, 4, "can't begin with !"),
    "a member twice": ("a: b\nc: d\na: e\n", 3, 1, "a stands here twice"),
    "a tab as indent": ("a:\n\tb: c\n", 2, 1, "a tab stands here: indent by blanks"),
    "an open quote": ('a: "b\n', 1, 4, "opens here and is never closed"),
    "a second document": ("a: b\n---\nc: d\n", 2, 1, "a second text begins here"),
    "a mapping as name": ("? {a: b}\n: c\n", 1, 3, "a name must be one word"),
    "a right-to-left override": ("a: b\nc: \u202edb\n", 2, 4, "the hidden character U+202E"),
    "a zero-width space": ("a\u200b: b\n", 1, 2, "the hidden character U+200B"),
    "a null": ("a: \0\n", 1, 4, "the hidden character U+0000"),
    "half a pair": ("a: \ud800\n", 1, 1, "half a character pair"),
    "too deep": ("a: " + "[" * 13 + "]" * 13, 1, 15, "nested deeper than 12"),
    "far too deep": ("a: " + "[" * 5000, 1, 15, "nested deeper than 12"),
    "too many values": ("a: [" + "x, " * 20_001 + "]", 1, 59_996, "more than 20000 values"),
    "an escape that is none": ('a: "\\xZZ"\n', 1, 7, "a backslash in double quotes"),
    "an escape beyond Unicode": ('a: "\\UFFFFFFFF"\n', 1, 1, "can't be read"),
    "a directive of another YAML": ("%YAML 9.9\n---\na: b\n", 1, 1, "can't begin with %"),
    "too large": ("a: " + "x" * 262_144, 1, 1, "262147 bytes, more than 262144"),
}


@pytest.mark.parametrize("what", sorted(NOT_YAML))
def test_what_could_hurt_is_refused(what):
    """By any reader, at its place, before anything in it is believed."""
    text, line, column, said = NOT_YAML[what]

    for parse in (parse_agreement, parse_core, parse_dataset):
        found = finding(parse, text)
        assert (found.line, found.column) == (line, column)
        assert said in found.message
        assert found.remedy


@settings(deadline=None, derandomize=True, max_examples=300)
@given(st.text(alphabet=st.sampled_from(list("ab:-?[]{},&*!|>%@`'\"#\\ \n\tU0xé~<")), max_size=40))
def test_any_text_is_read_or_refused(text):
    """Nothing that anybody writes makes another exception than TextError."""
    try:
        members = yaml_text.read_document(text).members
    except TextError as error:
        assert error.findings  # noqa: PT017 -- either outcome keeps the promise
        return
    assert isinstance(members, dict)


def test_a_text_as_large_as_may_be_is_read():
    assert yaml_text.read_document("a: " + "x" * (yaml_text.LARGEST - 3)).members


def test_yaml_1_1_has_no_teeth():
    """`no` is a word, `08` and `1:30` are texts: nothing is a number or a truth until a reader asks."""
    members = yaml_text.read_document("a: no\nb: 08\nc: 1:30\nd: 2026-01-01\ne: ~\n").members

    assert [node.text for _, node in members.values()] == ["no", "08", "1:30", "2026-01-01", "~"]


def test_invalid_utf_8_never_becomes_a_text():
    """A file is decoded strictly before it gets here; what slipped through as half a pair is refused."""
    with pytest.raises(UnicodeDecodeError):
        b"agreement: \xff".decode()
    assert "UTF-8" in finding(parse_agreement, b"agreement: \xff".decode(errors="surrogateescape")).remedy


# what -> (old, new, the word that the finding stands at, what is said)
AGREEMENTS = {
    "an unknown member": ("purpose: ten", "purpos: ten", "purpos:", "Did you mean purpose?"),
    "a missing member": ("onward: {may: none}\n", "", "agreement:", "the agreement lacks onward"),
    "a version of nought": ("version: 4", "version: 0", "0\nfollows", "not a whole number"),
    "a version with a point": ("version: 4", "version: 4.0", "4.0", "not a whole number"),
    "an id with a capital": ("agreement: n", "agreement: N", "Northmoor", "is not an id"),
    "an unpinned core": ("sustainment@3", "sustainment", "tenancy-sustainment]", "names no version"),
    "an unknown relationship": ("independent_controller ", "controller ", "controller  ", "unknown word"),
    "a list where a word belongs": ("purpose: tenancy-sustainment", "purpose: [a]", "[a]", "one value belongs here"),
    "a word where a list belongs": ("[harbour-housing]", "harbour-housing", "harbour-housing\nrel", "a list belongs here"),
    "an empty list": ("[harbour-housing]", "[]", "[]", "the list is empty"),
    "an empty value": ("purpose: tenancy-sustainment", "purpose: ", "", "empty"),
    "null": ("purpose: tenancy-sustainment", "purpose: null", "null", "empty"),
    "a day that is none": ("2026-04-01", "2026-02-30", "2026-02-30", "is not a date"),
    "a day in another order": ("2026-04-01", "01/04/2026", "01/04/2026", "Write 2026-04-01."),
    "a day without hyphens": ("2026-04-01", "20260401", "20260401", "Write it as 2026-04-01."),
    "a day of long ago": ("2026-04-01", "1026-04-01", "1026-04-01", "Check the year."),
    "a term that ends before it starts": (
        "ends_on: 2027-03-31,",
        "ends_on: 2026-03-31,",
        "ends_on: 2026-03",
        "ends before",
    ),
    "a duration in words": ("for: P6Y", "for: six years", "six years", "is not a duration"),
    "yes for true": ("attest: true", "attest: yes", "yes}", "neither true nor false"),
    "an unknown condition": ("when: [emergency]", "when: [emergancy]", "emergancy", "Did you mean emergency?"),
    "no condition": ("when: [emergency]", "when: []", "[], under", "the list is empty"),
    "a condition twice": ("when: [emergency]", "when: [emergency, emergency]", "emergency], under", "stands here twice"),
    "a condition of another sort": ("when: [emergency]", "when: [{fact: x}]", "{fact", "lacks record"),
    "a field twice": ("fields: [age]", "fields: [age, age]", "age], as", "age stands here twice"),
    "a field three deep": ("fields: [age]", "fields: [a.b.c]", "a.b.c", "is not a field's name"),
    "a recipient that is no name": (
        "fields: [age], as: band",
        "fields: [age], as: band, to: [A B]",
        "A B",
        "neither a recipient",
    ),
    "an unknown despite": ("fields: [age], as: band", "fields: [age], as: band, despite: claim", "claim", "unknown word"),
    "releases that are no list": ("requires:", "x:", "x:", "no member x"),
    "two laws of one name": ("id: emergency", "id: main", "- id: main\n    discloser: {basis: public", "called main"),
    "compatible without a reference": (", ref: CA-2026-07", "", "how: assessed", "needs its reference"),
    "a limit of nought": ("per_minute: 60", "per_minute: 0", "0, subjects", "not a whole number"),
    "a contact that is a list": ('urgent: "+44 113 496 0000"', "urgent: [x]", "[x]", "one value belongs here"),
    "a reason of two thousand words": ("Keep tenancies", "x" * 2001, "x" * 2001, "Say it shorter."),
    "more recipients than anyone has": (
        "[harbour-housing]",
        f"[{', '.join(f'r{n}' for n in range(2001))}]",
        "[r0",
        "more than 2000",
    ),
    "an aim that is missing": ("aim: Keep tenancies that arrears put at risk, ", "", "{benefit", "why lacks aim"),
}


@pytest.mark.parametrize("what", sorted(AGREEMENTS))
def test_a_mistake_in_an_agreement_is_found_at_its_place(what):
    old, new, word, said = AGREEMENTS[what]
    assert old in AGREEMENT
    text = AGREEMENT.replace(old, new, 1)

    with pytest.raises(TextError) as caught:
        parse_agreement(text)

    found = [one for one in caught.value.findings if said in str(one)]
    assert found
    if word:
        at = text.index(word)
        place = (text.count("\n", 0, at) + 1, at - text.rfind("\n", 0, at))
        assert (found[0].line, found[0].column) == place


@pytest.mark.parametrize("lines", ["releases: []", "releases: none", "releases: {}"])
def test_releases_are_a_list_of_lines(lines):
    text = AGREEMENT[: AGREEMENT.index("releases:")] + lines + "\n" + AGREEMENT[AGREEMENT.index("requires:") :]

    assert "must be a list of lines" in finding(parse_agreement, text).message


CORES = {
    "a core that says nothing": ("", "core: a\nversion: 1\n", "says nothing"),
    "council rules with a ceiling": ("", "council: a\nceiling: {b: full}\n", "council rules set no ceiling"),
    "two caps of one name": ("", "core: a\nversion: 1\ncaps: [X, X]\n", "two caps are called a"),
    "two guardrails of one name": ("", "core: a\nversion: 1\nguardrails: [Y, Y]\n", "two guardrails are called a"),
    "a cap on nothing": ("{fields: [b], as: full}", "{as: full}", "names no fields"),
    "a guardrail on nothing": ("{fields: [b]}", "{above: full}", "names no fields"),
    "together with more": ("{fields: [b]}", "{fields: [b], together: {c: full, d: full}}", "`together` stands alone"),
    "together alone": ("{fields: [b]}", "{together: {c: full}}", "needs two fields"),
    "a cap on what a partner declares": (", at_most", ", when: [risk_high], at_most", "can't rest on risk_high"),
    "a guardrail on consent": ("{fields: [b]}", "{fields: [b], when: [consent]}", "can't rest on consent"),
    "an unknown origin": ("{fields: [b]}", "{origin: dvla}", "unknown word 'dvla'"),
    "a ceiling that is a list": ("", "core: a\nversion: 1\nceiling: [a]\n", "members belong here"),
}
RULES = (
    "core: a\nversion: 1\ncaps: [{id: a, says: a, at_most: {fields: [b], as: full}}]\n"
    "guardrails: [{id: a, says: a, never: {fields: [b]}}]\n"
)


@pytest.mark.parametrize("what", sorted(CORES))
def test_a_mistake_in_a_core_is_found(what):
    old, new, said = CORES[what]
    cap = "{id: a, says: a, at_most: {fields: [b], as: full}}"
    rail = "{id: a, says: a, never: {fields: [b]}}"
    text = RULES.replace(old, new, 1) if old else new.replace("X", cap).replace("Y", rail)

    assert said in finding(parse_core, text).message


def test_the_rules_that_these_mistakes_are_made_in_read():
    core = parse_core(RULES)

    assert (core.id, core.ceiling, len(core.caps), len(core.guardrails)) == ("a", None, 1, 1)


@pytest.mark.parametrize(
    ("word", "known", "remedy"),
    [
        ("surnam", ["surname", "age"], "Did you mean surname?"),
        ("x", ["surname", "age"], "Write one of: age, surname."),
        ("x", [f"long_name_{number:02}" for number in range(30)], "long_name_19, …."),
        ("x", [], "Take it out."),
    ],
)
def test_an_unknown_word_is_answered_with_a_known_one(word, known, remedy):
    assert did_you_mean(word, known).endswith(remedy)
