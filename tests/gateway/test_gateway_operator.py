"""Who changed what, as the entry says: the system's own user id, which no variable of the environment can change."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from house import House
from typer.testing import CliRunner

from gateway.cli import make_app
from gateway.commands.common import operator, operator_of

NAMED = f"operator:{pwd.getpwuid(os.getuid()).pw_name} (uid {os.getuid()})"
BELIEVED = ("LOGNAME", "USER", "LNAME", "USERNAME", "SUDO_USER", "HOME")  # `getpass.getuser` asks the first four

CHANGES = {
    "a partner": ("partner", "add", "finch", "--name", "Finch", "--kind", "charity"),
    "a text": ("agreement", "publish", "{next}"),
    "a restriction": ("restriction", "set", "--person", "P0000042", "--dataset", "council-tax", "--kind", "article_18"),
    "a revocation": ("client", "revoke", "harbour-case-system"),
    "a code": ("partner", "code", "harbour-housing", "--scheme", "charity", "--code", "1234567"),
    "a search": ("log", "search", "--partner", "harbour-housing", "--caseworker", "jb17"),
}


def next_text(house: House, to: Path) -> Path:
    version, text, _ = house.wiring.services.reader.find_text("agreement", "northmoor-harbour-tenancies")
    to.write_text(text.replace(f"version: {version}\n", f"version: {version + 1}\n"), encoding="utf-8")
    return to


@pytest.mark.parametrize("case", CHANGES, ids=str)
def test_no_variable_of_the_environment_names_the_operator(house: House, tmp_path: Path, case: str) -> None:
    file = next_text(house, tmp_path / "next.yaml")
    words = [word.format(next=file) for word in CHANGES[case]] + ["--dir", str(house.directory)]

    done = CliRunner().invoke(make_app(words), words, env=dict.fromkeys(BELIEVED, "head-of-legal\nand more"))

    assert done.exit_code == 0, done.output
    assert NAMED in str(house.last())
    assert "head-of-legal" not in str(house.last())


def test_a_consent_says_who_recorded_it(house: House) -> None:
    about = {
        "person": "P0000042",
        "dataset": "council-tax",
        "purpose": "tenancy-sustainment",
        "recipient": "harbour-housing",
    }
    words = ["consent", "give", "--text-version", "v1", "--how", "letter", "--dir", str(house.directory)]
    words += [word for name, value in about.items() for word in (f"--{name}", value)]

    given = CliRunner().invoke(make_app(words), words, env=dict.fromkeys(BELIEVED, "clerk"))
    shown = ["consent", "show", given.output.split()[0], "--dir", str(house.directory)]

    assert f'"recorded_by": "{NAMED}"' in CliRunner().invoke(make_app(shown), shown).output


def test_a_user_id_stands_with_its_name() -> None:
    assert operator() == NAMED
    assert operator_of(1004, {1004: "mquinn"}.get) == "operator:mquinn (uid 1004)"
    assert operator_of(1005, {1005: "NORTHMOOR\\m.quinn"}.get) == "operator:NORTHMOOR\\m.quinn (uid 1005)"


@pytest.mark.parametrize(
    "name", [None, "", "m quinn", "root (uid 0)", "m\nquinn", "m\u202equinn", "m\u200bquinn", "m" * 65]
)
def test_a_user_id_without_a_name_that_reads_as_one_word_stands_alone(name: str | None) -> None:
    assert operator_of(70707, lambda _uid: name) == "operator:uid 70707"


def test_a_user_id_that_the_system_has_no_name_for_can_operate(house: House) -> None:
    """As in a container: the command runs, in an empty environment, and the number stands in the entry."""
    become = ["unshare", "-U", "--map-user=70707", "--map-group=70707"]
    if shutil.which("unshare") is None or subprocess.run([*become, "true"], capture_output=True, check=False).returncode:
        pytest.skip("this system makes no user namespaces")
    command = str(Path(sys.executable).with_name("stile"))

    done = subprocess.run(
        [*become, "env", "-i", command, "partner", "add", "finch", "--name", "Finch", "--kind", "charity",
         "--dir", str(house.directory)],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip

    assert done.returncode == 0, done.stderr
    assert house.last()["who"] == {"by": "operator:uid 70707"}
