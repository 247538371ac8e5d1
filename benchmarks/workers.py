"""How much more do two workers answer than one? Through `stile serve --workers`, as an operator starts them."""

from __future__ import annotations

import contextlib
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from benchmarks import disclosures, load
from gateway.demo.making import HARBOUR
from gateway.demo.partner import CallFailedError, PartnerSystem

GOAL: Final = 1.6
ROUNDS: Final = 5
CONNECTIONS: Final = 64  # by 32, each of two workers waits for callers while the other has the log


def measure(directory: Path, *, seconds: float = 4.0) -> dict[str, Any]:
    """Measure one worker and two by turns, so that what the machine does besides falls on both."""
    if not directory.exists():
        disclosures.make_council(directory)
    pairs = [(run(directory, 1, seconds), run(directory, 2, seconds)) for _ in range(ROUNDS)]
    raw = statistics.median(two["rate"] / one["rate"] for one, two in pairs)
    aside = statistics.median(two["aside"] / one["aside"] for one, two in pairs)
    return {"rounds": pairs, "ratio": raw, "ratio, load generator aside": aside, "goal": GOAL}


def run(directory: Path, workers: int, seconds: float) -> dict[str, float]:
    """Return answers a second; `aside` is what they would be if the load came from another machine.

    Answers and their load share two cores here: what the generator takes of them is taken from the answers of two workers,
    and is mostly idle beside one.
    """
    with served(directory, workers) as port:
        issuer = f"http://127.0.0.1:{port}"
        warm, made = (disclosures.governed_requests(directory, port, count, issuer=issuer) for count in (1_000, 12_000))
        load.run(port, warm, connections=CONNECTIONS, seconds=2.0)
        before = time.process_time()
        found = load.run(port, made, connections=CONNECTIONS, seconds=seconds)
        own = (time.process_time() - before) / found.seconds
    assert found.wrong == 0
    taken = max(0.0, workers + own - 2)  # of two cores, by the generator from the workers
    return {"rate": found.rate, "generator's cores": own, "aside": found.rate * workers / (workers - taken)}


@contextlib.contextmanager
def served(directory: Path, workers: int) -> Iterator[int]:
    """Serve until the end of the block; yields the port once a token is given."""
    port = disclosures.free_port()
    words = ["--dir", str(directory), "--port", str(port), "--metrics-port", "0", "--workers", str(workers)]
    process = subprocess.Popen([sys.executable, "-m", "gateway.cli", "serve", *words], stderr=subprocess.DEVNULL)
    key = directory / "partners" / f"{HARBOUR.client_id}.jwk.json"
    partner = PartnerSystem.from_file(f"http://127.0.0.1:{port}", HARBOUR.client_id, key)
    try:
        for _ in range(400):
            with contextlib.suppress(CallFailedError):
                if partner.get_token(agreement=HARBOUR.agreement).status == 200:
                    break
            time.sleep(0.05)
        time.sleep(1.0)  # the second worker starts beside the first
        yield port
    finally:
        process.terminate()
        process.wait(30)
