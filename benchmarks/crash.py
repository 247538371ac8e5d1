"""What is lost when a gateway is killed under load? Nothing that was answered: `python -m benchmarks.crash`.

Rounds of load on four workers; at a random moment of each, the whole gateway or one worker is killed with SIGKILL. In the
end every answered disclosure must be in the log, whole and in order, and no limit and no used proof forgotten.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import platform
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from benchmarks import load
from benchmarks.crash_check import Answered, check
from benchmarks.disclosures import CASEWORKER, accounts, make_council, proof_of
from gateway.commands.common import office
from gateway.demo.making import HARBOUR
from gateway.demo.partner import PartnerSystem

WORKERS: Final = 4
CONNECTIONS: Final = 16
PEOPLE: Final = 400
SAME_SUBJECT: Final = 120  # a day: the one who is asked for most often reaches it, the others don't
HOT: Final = 20  # of so many calls, one is about that person
REPLAYED: Final = 3  # answered calls that are sent again after each kill
ENOUGH: Final = 20_000  # answered disclosures in all


@dataclass(slots=True)
class Gateway:
    """`stile serve`, killed and started again on one port."""

    directory: Path
    port: int
    messages: Path
    process: subprocess.Popen[bytes] | None = None
    starts: int = 0

    def start(self) -> None:
        """Start it, and wait until a worker serves."""
        self.starts += 1
        words = ["serve", "--dir", str(self.directory), "--port", str(self.port), "--metrics-port", "0"]
        self.messages.write_bytes(b"")
        with self.messages.open("ab") as told:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "gateway.cli", *words, "--workers", str(WORKERS)],
                stderr=told, start_new_session=True,
            )  # fmt: skip
        self.wait_for_ready(1)

    def wait_for_ready(self, count: int) -> None:
        """Wait until so many workers serve."""
        assert self.process is not None
        until = time.monotonic() + 60
        while len(self.workers()) < count:
            assert self.process.poll() is None, self.messages.read_text()
            assert time.monotonic() < until, self.messages.read_text()
            time.sleep(0.02)

    def workers(self) -> list[int]:
        """Return the workers that serve, by their parent's messages."""
        told = [json.loads(line) for line in self.messages.read_text().splitlines() if line.startswith("{")]
        ended = {one["worker"] for one in told if one["event"] == "worker_ended"}
        return [one["worker"] for one in told if one["event"] == "worker_ready" and one["worker"] not in ended]

    def kill_all(self) -> None:
        """Kill parent and workers at once."""
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait(20)
            self.process = None


@dataclass(slots=True)
class Load:
    """What was asked, and every answer that came whole."""

    answered: list[Answered] = field(default_factory=list)
    limited: int = 0
    broken: int = 0
    wrong: list[str] = field(default_factory=list)
    recent: list[bytes] = field(default_factory=list)
    stopped: bool = False

    async def ask(self, port: int, calls: Iterator[tuple[str, bytes]]) -> None:
        """Send one call after another over a connection, and over a new one where it breaks, until stopped."""
        while not self.stopped:
            try:
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.01)
                continue
            try:
                while not self.stopped and (call := next(calls, None)) is not None:
                    writer.write(call[1])
                    self.note(call, *await answer_of(reader))
                self.stopped = True
            except (OSError, EOFError):
                self.broken += 1
            finally:
                writer.close()

    def note(self, call: tuple[str, bytes], status: int, body: bytes) -> None:
        """Keep what an answer proves."""
        account, request = call
        if status == 200:
            self.answered.append(Answered.read(account, body))
            self.recent = [*self.recent[-(REPLAYED - 1) :], request]
        elif status == 429:
            self.limited += 1
        elif status != 503:  # it says itself that nothing was disclosed
            self.wrong.append(f"{status}: {body[:200]!r}")


async def answer_of(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    """Read one answer whole; EOFError where it is cut off."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n", 1)[0])
    return int(head.split(b" ", 2)[1]), await reader.readexactly(length)


@dataclass(slots=True)
class Partner:
    """Makes calls ahead, each with a proof of its own."""

    directory: Path
    port: int
    chance: random.Random
    people: list[tuple[str, dict[str, str]]]
    number: int = 0

    def calls(self, count: int) -> Iterator[tuple[str, bytes]]:
        """Get a token, and make calls about people by chance, and now and then about the first."""
        issuer = f"http://127.0.0.1:{self.port}"
        key = self.directory / "partners" / f"{HARBOUR.client_id}.jwk.json"
        client = PartnerSystem.from_file(issuer, HARBOUR.client_id, key)
        assert client.get_token(agreement=HARBOUR.agreement).status == 200
        for _ in range(count):
            self.number += 1
            account, details = self.people[0] if self.number % HOT == 0 else self.chance.choice(self.people[1:])
            body = {
                "subject": {"account_ref": account, "confirm": details},
                "fields": ["full_name", "age", "postcode"],
                "case_reference": f"HH-{self.number}",
                "caseworker": CASEWORKER,
            }
            headers = {
                "Authorization": f"DPoP {client.token}",
                "DPoP": proof_of(client.key, f"{issuer}/v1/disclosures", client.token),
                "Content-Type": "application/json",
            }
            yield account, load.http("POST", "/v1/disclosures", headers, json.dumps(body).encode())


async def run_round(gateway: Gateway, partner: Partner, done: Load, *, quota: int, kills_all: bool) -> None:
    """Load the gateway, kill it or one of its workers at a random moment, and load on where it still serves."""
    done.stopped = False
    calls = partner.calls(20 * quota)
    begun = len(done.answered)
    asking = [asyncio.create_task(done.ask(gateway.port, calls)) for _ in range(CONNECTIONS)]
    until = time.monotonic() + 60
    while len(done.answered) - begun < quota and time.monotonic() < until:  # noqa: ASYNC110 -- an event would cost each answer
        await asyncio.sleep(0.005)
    await asyncio.sleep(partner.chance.uniform(0, 0.05))
    if kills_all:
        gateway.kill_all()
    else:
        os.kill(partner.chance.choice(gateway.serving.supervisor()), signal.SIGKILL)
        await asyncio.sleep(partner.chance.uniform(0.2, 0.6))
    done.stopped = True
    await asyncio.wait_for(asyncio.gather(*asking), 60)


async def replay(port: int, requests: list[bytes]) -> list[int]:
    """Send calls again that were answered, each with the proof that it had; return the statuses."""
    statuses = []
    for request in requests:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(request)
        status, body = await answer_of(reader)
        statuses.append(status if b"proof_replayed" in body or status != 401 else 0)
        writer.close()
    return statuses


def limit_subjects(directory: Path) -> None:
    """Publish the agreement with a limit that the one who is asked for most often reaches."""
    with office(directory) as opened:
        found = opened.reader.find_text("agreement", HARBOUR.agreement)
        assert found is not None
        version, text, _ = found
        wanted = f"limits: {{same_subject_per_day: {SAME_SUBJECT}, batch: 200}}"
        lines = [wanted if line.startswith("limits:") else line for line in text.split("\n")]
        moved = "\n".join(lines).replace(f"version: {version}\n", f"version: {version + 1}\n")
        opened.append(opened.changes.texts.publish_agreement(moved, by="operator:bench"))


def measure(directory: Path, *, rounds: int, seed: int, seconds: float, progress: Console) -> dict[str, Any]:
    """Run the rounds, and check what they left."""
    chance = random.Random(seed)  # noqa: S311 -- when to kill needs no secret
    make_council(directory)
    limit_subjects(directory)
    gateway = Gateway(directory, free_port(), directory / "messages")
    partner = Partner(directory, gateway.port, chance, accounts(directory)[:PEOPLE])
    done, kills, replays = Load(), {"gateway": 0, "worker": 0}, []
    begun = time.monotonic()
    try:
        gateway.start()
        for number in range(rounds):
            if time.monotonic() - begun > seconds:
                break
            kills_all = chance.random() < 0.5
            quota = max(10, (ENOUGH * (number + 1)) // 50 - len(done.answered)) + chance.randrange(60)
            asyncio.run(run_round(gateway, partner, done, quota=quota, kills_all=kills_all))
            kills["gateway" if kills_all else "worker"] += 1
            if kills_all:
                check(directory, done.answered, limit=SAME_SUBJECT)
                gateway.start()
            replays += asyncio.run(replay(gateway.port, done.recent))
            progress.print(f"round {number + 1}: {len(done.answered)} answered, {done.broken} broken off", style="dim")
    finally:
        gateway.kill_all()
    return {
        "at": datetime.now(UTC).isoformat(),
        "machine": platform.platform(),
        "seed": seed,
        "workers": WORKERS,
        "rounds": sum(kills.values()),
        "rounds wanted": rounds,
        "kills": kills,
        "starts": gateway.starts,
        "seconds": time.monotonic() - begun,
        "answered": len(done.answered),
        "broken off": done.broken,
        "refused at the limit": done.limited,
        "other answers": done.wrong[:5],
        "proofs sent again": len(replays),
        "of those, taken": sum(status != 401 for status in replays),
        **check(directory, done.answered, limit=SAME_SUBJECT),
    }


def free_port() -> int:
    """Return a port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def main() -> None:
    """Run, print, write; status 1 where a promise did not hold."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=1_500, help="No round begins later than this.")
    chosen = parser.parse_args()
    directory = Path(tempfile.mkdtemp(prefix="stile-crash-"))
    console = Console()
    try:
        found = measure(
            directory / "council", rounds=chosen.rounds, seed=chosen.seed, seconds=chosen.seconds, progress=console
        )
    finally:
        shutil.rmtree(directory)
    results = Path(__file__).parent / "results"
    results.mkdir(exist_ok=True)
    (results / "crash.json").write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    table = Table("what", "found", box=None, header_style="dim")
    for what, value in found.items():
        table.add_row(what, str(value))
    console.print(table)
    sys.exit(1 if found["other answers"] or found["of those, taken"] or found["rounds"] < chosen.rounds else 0)


if __name__ == "__main__":
    main()
