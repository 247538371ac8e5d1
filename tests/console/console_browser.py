"""A browser without a screen: cookies as the prefix asks, forms as pages hold them; and an authenticator in software."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import secrets
from dataclasses import dataclass, field
from html import unescape
from typing import Any
from urllib.parse import urlencode

import cbor2
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from house import ISSUER, House
from httpx2 import Response

SESSION, BEFORE = "__Host-stile", "__Host-stile-before"
PASSWORD = "four words make a pass phrase"
COOKIE = re.compile(r"(__Host-[a-z-]+)=([^;]*); (.*)")


def encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


@dataclass
class Browser:
    """Keeps cookies and sends what a page of ours would send, unless a test says otherwise."""

    house: House
    cookies: dict[str, str] = field(default_factory=dict)
    page: Response | None = None

    def get(self, path: str, **headers: str) -> Response:
        return self.call("GET", path, **headers)

    def call(self, method: str, path: str, content: bytes | None = None, **headers: str) -> Response:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.cookies:
            sent.setdefault("Cookie", "; ".join(f"{name}={value}" for name, value in self.cookies.items()))
        answer = self.house.http.request(method, path, content=content, headers=sent, follow_redirects=False)
        self.house.http.cookies.clear()
        self._keep(answer)
        self.page = answer
        return answer

    def _keep(self, answer: Response) -> None:
        for header in answer.headers.get_list("set-cookie"):
            found = COOKIE.fullmatch(header)
            assert found, f"a cookie without the prefix: {header}"
            name, value, attributes = found.groups()
            given = {one.strip().lower() for one in attributes.split(";")}
            assert {"path=/", "secure", "httponly", "samesite=lax"} <= given, header
            assert not any(one.startswith("domain") for one in given), header
            if "max-age=0" in given:
                self.cookies.pop(name, None)
            else:
                self.cookies[name] = value

    def fields(self, action: str) -> dict[str, str]:
        """Return the hidden fields of the form with this action, on the page that is open."""
        assert self.page is not None
        forms = re.findall(r"<form[^>]*?action=\"([^\"]+)\"[^>]*>(.*?)</form>", self.page.text, re.DOTALL)
        (inner,) = [inner for found, inner in forms if found == action][:1]
        hidden = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', inner)
        return {name: unescape(value) for name, value in hidden}

    def post(self, path: str, form: dict[str, str], **headers: str) -> Response:
        sent = {"Origin": ISSUER, "Content-Type": "application/x-www-form-urlencoded", **headers}
        return self.call("POST", path, urlencode(form).encode(), **sent)

    def submit(self, action: str, **fields: str) -> Response:
        """Send the form of the page that is open."""
        return self.post(action, {**self.fields(action), **fields})

    def options(self) -> dict[str, Any]:
        assert self.page is not None
        (found,) = re.findall(r'data-options="([^"]*)"', self.page.text)
        return dict(json.loads(unescape(found)))

    @property
    def csrf(self) -> str:
        """Return the session's token, as the first page holds it."""
        self.get("/console")
        return self.fields("/console/sign-out")["csrf"]

    def control(self, method: str, path: str, body: Any = None, **headers: str) -> Response:
        """Call the control API by the session, as a page's script would."""
        sent = {"Stile-CSRF": self.csrf, "Origin": ISSUER}
        if body is not None:
            sent["Content-Type"] = "application/json"
        content = None if body is None else json.dumps(body).encode()
        return self.call(method, path, content, **{**sent, **headers})


@dataclass
class Authenticator:
    """Holds one passkey on P-256 (WebAuthn Level 3, section 6). A test changes one thing about what it signs."""

    origin: str = ISSUER
    rp: str = "127.0.0.1"
    flags: int = 0x05  # user present, user verified
    count: int = 0
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    credential: bytes = field(default_factory=lambda: secrets.token_bytes(32))

    @property
    def id(self) -> str:
        return encoded(self.credential)

    def create(self, options: dict[str, Any], **client: Any) -> str:
        """Answer `navigator.credentials.create`."""
        public = self.key.public_key().public_numbers()
        cose = cbor2.dumps({1: 2, 3: -7, -1: 1, -2: public.x.to_bytes(32, "big"), -3: public.y.to_bytes(32, "big")})
        attested = bytes(16) + len(self.credential).to_bytes(2, "big") + self.credential + cose
        attestation = cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": self._data(0x40) + attested})
        told = self._client("webauthn.create", options, client)
        return self._answer({"clientDataJSON": encoded(told), "attestationObject": encoded(attestation)})

    def get(self, options: dict[str, Any], **client: Any) -> str:
        """Answer `navigator.credentials.get`."""
        data, told = self._data(0), self._client("webauthn.get", options, client)
        signature = self.key.sign(data + hashlib.sha256(told).digest(), ec.ECDSA(SHA256()))
        parts = {"clientDataJSON": told, "authenticatorData": data, "signature": signature}
        return self._answer({name: encoded(part) for name, part in parts.items()})

    def _data(self, more: int) -> bytes:
        self.count += 1
        return hashlib.sha256(self.rp.encode()).digest() + bytes([self.flags | more]) + self.count.to_bytes(4, "big")

    def _client(self, kind: str, options: dict[str, Any], changes: dict[str, Any]) -> bytes:
        told = {"type": kind, "challenge": options["challenge"], "origin": self.origin, "crossOrigin": False, **changes}
        return json.dumps(told).encode()

    def _answer(self, response: dict[str, str]) -> str:
        return json.dumps({"id": self.id, "rawId": self.id, "type": "public-key", "response": response})
