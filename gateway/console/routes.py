"""Which addresses does the console have, and what is asked at the door of each?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gateway.console import command_line, home, local, oidc, sign_in
from gateway.console.administrator import keys
from gateway.console.approver import changes
from gateway.console.door import Handler, OpenPage, Page, guarded, open_page
from gateway.console.dpo import publish
from gateway.console.pages import CHANGES, COMMAND_LINE, templates
from gateway.web.offices import ACTING, ADVISING, ANYBODY, DECIDING, DRAFTING, KEYS, PROPOSING, PUBLISHING, READING, Rule

_CACHED: Final = {"Cache-Control": "public, max-age=300", "X-Content-Type-Options": "nosniff"}


@dataclass(frozen=True, slots=True)
class Declared:
    """An address of the console. `rule` says who may call it, and whether freshly; without one, anybody: to sign in."""

    method: str
    path: str
    rule: Rule | None
    handler: Handler


def declared() -> tuple[Declared, ...]:
    """Return every address with what is asked at its door. Nothing of it is asked in a page."""
    return (
        Declared("GET", "/console/passkey.js", None, get_script),
        Declared("GET", "/console/console.css", None, get_style),
        _open("GET", "/console/sign-in", sign_in.get_sign_in),
        _open("POST", "/console/sign-in/provider", oidc.post_begin),
        _open("GET", "/console/callback", oidc.get_callback),
        _open("GET", "/console/local", local.get_local),
        _open("POST", "/console/local/password", local.post_password),
        _open("POST", "/console/local/passkey", local.post_passkey),
        _page("/console", home.get_home, ANYBODY),
        _page("/console/step-up", sign_in.get_step_up, ANYBODY),
        _form("/console/step-up/begin", sign_in.post_step_up, ANYBODY),
        _form("/console/sign-out", home.post_sign_out, ANYBODY),
        _form("/console/sign-out/everywhere", home.post_sign_out_everywhere, ANYBODY),
        _page("/console/publish", publish.get_publish, PUBLISHING),
        _form("/console/publish/check", publish.post_check, DRAFTING),
        _form("/console/publish/now", publish.post_publish, PUBLISHING, instead=publish.keep_text),
        _page(CHANGES, changes.get_changes, READING),
        _page(CHANGES + "/{change}", changes.get_change, READING),
        _form("/console/change/approve", changes.post_approve, DECIDING, instead=changes.back_to_change),
        _form("/console/change/reject", changes.post_reject, DECIDING, instead=changes.back_to_change),
        _form("/console/change/withdraw", changes.post_withdraw, PROPOSING, instead=changes.back_to_change),
        _form("/console/change/advise", changes.post_advise, ADVISING, instead=changes.back_to_change),
        _page(COMMAND_LINE + "/{asked}", command_line.get_command_line, ANYBODY),
        _form(COMMAND_LINE, command_line.post_command_line, ACTING, instead=command_line.sign_in_first),
        _page("/console/keys", keys.get_keys, KEYS),
        _form("/console/keys/client-revocation", keys.post_client_revocation, KEYS),
        _form("/console/keys/key-revocation", keys.post_key_revocation, KEYS),
        _form("/console/keys/issuer-key", keys.post_issuer_key, KEYS),
    )


def routes() -> list[Route]:
    """Return the routes of the console."""
    return [Route(one.path, one.handler, methods=[one.method]) for one in declared()]


def _open(method: str, path: str, handler: OpenPage) -> Declared:
    return Declared(method, path, None, open_page(handler))


def _page(path: str, page: Page, rule: Rule) -> Declared:
    return Declared("GET", path, rule, guarded(page, rule))


def _form(path: str, page: Page, rule: Rule, *, instead: Page | None = None) -> Declared:
    return Declared("POST", path, rule, guarded(page, rule, instead=instead))


async def get_script(_request: Request) -> Response:
    """Serve the one script: it asks the browser for a passkey."""
    source = templates().get_template("passkey.js").render()
    return Response(source, headers=_CACHED, media_type="text/javascript; charset=utf-8")


async def get_style(_request: Request) -> Response:
    """Serve what the console's forms add to the one style sheet."""
    source = templates().get_template("console.css").render()
    return Response(source, headers=_CACHED, media_type="text/css; charset=utf-8")
