"""What an attacker sends the gateway, or a full disk does to it, and what it does then."""

from __future__ import annotations

import fcntl
import json
import resource
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
from house import House, free_port, open_house

import gateway.app
import gateway.background.sweeping
import gateway.serving.server
from audit.stores.connection import StoreError
from audit.writing.sequencer import LogUnavailableError
from gateway.commands.demo import serving
from gateway.council.directory import open_council

HEAD = b"GET /healthz HTTP/1.1\r\nHost: x\r\n"
CONSENT = {
    "state": "given",
    "dataset": "council-tax",
    "person": "P0000042",
    "purpose": "tenancy-sustainment",
    "recipients": ["harbour-housing"],
    "text_version": "consent-2026-03",
    "how": "in person",
}


@pytest.fixture
def port(council_directory: Path) -> Iterator[int]:
    """A gateway that really listens."""
    port, council = free_port(), open_council(council_directory)
    with serving(council, port=port):
        yield port
    council.keyring.close()


def exchange(port: int, *parts: bytes) -> bytes:
    """Send bytes, and return what comes back until the other side closes."""
    with socket.create_connection(("127.0.0.1", port), timeout=5) as line:
        try:
            for part in parts:
                line.sendall(part)
        except OSError:  # it has closed already: what it said is still to be read
            pass
        return received(line)


def received(line: socket.socket) -> bytes:
    answer = b""
    try:
        while part := line.recv(65_536):
            answer += part
    except ConnectionResetError:
        pass
    return answer


ENDLESS = {
    "one header field": (HEAD + b"X-Long: " + b"a" * 30_000,),
    "many header fields": (HEAD + b"X-Short: a\r\n" * 3_000,),
    "an address": (b"GET /" + b"a" * 30_000,),
}


@pytest.mark.parametrize("what", ENDLESS, ids=str)
def test_an_endless_head_ends_the_connection(port: int, what: str) -> None:
    """At 16 KiB, whether it is one field or many; others are served all the while."""
    answer = exchange(port, *ENDLESS[what])

    assert answer.startswith(b"HTTP/1.1 431 ")
    with urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5) as alive:
        assert alive.status == 200


def test_endless_trailers_end_the_connection(port: int) -> None:
    """What follows the last chunk of a body is no more bounded by its length than a head is."""
    with socket.create_connection(("127.0.0.1", port), timeout=3) as line:
        line.sendall(b"POST /v1/disclosures HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
        assert line.recv(65_536).startswith(b"HTTP/1.1 401 ")
        line.sendall(b"0\r\nX-Long: " + b"a" * 30_000)
        # The end of the 401 may come in a packet of its own.
        assert b"HTTP/1.1 431 " in received(line)


def test_a_flood_of_header_does_not_stall_the_gateway(port: int) -> None:
    flood = HEAD + b"X-Long: " + b"a" * 30_000_000
    begun = time.monotonic()
    exchange(port, flood)

    with urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5) as alive:
        assert alive.status == 200
    assert time.monotonic() - begun < 3


def test_an_honest_head_and_a_large_body_pass(port: int) -> None:
    """12 KiB of header in pieces, and a body of 60 KiB, on one connection, are nobody's attack."""
    headers = b"X-Long: " + b"a" * 12_000 + b"\r\n"
    body = b" " * 60_000
    with socket.create_connection(("127.0.0.1", port), timeout=5) as line:
        line.sendall(HEAD + headers[:5_000])
        line.sendall(headers[5_000:] + b"\r\n")
        assert line.recv(65_536).startswith(b"HTTP/1.1 200 ")
        line.sendall(b"POST /oauth2/token HTTP/1.1\r\nHost: x\r\nContent-Length: 60000\r\n\r\n" + body)
        line.sendall(HEAD + b"Connection: close\r\n\r\n")
        rest = received(line)

    assert rest.count(b"HTTP/1.1 ") == 2
    assert b"HTTP/1.1 431 " not in rest  # 431 alone may stand in a request id
    assert b'{"alive":true}' in rest


@pytest.mark.parametrize("sent", [b"", HEAD, HEAD + b"\r\n" + HEAD], ids=["nothing", "half a head", "half a second one"])
def test_a_head_that_never_ends_is_cut_off(port: int, sent: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gateway.serving.server, "LONGEST_HEAD", 0.3)
    begun = time.monotonic()

    answer = exchange(port, sent)

    assert 0.2 < time.monotonic() - begun < 3
    assert answer.count(b"HTTP/1.1 200 ") == sent.count(b"\r\n\r\n")


def test_a_late_head_does_not_cost_the_answer_before_it(
    port: int, council_directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The connection is cut off only once nothing is owed on it."""
    monkeypatch.setattr(gateway.serving.server, "LONGEST_HEAD", 0.2)
    asked = b"GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n" + HEAD
    with (council_directory / "state.lock").open("rb+") as lock, socket.create_connection(("127.0.0.1", port), 5) as line:
        fcntl.flock(lock, fcntl.LOCK_EX)  # as another writer does, for longer than a head may take
        line.sendall(asked)
        time.sleep(0.6)
        fcntl.flock(lock, fcntl.LOCK_UN)
        answer = received(line)

    assert answer.count(b"HTTP/1.1 200 ") == 1


class Logger:
    """Keeps what operators are told."""

    def __init__(self) -> None:
        self.told: list[tuple[str, object]] = []

    def error(self, event: str, **members: object) -> None:
        self.told.append((event, members.get("error")))


def wait_for(what: Any) -> None:
    until = time.monotonic() + 5
    while not what():
        assert time.monotonic() < until, "it never came"
        time.sleep(0.01)


def test_the_sweeper_goes_on_after_an_error(council_directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gateway.background.sweeping, "EVERY", 0.01)
    with open_house(council_directory) as house:
        logger = house.wiring.telemetry.logger = Logger()
        bad = """INSERT INTO usage (name, "window", count) VALUES ('reached/nonsense', '2020-01-01', 3)"""
        house.append(lambda connection, _moment: connection.one(bad) and None)
        wait_for(lambda: logger.told)
        assert set(logger.told) == {("sweeping_failed", "ValueError")}
        house.append(lambda connection, _moment: connection.one("DELETE FROM usage") and None)

        over = """INSERT INTO usage (name, "window", count) VALUES ('calls/long over', '2020-01-01', 1)"""
        house.append(lambda connection, _moment: connection.one(over) and None)

        wait_for(lambda: not house.rows("SELECT 1 FROM usage WHERE name = 'calls/long over'"))


def test_what_the_sweeper_ended_with_does_not_keep_the_log_open(
    council_directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def failing(*_: object) -> None:
        raise RuntimeError("a sweeper's bug")

    monkeypatch.setattr(gateway.app, "sweep", failing)
    with open_house(council_directory) as house:
        wiring = house.wiring
        assert house.http.get("/readyz").status_code == 200

    with pytest.raises(LogUnavailableError, match="closed"):
        wiring.sequencer.append(lambda _connection, _moment: None)
    with pytest.raises(StoreError, match="closed"):
        wiring.services.reader.connection.run("SELECT 1")


@contextmanager
def full_disk() -> Iterator[None]:
    """No file of this process grows past its first bytes: a write fails as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_024, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_readiness_tells_of_a_full_disk(house: House) -> None:
    """And of room again; the asking itself leaves no row."""
    with full_disk():
        full = house.http.get("/readyz")
    again = house.http.get("/readyz")

    assert (full.status_code, full.json()) == (503, {"ready": False, "log": "not writable"})
    assert (again.status_code, again.json()) == (200, {"ready": True, "log_ahead": 0})
    assert house.rows("SELECT * FROM usage WHERE name = 'readiness'") == []


BODIES = {
    "too large": (json.dumps({**CONSENT, "how": "a" * 70_000}).encode(), "request_too_large"),
    "too deep": (b'{"how":' + b"[" * 17 + b"]" * 17 + b"}", "request_too_large"),
    "a member twice": (json.dumps(CONSENT).encode()[:-1] + b', "state": "refused"}', "request_malformed"),
    "a member twice, written in two ways": (
        json.dumps(CONSENT).encode()[:-1] + b', "st\\u0061te": "refused"}',
        "request_malformed",
    ),
    "UTF-16": (json.dumps(CONSENT).encode("utf-16"), "request_malformed"),
    "no object": (b"[]", "request_malformed"),
}


@pytest.mark.parametrize("what", BODIES, ids=str)
def test_the_control_api_takes_bounded_strict_json(house: House, what: str) -> None:
    body, code = BODIES[what]
    entries = len(house.entries())

    answer = house.dpo().call("POST", "/control/v1/consents", body)

    assert answer.json()["code"] == code
    assert answer.headers["content-type"] == "application/problem+json"
    assert len(house.entries()) == entries


def test_the_control_api_takes_an_honest_body_and_none(house: House) -> None:
    dpo = house.dpo()
    posted = dpo.call("POST", "/control/v1/consents", CONSENT)

    assert posted.status_code == 201
    assert dpo.call("GET", f"/control/v1/consents/{posted.json()['consent_id']}").json()["state"] == "given"
    assert dpo.call("POST", "/control/v1/consents").json()["code"] == "request_malformed"
    typed = dpo.call("POST", "/control/v1/consents", json.dumps(CONSENT).encode(), Content_Type="text/plain")
    assert typed.status_code == 415


def test_a_stranger_is_refused_before_the_body_is_read(house: House) -> None:
    answer = house.http.post("/control/v1/consents", content=b"a" * 100_000)

    assert answer.status_code == 401


@pytest.mark.parametrize("path", ["/v1/disclosures/", "/v1/agreements/", "/healthz/", "/control/v1/consents/"])
def test_nobody_is_sent_where_a_host_header_says(house: House, path: str) -> None:
    """No redirect is made of an address with a slash too many: there is no such thing here."""
    signed = house.dpo().headers("POST", path) if path.startswith("/control") else {}
    answer = house.http.post(path, headers={**signed, "Host": "evil.example"}, follow_redirects=False)

    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert "location" not in answer.headers
