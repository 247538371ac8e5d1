"""Both databases have the same tables: whoever changes one and not the other is told."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa
from databases import Stores

from audit.stores.contract import Store
from gateway.store.schema import BASELINE, VERSION, SchemaError, check_empty, check_version, create_tables, found_version

# Where SQLite has no such type, or names none.
KINDS = {"text": ["VARCHAR", "TEXT"], "whole": ["INTEGER", "BIGINT", "BOOLEAN"], "bytes": ["BLOB", "BYTEA"]}
KIND_OF = {name: kind for kind, names in KINDS.items() for name in names}


def inspected(store: Store) -> Any:
    driver = {"module": __import__("pysqlite3")} if store.dialect == "sqlite" else {}
    return sa.inspect(sa.create_engine(f"{store.dialect}://", creator=store.session, poolclass=sa.pool.NullPool, **driver))


def tables_of(store: Store) -> dict[str, Any]:
    """Return what both must have alike: columns in their order, keys, what is unique, indices, what refers to what."""
    found = inspected(store)
    return {
        table: {
            "columns": [
                (
                    one["name"],
                    KIND_OF[type(one["type"]).__name__],
                    one["nullable"] and not is_key(found, table, one["name"]),
                )
                for one in found.get_columns(table)
            ],
            "key": found.get_pk_constraint(table)["constrained_columns"],
            "unique": sorted(one["column_names"] for one in found.get_unique_constraints(table)),
            "indices": sorted(
                (one["name"], one["column_names"])
                for one in found.get_indexes(table)
                if not one.get("duplicates_constraint") and not one["name"].startswith("sqlite_")
            ),
            "refers": sorted((one["constrained_columns"], one["referred_table"]) for one in found.get_foreign_keys(table)),
        }
        for table in found.get_table_names()
        if table != "alembic_version"
    }


def is_key(found: Any, table: str, column: str) -> bool:
    return column in found.get_pk_constraint(table)["constrained_columns"]


@pytest.fixture(scope="module")
def both(postgresql_stores: Stores, tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], dict[str, Any]]:
    sqlite = Stores(tmp_path_factory.mktemp("alike"), create_tables, None)
    return tables_of(sqlite.make()), tables_of(postgresql_stores.make())


def test_both_have_the_same_tables(both: tuple[dict[str, Any], dict[str, Any]]) -> None:
    sqlite, postgresql = both

    assert len(sqlite) > 30
    assert set(sqlite) == set(postgresql)


def test_both_tables_have_the_same_columns_with_the_same_bounds(both: tuple[dict[str, Any], dict[str, Any]]) -> None:
    sqlite, postgresql = both
    for table in sqlite:
        assert postgresql[table] == sqlite[table], table


def test_every_text_of_postgresql_is_compared_by_its_bytes(postgresql_stores: Stores) -> None:
    found = inspected(postgresql_stores.make())
    collations = {
        f"{table}.{one['name']}": one["type"].collation
        for table in found.get_table_names()
        if table != "alembic_version"
        for one in found.get_columns(table)
        if isinstance(one["type"], sa.Text)
    }

    assert collations
    assert set(collations.values()) == {"C"}


def test_every_whole_number_of_postgresql_holds_microseconds(postgresql_stores: Stores) -> None:
    found = inspected(postgresql_stores.make())
    types = {type(one["type"]) for table in found.get_table_names() for one in found.get_columns(table)}

    assert types <= {sa.TEXT, sa.BIGINT, sa.dialects.postgresql.BYTEA, sa.VARCHAR}  # alembic's own is VARCHAR


def test_a_new_database_is_of_this_builds_version(store: Store) -> None:
    assert found_version(store) == VERSION >= BASELINE
    check_version(store)
    create_tables(store)
    check_version(store)


def test_a_database_in_use_is_refused(store: Store) -> None:
    with pytest.raises(SchemaError, match="give an empty database"):
        check_empty(store)


def test_an_empty_database_is_not_a_councils(postgresql_stores: Stores) -> None:
    assert postgresql_stores.server is not None
    empty = type(postgresql_stores.make())(postgresql_stores.server.make())

    check_empty(empty)
    with pytest.raises(SchemaError, match="was not made by"):
        check_version(empty)


def test_tables_that_could_not_all_be_made_leave_none(postgresql_stores: Stores, monkeypatch: pytest.MonkeyPatch) -> None:
    assert postgresql_stores.server is not None
    empty = type(postgresql_stores.make())(postgresql_stores.server.make())
    with monkeypatch.context() as patch:
        patch.setattr("gateway.store.schema.BASELINE", "no such version")
        with pytest.raises(Exception, match="no such version"):
            create_tables(empty)

    check_empty(empty)
    create_tables(empty)
    check_version(empty)
