"""`stile assertion`, `stile proof`, `stile context`: JWTs with which curl can call the gateway. They need no council."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from joserfc import jwk
from joserfc.errors import JoseError

from gateway.oauth.made_jwts import make_assertion, make_context, make_proof

KeyFile = Annotated[Path, typer.Option("--key", help="The client's private JWK.")]


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


def context(
    client_id: Annotated[str, typer.Option("--client")],
    key: KeyFile,
    issuer: Annotated[str, typer.Option(help="The gateway's public address.")],
    practitioner: Annotated[str, typer.Option(help="The caseworker: id,name,role.")],
    organisation: Annotated[str, typer.Option(help="Your organisation's official code (ODS, ONS).")],
    reason: Annotated[str, typer.Option(help="Why they ask, in words.")],
    device: Annotated[str | None, typer.Option(help="The device that they ask from.")] = None,
) -> None:
    """Print a signed context for the header Stile-Context: you vouch for this caseworker, for five minutes."""
    parts = [part.strip() for part in practitioner.split(",")]
    if len(parts) != 3 or not all(parts):  # noqa: PLR2004 -- id, name, role
        typer.secho("--practitioner takes id,name,role", err=True, fg="red")
        raise typer.Exit(1)
    who = dict(zip(("id", "name", "role"), parts, strict=True))
    signed = make_context(
        load_private_key(key),
        client_id=client_id,
        issuer=issuer,
        practitioner=who,
        organisation=organisation,
        reason=reason,
        device=device,
    )
    typer.echo(signed)


def load_private_key(file: Path) -> Any:
    """Return a private JWK, or say what is wrong."""
    try:
        key = jwk.import_key(json.loads(file.read_text(encoding="utf-8-sig")))
    except (OSError, JoseError, ValueError, TypeError, KeyError):
        key = None
    if not getattr(key, "is_private", False):
        typer.secho(f"{file} can't be read as a private JWK: make one with `stile key`", err=True, fg="red")
        raise typer.Exit(1)
    return key
