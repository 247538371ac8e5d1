"""`stile upgrade`: bring a council to what this build knows: its tables, and the semantics that it decides by."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from audit.stores.sqlite import open_connection
from gateway.app import utc_now
from gateway.commands.common import Directory, office, operator, said, telling
from gateway.commands.council import single_server
from gateway.council.directory import STATE, write_secret
from gateway.settings import load_settings
from gateway.store.live_texts import fallen
from gateway.store.schema import VERSION, create_tables, found_version
from gateway.store.state import Reader
from schemas.instants import london_day
from schemas.semantics import NEWEST

DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Change nothing: list which live texts could not be published any more, and why.")
]


def upgrade(directory: Directory = Path(), dry_run: DryRun = False) -> None:  # noqa: FBT002 -- an option's default
    """Bring the council to this build, with no gateway running. Make a backup first: there is no way back."""
    with telling():
        load_settings(directory)
        if dry_run:
            with _copied(directory / STATE) as copy:
                _tell_fallen(copy)
            return
        with single_server(directory):
            _upgrade_tables(directory / STATE)
            _take_up(directory)


def _upgrade_tables(file: Path) -> None:
    before = found_version(file)
    if before == VERSION:
        typer.echo(f"{file.name} has schema version {VERSION} already")
        return
    create_tables(file)
    typer.echo(f"{file.name} went from schema version {before} to {VERSION}")


def _take_up(directory: Path) -> None:
    """Take up this build's decision semantics, as one state entry."""
    with office(directory) as here:
        before = here.reader.floor()
        if before >= NEWEST:
            typer.echo(f"it decides by semantics {before} already")
            return
        appended = here.append(here.changes.texts.take_up_semantics(by=operator()))
        said(f"it decides by semantics {NEWEST} from now on, and no longer by {before}", appended)


def _tell_fallen(file: Path) -> None:
    create_tables(file)
    connection = open_connection(file, read_only=True)
    with contextlib.closing(connection):
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
def _copied(file: Path) -> Iterator[Path]:
    """Give a copy of the database beside it, which only its owner may read, and which vanishes afterwards."""
    found_version(file)
    folder = Path(tempfile.mkdtemp(prefix=".upgrade.", dir=file.parent))
    try:
        copy = folder / file.name
        write_secret(copy, b"")
        source, target = open_connection(file, read_only=True), open_connection(copy, read_only=False)
        with contextlib.closing(source), contextlib.closing(target):
            source.backup(target)
        yield copy
    finally:
        shutil.rmtree(folder)
