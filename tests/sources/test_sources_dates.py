"""Which day does a value state, and which value states none?"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.sources.cleaning import clean_value, field_cleaner
from gateway.sources.columns import Column
from gateway.sources.dates import format_flaw, read_day
from gateway.sources.finding import Finding
from gateway.sources.mapping import parse_mapping
from gateway.sources.mapping_findings import mapping_findings
from gateway.sources.records import Records
from policies.reading.parse import parse_dataset
from schemas.dataset import Dataset
from schemas.decision import Unusable
from schemas.request import SubjectQuery
from schemas.terms import Match

INVALID = Unusable.INVALID
NOW = datetime(2026, 11, 30, 23, 30, tzinfo=UTC)


def day(text: str, form: str, pivot: int | None = None) -> str:
    try:
        return read_day(text, (form,), pivot).isoformat()
    except ValueError:
        return "invalid"


@pytest.mark.parametrize(
    ("form", "text"),
    [
        ("%d%m%Y", "2111990"),  # a spreadsheet dropped the nought: strptime makes 21 January of it
        ("%d%m%Y", "4091982"),
        ("%d%m%Y", "1021985"),
        ("%Y%m%d", "1978613"),
        ("%Y%m%d", "1985111"),
        ("%Y%m%d", "910430"),
        ("%Y%m%d", "850214"),
        ("%Y%m%d", "19781306"),
        ("%Y%m%d", " 19780613"),
        ("%Y%m%d", "2026-W14"),
        ("%d/%m/%Y", "3/4/1985"),
        ("%d/%m/%Y", "03/04/85"),
        ("%d/%m/%Y", "03/04/1985 00:00"),
        ("%d/%m/%Y", "03/04/19855"),
        ("%d/%m/%Y", "\u0660\u0663/04/1985"),
        ("%-d/%-m/%Y", "03/04/1985"),
        ("%y%m%d", "1985021"),
        ("%Y-%j", "2026-6"),
        ("%Y-%j", "2025-366"),
        ("%Y-%j", "2025-000"),
        ("%Y-%m-%dT%H:%M:%S", "1990-05-19T9:00:00"),
        ("%Y-%m-%dT%H:%M:%S", "1990-05-19T24:00:00"),
        ("%Y-%m-%dT%H:%M:%S%z", "1990-05-19T23:00:00"),
        ("%Y-%m-%dT%H:%M:%S%z", "1990-05-19T23:00:00+1"),
        ("%Y-%m-%dT%H:%M:%S%z", "1990-05-19T23:00:00+2500"),
        ("%Y-%m-%dT%H:%M:%S%z", "9999-12-31T23:59:59-01:00"),
        ("%d %b %Y", "14 Febr 1985"),
        ("%a %d %b %Y", "Fri 14 Feb 1985"),  # it was a Thursday
        ("%d/%m/%Y %I:%M%p", "14/02/1985 13:00PM"),
    ],
)
def test_a_text_that_is_not_the_whole_format_is_no_day(form: str, text: str) -> None:
    assert day(text, form, 1930) == "invalid"


@pytest.mark.parametrize(
    ("form", "text", "found"),
    [
        ("%d%m%Y", "11121970", "1970-12-11"),
        ("%-d/%-m/%Y", "3/4/1985", "1985-04-03"),
        ("%-d/%-m/%Y", "13/12/1985", "1985-12-13"),
        ("%d/%m/%Y %H:%M", "14/02/1985 00:00", "1985-02-14"),
        ("%Y-%m-%d %H:%M:%S.%f", "1985-02-14 00:00:00.0000000", "1985-02-14"),
        ("%b %d %Y %I:%M%p", "Feb 14 1985 12:00AM", "1985-02-14"),
        ("%d %B %Y", "14 FEBRUARY 1985", "1985-02-14"),
        ("%A %d %B %Y", "Thursday 14 February 1985", "1985-02-14"),
        ("%Y-%j", "2024-366", "2024-12-31"),
        ("100%% %d.%m.%Y", "100% 14.02.1985", "1985-02-14"),
    ],
)
def test_what_fits_to_the_last_character_is_the_day(form: str, text: str, found: str) -> None:
    assert day(text, form) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("1990-05-19T23:00:00Z", "1990-05-20"),  # midnight in London
        ("1990-05-19T22:59:59Z", "1990-05-19"),
        ("1990-12-19T00:00:00Z", "1990-12-19"),
        ("1990-05-20T00:00:00+0100", "1990-05-20"),
        ("1990-05-20T00:00:00+01:00", "1990-05-20"),
        ("1990-05-20T00:00:00+02", "1990-05-19"),
        ("1990-05-19T23:00:00z", "1990-05-20"),
        ("1969-12-19T23:00:00UTC", "1969-12-20"),  # London was an hour ahead all that year
    ],
)
def test_an_instant_is_a_day_of_london(text: str, found: str) -> None:
    assert day(text, "%Y-%m-%dT%H:%M:%S%z") == found


@pytest.mark.parametrize("form", ["%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%M:%Sz", "%Y-%m-%dT%H:%M:%S+00:00"])
def test_a_zone_written_out_is_refused_and_read_as_an_instant_where_it_was_published(form: str) -> None:
    flaw = format_flaw(form, None)

    assert flaw is not None
    assert "%z" in flaw[1]
    assert day("1990-05-19T23:00:00" + form.partition("%S")[2], form) == "1990-05-20"


def test_a_day_with_a_zone_alone_is_that_day() -> None:
    assert day("1985-06-14+01:00", "%Y-%m-%d%z") == "1985-06-14"


@pytest.mark.parametrize(
    ("raw", "found"),
    [
        (datetime(1990, 5, 19, 23, tzinfo=UTC), date(1990, 5, 20)),
        (datetime(1990, 5, 19, 23), date(1990, 5, 19)),  # noqa: DTZ001 -- as a driver gives a time without a zone
        (datetime.max.replace(tzinfo=timezone(timedelta(hours=-5))), INVALID),
    ],
)
def test_a_drivers_instant_is_a_day_of_london_too(raw: datetime, found: object) -> None:
    assert field_cleaner(BORN, "lent_on", Column(sql="x"), lambda: NOW)(raw) == found


@pytest.mark.parametrize(
    ("text", "found"), [("41", "1941"), ("81", "1981"), ("29", "2029"), ("30", "1930"), ("00", "2000")]
)
def test_two_digits_of_a_year_mean_what_the_pivot_says(text: str, found: str) -> None:
    assert day(f"06/10/{text}", "%d/%m/%y", 1930) == f"{found}-10-06"


def test_two_digits_of_a_year_without_a_pivot_are_no_day() -> None:
    assert day("06/10/41", "%d/%m/%y") == "invalid"


@settings(deadline=None, max_examples=200)
@given(
    on=st.dates(min_value=date(1900, 1, 1), max_value=date(2099, 12, 31)),
    form=st.sampled_from(
        ["%d%m%Y", "%Y%m%d", "%d/%m/%Y", "%Y-%j", "%d %b %Y", "%A, %d %B %Y", "%m/%d/%Y", "%d.%m.%Y %H:%M:%S"]
    ),
    cut=st.integers(0, 5),
)
def test_a_written_day_is_read_as_itself_and_never_as_another(on: date, form: str, cut: int) -> None:
    """Whatever character is lost, what is left is no other day."""
    text = on.strftime(form)
    shorter = text[:cut] + text[cut + 1 :]

    assert day(text, form) == on.isoformat()
    assert day(shorter, form) == "invalid"


@pytest.mark.parametrize(
    ("forms", "text", "found"),
    [
        (("%d/%m/%Y", "%m/%d/%Y"), "03/04/1985", None),
        (("%d/%m/%Y", "%m/%d/%Y"), "25/12/1985", "1985-12-25"),
        (("%d/%m/%Y", "%m/%d/%Y"), "12/25/1985", "1985-12-25"),
        (("%d/%m/%Y", "%m/%d/%Y"), "04/04/1985", "1985-04-04"),
        (("%d%m%Y", "%Y%m%d"), "20121201", None),
        (("%d%m%y", "%y%m%d"), "101112", None),
        (("%d/%m/%Y", "%Y%m%d"), "19850403", "1985-04-03"),
    ],
)
def test_a_text_that_two_formats_read_as_two_days_is_no_day(forms: tuple[str, ...], text: str, found: str | None) -> None:
    if found is None:
        with pytest.raises(ValueError, match="two"):
            read_day(text, forms, 1930)
    else:
        assert read_day(text, forms, 1930).isoformat() == found


# -- births

BORN = parse_dataset("""\
dataset: cards
version: 1
title: Cards
collected_for: cards
collected_under: care-act-2014-s2
people: {holder: {ref: holder_ref}}
keys: {card: {finds: [holder], confirm: [came], at_least: 1}}
fields:
  card: {type: reference, label: Card, classification: personal}
  came: {type: date, label: Birth, classification: personal}
  age: {type: age, label: Age, from: came, classification: personal, bands: [0, 18]}
  lent_on: {type: date, label: Lent on, classification: personal}
  dob: {type: date, label: Of another, classification: personal}
""")
MAPPING = """\
source: library
version: 1
dataset: cards@1
url: sqlite:///{dir}/library.sqlite
from: card c
row: c.no
people: {holder: c.holder}
keys: {card: c.no}
confirm: {came: {holder: [c.born]}}
fields:
  card: c.no
  came: {sql: c.born, dates: ["%d/%m/%Y"]}
  dob: {sql: c.other, dates: ["%d/%m/%Y"]}
  lent_on: {sql: c.lent, dates: ["%d/%m/%Y"]}
"""


@pytest.mark.parametrize(
    ("path", "text", "is_value"),
    [
        ("came", "30/11/2026", True),
        ("came", "01/12/2026", False),
        ("came", "31/12/9999", False),
        ("dob", "01/12/2026", False),
        ("lent_on", "01/12/2026", True),
    ],
)
def test_nobody_is_born_after_today(path: str, text: str, *, is_value: bool) -> None:
    clean = field_cleaner(BORN, path, Column(sql="x", dates=("%d/%m/%Y",)), lambda: NOW)

    assert (clean(text) is not INVALID) is is_value


def test_today_is_the_day_of_asking_in_london() -> None:
    """A source outlives many days: what was too late yesterday is a birth today."""
    now = [datetime(2026, 6, 9, 22, 59, tzinfo=UTC)]
    clean = field_cleaner(BORN, "came", Column(sql="x"), lambda: now[0])
    before = clean("2026-06-10")
    now[0] += timedelta(minutes=1)

    assert (before, clean("2026-06-10")) == (INVALID, date(2026, 6, 10))


def test_a_birth_to_come_confirms_nobody_who_states_it() -> None:
    finding = Finding(BORN, parse_mapping(MAPPING), lambda: NOW)
    sought = finding.sought(SubjectQuery("card", "C1", {"came": "9999-12-31"}))

    found = finding.one_of([("C1", "P1", "31/12/9999", None)], sought)  # type: ignore[arg-type]  # it is sought

    assert found.match is Match.MISMATCH


def test_a_records_wishes_know_the_day_too() -> None:
    records = Records(BORN, parse_mapping(MAPPING), lambda: NOW)
    ((_, (_, clean)),) = records.wishes(frozenset({"came"}), "holder")

    assert clean("01/12/2026") is INVALID


# -- what a mapping may say


def told(of: Dataset, old: str, new: str) -> list[str]:
    assert old in MAPPING
    return [str(one) for one in mapping_findings(parse_mapping(MAPPING.replace(old, new)), of) if one.severity == "error"]


LENT = '  lent_on: {sql: c.lent, dates: ["%d/%m/%Y"]}'


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('dates: ["%d/%m/%y"]', "Give `pivot`, the first year that they may mean"),
        ('dates: ["%Y-%m-%dT%H:%M:%SZ"]', "Write %z there instead"),
        ('dates: ["%Y-%m-%d %H:%M:%S UTC"]', "Write %z there instead"),
        ('dates: ["%-d%m%Y"]', "Put a mark between them"),
        ('dates: ["%d/%m/%Y %I:%M"]', "Write %H, or add %p"),
        ("pivot: 1930", "no format of lent_on reads two digits of a year"),
        ("rounding: 2", "lent_on is neither money nor a number"),
    ],
)
def test_what_could_not_be_read_for_certain_is_not_published(line: str, words: str) -> None:
    (found,) = told(BORN, LENT, f"  lent_on: {{sql: c.lent, {line}}}")

    assert words in found
    assert "line 14" in found


def test_a_pivot_makes_two_digits_readable() -> None:
    assert told(BORN, LENT, '  lent_on: {sql: c.lent, dates: ["%d/%m/%y"], pivot: 1930}') == []


def test_a_declared_blank_counts_as_the_source_spells_it() -> None:
    """`title` makes Null of NULL, and the council declares what it sees in its system."""
    name = next(
        one for one in parse_dataset(BORN.text.replace("card: {type: reference", "card: {type: name")).fields.values()
    )
    column = Column(sql="x", clean=("collapse", "title"), blank=("", "NULL"))

    assert clean_value(" NULL ", column, name) is None
    assert clean_value("Nullah", column, name) == "Nullah"
