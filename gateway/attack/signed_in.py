"""How does the browser of an operator who has signed in call honestly, so that an attack changes one thing alone?"""

from __future__ import annotations

import re
from html import unescape
from typing import Final

from gateway.attack.console import SESSION
from gateway.attack.given import Session
from gateway.attack.judging import HonestCallError, NotApplicableError
from gateway.attack.offices import CONTROL, HARMLESS
from gateway.attack.target import Fields, Target
from gateway.attack.wire import Heard

HOME: Final = "/console"
SIGN_OUT: Final = "/console/sign-out"
OK: Final = 200


def check(t: Target) -> str:
    """Return what is wrong with the session that was given, where something is."""
    try:
        csrf_of(t)
    except HonestCallError as error:
        return f"the operator's session is not live: {error}"
    return ""


def session_of(t: Target) -> Session:
    """Return the session that was given."""
    if t.session is None:
        raise NotApplicableError("it needs the session of an operator who has signed in: --operator-session ROLES=FILE")
    return t.session


def cookie(t: Target) -> tuple[str, str]:
    """Return the header with its cookie."""
    return ("Cookie", f"{SESSION}={session_of(t).cookie}")


def csrf_of(t: Target) -> str:
    """Return the session's token, as its first page holds it."""
    page = t.send("GET", HOME, [cookie(t)]).first
    found = re.search(rb'name="csrf" value="([^"]+)"', page.body)
    if page.status != OK or found is None:
        raise HonestCallError(f"the session's first page was answered {page.status}")
    return unescape(found[1].decode("latin-1"))


def own(t: Target) -> Fields:
    """Return the headers of an honest call of the control API."""
    return [cookie(t), ("Origin", t.issuer), ("Stile-CSRF", csrf_of(t))]


def control(t: Target, method: str, path: str, headers: Fields) -> Heard:
    """Call the control API, with a body that none takes."""
    if method == "GET":
        return t.send(method, CONTROL + path, headers)
    return t.send(method, CONTROL + path, [*headers, ("Content-Type", "application/json")], HARMLESS)


def page(t: Target, method: str, path: str, form: dict[str, str]) -> Heard:
    """Open a page, or send its form as the page would."""
    if method == "GET":
        return t.send(method, path, [cookie(t)])
    return t.post_form(path, {"csrf": csrf_of(t), **form}, [cookie(t), ("Origin", t.issuer)])
