"""How many records a second does a call about many people give, beside the same query and JSON with no decision or log?"""

from __future__ import annotations

import json
import time
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, Final

from benchmarks import disclosures
from gateway.demo.making import HARBOUR
from gateway.demo.partner import PartnerSystem

SUBJECTS: Final = 1_000
GOAL: Final = 5_000  # records a second, in one worker
URL: Final = "http://127.0.0.1:8080/v1/disclosures"


def measure(directory: Path, *, seconds: float = 6.0) -> dict[str, Any]:
    """Measure ours, then the plain endpoint, then ours again: the machine may have moved."""
    if not directory.exists():
        disclosures.make_council(directory)
    first, plain, second = (run(name, directory, seconds=seconds) for name in ("governed", "e", "governed"))
    rate = (first["rate"] + second["rate"]) / 2
    return {"rate": rate, "runs": [first, second], "plain": plain, "ratio": rate / plain["rate"], "goal": GOAL}


def run(name: str, directory: Path, *, seconds: float) -> dict[str, Any]:
    """Ask one server for a thousand people at a time, over one connection."""
    people = disclosures.accounts(directory)
    with disclosures.served(name, directory) as port:
        caller = Caller(name, directory, port)
        caller.ask(people[:100])
        calls, records, size, begun = 0, 0, 0, time.perf_counter()
        while time.perf_counter() < begun + seconds:
            lines, received = caller.ask(people)
            calls, records, size = calls + 1, records + lines, size + received
        taken = time.perf_counter() - begun
    return {"calls": calls, "records": records, "rate": records / taken, "bytes a record": size / records}


class Caller:
    """A partner's system that asks about many."""

    def __init__(self, name: str, directory: Path, port: int) -> None:
        key = directory / "partners" / f"{HARBOUR.client_id}.jwk.json"
        self._client = PartnerSystem.from_file("http://127.0.0.1:8080", HARBOUR.client_id, key)
        self._is_ours = name == "governed"
        self._token = disclosures.token_at(self._client, port) if self._is_ours else ""
        self._connection = HTTPConnection("127.0.0.1", port, timeout=60)

    def ask(self, people: list[tuple[str, dict[str, str]]]) -> tuple[int, int]:
        """Return how many records came, and bytes."""
        subjects = [
            {"ref": str(number), "account_ref": ref, "confirm": details}
            for number, (ref, details) in enumerate((people * SUBJECTS)[: min(SUBJECTS, len(people))])
        ]
        body = {"subjects": subjects, "fields": disclosures.FIELDS, "case_reference": "HH-1"}
        headers = {"Content-Type": "application/json", "Accept": "application/x-ndjson"}
        if self._is_ours:
            proof = disclosures.proof_of(self._client.key, URL, self._token)
            headers |= {"Authorization": f"DPoP {self._token}", "DPoP": proof}
            body["caseworker"] = disclosures.CASEWORKER
        self._connection.request("POST", "/v1/disclosures", json.dumps(body).encode(), headers)
        answer = self._connection.getresponse()
        content = answer.read()
        assert answer.status == 200, content[:300]
        assert not self._is_ours or b'"outcomes":{"partial"' in content[-120:] or b'"outcomes":{"full"' in content[-120:]
        return len(subjects), len(content)
