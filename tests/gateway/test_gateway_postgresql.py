"""A council whose state and log PostgreSQL keeps: made whole or not at all, and its password told to nobody."""

from __future__ import annotations

import contextlib
import stat
from pathlib import Path

import pytest
from databases import Deaf, Server, Stores
from house import copy_template, open_house
from typer.testing import CliRunner

from audit.stores.checked import check_whole_log
from audit.stores.connection import Values
from audit.stores.postgres import PostgresStore
from audit.stores.postgres_connection import PostgresConnection
from gateway.cli import make_app
from gateway.council.directory import create_council, open_council
from gateway.settings import FILE, Settings, SettingsError, load_settings, write_settings
from gateway.store.schema import check_empty, check_version

INIT = {
    "controller": "first-council",
    "origin": "gateway.first-council.example/log/x",
    "public_url": "http://127.0.0.1:8090",
    "urgent_contact": "+44 113 496 0000",
    "dpo_contact": "dpo@x.example",
}
SECRET = "postgresql://stile:hunter2@db.northmoor.example/stile"


@pytest.fixture
def server(postgresql_stores: Stores) -> Server:
    assert postgresql_stores.server is not None
    return postgresql_stores.server


def init(directory: Path, *words: str) -> tuple[int, str]:
    options = [word for name, value in INIT.items() for word in (f"--{name.replace('_', '-')}", value)]
    result = CliRunner().invoke(make_app(["init"]), ["init", str(directory), *options, *words])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.output


def test_init_keeps_state_and_log_in_the_database_that_it_is_given(tmp_path: Path, server: Server) -> None:
    url = server.make()
    status, told = init(tmp_path / "council", "--database", url)

    assert status == 0, told
    council = open_council(tmp_path / "council")
    council.keyring.close()
    assert council.store == PostgresStore(url)
    check_version(council.store)
    assert sorted(one.name for one in council.directory.iterdir()) == ["keys.sqlite", "master.key", FILE]
    assert stat.S_IMODE((council.directory / FILE).stat().st_mode) == 0o600


def test_a_url_of_the_environment_is_written_nowhere(
    tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STILE_DATABASE_URL", url := server.make())
    assert init(tmp_path / "council")[0] == 0

    assert "postgresql" not in (tmp_path / "council" / FILE).read_text()
    assert open_council(tmp_path / "council").store == PostgresStore(url)


def test_a_database_in_use_is_refused_by_init(tmp_path: Path, server: Server) -> None:
    url = server.make()
    assert init(tmp_path / "one", "--database", url)[0] == 0

    status, told = init(tmp_path / "two", "--database", url)

    assert status == 1
    assert "give an empty database" in " ".join(told.split())
    assert [one.name for one in tmp_path.iterdir()] == ["one"]


def test_an_init_that_fails_leaves_the_database_empty(
    tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = server.make()
    monkeypatch.setattr("gateway.store.schema.BASELINE", "no such version")
    with pytest.raises(Exception, match="no such version"):
        create_council(tmp_path / "council", {**INIT, "database_url": url})

    assert list(tmp_path.iterdir()) == []
    check_empty(PostgresStore(url))


def test_a_directory_that_can_not_be_put_in_its_place_says_that_the_tables_stay(
    tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> Path:
        raise OSError(28, "No space left on device")

    url = server.make()
    monkeypatch.setattr(Path, "rename", refuse)

    status, told = init(tmp_path / "council", "--database", url)

    assert status == 1
    assert "has its tables by now: drop them, or give another database" in " ".join(told.split())


def test_a_database_that_does_not_answer_makes_nothing(tmp_path: Path) -> None:
    status, told = init(tmp_path / "council", "--database", "postgresql://stile:hunter2@127.0.0.1:1/stile")

    assert status == 1
    assert "can't be reached" in " ".join(told.split())
    assert "hunter2" not in told
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("url", ["mysql://stile:hunter2@db/stile", "hunter2", "sqlite:///hunter2.sqlite"])
def test_another_sort_of_database_is_refused_without_its_url(tmp_path: Path, url: str) -> None:
    status, told = init(tmp_path / "council", "--database", url)

    assert status == 1
    assert "database_url" in told
    assert "hunter2" not in told


def test_a_password_that_others_may_read_is_refused(tmp_path: Path) -> None:
    write_settings(tmp_path, {**INIT, "database_url": SECRET})
    settings = load_settings(tmp_path)
    assert "hunter2" not in repr(settings)
    assert settings.database_url is not None
    assert settings.database_url.get_secret_value() == SECRET

    (tmp_path / FILE).chmod(0o640)
    with pytest.raises(SettingsError, match=r"chmod 600 stile\.toml") as caught:
        load_settings(tmp_path)
    assert "hunter2" not in str(caught.value)


def test_settings_without_a_password_may_be_read_by_others(tmp_path: Path) -> None:
    write_settings(tmp_path, {**INIT})
    (tmp_path / FILE).chmod(0o644)

    assert isinstance(load_settings(tmp_path), Settings)


def test_nothing_is_disclosed_after_a_commit_that_was_not_answered(
    postgresql_template: tuple[Path, str],
    server: Server,
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The entry stands, as after a crash; the next call goes on from it."""
    directory, database = postgresql_template
    line = Deaf(PostgresStore(server.make(like=database)), tmp_path_factory.mktemp("d"))
    monkeypatch.setenv("STILE_DATABASE_URL", line.store.url)
    run = PostgresConnection.run

    def run_and_lose_the_answer(self: PostgresConnection, statement: str, values: Values = (), /) -> int:
        if statement == "COMMIT":
            line.go_deaf()
        return run(self, statement, values)

    with open_house(copy_template(directory, tmp_path / "council")) as house:
        harbour = house.harbour()
        before = len(house.entries("disclosure"))
        with monkeypatch.context() as patch:
            patch.setattr(PostgresConnection, "run", run_and_lose_the_answer)
            lost = harbour.ask(fields=["age"])
        line.hear()
        after = harbour.ask(fields=["age"])
        stands = len(house.entries("disclosure"))
        with contextlib.closing(house.council.store.open(read_only=True)) as connection:
            check_whole_log(connection, house.vkey)
    line.close()

    assert (lost.status_code, lost.json()["code"]) == (503, "log_unavailable")
    assert "disclosure" not in lost.json()
    assert after.status_code == 200
    assert house.verify(after).outcome == "full"
    assert stands == before + 2


def test_a_missing_driver_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "audit.stores.postgres", None)

    status, told = init(tmp_path / "council", "--database", SECRET)

    assert status == 1
    assert "install stile[postgres]" in " ".join(told.split())
