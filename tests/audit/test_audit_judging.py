"""Items that judge: read together, judged over what their neighbours come to, written together."""

from __future__ import annotations

import threading
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from audit_place import Place, a_draft
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from audit.format.entry import EntryError
from audit.stores.connection import RuleBrokenError
from audit.stores.recipients import COUNTERS
from audit.writing.batch import MOST_READINGS
from audit.writing.item import Item, Known, Moment, NeedsTooMuchError, Settled, Verdict
from audit.writing.sequencer import Sequencer

MOST = 9  # that the table lets a side be


class Sides:
    """A kind of row of the tests' own; it notes how often it is read and written."""

    def __init__(self) -> None:
        self.readings = self.writings = 0

    def asked(self, keys: Collection[Any]) -> Sequence[Any]:
        self.readings += 1
        names = [key[1] for key in keys]
        return [(f"SELECT name, value FROM side WHERE name IN ({','.join('?' * len(names))})", names)]

    def found(self, _keys: Collection[Any], answers: Sequence[Any], _connection: Any) -> dict[Any, Any]:
        return {("side", name): value for rows in answers for name, value in rows}

    def written(self, rows: Mapping[Any, Any]) -> Sequence[Any]:
        self.writings += 1
        put = "INSERT INTO side (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value"
        return [(put, (name, value)) for (_, name), value in rows.items()]


@dataclass(frozen=True)
class Add:
    """Add to a side, and tell what it is then."""

    name: str
    much: int = 1
    entry_id: str | None = None
    declares: bool = True
    needs: tuple[str, ...] = ()  # one after the other
    fails: Exception | None = None
    runs: list[int] = field(default_factory=list, compare=False)

    def keys(self, _state_index: int) -> Collection[Any]:
        counter = ((COUNTERS, "harbour"),) if self.entry_id is not None else ()
        return (*counter, ("side", self.name)) if self.declares else ()

    def judge(self, known: Known, moment: Moment) -> Verdict[int]:
        self.runs.append(moment.index)
        for name in self.needs:
            known.one(("side", name))
        now = (known.one(("side", self.name)) or 0) + self.much
        if self.fails is not None:
            raise self.fails
        draft = a_draft(self.entry_id, recipient="harbour") if self.entry_id is not None else None
        return Verdict(now, draft, {("side", self.name): now})


@pytest.fixture
def sides() -> Sides:
    return Sides()


@pytest.fixture
def writer(place: Place, sides: Sides) -> Sequencer:
    place.connect().run(f"CREATE TABLE side (name TEXT PRIMARY KEY, value INTEGER CHECK (value <= {MOST}))")
    return place.start(shelves={"side": sides})


def together(place: Place, writer: Sequencer, items: Sequence[Any]) -> list[Any]:
    """Hand in items while the writer is busy, so that they become one batch; a function is a change."""
    results: dict[int, Any] = {}

    def first(_connection: Any, _moment: Any) -> None:
        for number, item in enumerate(items):
            submit = writer.submit if callable(item) else writer.submit_judging
            submit(item, lambda result, number=number: results.__setitem__(number, result))

    writer.append(first)
    writer.append(lambda _connection, _moment: None)  # the queue is in order: all are done when this one is
    return [results[number] for number in range(len(items))]


def told(result: Any) -> Any:
    return result.told if isinstance(result, Settled) else type(result)


def rows(place: Place) -> dict[str, int]:
    return dict(place.connect().all("SELECT name, value FROM side"))


def test_an_item_sees_what_its_neighbours_came_to(place: Place, writer: Sequencer) -> None:
    results = together(place, writer, [Add("a"), Add("b", 5), Add("a", 2)])
    assert [told(one) for one in results] == [1, 5, 3]
    assert rows(place) == {"a": 3, "b": 5}


def test_a_batch_reads_once_and_writes_once(place: Place, writer: Sequencer, sides: Sides) -> None:
    together(place, writer, [Add("a"), Add("b"), Add("a"), Add("c")])
    assert (sides.readings, sides.writings) == (1, 1)


def test_entries_of_items_that_judge_stand_with_their_proofs(place: Place, writer: Sequencer) -> None:
    first, none, second = together(place, writer, [Add("a", entry_id="e_1"), Add("a"), Add("b", entry_id="e_2")])
    assert (first.appended.index, none.appended, second.appended.index) == (0, None, 1)
    assert [b'"counter":%d' % (number + 1) in one.appended.entry for number, one in enumerate((first, second))] == [
        True
    ] * 2
    place.check()


def test_a_change_reads_what_was_judged_before_it(place: Place, writer: Sequencer) -> None:
    """And those that judge after it read what it wrote."""
    found: list[Any] = []

    def change(connection: Any, _moment: Any) -> None:
        found.append(connection.one("SELECT value FROM side WHERE name = 'a'"))
        connection.run("UPDATE side SET value = 7 WHERE name = 'a'")

    results = together(place, writer, [Add("a", 2), change, Add("a")])

    assert found == [(2,)]
    assert (told(results[0]), results[1], told(results[2])) == (2, None, 8)


def test_what_an_item_finds_that_it_needs_is_read(place: Place, writer: Sequencer, sides: Sides) -> None:
    place.connect().run("INSERT INTO side (name, value) VALUES ('a', 4)")
    item = Add("a", declares=False)
    assert told(together(place, writer, [Add("b"), item])[1]) == 5
    assert len(item.runs) == 2
    assert sides.readings == 2


def test_an_item_that_always_needs_more_is_given_back(place: Place, writer: Sequencer) -> None:
    greedy = Add("a", needs=tuple(f"n{number}" for number in range(MOST_READINGS + 1)))
    results = together(place, writer, [Add("b"), greedy, Add("b")])
    assert [told(one) for one in results] == [1, NeedsTooMuchError, 2]
    assert rows(place) == {"b": 2}


def test_an_item_that_fails_leaves_its_neighbours_standing(place: Place, writer: Sequencer) -> None:
    results = together(
        place,
        writer,
        [Add("a", entry_id="e_1"), Add("a", entry_id="e_2", fails=PermissionError()), Add("a", entry_id="e_3")],
    )
    assert [told(one) for one in results] == [1, PermissionError, 2]
    place.check()


def test_a_row_that_can_not_be_written_is_its_own_items_failure(place: Place, writer: Sequencer) -> None:
    """All are judged again one by one, over what really stands: whose row it was comes out."""
    before, over, after = Add("a", 2, entry_id="e_1"), Add("b", MOST + 1, entry_id="e_2"), Add("a", 3, entry_id="e_3")
    results = together(place, writer, [before, over, after])
    assert [told(one) for one in results] == [2, RuleBrokenError, 5]
    assert rows(place) == {"a": 5}
    assert [results[0].appended.index, results[2].appended.index] == [0, 1]
    place.check()


def test_an_entry_id_that_the_log_holds_fails_one_item(place: Place, writer: Sequencer) -> None:
    writer.settle(Add("a", entry_id="e_1"))
    results = together(place, writer, [Add("a", entry_id="e_2"), Add("b", entry_id="e_1"), Add("a", entry_id="e_3")])
    assert [told(one) for one in results] == [2, EntryError, 3]
    assert rows(place) == {"a": 3}
    place.check()


def test_a_name_that_counts_once_is_given_back_to_an_item_that_judges_again(place: Place, writer: Sequencer) -> None:
    @dataclass(frozen=True)
    class Using(Add):
        def judge(self, known: Known, moment: Moment) -> Verdict[int]:
            if not moment.once.use([("proof", 4_000_000_000)], moment.now):
                return Verdict(-1)
            return super().judge(known, moment)

    results = together(place, writer, [Using("a", declares=False), Using("b")])

    assert [told(one) for one in results] == [1, -1]


STEPS = st.one_of(
    st.builds(Add, st.sampled_from("ab"), st.integers(1, 4), declares=st.booleans()),
    st.builds(Add, st.sampled_from("ab"), st.just(1), fails=st.just(PermissionError())),
    st.builds(Add, st.sampled_from("ab"), st.just(MOST + 1)),
    st.sampled_from(["a", "b"]),
)


@given(st.lists(STEPS, min_size=1, max_size=8))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=40)
def test_a_batch_comes_to_what_its_items_come_to_one_by_one(place: Place, writer: Sequencer, steps: list[Any]) -> None:
    """A letter is a change that halves a side: whatever stands between, each item sees all that came before."""
    place.connect().run("DELETE FROM side")
    model: dict[str, int] = {}
    want: list[Any] = []
    for step in steps:
        if isinstance(step, str):
            model |= {step: model[step] // 2} if step in model else {}
            want.append(None)
        elif step.fails is not None:
            want.append(PermissionError)
        elif model.get(step.name, 0) + step.much > MOST:
            want.append(RuleBrokenError)
        else:
            model[step.name] = model.get(step.name, 0) + step.much
            want.append(model[step.name])

    def halving(name: str) -> Any:
        def change(connection: Any, _moment: Any) -> None:
            connection.run("UPDATE side SET value = value / 2 WHERE name = ?", (name,))

        return change

    results = together(place, writer, [halving(step) if isinstance(step, str) else step for step in steps])

    assert [None if one is None else told(one) for one in results] == want
    assert rows(place) == model


class Counted:
    """A connection that counts how often the database is asked: on a wire each of these is a round trip."""

    def __init__(self, of: Any) -> None:
        self.of, self.asked = of, []

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.of, name)
        if name not in {"all", "one", "value", "run", "run_many", "all_of", "run_all"}:
            return found

        def noted(*values: Any) -> Any:
            self.asked.append(name)
            return found(*values)

        return noted


@pytest.mark.parametrize("count", [1, 20])
def test_a_batch_asks_the_database_once_to_read_and_once_to_write(place: Place, writer: Sequencer, count: int) -> None:
    """Besides what takes the head and what commits: however many items it has, and whatever they use."""
    writer.settle(Add("a", entry_id="e_before"))
    counted = writer._connection = Counted(writer._connection)
    results: list[Any] = []
    waiting = threading.Event()

    def done(result: Any) -> None:
        results.append(result)
        if len(results) == count:
            waiting.set()

    with writer._door:  # so that all of them are one batch
        for number in range(count):
            writer._queue.put(Item(done, judging=Add(f"s{number}", entry_id=f"e_{number}")))
    assert waiting.wait(10)

    batches = len({one.appended.size for one in results})
    assert counted.asked.count("all_of") == counted.asked.count("run_all") == batches
    assert [one for one in counted.asked if one not in {"all_of", "run_all", "run"}] == []
    assert counted.asked.count("run") == 2 * batches  # BEGIN and COMMIT
