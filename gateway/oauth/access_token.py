"""What is in an access token, and is this one ours and live? RFC 9068, RFC 9449 section 6."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from gateway.oauth import jose
from gateway.oauth.times import seconds
from schemas.terms import Environment

LIFETIME: Final = 300  # seconds, at most
LONGEST: Final = 7_168  # bytes: with the rest of a request's headers it stays under what servers and proxies take
KEPT_TOKENS: Final = 8_192


@dataclass(frozen=True, slots=True)
class Token:
    """A token that was verified. `expires` is epoch seconds; `details` are as granted.

    `jkt` and `certificate` are what it is bound to: one of them, or both. `client_key` names the client's key that it was
    asked for with, `issuer_kid` the gateway's that signed it.
    """

    jti: str
    client_id: str
    audience: str
    jkt: str | None
    expires: int
    details: Mapping[str, Mapping[str, Any]]  # by agreement
    client_key: str | None = None
    issuer_kid: str = ""
    certificate: str | None = None

    @property
    def bound_to(self) -> dict[str, str]:
        """Return what it is bound to, as `cnf` says it (RFC 7800): a proof key, a certificate, or both."""
        return confirmation(jkt=self.jkt, certificate=self.certificate)


@dataclass(frozen=True, slots=True)
class IssuerKey:
    """The gateway's own signing key, by its kid."""

    kid: str
    key: jose.Key


@dataclass(frozen=True, slots=True)
class SigningKeys:
    """The gateway's own keys at one instant: which signs, and by which kid a token may have been signed."""

    signing: IssuerKey
    accepted: Mapping[str, jose.Key]


class Tokens:
    """Makes and verifies access tokens. Verified ones are kept by their SHA-256 until they expire.

    For one thread. A revoked token is not known here: the journey asks the state. `keys_at` tells the keys of an instant
    where they turn over; else those given first stay. A token of another `environment` is refused, whoever signed it.
    """

    def __init__(
        self,
        *,
        issuer: str,
        signing: IssuerKey,
        accepted: tuple[IssuerKey, ...],
        keys_at: Callable[[float], SigningKeys] | None = None,
        environment: Environment = Environment.PRODUCTION,
    ) -> None:
        self._issuer = issuer
        self._environment = environment
        first = SigningKeys(signing, {one.kid: one.key for one in (signing, *accepted)})
        self._keys_at = keys_at or (lambda _now: first)
        self._kept: OrderedDict[bytes, Token] = OrderedDict()

    def issue(
        self,
        *,
        client_id: str,
        audience: str,
        jkt: str | None,
        details: list[dict[str, Any]],
        jti: str,
        now: float,
        client_key: str | None = None,
        certificate: str | None = None,
        lifetime: int = LIFETIME,
    ) -> str:
        """Return a token bound to the proof key `jkt`, to a certificate, or to both, for `lifetime` seconds.

        Raises JoseRefusedError where its details would make it longer than any call could carry.
        """
        if jkt is None and certificate is None:
            raise ValueError("a token is always bound to its holder")
        claims = {
            "iss": self._issuer,
            "aud": audience,
            "sub": client_id,
            "client_id": client_id,
            "iat": int(now),
            "exp": int(now) + lifetime,
            "jti": jti,
            "cnf": confirmation(jkt=jkt, certificate=certificate),
            "authorization_details": details,
            # So that revoking the client's key ends the tokens that it got, too.
            **({"client_key": client_key} if client_key else {}),
            **environment_member(self._environment),
        }
        token = self.sign("at+jwt", claims)
        if len(token) > LONGEST:
            raise jose.JoseRefusedError(f"the token would be over {LONGEST} bytes: ask for fewer details or fields")
        return token

    def sign(self, typ: str, claims: Mapping[str, Any]) -> str:
        """Return a JWT of this gateway's own, by the key of the instant at which its claims say that it was issued."""
        signing = self._keys_at(claims["iat"]).signing
        return jose.sign({"typ": typ, "alg": "ES256", "kid": signing.kid}, claims, signing.key)

    def verify(self, token: str, *, audience: str, now: float) -> Token:
        """Return the token where it is for this audience or one of its datasets (RFC 8707), else raise JoseRefusedError."""
        found = self.inspect(token, now=now)
        if found.audience != audience and not found.audience.startswith(f"{audience}/datasets/"):
            raise jose.JoseRefusedError("it is for another part of this gateway: ask for one with the right resource")
        return found

    def inspect(self, token: str, *, now: float) -> Token:
        """Return the token, or raise JoseRefusedError with what a developer can mend. Whom it is for is not checked."""
        digest = hashlib.sha256(token.encode("ascii", "replace")).digest()
        accepted = self._keys_at(now).accepted
        found = self._kept.get(digest)
        if found is None:
            found = self._read(token, accepted)
            self._kept[digest] = found
            if len(self._kept) > KEPT_TOKENS:
                self._kept.popitem(last=False)
        if found.expires <= now:
            self._kept.pop(digest, None)
            raise jose.JoseRefusedError("it has expired: get a new one")
        if found.issuer_kid not in accepted:
            self._kept.pop(digest, None)
            raise jose.JoseRefusedError("the gateway's key that signed it counts no more: get a new one")
        return found

    def _read(self, token: str, accepted: Mapping[str, jose.Key]) -> Token:
        jws = jose.read(token)
        kid = str(jws.header.get("kid"))
        key = accepted.get(kid)
        if jws.header.get("typ") != "at+jwt" or jws.header.get("alg") != "ES256" or key is None:
            raise jose.JoseRefusedError("it is not an access token of this gateway")
        if not jose.is_signed_by(key, jws.signing_input, jws.signature, alg="ES256"):
            raise jose.JoseRefusedError("it is not signed by this gateway")
        claims = dict(jws.payload)
        if claims.get("iss") != self._issuer:
            raise jose.JoseRefusedError("it was issued by another gateway")
        if claims.get("environment", Environment.PRODUCTION) != self._environment:
            raise jose.JoseRefusedError(f"it was issued for another environment: this one is {self._environment}")
        return Token(
            jti=claims["jti"],
            client_id=claims["client_id"],
            audience=claims["aud"],
            jkt=claims["cnf"].get("jkt"),
            certificate=claims["cnf"].get("x5t#S256"),
            expires=seconds(claims, "exp") or 0,
            details={one["agreement"]: one for one in claims["authorization_details"]},
            client_key=claims.get("client_key"),
            issuer_kid=kid,
        )


def confirmation(*, jkt: str | None, certificate: str | None) -> dict[str, str]:
    """Return `cnf`: RFC 9449, section 6.1; RFC 8705, section 3.1."""
    given = {"jkt": jkt, "x5t#S256": certificate}
    return {name: value for name, value in given.items() if value is not None}


def environment_member(environment: Environment) -> dict[str, str]:
    """Return the member that tells of an environment; of production there is none."""
    return {} if environment is Environment.PRODUCTION else {"environment": environment.value}
