"""A log is verified at its address: what is fetched is bounded, and what is no log is told."""

from __future__ import annotations

import os
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

from audit.checking import published
from audit.checking.published import Published, UnreadableError, in_directory
from audit.checking.whole import verify_log
from audit.tree.merkle import ProofError

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


DRIPS = {
    "head": (b"HTTP/1.1 200 OK\r\nX-A: ", b"a"),
    "continue": (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "size of a chunk": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"0"),
    "trailers": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", b"X: y\r\n"),
    "body": (b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n", b"x"),
    "silence": (b"", b""),
}


@pytest.mark.parametrize("kind", DRIPS)
def test_a_drip_is_not_waited_for(serve: Serve, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    """Each part comes soon enough, and the whole never would."""
    monkeypatch.setattr(published, "TIMEOUT", 0.4)
    before, drop = DRIPS[kind]
    over = threading.Event()

    class Dripping(answering(200, {})):
        def do_GET(self) -> None:  # noqa: N802 -- the library's own name
            self.wfile.write(before)
            for _ in range(60):
                if over.wait(0.05):
                    return
                try:
                    self.wfile.write(drop)
                except OSError:
                    return

    url, begun = serve(Dripping), time.monotonic()
    try:
        with pytest.raises(UnreadableError, match=r"checkpoint took longer than 0.4 seconds"):
            at(url)
        assert time.monotonic() - begun < 1.5
    finally:
        over.set()


def test_a_file_is_given_its_whole_time_on_a_connection_that_is_kept(
    exported: Path, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What one file had left must not be all that the next one has."""
    monkeypatch.setattr(published, "TIMEOUT", 0.6)

    class Slow(_Folder):
        def do_GET(self) -> None:
            time.sleep(0.25)
            super().do_GET()

    with Published(serve(partial(Slow, directory=str(exported)))) as fetch:
        assert [fetch("checkpoint", 100_000) is not None for _ in range(4)] == [True] * 4


@pytest.mark.parametrize("make", [os.mkfifo, Path.mkdir, lambda path: path.symlink_to("/dev/zero")])
def test_what_is_no_file_of_an_exported_log_is_refused_at_once(tmp_path: Path, make: Callable[[Path], None]) -> None:
    make(tmp_path / "checkpoint")
    ended = threading.Event()

    def read() -> None:
        with pytest.raises(UnreadableError, match="checkpoint"):
            in_directory(tmp_path)("checkpoint", 1_000)
        ended.set()

    threading.Thread(target=read, daemon=True).start()

    assert ended.wait(5)


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
