"""`stile operator`: local accounts for break-glass, who is barred, and the gateway's own key at the OpenID provider."""

from __future__ import annotations

import json
import re
import secrets
import sys
from datetime import datetime
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
from gateway.store.account_persons import find_person
from gateway.store.changes import ChangeRefusedError
from gateway.store.operator_rows import operators_in_session, read_accounts
from schemas.instants import as_text

_NAME: Final = re.compile(r"[a-z][a-z0-9.-]{0,62}")
operator = typer.Typer(no_args_is_help=True, help="Operators: break-glass accounts, and who may not sign in.")
Name = Annotated[str, typer.Argument(help="The account's name: lower-case letters, digits, dots and hyphens.")]
Who = Annotated[str, typer.Argument(help="An account's name, or an id such as op_4f… that `stile operator list` shows.")]
Roles = Annotated[
    list[Role], typer.Option("--role", help="author, approver, dpo, duty, administrator or auditor; may be repeated.")
]
Person = Annotated[
    str | None,
    typer.Option(help="Whose it is: a word for the person, such as their work account, or another account of theirs."),
]


@operator.command("add")
def add(name: Name, roles: Roles, directory: Directory = Path(), person: Person = None) -> None:
    """Make a break-glass account; asks for its password. Within a day it must register a passkey at /console/local.

    Without --person it acts in no step for which two people are asked.
    """
    with office(directory) as here:
        if not _NAME.fullmatch(name):
            raise ChangeRefusedError("a name is lower-case letters, digits, dots and hyphens, and begins with a letter")
        operator_id, password = "op_" + secrets.token_hex(12), _new_password()
        changes, held = here.changes.operators, _offices(roles)
        appended = here.append(changes.grant(operator_id, name=name, password=password, roles=held, by=by_whom()))
        said(f"{name} ({operator_id}) may register a passkey within 24 hours", appended)
        if person is not None:
            said(f"{name} is {person}'s", here.append(changes.say_person(name, person=person, by=by_whom())))


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


@operator.command("person")
def say_person(
    who: Annotated[str, typer.Argument(help="An account's name, an id such as op_4f…, or a client of an office.")],
    person: Annotated[str, typer.Argument(help="A word for the person, such as their work account; or an account's name.")],
    directory: Directory = Path(),
) -> None:
    """Say whose an account, or an office's client, is: where two people are asked for, two accounts of one are one."""
    with office(directory) as here:
        said(f"{who} is {person}'s", here.append(here.changes.operators.say_person(who, person=person, by=by_whom())))


@operator.command("guest")
def make_guest(
    who: Who,
    of: Annotated[str, typer.Option(help="Whose person they are: the other organisation.")],
    until: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="Their last day here, in London.")],
    directory: Directory = Path(),
) -> None:
    """Say that an operator is another organisation's, such as a shared data protection officer, and until when."""
    with office(directory) as here:
        within = here.changes.operators.make_guest(who, of=of, last_day=until.date(), by=by_whom())
        said(f"{who} is a guest of {of} to the end of {until.date()}", here.append(within))


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
                "person_known": find_person(connection, one.operator_id) is not None,
                "guest_of": one.guest_of,
                "last_day": one.last_day.isoformat() if one.last_day else None,
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
        raise ChangeRefusedError("an operator is of the council: author, approver, dpo, duty, administrator or auditor")
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
