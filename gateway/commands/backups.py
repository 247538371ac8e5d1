"""`stile backup` and `stile restore`: copy a council while it serves, and make a council of the copy again."""

from __future__ import annotations

import os
from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer

from audit.checking.published import UnreadableError
from audit.checking.seen import NotRememberedError, keep_seen, place_of_seen, read_seen
from audit.format.entry import Kind
from audit.stores.connection import Connection, StoreError
from audit.stores.room import told_as_full
from audit.stores.sqlite import SqliteStore
from audit.tree.checkpoint import parse_checkpoint
from audit.writing.highwater import keep_high_water
from audit.writing.item import Draft, Moment
from audit.writing.keyring import KeyringError
from gateway.app import utc_now
from gateway.backups.drill import run_drill
from gateway.backups.folder import Backup, opened_backup
from gateway.backups.making import make_backup
from gateway.backups.manifest import BackupError, Manifest
from gateway.backups.missing import Seen, seen_at, seen_here
from gateway.backups.restoring import Restored, check_made_by_us, check_restored, give_all, owner_of, put_master_key, unpack
from gateway.commands.clocks import opened
from gateway.commands.common import Directory, office, operator, telling
from gateway.council.directory import HIGH_WATER, CouncilError, is_vacant, open_council, put_together, set_aside

SeenAt = Annotated[
    list[str] | None,
    typer.Option(
        "--seen",
        metavar="FILE|DIR|URL",
        help="What somebody has seen of the log: a partner's receipt, state.head of the lost directory, an export, the "
        "log's own address. More than one may be given.",
    ),
]
MasterKeyFile = Annotated[
    Path | None, typer.Option("--master-key", help="The master key's file, which the backup leaves out.", dir_okay=False)
]


def backup(
    to: Annotated[Path, typer.Argument(help="A new folder, or a new file whose name ends in .tar.")],
    directory: Directory = Path(),
    *,
    with_master_key: Annotated[
        bool, typer.Option("--with-master-key", help="Whoever has the backup can then open everything in it.")
    ] = False,
) -> None:
    """Back up settings, state, log and keys, beside a running gateway, the keys last. The master key is left out.

    Where PostgreSQL keeps state and log, dump it by its own tools first: this then holds the rest.
    """
    with opened(directory) as council:
        manifest = make_backup(council, to, at=utc_now(), with_master_key=with_master_key)
        in_postgresql = not isinstance(council.store, SqliteStore)
    typer.echo(f"{to}: {manifest.size} entries, and the keys as they are now (change {manifest.serial}).")
    if in_postgresql:
        typer.echo(
            "State and log are in PostgreSQL, and NOT in it: they are in the dump that you made by its own tools before. "
            "Where you have none yet, dump now and run this again: keys must never be older than the log."
        )
    if manifest.left_out:
        typer.echo(f"Left out: {', '.join(manifest.left_out)}.")
    _remember(manifest)


def restore(
    backup: Annotated[Path, typer.Argument(help="What `stile backup` made.")],
    directory: Annotated[
        Path | None, typer.Argument(help="A new or empty directory; of a drill, beside which it is.")
    ] = None,
    master_key: MasterKeyFile = None,
    seen: SeenAt = None,
    *,
    nothing_since: Annotated[
        bool, typer.Option("--nothing-since", help="You know that nothing was signed after this backup.")
    ] = False,
    drill: Annotated[bool, typer.Option("--drill", help="Try it, say what could be done, and leave nothing.")] = False,
) -> None:
    """Make a council of a backup, in an empty directory. That is an entry of the log, where nothing is missing.

    A log that lacks what was signed can't be gone on with: that would be a second history. Then only a successor is left.
    """
    with telling(), opened_backup(backup) as (held, manifest):
        known = [one for what in seen or () for one in seen_at(what)] + seen_here(manifest.vkey, os.environ)
        if drill:
            place = directory if directory is not None else backup.with_name(f"{backup.name}.drill")
            _drill(held, manifest, place.resolve(), master_key, known)
            return
        if directory is None:
            raise BackupError("say into which directory: stile restore BACKUP DIR")
        if not seen and not nothing_since:
            raise BackupError(_ASKED.format(at=manifest.made_at, size=manifest.size))
        _restore(held, manifest, directory.resolve(), master_key, known, is_word=nothing_since)


_ASKED = (
    "the backup was made at {at}, with {size} entries. If the gateway has signed more since, going on would sign a second "
    "history: give by --seen what was seen of the log last (a partner's receipt, state.head of the lost directory, the "
    "log's own address), or say --nothing-since"
)


def _restore(
    held: Backup, manifest: Manifest, directory: Path, master_key: Path | None, known: list[Seen], *, is_word: bool
) -> None:
    if not is_vacant(directory):
        raise CouncilError(f"{directory} is not empty: give a new directory")
    owner = owner_of(directory)
    with put_together(directory) as making:
        try:
            unpack(held, manifest, making, owner=owner)
            if master_key is not None:
                put_master_key(making, file=master_key, owner=owner)
            restored = _checked(making, manifest, known)
        except (OSError, StoreError, KeyringError) as error:
            raise told_as_full(error, making) from error
        if restored.missing is None:
            _record(making, manifest, restored, known, is_word=is_word)
        else:
            # With this beside it no gateway serves it: a successor is made of it, and nothing else.
            keep_high_water(restored.missing.seen.note, making / HIGH_WATER)
        give_all(making, owner)
    _remember(manifest)
    if restored.destroyed:
        typer.echo(f"{restored.destroyed} keys that had been erased were destroyed again.")
    if restored.missing is not None:
        raise BackupError(
            f"{restored.missing.told}. {directory} is restored to look at, and is not served: the only way on is a "
            f"successor, stile log succeed --dir {directory}"
        )
    typer.echo(f"{directory} is restored, as of {manifest.made_at}. Next: stile serve --dir {directory}")


def _checked(making: Path, manifest: Manifest, known: list[Seen]) -> Restored:
    check_made_by_us(making, manifest, os.environ)
    council = open_council(making)
    try:
        with closing(council.store.open(read_only=True)) as connection:
            return check_restored(council, manifest, connection, known)
    finally:
        council.keyring.close()


def _record(making: Path, manifest: Manifest, restored: Restored, known: list[Seen], *, is_word: bool) -> None:
    """Enter the restore in the log: of what, and on which grounds nothing was taken to be missing."""
    what = {
        "made_at": manifest.made_at,
        "size": manifest.size,
        "keys": manifest.serial,
        "destroyed": restored.destroyed,
        "compared": len(known),
        "nothing_since": is_word,
    }
    names = {"what": what, "who": {"by": operator()}}
    with office(making) as here:

        def within(connection: Connection, moment: Moment) -> Draft:
            return here.changes.entries.plain(Kind.RESTORE, connection, moment, (), names)

        here.append(within)


def _drill(held: Backup, manifest: Manifest, place: Path, master_key: Path | None, known: list[Seen]) -> None:
    """Restore into a directory that vanishes again, and tell each step; exit 1 where one can't be done."""
    if not is_vacant(place):
        raise CouncilError(f"{place} is not empty: give a new directory")
    is_well = True
    with set_aside(place) as aside:
        (making := aside / "whole").mkdir(mode=0o700)
        for finding in run_drill(held, manifest, making, master_key=master_key, seen=known):
            is_well = is_well and finding.is_well
            typer.secho(f"{'ok' if finding.is_well else 'NO'}  {finding.told}", fg=None if finding.is_well else "red")
    if not is_well:
        raise typer.Exit(1)


def _remember(manifest: Manifest) -> None:
    """Let this host remember how far the log had come, so that an older backup is told as one."""
    if manifest.checkpoint is None:
        return
    try:
        place = place_of_seen(manifest.vkey, os.environ)
        kept = read_seen(place)
        if kept is None or parse_checkpoint(kept).size < manifest.size:
            keep_seen(manifest.checkpoint, place)
    except (NotRememberedError, UnreadableError) as error:
        typer.secho(f"not remembered on this host: {error}", err=True, fg="yellow")
