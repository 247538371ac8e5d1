"""What happens when a council's database is slow, broken or gone?"""

from __future__ import annotations

import asyncio
import os
import re
import sqlite3
import threading
import time
from decimal import Decimal
from pathlib import Path

import pysqlite3
import pytest
import sqlalchemy as sa

from gateway.sources.contract import Found, SourceFailedError, SourceSlowError
from gateway.sources.database import connected, is_slowness, make_engine, place_url
from gateway.sources.sql import SqlSource
from schemas.decision import Record
from schemas.request import SubjectQuery
from schemas.terms import Match

GRACE = SubjectQuery("account_ref", "1000042", {"surname": "Okafor", "date_of_birth": "1985-02-14"})
FOUND = Found(Match.CONFIRMED, subject="liable", people={"liable": "P0000042"}, row="1000042")


def fetch(source: SqlSource, *paths: str, found: Found = FOUND) -> Record:
    return asyncio.run(source.fetch([(found, frozenset(paths))]))[0]


# -- reading only, and in time


@pytest.mark.parametrize("statement", ["DELETE FROM ctaccount", "CREATE TABLE x (y)", "PRAGMA user_version = 7"])
def test_nothing_can_be_written(northmoor: Path, statement: str) -> None:
    """The file is opened read-only, so that even our own mistake can't change a council's system."""
    engine = make_engine(place_url("sqlite:///{dir}/revenues.sqlite", northmoor), connections=1, timeout=1)

    with (
        pytest.raises(sa.exc.OperationalError, match="readonly"),
        connected(engine, until=time.monotonic() + 5) as connection,
    ):
        connection.exec_driver_sql(statement)

    engine.dispose()


SLOW = "(WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n)"


def test_a_slow_query_is_cut_off(source_from) -> None:
    """The thread itself ends, not only our patience: otherwise each slow call would cost a connection for good."""
    source = source_from(("timeout: 2", "timeout: 0.1"), ("arrears: a.arrears", f"arrears: {SLOW}"))
    begun = time.monotonic()

    for _ in range(3):  # more than there are connections
        with pytest.raises(SourceSlowError, match=r"northmoor-revenues did not answer in 0\.1 s"):
            fetch(source, "arrears")

    assert fetch(source, "full_name").values == {"full_name": "Grace Okafor"}
    assert time.monotonic() - begun < 2


def test_a_source_that_another_writer_holds_is_slow(own_northmoor, source_from) -> None:
    directory = own_northmoor()
    writer = pysqlite3.connect(str(directory / "revenues.sqlite"), isolation_level=None)
    writer.execute("BEGIN EXCLUSIVE")
    source = source_from(("timeout: 2", "timeout: 0.2"), directory=directory)

    with pytest.raises(SourceSlowError):
        fetch(source, "full_name")

    writer.execute("ROLLBACK")
    writer.close()
    assert fetch(source, "full_name").values == {"full_name": "Grace Okafor"}


def test_calls_in_the_queue_are_slow_when_their_own_time_is_up(source_from) -> None:
    """Ten calls on two connections that hang: all are answered in their time, and none runs afterwards."""
    source = source_from(("timeout: 2", "timeout: 0.2"), ("arrears: a.arrears", f"arrears: {SLOW}"))

    async def ten() -> list[object]:
        calls = (source.fetch([(FOUND, frozenset({"arrears"}))]) for _ in range(10))
        return await asyncio.gather(*calls, return_exceptions=True)

    begun = time.monotonic()
    answers = asyncio.run(ten())

    assert [type(answer) for answer in answers] == [SourceSlowError] * 10
    assert time.monotonic() - begun < 1


def test_threads_end_when_the_source_is_closed(source_from) -> None:
    source = source_from()
    source._at_once = None
    fetch(source, "arrears")
    assert [one for one in threading.enumerate() if one.name.startswith("source")]

    source.close()

    assert not [one for one in threading.enumerate() if one.name.startswith("source")]


@pytest.mark.parametrize(
    ("error", "slow"),
    [
        (sa.exc.TimeoutError("no connection"), True),
        (sa.exc.OperationalError("SELECT 1", {}, type("Cancelled", (Exception,), {"sqlstate": "57014"})()), True),
        (sa.exc.OperationalError("SELECT 1", {}, type("Gone", (Exception,), {"sqlstate": "57P01"})()), False),
        (OSError("refused"), False),
    ],
)
def test_time_run_out_is_told_from_other_failures(error: Exception, slow: bool) -> None:  # noqa: FBT001 -- a case's answer
    """PostgreSQL's query_canceled, and a pool that has nothing to lend, are slowness."""
    assert is_slowness(error) is slow


# -- a source that fails, and recovers


@pytest.mark.parametrize(
    ("content", "statement"),
    [
        pytest.param(None, "", id="missing"),
        pytest.param(b"PATIENT SECRET " * 100, "", id="not a database"),
        pytest.param(b"", "", id="empty"),
        pytest.param(b"", "CREATE TABLE ctaccount (account_ref TEXT)", id="columns missing"),
    ],
)
def test_a_broken_source_fails_without_a_value_in_its_message(
    tmp_path: Path, source_from, content: bytes | None, statement: str
) -> None:
    file = tmp_path / "revenues.sqlite"
    if content is not None:
        file.write_bytes(content)
    if statement:
        with sqlite3.connect(file) as connection:
            connection.execute(statement)
        connection.close()

    with pytest.raises(SourceFailedError, match=r"northmoor-revenues could not be asked: \w+Error$") as failed:
        asyncio.run(source_from(directory=tmp_path).identify([GRACE]))[0]

    assert not isinstance(failed.value, SourceSlowError)
    assert failed.value.__suppress_context__, "a driver's message may hold values"


@pytest.mark.parametrize("at_once", [True, False])
@pytest.mark.parametrize("call", ["identify", "fetch", "survey"])
def test_a_fault_in_reading_is_the_sources_failure(
    source_from, monkeypatch: pytest.MonkeyPatch, call: str, *, at_once: bool
) -> None:
    """A mapping of an earlier day may hold a format that strptime has no expression for; no value is told."""
    source = source_from()
    if not at_once:
        source._at_once = None

    def fault(*_: object) -> None:
        raise re.error("P0000042")

    monkeypatch.setattr("gateway.sources.records.field_cleaner", lambda *_: fault)
    monkeypatch.setattr("gateway.sources.finding.normal_form", lambda *_: fault)
    calls = {
        "identify": lambda: source.identify([GRACE]),
        "fetch": lambda: source.fetch([(FOUND, frozenset({"age", "full_name"}))]),
        "survey": lambda: source.survey(5),
    }

    with pytest.raises(SourceFailedError, match=r"northmoor-revenues could not be read: error$") as failed:
        asyncio.run(calls[call]())

    assert failed.value.__suppress_context__, "its message may hold values"
    monkeypatch.undo()
    assert fetch(source, "full_name").values == {"full_name": "Grace Okafor"}


def test_a_connection_that_failed_is_not_lent_again(source_from) -> None:
    """Whatever state the failure left it in, the next call gets a fresh one."""
    source = source_from(("arrears: a.arrears", "arrears: a.no_such_column"))
    source._at_once = None
    opened: list[object] = []
    sa.event.listen(source._engine, "connect", lambda connection, _record: opened.append(connection))
    fetch(source, "full_name")
    fetch(source, "full_name")
    assert len(opened) == 1

    with pytest.raises(SourceFailedError):
        fetch(source, "arrears")
    fetch(source, "full_name")

    assert len(opened) == 2


def test_a_missing_source_is_not_created(tmp_path: Path, source_from) -> None:
    with pytest.raises(SourceFailedError):
        asyncio.run(source_from(directory=tmp_path).identify([GRACE]))[0]

    assert not (tmp_path / "revenues.sqlite").exists()


def test_a_source_recovers(own_northmoor, source_from, tmp_path: Path) -> None:
    """Gone for a moment, garbage for a moment, back: no restart is needed."""
    directory = own_northmoor()
    good, file = tmp_path / "good.sqlite", directory / "revenues.sqlite"
    source = source_from(directory=directory)
    assert asyncio.run(source.identify([GRACE]))[0].match is Match.CONFIRMED

    file.rename(good)
    with pytest.raises(SourceFailedError):
        asyncio.run(source.identify([GRACE]))[0]
    file.write_bytes(b"half a copy" * 1000)
    with pytest.raises(SourceFailedError):
        asyncio.run(source.identify([GRACE]))[0]
    good.replace(file)

    assert asyncio.run(source.identify([GRACE]))[0].match is Match.CONFIRMED


def test_a_replaced_file_is_read_anew(own_northmoor, source_from, tmp_path: Path) -> None:
    """A nightly extract takes the old file's name: a kept connection would go on reading yesterday's."""
    directory = own_northmoor()
    source = source_from(directory=directory)
    assert fetch(source, "arrears").values["arrears"] == Decimal("642.18")
    new = tmp_path / "new.sqlite"
    new.write_bytes((directory / "revenues.sqlite").read_bytes())
    with sqlite3.connect(new) as connection:
        connection.execute("UPDATE ctaccount SET arrears = '1.00'")
    connection.close()

    os.replace(new, directory / "revenues.sqlite")  # noqa: PTH105 -- atomic, as an extract job does it

    assert fetch(source, "arrears").values["arrears"] == Decimal("1.00")


def test_a_directory_may_have_any_name(own_northmoor, source_from, tmp_path: Path) -> None:
    """A `?` or `#` would end the path of SQLite's own address, and the read-only mode with it."""
    odd = tmp_path / "north?moor #1 %20&mode=rwc"
    odd.mkdir()
    (own_northmoor() / "revenues.sqlite").rename(odd / "revenues.sqlite")

    assert asyncio.run(source_from(directory=odd).identify([GRACE]))[0].match is Match.CONFIRMED


def test_what_the_driver_gives_up_on_is_slow_too(source: SqlSource) -> None:
    """Whichever clock is first, ours or the driver's, the answer is the same."""

    def give_up(_connection: object) -> None:
        raise sa.exc.TimeoutError("no connection to lend")

    with pytest.raises(SourceSlowError):
        asyncio.run(source._run(give_up))
