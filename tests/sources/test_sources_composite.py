"""Is somebody found by a composite key where exactly one person fits all of it, in every kind of source?"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sources_composite import (
    DAYS,
    POSTCODES,
    SURNAMES,
    People,
    Row,
    csv_text,
    http_text,
    person,
    row,
    source_of,
    sql_text,
    truly,
    write_database,
    write_file,
)
from sources_people import Adapter, asking, serving

from gateway.sources.contract import Found
from gateway.sources.finding import MOST_ROWS, MOST_ROWS_OF_ALL
from schemas.request import SubjectQuery
from schemas.terms import Match

BOTH = "date_of_birth, postcode"
KINDS = ["sql", "csv", "http"]


class Library:
    """One set of rows, held in three kinds of source."""

    def __init__(self, folder: Path, service: People) -> None:
        self.folder = folder
        self.service = service

    def hold(self, rows: list[Row]) -> None:
        write_database(self.folder, rows)
        write_file(self.folder, rows)
        self.service.cards = rows

    def source(self, kind: str, asked_by: str = BOTH) -> Adapter:
        texts = {"sql": sql_text, "csv": csv_text, "http": lambda asked: http_text(asked, self.service.port)}
        return source_of(texts[kind](asked_by), self.folder)

    def ask(self, kind: str, *queries: SubjectQuery, asked_by: str = BOTH) -> list[Found]:
        found: list[Found] = asking(self.source(kind, asked_by), lambda one: one.identify(queries))
        return found


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    with serving(People()) as service:
        assert isinstance(service, People)
        yield Library(tmp_path_factory.mktemp("library"), service)


REFS = st.sampled_from(["P1", "P2", "P3", ""])
ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "holder": REFS,
            "joint": REFS,
            "surname": st.sampled_from(sorted(SURNAMES)),
            "former": st.sampled_from(sorted(SURNAMES)),
            "joint_surname": st.sampled_from(sorted(SURNAMES)),
            "born": st.sampled_from(sorted(DAYS)),
            "joint_born": st.sampled_from(sorted(DAYS)),
            "postcode": st.sampled_from(sorted(POSTCODES)),
            "protected": st.sampled_from(["N", "N", "N", "Y", "", "?"]),
        }
    ),
    max_size=6,
).map(lambda rows: [row(f"C{number}", **one) for number, one in enumerate(rows)])
ASKED = st.tuples(
    st.sampled_from(["okafor", "walsh"]),
    st.sampled_from(["1985-02-14", "1990-03-04"]),
    st.sampled_from(["LS1 4AB", "M1 1AA"]),
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=ROWS, asked=st.lists(ASKED, min_size=1, max_size=3), asked_by=st.sampled_from([BOTH, "date_of_birth", "postcode"])
)
def test_somebody_is_found_exactly_where_one_unprotected_person_fits_all_of_it(
    library: Library, rows: list[Row], asked: list[tuple[str, str, str]], asked_by: str
) -> None:
    """However each of it is spelt, in every kind of source, alone or with others: as brute force says."""
    library.hold(rows)
    for kind in KINDS:
        found = library.ask(kind, *(person(*one) for one in asked), asked_by=asked_by)
        for one, (surname, day, postcode) in zip(found, asked, strict=True):
            fitting = truly(rows, (surname, day, postcode))
            if len({(ref, no) for ref, no, _ in fitting}) == 1:
                assert (one.match, one.row) == (Match.CONFIRMED, fitting[0][1]), kind
                assert (one.people or {})[one.subject or ""] == fitting[0][0]
            else:
                assert one.match is not Match.CONFIRMED, kind
                assert (one.subject, one.people, one.row) == (None, None, None)
            assert one.near == (), "a guess at who somebody is must not lock whom it comes near"


GRACE = row("C1", holder="P1", surname="OKAFOR", former="WALSH", born="14/02/1985", postcode="LS14AB")


@pytest.mark.parametrize("kind", KINDS)
def test_each_failure_is_its_own_in_the_log_alone(library: Library, kind: str) -> None:
    library.hold([GRACE, row("C2", holder="P2", surname="WALSH", born="04/03/1990", postcode="M1 1AA", protected="Y")])

    found = library.ask(
        kind,
        person(),
        person("Walsh"),
        person("Ward"),
        person(born="1986-02-14"),
        person("Walsh", "1990-03-04", "M1 1AA"),
        person(born="2999-01-01"),
        SubjectQuery("person", "", {"surname": "Okafor", "date_of_birth": "1985-02-14"}, is_composite=True),
        SubjectQuery("person", "", {**person().confirm, "postcode": "nowhere"}, is_composite=True),
    )

    assert [one.match for one in found] == [
        Match.CONFIRMED,
        Match.CONFIRMED,  # by a former name
        Match.MISMATCH,
        Match.NOBODY,
        Match.PROTECTED_BY_PLACE,
        Match.NOBODY,
        Match.MISMATCH,
        Match.NOBODY,
    ]


@pytest.mark.parametrize("kind", KINDS)
def test_one_person_of_two_records_is_several(library: Library, kind: str) -> None:
    """As by any key: which of the records was meant, nobody could tell."""
    library.hold([GRACE, {**GRACE, "no": "C2"}])

    assert [one.match for one in library.ask(kind, person())] == [Match.SEVERAL]


@pytest.mark.parametrize("kind", KINDS)
def test_details_of_two_people_of_one_record_name_neither(library: Library, kind: str) -> None:
    library.hold([{**GRACE, "joint": "P2", "joint_surname": "OBI", "joint_born": "04/03/1990"}])

    assert [one.match for one in library.ask(kind, person(born="1990-03-04"))] == [Match.MISMATCH]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("others", "match"), [(MOST_ROWS, Match.CONFIRMED), (MOST_ROWS_OF_ALL, Match.SEVERAL)])
def test_many_share_a_birth_date_and_too_many_can_not_be_told_apart(
    library: Library, kind: str, others: int, match: Match
) -> None:
    crowd = [row(f"D{n}", holder=f"Q{n}", surname="OBI", born="14/02/1985", postcode="M1 1AA") for n in range(others)]
    library.hold([GRACE, *crowd])

    assert [one.match for one in library.ask(kind, person(), asked_by="date_of_birth")] == [match]
    nobody = library.ask(kind, person("Ward"), asked_by="date_of_birth")
    assert [one.match for one in nobody] == [Match.MISMATCH if match is Match.CONFIRMED else match]


@pytest.mark.parametrize("kind", KINDS)
def test_plain_and_composite_keys_may_stand_in_one_call(library: Library, kind: str) -> None:
    library.hold([GRACE, row("C2", holder="P2", surname="WALSH", born="04/03/1990", postcode="M1 1AA")])
    asked = [
        person(),
        SubjectQuery("card_no", "C2", {"surname": "Walsh"}),
        person("Walsh", "1990-03-04", "M11AA"),
        person(),
    ]

    found = library.ask(kind, *asked)

    assert [(one.match, one.row) for one in found] == [(Match.CONFIRMED, no) for no in ("C1", "C2", "C2", "C1")]
