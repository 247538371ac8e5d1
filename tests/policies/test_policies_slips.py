"""A text that came by way of a word processor: each slip is told at its place, in words for who writes no programs."""

from __future__ import annotations

import re

import pytest
from policies_texts import FIXTURES
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from policies.reading.drafts import NUMBERS, draft_slips
from policies.reading.findings import TextError
from policies.reading.parse import parse_agreement, parse_core, parse_dataset

TEXT = (FIXTURES / "agreement.yaml").read_text(encoding="utf-8")
# Words of the format's own, which say nothing to who answers for an agreement.
JARGON = re.compile(
    r"yaml|token|block|scalar|mapping|sequence|alias|anchor|\btag\b|\bnode\b|document|stream|flow|parser?\b|simple key|"
    r"expected",
    re.IGNORECASE,
)

# what -> (the piece, what stands in its place, what is said, what is to be written)
UNREADABLE = {
    "a tab as indent": ("  - id: emergency", "\t- id: emergency", "a tab stands here: indent by blanks", "Put blanks"),
    "a tab among blanks": ("  - id: emergency", "  \t- id: emergency", "a tab stands here: indent by blanks", "Put blanks"),
    "a tab after a name": ("purpose: tenancy", "purpose:\ttenancy", "a tab stands here: type a blank", "Put a blank"),
    "no blank after a colon": (
        "purpose: tenancy-sustainment", "purpose:tenancy-sustainment", "a blank is missing after `purpose:`",
        "Write `purpose: tenancy-sustainment`.",
    ),
    "no colon": ("purpose: tenancy", "purpose tenancy", "a colon is missing in this line", "Write `name: value`."),
    "a semicolon": ("purpose: tenancy", "purpose; tenancy", "this is a semicolon", "Write `name: value`."),
    "a wide colon": ("purpose: tenancy", "purpose\uff1a tenancy", "a wide one of another script", "Write `name: value`."),
    "an em dash as hyphen": ("  - id: emergency", "  \u2014 id: emergency", "this is a long dash", "Write `- `"),
    "an en dash as hyphen": ("  - {fields: [age]", "  \u2013 {fields: [age]", "this is a long dash", "Write `- `"),
    "a minus sign as hyphen": ("  - {fields: [age]", "  \u2212{fields: [age]", "this is a long dash", "Write `- `"),
    "a bullet as hyphen": ("  - {fields: [age]", "  \u2022 {fields: [age]", "this is a dot", "Write `- `"),
    "a star as hyphen": ("  - {fields: [age]", "  * {fields: [age]", "this is a star", "Write `- `"),
    "no blank after a hyphen": ("  - {fields: [age]", "  -{fields: [age]", "after the hyphen", "Write `- `"),
    "a no-break space as indent": ("    discloser: {basis: p", "\u00a0   discloser: {basis: p", "a no-break", "ordinary"),
    "a no-break space after a colon": ("purpose: tenancy", "purpose:\u00a0tenancy", "a no-break space", "ordinary blank"),
    "a wide blank": ("purpose: tenancy", "purpose:\u3000tenancy", "a blank of another width", "ordinary blank"),
    "less indent": ("    recipient: {basis: l", "   recipient: {basis: l", "indented by 3 blanks", "Indent it by 4"),
    "more indent": ("    recipient: {basis: l", "     recipient: {basis: l", "indented by 5 blanks", "Indent it by 4"),
    "indent at the margin": ("purpose: tenancy", " purpose: tenancy", "indented by 1 blank,", "Indent it by 0"),
    "indent after a value": ("dataset: council-tax", " dataset: council-tax", "indented by 1 blank,", "Indent it by 0"),
    "a second colon": ("purpose: tenancy", "purpose: that: tenancy", "a second colon stands", "straight quotes"),
    "an open bracket": ("then: delete, attest: true}", "then: delete, attest: true", "here is not closed", "Close it"),
    "a bracket too many": ("attest: true}", "attest: true}}", "this bracket was not opened", "Take it out"),
    "a comma that is missing": ("{for: P6Y, from", "{for: P6Y from", "a comma is missing", "commas"),
    "an open quote": ('"+44 113 496 0000"', '"+44 113 496 0000', "opens here and is never closed", "Close it"),
    "a value with @": ("dpo@northmoor.example", "@northmoor.example", "can't begin with @", "straight quotes"),
    "a value with a backtick": ("purpose: tenancy", "purpose: `tenancy", "can't begin with `", "straight quotes"),
    "a value with %": ("purpose: tenancy", "purpose: %tenancy", "can't begin with %", "straight quotes"),
    "a value with |": ("purpose: tenancy", "purpose: |tenancy", "can't begin with |", "straight quotes"),
    "a value with &": ("purpose: tenancy", "purpose: &tenancy", "can't begin with &", "straight quotes"),
    "a value with !": ("purpose: tenancy", "purpose: !tenancy", "can't begin with !", "straight quotes"),
}  # fmt: skip


def spoilt(piece: str, other: str) -> tuple[str, int]:
    """Return the text with one piece changed, and the line on which it stands."""
    assert piece in TEXT, piece
    return TEXT.replace(piece, other, 1), TEXT[: TEXT.index(piece)].count("\n") + 1


@pytest.mark.parametrize("what", sorted(UNREADABLE))
def test_a_slip_is_told_on_its_line(what):
    piece, other, said, remedy = UNREADABLE[what]
    text, line = spoilt(piece, other)

    with pytest.raises(TextError) as error:
        parse_agreement(text)

    first = error.value.findings[0]
    assert (first.line, said in first.message, remedy in first.remedy) == (line, True, True), str(error.value)


@pytest.mark.parametrize("what", sorted(UNREADABLE))
def test_no_message_has_the_formats_own_words(what):
    text, _ = spoilt(*UNREADABLE[what][:2])

    with pytest.raises(TextError) as error:
        parse_agreement(text)

    assert not JARGON.search(str(error.value)), str(error.value)


SIGNS = [*"\t:;,.-*&!|>%@`#?\"'[]{}()=~\u00a0\u2014\u2018\u201c\ufeff", "- ", "? ", ": ", "\n", "\n  ", "---\n"]


def told_of(text):
    """Return what is wrong with a text; nothing where it can be read."""
    try:
        parse_agreement(text)
    except TextError as error:
        return error.findings
    return ()


@pytest.mark.parametrize("sign", SIGNS, ids=repr)
def test_a_sign_anywhere_gets_plain_words(sign):
    """Whatever is typed between any two characters: it is read, or refused in plain words, with a place in the text."""
    text = TEXT[:1_400]
    for place in range(0, len(text), 37):
        typed = text[:place] + sign + text[place:]
        for one in told_of(typed):
            assert not JARGON.search(re.sub(r"'.*?'|`.*?`", "", one.message)), (place, one)
            assert 1 <= one.line <= typed.count("\n") + 2, (place, one)
            assert one.column >= 1, (place, one)


def test_all_slips_of_a_text_are_told_at_once():
    text, first = spoilt("  - id: emergency", "\t- id: emergency")
    text = text.replace("purpose: tenancy", "purpose:tenancy", 1).replace(
        "  - {fields: [age]", "  \u2014 {fields: [age]", 1
    )

    with pytest.raises(TextError) as error:
        parse_agreement(text)

    assert len({one.line for one in error.value.findings}) == 3
    assert first in {one.line for one in error.value.findings}


@pytest.mark.parametrize(
    ("name", "parse"),
    [("agreement", parse_agreement), ("core", parse_core), ("dataset", parse_dataset)],
)
def test_a_byte_order_mark_is_dropped(name, parse):
    text = (FIXTURES / f"{name}.yaml").read_text(encoding="utf-8")

    assert parse("\ufeff" + text).id == parse(text).id
    assert draft_slips("\ufeff" + text) == ()


# what -> (the piece, what stands in its place, what is said, what is to be written)
READABLE = {
    "curly single quotes": (
        "dpo@northmoor.example",
        "\u2018dpo@northmoor.example\u2019",
        "these are curly quotes",
        "straight",
    ),
    "curly double quotes": (
        '"+44 113 496 0000"',
        "\u201c+44 113 496 0000\u201d",
        "these are curly quotes",
        "straight quotes",
    ),
    "a curly quote in a list": (
        "[council tax payers]",
        "[\u2018council tax payers\u2019]",
        "these are curly quotes",
        "straight",
    ),
    "a number with a nought": ("batch: 200", "batch: 0200", "0200 has noughts before it", "Write 200."),
    "a version with a nought": ("version: 4", "version: 04", "04 has noughts before it", "Write 4."),
    "a no-break space in a phrase": ("council tax payers", "council\u00a0tax payers", "a no-break space", "ordinary blank"),
}


@pytest.mark.parametrize("what", sorted(READABLE))
def test_what_can_be_read_and_is_a_slip_is_told_of_a_draft(what):
    """And of a draft alone: a text that is published goes on to mean what it meant."""
    piece, other, said, remedy = READABLE[what]
    text, line = spoilt(piece, other)

    (found,) = draft_slips(text)

    assert (found.line, said in found.message, remedy in found.remedy) == (line, True, True), found
    assert parse_agreement(text).text == text


@pytest.mark.parametrize(
    "phrase",
    [
        "carers\u2019 needs",
        "what they call \u201chome\u201d",
        "nought 0100 in words",
        "from 1,000 on \u2013 and more",
        "0800 496 0000",
    ],
)
def test_prose_is_nobodys_slip(phrase):
    """An apostrophe, a quotation inside a phrase, a dash between words, a figure in words."""
    assert draft_slips(TEXT.replace("Fewer evictions", phrase)) == ()


def test_a_code_may_begin_with_a_nought():
    dataset = (FIXTURES / "dataset.yaml").read_text(encoding="utf-8")

    assert draft_slips(dataset + "\n# 0100\n") == ()
    assert draft_slips("fields:\n  a: {type: code, groups: {01: standard, 02: plus}}\n") == ()


@pytest.mark.parametrize("member", sorted(NUMBERS))
def test_a_nought_is_told_of_every_number(member):
    assert draft_slips(f"a: {{{member}: 010}}\n")[0].remedy == "Write 10."
    assert draft_slips(f'a: {{{member}: "010"}}\n') == ()


# what -> (the piece, what stands in its place, what is said)
TYPED = {
    "a comma in a number": ("per_minute: 60,", "per_minute: 1,000,", "Write 1000."),
    "a blank in a number": ("per_minute: 60,", "per_minute: 1 000,", "Write 1000."),
    "a day as in a letter": ("ends_on: 2027-03-31", "ends_on: 31 March 2027", "Write 2027-03-31."),
    "a day with its month short": ("ends_on: 2027-03-31", "ends_on: 31st Mar 2027", "Write 2027-03-31."),
    "a day by numbers": ("ends_on: 2027-03-31", "ends_on: 31/3/2027", "Write 2027-03-31."),
    "a day that there is not": ("ends_on: 2027-03-31", "ends_on: 31 June 2027", "Write it as 2026-04-01."),
    "a long dash in an id": (
        "purpose: tenancy-sustainment",
        "purpose: tenancy\u2013sustainment",
        "Write tenancy-sustainment",
    ),
    "no blank in brackets": ("{basis: public_task,", "{basis:public_task,", "Write `basis: public_task`."),
    "a list with a dash": ("roles: [tenancy-sustainment-officer]", "roles: \u2013 officer", "this is a long dash"),
}


@pytest.mark.parametrize("what", sorted(TYPED))
def test_what_was_meant_is_written_out(what):
    piece, other, said = TYPED[what]
    text, _ = spoilt(piece, other)

    with pytest.raises(TextError) as error:
        parse_agreement(text)

    assert said in str(error.value)
    assert len(error.value.findings) == 1, str(error.value)


def test_the_slips_are_not_readable_at_all():
    """What the table of slips calls unreadable, the format's own reader refuses, but for signs that only we refuse."""
    for what, (piece, other, *_) in UNREADABLE.items():
        if what in {"a value with &", "a value with !"}:
            continue
        with pytest.raises(YAMLError):
            list(YAML(typ="safe", pure=True).parse(spoilt(piece, other)[0]))


def test_a_comma_in_a_number_is_told_as_one():
    """`1,000` in a list is a 1 and a 000 to whoever reads the format."""
    text = (FIXTURES / "dataset.yaml").read_text(encoding="utf-8").replace("500, 1000, 5000", "500, 1,000, 5000")

    (found,) = draft_slips(text)

    assert "a comma stands in the number 1,000" in found.message
    assert found.remedy == "Write 1000, or a blank after the comma."
