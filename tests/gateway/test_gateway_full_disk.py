"""A full disk is told as a full disk, also at the start: never as damage, and nothing half written is left."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest
from gateway_small_disk import small_disk
from gateway_working import serving
from house import free_port

from audit.stores.connection import DiskFullError, StoreError
from audit.stores.room import check_room, told_as_full
from audit.writing.kept import put_in_place

SIZE = "6m"
FULL = "is full: make room. Nothing is damaged"


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """A disk of a few megabytes."""
    with small_disk(tmp_path / "small", SIZE) as place:
        yield place


def fill(place: Path) -> None:
    with (place / "fill").open("ab", buffering=0) as file:
        for size in (1_000_000, 4_096, 1):
            with contextlib.suppress(OSError):
                while True:
                    file.write(b"\0" * size)
    assert shutil.disk_usage(place).free == 0


def run_stile(*words: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "gateway.cli", *map(str, words)]
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)


@pytest.fixture
def on_small(small: Path, template: Path) -> Path:
    for name in ("stile.toml", "master.key", "keys.sqlite", "state.sqlite", "state.lock"):
        (small / "council").mkdir(exist_ok=True)
        shutil.copy2(template / name, small / "council" / name)
    return small / "council"


@pytest.mark.parametrize(
    "words", [["serve", "--metrics-port", 0], ["partner", "list"], ["keys", "show"]], ids=lambda one: one[0]
)
def test_a_full_disk_at_the_start_is_told_as_one(small: Path, on_small: Path, words: list[object]) -> None:
    fill(small)
    ported = ["--port", free_port()] if words[0] == "serve" else []

    done = run_stile(*words, "--dir", on_small, *ported)

    assert done.returncode == 1
    assert done.stderr.strip() == f"the disk of {on_small} is full: make room. Nothing is damaged, and nothing half written"


def test_it_starts_when_there_is_room_again(small: Path, on_small: Path) -> None:
    fill(small)
    assert run_stile("partner", "list", "--dir", on_small).returncode == 1
    (small / "fill").unlink()

    done = run_stile("partner", "list", "--dir", on_small)

    assert done.returncode == 0, done.stderr
    assert "harbour-housing" in done.stdout


def test_a_running_gateway_is_not_ready_until_there_is_room(small: Path, on_small: Path) -> None:
    with serving(on_small, workers=1) as served:
        ready = f"http://127.0.0.1:{served.port}/readyz"
        assert waited(ready, 200)
        fill(small)
        assert waited(ready, 503)
        (small / "fill").unlink()
        assert waited(ready, 200), served.told()
    assert [
        one.name for one in on_small.iterdir() if one.name.endswith(".new") or one.name.startswith("state.clock.")
    ] == []


def status_of(url: str) -> int:
    try:
        with urlopen(url, timeout=5) as answer:
            return int(answer.status)
    except HTTPError as error:
        with error:
            return error.code
    except OSError:
        return 0


def waited(url: str, status: int) -> bool:
    until = time.monotonic() + 30
    while status_of(url) != status and time.monotonic() < until:
        time.sleep(0.1)
    return status_of(url) == status


def test_a_file_that_finds_no_room_leaves_the_one_before(small: Path) -> None:
    put_in_place(b"before", small / "file")
    fill(small)

    with pytest.raises(OSError, match="No space left"):
        put_in_place(b"after" * 10_000, small / "file")

    assert (small / "file").read_bytes() == b"before"
    assert sorted(one.name for one in small.iterdir()) == ["file", "fill"]


def test_where_there_is_room_a_failure_is_told_as_it_is(tmp_path: Path) -> None:
    error = StoreError("the database file is damaged")

    check_room(tmp_path)
    assert told_as_full(error, tmp_path) is error
    assert told_as_full(error, tmp_path / "none") is error


def test_without_room_a_failure_is_told_as_that(small: Path) -> None:
    fill(small)

    with pytest.raises(DiskFullError, match=FULL):
        check_room(small)
    assert isinstance(told_as_full(StoreError("disk I/O error"), small), DiskFullError)
