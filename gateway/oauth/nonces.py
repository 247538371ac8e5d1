"""Is a proof as young as its nonce says? RFC 9449, sections 8 and 9. Every worker knows a nonce, and none keeps it."""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field
from typing import Final

from gateway.oauth import jose

WINDOW: Final = 60  # seconds that a nonce is given out; it is taken for as long again
_SIZE: Final = 16


@dataclass(frozen=True, slots=True)
class Nonces:
    """Nonces of one gateway: a window of time and its MAC under a secret that all workers share."""

    secret: bytes = field(repr=False)

    def current(self, now: float) -> str:
        """Return the nonce to be used from now on."""
        return self._of(int(now) // WINDOW)

    def is_good(self, nonce: object, now: float) -> bool:
        """Tell whether a nonce is this window's or the last one's."""
        if not isinstance(nonce, str) or not nonce.isascii():
            return False
        window = int(now) // WINDOW
        return any(hmac.compare_digest(nonce, self._of(one)) for one in (window, window - 1))

    def _of(self, window: int) -> str:
        return jose.encode(hmac.digest(self.secret, b"stile dpop nonce\0" + window.to_bytes(8), "sha256")[:_SIZE])


class NonceNeededError(jose.JoseRefusedError):
    """The proof has no nonce of ours, or an old one: the caller makes another proof with the one it is given."""
