"""The demo tells the story over real HTTP, and what it leaves behind works."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pysqlite3
import pytest
from house import free_port
from typer.testing import CliRunner

from gateway.cli import make_app
from gateway.council.directory import CouncilError
from gateway.demo.asking import CHILD_BODY, TENANCY_BODY, context_of
from gateway.demo.children import generate_children
from gateway.demo.partner import CallFailedError, PartnerSystem, send
from gateway.demo.residents import generate
from gateway.demo.tenants import generate_tenancies
from gateway.demo.upstream import asked, housing_system, picked

NAMES = ["token", "disclosure", "refusal", "consent", "withdrawal", "tenancy", "child", "checkpoint", "verification"]


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
    assert done.stdout.count("verified entry") == 6
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


# -- three kinds of source


OTHERS = {
    "northmoor-hope-homelessness": ("hope-advice-desk", TENANCY_BODY),
    "northmoor-calder-child-health": ("calder-child-health", CHILD_BODY),
}


def test_each_kind_of_source_answers_in_the_story(told: tuple[Path, dict[str, Any]]) -> None:
    """Rows and second persons among what leaves; what waits for consent stays, as it does over SQL."""
    steps = {step["name"]: step for step in told[1]["steps"]}

    assert {"household", "joint_full_name"} <= set(steps["tenancy"]["released"])
    assert steps["tenancy"]["withheld"] == {"arrears_stage": "consent_needed"}
    assert {"episodes", "mother_full_name", "mother_age"} <= set(steps["child"]["released"])
    assert steps["child"]["withheld"] == {"mother_health": "consent_needed"}
    assert steps["verification"]["verified"] == 6


def test_without_its_housing_system_the_gateway_says_so(
    told: tuple[Path, dict[str, Any]], served: tuple[Path, int]
) -> None:
    """The service ended with the demo: a failure that is recorded, and no answer; the other sources go on."""
    directory, port = served
    seen = {}
    for agreement, (client, body) in OTHERS.items():
        system = PartnerSystem.from_file(f"http://127.0.0.1:{port}", client, directory / "partners" / f"{client}.jwk.json")
        assert system.get_token(agreement=agreement).status == 200
        context = {"Stile-Context": context_of(system, body["caseworker"])}
        reply = system.call("POST", "/v1/disclosures", body, **context)
        seen[agreement] = (reply.status, reply.json().get("code"))

    assert seen == {
        "northmoor-hope-homelessness": (502, "source_unavailable"),
        "northmoor-calder-child-health": (200, None),
    }
    assert told


def test_the_housing_system_comes_back_with_the_demo(told: tuple[Path, dict[str, Any]]) -> None:
    directory, _ = told
    port = json.loads((directory / "demo.json").read_text())["housing_port"]
    url = f"http://127.0.0.1:{port}/api/tenancies?tenancy=T0000042&fields=tenancy"
    key = (directory / "housing.token").read_text().strip()
    with housing_system(directory, port):
        assert send("GET", url, {}, None).status == 401
        assert send("GET", url, {"Authorization": "Bearer another"}, None).status == 401
        for path, status in (("/api/other", 404), ("/api/tenancies", 400)):
            assert send("GET", f"http://127.0.0.1:{port}{path}", {"Authorization": f"Bearer {key}"}, None).status == status
        known = urlopen(Request(url, headers={"Authorization": f"Bearer {key}"}), timeout=5).read()
        with pytest.raises(CouncilError, match="is taken"), housing_system(directory, port):
            pass
    with pytest.raises(CallFailedError):
        send("GET", url, {}, None)

    assert json.loads(known) == {"items": [{"tenancy": "T0000042"}]}


def test_the_housing_system_gives_the_members_that_are_named() -> None:
    record = {"a": {"b": 1, "c": 2}, "rows": [{"x": 1, "y": 2}, {"x": 3}], "z": None}

    assert picked(record, ["a.b", "rows.x", "z.q", "nothing"]) == {"a": {"b": 1}, "rows": [{"x": 1}, {"x": 3}], "z": None}
    assert picked(record, ["a", "a.b"])["a"] == {"b": 1}
    assert asked([record], {}, {}) is None
    assert asked([record, record], {}, {"limit": "1", "fields": "z"}) == [{"z": None}]


def test_the_same_seed_makes_the_same_tenants_and_children(tmp_path: Path) -> None:
    for name, seed in (("a", 7), ("b", 7), ("c", 8)):
        generate_children(tmp_path / name, children=60, seed=seed, on=date(2026, 11, 2))
    files = {name: [one.read_bytes() for one in sorted((tmp_path / name).iterdir())] for name in "abc"}

    assert len(files["a"]) == 4
    assert files["a"] == files["b"] != files["c"]
    assert generate_tenancies(tenancies=40, seed=7) == generate_tenancies(tenancies=40, seed=7)
    assert generate_tenancies(tenancies=40, seed=7) != generate_tenancies(tenancies=40, seed=8)


def test_a_housing_system_that_lost_its_records_is_told(tmp_path: Path) -> None:
    with pytest.raises(CouncilError, match="--fresh starts over"), housing_system(tmp_path, free_port()):
        pass


def test_a_demo_of_an_earlier_version_is_told(tmp_path: Path) -> None:
    (tmp_path / "demo.json").write_text('{"seed": 42, "residents": 30}')

    done = demo("--once", "--dir", tmp_path, "--residents", 30)

    assert (done.returncode, "--fresh starts over" in done.stderr) == (1, True)
