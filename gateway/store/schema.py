"""Are the tables there, and of the version that this build knows? Made by alembic from the first day."""

from __future__ import annotations

from contextlib import closing
from importlib.resources import files
from pathlib import Path
from typing import Final

import pysqlite3
from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine, inspect, text
from sqlalchemy.engine import URL
from sqlalchemy.pool import NullPool

from audit.stores.sqlite import open_connection
from gateway.store.floor import read_highest
from schemas.semantics import NEWEST

VERSION: Final = "0013"


class SchemaError(Exception):
    """The database is of a version that this build does not know: refuses to start."""


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(files("gateway.store").joinpath("migrations")))
    return config


def create_tables(path: Path) -> None:
    """Bring the tables of a database to this build's version: all of them for an empty file."""
    # The driver bundles a fixed SQLite: SQLAlchemy takes it by `module`.
    engine = create_engine(URL.create("sqlite", database=str(path)), module=pysqlite3, poolclass=NullPool)
    config = _config()
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, VERSION)
    engine.dispose()


def found_version(path: Path) -> str:
    """Return the version that a database has; SchemaError for one that has none, or a later one than this build knows."""
    engine = create_engine(URL.create("sqlite", database=str(path)), module=pysqlite3, poolclass=NullPool)
    with engine.connect() as connection:
        if not inspect(connection).has_table("alembic_version"):
            raise SchemaError(f"{path.name} has no schema version: it was not made by `stile init`")
        found = str(connection.execute(text("SELECT version_num FROM alembic_version")).scalar())
    engine.dispose()
    if found > VERSION:
        raise SchemaError(
            f"{path.name} has schema version {found}, and this build knows {VERSION}: install the build that made it"
        )
    return found


def check_version(path: Path) -> None:
    """Raise SchemaError unless the database is of this build's version."""
    found = found_version(path)
    if found != VERSION:
        raise SchemaError(
            f"{path.name} has schema version {found}, and this build knows {VERSION}: make a backup, run `stile upgrade`"
        )
    with closing(open_connection(path, read_only=True)) as connection:
        highest = read_highest(connection)
    if highest > NEWEST:
        raise SchemaError(
            f"{path.name} decides by semantics {highest}, and this build knows {NEWEST}: install the build that took it up"
        )
