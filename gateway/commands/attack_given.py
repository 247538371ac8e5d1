"""What is given to `stile attack`, as it stands in files and options? Keys, a certificate, a session, people."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from joserfc import jwk
from joserfc.errors import JoseError

from gateway.attack import Bound, CannotRunError, Client, Session
from gateway.attack.certificates import header_of
from gateway.attack.given import Subject
from gateway.attack.offices import OFFICES
from gateway.commands import asked_about
from gateway.commands.asked_about import pair_of, pairs_of
from gateway.oauth.jose import JoseRefusedError, import_public_key

LONGEST: Final = 65_536  # bytes of a file that holds a certificate, a token or a session


def client_of(client_id: str | None, key: Path | None, agreement: str | None, options: str) -> Client | None:
    """Return a client, or None where nothing of it is given."""
    if client_id is None and key is None and agreement is None:
        return None
    if client_id is None or key is None or agreement is None:
        raise CannotRunError(f"{options} belong together: give all three, or none")
    return Client(client_id, private_key(key), agreement)


def offices_of(given: list[str]) -> dict[str, Client]:
    """Return the clients of offices, by their roles."""
    found = {}
    for one in given:
        role, _, rest = one.partition("=")
        client_id, _, file = rest.partition("=")
        if role not in OFFICES or not client_id or not file:
            raise CannotRunError(f"--office is role=client=file, and a role is one of: {', '.join(OFFICES)}")
        found[role] = Client(client_id, private_key(Path(file)), "")
    return found


def private_key(key: Path) -> Any:
    """Return a private key from its file, or raise CannotRunError."""
    try:
        read = jwk.import_key(json.loads(key.read_text(encoding="utf-8-sig")))
        import_public_key(dict(read.as_dict(private=False)))
    except JoseRefusedError as error:
        raise CannotRunError(f"{key}: {error}") from error
    except (OSError, ValueError, TypeError, KeyError, JoseError) as error:
        raise CannotRunError(f"{key}: no private JWK can be read there") from error
    if not read.is_private:
        raise CannotRunError(f"{key}: that is the public half: give the private one")
    return read


def bound_of(
    client_id: str | None, key: Path | None, agreement: str | None, certificate: Path | None, token: Path | None
) -> Bound | None:
    """Return a client that is bound to a certificate, or None where nothing of it is given."""
    client = client_of(client_id, key, agreement, "--bound-client, --bound-key and --bound-agreement")
    if client is None and certificate is None and token is None:
        return None
    if client is None or certificate is None:
        raise CannotRunError("--bound-certificate belongs to --bound-client, --bound-key and --bound-agreement: give all")
    return Bound(client, header_of(_der(certificate)), "" if token is None else _line(token))


def _der(file: Path) -> bytes:
    content = _read(file)
    try:
        is_pem = b"-----BEGIN CERTIFICATE-----" in content
        found = x509.load_pem_x509_certificate(content) if is_pem else x509.load_der_x509_certificate(content)
    except ValueError as error:
        raise CannotRunError(f"{file}: no certificate can be read there, neither PEM nor DER") from error
    return found.public_bytes(Encoding.DER)


def session_of(given: str | None) -> Session | None:
    """Return an operator's session from `roles=file`, where the file holds the cookie's value."""
    if given is None:
        return None
    named, _, file = given.partition("=")
    roles = frozenset(named.split(","))
    if not roles <= set(OFFICES) or not file:
        raise CannotRunError(f"--operator-session is role,role=file, and a role is one of: {', '.join(OFFICES)}")
    return Session(_line(Path(file)).removeprefix("__Host-stile="), roles)


def _line(file: Path) -> str:
    """Return what a file holds in one line: a secret, so that no message repeats it."""
    try:
        text = _read(file).decode("ascii").strip()
    except ValueError:
        text = ""
    if not text or any(not "!" <= one <= "~" for one in text):
        raise CannotRunError(f"{file}: it should hold one line, without blanks")
    return text


def _read(file: Path) -> bytes:
    try:
        with file.open("rb") as opened:
            return opened.read(LONGEST)
    except OSError as error:
        raise CannotRunError(f"{file}: {error.strerror}") from error


def person_of(subject: str | None, confirm: list[str]) -> dict[str, Any] | None:
    """Return the person whom bodies name, or None where none is given."""
    if subject is None:
        return None
    return asked_about.person_of(subject, confirm).body()


def person_by_keys(subjects: list[str], confirm: list[str]) -> tuple[Subject, ...]:
    """Return one person by each of several keys."""
    details = pairs_of(confirm, "--other-confirm")
    keys = [pair_of(one, "--other-subject") for one in subjects]
    return tuple({name: value, "confirm": details} for name, value in keys)
