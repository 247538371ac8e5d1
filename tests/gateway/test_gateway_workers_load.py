"""`stile serve --workers 4`: the promises under load, a worker killed, the parent killed, nothing to start with."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

import pysqlite3
import pytest
from gateway_working import (
    CONSENT,
    LIMITS,
    PRICE,
    Asking,
    Served,
    body_of,
    check_log,
    partner_of,
    republish,
    serving,
    under_load,
)
from house import HARBOUR, copy_template, free_port

from gateway.council.directory import CouncilError, open_council
from gateway.demo.making import DPO
from gateway.demo.partner import PartnerSystem
from gateway.serving.supervisor import serve_with_workers

WORKERS = 4


@pytest.fixture(scope="module")
def served(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    directory = copy_template(template, tmp_path_factory.mktemp("served") / "council")
    republish(directory, LIMITS, "limits: {batch: 1}")
    with serving(directory, workers=WORKERS) as running:
        running.wait_for("worker_ready", WORKERS)
        yield running


def harbour_of(served: Served) -> PartnerSystem:
    partner = partner_of(served.directory, f"http://127.0.0.1:{served.port}")
    assert partner.get_token(agreement=HARBOUR.agreement).status == 200
    return partner


def test_no_entry_after_a_withdrawal_discloses_under_the_old_state(served: Served) -> None:
    """Promise 4, over four workers: the log's order is the judge, for every answer that was given meanwhile."""
    office = partner_of(served.directory, f"http://127.0.0.1:{served.port}", DPO)
    assert office.get_token(resource=f"{office.issuer}/control").status == 200
    spans = []
    with under_load(harbour_of(served), body_of(), threads=6) as asking:
        for _ in range(10):
            given = office.call("POST", "/control/v1/consents", CONSENT)
            assert given.status == 201, given.body
            time.sleep(0.08)
            path = f"/control/v1/consents/{given.json()['consent_id']}/withdrawal"
            withdrawn = office.call("POST", path, {"how": "by telephone"})
            assert withdrawn.status == 201
            spans.append((given.json()["index"], withdrawn.json()["index"]))
            time.sleep(0.05)
    replies = [reply for one in asking for reply in one.replies]

    assert {reply.status for reply in replies} == {200}, served.told()
    counted = Counter()
    for answer in (reply.json() for reply in replies):
        index = answer["receipt"]["index"]
        allowed = any(begin < index < end for begin, end in spans)
        assert ("arrears" in answer["disclosure"]["record"]["fields"]) is allowed, (index, spans)
        counted[allowed] += 1
    assert min(counted.values()) > 20
    check_log(served.directory, [reply.body for reply in replies])


def test_a_worker_killed_under_load_loses_nothing(served: Served) -> None:
    ready = served.wait_for("worker_ready", WORKERS)
    ended = len(served.wait_for("worker_ended", 0))
    with under_load(harbour_of(served), body_of(), threads=6) as asking:
        time.sleep(0.3)
        os.kill(ready[-1], signal.SIGKILL)
        assert served.wait_for("worker_ended", ended + 1)[-1] == ready[-1]
        fresh = served.wait_for("worker_ready", len(ready) + 1)[-1]
        time.sleep(0.3)
    replies = [reply for one in asking for reply in one.replies]

    assert fresh not in ready
    assert {reply.status for reply in replies} == {200}, served.told()
    assert len(replies) > 100
    assert sum(one.broken for one in asking) <= 6, "only what the killed worker had in hand"
    check_log(served.directory, [reply.body for reply in replies])


def holds_a_lock(pid: int) -> bool:
    """Tell whether a process holds a lock on a whole file, as a writer of the log does."""
    locks = Path("/proc/locks").read_text(encoding="ascii").splitlines()
    return any(line.split()[1] == "FLOCK" and line.split()[4] == str(pid) for line in locks if "->" not in line)


def test_a_worker_that_is_frozen_with_the_logs_lock_is_ended_and_the_others_go_on(served: Served) -> None:
    ready = served.wait_for("worker_ready", WORKERS)
    ended, alive = served.messages_of("worker_ended"), 0
    with under_load(harbour_of(served), body_of(), threads=6) as asking:
        frozen = next(pid for pid in reversed(ready) if pid not in ended)
        for _ in range(2_000):
            os.kill(frozen, signal.SIGSTOP)
            time.sleep(0.002)
            if holds_a_lock(frozen):
                break
            os.kill(frozen, signal.SIGCONT)
            time.sleep(0.003)
        else:
            pytest.fail("it never stood still with the lock in hand")
        assert served.wait_for("worker_silent", len(served.messages_of("worker_silent")) + 1)[-1] == frozen
        assert served.wait_for("worker_ended", len(ended) + 1)[-1] == frozen
        served.wait_for("worker_ready", len(ready) + 1)
        before = sum(len(one.replies) for one in asking)
        time.sleep(1.0)
        alive = sum(len(one.replies) for one in asking) - before
    replies = [reply for one in asking for reply in one.replies]

    assert alive > 10
    assert {reply.status for reply in replies} <= {200, 503}, served.told()
    check_log(served.directory, [reply.body for reply in replies if reply.status == 200])


def test_metrics_are_the_sum_over_all_workers(served: Served) -> None:
    """Each call is a new connection, and whichever worker is free takes it."""
    for _ in range(24):
        urlopen(f"http://127.0.0.1:{served.port}/healthz", timeout=5).close()
    name, until = 'stile_answers_total{route="/healthz",status="200"}', time.monotonic() + 10
    while scraped(served).get(name) != 24 and time.monotonic() < until:
        time.sleep(0.1)

    assert scraped(served)[name] == 24
    assert scraped(served)["stile_worker_restarts_total"] == len(served.messages_of("worker_ended"))


def scraped(served: Served) -> dict[str, float]:
    text = urlopen(f"http://127.0.0.1:{served.metrics_port}/metrics", timeout=5).read().decode()
    return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in text.splitlines() if line[0] != "#")}


def test_concurrent_calls_to_all_workers_never_pass_a_limit(served: Served) -> None:
    """A command sets the limit while all four serve."""
    republish(served.directory, "limits: {batch: 1}", "limits: {same_subject_per_day: 40, batch: 1}")
    partner = harbour_of(served)
    asking = [Asking(partner, body_of(PRICE), most=12) for _ in range(8)]
    for one in asking:
        one.start()
    for one in asking:
        one.join(30)

    assert Counter(reply.status for one in asking for reply in one.replies) == {200: 40, 429: 56}


def test_sigterm_finishes_what_is_under_way_and_leaves_no_process(council_directory: Path) -> None:
    republish(council_directory, LIMITS, "limits: {batch: 1}")
    with serving(council_directory, workers=2) as served:
        ready = served.wait_for("worker_ready", 2)
        with under_load(harbour_of(served), body_of(), threads=3) as asking:
            time.sleep(0.2)
            served.process.send_signal(signal.SIGTERM)
            assert served.process.wait(30) == 0
        replies = [reply for one in asking for reply in one.replies]
        for one in ready:
            with pytest.raises(ProcessLookupError):
                os.kill(one, 0)

    assert {reply.status for reply in replies} == {200}, served.told()
    check_log(council_directory, [reply.body for reply in replies])


def test_workers_end_when_their_parent_is_killed(council_directory: Path) -> None:
    with serving(council_directory, workers=2) as served:
        served.wait_for("worker_ready", 2)
        served.process.kill()
        served.process.wait(10)
        until = time.monotonic() + 10
        while is_listening(served.port) and time.monotonic() < until:
            time.sleep(0.02)

        assert not is_listening(served.port)


def is_listening(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 0.2).close()
    except OSError:
        return False
    return True


def spoil_entry(directory: Path) -> None:
    connection = pysqlite3.connect(str(directory / "state.sqlite"))
    connection.executescript("DROP TRIGGER log_entry_holds; UPDATE log_entry SET entry = X'00' WHERE idx = 3;")
    connection.close()


def lose_keyring(directory: Path) -> None:
    (directory / "keys.sqlite").unlink()


@pytest.mark.parametrize(
    ("spoil", "told"), [(spoil_entry, "entry 3 is not the one that was appended"), (lose_keyring, "no keys.sqlite")]
)
def test_what_can_not_be_served_is_told_in_one_line_as_by_one_worker(council_directory: Path, spoil, told: str) -> None:
    spoil(council_directory)
    said = set()
    for workers in (1, 3):
        words = ["serve", "--dir", council_directory, "--port", free_port(), "--metrics-port", 0, "--workers", workers]
        done = subprocess.run(
            [sys.executable, "-m", "gateway.cli", *map(str, words)], capture_output=True, text=True, timeout=30, check=False
        )
        assert done.returncode == 1
        said.add(done.stderr)

    assert len(said) == 1
    assert told in said.pop()


def test_workers_that_can_not_start_any_more_end_the_gateway(council_directory: Path, capsys) -> None:
    """One is killed and comes again; then a key is gone and all are killed: it ends, with the reason."""
    heard: list[int] = []

    def wait_for_ready(count: int) -> None:
        until = time.monotonic() + 60
        while len(heard) < count and time.monotonic() < until:
            lines = [json.loads(line) for line in capsys.readouterr().err.splitlines() if line.startswith("{")]
            heard.extend(one["worker"] for one in lines if one["event"] == "worker_ready")
            time.sleep(0.02)

    def spoil() -> None:
        wait_for_ready(2)
        os.kill(heard[0], signal.SIGKILL)
        wait_for_ready(3)
        (council_directory / "master.key").rename(council_directory / "gone")
        for one in heard[1:]:
            os.kill(one, signal.SIGKILL)

    spoiling = threading.Thread(target=spoil, daemon=True)
    spoiling.start()
    council = open_council(council_directory)
    with pytest.raises(CouncilError, match=r"master\.key is missing"):
        serve_with_workers(council, host="127.0.0.1", port=free_port(), metrics_port=free_port(), count=2)
    spoiling.join(10)
    council.keyring.close()

    assert len(heard) == 3


def test_a_signal_ends_the_parent_when_its_workers_have_ended(council_directory: Path, capsys) -> None:
    """Run by this process, whose own handlers are as before afterwards."""
    before = signal.getsignal(signal.SIGTERM)

    def stop() -> None:
        until = time.monotonic() + 60
        while "worker_ready" not in capsys.readouterr().err and time.monotonic() < until:
            time.sleep(0.02)
        os.kill(os.getpid(), signal.SIGTERM)

    stopping = threading.Thread(target=stop, daemon=True)
    stopping.start()
    council, port = open_council(council_directory), free_port()
    serve_with_workers(council, host="127.0.0.1", port=port, metrics_port=0, count=2)
    stopping.join(10)
    council.keyring.close()

    assert signal.getsignal(signal.SIGTERM) == before
    assert not is_listening(port)
