"""The demo tells the story over real HTTP, and what it leaves behind works."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pysqlite3
import pytest
from house import free_port
from typer.testing import CliRunner

from gateway.cli import make_app
from gateway.demo.partner import CallFailedError, PartnerSystem, send
from gateway.demo.residents import generate

NAMES = ["token", "disclosure", "refusal", "consent", "withdrawal", "checkpoint", "verification"]


def demo(*words: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "gateway.cli", "demo", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, timeout=90, check=False)


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """One demo, run once to the end, in this process."""
    directory = tmp_path_factory.mktemp("demo") / "demo"
    words = ["demo", "--once", "--json", "--dir", directory, "--port", free_port(), "--residents", 30]
    done = CliRunner().invoke(make_app(list(map(str, words))), [str(word) for word in words])
    assert done.exit_code == 0, done.output
    return directory, json.loads(done.stdout)


def test_every_step_does_what_it_should(told: tuple[Path, dict[str, Any]]) -> None:
    _, document = told

    assert document["ok"] is True
    assert [step["name"] for step in document["steps"]] == NAMES
    assert all(step["ok"] and step["milliseconds"] > 0 for step in document["steps"])
    released = {step["name"]: step.get("released") for step in document["steps"]}
    assert "arrears" not in released["disclosure"]
    assert "arrears" in released["consent"]
    assert "arrears" not in released["withdrawal"]


def test_a_demo_is_kept_and_can_be_told_again(told: tuple[Path, dict[str, Any]]) -> None:
    """On another port too, and as a story for people."""
    directory, first = told
    words = ["demo", "--once", "--dir", directory, "--port", free_port(), "--residents", 30]
    done = CliRunner().invoke(make_app(list(map(str, words))), [str(word) for word in words])

    assert done.exit_code == 0, done.output
    assert "is kept from an earlier run" in done.stdout
    assert "Grace Okafor" in done.stdout
    assert "consent_needed" in done.stdout
    assert done.stdout.count("verified entry") == 4
    assert first["log"]["vkey"] == (directory / "log.vkey").read_text().strip()


def test_a_kept_demo_says_what_it_was_made_with(told: tuple[Path, dict[str, Any]]) -> None:
    done = demo("--once", "--dir", told[0], "--seed", 1, "--residents", 30)

    assert done.returncode == 1
    assert "--seed 42" in done.stderr


def test_a_folder_that_is_no_demo_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")

    for words in (["--fresh"], []):
        done = demo("--once", "--dir", tmp_path, *words)
        assert done.returncode == 1
        assert "is no demo" in done.stderr
    assert (tmp_path / "mine.txt").read_text() == "mine"


@pytest.fixture(scope="module")
def served(told: tuple[Path, dict[str, Any]]) -> Iterator[tuple[Path, int]]:
    """`stile serve` of what a demo left, on a port of its own."""
    directory, _ = told
    port = free_port()
    words = ["serve", "--dir", str(directory), "--port", str(port), "--metrics-port", "0"]
    process = subprocess.Popen([sys.executable, "-m", "gateway.cli", *words])
    for _ in range(300):
        try:
            if send("GET", f"http://127.0.0.1:{port}/readyz", {}, None).status == 200:
                break
        except CallFailedError:
            time.sleep(0.05)
    yield directory, port
    process.terminate()
    process.wait(20)


def test_the_document_holds_a_request_that_works(told: tuple[Path, dict[str, Any]], served: tuple[Path, int]) -> None:
    trying = told[1]["try"]
    partner = PartnerSystem.from_file(f"http://127.0.0.1:{served[1]}", trying["client_id"], Path(trying["key_file"]))
    assert partner.get_token(agreement=trying["authorization_details"][0]["agreement"]).status == 200

    reply = partner.call(trying["method"], trying["path"], trying["body"])

    assert (reply.status, reply.json()["disclosure"]["identity"]) == (200, "confirmed")


def tries(directory: Path, port: int, told_port: str) -> None:
    """Point the two programs at the port that is served now."""
    for name in ("try.sh", "try.py"):
        file = directory / name
        file.write_text(file.read_text().replace(told_port, f"127.0.0.1:{port}"))


def test_the_programs_that_the_demo_prints_work(told: tuple[Path, dict[str, Any]], served: tuple[Path, int]) -> None:
    directory, port = served
    text = (directory / "try.sh").read_text()
    tries(directory, port, text.split("ISSUER=http://")[1].split("\n")[0])

    python = subprocess.run([sys.executable, directory / "try.py"], capture_output=True, text=True, timeout=30, check=False)
    assert python.returncode == 0, python.stderr
    assert json.loads(python.stdout)["identity"] == "confirmed"
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    shell = subprocess.run(["sh", directory / "try.sh"], capture_output=True, text=True, timeout=30, check=False)
    assert shell.returncode == 0, shell.stderr
    assert "verified: entry" in shell.stdout
    assert told


def test_the_same_seed_makes_the_same_residents(tmp_path: Path) -> None:
    dumps = []
    for number, seed in enumerate((7, 7, 8)):
        generate(tmp_path / str(number), residents=40, seed=seed)
        connection = pysqlite3.connect(str(tmp_path / str(number)))
        dumps.append([connection.execute(f"SELECT * FROM {table}").fetchall() for table in ("ctaccount", "ctproperty")])
        connection.close()

    assert dumps[0] == dumps[1]
    assert dumps[0] != dumps[2]


def test_a_port_that_is_taken_is_told(told: tuple[Path, dict[str, Any]], served: tuple[Path, int], tmp_path: Path) -> None:
    done = demo("--once", "--dir", tmp_path / "other", "--port", served[1], "--residents", 11)

    assert done.returncode == 1
    assert f"port {served[1]}" in done.stderr
    assert told


def test_a_step_that_fails_ends_the_story_and_tells(told: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    """Status 0 only where every step did what it should."""
    directory = tmp_path / "demo"
    shutil.copytree(told[0], directory)
    (directory / "revenues.sqlite").unlink()
    words = ["demo", "--once", "--json", "--dir", directory, "--port", free_port(), "--residents", 30]

    done = CliRunner().invoke(make_app(list(map(str, words))), [str(word) for word in words])

    document = json.loads(done.stdout[: done.stdout.rindex("}") + 1])
    assert (done.exit_code, document["ok"]) == (1, False)
    assert [step["ok"] for step in document["steps"]] == [True, False]
    assert "source_unavailable" in document["steps"][-1]["why"]
