"""Does a National Insurance number find its person under any suffix, and without one? In each kind of source."""

from __future__ import annotations

from pathlib import Path

import pytest
import sources_people
from sources_people import (
    DATASET,
    Adapter,
    Service,
    asking,
    card,
    csv_text,
    http_text,
    serving,
    source_of,
    sql_text,
    write_database,
    write_files,
)

from policies.reading.parse import parse_dataset
from schemas.request import SubjectQuery
from schemas.terms import Match

HELD = {"JM600010": "P1", "JM600011A": "P2", "JM600012D": "P3", "JM600013": "P4"}
NUMBERS = parse_dataset(DATASET.text.replace("card_no: {type: reference", "card_no: {type: nino"))
CARDS = [card(no, person, "QUAYLE", "14/02/1985") for no, person in HELD.items()]


@pytest.fixture(params=["sql", "csv"])
def source(request: pytest.FixtureRequest, tmp_path: Path) -> Adapter:
    if request.param == "sql":
        write_database(tmp_path, CARDS, [])
        return source_of(sql_text(), tmp_path, of=NUMBERS)
    write_files(tmp_path, CARDS, [])
    return source_of(csv_text(), tmp_path, of=NUMBERS)


def asked(*numbers: str) -> list[SubjectQuery]:
    return [SubjectQuery("card_no", number, {"surname": "Quayle", "date_of_birth": "1985-02-14"}) for number in numbers]


@pytest.mark.parametrize(
    ("given", "person"),
    [
        ("JM600010", "P1"),
        ("JM600010B", "P1"),
        ("jm 60 00 11", "P2"),
        ("JM600011A", "P2"),
        ("JM600012A", "P3"),
        ("JM600014A", None),
        ("JM60001", None),
    ],
)
def test_a_number_finds_its_person(source: Adapter, given: str, person: str | None) -> None:
    found = asking(source, lambda one: one.identify(asked(given)))[0]

    assert (found.people or {}).get("holder") == person
    assert (found.match is Match.CONFIRMED) == (person is not None)


def test_many_numbers_find_each_their_own(source: Adapter) -> None:
    found = asking(source, lambda one: one.identify(asked("JM600013C", "JM600011", "JM600099", "JM600010A")))

    assert [(one.people or {}).get("holder") for one in found] == ["P4", "P2", None, "P1"]


def test_a_service_is_asked_as_was_typed_and_its_suffix_is_no_other_person() -> None:
    whole = [sources_people.as_json({**CARDS[1], "no": "JM600011A"}, [])]
    with serving(Service()) as service:

        async def answer(_request: object) -> object:
            return sources_people.web.json_response({"items": whole})

        service.answer = answer  # type: ignore[assignment]  # a service that finds by the number's eight characters
        source = source_of(http_text(service.port), Path(), of=NUMBERS)
        found = asking(source, lambda one: one.identify(asked("JM600011", "JM 60 00 11 C")))

    assert [(one.people or {}).get("holder") for one in found] == ["P2", "P2"]
    assert "JM600011C" in str(service.asked[0].url)
