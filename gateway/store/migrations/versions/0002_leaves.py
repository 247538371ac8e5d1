"""Leaves of entries about several people."""

from __future__ import annotations

from importlib.resources import files

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make the log's table of leaves."""
    script = files("audit").joinpath("schema", "0002.sql").read_text(encoding="utf-8")
    op.get_bind().connection.executescript(script)


def downgrade() -> None:
    """Refuse: a log is never taken down."""
    raise RuntimeError("the tables hold the audit log and are never taken down: restore a backup instead")
