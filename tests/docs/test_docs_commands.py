"""The commands that README.md and docs/partners.md promise are run as they stand, against the demo that they name."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from docs_pages import DOCS, ROOT, blocks

BESIDE = str(Path(sys.executable).parent)
README = ROOT / "README.md"


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    """A folder as a reader has it, with the demo serving; yields it with the demo's port."""
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    folder = tmp_path_factory.mktemp("checkout")
    (folder / ".venv").symlink_to(sys.prefix)
    (folder / "examples").symlink_to(ROOT / "examples")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    with (folder / "story.txt").open("wb") as told:
        command = [sys.executable, "-m", "gateway.cli", "demo", "--port", port, "--residents", "11"]
        process = subprocess.Popen(
            command, cwd=folder, stdout=told, stderr=subprocess.STDOUT, env={**os.environ, "COLUMNS": "120"}
        )
    try:
        for _ in range(400):
            if b"Your turn" in (folder / "story.txt").read_bytes() or process.poll() is not None:
                break
            time.sleep(0.05)
        assert process.poll() is None, (folder / "story.txt").read_text()
        yield folder, port
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(20)


def run(folder: Path, script: str, port: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PATH": f"{BESIDE}:{os.environ['PATH']}"}
    return subprocess.run(
        ["sh", "-eu", "-c", script.replace("8080", port)],
        cwd=folder, env=environment, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def test_the_story_goes_as_the_readme_tells_it(checkout: tuple[Path, str]) -> None:
    folder, _ = checkout
    story = (folder / "story.txt").read_text(encoding="utf-8")
    told = [line for line in blocks(README, "text")[0].splitlines() if re.match(r"\d\. ", line)]

    assert len(told) == 7
    assert [line for line in told if line not in story] == []
    for word in ("25 up to 65", "LS1 4", "500 up to 1000", "consent_needed", "case_reference_needed"):
        assert word in story


@pytest.mark.parametrize("number", range(4), ids=["curl", "python", "another library", "verify"])
def test_a_first_disclosure_goes_as_the_readme_says(checkout: tuple[Path, str], number: int) -> None:
    """Each of the four blocks of the five minutes."""
    folder, port = checkout
    commands = blocks(README, "sh")
    assert len(commands) == 4
    first = commands[0] if number == 3 else ""  # what is verified, curl has got

    done = run(folder, first + commands[number], port)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "Grace Okafor" in done.stdout or ": verified: entry" in done.stdout


def test_one_changed_byte_is_told(checkout: tuple[Path, str]) -> None:
    folder, port = checkout
    commands = blocks(README, "sh")
    spoil = "sed -i.bak 's/Grace/Grade/' demo/answers/try.json\n"

    done = run(folder, commands[0] + spoil + commands[3], port)

    assert done.returncode == 1
    assert "NOT VERIFIED" in done.stderr


def test_the_partners_guide_is_true(checkout: tuple[Path, str]) -> None:
    """Run to the letter, in one shell."""
    folder, port = checkout
    commands = blocks(DOCS / "partners.md", "sh")
    assert len(commands) == 7

    done = run(folder, "\n".join(commands), port)

    assert done.returncode == 0, done.stdout + done.stderr
    disclosure = json.loads((folder / "partner-answer.json").read_bytes())["disclosure"]
    assert (disclosure["outcome"], disclosure["identity"]) == ("partial", "confirmed")
    assert "partner-answer.json: verified: entry" in done.stdout
    assert '"address":{"form":"full"' in done.stdout, "the emergency opens its own line"
