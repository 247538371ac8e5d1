"""Which cause has a driver's error? By its codes; of its words, the mapping's own names alone are told."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import URL

from gateway.sources.causes import cause_of, named_in
from gateway.sources.contract import Cause, SourceFailedError, SourceSlowError


def error(*args: object, **members: object) -> sa.exc.DBAPIError:
    origin = type("DriverError", (Exception,), {})(*args)
    for name, value in members.items():
        setattr(origin, name, value)
    return sa.exc.DBAPIError("SELECT 'secret'", {"key": "C1"}, origin)


@pytest.mark.parametrize(
    ("raised", "cause"),
    [
        (error("x", sqlstate="42501"), Cause.PERMISSION),
        (error("x", sqlstate="28P01"), Cause.PERMISSION),
        (error("x", sqlstate="42703"), Cause.COLUMN),
        (error("x", sqlstate="42P01"), Cause.TABLE),
        (error("x", sqlstate="3D000"), Cause.TABLE),
        (error("x", sqlstate="08006"), Cause.HOST),
        (error("x", sqlstate="57P01"), Cause.HOST),
        (error("x", sqlstate="57014"), Cause.TIMEOUT),
        (error("x", pgcode="42703"), Cause.COLUMN),
        (error("x", sqlstate="22012"), Cause.STATEMENT),
        (error("42S22", "[42S22] Invalid column name"), Cause.COLUMN),
        (error("42S02", "[42S02] Invalid object name"), Cause.TABLE),
        (error("28000", "[28000] Login failed"), Cause.PERMISSION),
        (error("08001", "[08001] TCP"), Cause.HOST),
        (error("HYT00", "timeout"), Cause.TIMEOUT),
        (error(1054, "Unknown column"), Cause.COLUMN),
        (error(1146, "Table"), Cause.TABLE),
        (error(1142, "SELECT command denied"), Cause.PERMISSION),
        (error(2003, "Can't connect"), Cause.HOST),
        (error(1064, "syntax"), Cause.STATEMENT),
        (error(SimpleNamespace(full_code="ORA-00904")), Cause.COLUMN),
        (error(SimpleNamespace(full_code="ORA-00942")), Cause.TABLE),
        (error(SimpleNamespace(full_code="DPY-6005")), Cause.HOST),
        (error(SimpleNamespace(full_code="ORA-00001")), Cause.STATEMENT),
        (error("x", sqlite_errorname="SQLITE_CANTOPEN"), Cause.FILE),
        (error("x", sqlite_errorname="SQLITE_IOERR_READ"), Cause.FILE),
        (error("no such column: c.x", sqlite_errorname="SQLITE_ERROR"), Cause.COLUMN),
        (error("no such table: x", sqlite_errorname="SQLITE_ERROR"), Cause.TABLE),
        (error("syntax", sqlite_errorname="SQLITE_ERROR"), Cause.STATEMENT),
        (error("x", sqlite_errorname="SQLITE_READONLY"), Cause.PERMISSION),
        (error("x", pgconn=object()), Cause.HOST),
        (error(), Cause.OTHER),
        (FileNotFoundError(2, "x"), Cause.FILE),
        (ConnectionRefusedError(111, "x"), Cause.HOST),
    ],
)
def test_a_drivers_code_is_a_cause(raised: Exception, cause: Cause) -> None:
    assert cause_of(raised) is cause


@pytest.mark.parametrize(
    ("words", "name"),
    [
        ("no such column: c.surnme", "c.surnme"),
        ('column "surnme" does not exist', "surnme"),
        ("column c.surnme does not exist", "c.surnme"),
        ("(1054, \"Unknown column 'c.surnme' in 'SELECT'\")", "c.surnme"),
        ("Invalid column name 'surnme'.", "surnme"),
        ('ORA-00904: "C"."SURNME": invalid identifier', "C.SURNME"),
        ("no such column: okafor", None),
        ("invalid input syntax for type integer: surnme", None),
    ],
)
def test_a_name_is_told_where_the_mapping_has_it(words: str, name: str | None) -> None:
    """A driver's message may hold a value; what the administrator wrote is none."""
    assert named_in(error(words), "fields: {full_name: c.surnme}") == name


def test_a_postgresql_tells_its_causes(postgresql: URL) -> None:
    engine = sa.create_engine(postgresql)
    found: list[Cause] = []
    statements = ("SELECT nosuch FROM (SELECT 1 AS x) q", "SELECT 1 FROM nosuch", "SELECT 1 / 0", "SELECT pg_sleep(5)")
    with engine.connect() as connection:
        connection.execute(sa.text("SET statement_timeout = 50"))
        connection.commit()
        for statement in statements:
            with pytest.raises(sa.exc.SQLAlchemyError) as raised:
                connection.execute(sa.text(statement))
            found.append(cause_of(raised.value))
            connection.rollback()
    engine.dispose()

    assert found == [Cause.COLUMN, Cause.TABLE, Cause.STATEMENT, Cause.TIMEOUT]


def test_a_postgresql_that_is_not_there_is_the_host(postgresql: URL) -> None:
    engine = sa.create_engine(postgresql.set(host="127.0.0.1", port=1, query={}))

    with pytest.raises(sa.exc.OperationalError) as raised:
        engine.connect()

    assert cause_of(raised.value) is Cause.HOST


def test_a_cause_is_told_with_its_detail() -> None:
    failed: Any = SourceFailedError("library did not answer with JSON: text/html", Cause.NOT_JSON, "text/html")

    assert failed.why == "not JSON: text/html"
    assert SourceSlowError("slow").why == "timeout"
