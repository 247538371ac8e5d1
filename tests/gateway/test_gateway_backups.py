"""`stile backup`: a whole copy beside a running gateway, keys last, and nothing half made is left."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import re
import stat
import tarfile
import time
from pathlib import Path

import orjson
import pytest
from gateway_backed_up import backed_up, manifest_of, run_stile, stile
from gateway_killed import kill_behind
from gateway_small_disk import small_disk
from gateway_working import LIMITS, body_of, partner_of, republish, serving, under_load
from hours import machine_now
from house import HARBOUR, open_house

from audit.stores.checked import check_whole_log
from audit.stores.sqlite import open_connection
from audit.tree.checkpoint import parse_checkpoint
from gateway.backups import making
from gateway.backups.manifest import NAME
from gateway.council.directory import open_council

WHOLE = {"stile.toml", "state.sqlite", "state.lock", "state.head", "keys.sqlite", "state.keys", "housing.token", NAME}


@pytest.fixture(autouse=True)
def memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What this host remembers of logs, of this test alone."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "memory"))
    return tmp_path / "memory"


def names_in(folder: Path) -> set[str]:
    return {one.relative_to(folder).as_posix() for one in folder.rglob("*") if one.is_file()}


def test_a_backup_holds_the_whole_council_but_the_master_key(council_directory: Path, tmp_path: Path) -> None:
    backup = backed_up(council_directory, tmp_path / "backup")

    assert names_in(backup) == WHOLE
    manifest = manifest_of(backup)
    assert {name: one["sha256"] for name, one in manifest["files"].items()} == {
        name: hashlib.sha256((backup / name).read_bytes()).hexdigest() for name in WHOLE - {NAME}
    }
    assert manifest["size"] == parse_checkpoint(manifest["checkpoint"]).size > 20
    assert not manifest["has_master_key"]
    key = (council_directory / "master.key").read_bytes().strip()
    assert [name for name in WHOLE if key in (backup / name).read_bytes()] == []


def test_modes_are_kept_and_the_backup_is_its_owners_alone(council_directory: Path, tmp_path: Path) -> None:
    (council_directory / "stile.toml").chmod(0o640)
    (council_directory / "state.sqlite").chmod(0o640)

    backup = backed_up(council_directory, tmp_path / "backup")

    assert stat.S_IMODE(backup.stat().st_mode) == 0o700
    modes = {one.name: stat.S_IMODE(one.stat().st_mode) for one in backup.iterdir()}
    assert {modes.pop("stile.toml"), modes.pop("state.sqlite")} == {0o640}
    assert set(modes.values()) == {0o600}


def test_the_master_key_comes_along_where_it_is_asked_for(council_directory: Path, tmp_path: Path) -> None:
    backup = backed_up(council_directory, tmp_path / "backup", "--with-master-key")

    assert (backup / "master.key").read_bytes() == (council_directory / "master.key").read_bytes()
    assert stat.S_IMODE((backup / "master.key").stat().st_mode) == 0o600
    assert manifest_of(backup)["has_master_key"]


def test_a_master_key_that_is_not_in_a_file_is_not_ours_to_copy(
    council_directory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STILE_MASTER_KEY", (council_directory / "master.key").read_text())

    status, printed = stile("backup", tmp_path / "backup", "--dir", council_directory, "--with-master-key")

    assert status == 1
    assert "comes from STILE_MASTER_KEY: it is backed up there" in printed
    assert not (tmp_path / "backup").exists()


def test_residents_data_of_councils_systems_is_left_out_and_named(council_directory: Path, tmp_path: Path) -> None:
    status, printed = stile("backup", tmp_path / "backup", "--dir", council_directory)

    assert status == 0
    assert "Left out: " in printed
    assert "revenues.sqlite" in printed
    assert "Okafor" not in str([(tmp_path / "backup" / name).read_bytes() for name in WHOLE - {"state.sqlite"}])


def test_secrets_of_sources_and_counts_of_exports_come_along(council_directory: Path, tmp_path: Path) -> None:
    """A mapping of the demo names its key in the directory."""
    (council_directory / "exports-0123456789abcdef.json").write_text("{}")
    with open_house(council_directory) as house:
        rows = house.rows("SELECT text FROM text WHERE kind = 'mapping' AND text LIKE '%{dir}/%.token%'")
    assert rows, "the demo maps no service with a key"

    backup = backed_up(council_directory, tmp_path / "backup")

    assert names_in(backup) - WHOLE == {"exports-0123456789abcdef.json"}


def test_a_secret_that_is_gone_keeps_no_backup_from_being_made(council_directory: Path, tmp_path: Path) -> None:
    (council_directory / "housing.token").unlink()

    assert names_in(backed_up(council_directory, tmp_path / "backup")) == WHOLE - {"housing.token"}


def test_a_backup_in_one_file_holds_the_same(council_directory: Path, tmp_path: Path) -> None:
    backup = backed_up(council_directory, tmp_path / "backup.tar")

    with tarfile.open(backup) as archive:
        members = archive.getmembers()
    assert {one.name for one in members} >= WHOLE
    assert members[0].name == NAME
    assert {(one.uname, one.uid, one.mtime) for one in members} == {("", 0, 0)}
    assert stat.S_IMODE(backup.stat().st_mode) == 0o600
    assert sorted(one.name for one in tmp_path.iterdir()) == ["backup.tar", "council", "memory"]


def test_beside_workers_under_load_it_holds_one_moment(council_directory: Path, tmp_path: Path) -> None:
    """Two workers write while three backups are made: each holds together, and its keys open all that it holds."""
    republish(council_directory, LIMITS, "limits: {batch: 1}")
    with serving(council_directory, workers=2) as served:
        served.wait_for("worker_ready", 2)
        partner = partner_of(council_directory, f"http://127.0.0.1:{served.port}")
        assert partner.get_token(agreement=HARBOUR.agreement).status == 200
        with under_load(partner, body_of(), threads=3) as asking:
            for number in range(3):
                time.sleep(0.2)
                done = run_stile("backup", tmp_path / f"backup-{number}", "--dir", council_directory)
                assert done.returncode == 0, done.stderr
        replies = [reply for one in asking for reply in one.replies]

    assert {reply.status for reply in replies} == {200}, served.told()
    sizes = []
    for number in range(3):
        drilled = run_stile(
            "restore", tmp_path / f"backup-{number}", "--drill", "--master-key", council_directory / "master.key"
        )
        told = drilled.stdout
        assert re.search(r"ok  entries: of the newest \d+, [1-9]\d* bundles open", told), told
        assert "the key file has every key that the log names" in told
        sizes.append(manifest_of(tmp_path / f"backup-{number}")["size"])
    assert sizes == sorted(set(sizes)), "the gateway went on in between"


def test_keys_are_copied_behind_the_log(council_directory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A person whose key is made while the state is copied is in the log or not; their key is there either way."""
    copied: list[str] = []
    copy = making.copy_database

    def copy_later(source: Path, *, target: Path) -> None:
        copied.append(source.name)
        copy(source, target=target)

    monkeypatch.setattr(making, "copy_database", copy_later)
    backed_up(council_directory, tmp_path / "backup")

    assert copied == ["state.sqlite", "keys.sqlite"]


def test_the_copy_says_how_far_it_goes_itself(council_directory: Path, tmp_path: Path) -> None:
    """The kept head of a running gateway may be newer than the copy of its state: that would be taken for a loss."""
    backup = backed_up(council_directory, tmp_path / "backup")
    council = open_council(council_directory)
    with contextlib.closing(open_connection(backup / "state.sqlite", read_only=True)) as connection:
        check_whole_log(connection, council.signer.vkey)
        size = connection.value("SELECT size FROM log_head")
    council.keyring.close()

    assert parse_checkpoint((backup / "state.head").read_text()).size == size == manifest_of(backup)["size"]


@pytest.mark.parametrize("there", ["a folder in use", "a file", "a link"])
def test_a_place_that_is_taken_is_refused_and_stays(council_directory: Path, tmp_path: Path, there: str) -> None:
    to = tmp_path / "backup"
    if there == "a file":
        to.write_text("mine")
    elif there == "a link":
        to.symlink_to(tmp_path / "elsewhere")
    else:
        to.mkdir()
        (to / "mine").write_text("mine")

    status, printed = stile("backup", to, "--dir", council_directory)

    assert status == 1
    assert "is there already" in printed
    assert to.is_symlink() or to.read_text() == "mine" if to.is_file() or to.is_symlink() else (to / "mine").exists()


def test_an_empty_folder_is_taken(council_directory: Path, tmp_path: Path) -> None:
    (tmp_path / "backup").mkdir()

    assert names_in(backed_up(council_directory, tmp_path / "backup")) == WHOLE


@pytest.mark.parametrize("behind", ["copy_database", "_check_log", "_copy", "_manifest", "_packed", "_make_durable"])
def test_killed_behind_any_step_the_next_one_is_whole(council_directory: Path, tmp_path: Path, behind: str) -> None:
    """And what the killed one left is gone."""
    to = tmp_path / "here" / ("backup.tar" if behind == "_packed" else "backup")
    kill_behind("gateway.backups.making", behind, "backup", to, "--dir", council_directory)
    assert not to.exists()
    assert [one.name for one in to.parent.iterdir()] == [f".{to.name}.making"]

    backed_up(council_directory, to)

    assert [one.name for one in to.parent.iterdir()] == [to.name]


def test_two_backups_to_one_place_are_one(council_directory: Path, tmp_path: Path) -> None:
    aside = tmp_path / ".backup.making"
    aside.mkdir()
    handle = os.open(aside, os.O_RDONLY)
    fcntl.flock(handle, fcntl.LOCK_EX)

    status, printed = stile("backup", tmp_path / "backup", "--dir", council_directory)
    os.close(handle)

    assert status == 1
    assert "is being put together by another process" in printed


def test_a_damaged_log_is_not_backed_up(council_directory: Path, tmp_path: Path) -> None:
    with contextlib.closing(open_connection(council_directory / "state.sqlite", read_only=False)) as connection:
        connection.run("DROP TRIGGER log_entry_holds")
        connection.run("UPDATE log_entry SET entry = x'00' WHERE idx = 3")

    status, printed = stile("backup", tmp_path / "backup", "--dir", council_directory)

    assert status == 1
    assert "entry 3 is not the one that was appended" in printed
    assert sorted(one.name for one in tmp_path.iterdir()) == ["council"]


@pytest.mark.parametrize("size", ["64k", "300k", "420k"])
def test_a_full_disk_is_told_and_nothing_is_left_there(council_directory: Path, tmp_path: Path, size: str) -> None:
    with small_disk(tmp_path / "small", size) as small:
        status, printed = stile("backup", small / "backup", "--dir", council_directory)
        left = list(small.iterdir())

    assert status == 1
    assert "is full: make room" in printed
    assert left == []


def test_this_host_remembers_how_far_the_log_had_come(council_directory: Path, tmp_path: Path, memory: Path) -> None:
    backup = backed_up(council_directory, tmp_path / "backup")
    (kept,) = (memory / "stile" / "seen").iterdir()
    assert kept.read_text() == manifest_of(backup)["checkpoint"]

    with open_house(council_directory, clock=machine_now) as house:
        assert house.harbour().ask(fields=["full_name"]).status_code == 200
    later = backed_up(council_directory, tmp_path / "later")
    assert kept.read_text() == manifest_of(later)["checkpoint"] != manifest_of(backup)["checkpoint"]


def test_a_host_that_can_not_remember_says_so_and_the_backup_stands(
    council_directory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))

    status, printed = stile("backup", tmp_path / "backup", "--dir", council_directory)

    assert status == 0
    assert "not remembered on this host" in printed
    assert orjson.loads((tmp_path / "backup" / NAME).read_bytes())
