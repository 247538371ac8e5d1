"""Is this call's token live, bound to the caller's key, and for this part of the gateway? RFC 9449, section 7."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.oauth import jose
from gateway.oauth.access_token import LONGEST, Token, Tokens
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
    """An authenticated caller. `seen` must be recorded as used in the same transaction as the answer."""

    client: Client
    token: Token
    seen: Seen


@dataclass(frozen=True, slots=True)
class Door:
    """What authentication needs: made once, in `build_app`."""

    issuer: str
    tokens: Tokens
    proof_keys: ProofKeys
    clients: Clients
    nonces: Nonces | None = None  # None: proofs need none


def authenticate_call(
    door: Door,
    *,
    authorization: Sequence[str],
    proofs: Sequence[str],
    method: str,
    path: str,
    audience: str,
    now: float,
) -> Caller:
    """Return the caller, or raise TokenRefusedError. Reads headers only: the body has not been read yet."""
    if len(authorization) != 1 or len(authorization[0]) > len("DPoP ") + LONGEST:
        raise TokenRefusedError("invalid_token", "send exactly one Authorization header, of bearable size")
    scheme, _, token = authorization[0].partition(" ")
    if scheme.lower() != "dpop":
        raise TokenRefusedError("invalid_token", "tokens are bound to a key: send Authorization: DPoP, not Bearer")
    if len(proofs) != 1:
        raise TokenRefusedError("invalid_dpop_proof", "send exactly one DPoP header")
    try:
        known = door.tokens.verify(token, audience=audience, now=now)
    except jose.JoseRefusedError as refused:
        raise TokenRefusedError("invalid_token", f"the access token: {refused}") from refused
    try:
        proof = check_proof(
            proofs[0],
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
    if proof.jkt != known.jkt:
        raise TokenRefusedError("invalid_token", "the token is bound to another key than the proof's")
    client = _find_holder(door.clients, known)
    return Caller(client=client, token=known, seen=Seen(f"dpop/{known.client_id}", proof.jti, proof.expires))


def _find_holder(clients: Clients, token: Token) -> Client:
    """Return whose token it is, or raise TokenRefusedError where client, key or token was taken back."""
    client = clients.find_client(token.client_id)
    if client is None or not client.is_active:
        raise TokenRefusedError("invalid_token", "the client is revoked")
    if client.has_revoked(token.client_key, token.jkt):
        raise TokenRefusedError("invalid_token", "the key that it was asked for with, or is bound to, is revoked")
    if clients.is_token_revoked(token.jti):
        raise TokenRefusedError("invalid_token", "the access token is revoked")
    return client
