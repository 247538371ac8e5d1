"""What an opt-out is from, how an objection was decided, and whether the source knew the person."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Give restrictions and consents what their laws ask for; those there are stay as they were."""
    op.add_column("restriction", sa.Column("scheme", sa.String))
    op.add_column("restriction", sa.Column("purposes", sa.String, nullable=False, server_default="[]"))
    op.add_column("restriction", sa.Column("decided", sa.String))
    op.add_column("restriction", sa.Column("unchecked", sa.Boolean, nullable=False, server_default="0"))
    op.add_column("consent", sa.Column("unchecked", sa.Boolean, nullable=False, server_default="0"))
