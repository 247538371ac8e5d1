"""A writer killed in mid-work: what it acknowledged is there, and nothing is torn."""

import os
import random
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from audit.stores.entries import head
from audit.tree.merkle import leaf_hash, root_hash

# A writer under load. It says each acknowledged entry on its standard output, after COMMIT.
WRITER = """
import os, sys, time
from datetime import UTC, datetime
from pathlib import Path
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from audit.tree.checkpoint import CheckpointSigner
from audit.format.commitment import SealingKey, seal
from audit.format.entry import Kind
from audit.stores.sqlite import SqliteStore
from audit.writing.sequencer import Sequencer
from audit.writing.item import Draft

directory, origin, private, name, count = Path(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4], int(sys.argv[5])
key = SealingKey(b"k" * 16, b"s" * 32)

def say(text):
    os.write(1, text.encode())

def deliver(results):
    say("".join(f"{one.index} {one.entry_id}\\n" for _, one in results))

signer = CheckpointSigner(origin, Ed25519PrivateKey.from_private_bytes(bytes.fromhex(private)))
store = SqliteStore(directory / "state.sqlite", directory / "state.lock")
writer = Sequencer(store, signer, clock=lambda: datetime.now(UTC), deliver=deliver)
writer.start()

def within(number):
    def run(connection, moment):
        connection.execute("INSERT INTO side (what) VALUES (?)", (f"{name}_{number}",))
        sealed = seal(f"{name}_{number}", {"what": (key, {"n": number})}, (), None)
        return Draft(kind=Kind.SEARCH, entry_id=f"{name}_{number}", sealed=sealed, recipient=name)
    return run

say("ready\\n")
sys.stdin.readline()
for number in range(count):
    writer.submit(within(number), None)
    while writer._queue.qsize() > 40:
        time.sleep(0.0005)
writer.close()
say("done\\n")
"""


def begin(place, name: str, count: int) -> subprocess.Popen:
    private = place.signer._key.private_bytes_raw().hex()
    return subprocess.Popen(
        [sys.executable, "-c", WRITER, str(place.directory), place.origin, private, name, str(count)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[2],
    )


def read_line(process: subprocess.Popen) -> str:
    ready, _, _ = select.select([process.stdout], [], [], 20)
    assert ready, "the writer says nothing"
    return process.stdout.readline().decode()


def finish(process: subprocess.Popen) -> list[str]:
    process.stdin.close()
    lines = process.stdout.read().decode().splitlines()
    process.stdout.close()
    process.wait(20)
    return lines


def acknowledged(lines: list[str]) -> dict[str, int]:
    """Return entry id -> index of whole lines."""
    pairs = [line.split() for line in lines if line.count(" ") == 1]
    return {entry_id: int(index) for index, entry_id in pairs}


def check(place, promised: dict[str, int]) -> int:
    """Hold the log against what was promised; return its size."""
    place.check()
    connection = place.connect()
    rows = connection.all("SELECT idx, entry_id, entry FROM log_entry ORDER BY idx")
    kept = {entry_id: index for index, entry_id, _ in rows}
    assert {entry_id: kept.get(entry_id) for entry_id in promised} == promised
    assert [index for index, _, _ in rows] == list(range(len(rows)))
    found = head(connection)
    assert found is not None
    assert found[:2] == (len(rows), root_hash([leaf_hash(entry) for _, _, entry in rows]))
    side = {row[0] for row in connection.all("SELECT what FROM side")}
    assert side == {entry_id for entry_id in kept if not entry_id.startswith("e_")}
    return len(rows)


@pytest.fixture
def side(place) -> None:
    place.connect().run("CREATE TABLE side (what TEXT PRIMARY KEY)")


@pytest.mark.parametrize("round_", range(3))
def test_what_was_acknowledged_survives_a_kill(place, side, round_: int) -> None:
    """SIGKILL at some moment under load: no acknowledged entry is lost, no gap, the root recomputes, a start succeeds."""
    process = begin(place, f"k{round_}", 1_000_000)
    try:
        assert read_line(process) == "ready\n"
        process.stdin.write(b"go\n")
        process.stdin.flush()
        first = read_line(process)
        # The moment differs from run to run with the machine's load anyhow; the seed only spreads it.
        time.sleep(random.Random(round_).uniform(0.02, 0.3))
    finally:
        os.kill(process.pid, signal.SIGKILL)
    promised = acknowledged([first.strip(), *finish(process)[:-1]])  # the last line may be torn
    assert process.returncode == -signal.SIGKILL
    assert promised

    size = check(place, promised)
    writer = place.start()
    assert place.append(writer).index == size
    check(place, promised)


def test_two_processes_never_give_one_index_twice(place, side) -> None:
    processes = [begin(place, name, 300) for name in ("a", "b")]
    for process in processes:
        assert read_line(process) == "ready\n"
    for process in processes:
        process.stdin.write(b"go\n")
        process.stdin.flush()
    lines = [finish(process) for process in processes]

    assert [one[-1] for one in lines] == ["done", "done"]
    promised = [acknowledged(one) for one in lines]
    assert [len(one) for one in promised] == [300, 300]
    assert sorted([*promised[0].values(), *promised[1].values()]) == list(range(600))
    assert check(place, promised[0] | promised[1]) == 600
    counters = dict(place.connect().all("SELECT name, value FROM recipient_counter"))
    assert counters == {"a": 300, "b": 300}
