"""What is operators' sign-in made with? Joined in `build_app`, and named here."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from starlette.requests import Request

from audit.format.entry import canonical
from audit.stores.connection import Connection
from audit.writing.keyring import Keyring, KeyringError
from gateway.oauth.clients import Role
from gateway.operators import cookies
from gateway.operators.passwords import Passwords
from gateway.operators.provider import Provider, ProviderClient, import_client_key
from gateway.settings import Settings, SettingsError
from gateway.store.operator_rows import Session, find_session

CALLBACK = "/console/callback"
CLIENT_KEY = "oidc-client"  # its name in the key file


class Checked(Protocol):
    """The state over one connection, whose rows can be held against what the log says of them."""

    @property
    def connection(self) -> Connection: ...

    def check(self, key: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Operators:
    """The parts of operators' sign-in. Holds secrets: never log it."""

    public_url: str
    index: bytes
    csrf_key: bytes
    roles: dict[str, Role]
    role_claim: str
    issuer: str
    mapping: str
    provider: Provider | None
    passwords: Passwords

    def session_of(self, request: Request, state: Checked, at: datetime) -> tuple[str, Session] | None:
        """Return the cookie and the live session of a request, if it has one.

        Raises what `state` raises of an operator whose rows are not what the log says: one who was barred would be let in.
        """
        cookie = cookies.read(request, cookies.SESSION)
        if cookie is None:
            return None
        found = find_session(state.connection, cookies.key_of(cookie), at=at, mapping=self.mapping)
        if found is None or found.jkt is not None:
            return None
        state.check(f"operator/{found.operator_id}")
        return cookie, found

    def operator_id(self, subject: str) -> str:
        """Return the opaque id of one of the provider's people: a keyed digest, for entries and rows."""
        return "op_" + self._digest("operator", self.issuer, subject)[:24]

    def attempts_at(self, name: str) -> str:
        """Return under which name attempts at an account are counted, whether there is one or not."""
        return "account/" + self._digest("account", name)[:32]

    def attempts_from(self, request: Request, what: str) -> str:
        """Return under which name attempts from a network are counted: an address, of IPv6 its /48: one customer's."""
        host = request.client.host if request.client is not None else ""
        try:
            address = ipaddress.ip_address(host)
        except ValueError:
            network = host
        else:
            # A socket for both families names an IPv4 peer as ::ffff:192.0.2.1: one network for all of them.
            mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
            peer = mapped or address
            network = str(ipaddress.ip_network((peer, 48 if peer.version == 6 else 32), strict=False))  # noqa: PLR2004 -- IPv6
        return f"{what}/" + self._digest("network", network)[:32]

    def _digest(self, *parts: str) -> str:
        return hmac.digest(self.index, b"\0".join(one.encode("utf-8", "replace") for one in parts), "sha256").hex()


def make_operators(settings: Settings, keyring: Keyring, clock: Callable[[], float]) -> Operators:
    """Join the parts, or raise SettingsError where the provider is set up by half."""
    index = hmac.digest(keyring.named("index"), b"stile operators", "sha256")
    roles = {value: Role(role) for value, role in settings.oidc_roles.items()}
    return Operators(
        public_url=settings.public_url,
        index=index,
        csrf_key=hmac.digest(index, b"csrf", "sha256"),
        roles=roles,
        role_claim=settings.oidc_role_claim,
        issuer=settings.oidc_issuer or "",
        mapping=_mapping_of(settings),
        provider=_provider_of(settings, keyring, clock),
        passwords=Passwords(),
    )


def _mapping_of(settings: Settings) -> str:
    """Return a digest of what gives the provider's people their roles: sessions under another are over."""
    facts = [settings.oidc_issuer, settings.oidc_client_id, settings.oidc_role_claim, settings.oidc_roles]
    return hashlib.sha256(canonical(facts)).hexdigest()


def _provider_of(settings: Settings, keyring: Keyring, clock: Callable[[], float]) -> Provider | None:
    if settings.oidc_issuer is None or settings.oidc_client_id is None:
        return None
    secret = _read_secret(settings.oidc_client_secret_file) if settings.oidc_client_secret_file is not None else None
    client = ProviderClient(
        issuer=settings.oidc_issuer,
        client_id=settings.oidc_client_id,
        redirect_uri=settings.public_url + CALLBACK,
        secret=secret,
        key=None if secret is not None else _load_key(keyring),
    )
    return Provider(client, clock)


def _load_key(keyring: Keyring) -> Any:
    try:
        return import_client_key(keyring.named(CLIENT_KEY))
    except KeyringError as error:
        raise SettingsError(
            "oidc_issuer is set, but neither oidc_client_secret_file nor a key of ours: run `stile operator provider-key`"
        ) from error


def _read_secret(file: Path) -> str:
    try:
        found = file.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"oidc_client_secret_file: {file.name} can't be read: restore it") from error
    if not found:
        raise SettingsError(f"oidc_client_secret_file: {file.name} is empty: put the provider's secret there")
    return found
