"""How does a browser sign in at the council's OpenID provider? By Authlib's Starlette client, within bounds of ours.

Authlib keeps state, PKCE verifier and nonce in the dict that it is given, makes the address, and redeems the code.
It is given no address but the issuer's own origin, follows no redirect and reads no large answer; it never asks userinfo.
"""

from __future__ import annotations

import asyncio
import hmac
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import httpx2
from authlib.integrations.base_client import OAuthError
from authlib.integrations.starlette_client import OAuth, StarletteOAuth2App
from joserfc import jwk
from starlette.requests import Request
from typing_extensions import override

from gateway.oauth.made_jwts import make_assertion
from gateway.operators.id_token import Expected, IdTokenRefusedError, UnknownKeyError, read_id_token
from gateway.operators.reaching import Bounded, ProviderUnavailableError, origin_of

SLOWEST: Final = 10.0  # seconds of a whole exchange
KEPT_FOR: Final = 600.0  # seconds that metadata and keys count before they are read again
KNOWN: Final = (
    *("issuer", "authorization_endpoint", "token_endpoint", "jwks_uri", "_loaded_at"),
    "authorization_response_iss_parameter_supported",
)
NAME: Final = "provider"
ASSERTION_TYPE: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


class CallbackRefusedError(Exception):
    """What came back is not the end of a sign-in that this browser began here."""


@dataclass(frozen=True, slots=True)
class ProviderClient:
    """How the gateway is registered at the provider: by a secret, or by a key of its own."""

    issuer: str
    client_id: str
    redirect_uri: str
    secret: str | None
    key: Any | None


class _App(StarletteOAuth2App):  # type: ignore[misc]  # Authlib has no types
    """Authlib's client, with the ID token checked by us: see `gateway/operators/id_token.py`."""

    expected: Expected

    @override
    async def parse_id_token(self, token: Any, nonce: str, **_: Any) -> dict[str, Any]:
        expected = self.expected
        if not hmac.compare_digest(nonce, expected.nonce):
            raise IdTokenRefusedError("the nonce is another sign-in's")
        try:
            return read_id_token(token.get("id_token"), await self.fetch_jwk_set(), expected)
        except UnknownKeyError:
            try:
                return read_id_token(token.get("id_token"), await self.fetch_jwk_set(force=True), expected)
            except UnknownKeyError as error:
                raise IdTokenRefusedError("the ID token is signed by a key that the provider does not publish") from error


class Provider:
    """The council's OpenID provider. For one event loop."""

    def __init__(self, client: ProviderClient, clock: Callable[[], float]) -> None:
        self._client = client
        self._clock = clock
        self._metadata: dict[str, Any] = {}
        self._read_at = float("-inf")
        is_tls = client.issuer.startswith("https:")
        # Made once: reading the certificates of all authorities takes longer than the call. Plain HTTP needs none.
        self._context = ssl.create_default_context() if is_tls else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)

    @property
    def origin(self) -> str:
        """Return the provider's origin, which alone our pages may send a form on to."""
        return origin_of(self._client.issuer)

    async def begin(self, request: Request, session: dict[str, Any], *, is_new: bool) -> str:
        """Return the address to send the browser to; what must come back with it goes into `session`.

        `is_new` asks for a sign-in now, however short a while ago the last one was.
        """
        request.scope["session"] = session
        more = {"max_age": "0", "prompt": "login"} if is_new else {}
        app = await self._app()
        redirect = await self._within_bounds(app.authorize_redirect(request, self._client.redirect_uri, **more))
        return str(redirect.headers["location"])

    async def finish(self, request: Request, session: dict[str, Any], *, not_before: float | None) -> dict[str, Any]:
        """Return the claims of the ID token that the code is good for.

        Raises CallbackRefusedError, IdTokenRefusedError, or ProviderUnavailableError. `session` must have been taken
        from its row already, so that a second callback with the same state finds nothing.
        """
        app = await self._app()
        asked = _state_of(session, request.query_params.getlist("state"))
        self._check_sender(request, app.server_metadata)
        client, now = self._client, self._clock()
        app.expected = Expected(client.issuer, client.client_id, asked["nonce"], now, not_before)
        request.scope["session"] = session
        if len(request.query_params.getlist("code")) != 1:
            raise CallbackRefusedError("the provider sent no code: the sign-in was refused there, or broken off")
        try:
            token = await self._within_bounds(app.authorize_access_token(request))
        except OAuthError as error:
            raise CallbackRefusedError("the provider did not redeem the code: sign in again") from error
        claims = token.get("userinfo")
        if not isinstance(claims, dict):
            raise IdTokenRefusedError("the provider sent no ID token")
        return claims

    def _check_sender(self, request: Request, metadata: Mapping[str, Any]) -> None:
        """Raise CallbackRefusedError for what another provider sent: RFC 9207, section 2.4."""
        given = request.query_params.getlist("iss")
        is_needed = metadata.get("authorization_response_iss_parameter_supported") is True
        if given != [self._client.issuer] and (given or is_needed):
            raise CallbackRefusedError("the answer comes from another provider than the sign-in was begun at")

    async def _app(self) -> _App:
        if not 0 <= self._clock() - self._read_at < KEPT_FOR:
            self._metadata, self._read_at = await self._read_metadata(), self._clock()
        return self._made(self._metadata)

    async def _read_metadata(self) -> dict[str, Any]:
        """Read the provider's metadata: OpenID Connect Discovery 1.0, section 4.3."""
        app = self._made({})
        found = dict(await self._within_bounds(app.load_server_metadata()))
        if found.get("issuer") != self._client.issuer:
            raise ProviderUnavailableError("the provider's metadata are of another issuer: mend oidc_issuer, to the letter")
        for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
            address = found.get(name)
            if not isinstance(address, str) or origin_of(address) != self.origin:
                raise ProviderUnavailableError(f"the provider's {name} is not at the issuer's own host")
        # Authlib hands all of it to its HTTP client, as options that go before ours: a proxy, redirects, no TLS checks.
        return {name: found[name] for name in KNOWN if name in found}

    def _made(self, metadata: dict[str, Any]) -> _App:
        client = self._client
        headers = {"Accept": "application/json", "Accept-Encoding": "identity"}
        app = _App(
            OAuth().framework_integration_cls(NAME),
            NAME,
            client_id=client.client_id,
            client_secret=client.secret,
            server_metadata_url=client.issuer.rstrip("/") + "/.well-known/openid-configuration",
            client_auth_methods=[("private_key_jwt", self._sign)] if client.key is not None else None,
            client_kwargs={
                "scope": "openid profile",
                "code_challenge_method": "S256",
                "token_endpoint_auth_method": "private_key_jwt" if client.key is not None else "client_secret_basic",
                "transport": Bounded(client.issuer, self._context),
                "timeout": SLOWEST,
                "follow_redirects": False,
                "trust_env": False,
                "headers": headers,
            },
        )
        # One dict for all, so that keys fetched once are known to the next sign-in too.
        app.server_metadata = metadata
        return app

    def _sign(self, _client: Any, _method: str, uri: str, headers: Any, body: Any) -> tuple[str, Any, str]:
        """Add our assertion to a token request: RFC 7523, section 2.2."""
        given = make_assertion(
            self._client.key, client_id=self._client.client_id, issuer=self._client.issuer, now=self._clock()
        )
        sent = httpx2.QueryParams(_text(body)).merge({"client_assertion_type": ASSERTION_TYPE, "client_assertion": given})
        return uri, headers, str(sent)

    async def _within_bounds(self, exchange: Any) -> Any:
        try:
            async with asyncio.timeout(SLOWEST):
                return await exchange
        except (TimeoutError, httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise ProviderUnavailableError("the OpenID provider can't be reached now, or does not answer") from error
        except OAuthError:
            raise
        except (ValueError, RuntimeError, KeyError, TypeError, AttributeError) as error:
            raise ProviderUnavailableError("the OpenID provider's answer can't be read") from error


def _state_of(session: Mapping[str, Any], given: list[str]) -> dict[str, Any]:
    found = session.get(f"_state_{NAME}_{given[0]}") if len(given) == 1 else None
    data = found.get("data") if isinstance(found, dict) else None
    if not isinstance(data, dict) or not isinstance(data.get("nonce"), str):
        raise CallbackRefusedError("this browser began no such sign-in here, or has ended it")
    return data


def _text(body: Any) -> str:
    return body.decode() if isinstance(body, bytes) else str(body or "")


def import_client_key(pem: bytes) -> Any:
    """Return the gateway's own key at the provider."""
    return jwk.import_key(pem, "EC")
