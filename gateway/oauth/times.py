"""Is a JWT's time bearable? FAPI 2.0 Security Profile Final, section 5.3.2.1."""

from __future__ import annotations

from typing import Final

from gateway.oauth.jose import JoseRefusedError

AHEAD: Final = 10  # seconds that a sender's clock may run ahead
LONGEST: Final = 300  # seconds that an assertion may live
PROOF_AGE: Final = 60  # seconds that a DPoP proof may be old


def seconds(claims: dict[str, object], name: str, *, needed: bool = True) -> int | None:
    """Return a NumericDate as whole seconds; JoseRefusedError when it is missing or not a number."""
    value = claims.get(name)
    if value is None and not needed:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < 2**40:
        raise JoseRefusedError(f"{name} is missing or is not a time")
    return int(value)
