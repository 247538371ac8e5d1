"""A batch is written by as few statements as may be; where an item fails, carefully, one by one."""

import pysqlite3
import pytest

from audit.format.entry import EntryError
from audit.stores.entry_rows import inserts
from audit.stores.sqlite import SqliteConnection


@pytest.fixture
def side(place) -> None:
    place.connect().run("CREATE TABLE side (what TEXT PRIMARY KEY)")


def refuse(connection, _moment):
    connection.run("INSERT INTO side (what) VALUES ('refused')")
    raise PermissionError("not you")


@pytest.mark.parametrize("count", [0, 1, 3, 4, 5, 63, 64, 65, 150])
def test_every_row_is_inserted_once_and_in_order(count: int) -> None:
    connection = pysqlite3.connect(":memory:", factory=SqliteConnection)
    connection.run("CREATE TABLE pair (one INTEGER, two TEXT)")
    rows = [(number, f"n{number}") for number in range(count)]

    connection.run_all(inserts("INSERT INTO pair (one, two) VALUES ", rows))

    assert connection.all("SELECT one, two FROM pair ORDER BY rowid") == rows
    connection.close()


def test_a_change_that_fails_after_writing_is_taken_back_alone(place, writer, side, draft) -> None:
    """Each change has a savepoint of its own: none of its neighbours runs twice."""
    runs: list[int] = []

    def counted(connection, moment):
        runs.append(moment.index)
        connection.run("INSERT INTO side (what) VALUES (?)", (f"row {moment.index}",))
        return draft(f"e_{moment.index}", recipient="harbour")

    results = place.submit_together(writer, [counted, refuse, counted, refuse, counted])

    assert runs == [0, 1, 2]
    assert [getattr(one, "index", type(one)) for one in results] == [0, PermissionError, 1, PermissionError, 2]
    assert place.connect().all("SELECT what FROM side ORDER BY what") == [(f"row {number}",) for number in range(3)]
    assert [b'"counter":%d' % (number + 1) in results[2 * number].entry for number in range(3)] == [True] * 3
    place.check()


def test_two_entries_of_one_id_in_a_batch_are_one(place, writer, draft) -> None:
    first, second = place.submit_together(writer, [lambda _c, _m: draft("e_same"), lambda _c, _m: draft("e_same")])
    assert first.index == 0
    assert isinstance(second, EntryError)
    place.check()


def test_an_id_that_the_log_holds_is_the_items_own_failure(place, writer, draft) -> None:
    """It comes out only when the rows are inserted together: the neighbours are written all the same."""
    writer.append(lambda _c, _m: draft("e_old"))
    before, known, after = place.submit_together(
        writer, [lambda _c, _m: draft("e_before"), lambda _c, _m: draft("e_old"), lambda _c, _m: draft("e_after")]
    )
    assert (before.index, after.index) == (1, 2)
    assert isinstance(known, EntryError)
    assert writer.writable
    place.check()
