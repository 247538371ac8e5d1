"""The scene's fixtures: keys once a session, an endpoint for each test."""

from __future__ import annotations

import itertools

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from joserfc import jwk
from oauth_scene import HARBOUR, ISSUER, OTHER, Keys, Register, Scene

from gateway.oauth.access_token import IssuerKey, Tokens
from gateway.oauth.caller import Door
from gateway.oauth.clients import Client, Role
from gateway.oauth.details import Available
from gateway.oauth.dpop import ProofKeys
from gateway.oauth.jose import thumbprint
from gateway.oauth.server import Endpoint


@pytest.fixture(scope="session")
def keys() -> Keys:
    return Keys(
        es256=jwk.generate_key("EC", "P-256", private=True),
        ed25519=jwk.generate_key("OKP", "Ed25519", private=True),
        rsa=jwk.generate_key("RSA", 2048, private=True),
        small_rsa=rsa.generate_private_key(65537, 1024),  # noqa: S505 -- weak on purpose: joserfc itself makes none
        other=jwk.generate_key("EC", "P-256", private=True),
        proof=jwk.generate_key("EC", "P-256", private=True),
    )


@pytest.fixture(scope="session")
def issuer_key(keys: Keys) -> IssuerKey:
    key = jwk.generate_key("EC", "P-256", private=True)
    return IssuerKey(kid=thumbprint(key), key=key)


@pytest.fixture
def scene(keys: Keys, issuer_key: IssuerKey) -> Scene:
    register = Register()
    register.add("harbour", keys.es256, keys.ed25519, keys.rsa)
    register.add("calder", keys.other)
    register.add("dpo-office", keys.es256, role=Role.DPO)
    tokens, proof_keys = Tokens(issuer=ISSUER, signing=issuer_key, accepted=()), ProofKeys()
    numbers = itertools.count()

    def available(client: Client) -> dict[str, Available]:
        return {HARBOUR.agreement: HARBOUR, OTHER.agreement: OTHER} if client.client_id == "harbour" else {}

    endpoint = Endpoint(
        issuer=ISSUER,
        url=f"{ISSUER}/oauth2/token",
        clients=register,
        tokens=tokens,
        proof_keys=proof_keys,
        available=available,
        new_jti=lambda: f"t{next(numbers)}",
        subject_secret=b"s" * 32,
    )
    return Scene(keys, register, endpoint, Door(ISSUER, tokens, proof_keys, register))
