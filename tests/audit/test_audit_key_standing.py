"""A key file that is older than it was is noticed at the start, by its own count and by what the log names."""

from __future__ import annotations

import contextlib
import json
import shutil
from pathlib import Path

import pysqlite3
import pytest

from audit.writing.key_standing import check_key_file, keep_key_mark
from audit.writing.keyring import Keyring, KeyringError, reference


@pytest.fixture
def mark(place) -> Path:
    return place.directory / "state.keys"


def copied(place) -> Path:
    """Put a copy of the key file aside, as a backup has it."""
    aside = place.directory / "older.sqlite"
    with contextlib.closing(pysqlite3.connect(place.keys)) as connection:
        connection.execute("VACUUM INTO ?", (str(aside),))
    return aside


def put_back(place, aside: Path) -> None:
    for name in ("keys.sqlite-wal", "keys.sqlite-shm"):
        (place.directory / name).unlink(missing_ok=True)
    shutil.copy(aside, place.keys)


def check(place, mark: Path) -> None:
    with contextlib.closing(place.ring()) as ring:
        check_key_file(ring.safe, mark, place.connect())


def change(place, mark: Path | None) -> bytes:
    """Make a block of keys; keep how the file stands then, where it is said where."""
    with contextlib.closing(place.ring()) as ring:
        key, _ = ring.key_for(place.connect(), b"r" * 32, "P6Y", 2026)
        if mark is not None:
            keep_key_mark(ring.safe, mark)
    return key.key_id


def test_a_key_file_that_has_grown_since_is_right(place, mark: Path) -> None:
    change(place, mark)
    change(place, None)

    check(place, mark)
    check(place, place.directory / "none")


def test_an_older_key_file_is_noticed(place, mark: Path) -> None:
    aside = copied(place)
    change(place, mark)
    put_back(place, aside)

    with pytest.raises(KeyringError, match="has changed 1 times, and had 2 times before"):
        check(place, mark)


def test_a_key_file_that_brings_back_what_was_destroyed_is_noticed(place, mark: Path) -> None:
    key_id = change(place, mark)
    aside = copied(place)
    with contextlib.closing(place.ring()) as ring:
        ring.destroy([key_id])
        keep_key_mark(ring.safe, mark)
    put_back(place, aside)

    with pytest.raises(KeyringError, match="brings back keys that were destroyed"):
        check(place, mark)


def test_an_older_key_file_is_noticed_by_the_log_where_the_count_was_lost(place, partner, mark: Path) -> None:
    aside = copied(place)
    partner.ask(subject="person-1")
    check(place, mark)
    partner.ring.close()
    put_back(place, aside)

    with pytest.raises(KeyringError, match="the key file lacks 1"):
        check(place, mark)


def test_keys_of_the_newest_entries_that_were_destroyed_are_not_missed(place, partner, mark: Path) -> None:
    """An erasure takes their rows away with them."""
    partner.ask(subject="person-1")
    log = place.connect()
    ref = reference(partner.ring.named("index"), "tenancies", "person-1")
    key_id = log.one("SELECT key_id FROM subject_key WHERE reference = ?", (ref,))[0]
    log.execute("DELETE FROM subject_key WHERE reference = ?", (ref,))
    partner.ring.destroy([key_id])

    check(place, mark)


def test_a_count_that_was_written_by_hand_is_noticed(place, mark: Path) -> None:
    """An older file is not made newer by counting its changes up; nor is the count beside it by counting down."""
    aside = copied(place)
    change(place, mark)
    put_back(place, aside)
    with contextlib.closing(pysqlite3.connect(place.keys)) as connection:
        connection.execute("UPDATE standing SET serial = serial + 9")
        connection.commit()
    with pytest.raises(KeyringError, match="changed by hand"):
        check(place, mark)

    put_back(place, aside)
    kept = json.loads(mark.read_text())
    mark.write_text(json.dumps({**kept, "serial": 1}))
    with pytest.raises(KeyringError, match="not of this key file, or was changed"):
        check(place, mark)


@pytest.mark.parametrize("by_hand", ["DELETE FROM random_key", "INSERT INTO random_key VALUES (x'01', x'02', 1)"])
def test_keys_that_were_put_in_or_taken_out_by_hand_are_noticed(place, mark: Path, by_hand: str) -> None:
    change(place, mark)
    with contextlib.closing(pysqlite3.connect(place.keys)) as connection:
        connection.execute(by_hand)
        connection.commit()

    with pytest.raises(KeyringError, match="not hold as many keys as it says"):
        check(place, mark)


@pytest.mark.parametrize("content", ["", "nonsense", "[]", '{"serial": 1}', "\N{SNOWMAN}"])
def test_a_broken_count_is_told(place, mark: Path, content: str) -> None:
    mark.write_text(content, encoding="utf-8")

    with pytest.raises(KeyringError, match="can't be read as how the key file stood"):
        check(place, mark)


def test_the_count_never_goes_back(place, mark: Path) -> None:
    aside = copied(place)
    change(place, mark)
    kept = mark.read_text()
    put_back(place, aside)

    with contextlib.closing(place.ring()) as ring:
        keep_key_mark(ring.safe, mark)

    assert mark.read_text() == kept


def test_another_councils_count_is_told(place, mark: Path, tmp_path: Path) -> None:
    change(place, mark)
    other = tmp_path / "other.sqlite"
    other.touch()
    with contextlib.closing(Keyring.create(other, place.master)) as ring, pytest.raises(KeyringError, match="not of this"):
        check_key_file(ring.safe, mark, place.connect())
