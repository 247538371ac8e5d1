"""Does a source know a person's own reference? As it compares, and what is near; where it can't say, it fails."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from sources_people import (
    CARDS,
    LOANS,
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
    write_postgresql,
)
from sqlalchemy.dialects import mssql, mysql, oracle

from gateway.sources.contract import Known, SourceFailedError
from gateway.sources.knowing import known_of
from gateway.sources.statements import Statement

HELD = [card("C1", "Q-312", "OKAFOR", "14/02/1985", joint=" Q-313 "), card("C2", "q-400", "BELL", "01/03/1990")]
Make = Callable[[], Adapter]


@pytest.fixture(params=["sql", "postgresql", "csv"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Make:
    """Return a function: a source of this kind that holds two cards, of three people."""

    def made() -> Adapter:
        if request.param == "postgresql":
            url = request.getfixturevalue("postgresql")
            write_postgresql(url, HELD, [])
            return source_of(sql_text(url=url.render_as_string(hide_password=False)), tmp_path)
        if request.param == "sql":
            write_database(tmp_path, HELD, [])
            return source_of(sql_text(), tmp_path)
        write_files(tmp_path, HELD, [])
        return source_of(csv_text(), tmp_path)

    return made


def knows(source: Adapter, reference: str) -> Known:
    known: Known = asking(source, lambda one: one.knows(reference))
    return known


ASKED = {
    "as it is held": ("Q-312", Known("Q-312")),
    "with blanks at its ends": (" Q-312 ", Known("Q-312")),
    "of another role, padded where it is held": ("Q-313", Known("Q-313")),
    "in another case": ("q-312", Known(None, ("Q-312",))),
    "with a letter for a digit": ("Q-3l2", Known(None, ("Q-312",))),
    "without its dash": ("Q 312", Known(None, ("Q-312",))),
    "the record's number, which is nobody's": ("C1", Known(None)),
    "a neighbour's, who is not there": ("Q-314", Known(None)),
    "with what SQL would read": ("' OR '1'='1", Known(None)),
    "with what a pattern would read": ("Q-31%", Known(None)),
    "nothing": ("", Known(None)),
}


@pytest.mark.parametrize("case", ASKED, ids=str)
def test_a_reference_is_known_as_it_is_held_and_no_other_way(make: Make, case: str) -> None:
    reference, known = ASKED[case]

    assert knows(make(), reference) == known


def test_a_database_that_takes_both_cases_for_one_names_the_form_it_holds(tmp_path: Path) -> None:
    """What counts is the record's own form: recorded as it was typed, it would hold nothing back."""
    write_database(tmp_path, HELD, [])
    text = sql_text().replace("holder: c.holder", "holder: c.holder COLLATE NOCASE")

    assert knows(source_of(text, tmp_path), "q-312") == Known("Q-312")


def test_of_two_spellings_that_a_database_takes_for_one_neither_is_guessed() -> None:
    held = ["q-312", "Q-312"]

    assert known_of("Q-312", held, taken=True) == Known("Q-312")
    assert known_of("Q-312 ", held, taken=True) == Known("Q-312")
    assert known_of("q\u2011312", held, taken=True) == Known(None, ("Q-312", "q-312"))


def test_a_number_is_known_by_its_digits_and_a_word_is_no_failure(postgresql: sa.URL, tmp_path: Path) -> None:
    numbered = [card("C1", "42", "OKAFOR", "14/02/1985")]
    write_postgresql(postgresql, numbered, [])
    engine = sa.create_engine(postgresql)
    with engine.begin() as connection:
        connection.execute(sa.text("ALTER TABLE card ALTER COLUMN holder TYPE integer USING nullif(holder, '')::integer"))
    engine.dispose()
    text = sql_text(url=postgresql.render_as_string(hide_password=False))

    assert knows(source_of(text, tmp_path), "42") == Known("42")
    assert knows(source_of(text, tmp_path), "042") == Known("42")
    assert knows(source_of(text, tmp_path), "Q-312") == Known(None)
    assert knows(source_of(text, tmp_path), "4Z") == Known(None)


def test_a_source_that_is_down_fails(tmp_path: Path) -> None:
    write_database(tmp_path, HELD, [])
    source = source_of(sql_text(), tmp_path)
    (tmp_path / "library.sqlite").unlink()

    with pytest.raises(SourceFailedError):
        knows(source, "Q-312")
    with pytest.raises(SourceFailedError):
        knows(source_of(csv_text(), tmp_path), "Q-312")


@pytest.fixture
def service() -> Iterator[Service]:
    with serving(Service(cards=CARDS, loans=LOANS)) as served:
        yield served


def own_reference(service: Service, *, joint: str = "no") -> str:
    return http_text(service.port).replace("{holder: person.holder, joint: joint}", f"{{holder: no, joint: {joint}}}")


def test_a_service_is_asked_by_the_look_up_that_it_has(service: Service, tmp_path: Path) -> None:
    text = own_reference(service)

    assert knows(source_of(text, tmp_path), "C1") == Known("C1")
    assert knows(source_of(text, tmp_path), "C77") == Known(None)
    assert all(set(request.query["fields"].split(",")) <= {"no"} for request in service.asked)


def test_a_service_without_a_look_up_by_reference_can_not_say_and_is_not_asked(service: Service, tmp_path: Path) -> None:
    with pytest.raises(SourceFailedError, match="has no look-up by people's own references"):
        knows(source_of(http_text(service.port), tmp_path), "P1")

    assert service.asked == []


def test_where_one_role_alone_can_be_looked_up_not_found_is_no_no(service: Service, tmp_path: Path) -> None:
    text = own_reference(service, joint="joint")

    assert knows(source_of(text, tmp_path), "C1") == Known("C1")
    with pytest.raises(SourceFailedError, match="has no look-up"):
        knows(source_of(text, tmp_path), "P2")


def test_a_service_that_gives_another_is_not_believed(service: Service, tmp_path: Path) -> None:
    service.cards = [one | {"no": "C1"} for one in CARDS]
    source = source_of(own_reference(service), tmp_path)
    service.answer = lambda request: service.cards_of(request.clone(rel_url="/cards?fields=no&no=C1"))

    with pytest.raises(SourceFailedError, match="another than was asked for"):
        knows(source, "C3")


@pytest.mark.parametrize("dialect", [mssql.dialect(), mysql.dialect(), oracle.dialect()], ids=lambda one: str(one.name))
def test_every_dialect_writes_the_search_for_what_is_near(dialect: sa.Dialect, tmp_path: Path) -> None:
    write_database(tmp_path, HELD, [])
    source = source_of(sql_text(), tmp_path)
    statements: list[Statement] = source._knowing._like  # type: ignore[union-attr]  # it is an SqlSource

    text = str(statements[0].clause.compile(dialect=dialect))

    assert "replace(replace(" in text.lower()
    assert text.lower().count("distinct") == 1
    source.close()  # type: ignore[union-attr]
