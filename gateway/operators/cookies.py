"""By which cookie is a browser known? The prefix `__Host-` keeps other hosts, and plain HTTP, from setting one.

SameSite is Lax and not Strict: the callback comes from the provider's site, and with Strict the browser would come back
from there without either cookie. What Lax lets through is top-level GET, and no GET of ours changes anything but the
callback itself, which is bound to the browser that began by its state.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

SESSION: Final = "__Host-stile"
BEFORE: Final = "__Host-stile-before"  # of a browser that has not signed in yet
_ID: Final = re.compile(r"[A-Za-z0-9_-]{43}")


def new_id() -> str:
    """Return an id that nobody can guess: 256 bits."""
    return secrets.token_urlsafe(32)


def key_of(cookie: str) -> str:
    """Return the name under which an id is kept: who reads the rows can't use them."""
    return hashlib.sha256(cookie.encode("ascii")).hexdigest()


def read(request: Request, name: str) -> str | None:
    """Return a cookie that could be ours; None where it is sent twice, for then one of them is not."""
    found = [
        value.strip()
        for header in request.headers.getlist("cookie")
        for one in header.split(";")
        for key, _, value in (one.partition("="),)
        if key.strip() == name
    ]
    return found[0] if len(found) == 1 and _ID.fullmatch(found[0]) else None


def is_sent(request: Request, name: str) -> bool:
    """Tell whether a cookie of this name is sent at all, whatever it holds."""
    return any(one.partition("=")[0].strip() == name for h in request.headers.getlist("cookie") for one in h.split(";"))


def give(response: Response, name: str, value: str) -> None:
    """Set a cookie for as long as the browser is open; how long it counts is in our rows."""
    response.set_cookie(name, value, path="/", secure=True, httponly=True, samesite="lax")


def forget(response: Response, name: str) -> None:
    """Take a cookie back."""
    response.delete_cookie(name, path="/", secure=True, httponly=True, samesite="lax")
