"""A long batch over real HTTP: its lines come as they are recorded; cut off or killed, what was recorded stands."""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from house import CASEWORKER, HARBOUR, House, free_port, open_house, republish

from audit.checking.verify import is_complete, verify_answers
from audit.stores.checked import check_whole_log
from audit.stores.sqlite import open_connection
from gateway.council.directory import open_council
from gateway.demo.partner import CallFailedError, PartnerSystem
from gateway.oauth.made_jwts import make_proof

LIMITS = "limits: {per_minute: 60, subjects_per_day: 500, same_subject_per_day: 500, batch: 200}"
PEOPLE = 6_000  # more lines than the buffers of two sockets take
CHUNKS = PEOPLE // 100


@pytest.fixture
def directory(council_directory: Path) -> Path:
    with open_house(council_directory) as house:
        republish(house, HARBOUR.agreement, (LIMITS, "limits: {batch: 10000}"))
    return council_directory


@contextlib.contextmanager
def serving(directory: Path) -> Iterator[tuple[subprocess.Popen[bytes], PartnerSystem]]:
    port = free_port()
    words = ["serve", "--dir", str(directory), "--port", str(port), "--metrics-port", "0"]
    process = subprocess.Popen([sys.executable, "-m", "gateway.cli", *words])
    key = directory / "partners" / f"{HARBOUR.client_id}.jwk.json"
    partner = PartnerSystem.from_file(f"http://127.0.0.1:{port}", HARBOUR.client_id, key)
    try:
        for _ in range(400):
            with contextlib.suppress(CallFailedError):
                if partner.get_token(agreement=HARBOUR.agreement).status == 200:
                    break
            time.sleep(0.05)
        yield process, partner
    finally:
        process.kill()
        process.wait(10)


def begin(partner: PartnerSystem, count: int) -> tuple[socket.socket, bytes]:
    """Ask for many, and return the connection with what came of the first chunk."""
    subjects = [
        {"ref": f"r{n}", "account_ref": str(7_000_000 + n), "confirm": {"surname": "Nobody", "date_of_birth": "1970-01-01"}}
        for n in range(count)
    ]
    body = json.dumps({"subjects": subjects, "case_reference": "HH-1", "caseworker": CASEWORKER}).encode()
    url = f"{partner.issuer}/v1/disclosures"
    lines = [
        "POST /v1/disclosures HTTP/1.1",
        "Host: gateway",
        f"Authorization: DPoP {partner.token}",
        f"DPoP: {make_proof(partner.key, method='POST', url=url, token=partner.token)}",
        "Content-Type: application/json",
        "Accept: application/x-ndjson",
        f"Content-Length: {len(body)}",
    ]
    connection = socket.create_connection(("127.0.0.1", int(partner.issuer.rpartition(":")[2])), timeout=30)
    connection.sendall("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
    received = b""
    while received.count(b'{"receipt":') < 1:
        received += connection.recv(65_536)
    return connection, received


def lines_in(received: bytes) -> list[bytes]:
    """Return the whole lines of what came, without HTTP's own."""
    head, _, rest = received.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200")
    body = b""
    while rest:
        size, _, rest = rest.partition(b"\r\n")
        body += rest[: int(size, 16)]
        rest = rest[int(size, 16) + 2 :]
    return body.split(b"\n")[:-1]


def entries(directory: Path) -> list[dict[str, Any]]:
    council = open_council(directory)
    connection = council.store.open(read_only=True)
    check_whole_log(connection, council.signer.vkey)
    found = [orjson.loads(raw) for (raw,) in connection.execute("SELECT entry FROM log_entry ORDER BY idx")]
    connection.close()
    council.keyring.close()
    return [one for one in found if "people" in one]


def count_of(directory: Path) -> int:
    connection = open_connection(directory / "state.sqlite", read_only=True)
    (count,) = connection.execute("SELECT count(*) FROM log_leaf").fetchone()
    connection.close()
    return int(count)


def is_quiet(directory: Path) -> int:
    """Wait until no more chunks are recorded; return how many were."""
    before = -1
    while (now := count_of(directory)) != before:
        before = now
        time.sleep(0.7)
    return now


def test_a_caller_that_goes_away_ends_its_batch(directory: Path) -> None:
    """No chunk is asked for that nobody will read; the gateway serves on."""
    with serving(directory) as (_, partner):
        connection, received = begin(partner, PEOPLE)
        connection.close()
        recorded = is_quiet(directory)
        again = partner.call("GET", "/v1/agreements")

    assert 1 <= recorded < CHUNKS
    assert again.status == 200
    assert len(entries(directory)) == recorded
    assert_recorded(received, directory)


def test_a_caller_that_does_not_read_holds_its_batch_up(directory: Path) -> None:
    """What waits to be sent is bounded: the gateway records no further than its caller reads."""
    with serving(directory) as (_, partner):
        connection, _ = begin(partner, PEOPLE)
        held = is_quiet(directory)
        connection.close()

    assert 1 <= held < CHUNKS


def test_a_gateway_killed_in_a_batch_keeps_what_it_gave_out(directory: Path) -> None:
    """Every line that came is in the log; the answer shows itself that it is not whole."""
    with serving(directory) as (process, partner):
        connection, received = begin(partner, PEOPLE)
        process.kill()
        with contextlib.suppress(OSError):
            while part := connection.recv(65_536):
                received += part
        connection.close()

    assert_recorded(received, directory)
    with open_house(directory) as house:
        check_house(house)


def check_house(house: House) -> None:
    """The gateway goes on where it was killed."""
    another = {**CASEWORKER, "id": "mk02"}  # the first has missed too often today
    assert house.harbour().ask(fields=["age"], caseworker=another).status_code == 200


def assert_recorded(received: bytes, directory: Path) -> None:
    council = open_council(directory)
    vkey = council.signer.vkey
    council.keyring.close()
    whole = lines_in(received)
    last = max(place for place, line in enumerate(whole) if line.startswith(b'{"receipt":'))
    kept = b"\n".join(whole[: last + 1])
    verified = verify_answers(kept, vkey=vkey)
    assert len(verified) >= 100
    assert not is_complete(kept)
    ids = {entry["id"] for entry in entries(directory)}
    assert {one.entry_id for one in verified} <= ids
