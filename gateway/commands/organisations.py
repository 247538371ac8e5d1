"""`stile partner`: which organisations are there, how are they reached, and what have they shown of their security?"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from gateway.app import utc_now
from gateway.commands.common import Directory, Id, Office, office, operator, said, show, slug
from gateway.store.changes import ChangeRefusedError
from gateway.store.key_rows import PartnerRecord
from gateway.store.organisations import read_clients_of, read_contacts, read_partner_ids
from gateway.store.registrations import new_token, token_hash
from schemas.instants import london_day
from schemas.organisation import Contact, PartnerAssurance
from schemas.terms import AssuranceLevel, CodeScheme, ContactRole, RecipientKind

WARNED_AHEAD = 30  # days before an assurance is over
partner = typer.Typer(no_args_is_help=True, help="Partners: organisations that agreements may name.")
Remove = Annotated[bool, typer.Option("--remove", help="Take it away.")]
Day = Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="A day in London.")]


@partner.command("add")
def add_partner(
    partner_id: Id,
    name: Annotated[str, typer.Option(help="The organisation's name.")],
    kind: Annotated[RecipientKind, typer.Option(help="What sort of organisation it is.")],
    directory: Directory = Path(),
) -> None:
    """Register an organisation."""
    with office(directory) as here:
        within = here.changes.partners.register_partner(slug(partner_id), name=name, kind=kind, by=operator())
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


@partner.command("change")
def change_partner(
    partner_id: Id,
    directory: Directory = Path(),
    name: Annotated[str | None, typer.Option(help="The organisation's name.")] = None,
    kind: Annotated[RecipientKind | None, typer.Option(help="What sort of organisation it is.")] = None,
) -> None:
    """Give a partner another name or kind. What an agreement may release can rest on the kind."""
    with office(directory) as here:
        found = _known(here, partner_id)
        within = here.changes.organisations.describe(
            partner_id, name=name or found.name, kind=kind or found.kind, by=operator()
        )
        said(f"{partner_id} changed", here.append(within))


@partner.command("code")
def set_code(
    partner_id: Id,
    scheme: Annotated[CodeScheme, typer.Option(help="Who gave the code.")],
    directory: Directory = Path(),
    code: Annotated[str | None, typer.Option(help="The code; only its shape is checked.")] = None,
    remove: Remove = False,  # noqa: FBT002 -- a flag of the command line
) -> None:
    """Set an official code. Where a partner has some, a context that it signs must name one of them."""
    _one_of(code, remove, "--code")
    with office(directory) as here:
        appended = here.append(here.changes.organisations.set_code(partner_id, scheme, code, by=operator()))
        said(f"{partner_id}: {scheme} {'removed' if remove else 'set'}", appended)


@partner.command("contact")
def set_contact(
    partner_id: Id,
    role: Annotated[ContactRole, typer.Option(help="What they are to be reached for.")],
    directory: Directory = Path(),
    name: Annotated[str | None, typer.Option(help="A person or a desk.")] = None,
    email: Annotated[str | None, typer.Option()] = None,
    telephone: Annotated[str | None, typer.Option()] = None,
    remove: Remove = False,  # noqa: FBT002 -- a flag of the command line
) -> None:
    """Set whom to reach at a partner. The log says that it changed, and no name."""
    _one_of(name, remove, "--name")
    contact = Contact(role, name, email, telephone) if name is not None else None
    with office(directory) as here:
        appended = here.append(here.changes.organisations.set_contact(partner_id, role, contact, by=operator()))
        said(f"{partner_id}: contact for {role} {'removed' if remove else 'set'}", appended)


@partner.command("assurance")
def set_assurance(
    partner_id: Id,
    level: Annotated[AssuranceLevel, typer.Option(help="What it has shown.")],
    directory: Directory = Path(),
    evidence: Annotated[str | None, typer.Option(help="Where it is found: a certificate's number, a register.")] = None,
    checked_on: Day = None,
    expires_on: Day = None,
    remove: Remove = False,  # noqa: FBT002 -- a flag of the command line
) -> None:
    """Record what a partner has shown of its security, up to and with a day; an agreement can ask for it."""
    _one_of(evidence, remove, "--evidence")
    with office(directory) as here:
        if evidence is None:
            within = here.changes.organisations.withdraw_assurance(partner_id, level, by=operator())
        else:
            if expires_on is None:
                raise ChangeRefusedError("say until when it counts: --expires-on")
            checked = checked_on.date() if checked_on else london_day(utc_now())
            shown = PartnerAssurance(level, evidence, checked, expires_on.date())
            within = here.changes.organisations.set_assurance(partner_id, shown, by=operator())
        said(f"{partner_id}: {level} {'withdrawn' if remove else 'recorded'}", here.append(within))


@partner.command("invite")
def invite_client(
    partner_id: Id,
    directory: Directory = Path(),
    days: Annotated[int, typer.Option(help="For how many days it counts.")] = 7,
) -> None:
    """Let one client of a partner register itself, once; prints the token, which is kept nowhere."""
    with office(directory) as here:
        token = new_token()
        within = here.changes.registrations.invite(partner_id, token_hash(token), days=days, by=operator())
        said(f"one client of {partner_id} may register itself within {days} days", here.append(within))
        typer.echo(f"Hand over this token, by a way that nobody else reads:\n{token}")


@partner.command("show")
def show_partner(partner_id: Id, directory: Directory = Path()) -> None:
    """Show a partner: codes, contacts, assurances, clients."""
    with office(directory) as here:
        found = _known(here, partner_id)
        show(_described(here, found))
        for one in found.assurances:
            if warning := _warning(one):
                typer.secho(warning, err=True, fg="yellow")


@partner.command("list")
def list_partners(directory: Directory = Path()) -> None:
    """List the partners, with what is over or soon will be."""
    with office(directory) as here:
        for partner_id in read_partner_ids(here.reader.connection):
            found = _known(here, partner_id)
            state = "active" if found.is_active else "suspended"
            typer.echo(f"{partner_id}: {found.name}, {found.kind}, {state}")
            for warning in filter(None, map(_warning, found.assurances)):
                typer.echo(f"  {warning}")


def _known(here: Office, partner_id: str) -> PartnerRecord:
    found = here.reader.find_partner(partner_id)
    if found is None:
        raise ChangeRefusedError(f"partner {partner_id} is not registered: `stile partner add` first")
    return found


def _described(here: Office, found: PartnerRecord) -> dict[str, Any]:
    connection, now = here.reader.connection, utc_now()
    return {
        "partner_id": found.partner_id,
        "name": found.name,
        "kind": found.kind.value,
        "active": found.is_active,
        "codes": {scheme.value: code for scheme, code in found.codes.items()},
        "contacts": {
            role.value: {"name": one.name, "email": one.email, "telephone": one.telephone}
            for role, one in read_contacts(connection, found.partner_id).items()
        },
        "assurances": [
            {
                "level": one.level.value,
                "evidence": one.evidence,
                "checked_on": one.checked_on.isoformat(),
                "expires_on": one.expires_on.isoformat(),
                "counts": now < one.ends,
            }
            for one in found.assurances
        ],
        "clients": read_clients_of(connection, found.partner_id),
    }


def _warning(one: PartnerAssurance) -> str | None:
    left = (one.expires_on - london_day(utc_now())).days
    if left < 0:
        return f"{one.level} was over on {one.expires_on}: what an agreement asks it for is refused"
    return f"{one.level} is over after {one.expires_on}, in {left} days" if left <= WARNED_AHEAD else None


def _one_of(value: str | None, remove: bool, option: str) -> None:  # noqa: FBT001 -- as the command line gives them
    if (value is None) != remove:
        raise typer.BadParameter(f"give {option}, or --remove, and not both")
