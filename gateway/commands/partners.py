"""`stile client`, `stile key`: who may call, and by which keys."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
from joserfc import jwk

from gateway.app import utc_now
from gateway.commands.common import Directory, Id, office, operator, said, show, slug, telling
from gateway.commands.keys import client_key, described, read_json, warning_of
from gateway.council.directory import write_secret
from gateway.oauth.clients import Role
from gateway.oauth.jwks_fetch import JwksRefusedError, check_jwks_uri
from gateway.settings import Settings
from gateway.store.changes import ChangeRefusedError
from gateway.store.key_rows import read_client_keys
from gateway.store.organisations import read_clients_of
from schemas.terms import Environment

client = typer.Typer(no_args_is_help=True, help="OAuth clients, of partners and of the council's own offices.")
client.add_typer(client_key, name="key")


@client.command("add")
def add_client(
    client_id: Id,
    directory: Directory = Path(),
    jwks: Annotated[Path | None, typer.Option(help="Its public keys, as a JWK set.")] = None,
    jwks_uri: Annotated[str | None, typer.Option(help="Or the address where they lie, at one of `jwks_hosts`.")] = None,
    partner: Annotated[str | None, typer.Option(help="Whose client it is; none for the council's own.")] = None,
    role: Role = Role.PARTNER,
    system: Annotated[str | None, typer.Option(help="Which of the partner's systems; if left out, its own name.")] = None,
    environment: Annotated[Environment | None, typer.Option(help="This gateway's, where it is left out.")] = None,
) -> None:
    """Register a client; prints the log's key, which the partner keeps to verify its receipts by."""
    with office(directory) as here:
        keys = read_json(jwks) if jwks is not None else None
        if jwks_uri is not None:
            check_uri(here.council.settings, jwks_uri)
        own = here.council.settings.environment
        if environment not in (None, own):
            raise ChangeRefusedError(f"this gateway is for {own}: register the client at the one for {environment}")
        within = here.changes.partners.register_client(
            slug(client_id),
            partner_id=partner,
            role=role,
            jwks=keys,
            jwks_uri=jwks_uri,
            by=operator(),
            system=slug(system) if system is not None else None,
            environment=own,
        )
        said(f"{client_id} registered", here.append(within))
        typer.echo(f"Hand over the log's key, by another way than the receipts come:\n{here.council.signer.vkey}")


def check_uri(settings: Settings, uri: str) -> None:
    """Raise ChangeRefusedError unless clients' keys may be fetched from there."""
    try:
        check_jwks_uri(uri, settings.jwks_hosts, allow_private=settings.jwks_allow_private)
    except JwksRefusedError as refused:
        raise ChangeRefusedError(str(refused)) from refused


@client.command("revoke")
def revoke_client(client_id: Id, directory: Directory = Path()) -> None:
    """Revoke a client: its tokens are refused from the next entry on."""
    with office(directory) as here:
        said(f"{client_id} revoked", here.append(here.changes.partners.revoke_client(client_id, by=operator())))


@client.command("show")
def show_client(client_id: Id, directory: Directory = Path()) -> None:
    """Show a client: whose it is, its keys, and what its compatibility switches let pass that the profile forbids."""
    with office(directory) as here:
        found = here.reader.find_client(client_id)
        if found is None:
            raise ChangeRefusedError(f"client {client_id} is unknown")
        rows, now = read_client_keys(here.reader.connection, client_id), utc_now()
        show(
            {
                "client_id": client_id,
                "partner": found.partner_id,
                "role": found.role.value,
                "system": found.system,
                "environment": found.environment.value,
                "active": found.is_active,
                "compatibility": {"rs": found.allows_rs, "endpoint_audience": found.allows_endpoint_audience},
                "certificate_bound": found.is_certificate_bound,
                "jwks_uri": found.jwks_uri,
                "keys": [described(one, now) for one in rows],
            }
        )
        if warning := warning_of(rows, now):
            typer.secho(warning, err=True, fg="yellow")


@client.command("list")
def list_clients(
    partner: Annotated[str, typer.Option(help="Whose clients.")],
    directory: Directory = Path(),
) -> None:
    """List a partner's clients by system and environment, revoked ones too."""
    with office(directory) as here:
        for one in read_clients_of(here.reader.connection, partner):
            typer.echo(f"{one['client_id']}: {one['system']}, {one['environment']}, {one['status']}")


@client.command("compatibility")
def set_compatibility(
    client_id: Id,
    directory: Directory = Path(),
    rs: Annotated[bool | None, typer.Option("--rs/--no-rs", help="Signatures by RS256 and RS512.")] = None,
    endpoint_audience: Annotated[
        bool | None, typer.Option("--endpoint-audience/--no-endpoint-audience", help="The token endpoint as `aud`.")
    ] = None,
) -> None:
    """Let a client do what the profile forbids, until it can do without; off by default, and an entry each time."""
    with office(directory) as here:
        found = here.reader.find_client(client_id)
        if found is None:
            raise ChangeRefusedError(f"client {client_id} is unknown")
        rs = found.allows_rs if rs is None else rs
        audience = found.allows_endpoint_audience if endpoint_audience is None else endpoint_audience
        changes = here.changes.partners
        appended = here.append(changes.set_compatibility(client_id, rs=rs, endpoint_audience=audience, by=operator()))
        said(f"{client_id}: rs {'on' if rs else 'off'}, endpoint audience {'on' if audience else 'off'}", appended)


@client.command("bind")
def bind_client(
    client_id: Id,
    directory: Directory = Path(),
    certificate: Annotated[  # noqa: FBT002 -- a flag of the command line
        bool, typer.Option("--certificate/--no-certificate", help="To the certificate of its TLS connection.")
    ] = True,
) -> None:
    """Bind a client's tokens to its TLS certificate (RFC 8705), beside its proof key or, without a proof, alone.

    A proxy that `certificate_hops` names must tell of the certificate.
    """
    with office(directory) as here:
        if certificate and not here.council.settings.certificate_hops:
            raise ChangeRefusedError(
                "no proxy is trusted to tell of certificates: set certificate_hops in stile.toml first"
            )
        appended = here.append(here.changes.partners.set_binding(client_id, to_certificate=certificate, by=operator()))
        said(f"{client_id}: tokens bound to {'its certificate' if certificate else 'its proof key alone'}", appended)


def key(file: Annotated[Path, typer.Argument(help="A new file for the private key; only its owner may read it.")]) -> None:
    """Make a client's key pair: the private JWK goes to FILE, the public JWK set to standard output."""
    with telling():
        made = jwk.generate_key("EC", "P-256", private=True)
        write_secret(file, json.dumps(dict(made.as_dict(private=True))).encode() + b"\n")
        public = {**made.as_dict(private=False), "kid": made.thumbprint(), "use": "sig", "alg": "ES256"}
        typer.echo(json.dumps({"keys": [public]}, indent=2))
