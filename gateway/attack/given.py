"""What does whoever attacks have to give, for no attack can make it up? Clients, a certificate, a session, people."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Subject = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Client:
    """A partner's client with its private key."""

    client_id: str
    key: Any = field(repr=False)
    agreement: str  # of an office's client: none


@dataclass(frozen=True, slots=True)
class Bound:
    """A client whose tokens are bound to its certificate: the `Client-Cert` of it, and a live token where there is one."""

    client: Client
    header: str
    token: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Session:
    """The session of an operator who has signed in: its cookie, and the roles that the operator has."""

    cookie: str = field(repr=False)
    roles: frozenset[str]
