"""A name that counts but once is used once: in a batch, by several writers, across restarts, whatever fails."""

from __future__ import annotations

import contextlib
import threading
from datetime import timedelta

import pysqlite3
import pytest
from audit_place import NOW
from hypothesis import given, settings
from hypothesis import strategies as st

from audit.stores.connection import StoreError
from audit.stores.sqlite import SqliteConnection
from audit.writing.item import Moment
from audit.writing.once import LIFE, SIZE, UsedOnce, digest_of
from audit.writing.sequencer import NotDurableError

UNTIL = 4_000_000_000  # epoch seconds: long after any test's clock


def using(names, told, *, until=UNTIL):
    """Return an item that uses names and tells whether it could."""

    def within(_connection, moment: Moment) -> None:
        told.append(moment.once.use([(name, until) for name in names], moment.at))

    return within


def use(writer, *names, until=UNTIL) -> bool:
    told: list[bool] = []
    writer.append(using(names, told, until=until))
    return told[-1]


def rows_of(place) -> list[tuple[int, int]]:
    """Return (number, how many names) of each row."""
    rows = place.connect().all("SELECT number, length(names) FROM used_once ORDER BY number")
    return [(number, size // SIZE) for number, size in rows]


def test_a_name_is_used_once(place, writer) -> None:
    assert [use(writer, "a"), use(writer, "b"), use(writer, "a")] == [True, True, False]
    assert rows_of(place) == [(1, 1), (2, 1)]


def test_a_batch_writes_one_row(place, writer) -> None:
    told: list[bool] = []

    place.submit_together(writer, [using([str(number)], told) for number in range(50)])

    assert told == [True] * 50
    assert rows_of(place) == [(1, 50)]


def test_of_two_in_one_batch_one_is_taken(place, writer) -> None:
    told: list[bool] = []

    place.submit_together(writer, [using(["same"], told), using(["other", "same"], told), using(["other"], told)])

    assert told == [True, False, True], "what could not be used whole has used nothing"


def test_a_name_twice_in_one_item_is_no_good(writer) -> None:
    assert not use(writer, "a", "a")
    assert use(writer, "a")


def test_a_batch_without_names_writes_no_row(place, writer, draft) -> None:
    writer.append(lambda _connection, _moment: draft("e_1"))
    assert rows_of(place) == []


def test_what_another_writer_used_is_known(place) -> None:
    """Two processes share the database: each catches up under the lock."""
    one, two = place.start(), place.start()

    assert use(one, "a")
    assert not use(two, "a")
    assert use(two, "b")
    assert not use(one, "b")


def test_one_of_many_writers_at_once_wins(place) -> None:
    """Each name is handed to three writers from threads of their own."""
    writers = [place.start() for _ in range(3)]
    won: list[str] = []

    def race(writer) -> None:
        for number in range(40):
            if use(writer, f"n{number}"):
                won.append(f"n{number}")  # noqa: PERF401 -- threads share it

    threads = [threading.Thread(target=race, args=(one,)) for one in writers]
    for one in threads:
        one.start()
    for one in threads:
        one.join()

    assert sorted(won) == sorted(f"n{number}" for number in range(40))


def test_a_name_stays_used_after_a_restart(place) -> None:
    writer = place.start()
    assert use(writer, "a")
    writer.close()

    assert not use(place.start(), "a")


def test_an_item_that_raises_has_used_nothing(place, writer) -> None:
    """Before it wrote rows, and after: then the batch runs again, with savepoints."""
    place.connect().run("CREATE TABLE side (what TEXT)")
    told: list[bool] = []

    def failing(connection, moment, *, writes: bool) -> None:
        assert moment.once.use([(f"failed {writes}", UNTIL)], moment.at)
        if writes:
            connection.run("INSERT INTO side VALUES ('x')")
        raise PermissionError("not you")

    results = place.submit_together(
        writer,
        [
            using(["before"], told),
            lambda connection, moment: failing(connection, moment, writes=False),
            lambda connection, moment: failing(connection, moment, writes=True),
            using(["after"], told),
        ],
    )

    assert [type(one) for one in results] == [type(None), PermissionError, PermissionError, type(None)]
    assert rows_of(place) == [(1, 2)]
    assert use(writer, "failed False")
    assert use(writer, "failed True")
    assert not use(writer, "before", "new")
    assert use(writer, "new")


def test_what_was_not_committed_was_not_used(place, writer, monkeypatch: pytest.MonkeyPatch) -> None:
    """The disk fills as the row is written; once there is room the same name is good."""

    def full(_self) -> None:
        raise StoreError("database or disk is full")

    with monkeypatch.context() as broken:
        broken.setattr(UsedOnce, "written", full)
        with pytest.raises(NotDurableError):
            use(writer, "a")

    assert use(writer, "a")


def test_what_was_committed_behind_ones_back_is_read(place, writer) -> None:
    """A COMMIT that reports a failure may have been one all the same: the row tells, not the memory."""
    used = UsedOnce()
    connection = place.connect()
    connection.run("BEGIN IMMEDIATE")
    used.begin(connection)
    assert used.use([("a", UNTIL)], place.now)
    connection.run_all(used.written())
    connection.run("COMMIT")
    used.drop()

    used.begin(connection)

    assert not used.use([("a", UNTIL)], place.now)
    assert not use(writer, "a")


@contextlib.contextmanager
def using_once(place, used: UsedOnce, *, boot: float):
    """Be in a transaction at an instant of the boot clock, and commit it."""
    connection = place.connect()
    connection.run("BEGIN IMMEDIATE")
    used.begin(connection, boot=boot)
    yield connection
    connection.run_all(used.written())
    connection.run("COMMIT")
    used.keep()
    connection.close()


SOON = int(NOW.timestamp()) + 60


def test_a_name_that_is_over_can_not_be_used(place, writer) -> None:
    place.now += timedelta(seconds=60)

    assert not use(writer, "a", until=SOON)


@pytest.mark.parametrize(
    ("wall", "boot", "is_forgotten"),
    [(59, LIFE, False), (60, LIFE - 1, False), (60, LIFE, True), (7_200, LIFE - 1, False), (-7_200, LIFE, False)],
)
def test_a_name_is_forgotten_once_it_is_over_by_both_clocks(place, wall: float, boot: float, *, is_forgotten: bool) -> None:
    """By wall time alone a clock that runs ahead would forget it, and take it again when it is put right."""
    used = UsedOnce()
    with using_once(place, used, boot=0):
        assert used.use([("a", SOON)], NOW)
    with using_once(place, used, boot=boot):
        used.forget(NOW + timedelta(seconds=wall))

    assert (len(used) == 0) is is_forgotten
    assert used.forgotten == (1 if is_forgotten else 0)


def test_while_a_clock_may_be_put_back_names_are_remembered_so_much_longer(place) -> None:
    used, over = UsedOnce(), NOW + timedelta(seconds=7_200)
    with using_once(place, used, boot=0):
        assert used.use([("a", SOON)], NOW)
    for boot, kept in ((LIFE + 599, 1), (LIFE + 600, 0)):
        with using_once(place, used, boot=boot):
            used.forget(over, ahead=600)

        assert len(used) == kept


def test_names_of_one_batch_are_kept_as_long_as_the_longest(place, writer) -> None:
    """In memory and in the row, which the sweep drops by its `until`: in either case no name is forgotten early."""
    soon, later = int(place.now.timestamp()) + 60, int(place.now.timestamp()) + 600
    told: list[bool] = []
    place.submit_together(writer, [using(["short"], told, until=soon), using(["long"], told, until=later)])
    assert told == [True, True]
    place.now += timedelta(seconds=61)

    assert not use(writer, "long", until=later)
    sweep = "DELETE FROM used_once WHERE until <= ?"
    writer.append(lambda connection, moment: connection.one(sweep, (moment.at.timestamp(),)) and None)
    writer.close()
    assert not use(place.start(), "long", until=later)


def test_a_clock_that_goes_back_revives_nothing(place, writer) -> None:
    soon = int(place.now.timestamp()) + 60
    assert use(writer, "a", until=soon)
    place.now += timedelta(seconds=7_200)
    assert use(writer, "b")
    place.now -= timedelta(seconds=7_200)

    assert not use(writer, "a", until=soon)
    assert use(writer, "never seen", until=soon), "an entry in the future makes nothing look used"


def test_numbers_are_not_given_again_once_rows_are_swept(place) -> None:
    """Else a writer that had read up to the highest would miss what came after."""
    one, two = place.start(), place.start()
    assert use(one, "a")
    assert use(two, "b")
    one.append(lambda connection, _moment: connection.one("DELETE FROM used_once") and None)

    assert use(one, "c")

    assert not use(two, "c")
    assert [number for number, _ in rows_of(place)] == [3]


@settings(deadline=None)
@given(st.lists(st.lists(st.tuples(st.sampled_from("abcdef"), st.booleans()), max_size=4), max_size=8))
def test_it_is_a_set_whatever_fails(batches) -> None:
    """Against a plain set: batches of items, some undone; some batches taken back whole."""
    with contextlib.closing(pysqlite3.connect(":memory:", isolation_level=None, factory=SqliteConnection)) as connection:
        connection.run("CREATE TABLE used_once (number INTEGER PRIMARY KEY AUTOINCREMENT, until INTEGER, names BLOB)")
        used, model = UsedOnce(), set()
        for place, batch in enumerate(batches):
            connection.run("BEGIN")
            used.begin(connection)
            new: set[str] = set()
            for name, stays in batch:
                mark = used.mark()
                assert used.use([(name, UNTIL)], NOW) == (name not in model | new)
                if stays:
                    new.add(name)
                elif name not in model | new:
                    used.undo(mark)
            connection.run_all(used.written())
            connection.run("COMMIT" if place % 3 else "ROLLBACK")
            if place % 3:
                model |= new
                used.keep()
            else:
                used.drop()
        assert len(used) == len(model)


def test_names_are_told_apart_by_their_digest() -> None:
    assert len({digest_of(f"{number}") for number in range(1_000)}) == 1_000
    assert {len(digest_of("")), len(digest_of("a" * 500))} == {SIZE}
