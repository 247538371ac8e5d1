"""Where are a council's state and log kept? In a SQLite file of its directory, or in the PostgreSQL of a setting."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Final

from audit.stores.contract import Store
from audit.stores.sqlite import SqliteStore
from gateway.settings import Settings, SettingsError

STATE: Final = "state.sqlite"
LOCK: Final = "state.lock"


def store_of(directory: Path, settings: Settings) -> Store:
    """Return the database of a council's state and log; SettingsError where its driver is not installed."""
    if settings.database_url is None:
        return SqliteStore(directory / STATE, directory / LOCK)
    try:
        postgres = importlib.import_module("audit.stores.postgres")
    except ImportError as error:
        raise SettingsError("database_url names a PostgreSQL, whose driver is missing: install stile[postgres]") from error
    store: Store = postgres.PostgresStore(settings.database_url.get_secret_value())
    return store
