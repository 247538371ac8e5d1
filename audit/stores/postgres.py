"""How are state and log kept in PostgreSQL? One primary, which any number of processes write to by turns."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.resources import files
from typing import Any, Final

import psycopg
from psycopg.conninfo import conninfo_to_dict

from audit.stores.connection import Connection, StoreError
from audit.stores.contract import LOG_TABLES, UnsafeStoreError, committing
from audit.stores.postgres_connection import PostgresConnection

OLDEST: Final = 15
# Seconds after which the server ends the session of a holder that stands still, so that the head is free again; and how
# long the next one waits for it, which is longer. Between two statements of a batch there are milliseconds.
STANDS_STILL: Final = 5.0
WAITS: Final = 15.0
# A peer that is gone without a word is noticed in seconds, not in the hours of the system's own defaults.
_REACHING: Final = {
    "application_name": "stile",
    "client_encoding": "utf8",
    "connect_timeout": "5",
    "keepalives_idle": "5",
    "keepalives_interval": "2",
    "keepalives_count": "3",
    "tcp_user_timeout": "10000",
    "target_session_attrs": "read-write",  # of several hosts the primary, for readers too: what was written counts at once
}
_TRIGGERS: Final = (
    "SELECT t.tgname, t.tgenabled, p.proname, p.prosrc FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid "
    "WHERE NOT t.tgisinternal"
)
_OF_LOG: Final = r"CREATE TABLE log_\w+ \(.*?\n\);|INSERT INTO log_head [^;]*;|CREATE TRIGGER [^;]*;"
_DURABLE: Final = {"synchronous_commit": {"on", "remote_apply"}, "fsync": {"on"}, "full_page_writes": {"on"}}


@dataclass(frozen=True, slots=True)
class PostgresStore:
    """State and log in a PostgreSQL database. Keeps the contract of `audit.stores.contract.Store`.

    A holder that stands still loses its session after `stands_still` seconds, and with it what it has written.
    """

    url: str = field(repr=False)
    stands_still: float = STANDS_STILL
    waits: float = WAITS

    @property
    def name(self) -> str:
        """Tell which database on which host."""
        told = _parsed(self.url)
        host = told.get("host") or told.get("hostaddr") or "this machine"
        port = f":{told['port']}" if "port" in told else ""
        return f"the PostgreSQL database {told.get('dbname') or told.get('user') or 'of this user'} on {host}{port}"

    @property
    def dialect(self) -> str:
        """Return how SQLAlchemy calls it."""
        return "postgresql+psycopg"

    def session(self) -> psycopg.Connection[tuple[Any, ...]]:
        """Return a new connection of the driver's own."""
        try:
            return psycopg.connect(self.url, **{**_REACHING, **_parsed(self.url)})
        except psycopg.Error as error:
            raise StoreError(f"{self.name} can't be reached: {_without_password(error, self.url)}") from None

    def check(self) -> None:
        """Raise UnsafeStoreError unless the server is of a known version, and keeps what it has told to be kept."""
        if not psycopg.Pipeline.is_supported():
            raise UnsafeStoreError("libpq is older than 14: install stile[postgres], which brings its own")
        with contextlib.closing(self._prepared(read_only=True)) as session:
            _check_durable(session)
            version, encoding = session.info.server_version // 10_000, session.info.parameter_status("server_encoding")
        if version < OLDEST:
            raise UnsafeStoreError(f"{self.name} is of version {version}: PostgreSQL {OLDEST} or later is needed")
        if encoding != "UTF8":
            raise UnsafeStoreError(f"{self.name} is encoded in {encoding}: make it anew with ENCODING 'UTF8'")

    def lost_rules(self, connection: Connection) -> list[str]:
        """Return which triggers of the log's tables are gone, disabled, or do something else than the schema's."""
        found = {name: (enabled, function, body) for name, enabled, function, body in connection.all(_TRIGGERS)}
        return sorted(name for name, wanted in _rules().items() if found.get(name) != wanted)

    def set_log_aside(self, connection: Connection, *, prefix: str) -> None:
        """Rename the log's tables, without their triggers, and make new ones."""
        schema = _schema()
        for name, table in re.findall(r"CREATE TRIGGER (\w+) [^;]*? ON (\w+)", schema):
            connection.run(f"DROP TRIGGER IF EXISTS {name} ON {table}")
        for table in LOG_TABLES:
            connection.run(f"ALTER TABLE {table} RENAME TO {prefix}_{table}")
        for statement in re.findall(_OF_LOG, schema, re.DOTALL):
            connection.run(statement)
        connection.run("DELETE FROM recipient_counter")

    def open(self, *, read_only: bool) -> PostgresConnection:
        """Return a new connection."""
        return PostgresConnection(lambda: self._prepared(read_only=read_only), is_read_only=read_only)

    @contextlib.contextmanager
    def writing(self, connection: Connection) -> Iterator[None]:
        """Take the head's row and begin."""
        with committing(connection):
            # What follows the lock reads what was committed before it was had, so no stricter isolation.
            _, head = connection.all_of(
                [("BEGIN ISOLATION LEVEL READ COMMITTED", ()), ("SELECT size FROM log_head FOR UPDATE", ())]
            )
            if not head:
                raise StoreError("the row of the log's head is missing")
            yield

    def _prepared(self, *, read_only: bool) -> psycopg.Connection[tuple[Any, ...]]:
        settings = {"default_transaction_read_only": "on"} if read_only else self._of_a_writer
        session = self.session()
        with contextlib.ExitStack() as undo:
            undo.callback(session.close)
            session.autocommit = True
            for name, value in settings.items():
                session.execute("SELECT set_config(%s, %s, false)", (name, value))
            if not read_only:
                _check_durable(session)
            undo.pop_all()
        return session

    @property
    def _of_a_writer(self) -> dict[str, str]:
        return {
            "idle_in_transaction_session_timeout": f"{self.stands_still * 1000:.0f}",
            "lock_timeout": f"{self.waits * 1000:.0f}",
            "statement_timeout": f"{2 * self.waits * 1000:.0f}",
        }


def _schema() -> str:
    return files("audit.stores").joinpath("schema", "postgres.sql").read_text(encoding="utf-8")


@lru_cache(maxsize=1)
def _rules() -> dict[str, tuple[str, str, str]]:
    """Return the triggers that the schema makes: enabled, with their functions' names and bodies."""
    schema = _schema()
    bodies = dict(re.findall(r"CREATE FUNCTION (\w+)\(\).*?\$\$(.*?)\$\$", schema, re.DOTALL))
    made = re.findall(r"CREATE TRIGGER (\w+) [^;]*?EXECUTE FUNCTION (\w+)\(", schema)
    return {name: ("O", function, bodies[function]) for name, function in made}


def _check_durable(session: psycopg.Connection[tuple[Any, ...]]) -> None:
    """Raise UnsafeStoreError where a COMMIT could be answered before it is kept."""
    for name, wanted in _DURABLE.items():
        row = session.execute("SELECT current_setting(%s)", (name,)).fetchone()
        if row is None or row[0] not in wanted:
            raise UnsafeStoreError(
                f"{name} is {row and row[0]}, so a power cut could take what was told to be kept: set it on"
            )


def _parsed(url: str) -> dict[str, Any]:
    try:
        return conninfo_to_dict(url)
    except psycopg.Error:  # its message repeats what it could not read, which may be the password
        raise StoreError("the database's URL can't be read: write postgresql://USER:PASSWORD@HOST:PORT/NAME") from None


def _without_password(error: psycopg.Error, url: str) -> str:
    password = _parsed(url).get("password")
    told = " ".join(str(error).split())
    return told.replace(str(password), "***") if password else told
