"""How does a partner's system call the gateway? Plain HTTP, one key, a fresh proof for each call."""

from __future__ import annotations

import json
import secrets
import time
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

from joserfc import jwk

from gateway.oauth.assertion import ASSERTION_TYPE
from gateway.oauth.details import TYPE
from gateway.oauth.made_jwts import make_assertion, make_proof

TIMEOUT: Final = 20.0


class CallFailedError(Exception):
    """The gateway could not be reached, or broke off."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back: status, exact body, and how long it took in milliseconds."""

    status: int
    body: bytes
    milliseconds: float

    def json(self) -> Any:
        """Return the body parsed."""
        return json.loads(self.body)


@dataclass(slots=True)
class PartnerSystem:
    """A client with its private key. Holds one token at a time."""

    issuer: str
    client_id: str
    key: Any
    token: str = ""
    granted: list[dict[str, Any]] = field(default_factory=list)

    @classmethod
    def from_file(cls, issuer: str, client_id: str, file: Path) -> PartnerSystem:
        """Read the private key of a client."""
        return cls(issuer, client_id, jwk.import_key(json.loads(file.read_text(encoding="ascii"))))

    def get_token(self, *, agreement: str | None = None, resource: str | None = None) -> Reply:
        """Ask for a token for one agreement, or (an office) for the control API, and keep it."""
        url = f"{self.issuer}/oauth2/token"
        form = {
            "grant_type": "client_credentials",
            "client_assertion_type": ASSERTION_TYPE,
            "client_assertion": make_assertion(self.key, client_id=self.client_id, issuer=self.issuer),
        }
        if agreement is not None:
            form["authorization_details"] = json.dumps(details_of(agreement))
        if resource is not None:
            form["resource"] = resource
        headers = {
            "DPoP": make_proof(self.key, method="POST", url=url, token=None),
            "Content-Type": "application/x-www-form-urlencoded",
        }
        reply = send("POST", url, headers, urlencode(form).encode())
        if reply.status == 200:
            self.token = reply.json()["access_token"]
            self.granted = reply.json()["authorization_details"]
        return reply

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> Reply:
        """Make one call with the token and a fresh proof."""
        url = self.issuer + path
        proof = make_proof(self.key, method=method, url=url, token=self.token)
        sent = {"Authorization": f"DPoP {self.token}", "DPoP": proof, "X-Request-ID": secrets.token_hex(8), **headers}
        if body is not None:
            sent["Content-Type"] = "application/json"
        return send(method, url, sent, None if body is None else json.dumps(body).encode())


def details_of(agreement: str) -> list[dict[str, Any]]:
    """Return the authorization_details that ask for all that an agreement has."""
    return [{"type": TYPE, "agreement": agreement}]


def send(method: str, url: str, headers: dict[str, str], body: bytes | None) -> Reply:
    """Send one request and read its answer whole."""
    parts = urlsplit(url)
    connection = HTTPConnection(parts.hostname or "", parts.port or 80, timeout=TIMEOUT)
    begun = time.perf_counter()
    try:
        connection.request(method, parts.path, body=body, headers=headers)
        answer = connection.getresponse()
        content = answer.read()
    except (OSError, HTTPException) as error:
        raise CallFailedError(f"{method} {parts.path}: {type(error).__name__}") from error
    finally:
        connection.close()
    return Reply(answer.status, content, (time.perf_counter() - begun) * 1000)
