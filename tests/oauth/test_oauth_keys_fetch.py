"""What may be fetched from a client's jwks_uri, from where, and in which bounds: against real small servers on loopback."""

from __future__ import annotations

import asyncio
import datetime as dt
import gzip
import ipaddress
import json
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiohttp.abc import AbstractResolver
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hours import machine_now
from joserfc import jwk
from typing_extensions import override

from gateway.oauth.jwks_fetch import JwksFetch, JwksRefusedError, keys_of

Handle = Callable[[asyncio.StreamWriter], Awaitable[None]]
KEY = jwk.generate_key("EC", "P-256", private=True)
SET = json.dumps({"keys": [KEY.as_dict(private=False)]}).encode()


def answer(body: bytes = SET, *, status: str = "200 OK", kind: str = "application/jwk-set+json", more: str = "") -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n{more}\r\n"
    return head.encode() + body


@dataclass
class Seen:
    """What a server was asked."""

    heads: list[str] = field(default_factory=list)


@asynccontextmanager
async def serving(handle: bytes | Handle, *, trust: ssl.SSLContext | None = None) -> AsyncIterator[tuple[int, Seen]]:
    """Serve one answer to everybody; yields the port and what was asked."""
    seen = Seen()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            seen.heads.append((await reader.readuntil(b"\r\n\r\n")).decode())
            if isinstance(handle, bytes):
                writer.write(handle)
                await writer.drain()
            else:
                await handle(writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=trust)
    try:
        yield server.sockets[0].getsockname()[1], seen
    finally:
        server.close()


class Names(AbstractResolver):
    """A resolver whose answers a test chooses: each call takes the next, the last stays."""

    def __init__(self, *answers: tuple[str, ...]) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []

    @override
    async def resolve(self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET) -> list[Any]:
        self.asked.append(host)
        found = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return [
            {"hostname": host, "host": one, "port": port, "family": socket.AF_INET, "proto": 0, "flags": 0} for one in found
        ]

    @override
    async def close(self) -> None:
        """Nothing is open."""


def fetched(handle: bytes | Handle, **more: Any) -> tuple[Any, Seen]:
    """Fetch from a server on loopback, which the setting for trials allows."""

    async def run() -> tuple[Any, Seen]:
        async with serving(handle) as (port, seen):
            fetch = JwksFetch((f"127.0.0.1:{port}",), allow_private=True, **more)
            return await fetch.fetch(f"http://127.0.0.1:{port}/keys"), seen

    return asyncio.run(run())


def refused(handle: bytes | Handle, **more: Any) -> str:
    with pytest.raises(JwksRefusedError) as error:
        fetched(handle, **more)
    return str(error.value)


def test_a_set_is_fetched() -> None:
    keys, seen = fetched(answer())

    assert [one.thumbprint for one in keys] == [KEY.thumbprint()]
    assert "cookie" not in seen.heads[0].lower()
    assert "accept-encoding: identity" in seen.heads[0].lower()


@pytest.mark.parametrize(
    ("handle", "words"),
    [
        (answer(status="302 Found", more="Location: http://127.0.0.1:1/\r\n"), "status 302, and nothing else is followed"),
        (answer(status="307 Temporary Redirect", more="Location: /other\r\n"), "status 307"),
        (answer(status="404 Not Found"), "status 404"),
        (answer(status="206 Partial Content"), "status 206"),
        (answer(kind="text/html"), "not of type"),
        (answer(kind=""), "not of type"),
        (answer(gzip.compress(SET), more="Content-Encoding: gzip\r\n"), "came compressed"),
        (answer(b"x" * 65_537), "over 65536 bytes"),
        (answer(b"[" * 60_000), "nested too deeply"),
        (answer(b'{"keys":[],"keys":[]}'), "member is given twice"),
        (answer(b"{"), "not JSON"),
        (answer(b"\xff"), "not JSON"),
        (answer(b"[]"), "does not hold 1 to 16 keys"),
        (answer(b'{"keys":{}}'), "does not hold 1 to 16 keys"),
        (answer(b'{"keys":[]}'), "does not hold 1 to 16 keys"),
        (answer(json.dumps({"keys": [1] * 17}).encode()), "does not hold 1 to 16 keys"),
        (answer(json.dumps({"keys": [{"kty": "EC", "crv": "P-384"}]}).encode()), "1 to 4 keys that a client may have"),
        (answer(json.dumps({"keys": [dict(KEY.as_dict(private=True))]}).encode()), "a private key"),
        (b"not HTTP\r\n\r\n", "could not be had"),
        (b"", "could not be had"),
        (answer()[:-10], "could not be had"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"y" * 100_000 + b"\r\n\r\n", "could not be had"),
    ],
    ids=lambda one: one[:24].decode("latin-1") if isinstance(one, bytes) else one,
)
def test_what_is_no_good_answer_is_refused_in_words(handle: bytes, words: str) -> None:
    assert words in refused(handle)


def test_a_redirect_is_never_followed() -> None:
    async def run() -> int:
        async with serving(answer()) as (inner, inside):
            moved = answer(b"", status="302 Found", more=f"Location: http://127.0.0.1:{inner}/\r\n")
            async with serving(moved) as (port, _):
                fetch = JwksFetch((f"127.0.0.1:{port}", f"127.0.0.1:{inner}"), allow_private=True)
                with pytest.raises(JwksRefusedError, match="302"):
                    await fetch.fetch(f"http://127.0.0.1:{port}/")
            return len(inside.heads)

    assert asyncio.run(run()) == 0


def test_endless_bytes_are_cut_off() -> None:
    async def endless(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n")
        while not writer.is_closing():
            writer.write(b"4000\r\n" + b" " * 0x4000 + b"\r\n")
            await writer.drain()

    assert "over 65536 bytes" in refused(endless)


def test_a_slow_drip_is_cut_off() -> None:
    """Each byte comes in good time; all of them together don't."""

    async def drip(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n")
        for _ in range(100):
            writer.write(b" ")
            await writer.drain()
            await asyncio.sleep(0.02)

    assert "did not come in 0.3 seconds" in refused(drip, patience=0.3)


def test_silence_is_cut_off() -> None:
    assert "did not come in 0.2 seconds" in refused(lambda _writer: asyncio.sleep(2), patience=0.2)


def test_nobody_there_is_told() -> None:
    async def run() -> None:
        async with serving(answer()) as (port, _):
            pass
        await JwksFetch((f"127.0.0.1:{port}",), allow_private=True).fetch(f"http://127.0.0.1:{port}/")

    with pytest.raises(JwksRefusedError, match="ClientConnectorError"):
        asyncio.run(run())


# -- where a name leads


@pytest.mark.parametrize(
    "addresses", [("127.0.0.1",), ("10.0.0.7",), ("1.1.1.1", "127.0.0.1"), ("::ffff:127.0.0.1",), ("x",)]
)
def test_a_name_that_leads_inside_is_not_connected_to(addresses: tuple[str, ...]) -> None:
    """One such address among others is enough."""

    async def run() -> tuple[str, int]:
        async with serving(answer()) as (port, seen):
            fetch = JwksFetch((f"keys.harbour.example:{port}",), resolver=Names(addresses))
            with pytest.raises(JwksRefusedError) as error:
                await fetch.fetch(f"https://keys.harbour.example:{port}/keys")
            return str(error.value), len(seen.heads)

    words, asked = asyncio.run(run())
    assert "leads to an address that is not public" in words
    assert asked == 0


def test_the_name_is_resolved_once_so_that_it_can_not_be_bound_anew(tmp_path: Path) -> None:
    """DNS rebinding: what was checked is what is connected to, whatever the name answers afterwards."""
    trust, ours = certificates(tmp_path, "keys.harbour.example")

    async def run() -> tuple[Any, list[str], int]:
        async with serving(answer(), trust=trust) as (port, seen):
            names = Names(("127.0.0.1",), ("127.0.0.2",))
            fetch = JwksFetch((f"keys.harbour.example:{port}",), allow_private=True, resolver=names, trust=ours)
            keys = await fetch.fetch(f"https://keys.harbour.example:{port}/keys")
            return keys, names.asked, len(seen.heads)

    keys, asked, connected = asyncio.run(run())
    assert [one.thumbprint for one in keys] == [KEY.thumbprint()]
    assert (asked, connected) == (["keys.harbour.example"], 1)


def test_a_name_is_checked_at_each_fetch() -> None:
    async def run() -> list[str]:
        names = Names(("192.168.0.9",), ("127.0.0.1",))
        fetch = JwksFetch(("keys.harbour.example",), resolver=names)
        for _ in range(2):
            with pytest.raises(JwksRefusedError, match="not public"):
                await fetch.fetch("https://keys.harbour.example/keys")
        return names.asked

    assert len(asyncio.run(run())) == 2


# -- TLS


def certificates(folder: Path, name: str) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Return a server's context with a certificate of this name, and a client's that trusts it alone."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = machine_now()
    names = [x509.DNSName(name), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "cert.pem").write_bytes(made.public_bytes(Encoding.PEM))
    (folder / "key.pem").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    return server, ssl.create_default_context(cafile=str(folder / "cert.pem"))


@pytest.mark.parametrize(("name", "is_trusted"), [("keys.harbour.example", False), ("keys.another.example", True)])
def test_a_certificate_must_be_trusted_and_of_the_name(tmp_path: Path, name: str, is_trusted: bool) -> None:  # noqa: FBT001 -- a parameter of a table
    trust, ours = certificates(tmp_path, name)

    async def run() -> int:
        async with serving(answer(), trust=trust) as (port, seen):
            fetch = JwksFetch(
                (f"keys.harbour.example:{port}",),
                allow_private=True,
                resolver=Names(("127.0.0.1",)),
                trust=ours if is_trusted else None,
            )
            with pytest.raises(JwksRefusedError, match="ClientConnectorCertificateError"):
                await fetch.fetch(f"https://keys.harbour.example:{port}/keys")
            return len(seen.heads)

    assert asyncio.run(run()) == 0


def test_keys_that_are_not_ours_to_use_are_passed_over() -> None:
    """RFC 7517, section 5: a set may hold what we do not understand."""
    others = [{"kty": "EC", "crv": "P-384", "x": "AA", "y": "AA"}, {"kty": "OKP", "crv": "X25519", "x": "AA"}, {}, 7]
    enc = {**jwk.generate_key("EC", "P-256", private=True).as_dict(private=False), "use": "enc"}

    found = keys_of(json.dumps({"keys": [*others, enc, KEY.as_dict(private=False)]}).encode())

    assert [one.thumbprint for one in found] == [KEY.thumbprint()]
