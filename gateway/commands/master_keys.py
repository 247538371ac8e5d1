"""`stile keys …`: which generation of the master key wraps the council's keys, and how does the next one begin?"""

from __future__ import annotations

from pathlib import Path

import typer

from audit.format.entry import Kind
from audit.stores.connection import Connection
from audit.writing.item import Draft, Moment, Within
from audit.writing.rewrapping import newest_of
from gateway.commands.clocks import opened
from gateway.commands.common import Directory, Office, office, operator, said, show
from gateway.commands.progress import showing_progress
from gateway.council.rewrapping import Rewrapped, destroy_older, note_recorded, only_one, rewrap_council

keys = typer.Typer(no_args_is_help=True, help="The keys at rest, and the master key that wraps them.")


@keys.command("rewrap")
def rewrap(directory: Directory = Path()) -> None:
    """Begin a new generation of the master key and wrap every key by it, beside a running gateway.

    Whatever stops it, run it again: it goes on where it stopped. A master key in a file is made here, and the old one
    destroyed; from a command or the environment the new one is yours to bring, and the old one yours to destroy.
    """
    with office(directory) as here, only_one(directory):
        with showing_progress("Wrapping keys") as progress:
            rewrapped = rewrap_council(here.council, lambda count: progress(count, count))
        if not rewrapped.is_recorded:
            appended = here.append(_recording(here, rewrapped))
            note_recorded(here.council, rewrapped)
            said(f"generation {rewrapped.generation} of the master key wraps every key", appended)
        typer.echo(destroy_older(here.council))


@keys.command("show")
def show_keys(directory: Directory = Path()) -> None:
    """Show where the master key comes from, its generations, and how many keys each wraps."""
    with opened(directory) as council:
        safe = council.keyring.safe
        standing, newest = safe.standing(), newest_of(safe)
        with safe.lock:
            generations, counts = safe.read(safe.file.generations), safe.read(safe.file.counts)
        show(
            {
                "master_key": safe.wrapping.master.told,
                "newest": newest.number,
                "generations": [
                    {"generation": one.number, "mark": one.mark.hex(), "keys": counts.get(one.number, 0)}
                    for one in generations
                ],
                "changes": standing.serial,
            }
        )


def _recording(here: Office, rewrapped: Rewrapped) -> Within:
    what = {"generation": rewrapped.generation, "mark": rewrapped.mark, "keys": rewrapped.count}
    names = {"what": what, "who": {"by": operator()}}

    def within(connection: Connection, moment: Moment) -> Draft:
        return here.changes.entries.plain(Kind.KEYS_REWRAPPED, connection, moment, (), names)

    return within
