"""How is a JWS made that nobody honest would make? Any bytes, under any header, by any key."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

from joserfc import jwk
from joserfc.jws import JWSRegistry

from gateway.oauth.jose import encode

ALGORITHMS: Final = {"EC": "ES256", "RSA": "PS256", "OKP": "EdDSA"}
ORDER: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551  # of P-256

LEFT_OUT: Final = object()  # a member changed to this is not there
Changes = Mapping[str, Any]
Part = Mapping[str, Any] | bytes


def changed(honest: Mapping[str, Any], changes: Changes) -> dict[str, Any]:
    """Return members with changes; what is LEFT_OUT goes."""
    return {name: value for name, value in {**honest, **changes}.items() if value is not LEFT_OUT}


def part_bytes(part: Part) -> bytes:
    """Return a part of a JWS as it will be encoded: bytes as they are, members as JSON (NaN too)."""
    return part if isinstance(part, bytes) else json.dumps(part, separators=(",", ":")).encode()


def forge(header: Part, payload: Part, key: Any, *, alg: str | None = None) -> str:
    """Return a compact JWS that is rightly signed by this key, whatever its header says."""
    signing_input = f"{encode(part_bytes(header))}.{encode(part_bytes(payload))}"
    model = JWSRegistry.algorithms[alg or ALGORITHMS[key.key_type]]
    return f"{signing_input}.{encode(model.sign(signing_input.encode(), key))}"


def forge_hmac(header: Part, payload: Part, secret: bytes) -> str:
    """Return a compact JWS with a MAC by something that is public, in place of a signature."""
    signing_input = f"{encode(part_bytes(header))}.{encode(part_bytes(payload))}"
    return f"{signing_input}.{encode(hmac.digest(secret, signing_input.encode(), hashlib.sha256))}"


def resigned(token: str, signature: bytes) -> str:
    """Return a JWS with another signature."""
    return f"{token.rpartition('.')[0]}.{encode(signature) if signature else ''}"


def now() -> int:
    """Return the second now: what is forged must be fresh in all but one thing."""
    return int(time.time())


def public_of(key: Any) -> dict[str, Any]:
    """Return the public half of a key, with no member but those that say what it is."""
    shown = key.as_dict(private=False)
    return {name: shown[name] for name in ("kty", "crv", "x", "y", "n", "e") if name in shown}


@lru_cache(maxsize=8)
def stranger(kind: Any = "EC", size: Any = "P-256") -> Any:
    """Return a key that no gateway knows."""
    return jwk.generate_key(kind, size, private=True)
