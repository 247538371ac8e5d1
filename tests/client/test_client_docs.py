"""What docs/integration.md and the client's part of docs/partners.md promise is run as it stands."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from client_serving import Front

from audit.checking.verify import verify_answer
from gateway import client
from gateway.client import Client, StileError
from gateway.commands import getting
from gateway.council.directory import Council

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "integration.md"
GUIDE = ROOT / "docs" / "partners.md"


def blocks(page: Path, kind: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)


@pytest.fixture
def checkout(front: Front, council: Council, tmp_path: Path) -> Path:
    """A folder as a reader has it: the demo's council and the examples."""
    (tmp_path / "demo").symlink_to(council.directory)
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    return tmp_path


def run(words: list[str], checkout: Path) -> subprocess.CompletedProcess[str]:
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "PYTHONPATH": str(ROOT), "COLUMNS": "120"}
    return subprocess.run(words, cwd=checkout, env=environment, capture_output=True, text=True, timeout=60, check=False)


def test_the_commands_of_the_page_run(checkout: Path, front: Front, council: Council) -> None:
    """To the letter, in one shell; what they leave behind is what the page says."""
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    commands = blocks(PAGE, "sh")
    assert len(commands) == 4

    done = run(["sh", "-eu", "-c", "\n".join(commands).replace("8080", str(front.port))], checkout)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "Grace Okafor" in done.stdout
    assert done.stdout.count("lines.ndjson: verified: entry") == 2
    assert "answer.json: verified: entry" in done.stdout
    (kept,) = (checkout / "answers").glob("d_*.json")
    verify_answer(kept.read_bytes(), vkey=council.signer.vkey)
    assert json.loads((checkout / "openapi.json").read_text())["openapi"] == "3.1.0"
    assert json.loads((checkout / "collection.json").read_text())["item"]


@pytest.mark.parametrize(
    ("page", "number", "words"),
    [
        (PAGE, 0, ["Grace Okafor consent_needed", "True", "row-1 Alan Price"]),
        (PAGE, 1, ["Alan Price, Aisha Rahman"]),
        (GUIDE, 0, ["Grace Okafor consent_needed"]),
    ],
    ids=["threads", "loop", "guide"],
)
def test_the_python_of_the_pages_runs(checkout: Path, front: Front, page: Path, number: int, words: list[str]) -> None:
    code = blocks(page, "python")[number].replace("8080", str(front.port))

    done = run([sys.executable, "-W", "error", "-c", code], checkout)

    assert done.stdout.splitlines() == words, done.stderr


def test_the_javascript_that_the_page_names_is_there() -> None:
    named = re.findall(r"\((\.\./examples/[\w.]+)\)", PAGE.read_text(encoding="utf-8"))

    assert len(named) == 3
    assert [one for one in named if not (PAGE.parent / one).is_file()] == []


def table(header: str) -> list[list[str]]:
    text = PAGE.read_text(encoding="utf-8")
    (found,) = re.findall(rf"^\| {header} \|.*\n\|.*\n((?:\|.*\n)+)", text, re.MULTILINE)
    return [[cell.strip() for cell in line.strip().strip("|").split(" | ")] for line in found.splitlines()]


def test_every_error_stands_in_the_table() -> None:
    documented = {name for row in table("error") for name in re.findall(r"`(\w+Error)`", row[0])}

    known = {name for name in client.__all__ if name.endswith("Error")}
    assert documented == known - {StileError.__name__}


def test_every_method_stands_in_the_table() -> None:
    documented = {name for row in table("method") for name in re.findall(r"`(\w+)`", row[0])}

    assert documented == {name for name in vars(Client) if not name.startswith("_")} - {"close"}


def test_every_exit_status_stands_in_the_table() -> None:
    documented = {int(status) for row in table("exit status") for status in row[0].split(", ")}

    assert documented == {0, 2, getting.FAILED, getting.REFUSED, getting.NOT_VERIFIED, getting.UNREACHABLE}


def test_the_csharp_says_that_nobody_compiled_it() -> None:
    assert len(blocks(PAGE, "csharp")) == 1
    assert "**Compiled nowhere and run by no test**" in PAGE.read_text(encoding="utf-8")
