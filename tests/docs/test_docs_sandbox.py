"""The sandbox's guide is true: its commands run as they stand, and its lists are whole."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

import pytest
from docs_pages import DOCS, blocks, codes, rows
from house import free_port

from gateway.problems import PROBLEMS
from gateway.sandbox.scenarios import SCENARIOS
from schemas.reasons import Reason

PAGE = DOCS / "sandbox.md"
BESIDE = str(Path(sys.executable).parent)


def run(folder: Path, script: str, port: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PATH": f"{BESIDE}:{os.environ['PATH']}", "COLUMNS": "120"}
    return subprocess.run(
        ["sh", "-eu", "-c", script.replace("8090", port)],
        cwd=folder, env=environment, capture_output=True, text=True, timeout=100, check=False,
    )  # fmt: skip


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    """A folder in which the first two blocks were run: made, and serving."""
    folder, port = tmp_path_factory.mktemp("guide"), str(free_port())
    make, serve, *_ = blocks(PAGE, "sh")
    made = run(folder, make, port)
    assert made.returncode == 0, made.stdout + made.stderr
    command = [f"{BESIDE}/stile", *serve.replace("8090", port).split()[1:]]
    process = subprocess.Popen(command, cwd=folder, stderr=subprocess.PIPE)
    try:
        wait_for(f"http://127.0.0.1:{port}/readyz", process)
        yield folder, port
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=20)


def wait_for(address: str, process: subprocess.Popen[bytes]) -> None:
    for _ in range(400):
        assert process.poll() is None, process.stderr.read() if process.stderr else ""
        try:
            with urlopen(address):
                return
        except OSError:
            time.sleep(0.05)
    pytest.fail("the sandbox does not serve")


def test_the_guide_goes_as_it_says(sandbox: tuple[Path, str]) -> None:
    folder, port = sandbox
    lists, asks = blocks(PAGE, "sh")[2:]

    listed, asked = run(folder, lists, port), run(folder, asks, port)

    assert listed.returncode == 0, listed.stdout + listed.stderr
    assert "consent-withdrawn: " in listed.stdout
    assert asked.returncode == 0, asked.stdout + asked.stderr
    for word in ("Grace Okafor", "500 up to 1000", "consent_needed", "agreement_not_in_force"):
        assert word in asked.stdout
    assert "token_refused" in asked.stderr
    assert "sandbox-answer.json: verified: entry" in asked.stdout


def test_the_python_of_the_guide_runs(sandbox: tuple[Path, str]) -> None:
    folder, port = sandbox
    (program,) = blocks(PAGE, "python")

    done = subprocess.run(
        [sys.executable, "-c", program.replace("8090", port)],
        cwd=folder, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip

    assert done.returncode == 0, done.stderr


def test_every_scenario_stands_in_the_table() -> None:
    """Both ways, in order, with what it says and what comes of it."""
    table = rows(PAGE, "scenario")

    assert [codes(name)[0] for name, *_ in table] == list(SCENARIOS)
    for (name, says, comes, where), scenario in zip(table, SCENARIOS.values(), strict=True):
        assert says == scenario.says
        assert where == ("" if scenario.where == "any" else scenario.where)
        assert name.startswith("*") == (scenario.oauth is not None)
        status = scenario.problem.status if scenario.problem else 200
        assert comes.startswith(str(status))
        told = {scenario.problem.code} if scenario.problem else set()
        told |= {scenario.reason.value} if scenario.reason and scenario.identity != "not_confirmed" else set()
        assert told <= set(codes(comes)), name


def test_every_problem_and_reason_can_be_had() -> None:
    """By a scenario, or by what a developer sends: whatever production can answer, a sandbox can be made to."""
    played = {one.problem.code for one in SCENARIOS.values() if one.problem}
    played |= {one.reason.value for one in SCENARIOS.values() if one.reason}
    sent = {code for cell, _ in rows(PAGE, "code") for code in codes(cell)}

    assert len(played) > 15
    assert {*PROBLEMS, *(reason.value for reason in Reason)} - played - sent == set()
    assert sent <= {*PROBLEMS, *(reason.value for reason in Reason)}
