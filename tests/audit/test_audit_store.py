"""What every store promises, of either kind: what is durable, what may be concurrent, what a failure leaves."""

import contextlib
import threading
import time
from dataclasses import replace

import psycopg
import pytest
from databases import Deaf

from audit.stores.connection import RuleBrokenError, StoreError
from audit.stores.contract import UnsafeStoreError
from audit.stores.entries import head
from audit.stores.postgres import PostgresStore
from audit.stores.sqlite import SqliteStore

KEEP = "INSERT INTO state_key (key, idx) VALUES (?, ?)"
KEYS = "SELECT key, idx FROM state_key ORDER BY key"


@pytest.fixture
def opened(store):
    """Opens connections of the store, and closes them at the end."""
    with contextlib.ExitStack() as held:

        def opening(*, read_only: bool = False, of=store):
            connection = of.open(read_only=read_only)
            held.callback(connection.close)
            return connection

        yield opening


@pytest.fixture
def writer(opened):
    return opened()


@pytest.fixture
def reader(opened):
    return opened(read_only=True)


# -- what a connection does


def test_rows_are_tuples_of_plain_values(store, writer) -> None:
    with store.writing(writer):
        writer.run("INSERT INTO log_bundle (idx, key_id, ciphertext) VALUES (?, ?, ?)", (2**62, b"\x00k", b"\xff"))
        writer.run(KEEP, ("ä%?'", -1))

    assert writer.all("SELECT idx, key_id, ciphertext FROM log_bundle") == [(2**62, b"\x00k", b"\xff")]
    assert type(writer.all("SELECT key_id FROM log_bundle")[0][0]) is bytes
    assert writer.one(KEYS) == ("ä%?'", -1)
    assert writer.one("SELECT key FROM state_key WHERE key = ?", ("another",)) is None
    assert writer.value("SELECT count(*) FROM state_key WHERE key LIKE '%?%'") == 1
    with pytest.raises(StoreError, match="must be there"):
        writer.value("SELECT key FROM state_key WHERE key = ?", ("another",))


def test_truth_is_one_or_naught(store, writer) -> None:
    with store.writing(writer):
        writer.run("INSERT INTO log_leaf (idx, hashes, begins) VALUES (?, ?, ?)", (True, b"", b""))

    assert [type(one) for one in writer.one("SELECT idx FROM log_leaf")] == [int]
    assert writer.one("SELECT idx FROM log_leaf WHERE idx = ?", (True,)) == (1,)


def test_a_name_with_nul_in_it_is_nobodys(store, writer) -> None:
    """Made up by a stranger, it must be no failure."""
    with store.writing(writer):
        writer.run_many(KEEP, [("ab", 1), ("a", 2)])

    assert writer.all("SELECT idx FROM state_key WHERE key = ?", ("a\x00b",)) == []
    assert writer.all_of([("SELECT idx FROM state_key WHERE key IN (?, ?)", ("a\x00", "a"))]) == [[(2,)]]
    with store.writing(writer):
        writer.run_many(KEEP, [("a\x00b", 3)])
    assert writer.one("SELECT idx FROM state_key WHERE key = ?", ("a\x00b",)) == (3,)


def test_text_is_ordered_by_its_bytes(store, writer) -> None:
    names = ["B", "a", "ä", "Z", "a/b", "a-b", "aa", "10", "9"]
    with store.writing(writer):
        writer.run_many(KEEP, [(one, 0) for one in names])

    assert [key for key, _ in writer.all(KEYS)] == sorted(names, key=str.encode)


def test_changed_rows_are_counted(store, writer) -> None:
    with store.writing(writer):
        writer.run_many(KEEP, [("a", 1), ("b", 1), ("c", 2)])
        assert writer.run("UPDATE state_key SET idx = 3 WHERE idx = ?", (1,)) == 2
        assert writer.run("DELETE FROM state_key WHERE idx = ?", (9,)) == 0


def test_several_statements_go_together_in_their_order(store, writer) -> None:
    with store.writing(writer):
        writer.run_all([(KEEP, ("a", 1)), ("UPDATE state_key SET idx = idx + ? WHERE key = ?", (1, "a")), (KEEP, ("b", 5))])
        found = writer.all_of([(KEYS, ()), ("SELECT count(*) FROM state_key WHERE idx > ?", (2,)), (KEYS, ())])

    assert found == [[("a", 2), ("b", 5)], [(1,)], [("a", 2), ("b", 5)]]


def test_many_rows_come_one_by_one(store, writer, reader) -> None:
    with store.writing(writer):
        writer.run_many(KEEP, [(f"{number:05}", number) for number in range(5000)])

    with reader.snapshot():
        places = iter(reader.each(KEYS))
        assert next(places) == ("00000", 0)
        assert reader.value("SELECT count(*) FROM state_key") == 5000  # beside it
        assert sum(1 for _ in places) == 4999
    assert sum(1 for _ in reader.each(KEYS)) == 5000


def test_who_only_reads_writes_nothing(reader) -> None:
    with pytest.raises(StoreError):
        reader.run(KEEP, ("a", 1))


def test_a_connection_that_was_let_go_stays_so(reader) -> None:
    reader.close()

    with pytest.raises(StoreError):
        reader.all(KEYS)


def test_no_statements_are_no_failure(store, writer) -> None:
    with store.writing(writer):
        writer.run_all([])

    assert writer.all_of([]) == []


# -- what is durable


def test_others_see_a_transaction_once_it_is_committed(store, writer, reader) -> None:
    with store.writing(writer):
        assert writer.in_transaction
        writer.run(KEEP, ("a", 1))
        assert reader.all(KEYS) == []

    assert not writer.in_transaction
    assert reader.all(KEYS) == [("a", 1)]


def test_a_block_that_fails_leaves_nothing(store, writer, reader) -> None:
    def fail() -> None:
        with store.writing(writer):
            writer.run(KEEP, ("a", 1))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()

    assert not writer.in_transaction
    assert reader.all(KEYS) == []
    with store.writing(writer):
        writer.run(KEEP, ("a", 2))
    assert reader.all(KEYS) == [("a", 2)]


def test_a_connection_that_is_closed_leaves_nothing_of_its_transaction(store, writer, reader, opened) -> None:
    writer.run("BEGIN")
    writer.run(KEEP, ("a", 1))
    writer.close()

    assert reader.all(KEYS) == []
    with store.writing(again := opened()):
        again.run(KEEP, ("b", 1))


def test_a_savepoint_is_taken_back_alone(store, writer, reader) -> None:
    with store.writing(writer):
        writer.run(KEEP, ("before", 1))
        writer.run("SAVEPOINT item")
        writer.run(KEEP, ("item", 1))
        writer.run("ROLLBACK TO item")
        writer.run("RELEASE item")
        writer.run(KEEP, ("after", 1))

    assert [key for key, _ in reader.all(KEYS)] == ["after", "before"]


@pytest.mark.parametrize(
    ("statement", "values"),
    [(KEEP, ("a", 2)), (KEEP, ("b", None)), ("INSERT INTO no_table VALUES (?)", (1,)), ("no statement", ())],
)
def test_a_statement_that_fails_by_its_own_fault_is_taken_back_to_its_savepoint(store, writer, statement, values) -> None:
    with store.writing(writer):
        writer.run(KEEP, ("a", 1))
        writer.run("SAVEPOINT item")
        with pytest.raises(StoreError) as caught:
            writer.run(statement, values)
        writer.run("ROLLBACK TO item")
        writer.run("RELEASE item")

    assert caught.value.is_own
    assert isinstance(caught.value, RuleBrokenError) == (statement == KEEP)
    assert writer.all(KEYS) == [("a", 1)]


def test_what_fails_among_several_takes_all_of_them_back(store, writer) -> None:
    with pytest.raises(RuleBrokenError), store.writing(writer):
        writer.run_all([(KEEP, ("a", 1)), (KEEP, ("a", 2)), (KEEP, ("b", 2))])

    assert writer.all(KEYS) == []


@pytest.mark.parametrize(
    ("statement", "values"),
    [
        (KEEP, ("secret-one", 1)),
        (KEEP, ("secret-one", None)),
        ("SELECT CAST(? AS no_type) FROM no_table", ("secret-one",)),
        ("INSERT INTO log_leaf (idx, hashes, begins) VALUES (?, ?, ?)", ("secret-one", b"", b"")),
    ],
)
def test_no_message_repeats_a_value(store, writer, statement: str, values) -> None:
    with store.writing(writer):
        writer.run(KEEP, ("secret-one", 1))
    with pytest.raises(StoreError) as caught, store.writing(writer):
        writer.run(statement, values)

    assert "secret" not in str(caught.value)
    assert caught.value.__cause__ is None or "secret" not in str(caught.value.__cause__)
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


# -- what may be concurrent


def test_a_snapshot_reads_one_moment_while_others_write(store, writer, reader) -> None:
    with reader.snapshot():
        before = reader.all(KEYS)
        with store.writing(writer):
            writer.run(KEEP, ("a", 1))
        assert reader.all(KEYS) == before == []

    assert reader.all(KEYS) == [("a", 1)]


def test_writers_take_turns(store, opened) -> None:
    """Each reads what the one before has written: no number is given twice."""

    def count(connection) -> None:
        for _ in range(25):
            with store.writing(connection):
                newest = connection.value("SELECT coalesce(max(idx), 0) FROM state_key")
                connection.run(KEEP, (f"{newest + 1:04}", newest + 1))

    writers = [threading.Thread(target=count, args=(opened(),)) for _ in range(4)]
    for one in writers:
        one.start()
    for one in writers:
        one.join(60)

    assert [idx for _, idx in opened().all(KEYS)] == list(range(1, 101))


def test_a_log_without_entries_has_no_head(reader) -> None:
    assert head(reader) is None


# -- where it is


def test_a_store_in_order_is_safe(store) -> None:
    store.check()
    assert "state" in store.name or "PostgreSQL" in store.name


@pytest.fixture
def postgres(postgresql_stores) -> PostgresStore:
    return postgresql_stores.make()


@pytest.fixture
def in_postgres(postgres):
    """Opens connections of it, and closes them at the end."""
    with contextlib.ExitStack() as held:
        yield lambda of=postgres, **more: held.enter_context(contextlib.closing(of.open(**{"read_only": False, **more})))


def test_a_holder_that_stands_still_frees_the_head(postgres, in_postgres) -> None:
    hasty = replace(postgres, stands_still=0.3)
    frozen, next_one = in_postgres(of=hasty), in_postgres(of=hasty)
    waited = []

    def stand_still() -> None:
        begun = time.monotonic()
        with hasty.writing(frozen):
            frozen.run(KEEP, ("frozen", 1))
            with hasty.writing(next_one):
                next_one.run(KEEP, ("next", 1))
            waited.append(time.monotonic() - begun)
            frozen.run(KEEP, ("too late", 1))

    with pytest.raises(StoreError) as caught:
        stand_still()

    assert 0.2 < waited[0] < 5
    assert not caught.value.is_own
    assert next_one.all(KEYS) == [("next", 1)]


def test_who_waits_too_long_for_the_head_is_told(postgres, in_postgres) -> None:
    impatient = replace(postgres, waits=0.2)
    holder, waiting = in_postgres(), in_postgres(of=impatient)
    with postgres.writing(holder):
        with pytest.raises(StoreError) as caught, impatient.writing(waiting):
            pass
        holder.run(KEEP, ("held", 1))

    assert not caught.value.is_own
    assert not waiting.in_transaction
    assert waiting.all(KEYS) == [("held", 1)]


def end_session(postgres, connection) -> None:
    pid = connection.value("SELECT pg_backend_pid()")
    with contextlib.closing(postgres.open(read_only=True)) as other:
        other.value("SELECT pg_terminate_backend(CAST(? AS INTEGER))", (pid,))


def test_a_session_that_ends_before_its_commit_is_the_stores_failure(postgres, in_postgres) -> None:
    writer, reader = in_postgres(), in_postgres(read_only=True)

    def lose_it() -> None:
        with postgres.writing(writer):
            writer.run(KEEP, ("a", 1))
            end_session(postgres, writer)

    with pytest.raises(StoreError) as caught:
        lose_it()

    assert not caught.value.is_own
    assert not writer.in_transaction
    assert reader.all(KEYS) == []


def test_a_commit_of_what_can_only_be_taken_back_fails(postgres, in_postgres) -> None:
    """PostgreSQL answers such a COMMIT with success, and has taken everything back."""
    writer, reader = in_postgres(), in_postgres(read_only=True)

    def go_on() -> None:
        with postgres.writing(writer):
            writer.run(KEEP, ("a", 1))
            with contextlib.suppress(StoreError):
                writer.run("no statement")

    with pytest.raises(StoreError, match="taken back"):
        go_on()

    assert reader.all(KEYS) == []


def test_a_commit_that_is_not_answered_is_a_failure_though_it_may_stand(postgres, in_postgres, tmp_path_factory) -> None:
    """Whoever asked must not be told that it was kept; the next one finds what stands."""
    line = Deaf(postgres, tmp_path_factory.mktemp("d"))
    writer = in_postgres(of=line.store)

    def lose_the_answer() -> None:
        with line.store.writing(writer):
            writer.run(KEEP, ("a", 1))
            line.go_deaf()

    with pytest.raises(StoreError) as caught:
        lose_the_answer()
    line.close()

    assert not caught.value.is_own
    assert not writer.in_transaction
    with postgres.writing(next_one := in_postgres()):
        assert next_one.all(KEYS) == [("a", 1)]


def test_a_reader_whose_session_was_lost_reads_on_in_a_new_one(postgres, in_postgres) -> None:
    reader = in_postgres(read_only=True)
    end_session(postgres, reader)

    assert reader.all(KEYS) == []


def test_a_snapshot_whose_session_was_lost_does_not_go_on_in_another(postgres, in_postgres) -> None:
    reader = in_postgres(read_only=True)

    def read_on() -> None:
        with reader.snapshot():
            end_session(postgres, reader)
            with contextlib.suppress(StoreError):
                reader.all(KEYS)
            reader.all(KEYS)

    with pytest.raises(StoreError):
        read_on()

    assert reader.all(KEYS) == []


def test_a_writer_whose_session_was_lost_does_not_go_on_in_another(postgres, in_postgres) -> None:
    writer = in_postgres()
    end_session(postgres, writer)

    with pytest.raises(StoreError):
        writer.run(KEEP, ("a", 1))


@pytest.mark.parametrize("value", ["off", "local", "remote_write"])
def test_a_server_that_answers_before_it_keeps_is_refused(postgres, value: str) -> None:
    with contextlib.closing(psycopg.connect(postgres.url, autocommit=True)) as session:
        session.execute(f"ALTER DATABASE {session.info.dbname} SET synchronous_commit = {value}")

    with pytest.raises(UnsafeStoreError, match="synchronous_commit is"):
        postgres.check()
    with pytest.raises(UnsafeStoreError, match="synchronous_commit is"):
        postgres.open(read_only=False)


def test_a_server_that_is_too_old_is_refused(postgres, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("audit.stores.postgres.OLDEST", 99)

    with pytest.raises(UnsafeStoreError, match="99 or later"):
        postgres.check()


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://stile:hunter2@127.0.0.1:1/stile",
        "postgresql://stile:hunter2@nowhere.invalid/stile",
        "postgresql://stile:hunt er2@two hosts/x?y",
        "hunter2",
    ],
)
@pytest.mark.parametrize("ask", [PostgresStore.check, PostgresStore.session, lambda store: store.open(read_only=False)])
def test_nobody_is_told_the_password(url: str, ask) -> None:
    with pytest.raises(StoreError) as caught:
        ask(PostgresStore(url))

    assert "hunt" not in str(caught.value)
    assert "hunt" not in repr(PostgresStore(url))


def test_a_store_is_named_by_its_place() -> None:
    store = PostgresStore("postgresql://stile:hunter2@db.northmoor.example:5433/gateway")

    assert store.name == "the PostgreSQL database gateway on db.northmoor.example:5433"


def test_a_lock_file_that_is_missing_is_told(tmp_path) -> None:
    store = SqliteStore(tmp_path / "state.sqlite", tmp_path / "state.lock")

    with pytest.raises(StoreError, match=r"state\.lock can't be taken: restore it"):
        store.check()
