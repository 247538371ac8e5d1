"""What do other people's consents, at 200 a second, cost a partner? Only promise 4's own key of the basis should."""

from __future__ import annotations

import secrets
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from benchmarks import disclosures, load
from gateway.app import make_changes, make_sequencer, utc_now
from gateway.council.directory import open_council
from schemas.consent import ConsentRecord
from schemas.terms import Capacity, ConsentKind, ConsentState, GivenBy

GOAL: Final = 0.7
A_SECOND: Final = 200


def measure(directory: Path, *, seconds: float = 4.0) -> dict[str, Any]:
    """Return the rate of disclosures without and with consents of other people being recorded meanwhile."""
    with disclosures.served("governed", directory) as port:
        load.run(port, disclosures.governed_requests(directory, port, 300), connections=16, seconds=1.0)
        alone = load.run(port, disclosures.governed_requests(directory, port, 9_000), connections=16, seconds=seconds)
        writer = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.contention", str(directory), str(seconds + 6)], stdout=subprocess.PIPE
        )
        time.sleep(3.0)
        beside = load.run(port, disclosures.governed_requests(directory, port, 9_000), connections=16, seconds=seconds)
        said = writer.communicate(timeout=60)[0]
    return {
        "alone": alone.rate,
        "beside": beside.rate,
        "wrong": alone.wrong + beside.wrong,
        "consents a second": float(said),
        "ratio": beside.rate / alone.rate,
        "goal": GOAL,
    }


def write_consents(directory: Path, seconds: float) -> float:
    """Record consents of made-up people at a steady pace; return how many a second were acknowledged."""
    council = open_council(directory)
    changes = make_changes(council)
    sequencer = make_sequencer(council, utc_now, lambda results: [done(result) for done, result in results])
    sequencer.start()
    begun = time.monotonic()
    count = 0
    while (passed := time.monotonic() - begun) < seconds:
        if count > passed * A_SECOND:
            time.sleep(0.001)
            continue
        record = a_consent(changes.people.subject_ref("council-tax", f"bench-{count % 500}"))
        sequencer.append(changes.people.record_consent(record))
        count += 1
    sequencer.close()
    return count / seconds


if __name__ == "__main__":
    print(write_consents(Path(sys.argv[1]), float(sys.argv[2])))


def a_consent(subject_ref: str) -> ConsentRecord:
    """Return a consent to the demo's housing association."""
    return ConsentRecord(
        consent_id="c_" + secrets.token_hex(12),
        subject_ref=subject_ref,
        controller="northmoor",
        dataset="council-tax",
        purpose="tenancy-sustainment",
        recipients=frozenset({"harbour-housing"}),
        fields=frozenset(),
        state=ConsentState.GIVEN,
        kind=ConsentKind.UK_GDPR,
        given_by=GivenBy.SELF,
        capacity=Capacity.PRESUMED,
        authority=None,
        evidence=None,
        text_version="v1",
        how="bench",
        recorded_by="bench",
        from_at=datetime.fromtimestamp(0, UTC),
        until=None,
    )
