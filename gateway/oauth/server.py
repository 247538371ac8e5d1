"""How is a token asked for and given? RFC 6749 section 4.4 on Authlib's server, with what FAPI 2.0 asks besides.

Authlib's server has no Starlette integration, no DPoP and no RFC 9396, and its stock assertion class accepts
RS256, an `aud` array, and a form `client_id` that is not the assertion's. Each of these is overridden here.
It is synchronous and does no I/O: what must be remembered (two `jti`) is handed back, and the caller makes it
durable before it sends the token.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qsl

from authlib.oauth2 import AuthorizationServer
from authlib.oauth2.rfc6749 import OAuth2Request
from authlib.oauth2.rfc6749.grants import ClientCredentialsGrant
from authlib.oauth2.rfc6749.requests import BasicOAuth2Payload

from gateway.oauth import details, jose
from gateway.oauth.access_token import LIFETIME, Tokens
from gateway.oauth.assertion import ASSERTION_TYPE, Authenticated, authenticate
from gateway.oauth.certificate import CertificateRefusedError, Certificates
from gateway.oauth.client_keys import key_warning
from gateway.oauth.clients import Client, Clients, Role
from gateway.oauth.dpop import Proof, ProofKeys, check_proof
from gateway.oauth.nonces import NonceNeededError, Nonces
from gateway.oauth.refusals import (
    CLIENT_REFUSED,
    DETAILS_REFUSED,
    NONCE_NEEDED,
    PROOF_REFUSED,
    REQUEST_REFUSED,
    TARGET_REFUSED,
    OAuthRefusal,
)

MOST_PARAMETERS: Final = 32


@dataclass(frozen=True, slots=True)
class Seen:
    """A `jti` of a client, of an assertion or a proof, that may not be used again until `expires`."""

    scope: str
    jti: str
    expires: int


@dataclass(frozen=True, slots=True)
class TokenAnswer:
    """What the token endpoint says, and what must be durable before it is said."""

    status: int
    body: Mapping[str, Any]
    seen: tuple[Seen, ...]
    client_id: str | None
    by_switch: bool = False  # only a compatibility switch of the client let its assertion pass


@dataclass(frozen=True, slots=True)
class Endpoint:
    """What the token endpoint needs: made once, in `build_app`."""

    issuer: str
    url: str
    clients: Clients
    tokens: Tokens
    proof_keys: ProofKeys
    available: Callable[[Client], Mapping[str, details.Available]]
    new_jti: Callable[[], str]
    nonces: Nonces | None = None  # None: proofs need none
    certificates: Certificates | None = None  # None: no hop is believed that could tell of one
    subject_secret: bytes | None = None  # None: no token is narrowed to one person, and the member is refused


def parse_form(body: bytes) -> dict[str, str]:
    """Return the parameters of a form; a repeated one is refused (RFC 6749, section 3.2)."""
    try:
        pairs = parse_qsl(
            body.decode("ascii"),
            keep_blank_values=True,
            strict_parsing=True,
            errors="strict",
            max_num_fields=MOST_PARAMETERS,
        )
    except (UnicodeDecodeError, ValueError) as error:
        raise OAuthRefusal(REQUEST_REFUSED, "the body is not a well-formed form of bearable size") from error
    names = [name for name, _ in pairs]
    if len(set(names)) != len(names):
        raise OAuthRefusal(REQUEST_REFUSED, "a parameter is given twice")
    return dict(pairs)


def answer_token_request(
    endpoint: Endpoint,
    *,
    form: Mapping[str, str],
    proofs: Sequence[str],
    now: float,
    authorization: Sequence[str] = (),
    certificates: Sequence[str] = (),
) -> TokenAnswer:
    """Return a token for an authenticated client and a proof, or the standard's refusal.

    `proofs`, `authorization` and `certificates` are the values of the DPoP, Authorization and Client-Cert headers, as many
    as were sent.
    """
    server = _Server(endpoint)
    request = _Request(form=form, proofs=proofs, now=now, has_authorization=bool(authorization), certificates=certificates)
    status, body = server.create_token_response(request)
    known = request.authenticated
    return TokenAnswer(
        status=status,
        body=body,
        seen=_seen(request) if status < 400 else (),  # noqa: PLR2004 -- HTTP's own number
        client_id=known.client.client_id if known else None,
        by_switch=known is not None and known.by_switch,
    )


def _seen(request: _Request) -> tuple[Seen, ...]:
    known, proof = request.authenticated, request.proof
    if known is None:
        return ()
    # The client's id stands in the scope, so that no client can burn another's `jti`.
    seen = (Seen(scope=f"assertion/{known.client.client_id}", jti=known.jti, expires=known.expires),)
    if proof is None:
        return seen
    return (*seen, Seen(scope=f"dpop/{known.client.client_id}", jti=proof.jti, expires=proof.expires))


class _Request(OAuth2Request):  # type: ignore[misc]  # Authlib has no types
    """A token request already read. Does not call Authlib's own initialiser, whose check of `https` looks at
    an environment variable: our address is the setting `public_url`, and its scheme is checked there."""

    def __init__(
        self,
        *,
        form: Mapping[str, str],
        proofs: Sequence[str],
        now: float,
        has_authorization: bool,
        certificates: Sequence[str],
    ) -> None:
        self.method = "POST"
        self.headers: dict[str, str] = {}
        self.payload = BasicOAuth2Payload(dict(form))
        self.client: Client | None = None
        self.auth_method: str | None = None
        self.user = None
        self.proofs = proofs
        self.now = now
        self.has_authorization = has_authorization
        self.certificates = certificates
        self.certificate: str | None = None  # of a client whose tokens are bound to it
        self.authenticated: Authenticated | None = None
        self.proof: Proof | None = None


class _Server(AuthorizationServer):  # type: ignore[misc]  # Authlib has no types
    def __init__(self, endpoint: Endpoint) -> None:
        super().__init__()
        self.endpoint = endpoint
        self.register_client_auth_method("private_key_jwt", self._authenticate_by_assertion)
        self.register_grant(_Grant)

    def _authenticate_by_assertion(self, _query: object, request: _Request) -> Client:
        form = request.payload.data
        # RFC 6749, section 2.3: one way of authentication in a request, and no more.
        if request.has_authorization or "client_secret" in form:
            raise OAuthRefusal(REQUEST_REFUSED, "authenticate in one way: by client_assertion alone")
        if form.get("client_assertion_type") != ASSERTION_TYPE or "client_assertion" not in form:
            raise OAuthRefusal(
                CLIENT_REFUSED, f"send client_assertion, with client_assertion_type {ASSERTION_TYPE}", status=401
            )
        request.authenticated = authenticate(
            form["client_assertion"],
            form_client_id=form.get("client_id"),
            issuer=self.endpoint.issuer,
            clients=self.endpoint.clients,
            now=request.now,
        )
        return request.authenticated.client

    def create_oauth2_request(self, request: _Request) -> _Request:
        return request

    def handle_response(self, status: int, body: Any, _headers: object) -> tuple[int, dict[str, Any]]:
        told = dict(body)
        if told.get("error") == "unsupported_grant_type":  # Authlib's own refusal says no more
            told.setdefault("error_description", "there is one grant here: send grant_type=client_credentials")
        return status, told

    def send_signal(self, *_args: object, **_named: object) -> None:
        """Nobody listens: the journey of a token is this module."""

    def save_token(self, _token: object, _request: object) -> None:
        """Tokens are not stored: they are signed, short-lived and bound to a key."""


class _Grant(ClientCredentialsGrant):  # type: ignore[misc]  # Authlib has no types
    TOKEN_ENDPOINT_AUTH_METHODS = ("private_key_jwt",)

    def validate_token_request(self) -> None:
        super().validate_token_request()
        if self.request.payload.scope:
            raise OAuthRefusal("invalid_scope", "there are no scopes here: use authorization_details")
        if self.request.client.is_certificate_bound:
            self.request.certificate = _certificate_of(self.request, self.server.endpoint)
        if self.request.certificate is None or self.request.proofs:
            self.request.proof = _check_proof(self.request, self.server.endpoint)

    def create_token_response(self) -> tuple[int, dict[str, Any], list[tuple[str, str]]]:
        endpoint, request = self.server.endpoint, self.request
        audience, granted, lifetime = _granted(endpoint, request.client, request.payload.data, request.now)
        try:
            token = endpoint.tokens.issue(
                client_id=request.client.client_id,
                audience=audience,
                jkt=request.proof.jkt if request.proof else None,
                certificate=request.certificate,
                details=granted,
                jti=endpoint.new_jti(),
                now=request.now,
                lifetime=lifetime,
                client_key=request.authenticated.key.thumbprint,
            )
        except jose.JoseRefusedError as refused:
            raise OAuthRefusal(DETAILS_REFUSED, str(refused)) from refused
        body = {
            "access_token": token,
            "token_type": "DPoP" if request.proof else "Bearer",
            "expires_in": lifetime,
            "authorization_details": granted,
            **key_warning(request.client, request.now),
        }
        return 200, body, []


def _granted(
    endpoint: Endpoint, client: Client, form: Mapping[str, str], now: float
) -> tuple[str, list[dict[str, Any]], int]:
    """Return audience, details, seconds to live: a partner's for /v1, an office's for /control, never one for another."""
    control = f"{endpoint.issuer}/control"
    resource = form.get("resource")
    if client.role is not Role.PARTNER:
        if resource != control:
            raise OAuthRefusal(TARGET_REFUSED, f"a client of this role asks with resource={control}")
        if "authorization_details" in form:
            raise OAuthRefusal(DETAILS_REFUSED, "a client of this role has no authorization_details: its role is its scope")
        return control, [], LIFETIME
    asked, available = form.get("authorization_details"), endpoint.available(client)
    audience = endpoint.issuer if resource is None else resource
    if audience != endpoint.issuer:
        # RFC 8707, section 2: a token for one dataset alone, whatever agreements there are about others.
        available = {
            name: one
            for name, one in available.items()
            if audience == dataset_resource(issuer=endpoint.issuer, dataset=one.dataset)
        }
        if not available:
            raise OAuthRefusal(
                TARGET_REFUSED, f"a partner's client asks for {endpoint.issuer}, or for a dataset of its own"
            )
    granted = details.grant(asked, available, subject_secret=endpoint.subject_secret)
    return audience, granted, int(min(LIFETIME, details.seconds_left(granted, available, now)))


def dataset_resource(*, issuer: str, dataset: str) -> str:
    """Return the address that names a dataset as a protected resource (RFC 8707, RFC 9728)."""
    return f"{issuer}/datasets/{dataset}"


def _certificate_of(request: _Request, endpoint: Endpoint) -> str:
    """Return what a certificate-bound client's token is bound to: RFC 8705, section 3."""
    if endpoint.certificates is None:
        raise OAuthRefusal(REQUEST_REFUSED, "no proxy is trusted here to tell of certificates: ask the council")
    try:
        found = endpoint.certificates.find(request.certificates, now=request.now)
    except CertificateRefusedError as refused:
        raise OAuthRefusal(REQUEST_REFUSED, str(refused)) from refused
    if found is None:
        raise OAuthRefusal(REQUEST_REFUSED, "your tokens are bound to your TLS certificate, and the connection has none")
    return found


def _check_proof(request: _Request, endpoint: Endpoint) -> Proof:
    if len(request.proofs) != 1:
        raise OAuthRefusal(PROOF_REFUSED, "send exactly one DPoP header")
    try:
        return check_proof(
            request.proofs[0],
            keys=endpoint.proof_keys,
            method="POST",
            url=endpoint.url,
            access_token=None,
            now=request.now,
            nonces=endpoint.nonces,
        )
    except NonceNeededError as refused:
        raise OAuthRefusal(NONCE_NEEDED, f"the DPoP proof: {refused}") from refused
    except jose.JoseRefusedError as refused:
        raise OAuthRefusal(PROOF_REFUSED, f"the DPoP proof: {refused}") from refused
