"""Several workers of one gateway in processes of their own, and partners who call them."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import queue
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import orjson
from house import CASEWORKER, GRACE, HARBOUR, ISSUER, free_port

from audit.format.commitment import open_bundle
from audit.stores.checked import check_whole_log
from audit.stores.entries import bundles
from gateway.commands.common import office
from gateway.council.directory import open_council
from gateway.demo.making import DPO
from gateway.demo.partner import CallFailedError, PartnerSystem, Reply, send
from gateway.oauth.assertion import ASSERTION_TYPE
from gateway.oauth.made_jwts import make_assertion, make_proof

CONSENT = {
    "state": "given", "dataset": "council-tax", "person": "P0000042", "purpose": "tenancy-sustainment",
    "recipients": ["harbour-housing"], "fields": ["arrears"], "text_version": "v1", "how": "in person",
}  # fmt: skip
PRICE = {"account_ref": "1000043", "confirm": {"surname": "Price", "date_of_birth": "1961-11-30"}}
LIMITS = "limits: {per_minute: 60, subjects_per_day: 500, same_subject_per_day: 500, batch: 200}"


@dataclass
class Served:
    """`stile serve` with its messages, and the workers that it has told to be ready."""

    directory: Path
    process: subprocess.Popen[str]
    port: int
    metrics_port: int
    messages: list[dict[str, Any]] = field(default_factory=list)
    other: list[str] = field(default_factory=list)
    _heard: queue.SimpleQueue[str | None] = field(default_factory=queue.SimpleQueue)

    def hear(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self._heard.put(line)
        self._heard.put(None)

    def wait_for(self, event: str, count: int, *, seconds: float = 60) -> list[int]:
        """Return the workers of an event once it was told so often."""
        until = time.monotonic() + seconds
        while len(found := self.messages_of(event)) < count:
            line = self._heard.get(timeout=max(0.01, until - time.monotonic()))
            assert line is not None, (event, self.messages, self.other)
            if line.startswith("{"):
                self.messages.append(json.loads(line))
            else:
                self.other.append(line)
        return found

    def told(self) -> list[str]:
        """Return what else it said until now: for the message of a test that failed."""
        while not self._heard.empty():
            self.other.append(str(self._heard.get()))
        return self.other

    def messages_of(self, event: str) -> list[int]:
        """Return the workers that it was told of until now."""
        return [one["worker"] for one in self.messages if one["event"] == event]


@contextlib.contextmanager
def serving(directory: Path, *, workers: int, port: int | None = None) -> Iterator[Served]:
    """Serve with several workers; afterwards none is left."""
    port, metrics_port = port or free_port(), free_port()
    words = ["serve", "--dir", directory, "--port", port, "--metrics-port", metrics_port, "--workers", workers]
    process = subprocess.Popen(
        [sys.executable, "-m", "gateway.cli", *map(str, words)], stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    served = Served(directory, process, port, metrics_port)
    listener = threading.Thread(target=served.hear, daemon=True)
    listener.start()
    try:
        yield served
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(10)
        listener.join(10)
        process.stderr.close()


@contextlib.contextmanager
def lone_worker(directory: Path) -> Iterator[int]:
    """Run one worker as its parent would, on a port of its own; yields the port. All have one public address."""
    ours, theirs = socket.socketpair()
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        port = listening.getsockname()[1]
        post = {
            "directory": str(directory), "public_url": ISSUER, "host": "127.0.0.1", "port": port,
            "listening": [listening.fileno()], "parent": theirs.fileno(),
        }  # fmt: skip
        process = subprocess.Popen(
            [sys.executable, "-m", "gateway.serving.worker", json.dumps(post)],
            pass_fds=(listening.fileno(), theirs.fileno()),
        )
    theirs.close()
    try:
        ours.settimeout(30)
        assert ours.recv(4_096).startswith(b'{"ready":true}')
        ours.settimeout(None)
        threading.Thread(target=lambda: [None for _ in iter(lambda: ours.recv(65_536), b"")], daemon=True).start()
        yield port
    finally:
        process.terminate()
        assert process.wait(10) == 0
        ours.close()


def partner_of(directory: Path, issuer: str, client_id: str = HARBOUR.client_id) -> PartnerSystem:
    folder = "offices" if client_id == DPO else "partners"
    return PartnerSystem.from_file(issuer, client_id, directory / folder / f"{client_id}.jwk.json")


def get_token_at(port: int, partner: PartnerSystem, **form: str) -> None:
    """Get a token from one worker by its own port, and let the partner keep it."""
    path = "/oauth2/token"
    whole = {
        "grant_type": "client_credentials",
        "client_assertion_type": ASSERTION_TYPE,
        "client_assertion": make_assertion(partner.key, client_id=partner.client_id, issuer=partner.issuer),
        **form,
    }
    proof = make_proof(partner.key, method="POST", url=partner.issuer + path, token=None)
    headers = {"DPoP": proof, "Content-Type": "application/x-www-form-urlencoded"}
    reply = send("POST", f"http://127.0.0.1:{port}{path}", headers, urlencode(whole).encode())
    assert reply.status == 200, reply.body
    partner.token = reply.json()["access_token"]


def body_of(subject: dict[str, Any] = GRACE, **more: Any) -> dict[str, Any]:
    return {"subject": subject, "case_reference": "HH-1", "caseworker": CASEWORKER, "fields": ["age", "arrears"], **more}


def proof_for(partner: PartnerSystem, path: str) -> str:
    return make_proof(partner.key, method="POST", url=partner.issuer + path, token=partner.token)


def post_to(port: int, partner: PartnerSystem, path: str, body: Any, proof: str | None = None) -> Reply:
    """Call one worker by its own port, with a proof for the address that all share."""
    headers = {
        "Authorization": f"DPoP {partner.token}",
        "DPoP": proof or proof_for(partner, path),
        "Content-Type": "application/json",
    }
    return send("POST", f"http://127.0.0.1:{port}{path}", headers, json.dumps(body).encode())


class Asking(threading.Thread):
    """Asks one call after another until told to stop, a new connection each; keeps every whole answer."""

    def __init__(self, partner: PartnerSystem, body: dict[str, Any], *, most: int = 1_000_000) -> None:
        super().__init__(daemon=True)
        self.partner, self.body, self.most = partner, body, most
        self.stopped = threading.Event()
        self.replies: list[Reply] = []
        self.broken = 0

    def run(self) -> None:
        for _ in range(self.most):
            if self.stopped.is_set():
                return
            try:
                self.replies.append(self.partner.call("POST", "/v1/disclosures", self.body))
            except CallFailedError:  # its worker was killed meanwhile
                self.broken += 1


@contextlib.contextmanager
def under_load(partner: PartnerSystem, body: dict[str, Any], *, threads: int) -> Iterator[list[Asking]]:
    """Keep asking with one token while the block runs."""
    asking = [Asking(partner, body) for _ in range(threads)]
    for one in asking:
        one.start()
    try:
        yield asking
    finally:
        for one in asking:
            one.stopped.set()
        for one in asking:
            one.join(25)


def republish(directory: Path, old: str, new: str) -> None:
    """Publish Harbour's agreement anew with a part replaced, as `stile agreement publish` does."""
    with office(directory) as opened:
        version, text, _ = opened.reader.find_text("agreement", HARBOUR.agreement)
        assert old in text
        text = text.replace(old, new).replace(f"version: {version}\n", f"version: {version + 1}\n")
        opened.append(opened.changes.texts.publish_agreement(text, by="test"))


def check_log(directory: Path, answers: list[bytes]) -> None:
    """Recompute the whole log; each answer's entry stands where its receipt says, byte for byte, and still opens."""
    council = open_council(directory)
    connection = council.store.open(read_only=True)
    try:
        check_whole_log(connection, council.signer.vkey)
        entries = dict(connection.all("SELECT idx, entry FROM log_entry"))
        assert sorted(entries) == list(range(len(entries)))
        for raw in answers:
            receipt = orjson.loads(raw)["receipt"]
            entry = entries[receipt["index"]]
            assert entry == base64.b64decode(receipt["entry"])
            found = bundles(connection, receipt["index"])
            assert len(found) == 3, "the controller's, the caseworker's, the subject's"
            for key_id, ciphertext in found:
                open_bundle(council.keyring.load(key_id), orjson.loads(entry)["id"], ciphertext)
    finally:
        connection.close()
        council.keyring.close()
