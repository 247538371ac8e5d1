"""What is read of a council's database, and what happens when it can't be?"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pysqlite3
import pytest
import sqlalchemy as sa

from gateway.sources import at_once
from gateway.sources.contract import Found, SourceFailedError
from gateway.sources.database import read
from gateway.sources.sql import SqlSource
from gateway.sources.statements import Statement
from schemas.decision import Record, Unusable
from schemas.request import SubjectQuery
from schemas.terms import Match

GRACE = SubjectQuery("account_ref", "1000042", {"surname": "Okafor", "date_of_birth": "1985-02-14"})
BY_PLACE = SubjectQuery("uprn", "900000000042", {"surname": "Okafor", "date_of_birth": "1985-02-14"})
FOUND = Found(Match.CONFIRMED, subject="liable", people={"liable": "P0000042"}, row="1000042")
JOINS = {
    ("ctaccount", "account_ref"),
    ("ctoccupation", "account_ref"),
    ("ctoccupation", "live_ind"),
    ("ctoccupation", "property_ref"),
    ("ctproperty", "property_ref"),
}
READ = 20  # SQLite's action code SQLITE_READ


@dataclass
class Watch:
    """What SQLite's own authorizer was asked, and what the driver was given."""

    columns: set[tuple[str, str]] = field(default_factory=set)
    statements: list[tuple[str, object]] = field(default_factory=list)


@pytest.fixture(params=["at once", "in a thread"])
def watched(source: SqlSource, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Watch:
    """Watch a source that is asked on the loop itself, and one that is asked in a thread."""
    watch = Watch()

    def authorize(action: int, table: str, column: str, *_rest: object) -> int:
        if action == READ:
            watch.columns.add((table, column))
        return 0

    def note(_connection: object, _cursor: object, statement: str, parameters: object, *_rest: object) -> None:
        watch.statements.append((statement, parameters))

    if request.param == "at once":
        _watch_at_once(monkeypatch, authorize, watch)
        return watch
    source._at_once = None
    sa.event.listen(source._engine, "checkout", lambda opened, *_: opened.set_authorizer(authorize))
    sa.event.listen(source._engine, "before_cursor_execute", note)
    return watch


def _watch_at_once(monkeypatch: pytest.MonkeyPatch, authorize: Callable[..., int], watch: Watch) -> None:
    class Noting(pysqlite3.Connection):  # type: ignore[misc]  # the driver has no types
        def execute(self, statement: str, *parameters: object) -> object:
            if parameters:
                watch.statements.append((statement, parameters[0]))
            return super().execute(statement, *parameters)

    def open_noting(path: str, timeout: float) -> Noting:
        opened: Noting = pysqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=timeout, factory=Noting)
        opened.set_authorizer(authorize)
        return opened

    monkeypatch.setattr(at_once, "open_sqlite", open_noting)


def fetch(source: SqlSource, *paths: str, found: Found = FOUND) -> Record:
    return asyncio.run(source.fetch([(found, frozenset(paths))]))[0]


# -- minimisation at the source


def test_identifying_reads_the_key_and_the_given_details_alone(source: SqlSource, watched: Watch) -> None:
    """SQLite itself says which columns a statement touches: joins, references, key, details."""
    asyncio.run(source.identify([GRACE]))[0]

    assert watched.columns - {("ctoccupation", "ROWID"), ("ctoccupation", "")} == JOINS | {
        ("ctaccount", "party_ref"),
        ("ctaccount", "joint_party_ref"),
        ("ctaccount", "lead_liab_surname"),
        ("ctaccount", "lead_former_surname"),
        ("ctaccount", "joint_liab_surname"),
        ("ctaccount", "lead_birth_date"),
        ("ctaccount", "joint_birth_date"),
    }


def test_only_a_place_asks_for_the_marker_that_protects(source: SqlSource, watched: Watch) -> None:
    asyncio.run(source.identify([GRACE]))[0]
    by_account = set(watched.columns)
    asyncio.run(source.identify([BY_PLACE]))[0]

    assert ("ctaccount", "protected_ind") not in by_account
    assert watched.columns - by_account == {("ctproperty", "uprn"), ("ctaccount", "protected_ind")}


@pytest.mark.parametrize(
    ("paths", "columns"),
    [
        ((), set()),
        (("arrears",), {("ctaccount", "arrears")}),
        (("postcode", "protected_address"), {("ctproperty", "postcode"), ("ctaccount", "protected_ind")}),
        (("full_name",), {("ctaccount", "lead_liab_forename"), ("ctaccount", "lead_liab_surname")}),
        (("occupations",), set()),
        (
            ("occupations", "occupations.occupied_from"),
            {("ctoccupation", "occupation_date")},
        ),
    ],
)
def test_a_fetch_reads_the_named_columns_alone(
    source: SqlSource, watched: Watch, paths: tuple[str, ...], columns: set[tuple[str, str]]
) -> None:
    """Default deny at the source: what nothing releases is not even read."""
    fetch(source, *paths)

    assert watched.statements
    rest = watched.columns - {("ctoccupation", "ROWID"), ("ctoccupation", ""), ("ctproperty", "")}
    assert rest - JOINS - {("ctaccount", "updated_at")} == columns


def test_the_joint_holders_fetch_reads_no_column_of_the_lead(source: SqlSource, watched: Watch) -> None:
    found = Found(Match.CONFIRMED, subject="joint", people={}, row="1000042")

    record = fetch(source, "full_name", "date_of_birth", "deceased", found=found)

    assert record.values["full_name"] == "Samuel Okafor"
    assert "deceased" not in record.values, "what is mapped for the lead alone is not held of the joint holder"
    assert not [column for _, column in watched.columns if column.startswith("lead_")]


def test_no_value_stands_in_a_statement(source: SqlSource, watched: Watch) -> None:
    """Statements are made of the mapping's words; what was typed is bound."""
    asyncio.run(source.identify([GRACE]))[0]
    fetch(source, "arrears", "occupations", "occupations.postcode")

    assert len(watched.statements) == 3
    assert all("1000042" not in statement and "Okafor" not in statement for statement, _ in watched.statements)
    assert [parameters for _, parameters in watched.statements] == [
        {"key": "1000042"},
        {"row": "1000042"},
        {"row": "1000042"},
    ]


# -- what a record says


def test_values_come_cleaned_and_typed(source: SqlSource) -> None:
    record = fetch(source, "full_name", "date_of_birth", "arrears", "postcode", "protected_address", "instalments")

    assert record.values["full_name"] == "Grace Okafor"
    assert str(record.values["date_of_birth"]) == "1985-02-14"
    assert record.values["arrears"] == Decimal("642.18")
    assert record.values["postcode"] == "LS1 4AB"
    assert record.values["protected_address"] is False
    assert record.values["instalments"] in {10, 12}


def test_a_garbled_marker_is_invalid_and_a_blank_one_unknown(source: SqlSource) -> None:
    garbled = fetch(source, "protected_address", found=Found(Match.CONFIRMED, subject="liable", row="1000082"))
    blank = fetch(source, "protected_address", found=Found(Match.CONFIRMED, subject="liable", row="1000083"))

    assert garbled.values == {"protected_address": Unusable.INVALID}
    assert blank.values == {"protected_address": None}


def test_a_groups_rows_are_those_of_the_record(own_northmoor: Callable[..., Path], source_from) -> None:
    directory = own_northmoor("INSERT INTO ctoccupation VALUES ('1000042', 'R900000000081', '20010203', '05/06/2006', 'N')")

    record = fetch(source_from(directory=directory), "occupations", "occupations.occupied_from", "occupations.postcode")

    rows = {str(row["occupations.occupied_from"]): row["occupations.postcode"] for row in record.groups["occupations"]}
    assert len(rows) == 2
    assert rows["2001-02-03"] == "LS7 2DQ"


def test_the_record_itself_is_where_the_person_lives_now(own_northmoor: Callable[..., Path], source_from) -> None:
    """An older occupation, whatever its place in the table, does not double or move the record."""
    directory = own_northmoor("INSERT INTO ctoccupation VALUES ('1000042', 'R900000000081', '', '', 'N')")
    source = source_from(directory=directory)

    assert fetch(source, "postcode").values == {"postcode": "LS1 4AB"}
    old_place = SubjectQuery("uprn", "900000000081", dict(BY_PLACE.confirm))
    assert asyncio.run(source.identify([old_place]))[0].match is Match.MISMATCH


def test_too_many_rows_fail_rather_than_being_cut(own_northmoor: Callable[..., Path], source_from) -> None:
    """Cut short, `count` and `latest` would be false."""
    directory = own_northmoor(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000) "
        "INSERT INTO ctoccupation SELECT '1000042', 'R900000000042', '', '', 'N' FROM n"
    )

    with pytest.raises(SourceFailedError, match="occupations has over 1000 rows"):
        fetch(source_from(directory=directory), "occupations")


@pytest.mark.parametrize(
    ("stated", "stands", "stale"),
    [
        ("2026-10-02T02:00:00Z", datetime(2026, 10, 2, 2, tzinfo=UTC), False),
        ("2026-09-30T09:14:03Z", datetime(2026, 9, 30, 9, 14, 3, tzinfo=UTC), False),
        ("2026-09-30T09:14:02Z", datetime(2026, 9, 30, 9, 14, 2, tzinfo=UTC), True),
        ("2026-10-02 03:00:00+01:00", datetime(2026, 10, 2, 2, tzinfo=UTC), False),
        ("2026-10-02 02:00:00", datetime(2026, 10, 2, 2, tzinfo=UTC), False),
        (None, datetime(2026, 10, 2, 9, 14, 3, tzinfo=UTC), False),
    ],
)
def test_an_old_answer_is_marked_stale(own_northmoor, source_from, stated, stands, stale) -> None:
    """`stale_after` is two days; on the second they are still fresh."""
    directory = own_northmoor("UPDATE ctaccount SET updated_at = ?", values=(stated,))

    record = fetch(source_from(directory=directory), "arrears")

    assert (record.as_at, record.stale) == (stands, stale)


def test_an_as_at_that_is_no_instant_fails(own_northmoor, source_from) -> None:
    directory = own_northmoor("UPDATE ctaccount SET updated_at = 'secret nonsense'")

    with pytest.raises(SourceFailedError, match="as_at is not an instant") as failed:
        fetch(source_from(directory=directory), "arrears")

    assert "secret" not in str(failed.value)


@pytest.mark.parametrize("row", ["1999999", None])
def test_a_record_that_has_gone_fails(source: SqlSource, row: str | None) -> None:
    with pytest.raises(SourceFailedError, match="gone, or is there twice"):
        fetch(source, "arrears", found=Found(Match.CONFIRMED, subject="liable", row=row))


# -- other databases


def test_a_value_is_bound_by_name_whatever_the_driver(northmoor: Path) -> None:
    """The path that other drivers take: a question mark or a colon in a literal shifts nothing."""
    engine = sa.create_engine(f"sqlite:///{northmoor / 'revenues.sqlite'}")
    engine.dialect.name = "another"
    statement = Statement(sa.text("SELECT '?', '10:30', '100%', :row FROM ctaccount LIMIT 1"))

    with engine.connect() as connection:
        assert [tuple(row) for row in read(connection, statement, "x'y", "row")] == [("?", "10:30", "100%", "x'y")]

    engine.dispose()
