"""A token endpoint with a few clients, and a client's side of the protocol. No HTTP, no database, a clock that stands."""

from __future__ import annotations

import base64
import itertools
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric import rsa
from joserfc.jws import JWSRegistry

from gateway.oauth.assertion import ASSERTION_TYPE
from gateway.oauth.caller import Caller, Door, authenticate_call
from gateway.oauth.clients import Client, ClientKey, Role
from gateway.oauth.details import Available
from gateway.oauth.dpop import token_hash
from gateway.oauth.server import Endpoint, TokenAnswer, answer_token_request

ISSUER: Final = "https://stile.northmoor.example"
NOW: Final = 1_790_932_443.0
HARBOUR: Final = Available(
    "northmoor-harbour-tenancies", "tenancy-sustainment", "council-tax", frozenset({"full_name", "age", "postcode"})
)
OTHER: Final = Available("northmoor-harbour-other", "debt-advice", "council-tax", frozenset({"full_name"}))
DETAIL: Final = {"type": "stile_disclosure_v1", "agreement": HARBOUR.agreement}


def part(content: object) -> str:
    """Return base64url of JSON, or of bytes as they are."""
    raw = content if isinstance(content, bytes) else json.dumps(content).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def compact(header: Mapping[str, Any], claims: object, key: Any) -> str:
    """Sign as any sender might, honest or not: the header's algorithm is taken at its word."""
    signing_input = f"{part(dict(header))}.{part(claims)}"
    alg = "EdDSA" if header["alg"] == "Ed25519" else header["alg"]
    return f"{signing_input}.{part(JWSRegistry.algorithms[alg].sign(signing_input.encode(), key))}"


@dataclass(frozen=True)
class Keys:
    """One key of each kind; making RSA keys is slow, so once a session."""

    es256: Any
    ed25519: Any
    rsa: Any
    small_rsa: Any
    other: Any
    proof: Any

    def named(self, alg: str) -> Any:
        return {"ES256": self.es256, "EdDSA": self.ed25519, "Ed25519": self.ed25519}.get(alg, self.rsa)


def rsa_public_jwk(key: rsa.RSAPrivateKey) -> dict[str, str]:
    """Return the JWK of an RSA key that joserfc would not touch."""
    numbers = key.public_key().public_numbers()
    size = key.key_size // 8
    return {"kty": "RSA", "n": part(numbers.n.to_bytes(size, "big")), "e": part(numbers.e.to_bytes(3, "big"))}


@dataclass
class Register:
    """The clients, by id."""

    clients: dict[str, Client] = field(default_factory=dict)
    revoked: set[str] = field(default_factory=set)

    def find_client(self, client_id: str) -> Client | None:
        return self.clients.get(client_id)

    def is_token_revoked(self, jti: str) -> bool:
        return jti in self.revoked

    def add(self, client_id: str, *key: Any, role: Role = Role.PARTNER, **more: Any) -> Client:
        partner = client_id if role is Role.PARTNER else None
        more.setdefault("is_active", True)
        self.clients[client_id] = Client(client_id, partner, role, tuple(ClientKey(None, one) for one in key), **more)
        return self.clients[client_id]


@dataclass
class Scene:
    """An endpoint, a door, and what a client would send to them."""

    keys: Keys
    register: Register
    endpoint: Endpoint
    door: Door
    count: Any = field(default_factory=itertools.count)

    def assertion(self, key: Any = None, *, header: Mapping[str, Any] | None = None, **claims: Any) -> str:
        """Return a good client assertion, but for the claims given; a claim of None is left out."""
        usual = {
            "iss": "harbour",
            "sub": "harbour",
            "aud": ISSUER,
            "jti": f"a{next(self.count)}",
            "iat": int(NOW),
            "exp": int(NOW) + 60,
        }
        content = {name: value for name, value in {**usual, **claims}.items() if value is not None}
        return compact({"alg": "ES256", **(header or {})}, content, key or self.keys.es256)

    def proof(
        self, key: Any = None, *, header: Mapping[str, Any] | None = None, token: str | None = None, **claims: Any
    ) -> str:
        """Return a good DPoP proof for the token endpoint, or for `GET /v1/agreements` with a token."""
        signing = key or self.keys.proof
        usual = {
            "jti": f"p{next(self.count)}",
            "htm": "GET" if token else "POST",
            "htu": f"{ISSUER}/v1/agreements" if token else self.endpoint.url,
            "iat": int(NOW),
            "ath": token_hash(token) if token else None,
        }
        content = {name: value for name, value in {**usual, **claims}.items() if value is not None}
        top = {"typ": "dpop+jwt", "alg": "ES256", "jwk": signing.as_dict(private=False), **(header or {})}
        return compact({name: value for name, value in top.items() if value is not None}, content, signing)

    def form(self, assertion: str | None = None, *, details: object = (DETAIL,), **more: str | None) -> dict[str, str]:
        """Return a good form, but for the parameters given; one of None is left out."""
        usual = {
            "grant_type": "client_credentials",
            "client_assertion_type": ASSERTION_TYPE,
            "client_assertion": assertion or self.assertion(),
            "authorization_details": details if isinstance(details, str) else json.dumps(details),
        }
        return {name: value for name, value in {**usual, **more}.items() if value is not None}

    def ask(self, form: Mapping[str, str] | None = None, *, proofs: list[str] | None = None, **more: Any) -> TokenAnswer:
        """Ask for a token."""
        more.setdefault("now", NOW)
        return answer_token_request(
            self.endpoint, form=form or self.form(), proofs=[self.proof()] if proofs is None else proofs, **more
        )

    def token(self, **more: Any) -> str:
        """Return a token that was given."""
        answer = self.ask(**more)
        assert answer.status == 200, answer.body
        return str(answer.body["access_token"])

    def call(self, token: str, *, proof: str | None = None, **more: Any) -> Caller:
        """Call `GET /v1/agreements`, but for what is given."""
        usual = {
            "authorization": [f"DPoP {token}"],
            "proofs": [proof or self.proof(token=token)],
            "method": "GET",
            "path": "/v1/agreements",
            "audience": ISSUER,
            "now": NOW,
        }
        return authenticate_call(self.door, **{**usual, **more})
