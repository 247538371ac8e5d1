"""When does a call need no thread, and what happens when the file doesn't answer at once?"""

from __future__ import annotations

import asyncio
import threading
import time
from pathlib import Path
from typing import Any

import pysqlite3
import pytest
import sqlalchemy as sa

from gateway.sources import at_once
from gateway.sources.at_once import AtOnce, NotAtOnceError
from gateway.sources.contract import Found
from gateway.sources.database import read, read_one_instant
from gateway.sources.sql import SqlSource
from gateway.sources.statements import Statement
from schemas.decision import Record
from schemas.request import SubjectQuery
from schemas.terms import Match

GRACE = SubjectQuery("account_ref", "1000042", {"surname": "Okafor", "date_of_birth": "1985-02-14"})
FOUND = Found(Match.CONFIRMED, subject="liable", people={"liable": "P0000042"}, row="1000042")
SLOW = "(WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200000) SELECT count(*) FROM n)"


def fetch(source: SqlSource, *paths: str) -> Record:
    return asyncio.run(source.fetch([(FOUND, frozenset(paths))]))[0]


def has_threads() -> bool:
    return any(one.name.startswith("source") for one in threading.enumerate())


def as_statement(text: str) -> Statement:
    return Statement(sa.text(text))


def count(connection: Any) -> int:
    statement = as_statement("SELECT count(*) FROM ctaccount WHERE :row = 1")
    return int(read(connection, statement, 1, "row")[0][0])


def test_a_quick_file_needs_no_thread(source: SqlSource) -> None:
    assert asyncio.run(source.identify([GRACE]))[0].match is Match.CONFIRMED
    assert fetch(source, "full_name").values == {"full_name": "Grace Okafor"}
    assert not has_threads()


def test_both_ways_give_the_same_answers(source: SqlSource, source_from, dataset, northmoor: Path) -> None:
    threaded = source_from()
    threaded._at_once = None
    connection = pysqlite3.connect(f"file:{northmoor / 'revenues.sqlite'}?mode=ro", uri=True)
    rows = connection.execute(
        "SELECT account_ref, lead_liab_surname, lead_birth_date FROM ctaccount "
        "WHERE lead_birth_date LIKE '__/__/____' LIMIT 60"
    ).fetchall()
    connection.close()
    assert len(rows) == 60

    async def both(query: SubjectQuery) -> int:
        (found,) = await source.identify([query])
        assert [found] == await threaded.identify([query])
        if found.match is Match.CONFIRMED:
            everything = frozenset(dataset.fields)
            assert await source.fetch([(found, everything)]) == await threaded.fetch([(found, everything)])
        return found.match is Match.CONFIRMED

    async def all_of_them() -> int:
        known = [
            (ref.strip(), {"surname": name, "date_of_birth": f"{born[6:]}-{born[3:5]}-{born[:2]}"})
            for ref, name, born in rows
        ]
        return sum([await both(SubjectQuery("account_ref", ref, details)) for ref, details in known])

    assert asyncio.run(all_of_them()) > 10
    assert has_threads()


def test_what_takes_longer_is_answered_by_a_thread(source_from) -> None:
    source = source_from(("arrears: a.arrears", f"arrears: {SLOW}"))
    assert fetch(source, "arrears").values["arrears"] == 200_000
    assert has_threads()


def test_after_a_slow_answer_the_loop_is_left_alone_for_a_while(northmoor: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise every call would hold the loop up by the budget, and be asked in a thread all the same."""
    quick = AtOnce(str(northmoor / "revenues.sqlite"))
    assert quick.ask(count) > 0
    asked: list[object] = []
    with pytest.raises(NotAtOnceError):
        quick.ask(lambda connection: read(connection, as_statement(f"SELECT {SLOW}, :row"), 1, "row"))
    with pytest.raises(NotAtOnceError):
        quick.ask(asked.append)
    assert not asked
    monkeypatch.setattr(at_once, "RESTS", 0.0)
    quick._rests_until = 0.0
    assert quick.ask(count) > 0
    quick.close()


def test_the_loop_is_held_up_for_the_budget_at_most(northmoor: Path) -> None:
    """SQLite itself looks at the clock: an endless statement ends."""
    quick = AtOnce(str(northmoor / "revenues.sqlite"))
    begun = time.monotonic()
    with pytest.raises(NotAtOnceError):
        quick.ask(
            lambda connection: read(connection, as_statement(f"SELECT {SLOW.replace('200000', '1e12')}, :row"), 1, "row")
        )
    assert time.monotonic() - begun < 1  # of a machine that others use as well


def test_a_chunk_of_many_people_may_take_as_much_longer(northmoor: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One statement reads them all, and a thread would not be done sooner."""
    quick = AtOnce(str(northmoor / "revenues.sqlite"))
    monkeypatch.setattr(at_once, "BUDGET", 0.0)
    monkeypatch.setattr(at_once, "FURTHER", 0.1)
    statement = as_statement(f"SELECT {SLOW.replace('200000', '20000')}, :row")
    assert quick.ask(lambda connection: read(connection, statement, 1, "row"), people=100)
    with pytest.raises(NotAtOnceError):
        quick.ask(lambda connection: read(connection, statement, 1, "row"), people=1)
    quick.close()


def test_a_locked_file_is_not_waited_for(own_northmoor) -> None:
    file = own_northmoor() / "revenues.sqlite"
    writer = pysqlite3.connect(str(file), isolation_level=None)
    writer.execute("BEGIN EXCLUSIVE")
    begun = time.monotonic()
    with pytest.raises(NotAtOnceError):
        AtOnce(str(file)).ask(count)
    assert time.monotonic() - begun < 1
    writer.execute("ROLLBACK")
    writer.close()


@pytest.mark.parametrize("statement", ["DELETE FROM ctaccount", "CREATE TABLE x (y)", "PRAGMA user_version = 7"])
def test_nothing_can_be_written_at_once(northmoor: Path, statement: str) -> None:
    with pytest.raises(NotAtOnceError):
        AtOnce(str(northmoor / "revenues.sqlite")).ask(lambda connection: connection.execute(statement))


def test_a_missing_file_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(NotAtOnceError):
        AtOnce(str(tmp_path / "none.sqlite")).ask(count)
    assert not (tmp_path / "none.sqlite").exists()


def test_a_record_and_its_groups_are_of_one_instant(own_northmoor) -> None:
    """The next call sees what has been written since."""
    file = own_northmoor() / "revenues.sqlite"
    writer = pysqlite3.connect(str(file), isolation_level=None)
    writer.execute("PRAGMA journal_mode=WAL")
    quick = AtOnce(str(file))

    def twice(connection: Any) -> tuple[int, int]:
        read_one_instant(connection)
        before = count(connection)
        writer.execute("DELETE FROM ctaccount")
        return before, count(connection)

    before, after = quick.ask(twice)
    assert before == after > 0
    assert quick.ask(count) == 0
    quick.close()
    writer.close()


@pytest.mark.parametrize(("late", "rests"), [(at_once.MOST_LATE - 1, False), (at_once.MOST_LATE, True)])
def test_a_disk_that_is_waited_for_again_and_again_is_left_to_the_threads(
    northmoor: Path,
    monkeypatch: pytest.MonkeyPatch,
    late: int,
    rests: bool,  # noqa: FBT001 -- a case's answer
) -> None:
    """One late answer may be the machine's doing."""
    quick = AtOnce(str(northmoor / "revenues.sqlite"))
    with monkeypatch.context() as slow:
        slow.setattr(at_once, "LONGEST", -1.0)
        for _ in range(late):
            assert quick.ask(count) > 0
    if rests:
        with pytest.raises(NotAtOnceError):
            quick.ask(count)
    else:
        assert quick.ask(count) > 0
    quick.close()
