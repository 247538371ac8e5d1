"""`stile login` and `stile logout`: let this command line act as a person, who says so in their own browser."""

from __future__ import annotations

import hmac
import secrets
import time
import webbrowser
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Annotated, Final
from urllib.parse import parse_qs, urlsplit

import typer
from joserfc import jwk
from typing_extensions import override

from gateway.app import utc_now
from gateway.commands.common import Directory, telling
from gateway.commands.signed_in import Login, forget_login, keep_login, load_login
from gateway.oauth.jose import thumbprint
from gateway.settings import load_settings
from gateway.store.changes import ChangeRefusedError
from gateway.store.operator_rows import LONGEST_OF_COMMANDS
from gateway.web.command_line import challenge_of, word_of
from schemas.instants import as_text

PATIENCE: Final = 300.0  # seconds for a person to sign in and say yes
_DONE: Final = b"<!doctype html><title>Signed in</title><p>The command line is signed in. You may close this page.</p>"


def login(
    gateway: Annotated[str | None, typer.Option(help="The gateway's public address; that of --dir without it.")] = None,
    directory: Directory = Path(),
    port: Annotated[int, typer.Option(help="Where the browser comes back to on this machine; 0 for any.", min=0)] = 0,
    browser: Annotated[bool, typer.Option(help="Open a browser here.")] = True,  # noqa: FBT002 -- a flag of the command line
) -> None:
    """Sign in: your browser asks you whether this command line may act as you, for an hour.

    Without a browser on this machine, lead a port of yours here (ssh -L 8765:127.0.0.1:8765), and give --port 8765.
    """
    with telling():
        address = (gateway or load_settings(directory).public_url).rstrip("/")
        key, verifier, state = (
            jwk.generate_key("EC", "P-256", private=True),
            secrets.token_urlsafe(32),
            secrets.token_urlsafe(16),
        )
        jkt = thumbprint(key)
        with _Waiting(port, state) as waiting:
            asked = f"{waiting.port}.{state}.{jkt}.{challenge_of(verifier)}"
            page = f"{address}/console/command-line/{asked}"
            typer.echo(f"Open this page, sign in, and see that it shows the word {word_of(jkt)}:\n{page}")
            if browser:
                webbrowser.open(page)
            code = waiting.code()
        ends = utc_now() + LONGEST_OF_COMMANDS - timedelta(seconds=5)
        made = Login(address, f"login_{code}{verifier}", dict(key.as_dict(private=True)), as_text(ends))
        told = made.call("GET", "/control/v1/who")
        file = keep_login(made)
    typer.echo(f"Signed in as {told['by']}, {', '.join(told['roles'])}, until {ends:%H:%M} UTC; kept in {file}")


def logout() -> None:
    """Sign this command line out: its login is over at the gateway, and is removed here."""
    with telling():
        try:
            load_login().call("POST", "/control/v1/logout")
        except ChangeRefusedError as refused:
            typer.echo(f"At the gateway: {refused}", err=True)
        finally:
            forget_login()
    typer.echo("signed out")


class _Waiting(HTTPServer):
    """Waits at a port of this machine for the browser to come back with the code, and answers nothing else."""

    def __init__(self, port: int, state: str) -> None:
        super().__init__(("127.0.0.1", port), _Coming)
        self.state = state
        self.found: str | None = None
        self.timeout = 1.0

    @property
    def port(self) -> int:
        """Return the port."""
        return int(self.server_address[1])

    def code(self) -> str:
        """Return what the browser brought, or raise ChangeRefusedError where it does not come."""
        until = time.monotonic() + PATIENCE
        while self.found is None and time.monotonic() < until:
            self.handle_request()
        if self.found is None:
            raise ChangeRefusedError("nobody signed in within five minutes")
        return self.found


class _Coming(BaseHTTPRequestHandler):
    """One call of a browser. Only one with the state that this command made brings a code."""

    server: _Waiting
    timeout = 5

    def do_GET(self) -> None:
        """Take the code."""
        given = parse_qs(urlsplit(self.path).query)
        state, code = given.get("state", [""])[0], given.get("code", [""])[0]
        is_ours = hmac.compare_digest(state.encode(), self.server.state.encode()) and code != ""
        self.send_response(200 if is_ours else 404)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Cache-Control", "no-store")
        self.send_header("Referrer-Policy", "no-referrer")
        self.end_headers()
        if is_ours:
            self.server.found = code
            self.wfile.write(_DONE)

    @override
    def log_message(self, format: str, *args: object) -> None:
        """Write nothing: the code stands in the address."""
