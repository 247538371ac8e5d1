"""How does one call reach the gateway? Metadata once, a token while it lives, a new proof for each try, bounded retries."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

from gateway.client.addresses import is_safe, metadata_address
from gateway.client.errors import OAuthError, StileError, UnexpectedReplyError, UnreachableError, problem_error
from gateway.client.retrying import LIMITED, PASSING, Patience, Timing, retry_after, skew_hint, wait_before
from gateway.client.signing import make_assertion, make_proof
from gateway.client.steps import BrokenError, Call, Journey, Pause, Reply, Turn

DETAIL_TYPE: Final = "stile_disclosure_v1"
ASSERTION_TYPE: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
EARLY: Final = 30.0  # seconds before its end from which a token is not used any more
OK: Final = 200
UNAUTHORISED: Final = 401


@dataclass(frozen=True, slots=True)
class Want:
    """What a token is wanted for: the key that it is kept under."""

    agreement: str | None
    actions: tuple[str, ...] = ("read",)
    fields: tuple[str, ...] | None = None

    def details(self) -> str | None:
        """Return authorization_details (RFC 9396, section 2); None names no agreement, and the refusal lists yours."""
        if self.agreement is None:
            return None
        narrowed = {} if self.fields is None else {"fields": list(self.fields)}
        return json.dumps([{"type": DETAIL_TYPE, "agreement": self.agreement, "actions": list(self.actions), **narrowed}])


@dataclass(frozen=True, slots=True)
class _Token:
    value: str
    good_until: float


@dataclass(slots=True, repr=False)
class Session:
    """What a client knows between its calls. Its journeys may interleave; a driver lets one at a time ask for tokens."""

    issuer: str
    client_id: str
    key: Any
    patience: Patience
    timing: Timing
    urgent_contact: str | None = None
    _token_endpoint: str | None = None
    _tokens: dict[Want, _Token] = field(default_factory=dict)
    _nonces: dict[str, str] = field(default_factory=dict)

    def ask(
        self,
        method: str,
        path: str,
        *,
        want: Want,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        streams: bool = False,
    ) -> Journey[Reply]:
        """Make one call with a token. One that is refused (401) is made again once, with a new token."""
        until = self.timing.ticks() + self.patience.deadline
        url = self.issuer + path
        given = {"Accept": "application/json", "X-Request-ID": secrets.token_hex(12), **(headers or {})}
        if body is not None:
            given["Content-Type"] = "application/json"

        def made(token: str) -> Callable[[float], Call]:
            def make(timeout: float) -> Call:
                proof = self._proof(method, url, token)
                sent = {**given, "Authorization": f"DPoP {token}", "DPoP": proof}
                return Call(method, url, sent, body, timeout, streams)

            return make

        token = yield from self._token(want, until)
        reply = yield from self._proven(made(token), url, until)
        if reply.status == UNAUTHORISED:
            token = yield from self._token(want, until, instead_of=token)
            reply = yield from self._proven(made(token), url, until)
        return reply

    # -- tokens

    def _token(self, want: Want, until: float, *, instead_of: str | None = None) -> Journey[str]:
        yield Turn.TAKE
        held = self._tokens.get(want)
        if held is None or held.value == instead_of or held.good_until <= self.timing.ticks():
            held = yield from self._fetch_token(want, until)
            now = self.timing.ticks()
            self._tokens = {one: kept for one, kept in self._tokens.items() if kept.good_until > now} | {want: held}
        yield Turn.GIVE
        return held.value

    def _fetch_token(self, want: Want, until: float) -> Journey[_Token]:
        url = yield from self._endpoint(until)
        begun = self.timing.ticks()

        def make(timeout: float) -> Call:
            now = self.timing.clock()
            assertion = make_assertion(self.key, client_id=self.client_id, issuer=self.issuer, now=now)
            form = {
                "grant_type": "client_credentials",
                "client_assertion_type": ASSERTION_TYPE,
                "client_assertion": assertion,
            }
            details = want.details()
            if details is not None:
                form["authorization_details"] = details
            kind = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
            return Call("POST", url, {**kind, "DPoP": self._proof("POST", url, None)}, urlencode(form).encode(), timeout)

        reply = yield from self._proven(make, url, until)
        answer = json_object(reply)
        if reply.status != OK:
            raise self._no_token(reply, answer)
        value, lifetime = answer.get("access_token"), answer.get("expires_in")
        if not isinstance(value, str) or not isinstance(lifetime, int) or answer.get("token_type") != "DPoP":
            raise UnexpectedReplyError("the token endpoint's answer holds no DPoP token: is this the gateway's address?")
        return _Token(value, begun + lifetime - min(EARLY, lifetime / 4))

    def _no_token(self, reply: Reply, answer: Mapping[str, Any]) -> StileError:
        if not isinstance(answer.get("error"), str):
            return UnexpectedReplyError(f"the token endpoint answered {reply.status}, and not as OAuth does")
        hint = skew_hint(reply.headers, self.timing.clock())
        return OAuthError(answer["error"], str(answer.get("error_description", "")), hint)

    def _endpoint(self, until: float) -> Journey[str]:
        """Read the metadata once; they must be this issuer's own (RFC 8414, section 3.3)."""
        if self._token_endpoint is None:
            url = metadata_address(self.issuer)
            reply = yield from self._persist(
                lambda left: Call("GET", url, {"Accept": "application/json"}, None, left), until
            )
            found = json_object(reply)
            if reply.status != OK or found.get("issuer") != self.issuer:
                raise UnexpectedReplyError(
                    f"{url} is not the metadata of {self.issuer}: check the issuer, letter by letter"
                )
            endpoint = found.get("token_endpoint")
            if not isinstance(endpoint, str) or not is_safe(endpoint):
                raise UnexpectedReplyError(f"{url} names no token endpoint that may be called")
            self._token_endpoint = endpoint
        return self._token_endpoint

    # -- one call, until it is answered

    def _proof(self, method: str, url: str, token: str | None) -> str:
        nonce = self._nonces.get(urlsplit(url).netloc + ("" if token else " token"))
        return make_proof(self.key, method=method, url=url, token=token, nonce=nonce, now=self.timing.clock())

    def _proven(self, make: Callable[[float], Call], url: str, until: float) -> Journey[Reply]:
        """Send; where the server wants its nonce in the proof, once more with it (RFC 9449, sections 8 and 9)."""
        server = urlsplit(url).netloc + (" token" if url == self._token_endpoint else "")
        reply = yield from self._persist(make, until)
        if self._took_nonce(server, reply) and _wants_nonce(reply):
            reply = yield from self._persist(make, until)
            self._took_nonce(server, reply)
        return reply

    def _took_nonce(self, server: str, reply: Reply) -> bool:
        nonce = reply.headers.get("dpop-nonce")
        if nonce is not None:
            self._nonces[server] = nonce
        return nonce is not None

    def _persist(self, make: Callable[[float], Call], until: float) -> Journey[Reply]:
        """Try until an answer is worth having, or no time or try is left. Each try is made anew: a proof serves once."""
        ticks, patience, tried, why = self.timing.ticks, self.patience, 0, "there was no time left"
        while (left := until - ticks()) > 0:
            tried += 1
            reply: Reply | None = None
            try:
                reply = yield make(min(patience.timeout, left))
            except BrokenError as error:
                why = str(error)
            wait = wait_before(tried, patience, self.timing.chance())
            if reply is not None:
                asked = retry_after(reply.headers, self.timing.clock())
                if reply.status not in PASSING and (reply.status != LIMITED or asked is None):
                    return reply
                wait = wait if asked is None else asked + self.timing.chance() * patience.first_wait
            if tried >= patience.tries or ticks() + wait >= until:
                if reply is not None:
                    return reply
                break
            yield Pause(wait)
        raise self.unreachable(tried, why)

    def unreachable(self, tried: int, why: str) -> UnreachableError:
        """Return the error of a gateway that does not answer: no reason to wait in an emergency."""
        whom = self.urgent_contact or "the council"
        error = UnreachableError(f"{self.issuer} did not answer in {tried} tries: {why}. In an emergency ring {whom}")
        error.urgent_contact = self.urgent_contact
        return error

    def failure(self, reply: Reply) -> StileError:
        """Return the error that a reply without data stands for."""
        problem = json_object(reply)
        now = self.timing.clock()
        if not isinstance(problem.get("code"), str):
            if reply.status not in PASSING:
                return UnexpectedReplyError(
                    f"the answer was {reply.status} of another kind than a gateway's: check the issuer"
                )
            detail = "what stands before the gateway could not reach it"
            problem = {"status": reply.status, "code": f"http_{reply.status}", "detail": detail}
        hint = skew_hint(reply.headers, now) if reply.status == UNAUTHORISED else ""
        found = problem_error({**problem, "status": reply.status}, hint=hint, retry_after=retry_after(reply.headers, now))
        found.urgent_contact = self.urgent_contact = found.urgent_contact or self.urgent_contact
        return found


def json_object(reply: Reply) -> dict[str, Any]:
    """Return a reply's JSON object; an empty one where it is something else."""
    try:
        found = json.loads(reply.body)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _wants_nonce(reply: Reply) -> bool:
    if reply.status == UNAUTHORISED and 'error="use_dpop_nonce"' in reply.headers.get("www-authenticate", ""):
        return True
    return reply.status in (400, UNAUTHORISED) and json_object(reply).get("error") == "use_dpop_nonce"
