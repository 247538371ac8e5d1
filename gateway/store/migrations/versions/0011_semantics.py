"""Under which decision semantics each text was published, and the floors that count for all."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Give every text the number that it was published under: those there are have the first."""
    op.add_column("text", sa.Column("semantics", sa.Integer, nullable=False, server_default="1"))
    op.create_table(
        "semantics",
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("changed_at", sa.Integer, nullable=False),
    )
