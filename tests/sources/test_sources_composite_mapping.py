"""How is a composite key mapped, what is told of what can't work, and in which spellings is it asked for?"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sources_composite import (
    DATASET,
    FORMATS,
    NOW,
    People,
    csv_text,
    http_text,
    person,
    row,
    source_of,
    sql_text,
    write_database,
    write_file,
)
from sources_people import asking, serving

from gateway.sources.cleaning import cleaner
from gateway.sources.columns import Column
from gateway.sources.comparing import normal_form
from gateway.sources.composite import AskedBy, asked_by
from gateway.sources.contract import SourceFailedError
from gateway.sources.dates import read_day, texts_of_day
from gateway.sources.finding import Finding
from gateway.sources.http_source import HttpSource
from gateway.sources.mapping import offered_keys, parse_mapping
from gateway.sources.mapping_findings import mapping_findings
from gateway.sources.surveying import told
from gateway.sources.trying import try_mapping
from policies.reading.findings import TextError
from policies.reading.parse import parse_dataset
from schemas.forms import FieldType
from schemas.request import SubjectQuery
from schemas.terms import Match

BOTH = "date_of_birth, postcode"
SQL = sql_text(BOTH)


def findings_of(text: str) -> str:
    return "\n".join(map(str, mapping_findings(parse_mapping(text), DATASET)))


def refusal_of(text: str) -> str:
    with pytest.raises(TextError) as refused:
        parse_mapping(text)
    return str(refused.value)


# -- what a text may say


@pytest.mark.parametrize("text", [SQL, csv_text(BOTH), http_text(BOTH, 80), csv_text("surname"), sql_text("postcode")])
def test_a_composite_key_lists_what_the_source_is_asked_by(text: str) -> None:
    mapping = parse_mapping(text)

    assert mapping_findings(mapping, DATASET) == ()
    assert offered_keys(mapping, DATASET) == {"card_no", "person"}
    assert set(mapping.keys) == {"card_no"}


def test_a_key_that_is_not_mapped_is_not_offered() -> None:
    mapping = parse_mapping(SQL.replace(f", person: [{BOTH}]", ""))

    assert mapping_findings(mapping, DATASET) == ()
    assert offered_keys(mapping, DATASET) == {"card_no"}


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (f"[{BOTH}]", "[date_of_brith]", "date_of_brith is no detail of the key person. Did you mean date_of_birth?"),
        (f"[{BOTH}]", "[card_no]", "card_no is no detail of the key person"),
        (f"[{BOTH}]", "[surname]", "surname is a name, and can't be asked for in all its spellings. Ask by a date,"),
        (
            f"[{BOTH}]",
            "c.born",
            "person is a composite key, and lies at no one place. List details by which the source is asked",
        ),
        ("card_no: c.no,", "card_no: [surname],", "card_no is no composite key. Write its place."),
        (", joint: [c.postcode]", "", "confirm.postcode is not mapped for joint"),
        ("%d-%b-%Y", "%d-%b-%Y %H:%M", "date_of_birth is held with a time (%d-%b-%Y %H:%M), and a day can't be asked for"),
        ("person: [", "persons: [", "keys.persons is not in dataset library-cards. Did you mean person?"),
    ],
)
def test_what_does_not_fit_is_told_with_its_place_and_remedy(old: str, new: str, words: str) -> None:
    assert old in SQL
    found = findings_of(SQL.replace(old, new, 1))

    assert words in found
    assert found.startswith("line ")


def test_a_key_of_the_other_sort_is_not_offered() -> None:
    """So a text that no check has seen leads no call to where there is nothing."""
    text = SQL.replace(f"[{BOTH}]", "c.born").replace("card_no: c.no,", "card_no: [surname],")

    assert offered_keys(parse_mapping(text), DATASET) == set()


def test_an_empty_list_is_refused() -> None:
    assert "the list is empty" in refusal_of(SQL.replace(BOTH, ""))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('postcode: "{postcode}"', 'postcode: "{value}"'),
        ('postcode: "{postcode}"', 'postcode: "{surname}"'),
        ('postcode: "{postcode}"', 'postcode: "LS1"'),
        ('postcode: "{postcode}"', 'postcode: "{postcode}", again: "{postcode}"'),
        ('no: "{value}"}, records: items}\n    person', 'no: "{postcode}"}, records: items}\n    person'),
    ],
)
def test_a_search_that_does_not_ask_by_the_details_is_refused(old: str, new: str) -> None:
    text = http_text(BOTH, 80)
    assert old in text
    told_ = refusal_of(text.replace(old, new))

    assert "does not say once what is asked for" in told_
    assert ("Write {date_of_birth}, {postcode}, each once." in told_) == ("person" not in old)


# -- spellings


def details(kind: FieldType, **options: object) -> AskedBy:
    """Return what is asked by of the library's mapping, as if its field were of this kind and column."""
    mapping = parse_mapping(SQL.replace(", " + FORMATS, ""))
    (one, *_) = asked_by(DATASET, mapping, "person", lambda: NOW)
    column = Column(sql="c.x", **options)  # type: ignore[arg-type]  # a test's own
    return replace(
        one, field=replace(one.field, type=kind), column=column, clean=cleaner(column, kind), form=normal_form(kind)
    )


@pytest.mark.parametrize(
    ("kind", "typed", "spelt"),
    [
        (FieldType.POSTCODE, "ls1 4ab", ("LS1 4AB", "LS14AB", "LS1  4AB")),
        (FieldType.POSTCODE, "m11aa", ("M1 1AA", "M11AA", "M1  1AA", "M1   1AA")),
        (FieldType.POSTCODE, "SW1A 1AA", ("SW1A 1AA", "SW1A1AA")),
        (FieldType.POSTCODE, "AI-2640", ("AI-2640", "AI2640")),
        (FieldType.NHS_NUMBER, "943 476 5919", ("9434765919",)),
        (FieldType.UPRN, "000900000042", ("900000042",)),
        (FieldType.UPN, "b801200005001", ("B801200005001",)),
        (FieldType.NINO, "AB 12 34 56 C", ("AB123456C", "AB123456", "AB123456A", "AB123456B", "AB123456D")),
        (FieldType.DATE, "1985-2-14", ()),
        (FieldType.DATE, "1985-02-14", ("1985-02-14",)),
    ],
)
def test_each_type_is_asked_for_in_the_spellings_of_its_registers(
    kind: FieldType, typed: str, spelt: tuple[str, ...]
) -> None:
    assert details(kind).spellings(typed) == spelt


@pytest.mark.parametrize(
    ("options", "typed", "spelt"),
    [
        ({"dates": ("%d/%m/%Y", "%Y%m%d")}, "1985-02-04", ("04/02/1985", "19850204")),
        ({"dates": ("%-d/%-m/%Y",)}, "1985-02-04", ("4/2/1985",)),
        ({"dates": ("%d %B %Y",)}, "1985-02-04", ("04 February 1985", "04 FEBRUARY 1985", "04 february 1985")),
        ({"dates": ("%a %d %b %Y",)}, "1985-02-14", ("Thu 14 Feb 1985", "THU 14 FEB 1985", "thu 14 feb 1985")),
        ({"dates": ("%d/%m/%y",), "pivot": 1930}, "1985-02-04", ("04/02/85",)),
        ({"dates": ("%d/%m/%y",), "pivot": 1990}, "1985-02-04", ()),
        ({"dates": ("%Y-%j",)}, "1985-02-04", ("1985-035",)),
        ({"dates": ("%d/%m/%Y", "%m/%d/%Y")}, "1985-02-04", ()),
        ({"dates": ("%d/%m/%Y", "%m/%d/%Y")}, "1985-02-14", ("14/02/1985", "02/14/1985")),
        ({"dates": ("%d/%m/%Y",), "blank": ("", "01/01/1900")}, "1900-01-01", ()),
        ({"dates": ("%d/%m/%Y %H:%M",)}, "1985-02-04", ()),
    ],
)
def test_a_day_is_asked_for_in_every_text_that_is_read_as_it(
    options: dict[str, object], typed: str, spelt: tuple[str, ...]
) -> None:
    """None that two formats read as two days, none that is declared a blank, none of another century."""
    assert details(FieldType.DATE, **options).spellings(typed) == spelt


@given(
    day=st.dates(date(1900, 1, 1), date(2060, 12, 31)),
    form=st.sampled_from(
        ["%Y-%m-%d", "%d/%m/%Y", "%-d.%-m.%Y", "%d %b %Y", "%A %d %B %Y", "%Y%m%d", "%Y-%j", "100%% %d%b%Y"]
    ),
)
def test_every_text_of_a_day_reads_as_that_day(day: date, form: str) -> None:
    texts = texts_of_day(day, form)

    assert texts
    assert {read_day(text, [form]) for text in texts} == {day}
    assert not set(texts) & set(texts_of_day(day + timedelta(1), form))


# -- trying


def test_a_service_is_tried_by_the_composite_key_of_a_record_that_it_gives(tmp_path: Path) -> None:
    rows = [row("C0"), row("C1", holder="P1", surname="OKAFOR", born="14-Feb-1985", postcode="LS14AB")]
    with serving(People(cards=rows)) as service:
        text = http_text(BOTH, service.port)
        asking(source_of(text, tmp_path), lambda one: one.survey(5))
        assert [dict(one.query) for one in service.asked if one.path == "/people"] == [
            {"date_of_birth": "14/02/1985", "postcode": "LS1 4AB"}
        ]

        wrong = text.replace("/people, query: {date_of_birth: ", "/people, query: {no: ")
        survey = asking(source_of(wrong, tmp_path), lambda one: one.survey(5))
        assert any("http.search.person did not find a record that the sample gave" in line for line in told(survey))


def test_a_service_that_gives_another_than_was_asked_for_fails_the_call(tmp_path: Path) -> None:
    """It would else be read by whoever asks, as whatever their question was."""
    rows = [row("C1", holder="P1", surname="OKAFOR", born="14/02/1985", postcode="M1 1AA")]
    with serving(People(cards=rows)) as service:
        text = http_text(BOTH, service.port).replace('postcode: "{postcode}"', 'post: "{postcode}"')
        with pytest.raises(SourceFailedError, match="gave the record of another than was asked for") as failed:
            asking(source_of(text, tmp_path), lambda one: one.identify([person()]))
    assert "LS1" not in str(failed.value)


def test_former_names_in_a_list_fit_wherever_their_place_stands(tmp_path: Path) -> None:
    """Also as the last place of a search that no marker follows."""
    held: dict[str, Any] = {**row("C1", holder="P1", joint="P2"), "joint_surname": ["OBI", "OKAFOR"]}
    with serving(People(cards=[held])) as service:
        by_number = SubjectQuery("card_no", "C1", {"surname": "Okafor"})
        (found,) = asking(source_of(http_text(BOTH, service.port), tmp_path), lambda one: one.identify([by_number]))

    assert (found.match, found.subject) == (Match.CONFIRMED, "joint")


def test_each_of_several_markers_keeps_somebody_from_being_found(tmp_path: Path) -> None:
    refuge = "  refuge: {type: boolean, label: In a refuge, classification: personal, marker: true, protects: [location]}\n"
    given = row("C1", holder="P1", surname="OKAFOR", born="14/02/1985", postcode="LS1 4AB")
    matches = []
    for marker in ("protected", "refuge", ""):
        with serving(People(cards=[{**given, "refuge": "N", **({marker: "Y"} if marker else {})}])) as service:
            mapping = parse_mapping(http_text(BOTH, service.port).replace("fields:\n", "fields:\n  refuge: refuge\n"))
            source = HttpSource(parse_dataset(DATASET.text + refuge), mapping, credentials=None, clock=lambda: NOW)
            matches += [one.match for one in asking(source, lambda one: one.identify([person()]))]

    assert matches == [Match.PROTECTED_BY_PLACE, Match.PROTECTED_BY_PLACE, Match.CONFIRMED]


def test_what_is_asked_for_is_one_value_whatever_is_in_it(tmp_path: Path) -> None:
    """A detail in a path or a query stands there percent-encoded whole."""
    rows = [row("C1", holder="P1", surname="OKAFOR", born="14/02/1985", postcode="LS1 4AB")]
    with serving(People(cards=rows)) as service:
        text = http_text(BOTH, service.port).replace("path: /people,", "path: '/people/{postcode}',")
        text = text.replace(', postcode: "{postcode}"}', ', kind: "born"}')
        (found,) = asking(source_of(text, tmp_path), lambda one: one.identify([person()]))
        assert found.match is Match.CONFIRMED
        assert [one.raw_path for one in service.asked] == ["/people/LS1%204AB?date_of_birth=14%2F02%2F1985&kind=born"]


def test_a_sample_tells_how_many_would_never_be_found(tmp_path: Path) -> None:
    """Counted, and never shown."""
    held = [
        ("14/02/1985 ", "LS1 4AB"),
        ("14/02/1985", "ls1 4ab"),
        ("14/02/1985", "LS1 4AB"),
        ("", "NOT KNOWN"),
        ("04/03/1990", ""),
    ]
    rows = [row(f"C{n}", holder=f"P{n}", born=born, postcode=postcode) for n, (born, postcode) in enumerate(held)]
    write_database(tmp_path, rows)
    mapping = parse_mapping(SQL)
    source = source_of(SQL, tmp_path)

    survey = asyncio.run(try_mapping(source, mapping))
    source.close()  # type: ignore[union-attr]  # an SQL source is closed at once

    lines = [line for line in told(survey) if "finds nobody" in line]
    assert [line.split(":")[0].strip() for line in lines] == ["confirm.date_of_birth", "confirm.postcode"]
    assert all("1 of the sample are held in a spelling by which keys.person finds nobody" in line for line in lines)
    assert "LS1" not in "".join(lines).upper()


def test_an_export_needs_no_spelling(tmp_path: Path) -> None:
    """It is read whole: what is padded there, or a name, finds as well."""
    write_file(tmp_path, [row("C1", holder="P1", surname="O'Kafor", born=" 14/02/1985 ", postcode="ls1 4ab")])

    for asked in (BOTH, "surname", "surname, postcode"):
        (found,) = asking(source_of(csv_text(asked), tmp_path), lambda one: one.identify([person()]))
        assert found.match is Match.CONFIRMED


def test_a_search_reads_the_columns_of_its_details_and_its_marker_alone() -> None:
    places = Finding(DATASET, parse_mapping(SQL), lambda: NOW).selected(
        ("person", ("date_of_birth", "postcode", "surname"))
    )

    assert set(places) == {
        *("c.no", "c.holder", "c.joint", "c.born", "c.joint_born", "c.postcode", "c.surname", "c.former"),
        *("c.joint_surname", "c.protected"),
    }
