"""Is the client's speech with the gateway safe: its TLS, its keys, its addresses, and what it is ready to read?"""

from __future__ import annotations

import asyncio
import inspect
import ipaddress
import json
import ssl
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import fields
from datetime import timedelta
from pathlib import Path

import pytest
from client_serving import CASE, GRACE, QUICK, Front, client_for, served, settings_for
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from hours import machine_now, machine_seconds
from house import copy_template
from joserfc import jwk

from gateway.client import AsyncClient, Client, NotVerifiedError, Patience, UnreachableError
from gateway.client.addresses import metadata_address
from gateway.client.asking import Matter, Said
from gateway.client.proving import Expected, Lines
from gateway.client.signing import load_key, make_proof
from gateway.council.directory import Council
from gateway.oauth.dpop import ProofKeys, check_proof


def make_certificate(folder: Path) -> Path:
    """Write a certificate for this machine with its key, signed by nobody but itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "gateway")])
    now = machine_now()
    here = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(here, critical=False)
        .sign(key, hashes.SHA256())
    )
    secret = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    file = folder / "server.pem"
    file.write_bytes(secret + made.public_bytes(serialization.Encoding.PEM))
    return file


@pytest.fixture(scope="module")
def encrypted(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Front, Council, ssl.SSLContext]]:
    """A gateway behind TLS, and a context that trusts its certificate."""
    folder = tmp_path_factory.mktemp("encrypted")
    certificate = make_certificate(folder)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(certificate)
    with served(copy_template(template, folder / "council"), tls=server) as (front, council):
        yield front, council, ssl.create_default_context(cafile=str(certificate))


def test_a_certificate_that_is_trusted_is_spoken_to(encrypted: tuple[Front, Council, ssl.SSLContext]) -> None:
    front, council, trusting = encrypted

    async def ask() -> str:
        async with AsyncClient(**settings_for(front, council, tls=trusting)) as client:
            return (await client.get(GRACE, fields=["age"], **CASE)).outcome

    with client_for(front, council, tls=trusting) as client:
        assert [client.get(GRACE, fields=["age"], **CASE).outcome for _ in range(2)] == ["full", "full"]
    assert asyncio.run(ask()) == "full"


def test_a_certificate_that_is_not_trusted_is_told_as_one(encrypted: tuple[Front, Council, ssl.SSLContext]) -> None:
    front, council, _ = encrypted
    front.seen.clear()
    once = Patience(tries=1)

    async def ask() -> None:
        async with AsyncClient(**settings_for(front, council, patience=once)) as client:
            await client.get(GRACE, fields=["age"], **CASE)

    with client_for(front, council, patience=once) as client, pytest.raises(UnreachableError, match="certificate"):
        client.get(GRACE, fields=["age"], **CASE)
    with pytest.raises(UnreachableError, match="certificate"):
        asyncio.run(ask())
    assert not front.seen


@pytest.mark.parametrize(("kind", "size"), [("EC", "P-256"), ("RSA", 2048), ("OKP", "Ed25519")])
def test_a_proof_by_each_kind_of_key_is_accepted(kind: str, size: str | int) -> None:
    """By the gateway's own check, with the nonce among its claims; no private member is sent."""
    key = load_key(dict(jwk.generate_key(kind, size, private=True).as_dict(private=True)))
    url, now = "https://gateway.example/v1/disclosures", machine_seconds()

    proof = make_proof(key, method="POST", url=url, token="t", nonce="n", now=now)

    check_proof(proof, keys=ProofKeys(), method="POST", url=url, access_token="t", now=now)
    assert set(ProofKeys().load(proof.split(".")[0])[0].as_dict(private=False)) & {"d", "p", "q"} == set()


def test_a_key_never_stands_in_the_error_about_it(tmp_path: Path) -> None:
    spoilt = tmp_path / "key.json"
    spoilt.write_text('{"kty": "EC", "d": "very-secret",')

    with pytest.raises(ValueError, match="stile key") as told:
        load_key(spoilt)

    assert told.value.__cause__ is None
    assert told.value.__suppress_context__
    with pytest.raises(ValueError, match="private") as told:
        load_key({"kty": "EC", "crv": "P-256", "x": "AAAA", "y": "AAAA", "d": "very-secret"})
    assert "very-secret" not in str(told.value)


def test_metadata_lie_between_host_and_path() -> None:
    """RFC 8414, section 3.1."""
    expected = "https://gateway.example/.well-known/oauth-authorization-server/northmoor"

    assert metadata_address("https://gateway.example/northmoor") == expected


def test_more_people_than_were_asked_about_are_not_gathered() -> None:
    lines = Lines(Expected("", "", b"", 0.0), ["a"])
    line = json.dumps({"disclosure": {}}, separators=(",", ":")).encode() + b"\n"

    with pytest.raises(NotVerifiedError, match="more people"):
        list(lines.feed(line * 2))


def test_a_line_without_end_is_not_gathered() -> None:
    lines = Lines(Expected("", "", b"", 0.0), ["a"])

    with pytest.raises(NotVerifiedError, match="a line is over"):
        list(lines.feed(b"x" * 5_000_000))


def test_a_receipt_is_asked_for_by_an_id_alone(front: Front, council: Council) -> None:
    with client_for(front, council, patience=QUICK) as client:
        for wrong in ("", "../agreements", "d_1", "d_" + "A" * 26 + "/x"):
            with pytest.raises(ValueError, match="disclosure_id"):
                client.receipt(wrong)
    assert not front.seen


def test_the_client_loads_nothing_of_a_gateway() -> None:
    """A case system that installs it gets neither a web server nor a database into its process."""
    code = "import sys, gateway.client; print(*sorted({name.partition('.')[0] for name in sys.modules}))"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=True)

    loaded = set(done.stdout.split())
    assert {"audit", "joserfc", "aiohttp"} <= loaded
    assert not loaded & {"fastapi", "starlette", "uvicorn", "sqlalchemy", "sqlmodel", "pysqlite3", "alembic", "authlib"}


@pytest.mark.parametrize("kind", [Client, AsyncClient])
def test_what_may_be_said_is_the_same_for_every_method(kind: type) -> None:
    named = set(inspect.signature(kind.get).parameters) - {"self", "subject", "idempotency_key"}

    assert named == set(Said.__annotations__) == {one.name for one in fields(Matter)}
    assert {name for name in vars(kind) if not name.startswith("_")} == {name for name in vars(Client) if name[0] != "_"}
