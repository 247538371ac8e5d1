"""What does the client prove who it is with? A private key. What it signs is made in `gateway.oauth.made_jwts`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from joserfc import jwk
from joserfc.errors import JoseError

from gateway.oauth.made_jwts import ALGORITHMS, make_assertion, make_context, make_proof

__all__ = ["load_key", "make_assertion", "make_context", "make_proof"]


def load_key(given: Any) -> Any:
    """Return a private key from a JWK, a file with one, or a key already read; ValueError says what is wrong."""
    if isinstance(given, (str, Path)):
        try:
            given = json.loads(Path(given).read_text(encoding="utf-8-sig"))
        except (OSError, ValueError):
            # Not `from` it: a JSON error carries the text that it could not read, and that is the key.
            raise ValueError("the key's file can't be read as JSON: give the file that `stile key` wrote") from None
    if isinstance(given, Mapping) and given.get("kty") not in ALGORITHMS:
        raise ValueError("the key is none of EC, RSA, OKP: make one with `stile key`")
    try:
        key = jwk.import_key(dict(given)) if isinstance(given, Mapping) else given
    except (JoseError, ValueError, TypeError, KeyError):
        raise ValueError("the key can't be read as a JWK: give the private half of an EC, RSA or Ed25519 key") from None
    if not getattr(key, "is_private", False) or key.key_type not in ALGORITHMS:
        raise ValueError("the key is not a private EC, RSA or Ed25519 key: make one with `stile key`")
    return key
