"""The writer: what goes together, what fails alone, and what nobody can do twice."""

import threading
from datetime import timedelta

import pytest

from audit.format.commitment import Sealed
from audit.format.entry import EntryError, Kind
from audit.stores.connection import RuleBrokenError, StoreError
from audit.stores.entries import head
from audit.stores.nodes import consistency
from audit.stores.sqlite import SqliteStore
from audit.tree.checkpoint import verify_checkpoint
from audit.tree.merkle import leaf_hash, verify_inclusion
from audit.writing.item import Draft
from audit.writing.sequencer import LONGEST_QUEUE, LogUnavailableError, NotDurableError, Sequencer


def rows_of(place, table: str = "side") -> list:
    return [row[0] for row in place.connect().all(f"SELECT what FROM {table} ORDER BY what")]


@pytest.fixture
def side(place) -> None:
    """A table of the gateway's, which items write rows to."""
    place.connect().run("CREATE TABLE side (what TEXT PRIMARY KEY)")


def writes(what: str, then):
    """Return a within that writes a row, and then does something."""

    def within(connection, moment):
        connection.run("INSERT INTO side (what) VALUES (?)", (what,))
        return then(connection, moment)

    return within


def test_an_appended_entry_has_its_proof(place, writer) -> None:
    for size in range(1, 10):
        made = place.append(writer)
        signed = verify_checkpoint(made.checkpoint, place.signer.vkey)
        assert (made.index, made.size, signed.size) == (size - 1, size, size)
        verify_inclusion(leaf_hash(made.entry), index=made.index, tree_size=made.size, proof=made.proof, root=signed.root)
    place.check()


@pytest.mark.parametrize("count", [0, 1, 2, 255, 256, 257])
def test_a_log_of_any_size_holds_together(place, writer, draft, count: int) -> None:
    ids = [place.next_id() for _ in range(count)]
    results = place.submit_together(writer, [lambda _c, _m, one=one: draft(one) for one in ids])
    assert [one.index for one in results] == list(range(count))
    for one in results:
        signed = verify_checkpoint(one.checkpoint, place.signer.vkey)
        verify_inclusion(leaf_hash(one.entry), index=one.index, tree_size=one.size, proof=one.proof, root=signed.root)
    writer.close()
    place.check()
    place.start()


def test_what_waits_together_is_one_batch(place, writer, draft) -> None:
    results = place.submit_together(writer, [lambda _c, _m, one=one: draft(f"e_{one}") for one in range(20)])
    assert {one.checkpoint for one in results} == {results[0].checkpoint}
    assert place.connect().one("SELECT count(*) FROM log_checkpoint") == (1,)


def refuse(_connection, _moment):
    raise PermissionError("not you")


def ends_the_process(_connection, _moment):
    raise SystemExit(3)


def speaks_bad_sql(connection, _moment):
    connection.run("SELECT nothing FROM nowhere")


def binds_too_little(connection, _moment):
    connection.run("SELECT ?", ())


def takes_a_row_twice(connection, _moment):
    connection.run("INSERT INTO side (what) VALUES ('first')")


def returns_something_else(_connection, _moment):
    return "an entry, surely"


def returns_too_much(_connection, _moment):
    sealed = Sealed(sd=("x" * 17_000,), openings={}, seed=None, bundles=())
    return Draft(kind=Kind.SEARCH, entry_id="e_large", sealed=sealed)


def returns_a_known_id(_connection, _moment):
    return Draft(kind=Kind.SEARCH, entry_id="e_first", sealed=Sealed((), {}, None, ()))


def returns_a_bad_bundle(_connection, _moment):
    return Draft(kind=Kind.SEARCH, entry_id="e_bad", sealed=Sealed((), {}, None, ((b"k", None),)))


def returns_a_state_kind_without_keys(_connection, _moment):
    return Draft(kind=Kind.ERASURE, entry_id="e_bad", sealed=Sealed((), {}, None, ()))


def returns_keys_without_a_state_kind(_connection, _moment):
    return Draft(kind=Kind.SEARCH, entry_id="e_bad", sealed=Sealed((), {}, None, ()), state_keys=("core/x",))


FAILURES = {
    refuse: PermissionError,
    ends_the_process: SystemExit,
    speaks_bad_sql: StoreError,
    binds_too_little: StoreError,
    takes_a_row_twice: RuleBrokenError,
    returns_something_else: AttributeError,
    returns_too_much: EntryError,
    returns_a_known_id: EntryError,
    returns_a_bad_bundle: RuleBrokenError,
    returns_a_state_kind_without_keys: EntryError,
    returns_keys_without_a_state_kind: EntryError,
}


@pytest.mark.parametrize("fails", FAILURES, ids=lambda one: one.__name__)
def test_an_item_that_fails_leaves_nothing_while_its_neighbours_stand(place, writer, side, draft, fails) -> None:
    withins = [
        writes("first", lambda _c, _m: draft("e_first", recipient="harbour")),
        writes("failed", fails),
        writes("no entry", lambda _c, _m: None),
        writes("last", lambda _c, _m: draft("e_last", recipient="harbour")),
    ]
    first, failed, none, last = place.submit_together(writer, withins)

    assert (first.index, none, last.index, last.size) == (0, None, 1, 2)
    assert isinstance(failed, FAILURES[fails])
    assert rows_of(place) == ["first", "last", "no entry"]
    assert b'"counter":2' in last.entry
    assert writer.writable
    place.check()


def test_a_failed_state_change_moves_nothing(place, writer, draft) -> None:
    """Its entry was written but for its key, which is no text."""
    place.append(writer, Kind.CORE_PUBLISHED, state_keys=("core/x",))
    bad, after = place.submit_together(
        writer,
        [
            lambda _c, _m: draft("e_bad", Kind.CORE_PUBLISHED, state_keys=("core/y", None)),
            lambda _c, m: draft(f"e_{m.state_index}_{m.index}"),
        ],
    )
    assert isinstance(bad, RuleBrokenError)
    assert after.entry_id == "e_0_1"
    assert place.connect().all("SELECT key, idx FROM state_key") == [("core/x", 0)]
    place.check()


def test_an_item_is_run_once(place, writer, draft) -> None:
    runs = []

    def counted(_connection, moment):
        runs.append(moment.index)
        return draft(f"e_{moment.index}")

    place.submit_together(writer, [counted, refuse, counted, refuse, counted])
    assert runs == [0, 1, 2]


def test_a_batch_of_refusals_alone_moves_no_head(place, writer, side) -> None:
    place.submit_together(writer, [writes("a", refuse), writes("b", lambda _c, _m: None)])
    assert head(place.connect()) is None
    assert rows_of(place) == ["b"]


@pytest.mark.parametrize("ending", ["COMMIT", "ROLLBACK", "ROLLBACK TO item; RELEASE item"])
def test_an_item_that_ends_the_transaction_writes_no_entry(place, writer, side, draft, ending: str) -> None:
    def ends(connection, _moment):
        for statement in ending.split("; "):
            connection.run(statement)
        return draft("e_1")

    assert isinstance(place.submit_together(writer, [writes("a", ends)])[0], NotDurableError)
    assert place.connect().one("SELECT count(*) FROM log_entry") == (0,)
    place.append(writer)
    place.check()


def test_an_item_sees_what_its_neighbours_wrote(place, writer, draft) -> None:
    seen = []

    def look(connection, moment):
        keys = connection.all("SELECT key, idx FROM state_key ORDER BY idx")
        seen.append((moment.state_index, moment.index, keys))
        return draft(f"e_look{len(seen)}")

    def change(key: str):
        return lambda _c, m: draft(f"e_{m.index}", Kind.CONSENT_WITHDRAWN, state_keys=(key,))

    results = place.submit_together(writer, [look, change("consent/a"), look, change("consent/b"), look])

    assert seen == [
        (-1, 0, []),
        (1, 2, [("consent/a", 1)]),
        (3, 4, [("consent/a", 1), ("consent/b", 3)]),
    ]
    assert [one.state_index for one in results] == [-1, 1, 1, 3, 3]
    assert head(place.connect())[3] == 3


def test_counters_have_no_gaps(place, writer, draft) -> None:
    names = ["a", "b", "a", None, "a", "b"]
    for _ in range(2):
        results = place.submit_together(
            writer, [lambda _c, _m, name=name: draft(place.next_id(), recipient=name) for name in names]
        )
    numbers = [one.entry.split(b'"counter":')[1].split(b",")[0] for one in results if one.draft.recipient]
    assert numbers == [b"4", b"3", b"5", b"6", b"4"]
    assert b"counter" not in results[3].entry


def test_time_never_goes_back(place, writer, draft) -> None:
    first = place.append(writer)
    place.now -= timedelta(hours=1)
    second = place.append(writer)
    writer.close()
    again = place.start()
    third = place.append(again)
    place.now += timedelta(hours=2)
    fourth = place.append(again)
    assert first.at == second.at == third.at
    assert fourth.at == place.now > third.at
    place.check()


def test_entries_of_a_batch_are_in_the_order_of_time(place, writer, draft) -> None:
    def ticks(_connection, moment):
        place.now += timedelta(microseconds=1)
        return draft(f"e_{moment.index}")

    times = [one.at for one in place.submit_together(writer, [ticks] * 10)]
    assert times == sorted(set(times))


def test_a_clock_that_fails_fails_its_item(place, writer) -> None:
    now, place.now = place.now, None
    with pytest.raises(TypeError):
        place.append(writer)
    place.now = now
    place.append(writer)


def test_two_writers_on_one_file_never_give_one_index_twice(place) -> None:
    writers = [place.start(), place.start()]
    made: list = []

    def work(writer):
        made.extend(place.append(writer) for _ in range(40))

    threads = [threading.Thread(target=work, args=(writer,)) for writer in writers for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(one.index for one in made) == list(range(160))
    connection = place.connect()
    last = max(made, key=lambda one: one.size)
    newest = verify_checkpoint(last.checkpoint, place.signer.vkey)
    for one in made:
        signed = verify_checkpoint(one.checkpoint, place.signer.vkey)
        verify_inclusion(leaf_hash(one.entry), index=one.index, tree_size=one.size, proof=one.proof, root=signed.root)
        assert consistency(connection, old=signed.size, size=newest.size) is not None
    place.check()


def test_a_second_writer_goes_on_from_the_firsts_head(place) -> None:
    one, other = place.start(), place.start()
    for writer in (one, other, other, one, one, other):
        place.append(writer, Kind.CORE_PUBLISHED, state_keys=("core/x",))
    assert head(place.connect())[0] == 6
    assert head(place.connect())[3] == 5
    place.check()


def test_submitting_to_a_log_that_was_not_started_is_refused(make_place) -> None:
    place = make_place()
    writer = Sequencer(
        SqliteStore(place.database, place.lock), place.signer, clock=lambda: place.now, deliver=lambda _: None
    )
    writer.close()
    with pytest.raises(LogUnavailableError, match="closed"):
        writer.submit(refuse, print)


def test_closing_finishes_what_is_queued(place, writer, draft) -> None:
    gate, results = threading.Event(), []

    def slow(_connection, _moment):
        gate.wait(5)

    writer.submit(slow, results.append)
    for number in range(600):  # more than a batch holds
        writer.submit(lambda _c, _m, number=number: draft(f"e_{number}"), results.append)
    closing = threading.Thread(target=writer.close)
    closing.start()
    gate.set()
    closing.join()

    assert [one.index for one in results[1:]] == list(range(600))
    assert not writer._thread.is_alive()
    with pytest.raises(LogUnavailableError, match="closed"):
        place.append(writer)
    writer.close()
    place.check()


def test_a_full_queue_is_refused_at_once(place, writer) -> None:
    gate, begun, results = threading.Event(), threading.Event(), []

    def slow(_connection, _moment):
        begun.set()
        gate.wait(5)

    writer.submit(slow, results.append)
    begun.wait(5)
    for _ in range(LONGEST_QUEUE):
        writer.submit(lambda _c, _m: None, results.append)
    with pytest.raises(LogUnavailableError, match="10000 items wait"):
        writer.submit(lambda _c, _m: None, results.append)
    gate.set()
    writer.close()
    assert results == [None] * (LONGEST_QUEUE + 1)


def test_a_delivery_that_fails_does_not_stop_the_writer(place, monkeypatch) -> None:
    shown = []
    monkeypatch.setattr(threading, "excepthook", lambda arguments: shown.append(arguments.exc_value))
    fails = [True]

    def deliver(results):
        for done, result in results:
            done(result)
        if fails.pop() if fails else False:
            raise RuntimeError("the loop is gone")

    writer = place.start(deliver=deliver)
    assert place.append(writer).index == 0
    assert place.append(writer).index == 1
    assert [str(error) for error in shown] == ["the loop is gone"]
