"""Which clients may speak, with which keys, in which role?"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from gateway.oauth.jose import ALGORITHMS, COMPATIBLE, Key


class Role(StrEnum):
    """What a client is for: a partner's API calls, or one of the council's own offices."""

    PARTNER = "partner"
    DPO = "dpo"
    APPROVER = "approver"
    ADMINISTRATOR = "administrator"
    AUDITOR = "auditor"


@dataclass(frozen=True, slots=True)
class Client:
    """An OAuth client as registered. `partner_id` is None for the council's own."""

    client_id: str
    partner_id: str | None
    role: Role
    keys: tuple[tuple[str | None, Key], ...]  # (kid, public key)
    is_active: bool
    allows_rs512: bool = False

    @property
    def algorithms(self) -> dict[str, str]:
        """Return the signature algorithms that this client may use, with the key type of each."""
        return COMPATIBLE if self.allows_rs512 else ALGORITHMS

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
