"""`stile restore`: a backup becomes a council again, whole or not at all; where something is missing, nobody goes on."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import os
import shutil
import stat
import tarfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import orjson
import pytest
from gateway_backed_up import backed_up, edit_manifest, manifest_of, stile
from gateway_killed import kill_behind
from gateway_small_disk import small_disk
from gateway_working import serving
from hours import machine_now
from house import open_house

from audit.format.commitment import open_bundle, value_of
from audit.format.entry import Kind
from audit.stores.checked import LogCorruptError
from audit.stores.entries import bundles
from audit.writing.highwater import keep_high_water
from gateway.backups.manifest import NAME, is_place
from gateway.commands.common import office
from gateway.council.directory import open_council


@pytest.fixture(autouse=True)
def memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What this host remembers of logs, of this test alone."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "memory"))
    return tmp_path / "memory"


@pytest.fixture
def backup(council_directory: Path, tmp_path: Path) -> Path:
    return backed_up(council_directory, tmp_path / "backup")


@pytest.fixture
def key(council_directory: Path) -> Path:
    return council_directory / "master.key"


def restored(backup: Path, to: Path, key: Path, *words: object) -> tuple[int, str]:
    return stile("restore", backup, to, "--master-key", key, *(words or ("--nothing-since",)))


def last_entry(directory: Path) -> tuple[str, dict[str, Any]]:
    """Return kind and opened names of the newest entry."""
    with open_house(directory, clock=machine_now) as house:
        index, raw = house.rows("SELECT idx, entry FROM log_entry ORDER BY idx DESC LIMIT 1")[0]
        entry, keyring = orjson.loads(raw), house.council.keyring
        openings: dict[str, str] = {}
        for key_id, ciphertext in bundles(house.wiring.services.reader.connection, index):
            openings |= open_bundle(keyring.load(key_id), entry["id"], ciphertext)
    return entry["kind"], {name: value_of(opening) for name, opening in openings.items()}


def ask_once(directory: Path) -> dict[str, Any]:
    with open_house(directory, clock=machine_now) as house:
        answer = house.harbour().ask(fields=["full_name"])
    assert answer.status_code == 200
    return answer.json()


# -- whole


@pytest.mark.parametrize("name", ["backup", "backup.tar"])
def test_a_restored_council_serves(council_directory: Path, tmp_path: Path, key: Path, name: str) -> None:
    backup = backed_up(council_directory, tmp_path / f"a-{name}")

    status, printed = restored(backup, tmp_path / "new", key)

    assert status == 0, printed
    for system in ("revenues.sqlite", "partners", "housing.json"):  # councils' systems, which no backup holds
        source = council_directory / system
        (shutil.copytree if source.is_dir() else shutil.copy)(source, tmp_path / "new" / system)
    assert ask_once(tmp_path / "new")["disclosure"]["outcome"] == "full"
    assert sorted(one.name for one in tmp_path.iterdir() if one.name.startswith(".")) == []


def test_modes_are_kept(council_directory: Path, tmp_path: Path, key: Path) -> None:
    (council_directory / "stile.toml").chmod(0o640)
    assert restored(backed_up(council_directory, tmp_path / "a"), tmp_path / "new", key)[0] == 0

    modes = {one.name: stat.S_IMODE(one.stat().st_mode) for one in (tmp_path / "new").iterdir()}
    assert modes.pop("stile.toml") == 0o640
    assert set(modes.values()) == {0o600}
    assert {"state.lock", "master.key", "housing.token"} <= set(modes)
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o700


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files to another user")
def test_what_root_restores_is_whose_the_directory_is(backup: Path, tmp_path: Path, key: Path) -> None:
    new = tmp_path / "new"
    new.mkdir()
    os.chown(new, 12_345, 12_345)

    assert restored(backup, new, key)[0] == 0

    assert {one.stat().st_uid for one in (new, *new.rglob("*"))} == {12_345}


def test_every_restore_is_an_entry_with_its_grounds(backup: Path, tmp_path: Path, key: Path) -> None:
    assert restored(backup, tmp_path / "new", key)[0] == 0

    kind, names = last_entry(tmp_path / "new")
    manifest = manifest_of(backup)
    assert kind == "restore"
    assert names["what"] == {
        "made_at": manifest["made_at"], "size": manifest["size"], "keys": manifest["serial"],
        "destroyed": 0, "compared": 1, "nothing_since": True,
    }  # fmt: skip
    assert names["who"]["by"].startswith("operator:")


def test_a_backup_with_its_master_key_needs_no_other(council_directory: Path, tmp_path: Path) -> None:
    backup = backed_up(council_directory, tmp_path / "a", "--with-master-key")

    assert stile("restore", backup, tmp_path / "new", "--nothing-since")[0] == 0


def test_a_mount_point_is_filled(backup: Path, tmp_path: Path, key: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    new = tmp_path / "new"
    new.mkdir()
    before = new.stat().st_ino
    monkeypatch.setattr(Path, "is_mount", lambda _self: True)

    assert restored(backup, new, key)[0] == 0

    assert new.stat().st_ino == before
    assert [one.name for one in new.iterdir() if one.name.startswith(".")] == []


# -- or not at all


def nothing_left(tmp_path: Path) -> bool:
    return not (tmp_path / "new").exists() and [one for one in tmp_path.iterdir() if one.name.startswith(".")] == []


def test_a_directory_in_use_is_refused(backup: Path, tmp_path: Path, key: Path) -> None:
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "mine").write_text("mine")

    status, printed = restored(backup, tmp_path / "new", key)

    assert status == 1
    assert "new is not empty: give a new directory" in printed
    assert [one.name for one in (tmp_path / "new").iterdir()] == ["mine"]


def flip(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


def resign(backup: Path, name: str) -> None:
    """Edit the digest as well: then only the MAC tells."""
    content = (backup / name).read_bytes()
    files = manifest_of(backup)["files"]
    files[name] |= {"sha256": hashlib.sha256(content).hexdigest(), "size": len(content)}
    edit_manifest(backup, files=files)


def edit_settings(backup: Path) -> None:
    with (backup / "stile.toml").open("a") as file:
        file.write('forwarded_hops = ["0.0.0.0/0"]\n')
    resign(backup, "stile.toml")


def cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-1])


def grow(file: Path) -> None:
    file.write_bytes(file.read_bytes() + b"\0" * 4_096)


def leave(backup: Path, name: str) -> None:
    files = manifest_of(backup)["files"]
    del files[name]
    (backup / name).unlink()
    edit_manifest(backup, files=files)


SPOILS: dict[str, tuple[Callable[[Path], object], str]] = {
    "a byte of the state": (lambda it: flip(it / "state.sqlite"), "state.sqlite was changed since it was backed up"),
    "a byte of the keys": (lambda it: flip(it / "keys.sqlite"), "keys.sqlite was changed since"),
    "cut off": (lambda it: cut(it / "state.sqlite"), "state.sqlite was cut off since"),
    "grown": (lambda it: grow(it / "state.sqlite"), "state.sqlite was changed since"),
    "a file gone": (lambda it: (it / "keys.sqlite").unlink(), "keys.sqlite is missing"),
    "a file besides": (lambda it: (it / "more").write_text("more"), "holds more, which its manifest.json does not name"),
    "no manifest": (lambda it: (it / NAME).unlink(), "holds no manifest.json"),
    "half a manifest": (lambda it: cut(it / NAME) or cut(it / NAME), "can't be read: the backup was cut off or edited"),
    "another format": (lambda it: edit_manifest(it, format=2), "another format"),
    "a manifest of words": (lambda it: (it / NAME).write_text('["words"]'), "can't be read"),
    "settings with their digest": (edit_settings, "is not as it was written"),
    "the size": (lambda it: edit_manifest(it, size=3), "is not as it was written"),
    "a file and its line": (lambda it: leave(it, "housing.token"), "is not as it was written"),
    "colours": (lambda it: edit_manifest(it, made_at="\x1b[31mnow"), "names what no backup holds"),
    "a mode that is none": (lambda it: edit_manifest(it, size="3"), "names what no backup holds"),
    "a link": (lambda it: (it / "keys.sqlite").unlink() or (it / "keys.sqlite").symlink_to("/etc/passwd"), "is a link"),
}


@pytest.mark.parametrize("what", SPOILS, ids=str)
def test_a_backup_that_was_cut_or_edited_restores_nothing(backup: Path, tmp_path: Path, key: Path, what: str) -> None:
    spoil, told = SPOILS[what]
    spoil(backup)

    status, printed = restored(backup, tmp_path / "new", key)

    assert status == 1
    assert told in printed
    assert len(printed.strip().splitlines()) == 1
    assert nothing_left(tmp_path)


@pytest.mark.parametrize("name", ["../outside", "/etc/cron.d/x", "a/../../b", "", ".", "a\0b"])
def test_a_name_that_leads_elsewhere_is_written_nowhere(backup: Path, tmp_path: Path, key: Path, name: str) -> None:
    files = manifest_of(backup)["files"]
    files[name] = files.pop("state.lock")
    edit_manifest(backup, files=files)
    (backup / "state.lock").unlink()

    status, printed = restored(backup, tmp_path / "new", key)

    assert (status, is_place(name)) == (1, False)
    assert "names what no backup holds" in printed
    assert nothing_left(tmp_path)


@pytest.mark.parametrize("what", ["a link", "cut off", "no tar"])
def test_one_file_that_was_edited_restores_nothing(council_directory: Path, tmp_path: Path, key: Path, what: str) -> None:
    backup = backed_up(council_directory, tmp_path / "a.tar")
    if what == "a link":
        with tarfile.open(backup, "a") as archive:
            link = tarfile.TarInfo("keys")
            link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
            archive.addfile(link)
    elif what == "cut off":
        backup.write_bytes(backup.read_bytes()[:200_000])
    else:
        backup.write_bytes(b"words" * 10_000)

    status, printed = restored(backup, tmp_path / "new", key)

    assert status == 1
    assert any(told in printed for told in ("no regular file", "cut off", "is no backup")), printed
    assert nothing_left(tmp_path)


@pytest.mark.parametrize("size", ["64k", "360k"])
def test_a_full_disk_is_told_and_nothing_is_left_there(backup: Path, tmp_path: Path, key: Path, size: str) -> None:
    with small_disk(tmp_path / "small", size) as small:
        status, printed = restored(backup, small / "new", key)
        left = list(small.iterdir())

    assert status == 1
    assert "is full: make room. Nothing is damaged" in printed
    assert left == []


def test_a_command_of_the_backups_own_settings_is_not_run_unread(backup: Path, tmp_path: Path, key: Path) -> None:
    """Who edits a backup would have it run, before anybody has vouched for the settings."""
    ran = tmp_path / "ran"
    with (backup / "stile.toml").open("a") as file:
        file.write(f'master_key_command = ["/usr/bin/touch", "{ran}"]\n')
    resign(backup, "stile.toml")

    for words in (["--nothing-since"], ["--drill"]):
        status, printed = restored(backup, tmp_path / "new", key, *words)
        assert status == 1
        assert "it is not run unread" in printed
    assert not ran.exists()


def test_without_the_master_key_nothing_is_restored(backup: Path, tmp_path: Path) -> None:
    status, printed = stile("restore", backup, tmp_path / "new", "--nothing-since")

    assert status == 1
    assert "the master key master.key is missing" in printed
    assert nothing_left(tmp_path)


def test_another_master_key_restores_nothing(backup: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.key"
    other.write_bytes(base64.b64encode(bytes(32)))

    status, printed = restored(backup, tmp_path / "new", other)

    assert status == 1
    assert "wrapped by generation 1 of the master key" in printed
    assert nothing_left(tmp_path)


def test_a_database_of_another_sort_is_told(
    backup: Path, tmp_path: Path, key: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STILE_DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none")

    status, printed = restored(backup, tmp_path / "new", key)

    assert status == 1
    assert "are in a file, and database_url names a PostgreSQL" in printed


def test_a_backup_of_another_build_names_what_to_restore_it_with(backup: Path, tmp_path: Path, key: Path) -> None:
    edit_manifest(backup, schema="0001")

    status, printed = restored(backup, tmp_path / "new", key)

    assert status == 1
    assert "schema version 0001" in printed
    assert "restore it with the build that made it" in printed


@pytest.mark.parametrize("behind", ["unpack", "put_master_key", "_checked", "_record", "give_all", "_remember"])
def test_killed_behind_any_step_it_is_restored_by_the_next(backup: Path, tmp_path: Path, key: Path, behind: str) -> None:
    """Until the last step nothing has its name; what the killed one left is gone, keys and all."""
    to = tmp_path / "here" / "new"
    kill_behind("gateway.commands.backups", behind, "restore", backup, to, "--master-key", key, "--nothing-since")
    assert to.exists() is (behind == "_remember")

    if behind != "_remember":
        status, printed = restored(backup, to, key)
        assert status == 0, printed

    assert [one.name for one in to.parent.iterdir()] == ["new"]
    assert last_entry(to)[0] == "restore"


# -- what is missing


def test_without_a_word_of_what_was_signed_since_it_asks(backup: Path, tmp_path: Path, key: Path) -> None:
    status, printed = stile("restore", backup, tmp_path / "new", "--master-key", key)

    assert status == 1
    assert "--seen" in printed
    assert "--nothing-since" in printed
    assert nothing_left(tmp_path)


def seen_by_receipt(directory: Path, to: Path) -> Path:
    to.write_text(json.dumps(ask_once(directory)))
    return to


def seen_by_state_head(directory: Path, to: Path) -> Path:
    ask_once(directory)
    council = open_council(directory)
    connection = council.store.open(read_only=True)
    keep_high_water(connection.value("SELECT note FROM log_checkpoint ORDER BY size DESC LIMIT 1"), to)
    connection.close()
    council.keyring.close()
    return to


def seen_by_export(directory: Path, to: Path) -> Path:
    ask_once(directory)
    assert stile("log", "export", to, "--dir", directory)[0] == 0
    return to


def seen_by_many(directory: Path, to: Path) -> Path:
    answer = ask_once(directory)
    to.write_text("\n".join([json.dumps({"disclosure": {}}), json.dumps({"receipt": answer["receipt"]})]))
    return to


@pytest.mark.parametrize(
    "seen", [seen_by_receipt, seen_by_state_head, seen_by_export, seen_by_many], ids=lambda one: one.__name__
)
def test_an_older_backup_says_what_is_missing_and_offers_only_the_successor(
    council_directory: Path, backup: Path, tmp_path: Path, key: Path, seen: Callable[[Path, Path], Path]
) -> None:
    size = manifest_of(backup)["size"]
    what = seen(council_directory, tmp_path / "seen")

    status, printed = restored(backup, tmp_path / "new", key, "--seen", what)

    assert status == 1
    assert f"the log holds {size} entries, and {what} has seen {size + 1}: at the least 1 are missing, since 20" in printed
    assert f"stile log succeed --dir {tmp_path / 'new'}" in printed
    with pytest.raises(LogCorruptError, match="would sign a second history"), open_house(tmp_path / "new"):
        pass


def test_the_logs_own_address_tells_what_is_missing(
    council_directory: Path, backup: Path, tmp_path: Path, key: Path
) -> None:
    """The gateway is still served elsewhere, and has gone on."""
    ask_once(council_directory)
    with serving(council_directory, workers=1) as served:
        waited(served.port)
        url = f"http://127.0.0.1:{served.port}/log/northmoor"

        status, printed = restored(backup, tmp_path / "new", key, "--seen", url)

    assert status == 1
    assert f"and {url} has seen" in printed


def waited(port: int) -> None:
    until = time.monotonic() + 30
    while time.monotonic() < until:
        with contextlib.suppress(OSError), urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5):
            return
        time.sleep(0.05)


def test_what_is_missing_is_never_signed_over(council_directory: Path, backup: Path, tmp_path: Path, key: Path) -> None:
    """Its restore is no entry: that would be the second history. Nor can any command write there."""
    size = manifest_of(backup)["size"]
    what = seen_by_receipt(council_directory, tmp_path / "seen")
    restored(backup, tmp_path / "new", key, "--seen", what)

    status, printed = stile("partner", "suspend", "harbour-housing", "--dir", tmp_path / "new")

    assert status == 1
    assert "would sign a second history" in printed
    council = open_council(tmp_path / "new")
    connection = council.store.open(read_only=True)
    assert connection.value("SELECT size FROM log_head") == size
    connection.close()
    council.keyring.close()


def test_what_this_host_remembers_is_compared_without_asking(
    council_directory: Path, backup: Path, tmp_path: Path, key: Path
) -> None:
    ask_once(council_directory)
    backed_up(council_directory, tmp_path / "later")

    status, printed = restored(backup, tmp_path / "new", key, "--nothing-since")

    assert status == 1
    assert "and this host has seen" in printed


def test_an_older_receipt_finds_nothing_missing(council_directory: Path, tmp_path: Path, key: Path) -> None:
    what = seen_by_receipt(council_directory, tmp_path / "seen")
    ask_once(council_directory)
    backup = backed_up(council_directory, tmp_path / "a")

    status, printed = restored(backup, tmp_path / "new", key, "--seen", what)

    assert status == 0, printed
    assert last_entry(tmp_path / "new")[1]["what"]["nothing_since"] is False


def test_another_history_is_told(council_directory: Path, template: Path, tmp_path: Path, key: Path) -> None:
    """Two copies of one council went on apart: the receipt of the one is not in the other."""
    other = tmp_path / "other"
    shutil.copytree(template, other)
    what = seen_by_receipt(other, tmp_path / "seen")
    ask_once(council_directory)
    backup = backed_up(council_directory, tmp_path / "a")

    status, printed = restored(backup, tmp_path / "new", key, "--seen", what)

    assert status == 1
    assert "has seen another history of the log's first" in printed
    assert nothing_left(tmp_path)


@pytest.mark.parametrize("content", ["", "words", "{}", "[1]", '{"receipt": 3}', "\udcff"], ids=str)
def test_what_is_no_receipt_is_told(backup: Path, tmp_path: Path, key: Path, content: str) -> None:
    (tmp_path / "seen").write_text(content, errors="surrogateescape")

    status, printed = restored(backup, tmp_path / "new", key, "--seen", tmp_path / "seen")

    assert status == 1
    assert any(told in printed for told in ("holds no receipt", "is no checkpoint of this log")), printed
    assert nothing_left(tmp_path)


@pytest.mark.parametrize("what", ["none", "http://127.0.0.1:1/log", "http://elsewhere.example/log"])
def test_what_can_not_be_read_is_told(backup: Path, tmp_path: Path, key: Path, what: str) -> None:
    status, printed = restored(backup, tmp_path / "new", key, "--seen", what)

    assert status == 1
    assert what in printed
    assert nothing_left(tmp_path)


# -- erasures


def test_what_was_erased_is_destroyed_again(council_directory: Path, tmp_path: Path, key: Path) -> None:
    """The entry lists the keys; a key file from before it would bring them back."""
    ask_once(council_directory)
    with office(council_directory) as here:
        key_id = here.reader.connection.value("SELECT key_id FROM subject_key LIMIT 1")

        def within(connection, moment):
            connection.run("DELETE FROM subject_key WHERE key_id = ?", (key_id,))
            what = {"keys": [key_id.hex()]}
            return here.changes.entries.plain(
                Kind.ERASURE, connection, moment, ("erasure/test",), {"what": what, "who": {"by": "test"}}
            )

        here.append(within)
        assert here.council.keyring.safe.holds(key_id), "an older key file holds it still"
    backup = backed_up(council_directory, tmp_path / "a")

    status, printed = restored(backup, tmp_path / "new", key)

    assert status == 0, printed
    assert "1 keys that had been erased were destroyed again" in printed
    council = open_council(tmp_path / "new")
    assert not council.keyring.safe.holds(key_id)
    council.keyring.close()
    assert last_entry(tmp_path / "new")[1]["what"]["destroyed"] == 1


def test_an_erasure_that_does_not_tell_its_keys_is_told(council_directory: Path, tmp_path: Path, key: Path) -> None:
    with office(council_directory) as here:
        here.append(
            lambda connection, moment: here.changes.entries.plain(
                Kind.ERASURE, connection, moment, ("erasure/test",), {"what": {}}
            )
        )
    backup = backed_up(council_directory, tmp_path / "a")

    status, printed = restored(backup, tmp_path / "new", key)

    assert status == 1
    assert "is an erasure, and does not tell which keys it destroyed" in printed


# -- the drill


def test_a_drill_says_what_could_be_done_and_leaves_nothing(backup: Path, tmp_path: Path, key: Path) -> None:
    before = sorted(tmp_path.iterdir())

    status, printed = stile("restore", backup, "--drill", "--master-key", key)

    assert status == 0, printed
    lines = printed.splitlines()
    assert {line[:4] for line in lines} == {"ok  "}
    for step in (
        "files",
        "keys",
        "manifest",
        "log",
        "people's keys",
        "erased keys",
        "entries",
        "what was seen",
        "not tried",
    ):
        assert any(line.startswith(f"ok  {step}: ") for line in lines), step
    assert sorted(tmp_path.iterdir()) == before


def test_a_drill_writes_no_entry(council_directory: Path, backup: Path, tmp_path: Path, key: Path) -> None:
    with open_house(council_directory, clock=machine_now) as house:
        before = len(house.entries())

    stile("restore", backup, "--drill", "--master-key", key)

    with open_house(council_directory, clock=machine_now) as house:
        assert len(house.entries()) == before


def test_a_drill_without_the_master_key_says_what_it_could_not_do(backup: Path) -> None:
    status, printed = stile("restore", backup, "--drill")

    assert status == 1
    assert "NO  keys: not opened: the master key master.key is missing" in printed
    assert "ok  log: " in printed


def test_a_drill_of_an_older_backup_says_so(council_directory: Path, backup: Path, tmp_path: Path, key: Path) -> None:
    what = seen_by_receipt(council_directory, tmp_path / "seen")

    status, printed = stile("restore", backup, "--drill", "--master-key", key, "--seen", what)

    assert status == 1
    assert "NO  what was seen: the log holds" in printed
    assert "ok  log: " in printed


def test_a_drill_beside_a_directory_leaves_that_alone(council_directory: Path, backup: Path, tmp_path: Path) -> None:
    status, printed = stile("restore", backup, council_directory, "--drill")

    assert status == 1
    assert "is not empty" in printed
