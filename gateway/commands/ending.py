"""`stile agreement end`: why does it end, and is it meant?"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from gateway.app import utc_now
from gateway.commands.common import Directory, Office, office, operator, read_text, said
from gateway.desk.shelf import find_published, list_published, state_text
from gateway.store.changes import ChangeRefusedError
from policies.reading.parse import parse_agreement
from schemas.instants import london_day
from schemas.terms import TextState


def end(
    name: Annotated[str, typer.Argument(help="The agreement's id, or a FILE.yaml that names it.")],
    reason: Annotated[str, typer.Option(help="Why it ends: an entry of the log for good, so name nobody in it.")],
    directory: Directory = Path(),
    is_meant: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,  # noqa: FBT002 -- a flag of the command line
) -> None:
    """End an agreement now, all its versions: nothing more is disclosed under it. Asks first."""
    with office(directory) as here:
        given = parse_agreement(read_text(Path(name))).id if name.endswith((".yaml", ".yml")) else name
        change = here.changes.texts.end_agreement(given, reason=reason, by=operator())
        if not is_meant:
            _ask(here, given)
        said("ended", here.append(change))


def _ask(here: Office, name: str) -> None:
    """Go on only where somebody at a terminal says so."""
    today = london_day(utc_now())
    texts = list_published("agreement", here.reader, here.council.keyring, today)
    one = find_published("agreement", name, texts)
    if all(other.state is TextState.ENDED for other in texts if other.id == name):
        raise ChangeRefusedError(f"{name} is ended already. {state_text(one, today)}")
    if not sys.stdin.isatty():
        raise ChangeRefusedError(
            f"{name} is not ended: nobody is at a terminal to be asked. Give --yes where it is meant. "
            f"{one.name}: {state_text(one, today)}"
        )
    typer.echo(f"{one.name}: {state_text(one, today)}")
    if not typer.confirm(f"End every version of {name} now? Nothing more is disclosed under it"):
        raise ChangeRefusedError(f"{name} is not ended")
