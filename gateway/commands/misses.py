"""`stile misses`: which keys, people, caseworkers and clients are locked today, and how does help get through?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gateway.app import utc_now
from gateway.commands.common import Directory, office, operator, said, show
from gateway.desk.misses import told_locks
from schemas.request import SubjectQuery

misses = typer.Typer(no_args_is_help=True, help="Locks by misses: what could not be confirmed too often today.")


@misses.command("show")
def show_misses(
    directory: Directory = Path(),
    dataset: Annotated[str | None, typer.Option(help="With --key: the dataset whose key it is.")] = None,
    key: Annotated[
        str | None,
        typer.Option(help="KEY=VALUE: show the lock of this key alone, if it has one. A composite key: its name."),
    ] = None,
    detail: Annotated[list[str] | None, typer.Option(help="NAME=VALUE: one detail of a composite key.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For a program.")] = False,  # noqa: FBT002 -- a flag of the command line
) -> None:
    """Show what is locked, for whom, and until when; not whom it is about. Locks end with the London day."""
    asked = _asked(key, detail or [])
    if (asked is None) != (dataset is None):
        raise typer.BadParameter("give --dataset and --key KEY=VALUE together")
    with office(directory) as here:
        whose = (dataset, asked) if dataset is not None and asked is not None else None
        ring, index = here.council.keyring, here.council.search
        found = told_locks(here.reader, at=utc_now(), keyring=ring, index=index, key=whose)
    if as_json:
        show({"locks": found})
        return
    for one in found:
        whom = f"caseworker {one['caseworker'] or 'whose key is gone'} of {one['partner']}" if "caseworker" in one else None
        whom = whom or one.get("partner") or f"{one['client']} under {one['agreement']}"
        what = {"key": "one key", "person": "all keys of one person", "caseworker": "every key", "client": "every key"}
        typer.echo(f"{one['lock']}  {what[one['kind']]}, for {whom}: {one['misses']} misses, until {one['until']}")
    if not found:
        typer.echo("Nothing is locked." if key is None else "This key is not locked.")


def _asked(key: str | None, details: list[str]) -> SubjectQuery | None:
    """Return whom a key names; a composite one by its details."""
    if key is None and not details:
        return None
    name, _, value = (key or "").partition("=")
    given = {one.partition("=")[0]: one.partition("=")[2] for one in details}
    if not name or not all(given.values()) or bool(value) == bool(given) or len(given) < len(details):
        raise typer.BadParameter("give --key KEY=VALUE, or of a composite key --key KEY and --detail NAME=VALUE for each")
    return SubjectQuery(name, value, given, is_composite=bool(given))


@misses.command("lift")
def lift_misses(
    lock: Annotated[str, typer.Argument(help="As `stile misses show` names it.")],
    directory: Directory = Path(),
    reason: Annotated[str | None, typer.Option(help="Why: it stands in the entry. Name nobody.")] = None,
) -> None:
    """Lift a lock: its misses of today no longer count. What is lifted, and by whom, is an entry of the log."""
    with office(directory) as here:
        said(f"{lock} lifted", here.append(here.changes.locks.lift(lock, reason=reason, by=operator())))
