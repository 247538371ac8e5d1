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

    assert len(told) == 9
    assert [line for line in told if line not in story] == []
    for word in ("25 up to 65", "LS1 4", "500 up to 1000", "consent_needed", "case_reference_needed"):
        assert word in story


@pytest.mark.parametrize("number", [1, 2], ids=["python", "another library"])
def test_a_first_disclosure_goes_as_the_readme_says(checkout: tuple[Path, str], number: int) -> None:
    folder, port = checkout

    done = run(folder, blocks(README, "sh")[number], port)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "Grace Okafor" in done.stdout


def test_a_first_disclosure_with_curl_verifies_until_a_byte_is_changed(checkout: tuple[Path, str]) -> None:
    folder, port = checkout
    commands = blocks(README, "sh")
    assert len(commands) == 4
    curl, verify = commands[0], commands[3]
    spoil = "sed -i.bak s/Grace/Grade/ demo/answers/try.json\n"

    done = run(folder, f"{curl}\n{verify}\n{spoil}\n{verify}", port)

    assert "Grace Okafor" in done.stdout, done.stderr
    assert done.stdout.count("try.json: verified: entry") == 2
    assert (done.returncode, done.stderr.count("NOT VERIFIED")) == (1, 1)


def test_the_partners_guide_is_true(checkout: tuple[Path, str]) -> None:
    """Run to the letter, in one shell."""
    folder, port = checkout
    commands = blocks(DOCS / "partners.md", "sh")
    assert len(commands) == 9

    done = run(folder, "\n".join(commands), port)

    assert done.returncode == 0, done.stdout + done.stderr
    disclosure = json.loads((folder / "partner-answer.json").read_bytes())["disclosure"]
    assert (disclosure["outcome"], disclosure["identity"]) == ("partial", "confirmed")
    assert "partner-answer.json: verified: entry" in done.stdout
    assert done.stdout.count("partner-lines.ndjson: verified: entry") == 2
    assert '"stile_status":"pending"' in done.stdout, "a client that registered itself waits"
    assert '"address":{"form":"full"' in done.stdout, "the emergency opens its own line"
