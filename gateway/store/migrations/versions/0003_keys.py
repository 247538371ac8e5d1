"""Keys of clients, each with its own row; the gateway's own keys; compatibility switches."""

from __future__ import annotations

import json

import sqlalchemy as sa
from alembic import op

from gateway.oauth.jose import COMPATIBLE, import_public_key, thumbprint

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Give each key of a client's set its own row, named by its kid, or by its thumbprint where two have one."""
    _make_tables()
    connection = op.get_bind()
    sets = connection.execute(sa.text("SELECT client_id, jwks FROM client")).fetchall()
    rows = [row for client_id, jwks in sets for row in _rows_of(client_id, json.loads(jwks)["keys"])]
    if rows:
        names = ", ".join(rows[0])
        values = ", ".join(f":{name}" for name in rows[0])
        connection.execute(sa.text(f"INSERT INTO client_key ({names}) VALUES ({values})"), rows)
    op.drop_column("client", "jwks")
    op.execute("ALTER TABLE client RENAME COLUMN allows_rs512 TO allows_rs")
    op.add_column("client", sa.Column("allows_endpoint_audience", sa.Boolean, nullable=False, server_default=sa.text("0")))
    op.add_column("client", sa.Column("jwks_uri", sa.String))


def _make_tables() -> None:
    op.create_table(
        "client_key",
        sa.Column("client_id", sa.String, sa.ForeignKey("client.client_id"), primary_key=True),
        sa.Column("kid", sa.String, primary_key=True),
        sa.Column("thumbprint", sa.String, nullable=False),
        sa.Column("jwk", sa.String, nullable=False),
        sa.Column("added_at", sa.Integer, nullable=False),
        sa.Column("added_by", sa.String, nullable=False),
        sa.Column("starts_on", sa.String),
        sa.Column("expires_on", sa.String),
        sa.Column("revoked_at", sa.Integer),
    )
    op.create_index("ix_client_key_thumbprint", "client_key", ["thumbprint"])
    op.create_table(
        "issuer_key",
        sa.Column("kid", sa.String, primary_key=True),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("published_at", sa.Integer, nullable=False),
        sa.Column("signs_at", sa.Integer, nullable=False),
        sa.Column("revoked_at", sa.Integer),
    )


def _rows_of(client_id: str, keys: list[dict[str, object]]) -> list[dict[str, object]]:
    found: dict[str, dict[str, object]] = {}  # by thumbprint: one key twice in a set is one key
    for key in keys:
        name = thumbprint(import_public_key(key, allowed=COMPATIBLE))
        given = str(key.get("kid", name))
        is_taken = any(one["kid"] == given for one in found.values())
        row = {
            "client_id": client_id,
            "kid": name if is_taken else given,
            "thumbprint": name,
            "jwk": json.dumps(key),
            "added_at": 0,
            "added_by": "registration",
        }
        found.setdefault(name, row)
    return list(found.values())


def downgrade() -> None:
    """Refuse: a log is never taken down."""
    raise RuntimeError("the tables hold the audit log and are never taken down: restore a backup instead")
