"""A council whose state and log PostgreSQL keeps: its own tools dump these, and the rest is backed up behind them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from databases import Server
from gateway_backed_up import backed_up, manifest_of, stile
from hours import machine_now
from house import copy_template, open_house

from audit.tree.checkpoint import parse_checkpoint


@pytest.fixture(autouse=True)
def memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What this host remembers of logs, of this test alone."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "memory"))


@pytest.fixture
def server(postgresql_stores) -> Server:
    assert postgresql_stores.server is not None
    return postgresql_stores.server


@pytest.fixture
def directory(postgresql_template: tuple[Path, str], server: Server, tmp_path: Path, monkeypatch) -> Path:
    template, database = postgresql_template
    monkeypatch.setenv("STILE_DATABASE_URL", server.make(like=database))
    return copy_template(template, tmp_path / "council")


def dumped(server: Server) -> str:
    """Return the URL of a database as the council's is now: as its dump would be restored."""
    return server.make(like=Server.name_of(os.environ["STILE_DATABASE_URL"]))


def ask(directory: Path, account: str = "1000042") -> None:
    with open_house(directory, clock=machine_now) as house:
        subject = {"account_ref": account, "confirm": {"surname": "Okafor", "date_of_birth": "1985-02-14"}}
        assert house.harbour().ask(subject, fields=["full_name"]).status_code in {200, 403}


def restored(backup: Path, to: Path, directory: Path) -> tuple[int, str]:
    return stile("restore", backup, to, "--master-key", directory / "master.key", "--nothing-since")


def test_the_backup_says_what_is_not_in_it(directory: Path, tmp_path: Path) -> None:
    status, printed = stile("backup", tmp_path / "backup", "--dir", directory)

    assert status == 0, printed
    assert "NOT in it: they are in the dump" in printed
    manifest = manifest_of(tmp_path / "backup")
    assert {"keys.sqlite", "state.keys", "state.head", "stile.toml"} <= set(manifest["files"])
    assert not {"state.sqlite", "state.lock"} & set(manifest["files"])
    assert parse_checkpoint(manifest["checkpoint"]).size == manifest["size"] > 20


def test_it_is_restored_beside_the_database_that_its_dump_became(
    directory: Path, server: Server, tmp_path: Path, monkeypatch
) -> None:
    dump = dumped(server)
    backup = backed_up(directory, tmp_path / "backup")
    monkeypatch.setenv("STILE_DATABASE_URL", dump)

    status, printed = restored(backup, tmp_path / "new", directory)

    assert status == 0, printed
    with open_house(tmp_path / "new", clock=machine_now) as house:
        assert house.rows("SELECT kind FROM log_entry ORDER BY idx DESC LIMIT 1") == [("restore",)]


def test_a_dump_from_before_the_last_entries_lacks_them(
    directory: Path, server: Server, tmp_path: Path, monkeypatch
) -> None:
    """The backup of the keys knows how far the log had come."""
    dump = dumped(server)
    ask(directory)
    backup = backed_up(directory, tmp_path / "backup")
    monkeypatch.setenv("STILE_DATABASE_URL", dump)

    status, printed = restored(backup, tmp_path / "new", directory)

    assert status == 1
    assert "the backup of its keys has seen" in printed
    assert "stile log succeed" in printed


def test_a_dump_from_after_the_keys_is_told_where_it_names_others(
    directory: Path, server: Server, tmp_path: Path, monkeypatch
) -> None:
    backup = backed_up(directory, tmp_path / "backup")
    ask(directory, "2000042")  # of whom nobody had a key: a gateway that starts makes its own ahead
    monkeypatch.setenv("STILE_DATABASE_URL", dumped(server))

    status, printed = restored(backup, tmp_path / "new", directory)

    assert status == 1
    assert "that the log names, and is older than it" in printed
    assert not (tmp_path / "new").exists()


def test_without_the_database_it_is_told_what_to_restore_first(directory: Path, tmp_path: Path, monkeypatch) -> None:
    backup = backed_up(directory, tmp_path / "backup")
    monkeypatch.delenv("STILE_DATABASE_URL")

    status, printed = restored(backup, tmp_path / "new", directory)

    assert status == 1
    assert "restore your dump of it by its own tools first" in printed


def test_a_drill_looks_at_the_database_and_writes_nothing(directory: Path, tmp_path: Path) -> None:
    backup = backed_up(directory, tmp_path / "backup")

    status, printed = stile("restore", backup, "--drill", "--master-key", directory / "master.key")

    assert status == 0, printed
    assert "ok  log: " in printed
    with open_house(directory, clock=machine_now) as house:
        assert house.rows("SELECT 1 FROM log_entry WHERE kind = 'restore'") == []
