"""The gateway under attack: how is it called honestly, so that an attack changes one thing and nothing else?"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlencode

from gateway.attack import made_up
from gateway.attack.forging import ALGORITHMS, LEFT_OUT, Part, changed, forge, now, public_of
from gateway.attack.given import Bound, Client, Session, Subject
from gateway.attack.judging import HonestCallError, NotApplicableError, json_of
from gateway.attack.wire import Answer, Heard, Place, head_of
from gateway.oauth.dpop import token_hash

TYPE: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
DETAIL: Final = "stile_disclosure_v1"
TOKEN_PATH: Final = "/oauth2/token"  # noqa: S105 -- an address
ASK: Final = "/v1/disclosures"
LIST: Final = "/v1/agreements"
FRESH: Final = 120.0  # seconds that a token is used again
AT_ONCE: Final = 8

Fields = Sequence[tuple[str, str]]


@dataclass(slots=True)
class Target:
    """A gateway, and what the suite knows of it. Holds one token at a time; for one thread."""

    place: Place
    issuer: str
    version: str = ""
    partner: Client | None = None
    other: Client | None = None
    offices: Mapping[str, Client] = field(default_factory=dict)  # by role
    subject: dict[str, Any] | None = None
    locked: tuple[Subject, ...] = ()  # a second person, by two keys or more
    bound: Bound | None = None
    session: Session | None = None
    is_sandbox: bool = False
    examples: Mapping[str, str] = field(default_factory=dict)  # of details, by the gateway's own description
    caseworker: str = field(default_factory=lambda: f"attack-{secrets.token_hex(4)}")  # a lock of before is another's
    nonce: str | None = None
    described: dict[str, Any] = field(default_factory=dict)
    begun: float = field(default_factory=time.monotonic)
    _token: str = field(default="", repr=False)
    _got_at: float = 0.0

    @property
    def client(self) -> Client:
        """Return the client that attacks."""
        if self.partner is None:
            raise NotApplicableError("there is no client")
        return self.partner

    @property
    def alg(self) -> str:
        """Return the algorithm of the client's key."""
        return ALGORITHMS[self.client.key.key_type]

    # -- what is signed

    def claims(self, **changes: Any) -> dict[str, Any]:
        """Return the claims of an honest assertion, with changes."""
        who, at = self.client.client_id, now()
        honest = {"iss": who, "sub": who, "aud": self.issuer, "jti": secrets.token_urlsafe(16), "iat": at, "exp": at + 60}
        return changed(honest, changes)

    def assertion(self, claims: Part | None = None, header: Part | None = None, key: Any = None) -> str:
        """Return an assertion signed by the client's key, honest in what is not given."""
        head = {"typ": "JWT", "alg": self.alg} if header is None else header
        return forge(head, self.claims() if claims is None else claims, key or self.client.key)

    def proof_claims(self, method: str, path: str, token: str | None, **changes: Any) -> dict[str, Any]:
        """Return the claims of an honest proof, with changes."""
        honest: dict[str, Any] = {"htm": method, "htu": self.issuer + path, "iat": now(), "jti": secrets.token_urlsafe(16)}
        honest["ath"] = token_hash(token) if token else LEFT_OUT
        honest["nonce"] = self.nonce or LEFT_OUT
        return changed(honest, changes)

    def proof_header(self, key: Any = None, **changes: Any) -> dict[str, Any]:
        """Return the header of an honest proof, with changes."""
        by = key or self.client.key
        return changed({"typ": "dpop+jwt", "alg": ALGORITHMS[by.key_type], "jwk": public_of(by)}, changes)

    def proof(self, method: str, path: str, token: str | None = None, **changes: Any) -> str:
        """Return a proof by the client's key, with its claims changed."""
        return forge(self.proof_header(), self.proof_claims(method, path, token, **changes), self.client.key)

    # -- what is sent

    def send(
        self, method: str, path: str, headers: Fields = (), body: bytes | None = None, host: str | None = None
    ) -> Heard:
        """Send one request on a connection of its own."""
        named = [("Host", host or self.place.authority), ("Connection", "close"), *headers]
        if body is not None:
            named.append(("Content-Length", str(len(body))))
        heard = self.place.exchange(head_of(method, path, named) + (body or b""))
        self.nonce = heard.first.header("dpop-nonce") or self.nonce
        return heard

    def form(self, **changes: Any) -> dict[str, str]:
        """Return the form of an honest token request, with changes."""
        details = json.dumps([{"type": DETAIL, "agreement": self.client.agreement}])
        honest: dict[str, Any] = {"grant_type": "client_credentials", "client_assertion_type": TYPE}
        honest |= {"authorization_details": details}
        if "client_assertion" not in changes:
            honest["client_assertion"] = self.assertion()
        return changed(honest, changes)

    def post_form(
        self,
        path: str,
        form: Mapping[str, str] | Sequence[tuple[str, str]] | bytes,
        headers: Fields = (),
        kind: str = "application/x-www-form-urlencoded",
    ) -> Heard:
        """Post a form."""
        body = form if isinstance(form, bytes) else urlencode(form).encode()
        return self.send("POST", path, [*([("Content-Type", kind)] if kind else []), *headers], body)

    def ask_token(self, form: Any = None, proofs: Sequence[str] | None = None, headers: Fields = ()) -> Heard:
        """Ask for a token, honestly in what is not given."""
        given = [self.proof("POST", TOKEN_PATH)] if proofs is None else proofs
        asked = self.form() if form is None else form
        return self.post_form(TOKEN_PATH, asked, [*(("DPoP", one) for one in given), *headers])

    def token(self) -> str:
        """Return a live token for the client's agreement."""
        if not self._token or time.monotonic() - self._got_at > FRESH:
            self._token, self._got_at = self.new_token(), time.monotonic()
        return self._token

    def keep(self, token: str) -> None:
        """Use this token from now on."""
        self._token, self._got_at = token, time.monotonic()

    def new_token(self, **changes: Any) -> str:
        """Return a token that no other attack uses."""
        answer = self.ask_token(self.form(**changes)).first
        content = json_of(answer)
        is_given = isinstance(content, dict) and "access_token" in content
        if answer.status != 200 or not is_given:  # noqa: PLR2004 -- HTTP's own number
            raise HonestCallError(f"an honest token request was answered {answer.status}")
        return str(content["access_token"])

    def signed(self, method: str, path: str, *more: tuple[str, str], token: str | None = None) -> list[tuple[str, str]]:
        """Return the headers of an honest call, and more."""
        by = token or self.token()
        return [("Authorization", f"DPoP {by}"), ("DPoP", self.proof(method, path, by)), *more]

    def call(self, method: str, path: str, *more: tuple[str, str], body: bytes | None = None, kind: str = "") -> Heard:
        """Make a call with an honest token and proof."""
        typed = [("Content-Type", kind)] if kind else []
        return self.send(method, path, [*self.signed(method, path), *typed, *more], body)

    def ask(self, content: Any, *more: tuple[str, str], path: str = ASK, kind: str = "application/json") -> Heard:
        """Ask with a body: bytes as they are, anything else as JSON."""
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        return self.call("POST", path, *more, body=body, kind=kind)

    def matter(self, **changes: Any) -> dict[str, Any]:
        """Return the body of a request about the subject, with changes."""
        role = next(iter(self.described.get("roles") or ()), "officer")
        caseworker = {"id": self.caseworker, "name": "Attack Suite", "role": role}
        return changed({"subject": self.person(), "case_reference": "attack", "caseworker": caseworker}, changes)

    def person(self, **more: Any) -> dict[str, Any]:
        """Return the subject that was given, else somebody made up."""
        if self.subject is not None:
            return {**self.subject, **more}
        return {**self.nobody(), **more}

    def nobody(self) -> dict[str, Any]:
        """Return somebody made up, whoever was given."""
        return made_up.person(self.described, self.examples)

    def anybody(self) -> dict[str, Any]:
        """Return a caseworker whom no other attack names, and whose misses are counted for no other."""
        return {**self.matter()["caseworker"], "id": f"attack-{secrets.token_hex(6)}"}

    def at_once(self, sent: Sequence[tuple[str, str, Fields, bytes | None]]) -> Heard:
        """Send several requests in parallel."""
        with ThreadPoolExecutor(AT_ONCE) as pool:
            heard = list(pool.map(lambda one: self.send(*one), sent))
        answers: tuple[Answer, ...] = tuple(one for part in heard for one in part.answers)
        return Heard(answers, max(one.seconds for one in heard), any(one.is_late for one in heard))
