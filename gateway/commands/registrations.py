"""`stile registration`: which clients have registered themselves and wait, and are they let in?"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from gateway.commands.common import Directory, Id, office, operator, said, show
from gateway.commands.second_person import Reason, make_or_propose
from gateway.store.change_kinds import REGISTRATION
from gateway.store.changes import ChangeRefusedError
from gateway.store.registrations import Status, find_registration, read_registrations

registration = typer.Typer(no_args_is_help=True, help="Clients that have registered themselves, and wait.")


@registration.command("list")
def list_registrations(
    directory: Directory = Path(),
    status: Annotated[Status, typer.Option(help="What became of them.")] = Status.PENDING,
) -> None:
    """List registrations, the oldest first."""
    with office(directory) as here:
        for one in read_registrations(here.reader.connection, status):
            at = datetime.fromtimestamp(one.registered_at, UTC).date()
            named = one.metadata["client_name"] or "without a name"
            typer.echo(f"{one.client_id}: {one.partner_id}, {named}, {at}")


@registration.command("show")
def show_registration(client_id: Id, directory: Directory = Path()) -> None:
    """Show what a client says of itself. None of it was checked but its form: ask the partner."""
    with office(directory) as here:
        found = find_registration(here.reader.connection, client_id)
        if found is None:
            raise ChangeRefusedError(f"there is no registration {client_id}: `stile registration list`")
        show(
            {
                "client_id": found.client_id,
                "partner": found.partner_id,
                "status": found.status.value,
                "decided_by": found.decided_by,
                "digest": found.digest,
                **found.metadata,
            }
        )


@registration.command("approve")
def approve_registration(
    client_id: Id,
    digest: Annotated[str, typer.Option(help="The digest that `show` printed: what you approve is what you saw.")],
    directory: Directory = Path(),
    reason: Reason = "",
) -> None:
    """Let a client in: it is registered with its keys, and counts from the next entry on.

    Where two people decide, it is proposed.
    """
    content = {"client": client_id, "client_digest": digest}
    with office(directory) as here:
        if not make_or_propose(here, REGISTRATION, content, done=f"{client_id} registered", reason=reason):
            return
        typer.echo(f"Hand over the log's key, by another way than the receipts come:\n{here.council.signer.vkey}")


@registration.command("refuse")
def refuse_registration(client_id: Id, directory: Directory = Path()) -> None:
    """Refuse a client; its registration's token counts no more."""
    with office(directory) as here:
        said(f"{client_id} refused", here.append(here.changes.registrations.refuse(client_id, by=operator())))
