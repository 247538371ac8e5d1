"""How does OAuth say no? RFC 6749 section 5.2, RFC 9449 section 7.1, RFC 9396 section 5."""

from __future__ import annotations

from typing import Final

from authlib.oauth2 import OAuth2Error

CLIENT_REFUSED: Final = "invalid_client"
REQUEST_REFUSED: Final = "invalid_request"
DETAILS_REFUSED: Final = "invalid_authorization_details"  # RFC 9396, section 5
PROOF_REFUSED: Final = "invalid_dpop_proof"  # RFC 9449, section 5
NONCE_NEEDED: Final = "use_dpop_nonce"  # RFC 9449, section 8
TARGET_REFUSED: Final = "invalid_target"  # RFC 8707, section 2


class OAuthRefusal(OAuth2Error):  # type: ignore[misc]  # noqa: N818 -- a refusal, in the standard's own sense; Authlib has no types
    """A refusal as the standards word it. `why` never repeats what was sent.

    Characters that RFC 6749, section 5.2 forbids in an error_description are replaced.
    """

    def __init__(self, error: str, why: str, *, status: int = 400) -> None:
        printable = "".join(c if " " <= c <= "~" and c not in '"\\' else "'" for c in why)
        super().__init__(description=printable, status_code=status, error=error)
