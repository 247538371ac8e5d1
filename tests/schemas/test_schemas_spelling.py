"""Which spellings of a name are one, and what is in a text that nobody sees?"""

# ruff: noqa: RUF001 -- letters of several scripts are what it is about

from __future__ import annotations

import sys
import unicodedata

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from schemas.spelling import differ_in_spelling, folded, name_form, without_title
from schemas.unseen import holds_unseen, label_form

WORDS = st.text(st.characters(exclude_categories=("Cs",)), max_size=12)


@pytest.mark.parametrize("mark", [*"'`\u00b4\u2018\u2019\u201b\u2032\u02bb\u02bc\u02bd\ua78c\uff07\u055a", "", " "])
def test_whichever_apostrophe_it_is_one_name(mark: str) -> None:
    assert name_form(f"D{mark}Estrelle") == name_form("D'ESTRELLE") == "destrelle"


@pytest.mark.parametrize("mark", [*"-\u2010\u2011\u2012\u2013\u2014\u2015\u2212\u00ad\ufe63\uff0d", "", " ", "\u00a0"])
def test_whichever_hyphen_it_is_one_name(mark: str) -> None:
    assert name_form(f"Smith{mark}Jones") == "smithjones"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Rene\u0301e", "RENÉE"),
        ("Renée", "Renee"),
        ("D\u0130LEK", "D\u0131lek"),
        ("DI\u0307LEK", "Dilek"),
        ("Σωκράτης", "ΣΩΚΡΑΤΗΣ"),
        ("Семён", "СЕМЕН"),
        ("Nguyễn", "NGUYEN"),
        ("Weiß", "WEISS"),
        ("ＭＥＥＮＡ", "Meena"),
        ("Mrs Isolde Quayle", "ISOLDE QUAYLE"),
        ("Rev. Dr. Isolde Quayle", "Isolde Quayle"),
        ("MEENA MEENA", "Meena"),
        ("FNU Meena", "Meena"),
        ("- MEENA", "Meena"),
        ("می\u200cنا", "مینا"),
    ],
)
def test_two_spellings_are_one_name(one: str, other: str) -> None:
    assert name_form(one) == name_form(other) != ""


@pytest.mark.parametrize(
    ("one", "other"),
    [("मोना", "मीना"), ("が", "か"), ("กา", "กี"), ("שָׁלוֹם", "שלום"), ("Ann", "Anne"), ("Miss", "Meena"), ("Ana Ann", "Ana")],
)
def test_two_names_are_two(one: str, other: str) -> None:
    """Outside of Latin, Greek and Cyrillic a mark is a part of the letter."""
    assert name_form(one) != name_form(other)


@pytest.mark.parametrize("text", ["मोना", "Mrs", "FNU", "Dr. X"])
def test_a_name_is_never_all_title(text: str) -> None:
    assert name_form(text) != ""
    assert without_title(text) != ""


def test_each_character_alone_has_a_form_that_is_its_own() -> None:
    """All of Unicode: the form settles at once, and composed and decomposed letters have one."""
    characters = [chr(code) for code in range(sys.maxunicode + 1) if not 0xD800 <= code < 0xE000]
    forms = [(character, folded("a" + character)) for character in characters if not character.isascii()]

    assert len(forms) > 1_000_000
    assert [ascii(one) for one, form in forms if folded(form) != form] == []
    assert [ascii(one) for one, form in forms if folded("a" + unicodedata.normalize("NFD", one)) != form] == []


@settings(deadline=None, max_examples=300)
@given(WORDS)
@example("\u0345\u0130")
def test_a_form_is_its_own_and_the_same_however_it_is_composed(text: str) -> None:
    form = folded(text)

    assert folded(form) == form
    assert {folded(unicodedata.normalize(kind, text)) for kind in ("NFC", "NFD", "NFKC", "NFKD")} == {form}


# -- neither yes nor no


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("मोना", "मीना"),
        ("Müller", "Mueller"),
        ("MULLER", "Mueller"),
        ("Åse", "Aase"),
        ("Quayle, Isolde", "Isolde Quayle"),
        ("Мария", "Maria"),
        ("CC-1041", "CC 1041"),
    ],
)
def test_what_may_be_another_writing_alone_is_told_apart(one: str, other: str) -> None:
    assert differ_in_spelling(one, other)
    assert differ_in_spelling(other, one)


@pytest.mark.parametrize(
    ("one", "other"), [("Isolde", "Tamsin"), ("Maria", "Marta"), ("...", "Grace"), ("CC-1041", "CC-1042")]
)
def test_another_name_is_no_spelling(one: str, other: str) -> None:
    assert not differ_in_spelling(one, other)


# -- labels

UNSEEN = [
    *(
        "\u200b",
        "\u200c",
        "\u200d",
        "\u2060",
        "\ufeff",
        "\u00ad",
        "\u200e",
        "\u200f",
        "\u061c",
        "\u2063",
        "\u034f",
        "\u115f",
    ),
    *(
        "\u1160",
        "\u17b4",
        "\u180b",
        "\u180e",
        "\u2028",
        "\u2029",
        "\u202e",
        "\u2066",
        "\u3164",
        "\uffa0",
        "\ufe0f",
        "\ufff9",
    ),
    *("\U000e0041", "\U000e0100", "\x00", "\t", "\x7f", "\x85", "\u2800", "\ue000", "\ud800"),
]


@pytest.mark.parametrize("character", UNSEEN, ids=ascii)
def test_what_nobody_sees_is_found(character: str) -> None:
    assert holds_unseen(f"rk{character}04")


@pytest.mark.parametrize(
    "text", ["rk04", "rk 04", "rk\u00a004", "ｒｋ０４", "Zoë", "Zoe\u0308", "李-7", "a\u3000b", "मोना"], ids=ascii
)
def test_what_people_see_is_no_fault(text: str) -> None:
    assert not holds_unseen(text)


@pytest.mark.parametrize(
    "text", ["rk04", "RK04", "rk04 ", " rk04", "\u00a0rk04", "ｒｋ０４", "\u3000RK04\u2003"], ids=ascii
)
def test_a_label_has_one_form(text: str) -> None:
    assert label_form(text) == "rk04"


def test_blanks_between_words_are_one() -> None:
    assert label_form("LC\u00a0 88") == label_form("lc 88") == "lc 88"


@settings(deadline=None, max_examples=300)
@given(WORDS)
@example("\u0345\u0130 \u1e9e")
def test_a_labels_form_is_its_own(text: str) -> None:
    assert label_form(label_form(text)) == label_form(text)


@settings(deadline=None, max_examples=300)
@given(WORDS)
def test_what_is_seen_stays_seen(text: str) -> None:
    """No form brings in what would have been refused: it could not be typed again."""
    if not holds_unseen(text):
        assert not holds_unseen(label_form(text))
