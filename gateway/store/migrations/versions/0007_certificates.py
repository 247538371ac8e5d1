"""Clients whose tokens are bound to their TLS certificate."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0004"


def upgrade() -> None:
    """Bind nobody's: each client asks for it, and the council sets it."""
    op.add_column("client", sa.Column("is_certificate_bound", sa.Boolean, nullable=False, server_default=sa.text("0")))


def downgrade() -> None:
    """Refuse: a log is never taken down."""
    raise RuntimeError("the tables hold the audit log and are never taken down: restore a backup instead")
