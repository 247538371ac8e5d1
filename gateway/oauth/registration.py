"""What does a client that registers itself say of itself? RFC 7591, section 2; for this profile, and nothing beside it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from gateway.oauth.client_keys import KeyRefusedError, read_keys
from gateway.oauth.clients import MOST_LIVE_KEYS
from gateway.oauth.jose import ALGORITHMS
from schemas.organisation import is_email
from schemas.terms import Environment

METADATA_REFUSED: Final = "invalid_client_metadata"  # RFC 7591, section 3.2.2
REDIRECT_REFUSED: Final = "invalid_redirect_uri"
STATEMENT_REFUSED: Final = "unapproved_software_statement"
MOST_CONTACTS: Final = 5
LONGEST: Final = 200  # characters of a text
# What a client may change of itself once it was approved (RFC 7592, section 2.2): nothing that lets it in.
MAY_CHANGE: Final = ("client_name", "contacts", "software_id", "software_version")
_SLUG: Final = re.compile(r"[a-z][a-z0-9-]{0,62}", re.ASCII)


class RegistrationRefusedError(Exception):
    """Metadata that can't be taken: the standard's code, and what to mend. Never repeats a value."""

    def __init__(self, error: str, why: str) -> None:
        super().__init__(why)
        self.error = error
        self.why = why


@dataclass(frozen=True, slots=True)
class Metadata:
    """A client as it describes itself. It has a set of keys, or the address where they lie."""

    client_name: str
    jwks: Mapping[str, Any] | None
    jwks_uri: str | None
    system: str | None
    environment: Environment
    certificate_bound: bool
    contacts: tuple[str, ...]
    software_id: str | None
    software_version: str | None

    def document(self) -> dict[str, Any]:
        """Return it as registered (RFC 7591, section 3.2.1), with what this server fills in."""
        told: dict[str, Any] = {
            "client_name": self.client_name,
            "token_endpoint_auth_method": "private_key_jwt",
            "grant_types": ["client_credentials"],
            "response_types": [],
            "dpop_bound_access_tokens": not self.certificate_bound,
            "tls_client_certificate_bound_access_tokens": self.certificate_bound,
            "stile_environment": self.environment.value,
            "contacts": list(self.contacts),
        }
        others = {
            "jwks": self.jwks,
            "jwks_uri": self.jwks_uri,
            "stile_system": self.system,
            "software_id": self.software_id,
            "software_version": self.software_version,
        }
        return told | {name: value for name, value in others.items() if value is not None}


def read_metadata(given: Mapping[str, Any], *, environment: Environment, binds_certificates: bool) -> Metadata:
    """Return what a client says of itself, or raise RegistrationRefusedError. Members that nobody knows are not kept.

    What is not checked: where `jwks_uri` leads, and whether a key is another client's.
    """
    if given.get("software_statement") is not None:
        raise RegistrationRefusedError(STATEMENT_REFUSED, "software statements are not taken here: leave it out")
    if given.get("redirect_uris"):
        raise RegistrationRefusedError(REDIRECT_REFUSED, "nothing redirects here: leave redirect_uris out")
    _only(given, "token_endpoint_auth_method", "private_key_jwt")
    _only(given, "grant_types", ["client_credentials"])
    _only(given, "response_types", [])
    _only(given, "stile_environment", environment.value)
    if given.get("token_endpoint_auth_signing_alg") not in (None, *ALGORITHMS):
        raise _refused(f"token_endpoint_auth_signing_alg is one of {', '.join(ALGORITHMS)}")
    bound = _flag(given, "tls_client_certificate_bound_access_tokens", otherwise=False)
    if bound and not binds_certificates:
        raise _refused("tokens bound to a certificate are not offered here")
    if not bound and not _flag(given, "dpop_bound_access_tokens", otherwise=True):
        raise _refused("dpop_bound_access_tokens must be true: tokens are always bound")
    jwks, uri = _keys(given)
    return Metadata(
        client_name=_text(given, "client_name") or "",
        jwks=jwks,
        jwks_uri=uri,
        system=_slug(given, "stile_system"),
        environment=environment,
        certificate_bound=bound,
        contacts=_contacts(given),
        software_id=_text(given, "software_id"),
        software_version=_text(given, "software_version"),
    )


def _refused(why: str) -> RegistrationRefusedError:
    return RegistrationRefusedError(METADATA_REFUSED, why)


def _only(given: Mapping[str, Any], name: str, value: object) -> None:
    if given.get(name) is not None and given[name] != value:
        raise _refused(f"{name} is {value} here, or left out")


def _flag(given: Mapping[str, Any], name: str, *, otherwise: bool) -> bool:
    found = given.get(name)
    if found is not None and not isinstance(found, bool):
        raise _refused(f"{name} is true or false")
    return otherwise if found is None else found


def _text(given: Mapping[str, Any], name: str) -> str | None:
    found = given.get(name)
    if found is None:
        return None
    if not isinstance(found, str) or not 0 < len(found) <= LONGEST or not found.isprintable():
        raise _refused(f"{name} is a text of 1 to {LONGEST} printable characters")
    return found


def _slug(given: Mapping[str, Any], name: str) -> str | None:
    found = _text(given, name)
    if found is not None and not _SLUG.fullmatch(found):
        raise _refused(f"{name} is lower-case letters, digits and hyphens, and begins with a letter")
    return found


def _contacts(given: Mapping[str, Any]) -> tuple[str, ...]:
    found = given.get("contacts")
    if found is None:
        return ()
    if not isinstance(found, list) or len(found) > MOST_CONTACTS:
        raise _refused(f"contacts is a list of at most {MOST_CONTACTS} email addresses")
    if not all(isinstance(one, str) and is_email(one) for one in found):
        raise _refused("each of contacts is an email address")
    return tuple(found)


def _keys(given: Mapping[str, Any]) -> tuple[Mapping[str, Any] | None, str | None]:
    jwks, uri = given.get("jwks"), given.get("jwks_uri")
    if (jwks is None) == (uri is None):
        raise _refused("send jwks, or jwks_uri, and not both")
    if uri is not None:
        if not isinstance(uri, str) or len(uri) > 2_000 or not uri.isprintable():  # noqa: PLR2004 -- longer than any
            raise _refused("jwks_uri is one address")
        return None, uri
    if not isinstance(jwks, dict) or "keys" not in jwks:
        raise _refused("jwks is a JWK set: an object with keys")
    try:
        found = read_keys(jwks, most=MOST_LIVE_KEYS)
    except KeyRefusedError as refused:
        raise _refused(f"jwks: {refused}") from refused
    return {"keys": [dict(one.jwk) for one in found]}, None
