"""How is a page of the console written? From templates of ours, escaped, with headers that let nothing else in."""

from __future__ import annotations

import re
from functools import lru_cache
from importlib.metadata import version
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from gateway.problems import ProblemError

HOME: Final = "/console"
SIGN_IN: Final = "/console/sign-in"
# Where a sign-in may lead back to: a closed list, so that no address that somebody wrote is ever followed.
CHANGES: Final = "/console/changes"
COMMAND_LINE: Final = "/console/command-line"
OWN_PLACES: Final = (HOME, "/console/publish", "/console/keys", CHANGES)
# A port of the browser's own machine, and three words of base64url: nothing of it leads elsewhere.
COMMAND_LINES: Final = re.compile(r"[1-9][0-9]{0,4}\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}\.[A-Za-z0-9_-]{43}")
_OWN: Final = re.compile(rf"{CHANGES}/ch_[0-9a-f]{{16}}|{COMMAND_LINE}/{COMMAND_LINES.pattern}")
_POLICY: Final = (
    "default-src 'none'; style-src 'self'; script-src 'self'; form-action 'self'{more}; frame-ancestors 'none'; "
    "base-uri 'none'"
)
_HEADERS: Final = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    # With no-referrer a browser would send `Origin: null` with our own forms.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "publickey-credentials-get=(self), publickey-credentials-create=(self)",
}


@lru_cache(maxsize=1)
def templates() -> Environment:
    """Return the templates, read once."""
    return Environment(
        loader=PackageLoader("gateway.console"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def page(
    template: str, *, status: int = 200, headers: dict[str, str] | None = None, sends_to: str = "", **values: Any
) -> Response:
    """Write a page. `sends_to`: the provider's origin, where a form of the page may lead on to it."""
    html = templates().get_template(template).render(version=version("stile"), **values)
    policy = _POLICY.format(more=f" {sends_to}" if sends_to else "")
    sent = {**_HEADERS, "Content-Security-Policy": policy, **(headers or {})}
    return Response(html, status, sent, media_type="text/html; charset=utf-8")


def problem_page(request: Request, error: ProblemError) -> Response:
    """Say what went wrong, and what to do next."""
    return page(
        "problem.html",
        status=error.problem.status,
        headers=error.headers,
        problem=error.problem,
        detail=error.detail,
        request_id=request.state.request_id,
    )


def see_other(path: str) -> Response:
    """Send the browser to a page of ours."""
    return RedirectResponse(path, 303, {**_HEADERS, "Content-Security-Policy": _POLICY.format(more="")})


def own_place(asked: str | None) -> str:
    """Return where to go on: one of our own pages, whatever was asked for."""
    return asked if asked in OWN_PLACES or (asked is not None and _OWN.fullmatch(asked)) else HOME
