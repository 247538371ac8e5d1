"""Is the driver installed by which a database is asked? One that is not is named, with the command that installs it."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping
from typing import Final

import sqlalchemy as sa

# What is imported and what is installed have other names here.
_PACKAGES: Final[Mapping[str, str]] = {
    "MySQLdb": "mysqlclient",
    "mysql": "mysql-connector-python",
    "psycopg": "psycopg[binary]",
    "psycopg2": "psycopg2-binary",
}
_SQLITE: Final = "sqlite"  # is asked by a driver of ours, whatever its URL says


def driver_refusal(url: str) -> str | None:
    """Return why a database can't be asked by its URL, and what to do; None where its driver is there. Names no host."""
    try:
        parsed = sa.make_url(url)
        dialect = parsed.get_dialect()
    except sa.exc.NoSuchModuleError:
        return "is in a kind of database, or by a driver, that is not known: write postgresql+psycopg, mssql+pyodbc, say"
    except (sa.exc.ArgumentError, ValueError):
        return "is given by what is no URL of a database: write one such as postgresql+psycopg://reader@host/name"
    if parsed.get_backend_name() == _SQLITE:
        return None
    try:
        dialect.import_dbapi()
    except ImportError as error:
        name = (error.name or parsed.get_driver_name()).partition(".")[0]
        install = shlex.join([sys.executable, "-m", "pip", "install", _PACKAGES.get(name, name)])
        if not isinstance(error, ModuleNotFoundError):  # it is there, and a library of the system's that it needs is not
            return f"needs the driver {name}, which can't be loaded. Install its libraries, or it anew with: {install}"
        return f"needs the driver {name}, which is not installed. Install it with: {install}"
    return None
