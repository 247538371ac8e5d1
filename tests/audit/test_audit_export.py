"""The log in files: whole, only what is new, and never half of a file under its name."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pymerkle
import pysqlite3
import pytest
from audit_exporting import SIGNER, GrowingLog, files_of, verify
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from audit.exporting import export as exporting
from audit.exporting.export import ExportError
from audit.tree.checkpoint import CheckpointSigner, parse_checkpoint
from audit.tree.layout import bundle_path, leaf_hashes, pack, tile_path
from audit.tree.merkle import ProofError, leaf_hash


def entries_of(directory: Path) -> list[bytes]:
    """Read the bundles as an auditor does who has only the specification."""
    found: list[bytes] = []
    folder = directory / "tile" / "entries"
    for file in sorted(folder.rglob("*"), key=lambda one: one.relative_to(folder).as_posix().replace("x", "")):
        if file.is_file():
            raw, place = file.read_bytes(), 0
            while place < len(raw):
                length = int.from_bytes(raw[place : place + 2], "big")
                found.append(raw[place + 2 : place + 2 + length])
                place += 2 + length
    return found


def test_paths_are_those_of_the_specification() -> None:
    """C2SP tlog-tiles: the examples of its own text."""
    assert tile_path(0, 1_234_067) == "tile/0/x001/x234/067"
    assert tile_path(2, 0, 1) == "tile/2/000.p/1"
    assert bundle_path(273, 112) == "tile/entries/273.p/112"
    assert bundle_path(1_000) == "tile/entries/x001/000"


@pytest.mark.parametrize("size", [1, 255, 256, 257, 600])
def test_an_outside_judge_finds_the_signed_root_over_the_exported_entries(
    log: GrowingLog, tmp_path: Path, size: int
) -> None:
    log.grow_to(size)
    done = log.export(tmp_path / "out")

    entries = entries_of(tmp_path / "out")
    tree = pymerkle.InmemoryTree.init_from_entries(entries, algorithm="sha256")
    signed = parse_checkpoint((tmp_path / "out" / "checkpoint").read_text())

    assert entries == log.entries
    assert (signed.size, signed.root) == (size, tree.get_root())
    assert done.files == len(files_of(tmp_path / "out"))


def test_the_files_are_exactly_those_of_the_layout(log: GrowingLog, tmp_path: Path) -> None:
    log.grow_to(600)
    log.export(tmp_path / "out")

    assert set(files_of(tmp_path / "out")) == {
        "checkpoint",
        *(f"tile/{kind}/{place}" for kind in ("0", "entries") for place in ("000", "001", "002.p/88")),
        "tile/1/000.p/2",
    }


def test_an_empty_log_leaves_nothing(log: GrowingLog, tmp_path: Path) -> None:
    done = log.export(tmp_path / "out")

    assert (done.size, done.files, files_of(tmp_path / "out")) == (0, 0, {})


def test_a_second_run_writes_only_what_is_new(log: GrowingLog, tmp_path: Path) -> None:
    log.grow_to(300)
    log.export(tmp_path / "out")
    before = {path: (tmp_path / "out" / path).stat().st_ino for path in files_of(tmp_path / "out")}

    assert log.export(tmp_path / "out").files == 0
    log.grow_to(301)
    done = log.export(tmp_path / "out")

    assert (done.before, done.size, done.files) == (300, 301, 3)
    kept = {path for path, inode in before.items() if (tmp_path / "out" / path).stat().st_ino == inode}
    assert kept == set(before) - {"checkpoint"}
    assert verify(tmp_path / "out").checkpoint.size == 301


def test_growing_step_by_step_ends_with_the_same_files_as_at_once(log: GrowingLog, tmp_path: Path) -> None:
    """But for partial files of sizes in between, which go when they are full."""
    for size in (1, 2, 255, 256, 257, 511, 512, 700, 1_030):
        log.grow_to(size)
        log.export(tmp_path / "steps")
        verify(tmp_path / "steps")
    log.export(tmp_path / "once")

    steps, once = files_of(tmp_path / "steps"), files_of(tmp_path / "once")
    assert once.items() <= steps.items()
    assert {path for path in steps.keys() - once.keys() if ".p/" not in path} == set()
    assert not [path for path in steps if path.startswith(("tile/0/000.p", "tile/0/002.p", "tile/entries/001.p"))]


def test_a_killed_run_is_gone_on_with(log: GrowingLog, tmp_path: Path) -> None:
    """Killed by the system in the middle: no half of a file, no checkpoint before what it covers."""
    log.grow_to(60_000)
    out = tmp_path / "out"
    script = (
        "import sys, time; from pathlib import Path\n"
        "from audit.exporting.export import export_log; from audit.stores.sqlite import open_connection\n"
        "export_log(open_connection(Path(sys.argv[1]), read_only=True), Path(sys.argv[2]), vkey=sys.argv[3], "
        "progress=lambda done, _: time.sleep(30 if done > 10_000 else 0))"
    )
    process = subprocess.Popen([sys.executable, "-c", script, str(log.database), str(out), SIGNER.vkey])
    until = time.monotonic() + 20
    while not (out / "tile" / "entries" / "020").exists() and time.monotonic() < until:
        time.sleep(0.001)
    process.send_signal(signal.SIGKILL)
    process.wait(10)

    left = [one for one in out.rglob("*") if one.is_file() and exporting.WRITING not in one.parts]
    assert left
    assert not (out / "checkpoint").exists()
    for file in (one for one in left if "entries" in one.parts):
        assert len(leaf_hashes(file.read_bytes())) == 256
    inodes = {file: file.stat().st_ino for file in left}

    log.export(out)

    assert {file: file.stat().st_ino for file in left} == inodes, "what was there is kept"
    assert verify(out).checkpoint.size == 60_000
    assert not (out / exporting.WRITING).exists()


def test_another_logs_directory_is_refused(log: GrowingLog, tmp_path: Path) -> None:
    other = GrowingLog(tmp_path / "other.sqlite", CheckpointSigner("other.example/log", Ed25519PrivateKey.generate()))
    other.grow_to(3)
    other.export(tmp_path / "out")
    log.grow_to(5)
    before = files_of(tmp_path / "out")

    with pytest.raises(ExportError, match="another log"):
        log.export(tmp_path / "out")
    assert files_of(tmp_path / "out") == before


def test_another_logs_beginnings_are_refused(log: GrowingLog, tmp_path: Path) -> None:
    """A first run of another log, killed before its checkpoint."""
    file = tmp_path / "out" / "tile" / "entries" / "000"
    file.parent.mkdir(parents=True)
    file.write_bytes(pack([b"another"] * 256))
    log.grow_to(256)

    with pytest.raises(ExportError, match="is another"):
        log.export(tmp_path / "out")
    assert not (tmp_path / "out" / "checkpoint").exists()


def test_a_database_older_than_the_directory_is_refused(log: GrowingLog, tmp_path: Path) -> None:
    newer = GrowingLog(tmp_path / "newer.sqlite")
    newer.grow_to(9)
    newer.export(tmp_path / "out")
    log.grow_to(8)

    with pytest.raises(ExportError, match="holds 9 entries, and the log 8"):
        log.export(tmp_path / "out")


def test_a_forked_database_is_refused(log: GrowingLog, tmp_path: Path) -> None:
    log.grow_to(9)
    log.export(tmp_path / "out")
    forked = GrowingLog(tmp_path / "forked.sqlite")
    forked.grow([b"rewritten", *log.entries[1:], b"more"])

    with pytest.raises(ExportError, match="first 9 entries are not those"):
        forked.export(tmp_path / "out")


def test_a_directory_with_other_files_is_refused(log: GrowingLog, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "holiday.jpg").touch()
    log.grow_to(1)

    with pytest.raises(ExportError, match="holiday"):
        log.export(tmp_path / "out")


def test_a_place_that_can_not_be_written_to_is_told(log: GrowingLog, tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(ExportError, match="give a directory that you may write to"):
        log.export(tmp_path / "file" / "out")


@pytest.mark.parametrize(("level", "told"), [(0, "nodes are missing"), (8, "nodes are missing")])
def test_a_log_that_lacks_a_node_is_not_exported_as_if_whole(
    log: GrowingLog, tmp_path: Path, level: int, told: str
) -> None:
    log.grow_to(300)
    connection = pysqlite3.connect(str(log.database))
    connection.executescript(f"DROP TRIGGER log_node_stays; DELETE FROM log_node WHERE level = {level} AND idx = 0;")
    connection.close()

    with pytest.raises(ExportError, match=told):
        log.export(tmp_path / "out")
    assert not (tmp_path / "out" / "checkpoint").exists()


def test_two_exports_do_not_write_at_once(log: GrowingLog, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    handle = os.open(tmp_path / "out", os.O_RDONLY)
    fcntl.flock(handle, fcntl.LOCK_EX)
    log.grow_to(1)

    with pytest.raises(ExportError, match="wait for it"):
        log.export(tmp_path / "out")
    os.close(handle)
    assert log.export(tmp_path / "out").size == 1


@pytest.mark.parametrize(
    ("lost", "told"),
    [
        ("idx = 299", "entry 299 is missing"),
        ("idx = 0", "entry 0 is missing"),
        ("idx = 7", "entry 7 is missing"),
        ("idx BETWEEN 250 AND 259", "the entries from 250 to 259 are missing"),
        ("idx >= 290", "the entries from 290 to 299 are missing"),
    ],
)
def test_a_log_that_lacks_entries_is_not_exported_as_if_whole(
    log: GrowingLog, tmp_path: Path, lost: str, told: str
) -> None:
    """Which are missing is told, and no other takes the place of an inner one."""
    log.grow_to(300)
    connection = pysqlite3.connect(str(log.database))
    connection.executescript(f"DROP TRIGGER log_entry_stays; DELETE FROM log_entry WHERE {lost};")
    connection.close()

    with pytest.raises(ExportError, match=told):
        log.export(tmp_path / "out")
    assert not (tmp_path / "out" / "checkpoint").exists()


def test_a_bundle_gives_the_leaf_of_each_entry() -> None:
    entries = [b"", b"x", b"y" * 300, b"z" * 65_535]

    assert leaf_hashes(pack(entries)) == [leaf_hash(entry) for entry in entries]
    with pytest.raises(ProofError, match="cut off"):
        leaf_hashes(pack(entries)[:-1])
    with pytest.raises(ProofError, match="cut off"):
        leaf_hashes(pack(entries) + b"\x00")
