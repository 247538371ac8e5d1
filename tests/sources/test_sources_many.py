"""Are many people found and read in one statement as they would be one by one, and in how many statements?"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pysqlite3
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sources_people import CARDS, DATASET, LOANS, asking, card, source_of, sql_text, write_database

from gateway.sources import at_once
from gateway.sources.contract import Found, SourceFailedError
from gateway.sources.sql import SqlSource
from schemas.decision import Record
from schemas.request import SubjectQuery
from schemas.terms import Match

CROWD = [card(f"X{n}", f"PX{n}", "CROWD", "01/02/1980", uprn="900000000099") for n in range(140)]
# What SQLite and others take for one, or nearly: case by a collation, and numbers by their value.
ALIKE = [card("Ab1", "PA1", "ABLE", "01/02/1980"), card("aB1", "PA2", "ABLE", "01/02/1980"), card("007", "PA3", "BOND", "")]
EVERYBODY = [*CARDS, *CROWD, *ALIKE]


@pytest.fixture(scope="module", params=["plain", "lenient"])
def source(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SqlSource]:
    """Return a source of everybody; the lenient one takes `AB1` for `ab1`, and `7` for `007`."""
    folder = tmp_path_factory.mktemp(request.param)
    write_database(folder, EVERYBODY, LOANS)
    if request.param == "lenient":
        with pysqlite3.connect(str(folder / "library.sqlite")) as connection:
            connection.execute("ALTER TABLE card RENAME TO strict")
            columns = ", ".join(f"{name} TEXT COLLATE NOCASE" if name == "no" else name for name in EVERYBODY[0])
            connection.execute(f"CREATE TABLE card ({columns})")
            connection.execute("INSERT INTO card SELECT * FROM strict")
        connection.close()
    made = source_of(sql_text(), folder)
    assert isinstance(made, SqlSource)
    made._at_once = None  # a thread has the time that hypothesis takes
    yield made
    made.close()


values = st.sampled_from(
    [one["no"] for one in EVERYBODY]
    + ["C99", "c1", "AB1", "7", "07", "7.0", "7.5", "nan", " C2", "C1'", "C1,C2", "", "é", "e"]
)
places = st.sampled_from([*sorted({one["uprn"] for one in EVERYBODY if one["uprn"]}), "900000000000", "x"])
names = st.sampled_from(
    ["Okafor", "Adeyemi", "obrien", "Rahman", "Walsh", "Petrov", "Bell", "Crowd", "Able", "Bond", "x", ""]
)
born = st.sampled_from(["1985-02-14", "1983-09-02", "1999-03-21", "1994-12-11", "1977-02-28", "1980-02-01", "?"])
details = st.fixed_dictionaries({}, optional={"surname": names, "date_of_birth": born})
queries = st.one_of(
    st.builds(SubjectQuery, st.just("card_no"), values, details), st.builds(SubjectQuery, st.just("uprn"), places, details)
)
paths = st.sampled_from(
    [frozenset(DATASET.fields), frozenset({"fines"}), frozenset({"loans.shelf"}), frozenset({"loans"}), frozenset()]
)
people = st.tuples(values, st.sampled_from(["holder", "joint"]), paths)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(asked=st.lists(queries, max_size=40))
def test_many_are_found_as_one_by_one(source: SqlSource, asked: list[SubjectQuery]) -> None:
    """Nobody, mismatch, several, protected, twice the same, a crowd, keys that a database takes for one."""

    async def both() -> tuple[list[Found], list[Found]]:
        return await source.identify(asked), [(await source.identify([one]))[0] for one in asked]

    together, alone = asyncio.run(both())

    assert together == alone


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(asked=st.lists(people, max_size=40))
def test_many_are_read_as_one_by_one(source: SqlSource, asked: list[tuple[str, str, frozenset[str]]]) -> None:
    """With groups or without, each their own paths; where one fails alone, all fail together."""
    wanted = [(Found(Match.CONFIRMED, subject=role, row=row), of) for row, role, of in asked]

    async def outcome(chunks: list[list[Any]]) -> list[Record] | str:
        try:
            return [record for chunk in chunks for record in await source.fetch(chunk)]
        except SourceFailedError as error:
            return str(error)

    together, alone = asyncio.run(outcome([wanted])), asyncio.run(outcome([[one] for one in wanted]))

    assert together == alone


def test_a_hundred_people_are_few_statements(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One for each set of details; one for each set of paths and role, and one for each of their groups."""
    statements: list[tuple[str, dict[str, object]]] = []

    class Noting(pysqlite3.Connection):  # type: ignore[misc]  # the driver has no types
        def execute(self, statement: str, *parameters: Any) -> object:
            if parameters:
                statements.append((statement, parameters[0]))
            return super().execute(statement, *parameters)

    monkeypatch.setattr(
        at_once, "open_sqlite", lambda path, timeout: pysqlite3.connect(path, timeout=timeout, factory=Noting)
    )
    # On a busy machine a chunk may well take more than its share of the loop, and is then asked again in a thread.
    monkeypatch.setattr(at_once, "BUDGET", 60.0)
    monkeypatch.setattr(at_once, "LONGEST", 60.0)
    crowd = [card(f"X{n}", f"PX{n}", f"N{n}", "01/02/1980", uprn=f"{900000000100 + n}") for n in range(100)]
    write_database(tmp_path, crowd, LOANS)
    asked = [SubjectQuery("card_no", one["no"], {"surname": one["surname"]}) for one in crowd]

    async def work(source: Any) -> list[Record]:
        found = await source.identify(asked)
        assert {one.match for one in found} == {Match.CONFIRMED}
        return list(await source.fetch([(one, frozenset({"fines", "loans.shelf"})) for one in found]))

    assert len(asking(source_of(sql_text(), tmp_path), work)) == 100
    assert len(statements) == 3
    assert [sum(value in bound.values() for value in ("X0", "X99")) for _, bound in statements] == [2, 2, 2]
    assert not [one for one, _ in statements if "X9" in one or "N9" in one], "values are bound, never written"
