"""May this address be called? Only over TLS, but for this machine itself."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

_HERE: Final = frozenset({"127.0.0.1", "::1", "localhost"})
WELL_KNOWN: Final = "/.well-known/oauth-authorization-server"


def checked_issuer(given: str) -> str:
    """Return the gateway's address without a closing slash; ValueError where no client may call it."""
    issuer = given.rstrip("/")
    if not is_safe(issuer):
        raise ValueError("the issuer must be an https:// address without query or fragment (http:// on this machine alone)")
    return issuer


def is_safe(url: str) -> bool:
    """Tell whether an address is https, or plain http to this machine, and has no user, query or fragment."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return False
    is_encrypted = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _HERE)
    return is_encrypted and bool(parts.hostname) and parts.username is None and not parts.query and not parts.fragment


def metadata_address(issuer: str) -> str:
    """Return where an issuer's metadata lie: between host and path (RFC 8414, section 3.1)."""
    parts = urlsplit(issuer)
    return f"{parts.scheme}://{parts.netloc}{WELL_KNOWN}{parts.path}"
