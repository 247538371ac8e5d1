"""Is a claim true of what the record says, in the form that the partner may see?"""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from importlib.resources import files
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.sources.claims import typed_claims
from policies.deciding.claims import comparable, compare, matched, without_answers, wrong_in
from policies.deciding.forms import apply_form
from policies.reading.parse import parse_dataset
from schemas.dataset import Dataset, Field
from schemas.decision import Option, Release, Shaped, Unusable, Withhold
from schemas.forms import FieldType
from schemas.reasons import Reason, TrueReason

ON = date(2026, 10, 2)
DATASET: Dataset = parse_dataset(files("schemas.catalogue").joinpath("council-tax.yaml").read_text(encoding="utf-8"))


def answer(path: str, form: str, raw: Any, claim: str) -> Shaped:
    """Compare one claim with what one record releases."""
    field = DATASET.fields[path]
    value = apply_form(field, form, raw, on=ON, pseudonym=lambda _path, _value: "ab" * 16)
    shaped = Shaped({path: {"value": value, "form": form}}, {path: (form, "releases/1")}, {}, {}, {})
    return compare(shaped, DATASET, typed=typed_claims(DATASET, {path: claim}), as_typed={path: claim}, on=ON)


def said(path: str, form: str, raw: Any, claim: str) -> object:
    """Return yes, no, or None for nothing."""
    return answer(path, form, raw, claim).fields.get(path, {}).get("value")


@pytest.mark.parametrize(
    ("path", "form", "raw", "claim", "wanted"),
    [
        ("full_name", "full", "Zoë O'Brien", "zoe obrien", "yes"),
        ("full_name", "full", "Zoë O'Brien", "Zoe Bryan", "no"),
        ("full_name", "initial", "Grace Okafor", "Grace Smith", "yes"),
        ("full_name", "initial", "Grace Okafor", "G", "yes"),
        ("full_name", "full", "Grace", "...", "no"),
        ("full_name", "full", "Ren\u00e9e D\u02bcEstrelle", "Renee D'Estrelle", "yes"),
        ("full_name", "full", "Isolde Quayle", "Mrs Isolde Quayle", "yes"),
        ("full_name", "full", "MRS ISOLDE QUAYLE", "Isolde Quayle", "yes"),
        ("full_name", "full", "Isolde Quayle", "Quayle, Isolde", None),
        ("full_name", "full", "\u092e\u0940\u0928\u093e", "\u092e\u094b\u0928\u093e", None),
        ("full_name", "full", "Anna M\u00fcller", "Anna Mueller", None),
        ("full_name", "full", "Maria", "\u041c\u0430\u0440\u0438\u044f", None),
        ("full_name", "initial", "Isolde Quayle", "Mrs Isolde Quayle", "yes"),
        ("full_name", "initial", "Mary Quayle", "Mrs Isolde Quayle", "yes"),
        ("full_name", "initial", "Isolde Quayle", "Mr Tom Quayle", "no"),
        ("account_ref", "full", "CC-1041", "cc 1041", None),
        ("account_ref", "full", "CC-1041", "CC-1042", "no"),
        ("date_of_birth", "full", date(1985, 2, 14), "1985-02-14", "yes"),
        ("date_of_birth", "month", date(1985, 2, 14), "1985-02-28", "yes"),
        ("date_of_birth", "month", date(1985, 2, 14), "1985-02", "yes"),
        ("date_of_birth", "month", date(1985, 2, 14), "1985", None),
        ("date_of_birth", "year", date(1985, 2, 14), "1985", "yes"),
        ("date_of_birth", "year", date(1985, 2, 14), "1986-02-14", "no"),
        ("date_of_birth", "year", date(1985, 2, 14), "1986", "no"),
        ("date_of_birth", "year", date(1985, 2, 14), "1985-02", None),
        ("date_of_birth", "month", date(1985, 2, 14), " 1985-03 ", "no"),
        ("date_of_birth", "full", date(1985, 2, 14), "14 February", None),
        ("age", "years", date(1985, 2, 14), "41", "yes"),
        ("age", "years", date(1985, 2, 14), "42", "no"),
        ("age", "band", date(1985, 2, 14), "64", "yes"),
        ("age", "band", date(1985, 2, 14), "65", "no"),
        ("age", "over_18", date(1985, 2, 14), "19", "yes"),
        ("age", "over_18", date(1985, 2, 14), "17", "no"),
        ("age", "years", date(1985, 2, 14), "forty-one", None),
        ("postcode", "sector", "LS1 4AB", "ls14zz", "yes"),
        ("postcode", "sector", "LS1 4AB", "LS1 4", "yes"),
        ("postcode", "district", "LS14 1AA", "LS1 4", None),
        ("postcode", "sector", "LS1 4AB", "ls1  5", "no"),
        ("postcode", "sector", "LS1 4AB", "LS14", None),
        ("postcode", "district", "LS1 4AB", "LS2", "no"),
        ("postcode", "district", "LS1 4AB", "LS", None),
        ("postcode", "area", "LS1 4AB", "BD", "no"),
        ("postcode", "area", "LS1 4AB", "LS1", None),
        ("postcode", "sector", "BFPO 12", "BFPO", "yes"),
        ("postcode", "sector", "BFPO 12", "FIQQ", "no"),
        ("postcode", "full", "LS1 4AB", "LS14AB", "yes"),
        ("arrears", "band", Decimal("642.18"), "501", "yes"),
        ("arrears", "band", Decimal("642.18"), "12", "no"),
        ("arrears", "full", Decimal("12.50"), "1250", "no"),
        ("arrears", "full", Decimal("12.50"), "12.5", "yes"),
        ("account_ref", "pseudonym", "1000042", "ab" * 16, "yes"),
        ("account_ref", "pseudonym", "1000042", "1000042", "no"),
        ("council_owned", "full", True, "TRUE", "yes"),
        ("council_owned", "full", True, "false", "no"),
        ("property_type", "full", "HT", "ht", "yes"),
        ("postcode", "full", "LS1 4AB", "LS1 4AD", "no"),
        ("owner_name", "full", "Northmoor Homes Ltd", "northmoor homes  LTD", "yes"),
        ("owner_name", "full", "Northmoor Homes Ltd", "Southmoor Homes Ltd", "no"),
    ],
)
def test_a_claim_is_compared_in_the_released_form(path: str, form: str, raw: Any, claim: str, wanted: str | None) -> None:
    assert said(path, form, raw, claim) == wanted


RAW = {
    FieldType.DATE: st.dates(date(1900, 1, 1), ON),
    FieldType.AGE: st.dates(date(1900, 1, 1), ON),
    FieldType.NAME: st.text("abcABC ë'", min_size=1, max_size=9),
    FieldType.MONEY: st.decimals(-9_999, 9_999, places=2),
    FieldType.POSTCODE: st.sampled_from(["LS1 4AB", "LS1 4ZZ", "LS14 4AB", "M1 1AA", "EC1A 1BB"]),
}
PATHS = {kind: next(path for path, one in DATASET.fields.items() if one.type is kind and "." not in path) for kind in RAW}


@settings(deadline=None, max_examples=200)
@given(data=st.data(), kind=st.sampled_from([FieldType.DATE, FieldType.POSTCODE]))
def test_what_may_be_right_may_be_wrong(data: st.DataObject, kind: FieldType) -> None:
    """A claim that is a yes about one record is a no, which counts, about whoever differs: guesses have an end."""
    field: Field = DATASET.fields[PATHS[kind]]
    form = data.draw(st.sampled_from([one for one in field.chain if one != "present"]))
    one, other = data.draw(RAW[kind]), data.draw(RAW[kind])
    values = [str(apply_form(field, form, raw, on=ON, pseudonym=lambda _path, value: value)) for raw in (one, other)]

    assert said(field.path, form, one, values[0]) == "yes"
    assert said(field.path, form, one, values[1]) == ("yes" if values[0] == values[1] else "no")


@pytest.mark.parametrize(("claim", "wanted"), [("JM600010", "yes"), ("JM600010B", "yes"), ("JM600011A", "no")])
def test_a_national_insurance_number_is_the_same_under_any_suffix(claim: str, wanted: str) -> None:
    field = replace(DATASET.fields["account_ref"], type=FieldType.NINO)
    dataset = replace(DATASET, fields={**DATASET.fields, "account_ref": field})
    shaped = Shaped(
        {"account_ref": {"value": "JM600010A", "form": "full"}}, {"account_ref": ("full", "releases/1")}, {}, {}, {}
    )
    typed = typed_claims(dataset, {"account_ref": claim})

    found = compare(shaped, dataset, typed=typed, as_typed={"account_ref": claim}, on=ON)

    assert found.fields["account_ref"]["value"] == wanted


def test_what_can_not_be_compared_is_not_available_and_the_log_knows_why() -> None:
    found = answer("date_of_birth", "month", date(1985, 2, 14), "1985")

    assert found.withheld == {"date_of_birth": Reason.NOT_AVAILABLE}
    assert found.true_reasons == {"date_of_birth": TrueReason.CLAIM_NOT_COMPARABLE}
    assert found.lines == {}


def test_a_claim_that_is_left_without_an_answer_is_as_one_about_what_is_not_held() -> None:
    found = answer("age", "years", date(1985, 2, 14), "41")

    assert without_answers(found, []) is found
    left = without_answers(found, ["age"])
    assert (left.fields, left.lines, left.withheld) == ({}, {}, {"age": Reason.NOT_AVAILABLE})
    assert left.true_reasons == {"age": TrueReason.WRONG_TOO_OFTEN}


@pytest.mark.parametrize(("claim", "is_wrong"), [("41", False), ("42", True), ("nonsense", False)])
def test_only_a_no_counts_as_wrong(claim: str, is_wrong: bool) -> None:  # noqa: FBT001 -- a table's column
    assert bool(wrong_in(answer("age", "years", date(1985, 2, 14), claim))) is is_wrong


@pytest.mark.parametrize(
    ("kind", "forms", "left"),
    [
        (FieldType.DATE, ["full", "present"], ["full"]),
        (FieldType.CODE, ["full", "group"], ["full"]),
        (FieldType.CODE, ["group"], None),
        (FieldType.BOOLEAN, ["full"], ["full"]),
        (FieldType.TEXT, ["present"], None),
        (FieldType.GROUP, ["all"], None),
        (FieldType.MONEY, ["band", "present"], ["band"]),
    ],
)
def test_some_forms_are_never_compared(kind: FieldType, forms: list[str], left: list[str] | None) -> None:
    """`present` says nothing of a value, and half a code or boolean would be guessed at once."""
    field = next(one for one in DATASET.fields.values() if one.type is kind)
    release = Release(tuple(Option(form, f"releases/{n}", "main", ()) for n, form in enumerate(forms)), ())

    found = comparable(field, release)

    if left is None:
        assert found == Withhold(Reason.FIELD_NOT_AGREED)
    else:
        assert isinstance(found, Release)
        assert [one.form for one in found.options] == left


def test_a_match_releases_nothing() -> None:
    whole = Shaped(
        {"age": {"value": 41, "form": "years"}}, {"age": ("years", "releases/1")}, {}, {}, {"adult": True}, ("g",)
    )

    assert matched(whole) == Shaped({}, {}, {}, {}, {}, ("g",))


def test_a_match_of_nobody_says_no_more() -> None:
    nobody = Shaped({}, {}, {"age": Reason.NOT_AVAILABLE}, {"age": TrueReason.NOT_CONFIRMED}, {})

    assert matched(nobody) == Shaped({}, {}, {}, {}, {})


@settings(deadline=None, max_examples=300)
@given(data=st.data(), kind=st.sampled_from(sorted(RAW)))
def test_a_claim_tells_no_more_than_the_form(data: st.DataObject, kind: FieldType) -> None:
    """Of two records that look the same in a form, every claim has the same answer."""
    field: Field = DATASET.fields[PATHS[kind]]
    form = data.draw(st.sampled_from([one for one in field.chain if one not in ("present", "pseudonym")]))
    one, other, claimed = (data.draw(RAW[kind]) for _ in range(3))
    values = [apply_form(field, form, raw, on=ON, pseudonym=lambda _path, _value: "") for raw in (one, other)]
    claim = claimed.isoformat() if isinstance(claimed, date) else str(claimed)
    if field.type is FieldType.AGE:
        claim = str(data.draw(st.integers(0, 120)))

    if None in values or Unusable.INVALID in values or values[0] != values[1]:
        return

    assert said(field.path, form, one, claim) == said(field.path, form, other, claim)
