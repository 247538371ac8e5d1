"""Which spellings are one identifier, and which are none?"""

from __future__ import annotations

import nhs_number
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.sources.comparing import lenient
from schemas.identifiers import (
    IdentifierError,
    nino_without_suffix,
    parse_nhs_number,
    parse_nino,
    parse_postcode,
    parse_upn,
    parse_uprn,
    special_postcode,
)

PARSERS = (parse_nhs_number, parse_nino, parse_postcode, parse_upn, parse_uprn)


@pytest.mark.parametrize(
    ("text", "canonical"),
    [("943 476 5919", "9434765919"), ("943-476-5919", "9434765919"), (" 9990000018 ", "9990000018")],
)
def test_an_nhs_number_is_ten_digits(text: str, canonical: str) -> None:
    assert parse_nhs_number(text) == canonical


@pytest.mark.parametrize(
    "text",
    [
        *(digit * 10 for digit in "0123456789"),
        "9434765918",
        "943476591",
        "94347659190",
        "0000000000",
        "",
        "943476591X",
        "\uff19434765919",
    ],
)
def test_what_is_no_nhs_number(text: str) -> None:
    """One digit ten times, which means none; a wrong check digit, a wrong length, digits of another script."""
    with pytest.raises(IdentifierError):
        parse_nhs_number(text)


def test_the_synthetic_range_is_accepted() -> None:
    """Numbers from 999 are never given to anyone: demos and tests use them."""
    numbers = nhs_number.generate(quantity=20, for_region=nhs_number.REGION_SYNTHETIC)

    assert numbers
    assert [parse_nhs_number(number) for number in numbers] == numbers


@settings(deadline=None, max_examples=100)
@given(place=st.integers(0, 9), change=st.integers(1, 9))
def test_one_wrong_digit_is_always_caught(place: int, change: int) -> None:
    """What modulus 11 is for."""
    digits = list("9434765919")
    digits[place] = str((int(digits[place]) + change) % 10)

    with pytest.raises(IdentifierError):
        parse_nhs_number("".join(digits))


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("ab 12 34 56 c", "AB123456C"),
        ("JG103759A", "JG103759A"),
        ("jm 60 00 10", "JM600010"),
        ("JM\u2011600010", "JM600010"),
    ],
)
def test_a_nino_is_upper_case_without_spaces(text: str, canonical: str) -> None:
    assert parse_nino(text) == canonical


@pytest.mark.parametrize(
    "text",
    ["QQ123456C", "ZZ123456C", "GB123456A", "DA123456A", "AO123456A", "AB123456E", "AB12345C", "AB1234567", "AB", ""],
)
def test_what_is_no_nino(text: str) -> None:
    """Prefixes that are never issued, letters that are not used, a digit in the suffix's place."""
    with pytest.raises(IdentifierError):
        parse_nino(text)


@pytest.mark.parametrize(("text", "canonical"), [("900000000042", "900000000042"), ("000000010042 ", "10042"), ("1", "1")])
def test_a_uprn_has_no_padding(text: str, canonical: str) -> None:
    assert parse_uprn(text) == canonical


@pytest.mark.parametrize("text", ["", "0", "000", "1234567890123", "12a", "-5", "1.5", "\uff11\uff12"])
def test_what_is_no_uprn(text: str) -> None:
    with pytest.raises(IdentifierError):
        parse_uprn(text)


@pytest.mark.parametrize("text", ["B801200005001", " b801200005001 "])
def test_a_upn_has_its_check_letter_first(text: str) -> None:
    assert parse_upn(text) == "B801200005001"


def test_a_upn_of_a_new_authority_is_accepted() -> None:
    """Cumberland's number, 942, is younger than the lists that libraries carry."""
    assert parse_upn("W942200005001") == "W942200005001"


@pytest.mark.parametrize("text", ["A801200005001", "I801200005001", "B80120000500", "B8012000050012", "B80120000A001", ""])
def test_what_is_no_upn(text: str) -> None:
    with pytest.raises(IdentifierError):
        parse_upn(text)


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("ls14ab", "LS1 4AB"),
        ("LS1  4AB", "LS1 4AB"),
        ("M1 1AE", "M1 1AE"),
        ("NE35 9AA", "NE35 9AA"),
        ("DN551PT", "DN55 1PT"),
        ("W1A 0AX", "W1A 0AX"),
        ("EC1A 1BB", "EC1A 1BB"),
        ("LS1\u00a04AB", "LS1 4AB"),
        ("LS1\u20114AB", "LS1 4AB"),
        ("fiqq1zz", "FIQQ 1ZZ"),
        ("STHL 1ZZ", "STHL 1ZZ"),
        ("bfpo57", "BFPO 57"),
        ("BFPO 5401", "BFPO 5401"),
        ("BF1 3AA", "BF1 3AA"),
        ("gir 0aa", "GIR 0AA"),
        ("GX11 1AA", "GX11 1AA"),
        ("AI-2640", "AI-2640"),
        ("ky1 1001", "KY1-1001"),
        ("VG1110", "VG1110"),
        ("MSR1110", "MSR1110"),
    ],
)
def test_a_postcode_is_two_parts_and_one_space(text: str, canonical: str) -> None:
    assert parse_postcode(text) == canonical


@pytest.mark.parametrize(
    "text",
    [
        "",
        "LS1",
        "LS1 4A",
        "QS1 4AB",
        "LS1 4CB",
        "LS111 4AB",
        "LSA 4AB",
        "1AA 1AA",
        "\u017fE1 1AA",
        "BFPO",
        "BFPO 0",
        "BFPO 12345",
        "STHL 1AA",
        "DD10",
        "ZZZZ 1ZZ",
    ],
)
def test_what_is_no_postcode(text: str) -> None:
    """U+017F in upper case would be an S: such letters are none of a postcode's."""
    with pytest.raises(IdentifierError):
        parse_postcode(text)


@settings(deadline=None, max_examples=200)
@given(parse=st.sampled_from(PARSERS), text=st.text(max_size=20))
def test_parsing_is_total_and_settles(parse, text: str) -> None:
    """Any text is refused in words that do not repeat it, or has a canonical form that is its own."""
    canonical = words = None
    try:
        canonical = parse(text)
    except IdentifierError as refused:
        words = str(refused)

    assert (canonical is None) != (words is None)
    assert words is None or words.startswith("not a")
    assert canonical is None or parse(canonical) == canonical


@pytest.mark.parametrize("text", ["JM600010", "JM600010A", "jm 60 00 10 d"])
def test_a_nino_is_one_under_any_suffix(text: str) -> None:
    assert nino_without_suffix(text) == "JM600010"


@pytest.mark.parametrize(
    ("text", "outward"),
    [("STHL 1ZZ", "STHL"), ("BFPO 57", "BFPO"), ("KY1-1001", "KY1"), ("VG1110", "VG"), ("LS1 4AB", None)],
)
def test_a_special_postcode_has_one_part_before_its_last(text: str, outward: str | None) -> None:
    found = special_postcode(text)

    assert (found.outward if found else None) == outward


def test_the_number_nought_is_one_key_however_it_is_spelt() -> None:
    """A column of numbers takes each of these for it, and so their misses are one count."""
    assert {lenient(one) for one in ("0", "00", "0.0", "-0", " 0 ", "0e5")} == {"0"}
    assert {lenient(one) for one in ("7", "007", "7.0", "+7")} == {"7"}
