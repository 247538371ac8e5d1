"""A gateway to attack, and a server that answers everything with a token: what holds must be told from what does not."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from house import free_port, open_house
from joserfc import jwk

from gateway.attack import Client
from gateway.commands.council import at_port
from gateway.commands.demo import serving
from gateway.council import open_council
from gateway.demo.making import PARTNERS
from gateway.oauth.clients import Role

HARBOUR, CALDER, _ = PARTNERS
TOKEN = "eyJhbGciOiJFUzI1NiIsImtpZCI6ImEifQ.eyJzdWIiOiJhIn0.AAAA"


@contextmanager
def gateway_at(directory: Path, **settings: object) -> Iterator[str]:
    """Serve a council on a port of its own; yields its address."""
    port = free_port()
    council = at_port(open_council(directory), port)
    council = replace(council, settings=council.settings.model_copy(update=settings))
    with serving(council, port=port):
        yield f"http://127.0.0.1:{port}"
    council.keyring.close()


def key_file(directory: Path, client_id: str) -> Path:
    return directory / "partners" / f"{client_id}.jwk.json"


def client_of(directory: Path, which: object = HARBOUR) -> Client:
    key = jwk.import_key(json.loads(key_file(directory, which.client_id).read_text()))
    return Client(which.client_id, key, which.agreement)


def register(directory: Path, client_id: str, public: dict[str, object]) -> None:
    """Register one more client of Harbour's."""
    with open_house(directory) as house:
        partners = house.changes().partners
        house.append(
            partners.register_client(
                client_id, partner_id=HARBOUR.partner_id, role=Role.PARTNER, jwks={"keys": [public]}, by="test"
            )
        )


def register_offices(directory: Path) -> dict[str, Client]:
    """Register a client of each office; returns them by role."""
    found = {}
    with open_house(directory) as house:
        for role in (Role.DPO, Role.APPROVER, Role.ADMINISTRATOR, Role.AUDITOR):
            key = jwk.generate_key("EC", "P-256", private=True)
            name, jwks = f"office-{role.value}", {"keys": [dict(key.as_dict(private=False))]}
            partners = house.changes().partners
            house.append(partners.register_client(name, partner_id=None, role=role, jwks=jwks, by="test"))
            found[role.value] = Client(name, key, "")
    return found


@contextmanager
def yes_server() -> Iterator[str]:
    """Serve what agrees with everybody: 200, and a token."""

    class Yes(BaseHTTPRequestHandler):
        timeout = 0.3  # for a body that is never whole

        def _answer(self) -> None:
            self.rfile.read(int(self.headers.get("content-length") or 0))
            issuer = f"http://127.0.0.1:{self.server.server_address[1]}"
            agreement = {"id": HARBOUR.agreement, "roles": ["a"], "keys": {"account_ref": {"confirm": ["surname"]}}}
            told = {"issuer": issuer, "access_token": TOKEN, "keys": [{"kty": "EC"}], "agreements": [agreement]}
            body = json.dumps(told).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_PUT = do_DELETE = do_OPTIONS = do_HEAD = do_PATCH = do_TRACE = _answer  # noqa: N815 -- the library's names

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Yes)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
