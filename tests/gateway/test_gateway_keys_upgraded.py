"""An older database's sets of keys become keys with rows of their own, and verify what they verified."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pysqlite3
from alembic import command
from joserfc import jwk
from sqlalchemy import create_engine

from audit.stores.sqlite import SqliteStore
from gateway.oauth.assertion import signing_key
from gateway.oauth.jose import read, sign
from gateway.store import schema
from gateway.store.key_rows import read_client_keys
from gateway.store.state import Reader

NOW = 1_790_932_443.0


def older(file: Path, keys: list[dict[str, Any]]) -> Any:
    """Make a database of the version before, with one client; return a connection to it once it was upgraded."""
    file.touch()
    engine = create_engine(f"sqlite:///{file}", module=pysqlite3)
    config = schema._config()
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0002")
        connection.exec_driver_sql(
            "INSERT INTO client (client_id, role, jwks, status, allows_rs512) VALUES ('office', 'dpo', ?, 'active', 1)",
            (json.dumps({"keys": keys}),),
        )
    engine.dispose()
    store = SqliteStore(file, file.with_name("state.lock"))
    schema.create_tables(store)
    return store.open(read_only=True)


def test_each_key_of_a_set_gets_its_row_and_its_switch_stays(tmp_path: Path) -> None:
    """Also of a set with one kid twice, one key twice, and a key without a kid."""
    one, two, three = (jwk.generate_key("EC", "P-256", private=True) for _ in range(3))
    given = [
        {**one.as_dict(private=False), "kid": "same"},
        {**two.as_dict(private=False), "kid": "same"},
        {**one.as_dict(private=False), "kid": "again"},
        three.as_dict(private=False),
    ]

    connection = older(tmp_path / "state.sqlite", given)

    rows = read_client_keys(connection, "office")
    assert {one.kid for one in rows} == {"same", two.thumbprint(), three.thumbprint()}
    assert {row.thumbprint for row in rows} == {key.thumbprint() for key in (one, two, three)}
    client = Reader(connection).find_client("office")
    assert client is not None
    assert (client.is_active, client.allows_rs, client.allows_endpoint_audience) == (True, True, False)
    for key, kid in ((one, "same"), (two, "same"), (three, "anything"), (three, None)):
        header = {"alg": "ES256", **({"kid": kid} if kid else {})}
        found = signing_key(read(sign(header, {"a": 1}, key)), client, NOW)
        assert found is not None
        assert found.thumbprint == key.thumbprint()
    connection.close()


def test_a_database_without_clients_is_upgraded(tmp_path: Path) -> None:
    connection = older(tmp_path / "state.sqlite", [])

    assert read_client_keys(connection, "office") == []
    schema.check_version(SqliteStore(tmp_path / "state.sqlite", tmp_path / "state.lock"))
    connection.close()
