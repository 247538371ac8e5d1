"""`stile log …`: what can an operator do with the log as a whole? Give it to auditors, as files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from audit.export import ExportError, export_log
from audit.sqlite import open_connection
from gateway.commands.common import Directory, telling
from gateway.commands.progress import showing_progress
from gateway.council import open_council

log = typer.Typer(no_args_is_help=True, help="The log as a whole.")


@log.callback()
def the_log() -> None:
    """Keep `export` a command of its own: with one alone Typer would take its name for the group's."""


@log.command("export")
def export(
    to: Annotated[Path, typer.Argument(help="A new directory, or one that an earlier export of this log made.")],
    directory: Directory = Path(),
) -> None:
    """Write the log to files that outside tools read (C2SP tlog-tiles): checkpoint, tiles of hashes, bundles of entries.

    The directory then holds the entries: no personal data in clear, but times, kinds and counters. It is for auditors.
    A second run writes only what is new. Works beside a running gateway. `stile verify DIR` checks what it wrote.
    """
    with telling():
        council = open_council(directory)
        connection = open_connection(council.state, read_only=True)
        try:
            with showing_progress("Exporting entries") as progress:
                done = export_log(connection, to, vkey=council.signer.vkey, progress=progress)
        except ExportError as error:
            typer.secho(str(error), err=True, fg="red")
            raise typer.Exit(1) from error
        finally:
            connection.close()
            council.keyring.close()
    if done.size == 0:
        typer.echo("The log has no entry yet: nothing was written.")
    elif done.files == 0:
        typer.echo(f"{to} holds all {done.size} entries already.")
    else:
        typer.echo(f"{to}: {done.size} entries, {done.size - done.before} of them new, in {done.files} files written.")
