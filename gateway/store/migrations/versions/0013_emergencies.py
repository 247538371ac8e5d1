"""Which calls were made in an emergency, which incidents were declared, and what a second person said of them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """Add both tables; emergencies of before are found in the log alone."""
    op.create_table(
        "incident",
        sa.Column("incident_id", sa.String, primary_key=True),
        sa.Column("what", sa.String, nullable=False),
        sa.Column("partners", sa.String, nullable=False),
        sa.Column("kinds", sa.String, nullable=False),
        sa.Column("most_people", sa.Integer, nullable=False),
        sa.Column("begins", sa.Integer, nullable=False),
        sa.Column("ends", sa.Integer, nullable=False, index=True),
        sa.Column("declared_by", sa.String, nullable=False),
        sa.Column("closed_at", sa.Integer),
        sa.Column("closed_by", sa.String),
        sa.Column("reviewed_at", sa.Integer),
        sa.Column("reviewed_by", sa.String),
        sa.Column("outcome", sa.String),
    )
    op.create_table(
        "emergency",
        sa.Column("entry_id", sa.String, primary_key=True),
        sa.Column("at", sa.Integer, nullable=False),
        sa.Column("partner_id", sa.String, nullable=False),
        sa.Column("client_id", sa.String, nullable=False),
        sa.Column("agreement_id", sa.String, nullable=False),
        sa.Column("caseworker_ref", sa.String, nullable=False),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("people", sa.Integer, nullable=False),
        sa.Column("incident_id", sa.String, index=True),
        sa.Column("reviewed_at", sa.Integer, index=True),
        sa.Column("reviewed_by", sa.String),
        sa.Column("outcome", sa.String),
    )
