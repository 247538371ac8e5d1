"""`stile operator`: local accounts for break-glass, who is barred, and the gateway's own key at the OpenID provider."""

from __future__ import annotations

import json
import re
import secrets
import sys
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from joserfc import jwk

from audit.writing.keyring import Keyring, KeyringError
from gateway.commands.common import Directory, office, said, show
from gateway.commands.common import operator as by_whom
from gateway.oauth.clients import Role
from gateway.operators.parts import CLIENT_KEY
from gateway.operators.passwords import PasswordRefusedError, digest_of
from gateway.store.changes import ChangeRefusedError
from gateway.store.operator_rows import operators_in_session, read_accounts
from schemas.instants import as_text

_NAME: Final = re.compile(r"[a-z][a-z0-9.-]{0,62}")
operator = typer.Typer(no_args_is_help=True, help="Operators: break-glass accounts, and who may not sign in.")
Name = Annotated[str, typer.Argument(help="The account's name: lower-case letters, digits, dots and hyphens.")]
Who = Annotated[str, typer.Argument(help="An account's name, or an id such as op_4f… that `stile operator list` shows.")]
Roles = Annotated[list[Role], typer.Option("--role", help="dpo, approver, administrator or auditor; may be repeated.")]


@operator.command("add")
def add(name: Name, roles: Roles, directory: Directory = Path()) -> None:
    """Make a break-glass account; asks for its password. Within a day it must register a passkey at /console/local."""
    with office(directory) as here:
        if not _NAME.fullmatch(name):
            raise ChangeRefusedError("a name is lower-case letters, digits, dots and hyphens, and begins with a letter")
        operator_id, password = "op_" + secrets.token_hex(12), _new_password()
        changes, held = here.changes.operators, _offices(roles)
        appended = here.append(changes.grant(operator_id, name=name, password=password, roles=held, by=by_whom()))
        said(f"{name} ({operator_id}) may register a passkey within 24 hours", appended)


@operator.command("invite")
def invite(name: Name, directory: Directory = Path()) -> None:
    """Begin an account anew: asks for another password, forgets its passkeys, ends its sessions, and gives a day again."""
    with office(directory) as here:
        appended = here.append(here.changes.operators.invite(name, password=_new_password(), by=by_whom()))
        said(f"{name} may register a passkey within 24 hours", appended)


@operator.command("roles")
def set_roles(name: Name, roles: Roles, directory: Directory = Path()) -> None:
    """Give an account these roles and no others; its sessions end."""
    with office(directory) as here:
        held = _offices(roles)
        said(f"{name}: {', '.join(sorted(held))}", here.append(here.changes.operators.set_roles(name, held, by=by_whom())))


@operator.command("revoke")
def revoke(who: Who, directory: Directory = Path()) -> None:
    """End an operator's sessions, and let them in no more: an account, or one of the provider's people by their id."""
    with office(directory) as here:
        said(f"{who} revoked", here.append(here.changes.operators.revoke(who, by=by_whom())))


@operator.command("restore")
def restore(who: Who, directory: Directory = Path()) -> None:
    """Let a revoked operator in again."""
    with office(directory) as here:
        said(f"{who} restored", here.append(here.changes.operators.restore(who, by=by_whom())))


@operator.command("list")
def list_operators(directory: Directory = Path()) -> None:
    """Show local accounts, who is revoked, and who has a session now."""
    with office(directory) as here:
        connection = here.reader.connection
        accounts = [
            {
                "operator": one.operator_id,
                "name": one.name,
                "roles": sorted(one.roles),
                "passkeys": len(one.passkeys),
                "may_register_until": as_text(one.invited_until) if one.invited_until and not one.passkeys else None,
                "revoked_at": as_text(one.revoked_at) if one.revoked_at else None,
            }
            for one in read_accounts(connection)
        ]
        sessions = [{"operator": a, "by": b, "shown_as": c} for a, b, c in operators_in_session(connection)]
        show({"accounts": accounts, "sessions": sessions})


@operator.command("provider-key")
def provider_key(directory: Directory = Path()) -> None:
    """Print the public JWK set by which the OpenID provider knows this gateway; the first time, make the key."""
    with office(directory) as here:
        key = _kept_key(here.council.keyring)
        public = {**key.as_dict(private=False), "kid": key.thumbprint(), "use": "sig", "alg": "ES256"}
        typer.echo(json.dumps({"keys": [public]}, indent=2))


def _kept_key(keyring: Keyring) -> Any:
    try:
        return jwk.import_key(keyring.named(CLIENT_KEY), "EC")
    except KeyringError:
        made = jwk.generate_key("EC", "P-256", private=True)
        keyring.store_named(CLIENT_KEY, made.as_pem(private=True))
        return made


def _offices(roles: list[Role]) -> frozenset[Role]:
    if Role.PARTNER in roles:
        raise ChangeRefusedError("an operator is of the council: dpo, approver, administrator or auditor")
    return frozenset(roles)


def _new_password() -> str:
    """Ask for a password, twice at a terminal, and return its digest."""
    if sys.stdin.isatty():
        given = str(typer.prompt("Password, at least 15 characters", hide_input=True, confirmation_prompt=True))
    else:
        given = sys.stdin.readline().rstrip("\n")
    try:
        return digest_of(given)
    except PasswordRefusedError as error:
        raise ChangeRefusedError(str(error)) from error
