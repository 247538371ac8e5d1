"""An OpenID provider on loopback that tells the truth, until a test makes it lie."""

from __future__ import annotations

import base64
import contextlib
import hmac
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

from console_browser import SESSION, Browser
from httpx2 import Response
from joserfc import jwk, jwt
from joserfc.jws import JWSRegistry

CLIENT = "stile-northmoor"
SECRET = "a secret that the provider gave"
KEY = jwk.generate_key("RSA", 2048, {"kid": "one", "alg": "RS256", "use": "sig"}, private=True)
OTHER_KEY = jwk.generate_key("EC", "P-256", {"kid": "one"}, private=True)
ROLES = {"Stile.DPO": "dpo", "Stile.Admin": "administrator"}
Change = Callable[[dict[str, Any]], None]


def encoded(content: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).rstrip(b"=").decode()


@dataclass
class Provider:
    """What it serves: a test changes any part. `codes`: the authorization requests that its codes stand for."""

    issuer: str = ""
    now: Callable[[], float] = lambda: 0.0
    claims: dict[str, Any] = field(default_factory=lambda: {"roles": ["Stile.DPO"]})
    metadata: dict[str, Any] = field(default_factory=dict)
    alg: str = "RS256"
    key: Any = field(default_factory=lambda: KEY)
    header: dict[str, Any] = field(default_factory=lambda: {"kid": "one"})
    keys: list[Any] = field(default_factory=lambda: [KEY])
    change: Change = field(default=lambda _claims: None)
    token: Callable[[str], dict[str, Any]] = lambda signed: {"access_token": "a", "id_token": signed}
    answers: dict[str, tuple[int, dict[str, str], bytes]] = field(default_factory=dict)
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    asked: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)

    def document(self) -> dict[str, Any]:
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/jwks",
            "userinfo_endpoint": f"{self.issuer}/userinfo",
            "id_token_signing_alg_values_supported": ["RS256", "HS256", "none"],
            "authorization_response_iss_parameter_supported": True,
            **self.metadata,
        }

    def id_token(self, asked: dict[str, str]) -> str:
        now = int(self.now())
        claims: dict[str, Any] = {
            "iss": self.issuer, "aud": CLIENT, "sub": "248289761001", "iat": now, "exp": now + 300, "nonce": asked["nonce"],
            **({"auth_time": now} if "max_age" in asked else {}), **self.claims,
        }  # fmt: skip
        self.change(claims)
        header = {"alg": self.alg, **self.header}
        signed = f"{encoded(header)}.{encoded(claims)}"
        if self.alg == "none":
            return f"{signed}."
        if isinstance(self.key, bytes):  # a secret that no honest library would sign by
            made = hmac.digest(self.key, signed.encode(), "sha256")
            return f"{signed}.{base64.urlsafe_b64encode(made).rstrip(b'=').decode()}"
        registry = JWSRegistry(algorithms=["RS256", "ES256", "HS256"], strict_check_header=False)
        return jwt.encode(header, claims, self.key, registry=registry)

    def approve(self, address: str, **more: str) -> str:
        """Return where a browser comes back to that was sent to `address` and signed in there."""
        asked = dict(parse_qsl(urlsplit(address).query))
        code = f"code-{len(self.codes)}"
        self.codes[code] = asked
        given = {"code": code, "state": asked["state"], "iss": self.issuer, **more}
        return "/console/callback?" + "&".join(f"{name}={value}" for name, value in given.items() if value)

    def answer(self, method: str, path: str, form: dict[str, str], authorization: str) -> tuple[int, dict[str, str], bytes]:
        self.asked.append((method, path, form))
        if path in self.answers:
            return self.answers[path]
        if path == "/.well-known/openid-configuration":
            return 200, {}, json.dumps(self.document()).encode()
        if path == "/jwks":
            return 200, {}, json.dumps({"keys": [one.as_dict(private=False) for one in self.keys]}).encode()
        if path == "/token":
            return self._redeem(form, authorization)
        return 404, {}, b"{}"

    def _redeem(self, form: dict[str, str], authorization: str) -> tuple[int, dict[str, str], bytes]:
        basic = base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
        asked = self.codes.pop(form.get("code", ""), None)
        if asked is None or authorization != f"Basic {basic}" or not form.get("code_verifier"):
            return 400, {}, b'{"error": "invalid_grant"}'
        return 200, {}, json.dumps(self.token(self.id_token(asked))).encode()


@contextlib.contextmanager
def serving(provider: Provider) -> Iterator[Provider]:
    """Serve it on a port of its own."""

    class Handler(BaseHTTPRequestHandler):
        timeout = 5

        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0)).decode()
            form = {name: values[0] for name, values in parse_qs(body).items()}
            path, authorization = urlsplit(self.path).path, self.headers.get("authorization", "")
            status, headers, content = provider.answer(self.command, path, form, authorization)
            self.send_response(status)
            for name, value in {"Content-Type": "application/json", "Content-Length": str(len(content)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            with contextlib.suppress(OSError):  # the other side may have heard enough
                self.wfile.write(content)

        do_GET = do_POST = _answer  # noqa: N815 -- the library's names

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    provider.issuer = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def begin(browser: Browser, to: str = "/console") -> str:
    """Begin a sign-in at the provider; return where the browser is sent."""
    browser.get(f"/console/sign-in?to={to}")
    answer = browser.submit("/console/sign-in/provider")
    assert answer.status_code == 303, answer.text
    return str(answer.headers["location"])


def sign_in_at(provider: Provider, browser: Browser, **more: str) -> Response:
    """Sign in: to the provider, and back."""
    return browser.get(provider.approve(begin(browser), **more))


def settings_of(provider: Provider, directory: Path, **more: Any) -> dict[str, Any]:
    secret = directory / "oidc.secret"
    secret.write_text(SECRET + "\n")
    given = {"oidc_issuer": provider.issuer, "oidc_client_id": CLIENT, "oidc_client_secret_file": secret}
    return {**given, "oidc_roles": ROLES, **more}


def is_refused(browser: Browser, answer: Any, status: int, code: str) -> bool:
    """Tell whether it was refused just so: no session, no 5xx, nothing told of the provider's answer."""
    assert (answer.status_code, code in answer.text) == (status, True), answer.text
    assert SESSION not in browser.cookies
    assert "248289761001" not in answer.text
    assert browser.get("/console").status_code == 303
    return True


def set_to(name: str, value: Any) -> Any:
    return lambda claims: claims.update({name: value})


def moved(name: str, seconds: int) -> Any:
    return lambda claims: claims.update({name: claims.get("iat", 0) + seconds})


def without(name: str) -> Any:
    return lambda claims: claims.pop(name)
