"""Does each form show what it says, and no more?"""

from __future__ import annotations

import hashlib
import hmac
from datetime import date
from decimal import Decimal

import policies_texts as texts
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policies.deciding.facts import age_on
from policies.deciding.forms import apply_form, band_of, pseudonym_key, pseudonym_value
from schemas.dataset import Field
from schemas.decision import Unusable
from schemas.forms import CHAINS, IDENTIFIERS, FieldType
from schemas.terms import Classification

TODAY = date(2026, 10, 2)
GROUPS = {"council": "social", "association": "social", "private": "rented"}
INVALID = Unusable.INVALID


def field(kind: FieldType, **more) -> Field:
    return Field("path", kind, "Label", Classification.PERSONAL, CHAINS[kind], **more)


def form_of(kind: FieldType, form: str, raw: object, *, on: date = TODAY, **more):
    return apply_form(field(kind, **more), form, raw, on=on, pseudonym=lambda path, value: f"{path}:{value}")


@pytest.mark.parametrize(
    ("raw", "area", "district", "sector"),
    [
        ("LS1 4AP", "LS", "LS1", "LS1 4"),
        ("NE3 1AA", "NE", "NE3", "NE3 1"),
        ("NE35 9AB", "NE", "NE35", "NE35 9"),
        ("M1 1AE", "M", "M1", "M1 1"),
        ("W1A 0AX", "W", "W1A", "W1A 0"),
        ("EC1A 1BB", "EC", "EC1A", "EC1A 1"),
        ("NE351AA", "NE", "NE35", "NE35 1"),
    ],
)
def test_a_postcode_is_read_from_the_right(raw, area, district, sector):
    """NE3 and NE35 are two districts: cutting to three characters would merge them."""
    shown = [form_of(FieldType.POSTCODE, form, raw) for form in CHAINS[FieldType.POSTCODE]]

    assert shown == [True, area, district, sector, f"{district} {raw[-3:]}"]


@pytest.mark.parametrize("raw", ["LS1", "1", "ls1 4ap", "LS1  4AP", "LS\u0661 4AP", "\0"])
def test_what_is_no_postcode_has_no_form(raw):
    assert [form_of(FieldType.POSTCODE, form, raw) for form in CHAINS[FieldType.POSTCODE]] == [INVALID] * 5


@pytest.mark.parametrize(
    ("raw", "before"), [("STHL 1ZZ", "STHL"), ("BFPO 57", "BFPO"), ("KY1-1001", "KY1"), ("VG1110", "VG")]
)
def test_of_a_postcode_abroad_the_part_before_its_last_is_all_that_coarser_forms_show(raw, before):
    """Never a guess: no area, district or sector is made up for it."""
    shown = [form_of(FieldType.POSTCODE, form, raw) for form in CHAINS[FieldType.POSTCODE]]

    assert shown == [True, before, before, before, raw]


@pytest.mark.parametrize(
    ("born", "on", "years"),
    [
        (date(2008, 2, 29), date(2026, 2, 28), 17),  # the day that a birthday on 29 February waits for is 1 March
        (date(2008, 2, 29), date(2026, 3, 1), 18),
        (date(2008, 2, 29), date(2028, 2, 28), 19),
        (date(2008, 2, 29), date(2028, 2, 29), 20),
        (date(2008, 7, 1), date(2026, 6, 30), 17),
        (date(2008, 7, 1), date(2026, 7, 1), 18),
        (date(2026, 10, 2), TODAY, 0),
        (date(2026, 10, 3), TODAY, None),
        (date(1896, 10, 2), TODAY, 130),
        (date(1895, 10, 2), TODAY, None),
        (None, TODAY, None),
    ],
)
def test_an_age_is_counted_in_whole_years(born, on, years):
    assert age_on(born, on) == years


@pytest.mark.parametrize(("on", "over", "band"), [(date(2026, 6, 30), False, (16, 18)), (date(2026, 7, 1), True, (18, 25))])
def test_over_18_and_the_band_change_on_the_birthday(on, over, band):
    bands = (0, 16, 18, 25)

    assert form_of(FieldType.AGE, "over_18", date(2008, 7, 1), on=on, bands=bands) is over
    assert form_of(FieldType.AGE, "band", date(2008, 7, 1), on=on, bands=bands) == {"from": band[0], "below": band[1]}


@pytest.mark.parametrize(
    ("value", "band"),
    [
        (-1, {"below": 0}),
        (0, {"from": 0, "below": 100}),
        (Decimal("99.99"), {"from": 0, "below": 100}),
        (100, {"from": 100, "below": 500}),
        (500, {"from": 500}),
    ],
)
def test_a_bands_lower_edge_is_in_it(value, band):
    assert band_of((0, 100, 500), value) == band


@pytest.mark.parametrize(
    ("raw", "rounded", "full"),
    [
        (Decimal("149.99"), "100.00", "149.99"),
        (Decimal(-1), "-50.00", "-1.00"),
        (Decimal("-0.00"), "0.00", "0.00"),
        (Decimal("99.999"), "50.00", "99.99"),
        (50, "50.00", "50.00"),
        (Decimal("1E+3"), "1000.00", "1000.00"),
    ],
)
def test_money_is_rounded_down_to_the_step(raw, rounded, full):
    """Down also below nought, and as text, so that no reader rounds it."""
    assert form_of(FieldType.MONEY, "rounded", raw, step=50) == rounded
    assert form_of(FieldType.MONEY, "full", raw, step=50) == full


@pytest.mark.parametrize(
    ("raw", "full"), [(3, 3), (Decimal("3.0"), 3), (Decimal("2.50"), "2.5"), (Decimal("1E-7"), "0.0000001")]
)
def test_a_number_with_a_fraction_is_text(raw, full):
    assert form_of(FieldType.NUMBER, "full", raw) == full


@pytest.mark.parametrize("raw", [Decimal("NaN"), Decimal("Infinity"), Decimal("sNaN"), 10**15, -(10**15)])
def test_a_number_that_cannot_be_counted_is_invalid(raw):
    assert [form_of(FieldType.MONEY, form, raw, bands=(0,), step=1) for form in CHAINS[FieldType.MONEY]] == [INVALID] * 4


@pytest.mark.parametrize(
    ("raw", "initial"),
    [("Élodie", "É"), ("E\u0301lodie", "É"), ("\u2019t Hooft", "T"), ("  ada", "A"), ("ørsted", "Ø"), ("李", "李")],
)
def test_an_initial_is_the_first_letter(raw, initial):
    """Composed: an accent belongs to its letter."""
    assert form_of(FieldType.NAME, "initial", raw) == initial


def test_a_name_without_a_letter_has_no_initial():
    assert form_of(FieldType.NAME, "initial", "1 -") is INVALID


def test_a_code_is_shown_by_its_group():
    shown = [form_of(FieldType.CODE, form, "council", code_groups=GROUPS) for form in ("present", "group", "full")]

    assert shown == [True, "social", "council"]
    assert form_of(FieldType.CODE, "group", "houseboat", code_groups=GROUPS) is INVALID


@pytest.mark.parametrize("kind", sorted(set(FieldType) - {FieldType.GROUP, FieldType.AGE, FieldType.BOOLEAN}))
def test_present_answers_yes_or_nothing(kind):
    assert form_of(kind, "present", None) is None
    assert form_of(kind, "present", INVALID) is INVALID
    assert form_of(kind, "present", 1.5) is INVALID


@pytest.mark.parametrize("raw", ["", " ", "\t\n"])
def test_a_blank_text_is_not_held(raw):
    assert form_of(FieldType.TEXT, "present", raw) is None


@pytest.mark.parametrize(
    ("kind", "raw"), [(FieldType.BOOLEAN, 1), (FieldType.NUMBER, True), (FieldType.DATE, "2026-01-01")]
)
def test_a_value_of_another_type_is_invalid(kind, raw):
    assert form_of(kind, "full", raw) is INVALID


# -- pseudonyms


def test_a_pseudonym_is_hmac_under_a_key_of_its_scope():
    """RFC 5869 and RFC 2104, worked out here once more with the standard library alone."""
    extracted = hmac.digest(b"\0" * 32, b"m" * 32, "sha256")
    info = b"stile pseudonym\0harbour\0tenancies\0nhs_number\x002026"
    key = hmac.digest(extracted, info + b"\x01", "sha256")

    assert pseudonym_key(b"m" * 32, "harbour", "tenancies", "nhs_number", "2026") == key
    assert pseudonym_value(key, "9434765919") == hmac.new(key, b"9434765919", hashlib.sha256).hexdigest()[:32]


def test_two_scopes_cannot_be_joined():
    """Another recipient, agreement, field or epoch is another pseudonym of the same person."""
    scope = ("harbour", "tenancies", "nhs_number", "2026")
    others = [(*scope[:place], "other", *scope[place + 1 :]) for place in range(4)]

    values = {pseudonym_value(pseudonym_key(b"m" * 32, *one), "9434765919") for one in (scope, *others)}

    assert len(values) == 5


def test_only_identifiers_have_pseudonyms():
    """A pseudonym of what has few values is the value: try them all."""
    assert {kind for kind, chain in CHAINS.items() if "pseudonym" in chain} == IDENTIFIERS
    assert form_of(FieldType.NHS_NUMBER, "pseudonym", "9434765919") == "path:9434765919"


# -- the chain law: each form follows from the next finer one


@settings(deadline=None, derandomize=True, max_examples=100)
@given(st.dates(date(1000, 1, 1)))
def test_chain_law_of_dates(raw):
    _, year, month, full = (form_of(FieldType.DATE, form, raw) for form in CHAINS[FieldType.DATE])

    assert month == full[:7]
    assert year == month[:4]


@settings(deadline=None, derandomize=True, max_examples=200)
@given(st.dates(date(1897, 1, 1), TODAY))
def test_chain_law_of_ages(raw):
    bands = (0, 16, 18, 25, 65)
    over, band, years = (form_of(FieldType.AGE, form, raw, bands=bands) for form in CHAINS[FieldType.AGE])

    assert band == band_of(bands, years)
    assert over == (band["from"] >= 18)


@settings(deadline=None, derandomize=True, max_examples=200)
@given(st.from_regex(r"[A-Z]{1,2}\d[A-Z\d]? ?\d[A-Z]{2}", fullmatch=True, alphabet=st.characters(codec="ascii")))
def test_chain_law_of_postcodes(raw):
    _, area, district, sector, full = (form_of(FieldType.POSTCODE, form, raw) for form in CHAINS[FieldType.POSTCODE])

    assert sector == full[:-2]
    assert district == sector[:-2]
    assert area == district.rstrip("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ")[:0] + letters_before_a_digit(district)


def letters_before_a_digit(district: str) -> str:
    return district[:2] if district[1].isalpha() else district[:1]


@settings(deadline=None, derandomize=True, max_examples=200)
@given(
    st.sampled_from([FieldType.NUMBER, FieldType.MONEY]), st.decimals(-(10**6), 10**6, places=3) | st.integers(-5000, 5000)
)
def test_chain_law_of_numbers(kind, raw):
    """A band is what follows from the rounded figure, and that from the whole one: edges are multiples of the step."""
    more = {"bands": (-100, 0, 100, 500), "step": 50}
    _, band, rounded, full = (form_of(kind, form, raw, **more) for form in CHAINS[kind])

    assert form_of(kind, "rounded", Decimal(full), **more) == rounded
    assert band_of(more["bands"], Decimal(rounded)) == band


@settings(deadline=None, derandomize=True, max_examples=100)
@given(st.text(min_size=1).filter(str.strip))
def test_chain_law_of_names(raw):
    assert form_of(FieldType.NAME, "initial", form_of(FieldType.NAME, "full", raw)) == form_of(
        FieldType.NAME, "initial", raw
    )


@settings(deadline=None, derandomize=True, max_examples=50)
@given(st.sampled_from(sorted(GROUPS)))
def test_chain_law_of_codes(raw):
    full = form_of(FieldType.CODE, "full", raw, code_groups=GROUPS)

    assert form_of(FieldType.CODE, "group", raw, code_groups=GROUPS) == GROUPS[full]


@settings(deadline=None, derandomize=True, max_examples=300)
@given(
    st.sampled_from(
        sorted((kind, form) for kind, chain in CHAINS.items() for form in chain if kind is not FieldType.GROUP)
    ),
    st.none()
    | st.booleans()
    | st.integers()
    | st.decimals()
    | st.dates()
    | st.datetimes()
    | st.text()
    | st.binary()
    | st.floats(),
)
def test_every_form_of_any_value_is_a_value_or_a_refusal(chosen, raw):
    """No value of a source, however broken, makes an exception."""
    kind, form = chosen
    found = form_of(kind, form, raw, bands=(0, 18), step=2, code_groups=GROUPS)

    assert found is None or found is INVALID or isinstance(found, bool | int | str | dict)


def test_every_dataset_of_these_tests_keeps_its_chains_in_order():
    fields = [one for dataset in texts.datasets().values() for one in dataset.fields.values()]

    assert fields
    for one in fields:
        assert [form for form in CHAINS[one.type] if form in one.chain] == list(one.chain)
