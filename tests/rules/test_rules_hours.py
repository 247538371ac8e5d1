"""Do tests hold at any hour? Some whose meaning is a day, a minute or a token's life run where days and summer time end."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hours import last_noon, machine_seconds
from rules_code import ROOT

COMPILER = shutil.which("cc")
# The files, with those of their tests that speak of time.
CHOSEN = {
    "test_gateway_boundaries.py": [
        "an_agreement_ends_at_the_very",
        "an_agreement_that_ends_while",
        "a_token_that_ends_while",
    ],
    "test_gateway_certificates.py": ["the_whole_way_over_real_tls"],
    "test_gateway_commands.py": ["an_assertion_and_a_proof"],
    "test_gateway_keys.py": ["a_key_counts_from_its_first_day", "a_token_says_when_its_clients", "the_command_line_warns"],
    "test_gateway_limits.py": ["subjects_a_day", "a_clock_that_ran_past_midnight"],
    "test_gateway_misses.py": ["a_lock_ends_with_the_day"],
    "test_gateway_searching.py": ["days_are_londons"],
    "test_gateway_token.py": ["a_token_does_not_outlive"],
}
BEGINNINGS = {
    "a year ends": datetime(2027, 12, 31, 23, 59, 54, tzinfo=UTC),
    "it is 29 February": datetime(2028, 2, 29, 22, 30, tzinfo=UTC),
    "the clocks go forward": datetime(2027, 3, 28, 0, 59, 54, tzinfo=UTC),
    "the hour comes a second time": datetime(2027, 10, 31, 0, 59, 54, tzinfo=UTC),
    "London is a day ahead": datetime(2027, 7, 15, 23, 30, tzinfo=UTC),
}


@pytest.fixture(scope="module")
def shifting(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Compile what shifts the time of day of a program, and of those that it starts."""
    made = tmp_path_factory.mktemp("shifting") / "wall_clock.so"
    source = Path(__file__).with_name("wall_clock.c")
    subprocess.run([COMPILER or "cc", "-shared", "-fPIC", "-o", made, source, "-ldl"], check=True)
    return made


def run_shifted(shifting: Path, beginning: datetime, *words: str | Path) -> subprocess.CompletedProcess[str]:
    by = int(beginning.timestamp() - machine_seconds())
    besides = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "COV_"))}
    shifted = {**besides, "LD_PRELOAD": str(shifting), "SHIFT": str(by)}
    command = [sys.executable, *map(str, words)]
    return subprocess.run(command, cwd=ROOT, env=shifted, capture_output=True, text=True, timeout=300, check=False)


needs_a_compiler = pytest.mark.skipif(COMPILER is None, reason="cc, which CI installs, is not here: no time is shifted")


@needs_a_compiler
def test_the_time_of_day_is_shifted_and_nothing_else(shifting: Path) -> None:
    beginning = BEGINNINGS["it is 29 February"]
    says = "import time; begun = time.monotonic(); time.sleep(0.1); print(time.gmtime()[:3], time.monotonic() - begun < 5)"

    assert run_shifted(shifting, beginning, "-c", says).stdout == "(2028, 2, 29) True\n"


@needs_a_compiler
@pytest.mark.parametrize("beginning", BEGINNINGS.values(), ids=BEGINNINGS.keys())
def test_tests_hold_when(shifting: Path, tmp_path: Path, beginning: datetime) -> None:
    """Each run makes its council first, so that where a day is about to end it ends in between."""
    files = [ROOT / "tests" / "gateway" / name for name in CHOSEN]
    names = [name for some in CHOSEN.values() for name in some]
    words = ["-q", "-p", "no:cacheprovider", "-p", "no:xdist", f"--basetemp={tmp_path / 'run'}"]

    done = run_shifted(shifting, beginning, "-m", "pytest", *words, "-k", " or ".join(names), *files)

    passed = re.search(r"(\d+) passed", done.stdout)
    assert done.returncode == 0, done.stdout
    assert passed is not None
    assert int(passed[1]) >= len(names)


def test_each_chosen_test_is_there() -> None:
    for file, names in CHOSEN.items():
        text = (ROOT / "tests" / "gateway" / file).read_text(encoding="utf-8")
        for name in names:
            assert f"def test_{name}" in text, f"{file} has no test_{name}…"


@pytest.mark.parametrize(
    ("at", "noon"),
    [
        ("2027-07-15T10:59:59Z", "2027-07-14T11:00:00Z"),
        ("2027-07-15T11:00:00Z", "2027-07-15T11:00:00Z"),
        ("2027-07-15T23:30:00Z", "2027-07-15T11:00:00Z"),
        ("2027-03-28T01:30:00Z", "2027-03-27T12:00:00Z"),
        ("2027-10-31T11:30:00Z", "2027-10-30T11:00:00Z"),
        ("2028-03-01T00:00:00Z", "2028-02-29T12:00:00Z"),
    ],
)
def test_tests_begin_at_londons_last_noon(at: str, noon: str) -> None:
    assert last_noon(datetime.fromisoformat(at)) == datetime.fromisoformat(noon)
