"""`stile log …`: what can an operator do with the log as a whole? Give it to auditors, as files."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from audit.exporting.export import ExportError, export_log
from gateway.backups.missing import seen_at
from gateway.backups.succeeding import begin, end, first_entries, set_aside_before
from gateway.commands.backups import SeenAt
from gateway.commands.common import Directory, office, operator, show, telling
from gateway.commands.council import single_server
from gateway.commands.progress import showing_progress
from gateway.council.directory import open_council
from gateway.desk.log_check import check_log, told
from gateway.search.caseworkers import CaseworkerQuery, Searched, search_caseworker
from gateway.store.acting import one_line
from schemas.instants import first_instant, instant_after

log = typer.Typer(no_args_is_help=True, help="The log as a whole.")


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
        connection = council.store.open(read_only=True)
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


@log.command("check")
def check(
    directory: Directory = Path(),
    as_json: Annotated[bool, typer.Option("--json", help="For a program.")] = False,  # noqa: FBT002 -- a flag of the command line
) -> None:
    """Check the whole log, and that every row of the state is what its entries say. Works beside a running gateway.

    The exit status is 1 where anything differs: each state key is named, and nothing that a row holds.
    """
    with telling():
        council = open_council(directory)
        try:
            checked = check_log(council.store, council.keyring, council.signer.vkey)
        finally:
            council.keyring.close()
    if as_json:
        show(dict(told(checked)))
    else:
        for one in checked.findings:
            typer.secho(f"{one.state_key + ': ' if one.state_key else ''}{one.what}", fg="red")
        typer.echo(f"{checked.entries} entries, {checked.state_keys} state keys: {len(checked.findings)} findings.")
    if checked.findings:
        raise typer.Exit(1)


@log.command("succeed")
def succeed(
    reason: Annotated[str, typer.Option(help="Why the newest entries are lost: it stands in the first entry.")],
    directory: Directory = Path(),
    seen: SeenAt = None,
) -> None:
    """Begin a successor of a log whose newest entries are lost, with no gateway running: there is no way back.

    It has an origin and a key of its own, which partners and auditors must be given. Its first entry names the head that
    was lost, its second says what every row of the state is. The old log's entries stay in the database as evidence.
    """
    with telling(), single_server(directory):
        council = open_council(directory)
        try:
            known = [one for what in seen or () for one in seen_at(what)]
            found = begin(council, known, reason=one_line(reason))
            set_aside_before(council, found)
        finally:
            council.keyring.close()
    with office(directory) as here:
        for within in first_entries(here.changes, found, here.reader.connection, by=operator()):
            here.append(within)
        end(here.council)
        vkey, origin = here.council.signer.vkey, here.council.settings.origin
    typer.echo(f"The log goes on as {origin}. At the least {found.what['missing']} entries are lost.")
    typer.echo(f"Give its key to everybody who verifies: {vkey}")


@log.command("search")
def search(
    partner: Annotated[str, typer.Option(help="Whose caseworker it is.")],
    caseworker: Annotated[str, typer.Option(help="The id that the partner gives for them.")],
    directory: Directory = Path(),
    begins_on: Annotated[datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], help="A day in London.")] = None,
    ends_on: Annotated[datetime | None, typer.Option("--until", formats=["%Y-%m-%d"], help="The last day.")] = None,
    most: Annotated[int, typer.Option(help="How many entries, the newest first.", min=1, max=100_000)] = 1_000,
    as_json: Annotated[bool, typer.Option("--json", help="With what proves each row, for a program.")] = False,  # noqa: FBT002 -- a flag of the command line
) -> None:
    """Find what a caseworker asked for, answered or refused. The search is an entry of the log, before anything is shown.

    Who it was about is not shown. The index that it uses is derived from the log, in search.sqlite, and says how far.
    """
    query = CaseworkerQuery(
        partner=partner,
        caseworker=caseworker,
        begins=first_instant(begins_on.date()) if begins_on else None,
        ends=instant_after(ends_on.date()) if ends_on else None,
        most=most,
    )
    with office(directory) as here:
        found = search_caseworker(
            query,
            by=operator(),
            connection=here.reader.connection,
            keyring=here.council.keyring,
            index=here.council.search,
            entries=here.changes.entries,
        )
        here.append(found.record)
    if as_json:
        show(found.document())
        return
    _print_found(found)


def _print_found(found: Searched) -> None:
    for row in found.rows:
        who = row["caseworker"]
        typer.echo(f"{row['index']:>8}  {row['at'][:19]}Z  {row['kind']}, {row['outcome']}")
        urgent = f", in an emergency: {row['emergency'].replace('_', ' ')}" if row["emergency"] else ""
        typer.echo(f"{'':10}{row['agreement']} for {row['purpose']}{urgent}")
        typer.echo(f"{'':10}{who['name']}, {who['role']} ({who['assurance']}), by {row['client']}")
    more = "; there are older ones: --most tells more" if found.has_more else ""
    typer.echo(f"{len(found.rows)} found in the log's first {found.complete_to} entries{more}.")
