"""Are the tables there, and of the version that this build knows? Made by alembic from the first day."""

from __future__ import annotations

from contextlib import closing
from importlib.resources import files
from typing import Final

import pysqlite3
from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine, inspect, text
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from audit.stores.connection import StoreError
from audit.stores.contract import Store
from gateway.store.floor import read_highest
from gateway.store.staffing import MADE_BEFORE, OWED
from schemas.semantics import NEWEST

VERSION: Final = "0015"
BASELINE: Final = "0013"  # what PostgreSQL begins with; later migrations run over both
_TWO_PEOPLE: Final = "0015"  # councils of an earlier one count as one-person
_VERSION_TABLE: Final = "alembic_version"


class SchemaError(Exception):
    """The database is of a version that this build does not know: refuses to start."""


def create_tables(store: Store) -> None:
    """Bring the tables of a database to this build's version: all of them for an empty one. Whole or not at all."""
    engine = _engine(store)
    config = _config()
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        before = _version_of(connection)
        if connection.dialect.name == "postgresql" and before is None:
            _make_baseline(connection)
            command.stamp(config, BASELINE)
        command.upgrade(config, VERSION)
        if before is not None and before < _TWO_PEOPLE:
            # With the tables, so that an upgrade that stops before the entry is made still knows that it owes one.
            owed = {"idx": OWED, "people": 1, "reason": MADE_BEFORE, "by": "upgrade"}
            connection.execute(text("INSERT INTO staffing VALUES (:idx, :people, :reason, :by)"), owed)
    engine.dispose()


def check_empty(store: Store) -> None:
    """Raise SchemaError for a database that has a table."""
    engine = _engine(store)
    with engine.connect() as connection:
        found = inspect(connection).get_table_names()
    engine.dispose()
    if found:
        raise SchemaError(f"{store.name} has tables already ({min(found)}): give an empty database")


def found_version(store: Store) -> str:
    """Return the version that a database has; SchemaError for one that has none, or a later one than this build knows.

    Raises StoreError where the database can't be read.
    """
    engine = _engine(store)
    try:
        with engine.connect() as connection:
            found = _version_of(connection)
    except DBAPIError as error:
        raise StoreError(f"{store.name} can't be read: {error.orig}") from error
    finally:
        engine.dispose()
    if found is None:
        raise SchemaError(f"{store.name} has no schema version: it was not made by `stile init`")
    if found > VERSION:
        raise SchemaError(
            f"{store.name} has schema version {found}, and this build knows {VERSION}: install the build that made it"
        )
    return found


def _version_of(connection: Connection) -> str | None:
    if not inspect(connection).has_table(_VERSION_TABLE):
        return None
    return str(connection.execute(text(f"SELECT version_num FROM {_VERSION_TABLE}")).scalar())


def check_version(store: Store) -> None:
    """Raise SchemaError unless the database is of this build's version."""
    found = found_version(store)
    if found != VERSION:
        raise SchemaError(
            f"{store.name} has schema version {found}, and this build knows {VERSION}: make a backup, run `stile upgrade`"
        )
    with closing(store.open(read_only=True)) as connection:
        highest = read_highest(connection)
    if highest > NEWEST:
        raise SchemaError(
            f"{store.name} decides by semantics {highest}, and this build knows {NEWEST}: install the build that took it up"
        )


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(files("gateway.store").joinpath("migrations")))
    return config


def _engine(store: Store) -> Engine:
    # The driver bundles a fixed SQLite: SQLAlchemy takes it by `module`.
    driver = {"module": pysqlite3} if store.dialect == "sqlite" else {}
    return create_engine(f"{store.dialect}://", creator=store.session, poolclass=NullPool, **driver)


def _make_baseline(connection: Connection) -> None:
    for room, folder in (("audit.stores", "schema"), ("gateway.store", "migrations")):
        script = files(room).joinpath(folder, "postgres.sql").read_text(encoding="utf-8")
        connection.connection.cursor().execute(script)
