"""`stile upgrade`: bring a council's database to the version that this build knows."""

from __future__ import annotations

from pathlib import Path

import typer

from gateway.commands.common import Directory, telling
from gateway.commands.council import single_server
from gateway.council import STATE
from gateway.settings import load_settings
from gateway.store.schema import VERSION, create_tables, found_version


def upgrade(directory: Directory = Path()) -> None:
    """Bring the database to this build's version, with no gateway running. Make a backup first: there is no way back."""
    with telling():
        load_settings(directory)
        file = directory / STATE
        with single_server(directory):
            before = found_version(file)
            if before == VERSION:
                typer.echo(f"{file.name} has schema version {VERSION} already")
                return
            create_tables(file)
    typer.echo(f"{file.name} went from schema version {before} to {VERSION}")
