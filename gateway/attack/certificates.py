"""Attacks on a client that is bound to a certificate: its header, told by a hop that nobody trusts. RFC 8705, 9440."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from gateway.attack.attack import Attack
from gateway.attack.forging import now, stranger
from gateway.attack.given import Bound
from gateway.attack.judging import Expected, NotApplicableError, code_of, json_of
from gateway.attack.target import ASK, LIST, TOKEN_PATH, TYPE, Fields, Target
from gateway.attack.wire import Heard
from gateway.oauth.jose import JoseRefusedError, read

HOPS: Final = "RFC 9440, section 4: a certificate is told by a trusted hop, or by nobody"
BOUND: Final = "RFC 8705, section 3: a token counts over its certificate's connection alone"
NO_TOKEN: Final = Expected((400,), "invalid_request", looks_for="no token")
REFUSED: Final = Expected((401,), "token_refused", "invalid_token")
TOLD: Final = "Client-Cert"
CHAIN: Final = "Client-Cert-Chain"
YEAR: Final = timedelta(days=365)

Headers = Callable[[Bound], Fields]


def header_of(der: bytes) -> str:
    """Return the header as RFC 9440, section 2.2, writes it."""
    return f":{base64.b64encode(der).decode('ascii')}:"


@lru_cache(maxsize=1)
def anothers() -> str:
    """Return the header of a certificate that nobody issued to anybody."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "attack")])
    begins = datetime.fromtimestamp(now(), UTC) - timedelta(days=1)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(x509.random_serial_number()).not_valid_before(begins).not_valid_after(begins + YEAR)
    return header_of(builder.sign(key, hashes.SHA256()).public_bytes(Encoding.DER))


def _pem(header: str) -> str:
    return f"-----BEGIN CERTIFICATE----- {header.strip(':')} -----END CERTIFICATE-----"


def _digest(header: str) -> str:
    return hashlib.sha256(base64.b64decode(header.strip(":"))).hexdigest()


# What is told of the connection. The client's own certificate is no secret: whoever saw a handshake has it.
ROWS: Final[tuple[tuple[str, str, Headers], ...]] = (
    ("none", "nothing", lambda _b: []),
    ("right", "the right certificate", lambda b: [(TOLD, b.header)]),
    ("anothers", "another's certificate", lambda _b: [(TOLD, anothers())]),
    ("twice", "the right one twice", lambda b: [(TOLD, b.header), (TOLD, b.header)]),
    ("two", "another's before the right one", lambda b: [(TOLD, anothers()), (TOLD, b.header)]),
    ("joined", "both in one field", lambda b: [(TOLD, f"{anothers()}, {b.header}")]),
    ("bare", "the right one without its colons", lambda b: [(TOLD, b.header.strip(":"))]),
    ("pem", "the right one as PEM", lambda b: [(TOLD, _pem(b.header))]),
    ("half", "half of the right one", lambda b: [(TOLD, f"{b.header[: len(b.header) // 2]}:")]),
    ("parameter", "the right one with a parameter", lambda b: [(TOLD, f"{b.header};verified=?1")]),
    ("junk", "what is no certificate", lambda _b: [(TOLD, ":AAAA:")]),
    ("empty", "an empty field", lambda _b: [(TOLD, "")]),
    ("long", "16,000 characters", lambda _b: [(TOLD, f":{'A' * 16_000}:")]),
    ("chain", "the right one with a chain", lambda b: [(TOLD, b.header), (CHAIN, f"{b.header}, {anothers()}")]),
    ("chain-alone", "the right one as a chain alone", lambda b: [(CHAIN, b.header)]),
    ("forwarded", "the right one, as if by a proxy of this machine", lambda b: [
        (TOLD, b.header), ("X-Forwarded-For", "127.0.0.1"), ("Forwarded", "for=127.0.0.1"), ("X-Real-IP", "127.0.0.1")]),
    ("underscore", "the right one under another spelling", lambda b: [("Client_Cert", b.header)]),
    ("other-headers", "the right one as other proxies tell it", lambda b: [
        ("X-Client-Cert", b.header), ("X-SSL-Client-Cert", _pem(b.header)), ("X-SSL-Client-Verify", "SUCCESS"),
        ("X-Forwarded-Client-Cert", f"Hash={_digest(b.header)}")]),
)  # fmt: skip


def attacks() -> list[Attack]:
    """Return the attacks by a header that no trusted hop tells: for a token, and with one that was stolen."""
    found = []
    for i, n, headers in ROWS:
        found += [
            Attack(f"cert-token-{i}", f"Certificate, for a token: {n}", HOPS, f"POST {TOKEN_PATH}", NO_TOKEN,
                   _for_token(headers, with_proof=False)),
            Attack(f"cert-proof-{i}", f"Certificate, for a token with a proof: {n}", HOPS, f"POST {TOKEN_PATH}", NO_TOKEN,
                   _for_token(headers, with_proof=True)),
            Attack(f"cert-call-{i}", f"Certificate, with a stolen token: {n}", BOUND, f"GET {LIST}", REFUSED,
                   _stolen("GET", LIST, headers)),
        ]  # fmt: skip
    return [
        *found,
        Attack("cert-ask", "Certificate, with a stolen token: to ask about somebody", BOUND, f"POST {ASK}", REFUSED,
               _stolen("POST", ASK, lambda b: [(TOLD, b.header)])),
        Attack("cert-thief", "Certificate, with a stolen token: a thief's proof in its place", BOUND, f"GET {LIST}",
               REFUSED, _thief),
    ]  # fmt: skip


def check(t: Target) -> str:
    """Return what is wrong with the bound client that was given, where something is."""
    bound = _bound(t)
    client = _client(t, bound)
    if code_of(client.ask_token(proofs=[]).first) == "invalid_client":
        return "the bound client is not of this gateway, or has another key"
    form = {"client_assertion_type": TYPE, "client_assertion": client.assertion(), "token": bound.token}
    told = json_of(client.post_form("/oauth2/introspect", form).first) if bound.token else {"active": True}
    if not isinstance(told, dict) or told.get("active") is not True:
        return "the bound client's token is no live one of its: get it anew, through the proxy, just before"
    return ""


def _bound(t: Target) -> Bound:
    if t.bound is None:
        raise NotApplicableError(
            "it needs a client that is bound to a certificate: --bound-client and the options beside it"
        )
    return t.bound


def _client(t: Target, bound: Bound) -> Target:
    return Target(t.place, t.issuer, partner=bound.client, nonce=t.nonce)


def _for_token(headers: Headers, *, with_proof: bool) -> Callable[[Target], Heard]:
    def act(t: Target) -> Heard:
        bound = _bound(t)
        client = _client(t, bound)
        proofs = [client.proof("POST", TOKEN_PATH)] if with_proof else []
        return client.ask_token(proofs=proofs, headers=headers(bound))

    return act


def _stolen(method: str, path: str, headers: Headers) -> Callable[[Target], Heard]:
    def act(t: Target) -> Heard:
        bound = _bound(t)
        by = _by_token(t, bound, method, path)
        body = [("Content-Type", "application/json")] if method == "POST" else []
        return t.send(method, path, [*by, *headers(bound), *body], b"{}" if method == "POST" else None)

    return act


def _by_token(t: Target, bound: Bound, method: str, path: str) -> Fields:
    """Return the headers of a call with the token that was given: as DPoP where it is bound to a proof's key, too."""
    claims = _claims(bound)
    if "jkt" in claims.get("cnf", {}):
        return _client(t, bound).signed(method, path, token=bound.token)
    return [("Authorization", f"Bearer {bound.token}")]


def _claims(bound: Bound) -> dict[str, Any]:
    if not bound.token:
        raise NotApplicableError("it needs a live token of the bound client, got through the proxy: --bound-token")
    try:
        claims = dict(read(bound.token).payload)
    except JoseRefusedError as refused:
        raise NotApplicableError("the bound client's token is none") from refused
    expires = claims.get("exp")
    if not isinstance(expires, int) or expires <= now():
        raise NotApplicableError("the bound client's token has ended meanwhile")
    return claims


def _thief(t: Target) -> Heard:
    bound = _bound(t)
    _claims(bound)
    thief = Target(t.place, t.issuer, partner=type(bound.client)("thief", stranger(), ""), nonce=t.nonce)
    return t.send("GET", LIST, [*thief.signed("GET", LIST, token=bound.token), (TOLD, bound.header)])
