"""`stile upgrade`: bring a council to what this build knows: its tables, and the semantics that it decides by."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from audit.stores.contract import Store
from audit.stores.sqlite import SqliteStore
from gateway.app import utc_now
from gateway.commands.common import Directory, office, operator, said, telling
from gateway.commands.council import single_server
from gateway.council.database import store_of
from gateway.council.directory import CouncilError, write_secret
from gateway.settings import load_settings
from gateway.store.live_texts import fallen
from gateway.store.schema import VERSION, create_tables, found_version
from gateway.store.staffing import is_owed
from gateway.store.state import Reader
from schemas.instants import london_day
from schemas.semantics import NEWEST

DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Change nothing: list which live texts could not be published any more, and why.")
]


def upgrade(directory: Directory = Path(), dry_run: DryRun = False) -> None:  # noqa: FBT002 -- an option's default
    """Bring the council to this build, with no gateway running. Make a backup first: there is no way back."""
    with telling():
        store = store_of(directory, load_settings(directory))
        if dry_run:
            with _upgraded(store) as copy:
                _tell_fallen(copy)
            return
        with single_server(directory):
            _upgrade_tables(store)
            _adopt(directory)
            _take_up(directory)


def _upgrade_tables(store: Store) -> None:
    before = found_version(store)
    if before == VERSION:
        typer.echo(f"{store.name} has schema version {VERSION} already")
        return
    create_tables(store)
    typer.echo(f"{store.name} went from schema version {before} to {VERSION}")


def _adopt(directory: Path) -> None:
    """Have the log say what rows are that are older than the rule that entries say it."""
    with office(directory) as here:
        if here.sequencer.follower.is_to_be_adopted:
            appended = here.append(here.changes.adopting.adopt(by=operator()))
            said("its log says from now on what every row of the state is", appended)


def _take_up(directory: Path) -> None:
    """Take up this build's decision semantics, and who decides in a council of before: each as one state entry."""
    with office(directory) as here:
        if is_owed(here.reader.connection):
            appended = here.append(here.changes.staffing.adopt(by=operator()))
            said("one person decides here, as before, until `stile change people two`", appended)
        before = here.reader.floor()
        if before >= NEWEST:
            typer.echo(f"it decides by semantics {before} already")
            return
        appended = here.append(here.changes.texts.take_up_semantics(by=operator()))
        said(f"it decides by semantics {NEWEST} from now on, and no longer by {before}", appended)


def _tell_fallen(store: Store) -> None:
    with contextlib.closing(store.open(read_only=True)) as connection:
        reader = Reader(connection)
        typer.echo(f"It decides by semantics {reader.floor()}; this build takes up {NEWEST}.")
        count = 0
        for name, finding in fallen(reader, london_day(utc_now())):
            count += finding.severity == "error"
            typer.echo(f"{finding.severity}: {name}: {finding}")
    typer.echo(
        f"{count} reasons why a live text could not be published today. It stays live, and releases no more than before."
    )


@contextlib.contextmanager
def _upgraded(store: Store) -> Iterator[Store]:
    """Give a database with this build's tables: the council's own, where it has them, else a copy that vanishes."""
    if found_version(store) == VERSION:
        yield store
        return
    if not isinstance(store, SqliteStore):
        raise CouncilError(
            f"{store.name} is of an older version: let STILE_DATABASE_URL name a copy of it, and upgrade that"
        )
    with _copied(store) as copy:
        create_tables(copy)
        yield copy


@contextlib.contextmanager
def _copied(store: SqliteStore) -> Iterator[SqliteStore]:
    """Give a copy of the database beside it, which only its owner may read, and which vanishes afterwards."""
    folder = Path(tempfile.mkdtemp(prefix=".upgrade.", dir=store.database.parent))
    try:
        copy = SqliteStore(folder / store.database.name, store.lock)
        write_secret(copy.database, b"")
        source, target = store.open(read_only=True), copy.open(read_only=False)
        with contextlib.closing(source), contextlib.closing(target):
            source.backup(target)
        yield copy
    finally:
        shutil.rmtree(folder)
