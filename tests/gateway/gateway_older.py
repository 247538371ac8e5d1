"""What did a council look like that an earlier build made?"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pysqlite3
import pytest

from audit.format.commitment import Sealed, seal
from audit.format.state_rows import STATE
from gateway.store import entries


@contextlib.contextmanager
def saying_nothing_of_rows() -> Iterator[None]:
    """Have entries be as those of builds that did not say what the rows are which they set."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(entries, "seal", _without_state)
        patch.setattr(entries.Entries, "digests", lambda _self, _state: {})
        yield


def _without_state(entry_id: str, names: Mapping[str, Any], *rest: Any, **named: Any) -> Sealed:
    return seal(entry_id, {name: value for name, value in names.items() if name != STATE}, *rest, **named)


def older_council(directory: Path) -> None:
    """Turn a council's database back into one that the first schema made."""
    connection = pysqlite3.connect(str(directory / "state.sqlite"))
    keys = connection.execute("SELECT client_id, jwk FROM client_key").fetchall()
    sets = [(json.dumps({"keys": [json.loads(jwk) for one, jwk in keys if one == name]}), name) for name, _ in keys]
    connection.executescript(
        "DROP TABLE client_key; DROP TABLE issuer_key; ALTER TABLE client DROP COLUMN jwks_uri;"
        "ALTER TABLE client DROP COLUMN allows_endpoint_audience; ALTER TABLE client ADD COLUMN jwks VARCHAR;"
        "ALTER TABLE client RENAME COLUMN allows_rs TO allows_rs512; ALTER TABLE client DROP COLUMN is_certificate_bound;"
        "ALTER TABLE client DROP COLUMN system; ALTER TABLE client DROP COLUMN environment; DROP TABLE partner_code;"
        "DROP TABLE partner_contact; DROP TABLE partner_assurance; DROP TABLE invitation; DROP TABLE registration;"
        "DROP TABLE operator; DROP TABLE passkey; DROP TABLE console_session; DROP TABLE sign_in; DROP TABLE attempt;"
        "DROP TABLE incident; DROP TABLE emergency;"
        "DROP TABLE advice; DROP TABLE proposal; DROP TABLE staffing; DROP TABLE account_person;"
        "DROP TABLE log_leaf; DROP TABLE recipient; ALTER TABLE idempotency DROP COLUMN limited;"
        "DROP TABLE semantics; ALTER TABLE text DROP COLUMN semantics; ALTER TABLE consent DROP COLUMN unchecked;"
        "ALTER TABLE restriction DROP COLUMN scheme; ALTER TABLE restriction DROP COLUMN purposes;"
        "ALTER TABLE restriction DROP COLUMN decided; ALTER TABLE restriction DROP COLUMN unchecked;"
        "DROP TABLE used_once; CREATE TABLE seen (scope TEXT, jti TEXT, expires INTEGER, PRIMARY KEY (scope, jti));"
        "UPDATE alembic_version SET version_num = '0001';"
    )
    connection.executemany("UPDATE client SET jwks = ? WHERE client_id = ?", sets)
    connection.commit()
    connection.close()


def older_key_file(directory: Path) -> None:
    """Turn a council's key file back into one of the build before generations of the master key."""
    connection = pysqlite3.connect(str(directory / "keys.sqlite"))
    connection.executescript(
        "DROP TABLE generation; DROP TABLE standing; ALTER TABLE named_key DROP COLUMN generation;"
        "ALTER TABLE random_key DROP COLUMN generation;"
    )
    connection.close()
    (directory / "state.keys").unlink(missing_ok=True)
