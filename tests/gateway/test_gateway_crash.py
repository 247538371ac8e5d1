"""A gateway killed under load: no answered disclosure is missing, no gap, the root recomputes."""

from __future__ import annotations

import contextlib
import random
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest
from house import CASEWORKER, confirming, free_port, open_house, republish

from audit.stores.checked import check_whole_log
from gateway.council.directory import open_council
from gateway.demo.making import HARBOUR
from gateway.demo.partner import CallFailedError, PartnerSystem

LIMITS = "limits: {per_minute: 60, subjects_per_day: 500, same_subject_per_day: 500, batch: 200}"
ROUNDS = 3
ANSWERED = 340  # a round, at the least
PEOPLE = [("1000043", "Price"), ("1000051", "Hargreaves"), ("1000061", "Rahman"), ("1000081", "Walsh"), ("1000091", "Fenn")]


@pytest.fixture
def council_directory(either_directory: Path) -> Path:
    """Of either database."""
    return either_directory


@contextlib.contextmanager
def serving(directory: Path, port: int) -> Iterator[subprocess.Popen[bytes]]:
    words = ["serve", "--dir", str(directory), "--port", str(port), "--metrics-port", "0"]
    process = subprocess.Popen([sys.executable, "-m", "gateway.cli", *words])
    try:
        yield process
    finally:
        process.kill()
        process.wait(10)


class Asking(threading.Thread):
    """Asks until the gateway is gone; keeps what it was answered."""

    def __init__(self, directory: Path, port: int, answers: list[bytes]) -> None:
        super().__init__(daemon=True)
        file = directory / "partners" / f"{HARBOUR.client_id}.jwk.json"
        self.partner = PartnerSystem.from_file(f"http://127.0.0.1:{port}", HARBOUR.client_id, file)
        self.answers = answers

    def run(self) -> None:
        for _ in range(400):
            with contextlib.suppress(CallFailedError):
                if self.partner.get_token(agreement=HARBOUR.agreement).status == 200:
                    break
            time.sleep(0.05)
        with contextlib.suppress(CallFailedError):
            while True:
                ref, surname = random.choice(PEOPLE)
                body = {
                    "subject": {"account_ref": ref, "confirm": confirming(ref, surname)},
                    "case_reference": "HH-1",
                    "caseworker": CASEWORKER,
                }
                reply = self.partner.call("POST", "/v1/disclosures", body)
                assert reply.status == 200, reply.body
                self.answers.append(reply.body)


def test_a_kill_under_load_loses_no_answered_disclosure(council_directory: Path) -> None:
    with open_house(council_directory) as house:
        republish(house, HARBOUR.agreement, (LIMITS, "limits: {batch: 1}"))
    everything: list[bytes] = []
    for number in range(ROUNDS):
        port = free_port()
        answers: list[bytes] = []
        with serving(council_directory, port) as process:
            threads = [Asking(council_directory, port, answers) for _ in range(6)]
            for thread in threads:
                thread.start()
            until = time.monotonic() + 60
            while len(answers) < ANSWERED and time.monotonic() < until:
                time.sleep(0.01)
            time.sleep(random.Random(number).uniform(0, 0.05))
            process.kill()  # SIGKILL: nothing is tidied
            for thread in threads:
                thread.join(25)
        everything += answers
        check(council_directory, everything)

    assert len(everything) >= 1_000


def check(directory: Path, answers: list[bytes]) -> None:
    council = open_council(directory)
    connection = council.store.open(read_only=True)
    check_whole_log(connection, council.signer.vkey)
    entries = dict(connection.all("SELECT entry_id, idx FROM log_entry"))
    counters = [
        entry["counter"]
        for (raw,) in connection.all("SELECT entry FROM log_entry WHERE kind = 'disclosure' ORDER BY idx")
        if (entry := orjson.loads(raw))
    ]
    connection.close()
    council.keyring.close()

    assert answers
    for raw in answers:
        answer = orjson.loads(raw)
        assert entries[answer["disclosure"]["disclosure_id"]] == answer["receipt"]["index"]
    assert sorted(entries.values()) == list(range(len(entries)))
    assert counters == list(range(1, len(counters) + 1))
