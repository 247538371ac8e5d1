"""`stile partner`, `stile client`, `stile key`: who may call, and by which keys."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
from joserfc import jwk

from gateway.commands.common import Directory, office, operator, read_text, said, telling
from gateway.council import write_secret
from gateway.oauth.clients import Role
from gateway.store.changes import ChangeRefusedError
from schemas.terms import RecipientKind

partner = typer.Typer(no_args_is_help=True, help="Partners: organisations that agreements may name.")
client = typer.Typer(no_args_is_help=True, help="OAuth clients, of partners and of the council's own offices.")
Id = Annotated[str, typer.Argument(help="Lower-case letters, digits and hyphens.")]


def _slug(value: str) -> str:
    if not (value[:1].isalpha() and value.replace("-", "").isalnum() and value.islower() and value.isascii()):
        raise ChangeRefusedError("an id is lower-case letters, digits and hyphens, and begins with a letter")
    return value


@partner.command("add")
def add_partner(
    partner_id: Id,
    name: Annotated[str, typer.Option(help="The organisation's name.")],
    kind: Annotated[RecipientKind, typer.Option(help="What sort of organisation it is.")],
    directory: Directory = Path(),
) -> None:
    """Register an organisation."""
    with office(directory) as here:
        within = here.changes.partners.register_partner(_slug(partner_id), name=name, kind=kind, by=operator())
        said(f"{partner_id} registered", here.append(within))


@partner.command("suspend")
def suspend_partner(partner_id: Id, directory: Directory = Path()) -> None:
    """Refuse a partner's clients, from the next entry on."""
    with office(directory) as here:
        appended = here.append(here.changes.partners.set_partner_status(partner_id, active=False, by=operator()))
        said(f"{partner_id} suspended", appended)


@partner.command("resume")
def resume_partner(partner_id: Id, directory: Directory = Path()) -> None:
    """Let a suspended partner in again."""
    with office(directory) as here:
        appended = here.append(here.changes.partners.set_partner_status(partner_id, active=True, by=operator()))
        said(f"{partner_id} resumed", appended)


@client.command("add")
def add_client(
    client_id: Id,
    jwks: Annotated[Path, typer.Option(help="Its public keys, as a JWK set.")],
    directory: Directory = Path(),
    partner: Annotated[str | None, typer.Option(help="Whose client it is; none for the council's own.")] = None,
    role: Role = Role.PARTNER,
) -> None:
    """Register a client; prints the log's key, which the partner keeps to verify its receipts by."""
    with office(directory) as here:
        try:
            keys = json.loads(read_text(jwks))
        except json.JSONDecodeError as error:
            raise ChangeRefusedError(f"{jwks} is not JSON: give a JWK set") from error
        within = here.changes.partners.register_client(
            _slug(client_id), partner_id=partner, role=role, jwks=keys, by=operator()
        )
        said(f"{client_id} registered", here.append(within))
        typer.echo(f"Hand over the log's key, by another way than the receipts come:\n{here.council.signer.vkey}")


@client.command("revoke")
def revoke_client(client_id: Id, directory: Directory = Path()) -> None:
    """Revoke a client: its tokens are refused from the next entry on."""
    with office(directory) as here:
        said(f"{client_id} revoked", here.append(here.changes.partners.revoke_client(client_id, by=operator())))


def key(file: Annotated[Path, typer.Argument(help="A new file for the private key; only its owner may read it.")]) -> None:
    """Make a client's key pair: the private JWK goes to FILE, the public JWK set to standard output."""
    with telling():
        made = jwk.generate_key("EC", "P-256", private=True)
        write_secret(file, json.dumps(dict(made.as_dict(private=True))).encode() + b"\n")
        public = {**made.as_dict(private=False), "kid": made.thumbprint(), "use": "sig", "alg": "ES256"}
        typer.echo(json.dumps({"keys": [public]}, indent=2))
