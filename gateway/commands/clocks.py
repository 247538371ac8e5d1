"""`stile doctor` and `stile clock`: are this machine's clock, its boot clock and the log in step, and if not, what now?"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import typer

from audit.stores.connection import Connection
from audit.stores.entries import head
from audit.stores.instants import from_micros
from audit.writing.heartbeat import JUMP, Heartbeat, told
from gateway.app import utc_now
from gateway.background.boot_clock import boot_now
from gateway.commands.common import Directory, telling
from gateway.council.directory import Council, open_council

clock = typer.Typer(no_args_is_help=True, help="This machine's clock, against its boot clock.")


@clock.command("accept")
def accept_clock(directory: Directory = Path()) -> None:
    """Say that this machine's clock is right as it is: the log is written again by it, at once.

    A used proof is remembered for as long as the clock has moved ahead besides, in case it is put back all the same.
    """
    with opened(directory) as council:
        moved = Heartbeat(council.heartbeat, utc_now, boot_now).take_over()
    if abs(moved) > JUMP:
        typer.echo(f"taken over: the clock had moved by {moved:+.0f} seconds")
    else:
        typer.echo("nothing to take over: the clock has not jumped")


def doctor(directory: Directory = Path()) -> None:
    """Look at what would keep the log from being written: exit 1 where something does.

    For now that is the clock: against the boot clock, and against the log's newest entry.
    """
    with opened(directory) as council, closing(council.store.open(read_only=True)) as log:
        findings = [_clock(council), _log(log)]
    for is_well, line in findings:
        typer.secho(line, fg=None if is_well else "red")
    if not all(is_well for is_well, _ in findings):
        raise typer.Exit(1)


def _clock(council: Council) -> tuple[bool, str]:
    moved = Heartbeat(council.heartbeat, utc_now, boot_now).moved()
    if abs(moved) > JUMP:
        return False, f"clock: {told(moved)}"
    return True, f"clock: in step with the boot clock (moved by {moved:+.0f} seconds since the last beat)"


def _log(connection: Connection) -> tuple[bool, str]:
    found = head(connection)
    if found is None:
        return True, "log: it has no entry yet"
    ahead = (from_micros(found[2]) - utc_now()).total_seconds()
    if ahead <= JUMP:
        return True, f"log: its newest entry is {max(0.0, -ahead):.0f} seconds old"
    return True, (
        f"log: its newest entry is {ahead:.0f} seconds ahead of this clock: new ones stand at its time until the clock has "
        "come so far. What begins and ends goes by this clock"
    )


@contextmanager
def opened(directory: Path) -> Iterator[Council]:
    """Open a council without its log's writer: nothing here is an entry."""
    with telling():
        council = open_council(directory)
        try:
            yield council
        finally:
            council.keyring.close()
