"""`stile partner`, `stile client`, `stile assertion`, `stile proof`: who may call, and how one calls with curl."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from joserfc import jwk
from joserfc.errors import JoseError

from gateway.commands.common import Directory, office, operator, read_text, said, telling
from gateway.council import write_secret
from gateway.oauth.clients import Role
from gateway.proofs import make_assertion, make_proof
from gateway.store.changes import ChangeRefusedError
from schemas.terms import RecipientKind

partner = typer.Typer(no_args_is_help=True, help="Partners: organisations that agreements may name.")
client = typer.Typer(no_args_is_help=True, help="OAuth clients, of partners and of the council's own offices.")
KeyFile = Annotated[Path, typer.Option("--key", help="The client's private JWK.")]
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
        within = here.changes.register_partner(_slug(partner_id), name=name, kind=kind, by=operator())
        said(f"{partner_id} registered", here.append(within))


@partner.command("suspend")
def suspend_partner(partner_id: Id, directory: Directory = Path()) -> None:
    """Refuse a partner's clients, from the next entry on."""
    with office(directory) as here:
        appended = here.append(here.changes.set_partner_status(partner_id, active=False, by=operator()))
        said(f"{partner_id} suspended", appended)


@partner.command("resume")
def resume_partner(partner_id: Id, directory: Directory = Path()) -> None:
    """Let a suspended partner in again."""
    with office(directory) as here:
        appended = here.append(here.changes.set_partner_status(partner_id, active=True, by=operator()))
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
        within = here.changes.register_client(_slug(client_id), partner_id=partner, role=role, jwks=keys, by=operator())
        said(f"{client_id} registered", here.append(within))
        typer.echo(f"Hand over the log's key, by another way than the receipts come:\n{here.council.signer.vkey}")


@client.command("revoke")
def revoke_client(client_id: Id, directory: Directory = Path()) -> None:
    """Revoke a client: its tokens are refused from the next entry on."""
    with office(directory) as here:
        said(f"{client_id} revoked", here.append(here.changes.revoke_client(client_id, by=operator())))


def key(file: Annotated[Path, typer.Argument(help="A new file for the private key; only its owner may read it.")]) -> None:
    """Make a client's key pair: the private JWK goes to FILE, the public JWK set to standard output."""
    with telling():
        made = jwk.generate_key("EC", "P-256", private=True)
        write_secret(file, json.dumps(dict(made.as_dict(private=True))).encode() + b"\n")
        public = {**made.as_dict(private=False), "kid": made.thumbprint(), "use": "sig", "alg": "ES256"}
        typer.echo(json.dumps({"keys": [public]}, indent=2))


def assertion(
    client_id: Annotated[str, typer.Option("--client")],
    key: KeyFile,
    issuer: Annotated[str, typer.Option(help="The gateway's public address.")],
) -> None:
    """Print a client assertion (private_key_jwt) for one token request."""
    typer.echo(make_assertion(load_private_key(key), client_id=client_id, issuer=issuer))


def proof(
    key: KeyFile,
    method: Annotated[str, typer.Option()],
    url: Annotated[str, typer.Option(help="The address that is called, without a query.")],
    token: Annotated[str | None, typer.Option(help="The access token that goes with it, if any.")] = None,
) -> None:
    """Print a DPoP proof for one call."""
    typer.echo(make_proof(load_private_key(key), method=method, url=url, token=token))


def load_private_key(file: Path) -> Any:
    """Return a private JWK, or say what is wrong."""
    try:
        key = jwk.import_key(json.loads(read_text(file)))
    except (JoseError, ValueError, TypeError, KeyError):
        key = None
    if not getattr(key, "is_private", False):
        typer.secho(f"{file} is not a private JWK", err=True, fg="red")
        raise typer.Exit(1)
    return key
