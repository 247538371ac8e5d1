"""The tables that the migrations make are those that are described, and no others."""

from __future__ import annotations

from pathlib import Path

import pysqlite3
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine
from sqlmodel import SQLModel

from gateway.store import tables
from gateway.store.schema import SchemaError, check_version, create_tables

LOGS_OWN = {
    "log_entry", "log_node", "log_checkpoint", "log_head", "log_bundle", "recipient_counter", "state_key", "subject_key",
    "state_key_by_idx", "log_leaf",
}  # fmt: skip


def test_the_migrations_make_the_tables_that_are_described(tmp_path: Path) -> None:
    """What alembic would still have to change is nothing, but for the log's own tables, which are audit's."""
    file = tmp_path / "state.sqlite"
    file.touch()
    create_tables(file)
    engine = create_engine(f"sqlite:///{file}", module=pysqlite3)

    with engine.connect() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), SQLModel.metadata)
    engine.dispose()

    assert tables.Partner.metadata is SQLModel.metadata
    unexpected = [one for one in differences if not (one[0].startswith("remove_") and one[1].name in LOGS_OWN)]
    assert unexpected == []


def test_a_file_without_a_version_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "state.sqlite"
    pysqlite3.connect(str(file)).close()

    with pytest.raises(SchemaError, match="was not made by"):
        check_version(file)
