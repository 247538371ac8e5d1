"""What counts but once is kept in the log's own table, a row a batch."""

from __future__ import annotations

from importlib.resources import files

import sqlalchemy as sa
from alembic import op

from audit.writing.once import digest_of

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Make the table, and keep as used what was: no upgrade may let a proof pass a second time."""
    connection = op.get_bind()
    script = files("audit.stores").joinpath("schema", "0003.sql").read_text(encoding="utf-8")
    connection.connection.executescript(script)
    rows = connection.execute(sa.text("SELECT scope, jti, expires FROM seen")).fetchall()
    if rows:
        names = b"".join(digest_of(f"{scope}\n{jti}") for scope, jti, _ in rows)
        row = {"until": max(expires for *_, expires in rows), "names": names}
        connection.execute(sa.text("INSERT INTO used_once (until, names) VALUES (:until, :names)"), row)
    op.drop_table("seen")


def downgrade() -> None:
    """Refuse: a log is never taken down."""
    raise RuntimeError("the tables hold the audit log and are never taken down: restore a backup instead")
