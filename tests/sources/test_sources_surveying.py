"""What does a survey point out, and what does it never show?"""

from __future__ import annotations

import asyncio
import csv
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from gateway.sources.cleaning import clean_value
from gateway.sources.columns import Column
from gateway.sources.csv_source import CsvSource
from gateway.sources.mapping import parse_mapping
from gateway.sources.surveying import told
from policies.reading.parse import parse_dataset
from schemas.dataset import Field
from schemas.decision import Unusable
from schemas.forms import CHAINS, FieldType
from schemas.terms import Classification

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
DATASET = parse_dataset("""\
dataset: cards
version: 1
title: Cards
collected_for: cards
collected_under: care-act-2014-s2
people: {holder: {ref: holder_ref}}
keys: {card: {finds: [holder], confirm: [born], at_least: 1}}
fields:
  card: {type: reference, label: Card, classification: personal}
  name: {type: name, label: Name, classification: personal}
  born: {type: date, label: Born, classification: personal}
  age: {type: age, label: Age, from: born, classification: personal, bands: [0, 18]}
  mobile: {type: text, label: Mobile, classification: personal}
  postcode: {type: postcode, label: Postcode, classification: personal}
  fines: {type: money, label: Fines, classification: personal, bands: [0, 5]}
""")
MAPPING = """\
source: library
version: 1
dataset: cards@1
csv: {folder: "{dir}", file: cards.csv}
row: CARD
people: {holder: CARD}
keys: {card: CARD}
confirm: {born: {holder: [BORN]}}
fields:
  card: CARD
  name: {column: NAME, clean: [collapse, title]}
  born: {column: BORN, dates: ["%d/%m/%Y"]}
  mobile: MOBILE
  postcode: POSTCODE
  fines: FINES
"""


def surveyed(folder: Path, *rows: tuple[str, ...], mapping: str = MAPPING) -> str:
    """Return what a survey of such rows tells, by field."""
    with (folder / "cards.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("CARD", "NAME", "BORN", "MOBILE", "POSTCODE", "FINES"), *rows])
    source = CsvSource(DATASET, parse_mapping(mapping), folder=str(folder), clock=lambda: NOW)
    try:
        survey = asyncio.run(source.survey(500))
    finally:
        source.close()
    return "\n".join(" ".join(line.split()) for line in told(survey))


ROWS = (
    ("C1", "NULL", "31/12/9999", "N/A", "ZZ99 3VZ", "87.30000000000001"),
    ("C2", "TILDA DORRAN", "12/05/1969", "NULL", "BA3 4QT", "0.1"),
    ("C3", "<null>", "01/01/1900", "n/a", "BA3 4QT", "9999.99"),
)


def test_what_looks_like_a_blank_is_told_by_field_and_code(tmp_path: Path) -> None:
    printed = surveyed(tmp_path, *ROWS)

    assert "name looks like a blank, and is not declared as one: 1 NULL, 1 <null>." in printed
    assert (
        "born looks like a blank, and is not declared as one: 1 31/12/9999 (9999-12-31), 1 01/01/1900 (1900-01-01)."
        in printed
    )
    assert 'If it is one, write blank: ["", "31/12/9999", "01/01/1900"]' in printed
    assert "mobile looks like a blank, and is not declared as one: 1 N/A, 1 NULL, 1 n/a." in printed
    assert 'write blank: ["", N/A, NULL, n/a]' in printed
    assert "postcode looks like a blank, and is not declared as one: 1 ZZ99 3VZ." in printed
    assert "fines looks like a blank, and is not declared as one: 1 9999.99." in printed


def test_no_other_value_is_told(tmp_path: Path) -> None:
    printed = surveyed(tmp_path, *ROWS)

    assert not [word for word in ("Dorran", "DORRAN", "1969", "BA3", "87.3", "C2") if word in printed]


def test_nothing_is_assumed_a_blank_that_was_not_declared(tmp_path: Path) -> None:
    """A person may be called Null. Only the council knows what its system writes for nothing."""
    assert "name 3 held" in surveyed(tmp_path, *ROWS)


def test_a_declared_code_is_blank_and_is_told_no_more(tmp_path: Path) -> None:
    declared = MAPPING.replace("clean: [collapse, title]}", 'clean: [collapse, title], blank: ["", NULL, <null>]}')

    printed = surveyed(tmp_path, *ROWS, mapping=declared)

    assert "name 2 blank, 1 held" in printed
    assert "name looks" not in printed


def test_decimals_of_binary_arithmetic_are_told_with_what_to_write(tmp_path: Path) -> None:
    printed = surveyed(tmp_path, *ROWS)

    assert "fines 2 held, 1 source_value_invalid" in printed
    assert "fines 1 of them decimals that binary arithmetic made: write `rounding: 2`" in printed
    rounded = MAPPING.replace("fines: FINES", "fines: {column: FINES, rounding: 2}")
    assert "fines 3 held" in surveyed(tmp_path, *ROWS, mapping=rounded)


def test_a_clean_export_has_nothing_pointed_out(tmp_path: Path) -> None:
    printed = surveyed(tmp_path, (*ROWS[1][:3], "07700 900341", "BA3 4QT", "12.50"))

    assert "looks like" not in printed
    assert "binary" not in printed
    assert "born 1 held" in printed


def money(raw: object, rounding: int | None, kind: FieldType = FieldType.MONEY) -> object:
    field = Field("it", kind, "It", Classification.PERSONAL, CHAINS[kind])
    return clean_value(raw, Column(sql="it", rounding=rounding), field)


@pytest.mark.parametrize(
    ("raw", "rounding", "found"),
    [
        ("87.30000000000001", 2, Decimal("87.30")),
        ("87.29999999999999", 2, Decimal("87.30")),
        (0.1 + 0.2, 2, Decimal("0.30")),
        ("5.551115123125783e-17", 2, Decimal(0)),
        ("-5.551115123125783e-17", 2, Decimal(0)),
        ("£1,204.125", 2, Decimal("1204.13")),
        ("-1.005", 2, Decimal("-1.01")),
        ("0.1", None, Decimal("0.1")),
        ("87.30000000000001", None, Unusable.INVALID),
        ("1.234e+06", 2, Unusable.INVALID),
        ("NaN", 2, Unusable.INVALID),
        ("1,5", 2, Unusable.INVALID),
    ],
)
def test_a_decimal_is_rounded_where_the_mapping_says_so_alone(raw: object, rounding: int | None, found: object) -> None:
    assert money(raw, rounding) == found
    assert str(money(raw, rounding)) != "-0.00"


def test_a_number_rounded_to_none_is_whole() -> None:
    found = money("12.999999999999998", 0, FieldType.NUMBER)

    assert (found, type(found)) == (13, int)
