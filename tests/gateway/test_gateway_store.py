"""The tables that the migrations make are those that are described, and no others."""

from __future__ import annotations

from pathlib import Path

import pysqlite3
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from gateway_older import older_council, saying_nothing_of_rows
from house import make_template, open_house
from sqlalchemy import create_engine
from sqlmodel import SQLModel
from typer.testing import CliRunner

from audit.stores.sqlite import SqliteStore
from gateway.cli import make_app
from gateway.commands.council import single_server
from gateway.log.used_once import remember
from gateway.oauth.server import Seen
from gateway.store import operator_tables, tables
from gateway.store.schema import VERSION, SchemaError, check_version, create_tables
from schemas.semantics import NEWEST

LOGS_OWN = {
    "log_entry", "log_node", "log_checkpoint", "log_head", "log_bundle", "recipient_counter", "state_key", "subject_key",
    "state_key_by_idx", "log_leaf", "used_once", "used_once_by_until",
}  # fmt: skip


def test_the_migrations_make_the_tables_that_are_described(tmp_path: Path) -> None:
    """What alembic would still have to change is nothing, but for the log's own tables, which are audit's."""
    file = tmp_path / "state.sqlite"
    file.touch()
    create_tables(SqliteStore(file, file.with_name("state.lock")))
    engine = create_engine(f"sqlite:///{file}", module=pysqlite3)

    with engine.connect() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), SQLModel.metadata)
    engine.dispose()

    assert tables.Partner.metadata is operator_tables.OperatorRow.metadata is SQLModel.metadata
    unexpected = [one for one in differences if not (one[0].startswith("remove_") and one[1].name in LOGS_OWN)]
    assert unexpected == []


def test_a_file_without_a_version_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "state.sqlite"
    pysqlite3.connect(str(file)).close()

    with pytest.raises(SchemaError, match="was not made by"):
        check_version(SqliteStore(file, file.with_name("state.lock")))


@pytest.fixture
def first_directory(tmp_path: Path) -> Path:
    """A council whose tables are those of the first schema, and whose entries do not say what rows are."""
    with saying_nothing_of_rows():
        directory = make_template(tmp_path / "first")
    older_council(directory)
    return directory


def test_an_older_database_is_refused_until_it_is_upgraded(first_directory: Path) -> None:
    council_directory = first_directory
    with pytest.raises(SchemaError, match="stile upgrade"):
        check_version(SqliteStore(council_directory / "state.sqlite", council_directory / "state.lock"))

    done = CliRunner().invoke(make_app(["upgrade"]), ["upgrade", "--dir", str(council_directory)])

    assert (done.exit_code, done.output.splitlines()[0]) == (0, f"state.sqlite went from schema version 0001 to {VERSION}")
    with open_house(council_directory) as house:
        answer = house.harbour().ask(fields=["age"])
        assert answer.status_code == 200
        assert house.verify(answer).outcome == "full"


def test_an_upgrade_finds_whom_the_texts_name(council_directory: Path) -> None:
    connection = pysqlite3.connect(str(council_directory / "state.sqlite"))
    before = connection.execute("SELECT * FROM recipient ORDER BY 1, 2").fetchall()
    connection.close()
    assert before
    older_council(council_directory)

    create_tables(SqliteStore(council_directory / "state.sqlite", council_directory / "state.lock"))

    connection = pysqlite3.connect(str(council_directory / "state.sqlite"))
    assert connection.execute("SELECT * FROM recipient ORDER BY 1, 2").fetchall() == before
    connection.close()


def test_an_upgrade_lets_no_proof_pass_twice(first_directory: Path) -> None:
    """What an older version kept a row a name counts as used."""
    council_directory = first_directory
    connection = pysqlite3.connect(str(council_directory / "state.sqlite"))
    connection.executemany(
        "INSERT INTO seen (scope, jti, expires) VALUES (?, ?, 4000000000)",
        [("dpop/harbour", "one"), ("dpop/harbour", "two")],
    )
    connection.commit()
    connection.close()

    done = CliRunner().invoke(make_app(["upgrade"]), ["upgrade", "--dir", str(council_directory)])
    assert done.exit_code == 0, done.output

    with open_house(council_directory) as house:
        told: list[bool] = []
        for jti in ("one", "two", "three"):
            seen = Seen("dpop/harbour", jti, 4_000_000_000)
            house.append(lambda _connection, moment, seen=seen: told.append(remember(moment, (seen,))))
        assert told == [False, False, True]


def test_an_upgrade_waits_for_no_gateway(council_directory: Path) -> None:
    """While one serves, the command says so and changes nothing."""
    with single_server(council_directory):
        done = CliRunner().invoke(make_app(["upgrade"]), ["upgrade", "--dir", str(council_directory)])

    assert done.exit_code == 1
    assert "serves this directory already" in done.output


def test_an_upgrade_of_what_is_new_already_does_nothing(council_directory: Path) -> None:
    done = CliRunner().invoke(make_app(["upgrade"]), ["upgrade", "--dir", str(council_directory)])

    said = f"state.sqlite has schema version {VERSION} already\nit decides by semantics {NEWEST} already\n"
    assert (done.exit_code, done.output) == (0, said)


def test_a_database_of_a_later_build_is_refused(council_directory: Path) -> None:
    connection = pysqlite3.connect(str(council_directory / "state.sqlite"))
    connection.executescript("UPDATE alembic_version SET version_num = '9999';")
    connection.close()

    with pytest.raises(SchemaError, match="the build that made it"):
        check_version(SqliteStore(council_directory / "state.sqlite", council_directory / "state.lock"))
