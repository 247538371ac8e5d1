"""What breaks below: a full disk, a file that can't be written, a head that doesn't fit. Nothing is kept of a batch."""

import contextlib
import fcntl
import threading

import pysqlite3
import pytest

from audit.format.entry import Kind
from audit.stores.checked import LogCorruptError
from audit.stores.entries import head
from audit.stores.sqlite import UnsafeSqliteError, check_sqlite_version, open_connection
from audit.writing.sequencer import LogUnavailableError, NotDurableError


def a_large_row(connection, _moment) -> None:
    connection.run("INSERT INTO side (what) VALUES (zeroblob(5000000))")


class Disk:
    """Full while it is set so: every connection that the writer opens may use no further page."""

    def __init__(self, place, monkeypatch) -> None:
        self.full = False
        self._place = place
        monkeypatch.setattr("audit.stores.sqlite.open_connection", self._open)

    def _open(self, path, *, read_only):
        connection = open_connection(path, read_only=read_only)
        if self.full:
            pages = connection.one("PRAGMA page_count")[0]
            connection.run(f"PRAGMA max_page_count={pages}")
        return connection


@pytest.fixture
def disk(place, monkeypatch) -> Disk:
    place.connect().run("CREATE TABLE side (what BLOB)")
    return Disk(place, monkeypatch)


def test_a_full_disk_keeps_nothing_until_there_is_space_again(place, disk, draft) -> None:
    writer = place.start()
    before = place.append(writer)
    writer.close()
    disk.full = True
    writer = place.start()

    results = place.submit_together(
        writer, [lambda _c, _m: draft("e_neighbour"), a_large_row, lambda _c, _m: draft("e_other")]
    )
    assert [type(one) for one in results] == [NotDurableError] * 3
    with pytest.raises(NotDurableError, match="full"):
        writer.append(a_large_row)
    assert not writer.writable
    assert head(place.connect())[0] == before.size
    place.check()

    disk.full = False
    assert writer.append(a_large_row) is None  # the first connection that is opened after a failure finds the space
    after = place.append(writer)
    assert (after.index, after.size) == (1, 2)
    assert writer.writable
    place.check()


def test_a_disk_that_fills_up_while_entries_are_written_keeps_whole_batches_only(place, disk) -> None:
    disk.full = True
    writer = place.start()
    made: list[int] = []
    with pytest.raises(NotDurableError):
        made.extend(place.append(writer, names={"what": {"text": "x" * 3000}}).index for _ in range(2000))
    kept = len(made)
    assert (head(place.connect()) or (0,))[0] == kept
    place.check()

    disk.full = False
    assert place.append(writer).index == kept
    place.check()


def test_a_file_that_cannot_be_written_keeps_nothing(place, writer) -> None:
    place.append(writer)
    writer._connection.run("PRAGMA query_only=ON")
    with pytest.raises(NotDurableError) as caught:
        place.append(writer)
    assert "readonly" in str(caught.value.__cause__)
    assert head(place.connect())[0] == 1
    assert place.append(writer).index == 1
    place.check()


def test_a_database_that_goes_away_is_not_made_again(place, writer) -> None:
    """A writer that begins anew must never start a second, empty log."""
    place.append(writer)
    hidden = place.database.rename(place.directory / "hidden")
    writer._let_go()
    with pytest.raises(NotDurableError):
        place.append(writer)
    assert not place.database.exists()
    hidden.rename(place.database)
    place.append(writer)
    place.check()


def test_a_signer_that_fails_fails_the_batch(place, writer, monkeypatch) -> None:
    place.append(writer)
    with monkeypatch.context() as broken:
        broken.setattr(type(place.signer), "sign", lambda *_: 1 / 0)
        with pytest.raises(NotDurableError, match="ZeroDivisionError"):
            place.append(writer)
        assert not writer.writable
    assert place.append(writer).index == 1
    place.check()


def test_no_checkpoint_is_signed_that_does_not_extend_the_last(place, writer) -> None:
    """Somebody changes the head under a running writer: it refuses to sign what would be a second history."""
    place.append(writer)
    connection = place.connect()
    connection.run("DROP TRIGGER log_head_grows")
    connection.run("UPDATE log_head SET root = zeroblob(32)")
    for _ in range(2):
        with pytest.raises(NotDurableError) as caught:
            place.append(writer)
        assert "1 entries do not go on from the 1 that this process knows" in str(caught.value.__cause__)
    assert connection.one("SELECT count(*) FROM log_checkpoint") == (1,)


def test_a_node_that_is_missing_stops_the_writer(place, writer) -> None:
    place.append(writer)
    connection = place.connect()
    connection.run("DROP TRIGGER log_node_stays")
    connection.run("DELETE FROM log_node")
    with pytest.raises(LogCorruptError, match="node 0 of level 0 is missing"):
        place.start()


def test_an_entry_that_the_table_does_not_take_is_the_logs_failure(place, writer) -> None:
    """An entry stands where the next one belongs: that is no fault of the item, and nobody is told that it was."""
    connection = place.connect()
    connection.run("INSERT INTO log_entry (idx, entry_id, kind, entry) VALUES (0, 'x', 'search', x'00')")
    with pytest.raises(NotDurableError) as caught:
        place.append(writer)
    assert isinstance(caught.value.__cause__, LogCorruptError)


def test_a_node_that_is_there_already_is_the_logs_failure(place, writer) -> None:
    place.connect().run("INSERT INTO log_node (level, idx, hash) VALUES (0, 0, x'00')")
    with pytest.raises(NotDurableError, match="never change"):
        place.append(writer)
    assert head(place.connect()) is None


def test_writers_take_turns_by_the_lock_on_the_side_file(place, writer) -> None:
    results: list = []
    with place.lock.open("rb+") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        thread = threading.Thread(target=lambda: results.append(place.append(writer)))
        thread.start()
        thread.join(0.2)
        assert results == []
        fcntl.flock(held, fcntl.LOCK_UN)
    thread.join(5)
    assert results[0].index == 0


def test_a_writer_does_not_go_on_from_an_older_log_than_it_has_written(place, writer) -> None:
    """As where a standby is promoted that lacks what was committed: it would sign a second tree of the same size."""
    place.append(writer)
    older = place.directory / "older.sqlite"
    with contextlib.closing(place.connect()) as source, contextlib.closing(pysqlite3.connect(str(older))) as target:
        source.backup(target)
    place.append(writer)
    writer._let_go()  # as after a failure
    for one in place.directory.glob("state.sqlite*"):
        one.unlink()
    older.rename(place.database)

    with pytest.raises(NotDurableError, match="LogForkedError") as caught:
        place.append(writer)
    assert "holds 1 entries, and had 2" in str(caught.value.__cause__)


def test_a_missing_lock_file_is_said(place) -> None:
    place.lock.unlink()
    with pytest.raises(LogUnavailableError, match=r"state\.lock"):
        place.start()
    assert not place.lock.exists()


def test_a_missing_database_is_said(place) -> None:
    place.database.unlink()
    with pytest.raises(LogCorruptError, match="can't be opened"):
        place.start()
    assert not place.database.exists()


def test_a_path_with_odd_characters_is_opened(make_place) -> None:
    place = make_place("what? 100% #1 & more")
    writer = place.start()
    place.append(writer)
    place.ring()
    place.check()


@pytest.mark.parametrize("version", [(3, 51, 3), (3, 52, 0), (3, 53, 4), (3, 50, 7), (3, 44, 6), (3, 44, 9)])
def test_a_mended_sqlite_is_taken(version) -> None:
    check_sqlite_version(version)


@pytest.mark.parametrize("version", [(3, 7, 0), (3, 40, 1), (3, 44, 5), (3, 45, 0), (3, 50, 6), (3, 51, 0), (3, 51, 2)])
def test_a_sqlite_that_can_corrupt_the_log_is_refused(version) -> None:
    with pytest.raises(UnsafeSqliteError, match=r"WAL-reset bug"):
        check_sqlite_version(version)


def test_a_state_entry_and_its_rows_go_together_or_not_at_all(place, writer, draft, monkeypatch) -> None:
    place.connect().run("CREATE TABLE side (what BLOB)")

    def change(connection, moment):
        connection.run("INSERT INTO side (what) VALUES ('withdrawn')")
        return draft(f"e_{moment.index}", Kind.CONSENT_WITHDRAWN, state_keys=("consent/a",))

    with monkeypatch.context() as broken:
        broken.setattr(type(place.signer), "sign", lambda *_: 1 / 0)
        with pytest.raises(NotDurableError):
            writer.append(change)
    connection = place.connect()
    for table in ("side", "state_key", "log_entry", "log_bundle", "log_node", "log_head"):
        assert connection.one(f"SELECT count(*) FROM {table}") == (0,)
