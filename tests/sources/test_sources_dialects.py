"""What is each database told: how many rows, by which parameters, in whose quoting? The texts, and a PostgreSQL."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from datetime import date
from types import SimpleNamespace
from typing import Any

import pytest
import sqlalchemy as sa
from sources_people import NOW
from sqlalchemy.dialects import mssql, mysql, oracle, postgresql, sqlite
from sqlalchemy.engine import URL

from gateway.sources.contract import Found, SourceFailedError
from gateway.sources.database import _unpadded
from gateway.sources.drivers import driver_refusal
from gateway.sources.mapping import Mapping, parse_mapping
from gateway.sources.records import Records
from gateway.sources.sql import SqlSource
from gateway.sources.sql_reading import SqlReading
from gateway.sources.sql_search import Search
from gateway.sources.statements import Statement, select
from policies.reading.parse import parse_dataset
from schemas.request import SubjectQuery
from schemas.terms import Match

DATASET = parse_dataset("""\
dataset: library-cards
version: 1
title: Library cards
collected_for: library-membership
collected_under: public-libraries-and-museums-act-1964-s7
people:
  holder: {ref: holder_ref}
  joint: {ref: joint_ref}
keys:
  card_no: {finds: [holder, joint], confirm: [surname, date_of_birth], at_least: 1}
  uprn: {finds: place, confirm: [surname, date_of_birth], at_least: 2}
fields:
  card_no: {type: reference, label: Card number, classification: personal}
  surname: {type: name, label: Surname, classification: personal}
  date_of_birth: {type: date, label: Date of birth, classification: personal}
  fines: {type: money, label: Fines, classification: personal}
  blocked: {type: boolean, label: Card is blocked, classification: personal, marker: true}
  uprn: {type: uprn, label: Property, classification: personal}
groups:
  loans:
    label: Loans
    order_by: lent_on
    fields:
      lent_on: {type: date, label: Lent on, classification: personal}
""")
TEXT = """\
source: library
version: 1
dataset: library-cards@1
url: postgresql+psycopg://reader@db.example/library
from: card c
row: c.no
live: c.status = 'open' OR c.kept LIKE 'Y%'
people: {holder: c.holder, joint: "NULL"}
keys: {card_no: c.no, uprn: c.uprn}
confirm:
  surname: {holder: [c.surname], joint: ["NULL"]}
  date_of_birth: {holder: [c.born], joint: ["NULL"]}
fields: {fines: c.fines, blocked: "CASE WHEN c.note LIKE '100%' THEN 'Y' ELSE 'N' END"}
groups: {loans: {from: loan l, where: 'l.no = :row', fields: {lent_on: l.lent}}}
"""
DIALECTS: dict[str, Any] = {
    "postgresql": postgresql.dialect(),
    "mssql": mssql.dialect(),
    "oracle": oracle.dialect(),
    "mysql": mysql.dialect(),
    "sqlite": sqlite.dialect(paramstyle="named"),
}
CARD_NO = ("card_no", ("surname",))
UPRN = ("uprn", ("date_of_birth", "surname"))
FINES = frozenset({"fines"})
LOANS = frozenset({"loans", "loans.lent_on"})


@pytest.fixture(scope="module")
def mapping() -> Mapping:
    return parse_mapping(TEXT)


@pytest.fixture(scope="module")
def statements(mapping: Mapping) -> dict[str, tuple[Statement, dict[str, Any]]]:
    """Return every kind of statement, with values for its parameters."""
    search = Search(DATASET, mapping, "card c", lambda: NOW)
    reading = SqlReading(mapping, "card c", Records(DATASET, mapping, lambda: NOW))
    two = {"v0": "C1", "v1": "C2"}
    return {
        "search": (search._make_one(CARD_NO), {"key": "C1"}),
        "search of a place": (search._make_one(UPRN), {"key": "42"}),
        "search for many": (search._make_many(CARD_NO, 2), two),
        "record": (reading._make_read_one(FINES, "holder", True), {"row": "C1"}),
        "records of many": (reading._make_read_many(frozenset({"blocked"}), "holder", 2, True), two),
        "group": (reading._make_rows_of_one("loans", LOANS, True)[0], {"row": "C1"}),
        "groups of many": (reading._make_rows_of_many("loans", LOANS, 2, True)[0], two),
        "sample": (Statement(select(["c.no", "c.holder"], "card c", None, 500)), {}),
    }


def told(statement: Statement, values: dict[str, Any], dialect: Any) -> tuple[str, Any]:
    """Return the text that a driver is given, and its parameters."""
    found = statement.clause.compile(dialect=dialect).construct_expanded_state(values)
    parameters = found.positional_parameters if dialect.positional else found.parameters
    return " ".join(found.statement.split()), parameters


SEARCH = "SELECT {}c.no AS c0, c.holder AS c1, NULL AS c2, c.surname AS c3, NULL AS c4 FROM card c WHERE c.no = {}"
PLACE = (
    "SELECT {}c.no AS c0, c.holder AS c1, NULL AS c2, c.born AS c3, NULL AS c4, c.surname AS c5, NULL AS c6 "
    "FROM card c WHERE c.uprn = {} AND (c.status = 'open' OR c.kept LIKE {})"
)
MANY = (
    "SELECT {}c.no AS c0, c.no AS c1, c.holder AS c2, NULL AS c3, c.surname AS c4, NULL AS c5 "
    "FROM card c WHERE c.no IN ({}, {})"
)
RECORD = "SELECT {}c.no AS c0, c.fines AS c1, NULL AS c2 FROM card c WHERE c.no = {}"
RECORDS = (
    "SELECT {}c.no AS c0, CASE WHEN c.note LIKE {} THEN 'Y' ELSE 'N' END AS c1, NULL AS c2 "
    "FROM card c WHERE c.no IN ({}, {})"
)
GROUP = "SELECT {}l.lent AS c0 FROM loan l WHERE l.no = {}"
GROUPS = (
    "SELECT q0.c0, q0.c1 FROM (SELECT {top}0 AS c0, l.lent AS c1 FROM loan l WHERE l.no = {first}{end0}){alias}q0 "
    "UNION ALL SELECT q1.c0, q1.c1 "
    "FROM (SELECT {top}1 AS c0, l.lent AS c1 FROM loan l WHERE l.no = {second}{end1}){alias}q1"
)
GOLDEN: dict[tuple[str, str], tuple[str, Any]] = {
    ("postgresql", "search"): (
        SEARCH.format("", "%(key)s") + " LIMIT %(param_1)s::INTEGER",
        {"key": "C1", "param_1": 65},
    ),
    ("postgresql", "search of a place"): (
        PLACE.format("", "%(key)s", "'Y%%'") + " LIMIT %(param_1)s::INTEGER",
        {"key": "42", "param_1": 65},
    ),
    ("postgresql", "search for many"): (
        MANY.format("", "%(v0)s", "%(v1)s") + " LIMIT %(param_1)s::INTEGER",
        {"v0": "C1", "v1": "C2", "param_1": 129},
    ),
    ("postgresql", "record"): (
        RECORD.format("", "%(row)s") + " LIMIT %(param_1)s::INTEGER",
        {"row": "C1", "param_1": 2},
    ),
    ("postgresql", "records of many"): (
        RECORDS.format("", "'100%%'", "%(v0)s", "%(v1)s") + " LIMIT %(param_1)s::INTEGER",
        {"v0": "C1", "v1": "C2", "param_1": 3},
    ),
    ("postgresql", "group"): (GROUP.format("", "%(row)s") + " LIMIT %(param_1)s::INTEGER", {"row": "C1", "param_1": 1001}),
    ("postgresql", "groups of many"): (
        GROUPS.format(
            top="",
            first="%(v0)s",
            second="%(v1)s",
            end0=" LIMIT %(param_1)s::INTEGER",
            end1=" LIMIT %(param_2)s::INTEGER",
            alias=" AS ",
        ),
        {"v0": "C1", "v1": "C2", "param_1": 1001, "param_2": 1001},
    ),
    ("postgresql", "sample"): (
        "SELECT c.no AS c0, c.holder AS c1 FROM card c LIMIT %(param_1)s::INTEGER",
        {"param_1": 500},
    ),
    ("mssql", "search"): (SEARCH.format("TOP 65 ", ":key"), {"key": "C1"}),
    ("mssql", "search of a place"): (PLACE.format("TOP 65 ", ":key", "'Y%'"), {"key": "42"}),
    ("mssql", "search for many"): (MANY.format("TOP 129 ", ":v0", ":v1"), {"v0": "C1", "v1": "C2"}),
    ("mssql", "record"): (RECORD.format("TOP 2 ", ":row"), {"row": "C1"}),
    ("mssql", "records of many"): (RECORDS.format("TOP 3 ", "'100%'", ":v0", ":v1"), {"v0": "C1", "v1": "C2"}),
    ("mssql", "group"): (GROUP.format("TOP 1001 ", ":row"), {"row": "C1"}),
    ("mssql", "groups of many"): (
        GROUPS.format(top="TOP 1001 ", first=":v0", second=":v1", end0="", end1="", alias=" AS "),
        {"v0": "C1", "v1": "C2"},
    ),
    ("mssql", "sample"): ("SELECT TOP 500 c.no AS c0, c.holder AS c1 FROM card c", {}),
    ("oracle", "search"): (SEARCH.format("", ":key") + " FETCH FIRST 65 ROWS ONLY", {"key": "C1"}),
    ("oracle", "search of a place"): (PLACE.format("", ":key", "'Y%'") + " FETCH FIRST 65 ROWS ONLY", {"key": "42"}),
    ("oracle", "search for many"): (MANY.format("", ":v0", ":v1") + " FETCH FIRST 129 ROWS ONLY", {"v0": "C1", "v1": "C2"}),
    ("oracle", "record"): (RECORD.format("", ":row") + " FETCH FIRST 2 ROWS ONLY", {"row": "C1"}),
    ("oracle", "records of many"): (
        RECORDS.format("", "'100%'", ":v0", ":v1") + " FETCH FIRST 3 ROWS ONLY",
        {"v0": "C1", "v1": "C2"},
    ),
    ("oracle", "group"): (GROUP.format("", ":row") + " FETCH FIRST 1001 ROWS ONLY", {"row": "C1"}),
    ("oracle", "groups of many"): (
        GROUPS.format(
            top="",
            first=":v0",
            second=":v1",
            end0=" FETCH FIRST 1001 ROWS ONLY",
            end1=" FETCH FIRST 1001 ROWS ONLY",
            alias=" ",
        ),
        {"v0": "C1", "v1": "C2"},
    ),
    ("oracle", "sample"): ("SELECT c.no AS c0, c.holder AS c1 FROM card c FETCH FIRST 500 ROWS ONLY", {}),
    ("mysql", "search"): (SEARCH.format("", "%s") + " LIMIT %s", ("C1", 65)),
    ("mysql", "search of a place"): (PLACE.format("", "%s", "'Y%%'") + " LIMIT %s", ("42", 65)),
    ("mysql", "search for many"): (MANY.format("", "%s", "%s") + " LIMIT %s", ("C1", "C2", 129)),
    ("mysql", "record"): (RECORD.format("", "%s") + " LIMIT %s", ("C1", 2)),
    ("mysql", "records of many"): (RECORDS.format("", "'100%%'", "%s", "%s") + " LIMIT %s", ("C1", "C2", 3)),
    ("mysql", "group"): (GROUP.format("", "%s") + " LIMIT %s", ("C1", 1001)),
    ("mysql", "groups of many"): (
        GROUPS.format(top="", first="%s", second="%s", end0=" LIMIT %s", end1=" LIMIT %s", alias=" AS "),
        ("C1", 1001, "C2", 1001),
    ),
    ("mysql", "sample"): ("SELECT c.no AS c0, c.holder AS c1 FROM card c LIMIT %s", (500,)),
}


@pytest.mark.parametrize(("dialect", "kind"), sorted(GOLDEN))
def test_each_statement_is_its_dialects(statements: dict[str, Any], dialect: str, kind: str) -> None:
    assert told(*statements[kind], DIALECTS[dialect]) == GOLDEN[dialect, kind]


def test_every_kind_of_statement_stands_for_every_dialect(statements: dict[str, Any]) -> None:
    assert set(GOLDEN) == {(dialect, kind) for dialect in set(DIALECTS) - {"sqlite"} for kind in statements}


@pytest.mark.parametrize("kind", ["search", "search for many", "record", "groups of many"])
def test_oracle_compares_a_value_as_one_of_fixed_length(statements: dict[str, Any], kind: str) -> None:
    """Else `C1` would not equal what a CHAR(10) pads. The other four pad for any text, or for one without a type."""
    bound = {
        name: [repr(one.type.dialect_impl(dialect)) for one in compiled.binds.values() if "param" not in one.key]
        for name, dialect in DIALECTS.items()
        for compiled in (statements[kind][0].clause.compile(dialect=dialect),)
    }

    assert set(bound.pop("oracle")) == {"_OracleChar()"}
    assert {one for types in bound.values() for one in types} == {"NullType()"}


def test_a_row_that_is_no_text_is_bound_as_it_is(mapping: Mapping) -> None:
    reading = SqlReading(mapping, "card c", Records(DATASET, mapping, lambda: NOW))
    compiled = reading._make_read_one(FINES, "holder", False).clause.compile(dialect=DIALECTS["oracle"])

    assert repr(compiled.binds["row"].type.dialect_impl(DIALECTS["oracle"])) == "NullType()"


def test_sqlite_is_given_a_text_without_parameters_of_its_own(statements: dict[str, Any]) -> None:
    text = " ".join(statements["search for many"][0].sqlite.split())

    assert text == MANY.format("", ":v0", ":v1") + " LIMIT 129 OFFSET 0"


def test_what_pads_a_column_of_fixed_length_is_none_of_its_value() -> None:
    """PostgreSQL's and Oracle's drivers say which column is one; a text of its own blanks keeps them."""
    kinds = [1042, 25, SimpleNamespace(name="DB_TYPE_CHAR"), SimpleNamespace(name="DB_TYPE_VARCHAR")]
    result = SimpleNamespace(
        cursor=SimpleNamespace(description=[(str(n), kind) for n, kind in enumerate(kinds)]),
        fetchall=lambda: [("C1   ", "C1   ", "C1   ", "C1   "), (None, None, None, None)],
    )

    assert _unpadded(result) == [["C1", "C1   ", "C1", "C1   "], [None, None, None, None]]


# -- a PostgreSQL

MADE = (
    "DROP TABLE IF EXISTS holder, visit",
    "CREATE TABLE holder (no integer, code char(12), ref varchar(9), surname text, born date, seen timestamptz, note text)",
    "CREATE TABLE visit (code varchar(20), lent timestamptz)",
    "INSERT INTO holder VALUES (7, 'K7', 'P7', 'OKAFOR', '1985-02-14', '1990-05-19T23:00:00Z', '100% sure')",
    "INSERT INTO holder VALUES (8, 'K8', 'P8', 'WALSH', '1994-12-11', '1990-12-19T00:00:00Z', 'no')",
    "INSERT INTO visit VALUES ('K7', '2026-03-29T23:30:00Z'), ('K8', '2026-03-01T00:00:00Z')",
)
PLAIN = """\
source: library
version: 1
dataset: library-cards@1
url: postgresql+psycopg://reader@db.example/library
from: holder h
row: h.code
people: {holder: h.ref, joint: "NULL"}
keys: {card_no: h.code, uprn: h.no}
confirm:
  surname: {holder: [h.surname], joint: ["NULL"]}
  date_of_birth: {holder: [h.born], joint: ["NULL"]}
fields:
  card_no: h.code
  surname: h.surname
  date_of_birth: h.seen
  blocked: "CASE WHEN h.note LIKE '100%' THEN 'Y' ELSE 'N' END"
groups: {loans: {from: visit v, where: 'v.code = :row', fields: {lent_on: v.lent}}}
"""
Asking = Callable[..., Any]


@pytest.fixture
def asking(postgresql: URL) -> Asking:
    engine = sa.create_engine(postgresql)
    with engine.begin() as connection:
        for statement in MADE:
            connection.execute(sa.text(statement))
    engine.dispose()

    def ask(work: Callable[[SqlSource], Any], text: str = PLAIN) -> Any:
        source = SqlSource(DATASET, parse_mapping(text), url=postgresql, clock=lambda: NOW, connections=2)
        try:
            return asyncio.run(work(source))
        finally:
            source.close()

    return ask


def test_padding_hides_no_row_in_either_direction(asking: Asking) -> None:
    """The key is of fixed length and the group's column is not: neither the person nor their rows are missed."""
    queries = [
        SubjectQuery("card_no", "K7", {"surname": "Okafor", "date_of_birth": "1985-02-14"}),
        SubjectQuery("card_no", "K8", {"surname": "Walsh", "date_of_birth": "1994-12-11"}),
    ]
    found = asking(lambda source: source.identify(queries))
    alone = asking(lambda source: source.identify(queries[:1]))
    wanted = [(one, frozenset({"loans", "loans.lent_on", "card_no"})) for one in found]

    records = asking(lambda source: source.fetch(wanted))

    assert [one.match for one in (*found, *alone)] == [Match.CONFIRMED] * 3
    assert [record.values["card_no"] for record in records] == ["K7", "K8"]
    assert [[row["loans.lent_on"] for row in record.groups["loans"]] for record in records] == [
        [date(2026, 3, 30)],  # half past midnight in London, where summer time had begun
        [date(2026, 3, 1)],
    ]
    assert asking(lambda source: source.fetch(wanted[:1])) == records[:1]


def test_a_number_may_be_a_key(asking: Asking) -> None:
    query = SubjectQuery("uprn", "7", {"surname": "Okafor", "date_of_birth": "1985-02-14"})

    assert asking(lambda source: source.identify([query]))[0].match is Match.CONFIRMED


def test_an_expression_with_a_percent_sign_and_an_instant_is_read(asking: Asking) -> None:
    wanted = [
        (Found(Match.CONFIRMED, subject="holder", row=row), frozenset({"blocked", "date_of_birth"})) for row in ("K7", "K8")
    ]

    records = asking(lambda source: source.fetch(wanted))

    assert [record.values for record in records] == [
        {"blocked": True, "date_of_birth": date(1990, 5, 20)},
        {"blocked": False, "date_of_birth": date(1990, 12, 19)},
    ]


def test_nothing_can_be_written(asking: Asking) -> None:
    text = PLAIN.replace("date_of_birth: h.seen", "date_of_birth: \"(SELECT pg_notify('a', 'b')::text)\"")
    writing = text.replace("from: holder h", "from: \"(SELECT * FROM holder) h, nextval('nosuch') n\"")

    with pytest.raises(SourceFailedError):
        asking(lambda source: source.survey(5), writing)


def test_a_survey_counts_in_postgresql(asking: Asking) -> None:
    survey = asking(lambda source: source.survey(500))

    assert survey.counts["surname"] == {"held": 2}
    assert survey.counts["loans.lent_on"] == {"held": 2}


# -- drivers


@pytest.mark.parametrize(
    ("url", "name", "package"),
    [
        ("mssql+pyodbc://reader@cards.example/cards", "pyodbc", "pyodbc"),
        ("mysql+pymysql://reader@cards.example/cards", "pymysql", "pymysql"),
        ("oracle+oracledb://reader@cards.example/cards", "oracledb", "oracledb"),
        ("mysql://reader@cards.example/cards", "MySQLdb", "mysqlclient"),
        ("postgresql+psycopg2://reader:secret@cards.example/cards", "psycopg2", "psycopg2-binary"),
    ],
)
def test_a_driver_that_is_missing_is_named_with_what_installs_it(
    monkeypatch: pytest.MonkeyPatch, url: str, name: str, package: str
) -> None:
    monkeypatch.setitem(sys.modules, name, None)  # as if it were not installed, where it is

    told = driver_refusal(url)

    assert told is not None
    assert told.startswith(
        f"needs the driver {name}, which is not installed. Install it with: {sys.executable} -m pip install"
    )
    assert told.endswith(f" {package}")
    assert "secret" not in told
    assert "cards.example" not in told


def test_a_library_that_a_driver_lacks_is_another_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    def lacking(_dialect: Any) -> Any:
        raise ImportError("libodbc.so.2: cannot open shared object file")

    monkeypatch.setattr("sqlalchemy.dialects.mssql.pyodbc.MSDialect_pyodbc.import_dbapi", classmethod(lacking))

    assert "which can't be loaded" in (driver_refusal("mssql+pyodbc://h/x") or "")


@pytest.mark.parametrize("url", ["sqlite:///{dir}/library.sqlite", "sqlite+nosuch:///x"])
def test_sqlite_needs_no_driver_but_ours(url: str) -> None:
    assert (driver_refusal(url) is None) == ("nosuch" not in url)
