"""A log that has lost what it signed is noticed at start."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hours import machine_now

from audit.exporting.tiles import checkpoint
from audit.format.commitment import SealingKey, seal
from audit.format.entry import Kind
from audit.stores.checked import LogCorruptError
from audit.stores.sqlite import SqliteStore, create, open_connection
from audit.tree.checkpoint import CheckpointSigner
from audit.writing.highwater import check_high_water, keep_high_water
from audit.writing.item import Draft
from audit.writing.sequencer import Sequencer

KEY = SealingKey(b"k" * 16, b"s" * 32)
SIGNER = CheckpointSigner("test.example/log", Ed25519PrivateKey.generate())


def append(directory: Path, *names: str) -> None:
    database, lock = directory / "log.sqlite", directory / "log.lock"
    if not database.exists():
        create(database)
        lock.touch()
    deliver = lambda results: [done(result) for done, result in results]  # noqa: E731 -- what the sequencer hands out
    sequencer = Sequencer(SqliteStore(database, lock), SIGNER, clock=machine_now, deliver=deliver)
    sequencer.start()
    for name in names:
        sealed = seal(name, {"what": (KEY, {"name": name})}, (), None)
        sequencer.append(lambda _c, _m, sealed=sealed, name=name: Draft(kind=Kind.SEARCH, entry_id=name, sealed=sealed))
    sequencer.close()


def kept(directory: Path) -> Path:
    connection = open_connection(directory / "log.sqlite", read_only=True)
    keep_high_water(checkpoint(connection), directory / "log.head")
    connection.close()
    return directory / "log.head"


def check(directory: Path, file: Path) -> None:
    connection = open_connection(directory / "log.sqlite", read_only=True)
    try:
        check_high_water(connection, file, SIGNER.vkey)
    finally:
        connection.close()


def test_a_log_that_has_grown_since_is_right(tmp_path: Path) -> None:
    append(tmp_path, "a", "b", "c")
    file = kept(tmp_path)
    append(tmp_path, "d", "e")

    check(tmp_path, file)
    assert kept(tmp_path).read_text() == file.read_text()
    check(tmp_path, tmp_path / "none")


def test_an_older_copy_is_noticed(tmp_path: Path) -> None:
    append(tmp_path, "a", "b")
    shutil.copy(tmp_path / "log.sqlite", tmp_path / "older.sqlite")
    append(tmp_path, "c")
    file = kept(tmp_path)
    shutil.copy(tmp_path / "older.sqlite", tmp_path / "log.sqlite")

    with pytest.raises(LogCorruptError, match="holds 2 entries, and had signed 3"):
        check(tmp_path, file)


def test_another_history_of_the_same_length_is_noticed(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        append(tmp_path / name, "a", f"b-{name}", "c")

    with pytest.raises(LogCorruptError, match="are not those that it had signed"):
        check(tmp_path / "two", kept(tmp_path / "one"))


def test_an_empty_log_has_no_high_water(tmp_path: Path) -> None:
    append(tmp_path)

    assert not kept(tmp_path).exists()


def test_a_broken_file_is_noticed(tmp_path: Path) -> None:
    append(tmp_path, "a")
    (tmp_path / "log.head").write_text("nonsense")

    with pytest.raises(LogCorruptError, match="is not a checkpoint of this log"):
        check(tmp_path, tmp_path / "log.head")


def test_missing_nodes_are_noticed(tmp_path: Path) -> None:
    append(tmp_path, "a", "b")
    file = kept(tmp_path)
    connection = open_connection(tmp_path / "log.sqlite", read_only=False)
    connection.run("DROP TRIGGER log_node_stays")
    connection.run("DELETE FROM log_node WHERE level = 1")
    connection.close()

    with pytest.raises(LogCorruptError, match="lacks what it had signed at 2 entries"):
        check(tmp_path, file)
