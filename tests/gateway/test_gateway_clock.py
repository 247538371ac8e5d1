"""A clock that runs ahead and is put right: nothing is written by it, nobody is shut out, nothing used is good again."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from gateway_working import body_of, partner_of, serving
from hours import Clock
from house import CASEWORKER, HARBOUR, House, open_house
from typer.testing import CliRunner

from audit.writing.heartbeat import Boot
from gateway.background.sweeping import sweep_once, watch_clock
from gateway.cli import make_app

JUMPS = [timedelta(minutes=10), timedelta(hours=2)]
BODY = {
    "subject": {"account_ref": "1000042", "confirm": {"surname": "Okafor", "date_of_birth": "1985-02-14"}},
    "case_reference": "HH-1", "caseworker": CASEWORKER, "fields": ["age"],
}  # fmt: skip


DETAILS = json.dumps([{"type": "stile_disclosure_v1", "agreement": HARBOUR.agreement}])


@dataclass
class Machine:
    """A machine's two clocks: one that a test sets, and one that nobody can."""

    clock: Clock = field(default_factory=Clock)
    booted: float = 1_000.0

    def boot(self) -> Boot:
        return Boot("machine", self.booted)

    def wait(self, seconds: float) -> None:
        self.clock.move(seconds=seconds)
        self.booted += seconds

    def put(self, by: timedelta) -> None:
        self.clock.at += by

    def gateway(self, directory: Path) -> Any:
        return open_house(directory, clock=self.clock, boot=self.boot)


@pytest.fixture
def machine() -> Machine:
    return Machine()


def beat(house: House) -> None:
    asyncio.run(watch_clock(house.wiring.sequencer.heartbeat, house.wiring.telemetry, before=0))


def sweep(house: House) -> None:
    house.http.portal.call(sweep_once, house.wiring.services, house.wiring.early_limits)  # type: ignore[union-attr]  # it runs


def replayable(house: House) -> tuple[dict[str, str], bytes]:
    harbour = house.harbour()
    headers = {**harbour.headers("POST", "/v1/disclosures"), "Content-Type": "application/json"}
    return headers, json.dumps(BODY).encode()


def send(house: House, call: tuple[dict[str, str], bytes]) -> Any:
    return house.http.post("/v1/disclosures", content=call[1], headers=call[0])


@pytest.mark.parametrize("jump", [*JUMPS, *(-one for one in JUMPS)], ids=str)
def test_while_the_clock_has_jumped_nothing_is_written(council_directory: Path, machine: Machine, jump: timedelta) -> None:
    with machine.gateway(council_directory) as house:
        harbour = house.harbour()
        beat(house)
        before = len(house.entries())
        machine.put(jump)
        beat(house)

        ready, asked = house.http.get("/readyz"), harbour.ask_token(authorization_details=DETAILS)

        assert ready.status_code == 503
        assert ready.json()["clock_moved"] == jump.total_seconds()
        assert "stile clock accept" in ready.json()["clock"]
        assert asked.status_code == 503
        assert len(house.entries()) == before


@pytest.mark.parametrize("jump", [*JUMPS, *(-one for one in JUMPS)], ids=str)
def test_service_goes_on_as_soon_as_the_clock_is_put_right(
    council_directory: Path, machine: Machine, jump: timedelta
) -> None:
    with machine.gateway(council_directory) as house:
        used = replayable(house)
        assert send(house, used).status_code == 200
        machine.put(jump)
        beat(house)
        machine.wait(5)
        machine.put(-jump)
        beat(house)

        assert send(house, replayable(house)).status_code == 200
        assert send(house, used).json()["code"] == "proof_replayed"
        assert house.http.get("/readyz").json() == {"ready": True, "log_ahead": 0}


def start_ahead(directory: Path, machine: Machine, jump: timedelta) -> tuple[dict[str, str], bytes]:
    """Start by a clock that runs ahead, which only warns, and answer a call; the broom comes, and the gateway ends."""
    with machine.gateway(directory) as house:
        beat(house)
    machine.put(jump)
    with machine.gateway(directory) as house:
        used = replayable(house)
        assert send(house, used).status_code == 200
        machine.wait(420)
        beat(house)
        sweep(house)
    return used


@pytest.mark.parametrize("jump", JUMPS, ids=str)
def test_an_entry_in_the_future_shuts_nobody_out(council_directory: Path, machine: Machine, jump: timedelta) -> None:
    """The log's newest entry is hours ahead: fresh proofs are taken, and consents begin and end by the clock."""
    start_ahead(council_directory, machine, jump)
    machine.put(-jump)
    with machine.gateway(council_directory) as house:
        for _ in range(2):
            assert send(house, replayable(house)).status_code == 200
            machine.wait(30)

        ahead = house.http.get("/readyz").json()["log_ahead"]
        house.wiring.telemetry.log_ahead.set(ahead)
        assert jump.total_seconds() - 600 < ahead <= jump.total_seconds()
        given = {
            "state": "given", "dataset": "council-tax", "person": "P0000042", "purpose": "tenancy-sustainment",
            "recipients": ["harbour-housing"], "fields": ["arrears"], "text_version": "v1", "how": "in person",
        }  # fmt: skip
        kept = house.dpo().call("POST", "/control/v1/consents", given).json()["consent_id"]
        with_consent = house.harbour().ask(BODY["subject"], fields=["arrears"]).json()["disclosure"]
        house.dpo().call("POST", f"/control/v1/consents/{kept}/withdrawal", {"how": "by telephone"})
        without = house.harbour().ask(BODY["subject"], fields=["arrears"]).json()["disclosure"]

        assert "arrears" in with_consent["record"]["fields"]
        assert without["record"]["fields"] == {}
        times = [entry["at"] for entry in house.entries()]
        assert times == sorted(times), "entries stand at the log's time"


@pytest.mark.parametrize("jump", JUMPS, ids=str)
def test_what_was_used_by_a_fast_clock_is_not_good_again_when_its_time_comes(
    council_directory: Path, machine: Machine, jump: timedelta
) -> None:
    """Across restarts and sweeps: the clock is put back, and then comes to where the proof was used a second time."""
    used = start_ahead(council_directory, machine, jump)
    machine.put(-jump)
    with machine.gateway(council_directory) as house:
        assert send(house, replayable(house)).status_code == 200
    machine.wait(jump.total_seconds() - 420)
    with machine.gateway(council_directory) as house:
        beat(house)
        sweep(house)

        again = send(house, used)

        assert again.status_code == 401
        assert again.json()["code"] == "proof_replayed"


def test_a_withdrawal_counts_although_the_clock_is_corrected_back(council_directory: Path, machine: Machine) -> None:
    """Half a minute is no jump: what was acknowledged is judged by the log's time then."""
    given = {
        "state": "given", "dataset": "council-tax", "person": "P0000042", "purpose": "tenancy-sustainment",
        "recipients": ["harbour-housing"], "fields": ["arrears"], "text_version": "v1", "how": "in person",
    }  # fmt: skip
    with machine.gateway(council_directory) as house:
        dpo, harbour = house.dpo(), house.harbour()
        kept = dpo.call("POST", "/control/v1/consents", given).json()["consent_id"]
        machine.wait(20)
        assert dpo.call("POST", f"/control/v1/consents/{kept}/withdrawal", {"how": "by telephone"}).status_code == 201
        machine.put(timedelta(seconds=-30))

        answer = harbour.ask(BODY["subject"], fields=["arrears"])

        assert answer.json()["disclosure"]["record"]["fields"] == {}


def test_a_start_by_a_jumped_clock_warns(council_directory: Path, machine: Machine, capfd: Any) -> None:
    with machine.gateway(council_directory) as house:
        beat(house)
    machine.put(timedelta(hours=2))
    with capfd.disabled(), machine.gateway(council_directory) as house:
        assert house.http.get("/readyz").status_code == 200
        assert house.wiring.sequencer.heartbeat.ahead == 7_200


def test_two_writers_of_one_log_stop_alike(council_directory: Path, machine: Machine) -> None:
    with machine.gateway(council_directory) as one, machine.gateway(council_directory) as two:
        beat(one)
        machine.put(timedelta(minutes=10))

        assert [house.http.get("/readyz").status_code for house in (one, two)] == [503, 503]
        one.wiring.sequencer.heartbeat.take_over()
        beat(two)
        assert [house.http.get("/readyz").status_code for house in (one, two)] == [200, 200]


def stile(directory: Path, *words: str) -> Any:
    whole = [*words, "--dir", str(directory)]
    return CliRunner().invoke(make_app(whole), whole)


def test_the_doctor_says_how_log_and_clock_stand(council_directory: Path) -> None:
    well = stile(council_directory, "doctor")

    assert well.exit_code == 0
    assert "clock: in step with the boot clock" in well.output
    assert "log: its newest entry is" in well.output


def test_nothing_is_taken_over_where_nothing_jumped(council_directory: Path) -> None:
    assert "nothing to take over" in stile(council_directory, "clock", "accept").output


# -- with a tool that shifts the time of a program

FAKETIME = shutil.which("faketime")
CONSENT = (
    *("consent", "give", "--person", "P0000042", "--dataset", "council-tax", "--purpose", "tenancy-sustainment"),
    *("--recipient", "harbour-housing", "--text-version", "v1", "--how", "letter"),
)


def shifted(directory: Path, by: str, *words: str) -> subprocess.CompletedProcess[str]:
    command = [
        *((FAKETIME, by) if by and FAKETIME else ()),
        sys.executable,
        "-m",
        "gateway.cli",
        *words,
        "--dir",
        str(directory),
    ]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env={**os.environ})


@pytest.mark.skipif(FAKETIME is None, reason="faketime, a Debian package that CI installs, is not here")
@pytest.mark.parametrize("by", ["+10 minutes", "+2 hours", "-2 hours"])
def test_a_command_by_a_shifted_clock_writes_nothing_and_shuts_nobody_out(council_directory: Path, by: str) -> None:
    """Beside several workers: each goes on, and so does the next command by the right clock."""
    with serving(council_directory, workers=2) as served:
        served.wait_for("worker_ready", 2)
        partner = partner_of(council_directory, f"http://127.0.0.1:{served.port}")
        asked = body_of(BODY["subject"], fields=["age"])
        partner.get_token(agreement=HARBOUR.agreement)
        assert partner.call("POST", "/v1/disclosures", asked).status == 200

        done = shifted(council_directory, by, *CONSENT)

        assert done.returncode == 1
        assert "against its boot clock: nothing is written" in done.stderr
        assert "stile clock accept" in done.stderr
        assert shifted(council_directory, by, "doctor").returncode == 1
        partner.get_token(agreement=HARBOUR.agreement)
        assert partner.call("POST", "/v1/disclosures", asked).status == 200
        assert shifted(council_directory, "", *CONSENT).returncode == 0
