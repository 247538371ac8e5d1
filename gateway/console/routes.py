"""Which addresses does the console have?"""

from __future__ import annotations

from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gateway.console import home, local, oidc, sign_in
from gateway.console.administrator import keys
from gateway.console.dpo import publish
from gateway.console.pages import templates

_CACHED: Final = {"Cache-Control": "public, max-age=300", "X-Content-Type-Options": "nosniff"}
# Open to strangers, for without them nobody could sign in. Every other needs a session.
OPEN: Final = frozenset(
    {
        *(
            "/console/sign-in",
            "/console/sign-in/provider",
            "/console/callback",
            "/console/local",
            "/console/local/password",
        ),
        *("/console/local/passkey", "/console/passkey.js", "/console/console.css"),
    }
)


def routes() -> list[Route]:
    """Return the routes of the console."""
    gets = [
        ("/console", home.get_home),
        ("/console/sign-in", sign_in.get_sign_in),
        ("/console/callback", oidc.get_callback),
        ("/console/local", local.get_local),
        ("/console/step-up", sign_in.get_step_up),
        ("/console/publish", publish.get_publish),
        ("/console/keys", keys.get_keys),
        ("/console/passkey.js", get_script),
        ("/console/console.css", get_style),
    ]
    posts = [
        ("/console/sign-in/provider", oidc.post_begin),
        ("/console/local/password", local.post_password),
        ("/console/local/passkey", local.post_passkey),
        ("/console/step-up/begin", sign_in.post_step_up),
        ("/console/sign-out", home.post_sign_out),
        ("/console/sign-out/everywhere", home.post_sign_out_everywhere),
        ("/console/publish/check", publish.post_check),
        ("/console/publish/now", publish.post_publish),
        ("/console/keys/client-revocation", keys.post_client_revocation),
        ("/console/keys/key-revocation", keys.post_key_revocation),
        ("/console/keys/issuer-key", keys.post_issuer_key),
    ]
    return [
        *(Route(path, endpoint, methods=["GET"]) for path, endpoint in gets),
        *(Route(path, endpoint, methods=["POST"]) for path, endpoint in posts),
    ]


async def get_script(_request: Request) -> Response:
    """Serve the one script: it asks the browser for a passkey."""
    source = templates().get_template("passkey.js").render()
    return Response(source, headers=_CACHED, media_type="text/javascript; charset=utf-8")


async def get_style(_request: Request) -> Response:
    """Serve what the console's forms add to the one style sheet."""
    source = templates().get_template("console.css").render()
    return Response(source, headers=_CACHED, media_type="text/css; charset=utf-8")
