"""Which clients may speak, with which keys, in which role?"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Protocol

from gateway.oauth.access_token import Token
from gateway.oauth.jose import ALGORITHMS, COMPATIBLE, Key, thumbprint
from schemas.terms import Environment

MOST_LIVE_KEYS: Final = 4


class Role(StrEnum):
    """What a client is for: a partner's API calls, or one of the council's own offices.

    An author writes and proposes, the data protection officer advises, the approver (the asset owner) decides; on duty is
    who answers for emergencies now.
    """

    PARTNER = "partner"
    DPO = "dpo"
    APPROVER = "approver"
    ADMINISTRATOR = "administrator"
    AUDITOR = "auditor"
    AUTHOR = "author"
    DUTY = "duty"


@dataclass(frozen=True, slots=True)
class ClientKey:
    """A public key of a client, by the kid of its JWK, if any. It counts from `starts` up to `ends` (epoch seconds)."""

    kid: str | None
    key: Key
    starts: float | None = None
    ends: float | None = None

    @property
    def thumbprint(self) -> str:
        """Return the key's name by its content (RFC 7638)."""
        return thumbprint(self.key)

    def counts(self, now: float) -> bool:
        """Tell whether the key is within its term."""
        return (self.starts is None or self.starts <= now) and (self.ends is None or now < self.ends)


@dataclass(frozen=True, slots=True)
class Client:
    """An OAuth client as registered. `partner_id` is None for the council's own; `system` is which of its holder's it is.

    `keys` are those not revoked, of whichever term; `revoked` are thumbprints. Where `jwks_uri` is set the keys are
    those last fetched from there. Tokens of one that is `is_certificate_bound` are bound to its TLS certificate.
    """

    client_id: str
    partner_id: str | None
    role: Role
    keys: tuple[ClientKey, ...]
    is_active: bool
    allows_rs: bool = False
    allows_endpoint_audience: bool = False
    is_certificate_bound: bool = False
    system: str = ""
    environment: Environment = Environment.PRODUCTION
    revoked: frozenset[str] = frozenset()
    jwks_uri: str | None = None

    @property
    def algorithms(self) -> dict[str, str]:
        """Return the signature algorithms that this client may use, with the key type of each."""
        return COMPATIBLE if self.allows_rs else ALGORITHMS

    def has_revoked(self, *thumbprints: str | None) -> bool:
        """Tell whether one of these keys was this client's and is revoked: then nothing that rests on it stands."""
        return not self.revoked.isdisjoint(thumbprints)

    def binds_as(self, token: Token) -> bool:
        """Tell whether its tokens are bound as this one is: one from before a change counts no more."""
        return self.is_certificate_bound == (token.certificate is not None)

    def stands_behind(self, token: Token) -> bool:
        """Tell whether it is active, binds its tokens so, and no key that the token rests on is revoked."""
        return self.is_active and self.binds_as(token) and not self.has_revoked(token.client_key, token.jkt)

    def last_instant(self, now: float) -> float | None:
        """Return when the last of the keys that count now or later ends; None where one has no end."""
        ends = [one.ends for one in self.keys if one.ends is None or one.ends > now]
        return None if None in ends else max((one for one in ends if one is not None), default=now)

    def check_endpoint_auth_method(self, method: str, _endpoint: str) -> bool:
        """Tell Authlib that one way of authentication alone will do: FAPI 2.0 Final, section 5.3.2.1."""
        return method == "private_key_jwt"

    def check_grant_type(self, grant_type: str) -> bool:
        """Tell Authlib that there is one grant."""
        return grant_type == "client_credentials"


class Clients(Protocol):
    """The register of clients. Answers from a state that is as new as the last acknowledged change."""

    def find_client(self, client_id: str) -> Client | None: ...

    def is_token_revoked(self, jti: str) -> bool: ...
