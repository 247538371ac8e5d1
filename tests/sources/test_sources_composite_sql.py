"""What is a database told to find somebody by a composite key? The texts, and a PostgreSQL with dates of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from sources_composite import DATASET, NOW, person, places, sql_text
from sqlalchemy.dialects import mssql, mysql, oracle, postgresql
from sqlalchemy.engine import URL

from gateway.sources.contract import Found
from gateway.sources.finding import Finding
from gateway.sources.mapping import parse_mapping
from gateway.sources.sql import SqlSource
from gateway.sources.sql_composite import CompositeSearch
from gateway.sources.statements import Statement
from gateway.sources.trying import try_mapping
from policies.reading.findings import TextError
from schemas.request import SubjectQuery
from schemas.terms import Match

DIALECTS: dict[str, Any] = {
    "postgresql": postgresql.dialect(),
    "mssql": mssql.dialect(),
    "oracle": oracle.dialect(),
    "mysql": mysql.dialect(),
}
SORT = ("person", ("date_of_birth", "postcode", "surname"))
COLUMNS = (
    "c.no AS c1, c.holder AS c2, c.joint AS c3, c.born AS c4, c.joint_born AS c5, "
    "c.postcode AS c6, c.postcode AS c7, c.surname AS c8, c.former AS c9, c.joint_surname AS c10, c.protected AS c11"
)
ALONE = (
    "SELECT {top}0 AS c0, "
    + COLUMNS
    + " FROM card c WHERE (c.born IN ({d[0]}, {d[1]}) OR c.joint_born IN ({d[0]}, {d[1]})) "
    "AND c.postcode IN ({p[0]}, {p[1]}){end}"
)
NAMED = {"v0_0_0": "14/02/1985", "v0_0_1": "14.2.1985", "v0_1_0": "LS1 4AB", "v0_1_1": "LS14AB"}
GOLDEN: dict[str, tuple[str, Any]] = {
    "postgresql": (
        ALONE.format(
            top="", d=("%(v0_0_0)s", "%(v0_0_1)s"), p=("%(v0_1_0)s", "%(v0_1_1)s"), end=" LIMIT %(param_1)s::INTEGER"
        ),
        {**NAMED, "param_1": 513},
    ),
    "mssql": (ALONE.format(top="TOP 513 ", d=(":v0_0_0", ":v0_0_1"), p=(":v0_1_0", ":v0_1_1"), end=""), NAMED),
    "oracle": (
        ALONE.format(top="", d=(":v0_0_0", ":v0_0_1"), p=(":v0_1_0", ":v0_1_1"), end=" FETCH FIRST 513 ROWS ONLY"),
        NAMED,
    ),
    "mysql": (
        ALONE.format(top="", d=("%s", "%s"), p=("%s", "%s"), end=" LIMIT %s"),
        ("14/02/1985", "14.2.1985", "14/02/1985", "14.2.1985", "LS1 4AB", "LS14AB", 513),
    ),
}


@pytest.fixture(scope="module")
def search() -> CompositeSearch:
    mapping = parse_mapping(sql_text("date_of_birth, postcode"))
    return CompositeSearch("card c", Finding(DATASET, mapping, lambda: NOW))


def told(statement: Statement, values: dict[str, Any], dialect: Any) -> tuple[str, Any]:
    """Return the text that a driver is given, and its parameters."""
    found = statement.clause.compile(dialect=dialect).construct_expanded_state(values)
    parameters = found.positional_parameters if dialect.positional else found.parameters
    return " ".join(found.statement.split()), parameters


@pytest.mark.parametrize("dialect", sorted(DIALECTS))
def test_a_search_asks_for_every_spelling_at_every_place_with_its_values_bound(
    search: CompositeSearch, dialect: str
) -> None:
    """One SELECT, so that a row that fits in several ways is there once."""
    assert told(search._make(SORT, (2, 2), 1), NAMED, DIALECTS[dialect]) == GOLDEN[dialect]


@pytest.mark.parametrize("dialect", sorted(DIALECTS))
def test_several_people_are_one_statement_each_bounded_for_itself(search: CompositeSearch, dialect: str) -> None:
    values = {f"v{who}_{detail}_0": "x" for who in range(2) for detail in range(2)}

    text, _ = told(search._make(SORT, (1, 1), 2), values, DIALECTS[dialect])

    assert text.count("UNION ALL") == 1
    assert [text.count(end) for end in ("LIMIT", "TOP 513 ", "FETCH FIRST 513")] == {
        "postgresql": [2, 0, 0],
        "mssql": [0, 2, 0],
        "oracle": [0, 0, 2],
        "mysql": [2, 0, 0],
    }[dialect]


def test_a_value_has_no_type_but_with_oracle(search: CompositeSearch) -> None:
    """So that a database takes it for what its column is: a date of its own, say."""
    for name, dialect in DIALECTS.items():
        compiled = search._make(SORT, (1, 1), 1).clause.compile(dialect=dialect)
        kinds = {repr(one.type.dialect_impl(dialect)) for one in compiled.binds.values() if "param" not in one.key}
        assert kinds == ({"_OracleChar()"} if name == "oracle" else {"NullType()"})


# -- a PostgreSQL

MADE = (
    "DROP TABLE IF EXISTS reader",
    (
        "CREATE TABLE reader (no char(8), holder text, surname text, former text, born date, joint text, "
        "joint_surname text, joint_born date, postcode char(8), protected text, written text, seen timestamp, padded text)"
    ),
    (
        "INSERT INTO reader VALUES ('C1', 'P1', 'OKAFOR', 'WALSH', '1985-02-14', 'P2', 'OKAFOR', '1983-09-02', 'LS14AB', "
        "'N', '14-FEB-1985', '1985-02-14 08:00', ' LS1 4AB')"
    ),
    "INSERT INTO reader VALUES ('C2', 'P3', 'WALSH', '', '1990-03-04', NULL, NULL, NULL, 'M1 1AA', 'Y', '', NULL, '')",
)
NATIVE = (
    places("sql", "r.{}".format, "date_of_birth, postcode").replace(', dates: ["%d/%m/%Y", "%d-%b-%Y", "%-d.%-m.%Y"]', "")
    + "url: postgresql+psycopg://reader@db.example/library\nfrom: reader r\n"
)
Asking = Callable[..., Any]


@pytest.fixture(scope="module")
def asking(postgresql: URL) -> Asking:
    engine = sa.create_engine(postgresql)
    with engine.begin() as connection:
        for statement in MADE:
            connection.execute(sa.text(statement))
    engine.dispose()

    def ask(work: Callable[[SqlSource], Any], text: str = NATIVE) -> Any:
        source = SqlSource(DATASET, parse_mapping(text), url=postgresql, clock=lambda: NOW, connections=2)
        try:
            return asyncio.run(work(source))
        finally:
            source.close()

    return ask


def test_people_are_found_by_a_date_of_the_databases_own(asking: Asking) -> None:
    asked = [
        person(),
        person("Walsh"),
        person(born="1983-09-02"),
        person("Walsh", "1990-03-04", "M1 1AA"),
        person(born="1985-02-15"),
        SubjectQuery("card_no", "C1", {"surname": "Okafor"}),
    ]

    together: list[Found] = asking(lambda source: source.identify(asked))
    alone = [asking(lambda source, one=one: source.identify([one]))[0] for one in asked]

    assert [(one.match, one.subject, one.row) for one in together] == [
        (Match.CONFIRMED, "holder", "C1"),
        (Match.CONFIRMED, "holder", "C1"),
        (Match.CONFIRMED, "joint", "C1"),
        (Match.PROTECTED_BY_PLACE, None, None),
        (Match.NOBODY, None, None),
        (Match.SEVERAL, None, None),
    ]
    assert alone == together


def test_text_dates_are_found_there_by_their_formats(asking: Asking) -> None:
    text = (
        NATIVE.replace("[r.born]", "[r.written]")
        .replace("holder: r.born", "holder: r.written")
        .replace("[r.joint_born]", '["NULL"]')
    )
    text = text.replace("joint: r.joint_born}", 'joint: r.joint_born}, dates: ["%d-%b-%Y"]')

    assert asking(lambda source: source.identify([person()]), text)[0].match is Match.CONFIRMED


def test_a_trial_tells_which_place_can_not_be_asked_for_it(asking: Asking) -> None:
    """A date of the database's own, of a field whose formats are those of a text."""
    text = NATIVE.replace("joint: r.joint_born}", 'joint: r.joint_born}, dates: ["%d/%m/%Y"]')

    with pytest.raises(TextError, match=r"nobody can be asked for by it.* Take `dates` out") as refused:
        asking(lambda source: try_mapping(source, parse_mapping(text)), text)

    at = [place.line for place in refused.value.findings]
    assert (
        at
        == [text.splitlines().index(next(one for one in text.splitlines() if "date_of_birth: {holder: [" in one)) + 1] * 2
    )


def test_a_sample_tells_of_what_would_never_be_found(asking: Asking) -> None:
    """A time beside the day, a blank before the postcode: they are read, and no spelling that is asked for is theirs."""
    text = NATIVE.replace("[r.born]", "[r.seen]").replace("[r.postcode]", "[r.padded]")

    survey = asking(lambda source: try_mapping(source, parse_mapping(text)), text)
    whole = asking(lambda source: try_mapping(source, parse_mapping(NATIVE)))

    assert dict(survey.unfound) == {("person", "date_of_birth"): 1, ("person", "postcode"): 1}
    assert not any(whole.unfound.values())
