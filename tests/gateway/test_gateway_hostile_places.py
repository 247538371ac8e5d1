"""What an unlucky operator types, and what the command line makes of it: one line, and nothing half made."""

from __future__ import annotations

import socket
import stat
import threading
from pathlib import Path

import pytest
from house import free_port
from typer.testing import CliRunner

from gateway.cli import make_app
from gateway.council.directory import CouncilError, create_council, open_council
from gateway.demo.making import MARK, make_demo
from gateway.settings import FILE, SettingsError

INIT = {
    "controller": "first-council",
    "origin": "gateway.first-council.example/log/x",
    "public_url": "http://127.0.0.1:8090",
    "urgent_contact": "+44 113 496 0000",
    "dpo_contact": "dpo@x.example",
}


def stile(*words: object) -> tuple[int, str]:
    """Run a command in this process; return its status and what it told on standard error."""
    result = CliRunner().invoke(make_app(list(map(str, words))), [str(word) for word in words])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.stderr


def init(directory: Path, **values: str) -> tuple[int, str]:
    options = [(f"--{name.replace('_', '-')}", value) for name, value in {**INIT, **values}.items()]
    return stile("init", directory, *(word for option in options for word in option))


def test_a_wrong_setting_makes_nothing(tmp_path: Path) -> None:
    status, told = init(tmp_path / "council", public_url="http://gateway.example")

    assert status == 1
    assert "public_url" in told
    assert list(tmp_path.iterdir()) == []


def test_an_interrupted_init_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(_path: Path) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("gateway.council.directory.create_tables", interrupted)
    with pytest.raises(KeyboardInterrupt):
        create_council(tmp_path / "council", {**INIT})

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("is_mount", [False, True], ids=["a directory", "a mount point"])
def test_an_empty_directory_becomes_the_council(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, is_mount: bool) -> None:
    """Replaced where it can be, filled where it can't: a mount point stays."""
    directory = tmp_path / "council"
    directory.mkdir()
    before = directory.stat().st_ino
    monkeypatch.setattr(Path, "is_mount", lambda _self: is_mount)
    with pytest.raises(SettingsError):
        create_council(directory, {**INIT, "controller": "No"})
    assert list(directory.iterdir()) == []

    create_council(directory, {**INIT})

    open_council(directory).keyring.close()
    assert (directory.stat().st_ino == before) is is_mount
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    assert sorted(one.name for one in directory.iterdir()) == sorted(
        [FILE, "master.key", "keys.sqlite", "state.sqlite", "state.lock"]
    )
    assert list(tmp_path.iterdir()) == [directory]


@pytest.mark.parametrize("option", ["--port=99999", "--port=0", "--metrics-port=99999", "--metrics-port=-1"])
def test_a_port_that_is_none_is_refused(council_directory: Path, option: str) -> None:
    status, told = stile("serve", "--dir", council_directory, option)

    assert status == 2
    assert "Invalid value" in told


def one_line(told: str, *parts: str) -> None:
    assert len(told.strip().splitlines()) == 1, told
    for part in parts:
        assert part in told


def test_a_place_that_is_none_is_told_in_one_line(tmp_path: Path) -> None:
    """A file where the directory should be, or on the way there; a link where `--fresh` would remove."""
    file, link = tmp_path / "file", tmp_path / "link"
    file.write_text("mine")
    link.symlink_to(tmp_path / "elsewhere")
    told = [
        init(file),
        init(file / "council"),
        stile("demo", "--once", "--dir", file),
        stile("demo", "--once", "--dir", file / "demo"),
        stile("demo", "--once", "--fresh", "--dir", link),
    ]

    for status, line in told:
        assert status == 1
        one_line(line)
        assert "file" in line or "link" in line
    assert file.read_text() == "mine"


def test_an_address_that_is_none_is_told_in_one_line(council_directory: Path) -> None:
    for metrics in (0, free_port()):
        status, told = stile(
            "serve", "--dir", council_directory, "--host", "256.1.1.1", "--port", free_port(), "--metrics-port", metrics
        )
        assert status == 1
        one_line(told, "256.1.1.1")


@pytest.mark.parametrize("which", ["--port", "--metrics-port"])
def test_a_port_in_use_is_told_in_one_line(council_directory: Path, which: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        number = taken.getsockname()[1]
        ports = {"--port": free_port(), "--metrics-port": 0, which: number}
        words = [word for option in ports.items() for word in option]
        status, told = stile("serve", "--dir", council_directory, *words)

    assert status == 1
    one_line(told, str(number), "in use")
    assert not [one for one in threading.enumerate() if one.name in {"log", "metrics"}]


def test_the_demo_removes_only_what_it_left(tmp_path: Path) -> None:
    """A directory beside it that happens to bear the name is somebody's."""
    theirs = tmp_path / "mm.making"
    theirs.mkdir()
    (theirs / "thesis.txt").write_text("the only copy")

    status, told = stile("demo", "--once", "--dir", tmp_path / "mm", "--port", free_port())

    assert status == 1
    assert "mm.making is in the way" in told
    assert (theirs / "thesis.txt").read_text() == "the only copy"


def test_the_demo_clears_what_an_interrupted_run_left(tmp_path: Path) -> None:
    def interrupted(_done: int) -> None:
        raise KeyboardInterrupt

    directory, making = tmp_path / "mm", tmp_path / "mm.making"
    with pytest.raises(KeyboardInterrupt):
        make_demo(directory, port=8080, residents=11, seed=7, progress=interrupted)
    assert not directory.exists()
    assert (making / MARK).is_file()

    make_demo(directory, port=8080, residents=11, seed=7, progress=lambda _done: None)

    assert [one.name for one in tmp_path.iterdir()] == ["mm"]
    with pytest.raises(CouncilError, match="not empty"):
        create_council(directory, {**INIT})
