"""Is this call's token live, bound to the caller's key, and for this part of the gateway? RFC 9449, section 7."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.oauth import jose
from gateway.oauth.access_token import LONGEST, Token, Tokens
from gateway.oauth.certificate import CertificateRefusedError, Certificates, is_bound_to
from gateway.oauth.clients import Client, Clients
from gateway.oauth.dpop import ProofKeys, check_proof
from gateway.oauth.nonces import NonceNeededError, Nonces
from gateway.oauth.server import Seen


class TokenRefusedError(Exception):
    """A call without a good token: 401. `error` is the standard's code, `why` what to mend."""

    def __init__(self, error: str, why: str) -> None:
        super().__init__(f"{error}: {why}")
        self.error = error
        self.why = why


@dataclass(frozen=True, slots=True)
class Caller:
    """An authenticated caller. `seen` must be recorded as used in the same transaction as the answer.

    It is None where the token is bound to a certificate alone: then the call has no proof, and TLS is what keeps it from
    being sent twice.
    """

    client: Client
    token: Token
    seen: Seen | None


@dataclass(frozen=True, slots=True)
class Door:
    """What authentication needs: made once, in `build_app`."""

    issuer: str
    tokens: Tokens
    proof_keys: ProofKeys
    clients: Clients
    nonces: Nonces | None = None  # None: proofs need none
    certificates: Certificates | None = None  # None: no hop is believed that could tell of one


def authenticate_call(
    door: Door,
    *,
    authorization: Sequence[str],
    proofs: Sequence[str],
    method: str,
    path: str,
    audience: str,
    now: float,
    certificates: Sequence[str] = (),
) -> Caller:
    """Return the caller, or raise TokenRefusedError. Reads headers only: the body has not been read yet.

    `authorization`, `proofs` and `certificates` are the values of Authorization, DPoP and Client-Cert, as many as came.
    """
    if len(authorization) != 1 or len(authorization[0]) > len("DPoP ") + LONGEST:
        raise TokenRefusedError("invalid_token", "send exactly one Authorization header, of bearable size")
    scheme, _, token = authorization[0].partition(" ")
    is_bearer = scheme.lower() == "bearer" and door.certificates is not None
    if scheme.lower() != "dpop" and not is_bearer:
        raise TokenRefusedError("invalid_token", "tokens are bound to a key: send Authorization: DPoP, not Bearer")
    if len(proofs) != (0 if is_bearer else 1):
        raise TokenRefusedError("invalid_dpop_proof", f"send {'no' if is_bearer else 'exactly one'} DPoP header")
    try:
        known = door.tokens.verify(token, audience=audience, now=now)
    except jose.JoseRefusedError as refused:
        raise TokenRefusedError("invalid_token", f"the access token: {refused}") from refused
    # A token with a key is of no use as Bearer, also over the right connection: RFC 9449, section 7.2.
    if is_bearer != (known.jkt is None):
        raise TokenRefusedError("invalid_token", f"the token is to be sent as {'DPoP' if is_bearer else 'Bearer'}")
    if known.certificate is not None:
        _check_certificate(door, known.certificate, certificates, now)
    seen = None if is_bearer else _check_proof(door, known, proofs[0], method=method, path=path, token=token, now=now)
    return Caller(client=_find_holder(door.clients, known), token=known, seen=seen)


def _check_proof(door: Door, known: Token, proof: str, *, method: str, path: str, token: str, now: float) -> Seen:
    try:
        found = check_proof(
            proof,
            keys=door.proof_keys,
            method=method,
            url=door.issuer + path,
            access_token=token,
            now=now,
            nonces=door.nonces,
        )
    except NonceNeededError as refused:
        raise TokenRefusedError("use_dpop_nonce", f"the DPoP proof: {refused}") from refused
    except jose.JoseRefusedError as refused:
        raise TokenRefusedError("invalid_dpop_proof", f"the DPoP proof: {refused}") from refused
    if found.jkt != known.jkt:
        raise TokenRefusedError("invalid_token", "the token is bound to another key than the proof's")
    return Seen(f"dpop/{known.client_id}", found.jti, found.expires)


def _check_certificate(door: Door, expected: str, headers: Sequence[str], now: float) -> None:
    """Raise TokenRefusedError unless the call came over a connection with the token's certificate (RFC 8705, section 3)."""
    try:
        found = door.certificates.find(headers, now=now) if door.certificates is not None else None
    except CertificateRefusedError as refused:
        raise TokenRefusedError("invalid_token", str(refused)) from refused
    if not is_bound_to(expected, found):
        raise TokenRefusedError("invalid_token", "the token is bound to a certificate that this connection does not have")


def _find_holder(clients: Clients, token: Token) -> Client:
    """Return whose token it is, or raise TokenRefusedError where client, key or token was taken back."""
    client = clients.find_client(token.client_id)
    if client is None or not client.is_active:
        raise TokenRefusedError("invalid_token", "the client is revoked")
    if client.has_revoked(token.client_key, token.jkt):
        raise TokenRefusedError("invalid_token", "the key that it was asked for with, or is bound to, is revoked")
    if not client.binds_as(token):
        raise TokenRefusedError("invalid_token", "the client's tokens are bound in another way now: get a new one")
    if clients.is_token_revoked(token.jti):
        raise TokenRefusedError("invalid_token", "the access token is revoked")
    return client
