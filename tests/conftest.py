"""Fixtures that several areas share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from databases import Server, Stores, running_postgresql
from hours import machine_now
from house import House, copy_template, make_template, open_house
from sqlalchemy.engine import URL

from audit.stores.contract import Store
from gateway.store import locks
from gateway.store.schema import create_tables


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One council a test process, copied for each test."""
    return make_template(tmp_path_factory.mktemp("template") / "council")


@pytest.fixture(scope="module")
def patient() -> Iterator[None]:
    """Let a caseworker of this process miss as often as a test likes: those that ask for hundreds whom nobody knows."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(locks, "MOST_OF_CASEWORKER", 100_000)
        yield


@pytest.fixture
def council_directory(template: Path, tmp_path: Path) -> Path:
    return copy_template(template, tmp_path / "council")


@pytest.fixture(scope="session")
def postgresql_template(postgresql_stores: Stores, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """One council a test process whose state and log PostgreSQL keeps, and the name of its database: a template."""
    server = postgresql_stores.server
    assert server is not None
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STILE_DATABASE_URL", url := server.make())
        directory = make_template(tmp_path_factory.mktemp("postgresql") / "council")
    return directory, Server.name_of(url)


@pytest.fixture(params=["sqlite", "postgresql"])
def either_directory(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A council's directory, of the one kind of database and then of the other: `open_house` and commands find it."""
    if request.param == "sqlite":
        return copy_template(request.getfixturevalue("template"), tmp_path / "council")
    directory, database = request.getfixturevalue("postgresql_template")
    server = request.getfixturevalue("postgresql_stores").server
    monkeypatch.setenv("STILE_DATABASE_URL", server.make(like=database))
    return copy_template(directory, tmp_path / "council")


@pytest.fixture
def either_house(either_directory: Path) -> Iterator[House]:
    with open_house(either_directory) as running:
        yield running


@pytest.fixture
def house(council_directory: Path) -> Iterator[House]:
    with open_house(council_directory) as running:
        yield running


@pytest.fixture(scope="session")
def postgresql() -> Iterator[URL]:
    """Return the URL of a PostgreSQL for tests to write in."""
    with running_postgresql() as url:
        yield url


@pytest.fixture(scope="session")
def postgresql_stores(postgresql: URL, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stores]:
    """What makes stores in PostgreSQL, with all tables."""
    server = Server(postgresql)
    yield Stores(tmp_path_factory.mktemp("stores"), create_tables, server)
    server.drop_all()


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def stores(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Stores:
    """What makes stores with all tables, of the one kind and then of the other."""
    if request.param == "postgresql":
        return request.getfixturevalue("postgresql_stores")
    return Stores(tmp_path_factory.mktemp("stores"), create_tables, None)


@pytest.fixture
def store(stores: Stores) -> Store:
    return stores.make()


@pytest.fixture
def house_by_the_machine(council_directory: Path) -> Iterator[House]:
    """A gateway by the machine's own clock, for what other programs do beside it."""
    with open_house(council_directory, clock=machine_now) as running:
        yield running
