"""What does a raw value mean?"""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.sources.casing import title_case
from gateway.sources.cleaning import clean_value
from gateway.sources.columns import Column
from gateway.sources.comparing import detail_form, key_form, typed_form
from schemas.dataset import Field
from schemas.decision import Unusable
from schemas.forms import CHAINS, FieldType
from schemas.spelling import name_form
from schemas.terms import Classification

INVALID = Unusable.INVALID
PLAIN = sorted(set(FieldType) - {FieldType.AGE, FieldType.GROUP, FieldType.BOOLEAN})


def a_field(type_: FieldType) -> Field:
    return Field("it", type_, "It", Classification.PERSONAL, CHAINS[type_], marker=type_ is FieldType.BOOLEAN)


def cleaned(raw: object, type_: FieldType, **options: object) -> object:
    return clean_value(raw, Column(sql="it", **options), a_field(type_))  # type: ignore[arg-type]  # a test's shorthand


@pytest.mark.parametrize(
    ("clean", "raw", "value"),
    [
        (("trim",), "  OKAFOR   ", "OKAFOR"),
        ((), " OKAFOR", " OKAFOR"),
        (("collapse",), " ANNE \t MARIE ", "ANNE MARIE"),
        (("trim", "upper"), " ls1 ", "LS1"),
        (("lower",), "A@B.EXAMPLE", "a@b.example"),
        (("title",), "O'BRIEN", "O'Brien"),
        (("title",), "SMITH-JONES", "Smith-Jones"),
        (("title",), "7 ST MARY'S CLOSE", "7 St Mary's Close"),
        (("title",), "ÉLODIE", "Élodie"),
        (("collapse", "title"), "GRACE    OKAFOR  ", "Grace Okafor"),
        (("title",), "RENE\u0301E D\u02bcESTRELLE", "Ren\u00e9e D\u02bcEstrelle"),
        (("title",), "O\u2019BRIEN-O`NEILL", "O\u2019Brien-O`Neill"),
        (("title",), "7 ST MARY\u2019S CLOSE", "7 St Mary\u2019s Close"),
        (("title",), "D\u0130LEK", "Dilek"),
        (("title",), "DI\u0307LEK KAYAN", "Dilek Kayan"),
        (("title",), "\u0130LKER", "\u0130lker"),
        (
            ("title",),
            "\u039f\u0394\u03a5\u03a3\u03a3\u0395\u03a5\u03a3 \u0391\u03a3",
            "\u039f\u03b4\u03c5\u03c3\u03c3\u03b5\u03c5\u03c2 \u0391\u03c2",
        ),
        (("title",), "\u092e\u0940\u0928\u093e", "\u092e\u0940\u0928\u093e"),
        (("title",), "X\u030cIA", "X\u030cia"),
        (("title",), "'S-HERTOGENBOSCH", "'S-Hertogenbosch"),
        (("title",), "FLAT 2A, 11TH", "Flat 2A, 11Th"),
        (("lower",), "D\u0130LEK", "dilek"),
    ],
)
def test_cleaners_run_in_order(clean: tuple[str, ...], raw: str, value: str) -> None:
    assert cleaned(raw, FieldType.TEXT, clean=clean) == value


def test_one_letter_written_in_two_ways_is_one() -> None:
    """Unicode knows é as one character and as two: they leave as one."""
    assert cleaned("Zoe\u0308", FieldType.NAME) == cleaned("Zo\u00eb", FieldType.NAME) == "Zo\u00eb"


@pytest.mark.parametrize("type_", PLAIN)
@pytest.mark.parametrize("raw", [None, "", "   "])
def test_blank_is_not_held_whatever_the_type(type_: FieldType, raw: str | None) -> None:
    assert cleaned(raw, type_) is None


def test_a_code_for_blank_is_not_held() -> None:
    assert cleaned("UNKNOWN", FieldType.DATE, blank=("", "UNKNOWN")) is None
    assert cleaned("00/00/0000", FieldType.DATE, blank=("00/00/0000",), dates=("%d/%m/%Y",)) is None


@pytest.mark.parametrize(
    "raw", ["14/02/1985", "19850214", " 14/02/1985 ", date(1985, 2, 14), datetime(1985, 2, 14, tzinfo=UTC)]
)
def test_one_date_in_its_spellings(raw: object) -> None:
    """A driver that gives real dates needs no format."""
    assert cleaned(raw, FieldType.DATE, dates=("%d/%m/%Y", "%Y%m%d")) == date(1985, 2, 14)


@pytest.mark.parametrize("raw", ["31/02/1980", "00/00/0000", "UNKNOWN", "14/2/85", "14/02/1985 00:00", "1985"])
def test_what_is_no_date_is_invalid(raw: str) -> None:
    assert cleaned(raw, FieldType.DATE, dates=("%d/%m/%Y",)) is INVALID


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        ("642.18", Decimal("642.18")),
        ("£1,642.18", Decimal("1642.18")),
        ("-12.50", Decimal("-12.50")),
        ("£-12.50", Decimal("-12.50")),
        ("-£12.50", Decimal("-12.50")),
        (642.18, Decimal("642.18")),
        (Decimal("0.00"), Decimal("0.00")),
        (12, Decimal(12)),
        ("see notes", INVALID),
        ("1,5", INVALID),
        ("12,34", INVALID),
        ("1e9", INVALID),
        ("NaN", INVALID),
        ("Infinity", INVALID),
        ("--5", INVALID),
        ("-£-5", INVALID),
        ("£", INVALID),
        ("9" * 14, INVALID),
        ("١٢", INVALID),
        (float("inf"), INVALID),
        ("12.50CR", INVALID),
    ],
)
def test_money_is_read_in_one_way_or_not_at_all(raw: object, value: object) -> None:
    assert cleaned(raw, FieldType.MONEY) == value


@pytest.mark.parametrize(("raw", "value"), [("12", 12), (12, 12), ("-3", -3), ("1.5", Decimal("1.5")), ("twelve", INVALID)])
def test_numbers_are_whole_where_they_can_be(raw: object, value: object) -> None:
    found = cleaned(raw, FieldType.NUMBER)

    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("type_", "raw", "value"),
    [
        (FieldType.POSTCODE, "ls14ab", "LS1 4AB"),
        (FieldType.POSTCODE, "LS1", INVALID),
        (FieldType.UPRN, "000900000000042", "900000000042"),
        (FieldType.UPRN, 900000000042, "900000000042"),
        (FieldType.UPRN, "R12", INVALID),
        (FieldType.NHS_NUMBER, "999 000 0018", "9990000018"),
        (FieldType.NHS_NUMBER, "9990000019", INVALID),
        (FieldType.NINO, "ab 12 34 56 c", "AB123456C"),
        (FieldType.NINO, "ZZ123456C", INVALID),
        (FieldType.UPN, "b801200005001", "B801200005001"),
        (FieldType.UPN, "A801200005001", INVALID),
        (FieldType.REFERENCE, "1000042", "1000042"),
        (FieldType.CODE, "DD", "DD"),
    ],
)
def test_identifiers_come_in_their_canonical_form(type_: FieldType, raw: object, value: object) -> None:
    assert cleaned(raw, type_) == value


@pytest.mark.parametrize(
    ("raw", "when_blank", "value"),
    [
        ("Y", None, True),
        ("N ", None, False),
        (1, None, True),
        (0, None, False),
        (True, None, True),
        (False, None, False),
        ("", None, None),
        (None, None, None),
        (" ", None, None),
        (None, False, False),
        (" ", False, False),
        ("", True, True),
        ("?", None, INVALID),
        ("?", False, INVALID),
        ("YES", False, INVALID),
    ],
)
def test_what_a_blank_marker_means_is_declared(raw: object, when_blank: bool | None, value: object) -> None:  # noqa: FBT001 -- a case's input
    """Blank is unknown unless the mapping says otherwise; a code that nobody declared is never a no."""
    assert cleaned(raw, FieldType.BOOLEAN, when_blank=when_blank) is value


def test_a_councils_own_codes_for_yes_and_no() -> None:
    assert cleaned("P", FieldType.BOOLEAN, yes=("P",), no=("", "X")) is True
    assert cleaned("", FieldType.BOOLEAN, yes=("P",), no=("", "X")) is False
    assert cleaned("Y", FieldType.BOOLEAN, yes=("P",), no=("X",)) is INVALID
    assert cleaned("U", FieldType.BOOLEAN, yes=("P",), no=("X",), blank=("U",)) is None


@pytest.mark.parametrize("raw", [b"secret", bytearray(b"x"), memoryview(b"x"), "x\x00y", "a\nb", "x" * 4_001])
def test_bytes_control_characters_and_giants_are_invalid(raw: object) -> None:
    assert cleaned(raw, FieldType.TEXT) is INVALID


@settings(deadline=None, max_examples=150)
@given(
    type_=st.sampled_from(PLAIN),
    raw=st.one_of(st.none(), st.text(max_size=40), st.integers(), st.floats(), st.binary(max_size=9)),
)
def test_no_raw_value_breaks_the_reading(type_: FieldType, raw: object) -> None:
    """Whatever a system holds, the answer is a value of the type, nothing held, or invalid."""
    found = cleaned(raw, type_)

    assert found is None or found is INVALID or isinstance(found, (str, int, Decimal, date))
    assert not isinstance(found, float)


# -- comparing


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("O'Brien", "OBRIEN"),
        ("O\u2019Brien", "o'brien "),
        ("Smith-Jones", "SMITH JONES"),
        ("Zoë", "ZOE"),
        ("Łukasz", "lukasz"),
        ("Sørensen", "SORENSEN"),
        ("Æthelred", "aethelred"),
        ("Straße", "STRASSE"),
        ("van der Berg", "VANDERBERG"),
        ("D\u0131lek", "dilek"),
    ],
)
def test_two_spellings_of_one_name_have_one_form(one: str, other: str) -> None:
    assert typed_form(a_field(FieldType.NAME), one) == typed_form(a_field(FieldType.NAME), other) is not None


@pytest.mark.parametrize(("one", "other"), [("Okafor", "Okafo"), ("Ann", "Anne"), ("John", "Jon"), ("Li", "Lee")])
def test_two_names_have_two_forms(one: str, other: str) -> None:
    assert typed_form(a_field(FieldType.NAME), one) != typed_form(a_field(FieldType.NAME), other)


@pytest.mark.parametrize("text", ["", "  ", "'-.", "\x00"])
def test_a_name_of_no_letters_is_nothing_to_compare(text: str) -> None:
    assert typed_form(a_field(FieldType.NAME), text) is None


def test_a_detail_fits_in_any_spelling_that_the_mapping_knows() -> None:
    column = Column(sql="it", dates=("%d/%m/%Y", "%Y%m%d"))

    forms = {detail_form(raw, column, a_field(FieldType.DATE)) for raw in ("14/02/1985", "19850214")}

    assert forms == {typed_form(a_field(FieldType.DATE), "1985-02-14")}


def test_a_placeholder_is_nothing_to_compare() -> None:
    column = Column(sql="it", blank=("NOT KNOWN",))

    assert detail_form("NOT KNOWN", column, a_field(FieldType.NAME)) is None


@pytest.mark.parametrize(
    ("type_", "text", "form"),
    [
        (FieldType.UPRN, " 000900000000042", "900000000042"),
        (FieldType.UPRN, "no UPRN", None),
        (FieldType.REFERENCE, " 1000042 ", "1000042"),
        (FieldType.REFERENCE, "", None),
        (FieldType.CODE, " X1 ", "X1"),
        (FieldType.REFERENCE, "CC\u20131041", "CC-1041"),
        (FieldType.NINO, "jm600010", "JM600010"),
        (FieldType.NHS_NUMBER, "4444444444", None),
        (FieldType.CODE, " ", None),
    ],
)
def test_a_key_is_asked_for_in_its_canonical_form(type_: FieldType, text: str, form: str | None) -> None:
    assert key_form(a_field(type_), text) == form


def test_a_nino_fits_itself_under_another_suffix() -> None:
    field = a_field(FieldType.NINO)

    assert typed_form(field, "JM 60 00 10 A") == detail_form("JM600010", Column(sql="it"), field) != None  # noqa: E711


@settings(deadline=None, max_examples=300)
@given(st.text(st.characters(exclude_categories=("Cs",)), max_size=12))
def test_title_case_settles_and_is_the_same_name(text: str) -> None:
    """Written as a title once more it stays, and it is compared as what it was."""
    titled = title_case(text)

    assert title_case(titled) == titled
    assert name_form(titled) == name_form(text)
