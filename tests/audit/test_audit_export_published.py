"""A log is verified at its address: what is fetched is bounded, and what is no log is told."""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from audit_exporting import SIGNER, GrowingLog
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from audit import published
from audit.merkle import ProofError
from audit.published import Published, UnreadableError
from audit.whole import verify_log


@pytest.fixture
def log(tmp_path: Path) -> GrowingLog:
    return GrowingLog(tmp_path / "state.sqlite")


@pytest.fixture
def exported(log: GrowingLog, tmp_path: Path) -> Path:
    log.grow_to(700)
    log.export(tmp_path / "out")
    return tmp_path / "out"


Serve = Callable[[type[BaseHTTPRequestHandler] | partial], str]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Serves on loopback; returns the address."""
    servers = []

    def start(handler) -> str:
        server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        servers.append(server)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return f"http://127.0.0.1:{server.server_port}/"

    yield start
    for one in servers:
        one.shutdown()
        one.server_close()


class _Folder(SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def at(url: str, *, seen: str | None = None):
    with Published(url) as fetch:
        return verify_log(
            fetch, vkey=SIGNER.vkey, seen=seen, with_entries=False, begun=lambda _: None, progress=lambda _: None
        )


def test_a_published_log_verifies_by_its_hashes(log: GrowingLog, exported: Path, serve: Serve) -> None:
    url = serve(partial(_Folder, directory=str(exported)))

    assert at(url).checkpoint.size == 700
    log.grow_to(800)
    log.export(exported)
    assert at(url, seen=log.notes[700]).seen_size == 700
    (exported / "tile" / "0" / "001").write_bytes(bytes(8_192))
    with pytest.raises(ProofError, match="entries 256 to 511"):
        at(url)


def answering(status: int, headers: dict[str, str], body: bytes = b"") -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    return Handler


@pytest.mark.parametrize(
    ("status", "headers", "body", "told"),
    [
        (302, {"Location": "http://127.0.0.1/elsewhere"}, b"", "redirected"),
        (503, {}, b"", "status 503"),
        (200, {}, b"x" * 200_000, "over 131072 bytes"),
        (404, {}, b"", "there is no checkpoint"),
        (200, {}, b"\xff", "not UTF-8"),
    ],
)
def test_an_address_that_answers_otherwise_is_told(serve: Serve, status: int, headers, body: bytes, told: str) -> None:
    with pytest.raises((UnreadableError, ProofError), match=told):
        at(serve(answering(status, headers, body)))


@pytest.mark.parametrize(
    "url",
    [
        "http://gateway.example/log",
        "ftp://127.0.0.1/",
        "https://user@gateway.example/log",
        "https://",
        "http://127.0.0.1:x/",
    ],
)
def test_an_address_that_is_not_one_is_not_asked(url: str) -> None:
    with pytest.raises(UnreadableError):
        Published(url)


def test_a_drip_is_not_waited_for(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(published, "TIMEOUT", 0.3)

    class Dripping(answering(200, {"Content-Length": "1000"})):
        def do_GET(self) -> None:  # noqa: N802 -- the library's own name
            super().do_GET()
            for _ in range(100):
                try:
                    self.wfile.write(b"x")
                except OSError:
                    return
                time.sleep(0.05)

    with pytest.raises(UnreadableError, match="took longer than"):
        at(serve(Dripping))


def test_a_certificate_that_nobody_vouches_for_is_refused(serve: Serve, tmp_path: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    begun = datetime(2020, 1, 1, tzinfo=UTC)
    made = x509.CertificateBuilder(name, name, key.public_key(), 7, begun, begun.replace(year=2090))
    pem = made.sign(key, SHA256()).public_bytes(Encoding.PEM)
    pem += key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (tmp_path / "pem").write_bytes(pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "pem")

    class Unseen(ThreadingHTTPServer):
        def handle_error(self, *_: object) -> None:
            """Say nothing of a handshake that the other side broke off."""

    server = Unseen(("127.0.0.1", 0), answering(200, {}))
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        with pytest.raises(UnreadableError, match=r"(?i)certificate"):
            at(f"https://localhost:{server.server_port}/")
    finally:
        server.shutdown()
        thread.join(10)
        server.server_close()


def test_nobody_listening_is_told() -> None:
    with pytest.raises(UnreadableError, match="checkpoint can't be fetched"):
        at("http://127.0.0.1:9/")
