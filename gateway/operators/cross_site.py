"""Did a page of ours send this? By Origin, and by a token that only our pages hold."""

from __future__ import annotations

import base64
import hmac
from typing import Final

from starlette.requests import Request

FIELD: Final = "csrf"
HEADER: Final = "Stile-CSRF"


def token_of(key: bytes, cookie: str) -> str:
    """Return the token that belongs to a cookie: a page that can't read our pages can't make it."""
    return base64.urlsafe_b64encode(hmac.digest(key, b"csrf\0" + cookie.encode("ascii"), "sha256")).rstrip(b"=").decode()


def is_token(key: bytes, cookie: str, given: str) -> bool:
    """Tell whether a token belongs to a cookie."""
    return hmac.compare_digest(token_of(key, cookie).encode(), given.encode("utf-8", "replace"))


def is_own_page(request: Request, public_url: str) -> bool:
    """Tell whether a browser says that a page of this origin sends it. `Origin: null` is none of ours.

    Where a browser leaves Origin out, Sec-Fetch-Site says it instead (Fetch Metadata).
    """
    origins = request.headers.getlist("origin")
    if origins:
        return origins == [public_url]
    return request.headers.getlist("sec-fetch-site") == ["same-origin"]
