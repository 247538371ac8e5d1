"""`stile keys rewrap`: killed at any step it is taken up again; who serves meanwhile goes on; the old key is destroyed."""

from __future__ import annotations

import base64
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import orjson
import pytest
from gateway_older import older_key_file
from gateway_working import LIMITS, body_of, check_log, partner_of, republish, serving, under_load
from hours import machine_now
from house import HARBOUR, open_house
from typer.testing import CliRunner

from audit.writing.keyring import Keyring, KeyringError
from audit.writing.rewrapping import left_behind, newest_of
from audit.writing.wrapping import Held
from gateway.cli import make_app
from gateway.commands.council import single_server
from gateway.council.directory import open_council
from gateway.council.rewrapping import only_one

KILLED_BEHIND = ("add", "begin_generation", "portion", "rewrap", "append", "note_recorded", "destroyed")


def stile(*words: object) -> tuple[int, str]:
    result = CliRunner().invoke(make_app(list(map(str, words))), [str(word) for word in words])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.output


def master_keys_in(directory: Path) -> list[bytes]:
    return [base64.b64decode(line) for line in (directory / "master.key").read_bytes().split()]


def shown(directory: Path) -> dict[str, Any]:
    status, printed = stile("keys", "show", "--dir", directory)
    assert status == 0, printed
    return orjson.loads(printed)


def entries_of(directory: Path) -> int:
    """Return how often the log says that the keys were wrapped anew."""
    with open_house(directory, clock=machine_now) as house:
        return len(house.rows("SELECT 1 FROM log_entry WHERE kind = 'keys.rewrapped'"))


def test_every_key_comes_under_a_new_generation_and_the_old_one_is_gone(council_directory: Path) -> None:
    (before,) = master_keys_in(council_directory)
    keys = shown(council_directory)["generations"][0]["keys"]

    status, printed = stile("keys", "rewrap", "--dir", council_directory)

    assert status == 0, printed
    assert "generation 2 of the master key wraps every key (entry" in printed
    (after,) = master_keys_in(council_directory)
    assert after != before
    assert [one["keys"] for one in shown(council_directory)["generations"]] == [0, keys]
    assert entries_of(council_directory) == 1
    with pytest.raises(KeyringError, match="generation 2"):
        Keyring.open(council_directory / "keys.sqlite", Held((before,)))
    with open_house(council_directory, clock=machine_now) as house:
        assert house.harbour().ask(fields=["full_name"]).status_code == 200


KILLING = """
import os, signal, sys
import audit.writing.rewrapping as wrapping
import gateway.commands.master_keys as command
import gateway.council.rewrapping as steps
from audit.stores.key_file import KeyFile
from gateway.commands.common import Office
from gateway.council.master_key import FileKeys
from gateway.cli import make_app

wrapping.PORTION = 50

def killing(owner, name):
    of = getattr(owner, name)
    def called(*args, **named):
        found = of(*args, **named)
        os.kill(os.getpid(), signal.SIGKILL)
        return found
    setattr(owner, name, called)

where = {
    "add": (FileKeys, "add"), "begin_generation": (KeyFile, "begin_generation"), "portion": (KeyFile, "replace"),
    "rewrap": (steps, "rewrap"), "append": (Office, "append"), "note_recorded": (KeyFile, "note_recorded"),
    "destroyed": (FileKeys, "keep_only"),
}
killing(*where[sys.argv[1]])
words = ["keys", "rewrap", "--dir", sys.argv[2]]
make_app(words)(words)
"""


@pytest.mark.parametrize("behind", KILLED_BEHIND)
def test_killed_behind_any_step_it_goes_on(council_directory: Path, tmp_path: Path, behind: str) -> None:
    """Whatever was done until then, the council opens, and the next run ends with one new key that wraps everything."""
    script = tmp_path / "killing.py"
    script.write_text(KILLING)

    killed = subprocess.run([sys.executable, str(script), behind, str(council_directory)], check=False, timeout=60)

    assert killed.returncode == -signal.SIGKILL
    with open_house(council_directory, clock=machine_now) as house:
        assert house.harbour().ask(fields=["full_name"]).status_code == 200
    status, printed = stile("keys", "rewrap", "--dir", council_directory)
    assert status == 0, printed
    council = open_council(council_directory)
    newest = newest_of(council.keyring.safe)
    assert (left_behind(council.keyring.safe), newest.is_recorded) == (0, True)
    # Where nothing was left to do, the next run began another.
    assert newest.number == (3 if behind == "destroyed" else 2)
    council.keyring.close()
    assert len(master_keys_in(council_directory)) == 1


def test_workers_that_serve_meanwhile_go_on(council_directory: Path) -> None:
    """Two workers answer under load while the keys change under them twice, and give new people keys afterwards."""
    republish(council_directory, LIMITS, "limits: {batch: 1}")
    with serving(council_directory, workers=2) as served:
        served.wait_for("worker_ready", 2)
        partner = partner_of(council_directory, f"http://127.0.0.1:{served.port}")
        assert partner.get_token(agreement=HARBOUR.agreement).status == 200
        with under_load(partner, body_of(), threads=2) as asking:
            for _ in range(2):
                time.sleep(0.3)
                run_stile("keys", "rewrap", "--dir", council_directory)
            time.sleep(0.3)
        fresh = [partner.call("POST", "/v1/disclosures", body_of(nobody(number))) for number in range(8)]
        replies = [reply for one in asking for reply in one.replies]

    assert {reply.status for reply in replies} == {200}, served.told()
    assert len(replies) > 50
    assert {reply.status for reply in fresh} <= {200, 429}, "a key for each of them, under the newest generation"
    assert shown(council_directory)["newest"] == 3
    assert [one["keys"] for one in shown(council_directory)["generations"]][:2] == [0, 0]
    check_log(council_directory, [reply.body for reply in replies])


def nobody(number: int) -> dict[str, Any]:
    return {"account_ref": f"20000{number:02}", "confirm": {"surname": "Nobody", "date_of_birth": "1970-01-01"}}


def run_stile(*words: object, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "gateway.cli", *map(str, words)]
    done = subprocess.run(
        command, check=False, capture_output=True, text=True, timeout=120, env={**os.environ, **environment}
    )
    assert done.returncode == 0, done.stderr
    return done


# -- from a command, and from the environment


def commanded(council_directory: Path, tmp_path: Path) -> Path:
    """Let the master key come from a command that prints a file; return that."""
    given = tmp_path / "in-the-kms"
    (council_directory / "master.key").rename(given)
    with (council_directory / "stile.toml").open("a") as file:
        file.write(f'master_key_command = ["/bin/cat", "{given}"]\n')
    return given


def test_a_command_brings_the_new_key_itself(council_directory: Path, tmp_path: Path) -> None:
    given = commanded(council_directory, tmp_path)

    status, printed = stile("keys", "rewrap", "--dir", council_directory)
    assert (status, shown(council_directory)["newest"]) == (1, 1)
    assert "/bin/cat gives no new key" in printed
    assert "Nothing was changed" in printed

    with given.open("ab") as file:
        file.write(base64.b64encode(bytes(range(32))) + b"\n")
    status, printed = stile("keys", "rewrap", "--dir", council_directory)
    assert status == 0, printed
    assert "destroy the older ones there" in printed
    given.write_bytes(base64.b64encode(bytes(range(32))))
    assert shown(council_directory)["newest"] == 2


def test_a_command_that_lost_the_key_is_told_by_its_generation(council_directory: Path, tmp_path: Path) -> None:
    given = commanded(council_directory, tmp_path)
    given.write_bytes(base64.b64encode(bytes(range(32))))

    status, printed = stile("keys", "show", "--dir", council_directory)

    assert status == 1
    assert "wrapped by generation 1 of the master key" in printed
    assert "damage" not in printed


def test_by_the_environment_no_gateway_may_serve(
    council_directory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it was started with nobody can change: it would be left without the new key."""
    old = (council_directory / "master.key").read_text().strip()
    (council_directory / "master.key").unlink()
    monkeypatch.setenv("STILE_MASTER_KEY", f"{old} {base64.b64encode(bytes(range(32))).decode()}")
    with single_server(council_directory):
        status, printed = stile("keys", "rewrap", "--dir", council_directory)
        assert (status, shown(council_directory)["newest"]) == (1, 1)
        assert "stop it" in printed

    status, printed = stile("keys", "rewrap", "--dir", council_directory)
    assert status == 0, printed
    monkeypatch.setenv("STILE_MASTER_KEY", base64.b64encode(bytes(range(32))).decode())
    assert shown(council_directory)["newest"] == 2


def test_a_worker_has_the_new_key_at_hand_before_any_key_needs_it(council_directory: Path, tmp_path: Path) -> None:
    given = commanded(council_directory, tmp_path)
    with open_house(council_directory, clock=machine_now) as house:
        with given.open("ab") as file:
            file.write(base64.b64encode(bytes(range(32))) + b"\n")
        run_stile("keys", "rewrap", "--dir", council_directory)
        newest = newest_of(house.council.keyring.safe)

        assert newest.number == 2
        assert house.council.keyring.safe.wrapping.has(newest.mark)
        assert (council_directory / "state.keys").exists()


# -- an upgrade


def test_a_council_of_the_build_before_goes_on(council_directory: Path) -> None:
    older_key_file(council_directory)

    with open_house(council_directory, clock=machine_now) as house:
        assert house.harbour().ask(fields=["full_name"]).status_code == 200
    assert shown(council_directory)["newest"] == 1
    assert stile("keys", "rewrap", "--dir", council_directory)[0] == 0


def test_several_processes_take_up_generations_at_once(council_directory: Path) -> None:
    older_key_file(council_directory)
    command = [sys.executable, "-m", "gateway.cli", "keys", "show", "--dir", str(council_directory)]
    opening = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(4)]

    told = [one.communicate(timeout=60) for one in opening]

    assert {one.returncode for one in opening} == {0}, told
    assert {orjson.loads(printed)["newest"] for printed, _ in told} == {1}


# -- what does not go


def test_two_runs_at_once_are_one(council_directory: Path) -> None:
    with only_one(council_directory):
        status, printed = stile("keys", "rewrap", "--dir", council_directory)

    assert status == 1
    assert "are being wrapped anew, or backed up" in printed


def test_an_older_key_file_refuses_to_start(council_directory: Path) -> None:
    """Stop the gateway, put an older key file in its place, start."""
    older = (council_directory / "keys.sqlite").read_bytes()
    master = (council_directory / "master.key").read_bytes()
    run_stile("keys", "rewrap", "--dir", council_directory)
    (council_directory / "keys.sqlite").write_bytes(older)
    (council_directory / "master.key").write_bytes(master)

    with pytest.raises(KeyringError, match="an older copy was put in its place"), open_house(council_directory):
        pass
    status, printed = stile("partner", "list", "--dir", council_directory)
    assert status == 1
    assert "an older copy was put in its place" in printed
