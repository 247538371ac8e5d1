"""A gateway to attack, and a server that answers everything with a token: what holds must be told from what does not."""

from __future__ import annotations

import json
import secrets
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pysqlite3
from certificates import certified
from cryptography.hazmat.primitives.serialization import Encoding
from hours import machine_now
from house import free_port, open_house
from joserfc import jwk

from audit.stores.instants import to_micros
from gateway.attack import Attack, Client, Result, Verdict
from gateway.attack.offices import OFFICES
from gateway.attack.running import attempt
from gateway.attack.target import Target
from gateway.commands.council import at_port
from gateway.commands.demo import serving
from gateway.council.directory import open_council
from gateway.demo.making import PARTNERS
from gateway.oauth.clients import Role
from gateway.operators.cookies import key_of

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


def office_key(directory: Path, role: str) -> Path:
    return directory / "offices" / f"office-{role}.jwk.json"


def two_clients(directory: Path) -> list[str]:
    """Return the options of `stile attack` that give both clients."""
    given = []
    for prefix, one in (("--", HARBOUR), ("--other-", CALDER)):
        key = key_file(directory, one.client_id)
        given += [f"{prefix}client={one.client_id}", f"{prefix}key={key}", f"{prefix}agreement={one.agreement}"]
    return given


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
    """Register a client of each office, with its key in a file, where two people decide; returns them by role."""
    found = {}
    with open_house(directory) as house:
        house.append(house.changes().staffing.say_two(reason="there are two", by="test"))
        for role in map(Role, OFFICES):
            key = jwk.generate_key("EC", "P-256", private=True)
            name, jwks = f"office-{role.value}", {"keys": [dict(key.as_dict(private=False))]}
            partners = house.changes().partners
            house.append(partners.register_client(name, partner_id=None, role=role, jwks=jwks, by="test"))
            house.append(house.changes().operators.say_person(name, person=name, by="test"))
            found[role.value] = Client(name, key, "")
            office_key(directory, role.value).write_text(json.dumps(key.as_dict(private=True)))
    return found


def tried(target: Target, some: Iterable[Attack]) -> dict[str, Result]:
    """Make some attacks, one after another, without what only a whole run needs."""
    results = {one.id: attempt(target, one) for one in some}
    assert results
    return results


def broken_among(results: Mapping[str, Result]) -> set[str]:
    return {name for name, one in results.items() if one.verdict is Verdict.BROKEN}


def grant_operators(directory: Path) -> None:
    """Make an account for an operator in each office, to which nobody has the password."""
    with open_house(directory) as house:
        grant = house.changes().operators.grant
        for role in OFFICES:
            house.append(grant(f"op_{role}", name=role, password="", roles=frozenset({Role(role)}), by="test"))


def begin_session(directory: Path, role: str, *, ago: float = 0.0) -> str:
    """Return the cookie of an operator's new session, who signed in so many seconds ago."""
    cookie, now = secrets.token_urlsafe(32), machine_now()
    names = "id_hash, operator_id, method, roles, shown, mapping, began_at, used_at, authenticated_at, draft"
    times = [to_micros(now), to_micros(now), to_micros(now - timedelta(seconds=ago))]
    row = (key_of(cookie), f"op_{role}", "local", "[]", role, "", *times, None)
    connection = pysqlite3.connect(str(directory / "state.sqlite"), timeout=10)
    connection.execute(f"INSERT INTO console_session ({names}) VALUES ({','.join('?' * len(row))})", row)
    connection.commit()
    connection.close()
    return cookie


def bound_client(directory: Path) -> list[str]:
    """Return the options of a client that is bound to a certificate, at a gateway that believes no hop."""
    key, certificate = key_file(directory, "by-certificate"), directory / "certificate.pem"
    made = jwk.generate_key("EC", "P-256", private=True)
    key.write_text(json.dumps(made.as_dict(private=True)))
    certificate.write_bytes(certified("harbour").certificate.public_bytes(Encoding.PEM))
    register(directory, "by-certificate", dict(made.as_dict(private=False)))
    with open_house(directory) as house:
        house.append(house.changes().partners.set_binding("by-certificate", to_certificate=True, by="test"))
    named = ["--bound-client=by-certificate", f"--bound-key={key}", f"--bound-agreement={HARBOUR.agreement}"]
    return [*named, f"--bound-certificate={certificate}"]


def signed_in(directory: Path, role: str) -> list[str]:
    """Return the option of an operator's session, whose cookie stands in a file."""
    grant_operators(directory)
    file = directory / "session"
    file.write_text(begin_session(directory, role))
    return [f"--operator-session={role}={file}"]


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
