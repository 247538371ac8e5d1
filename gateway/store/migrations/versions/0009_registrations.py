"""Clients that register themselves: invitations, and registrations that wait."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Make both tables."""
    op.create_table(
        "invitation",
        sa.Column("token_hash", sa.String, primary_key=True),
        sa.Column("partner_id", sa.String, sa.ForeignKey("partner.partner_id"), nullable=False),
        sa.Column("made_by", sa.String, nullable=False),
        sa.Column("expires", sa.Integer, nullable=False),
    )
    op.create_table(
        "registration",
        sa.Column("client_id", sa.String, primary_key=True),
        sa.Column("partner_id", sa.String, sa.ForeignKey("partner.partner_id"), nullable=False),
        sa.Column("status", sa.String, nullable=False),
        sa.Column("metadata", sa.String, nullable=False),
        sa.Column("registered_at", sa.Integer, nullable=False),
        sa.Column("decided_by", sa.String),
        sa.Column("token_hash", sa.String),
        sa.Column("expires", sa.Integer),
    )


def downgrade() -> None:
    """Refuse: a log is never taken down."""
    raise RuntimeError("the tables hold the audit log and are never taken down: restore a backup instead")
