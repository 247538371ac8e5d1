"""Partners' official codes, contacts and assurances; clients by system and environment."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Make the tables; each client that there is belongs to a system of its own name, in production."""
    partner = sa.ForeignKey("partner.partner_id")
    op.create_table(
        "partner_code",
        sa.Column("scheme", sa.String, primary_key=True),
        sa.Column("code", sa.String, primary_key=True),
        sa.Column("partner_id", sa.String, partner, nullable=False),
    )
    op.create_index("ix_partner_code_partner_id", "partner_code", ["partner_id"])
    op.create_table(
        "partner_contact",
        sa.Column("partner_id", sa.String, sa.ForeignKey("partner.partner_id"), primary_key=True),
        sa.Column("role", sa.String, primary_key=True),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("email", sa.String),
        sa.Column("telephone", sa.String),
    )
    op.create_table(
        "partner_assurance",
        sa.Column("partner_id", sa.String, sa.ForeignKey("partner.partner_id"), primary_key=True),
        sa.Column("level", sa.String, primary_key=True),
        *(sa.Column(name, sa.String, nullable=False) for name in ("evidence", "checked_on", "expires_on", "checked_by")),
    )
    op.add_column("client", sa.Column("system", sa.String, nullable=False, server_default=""))
    op.add_column("client", sa.Column("environment", sa.String, nullable=False, server_default="production"))
    op.execute("UPDATE client SET system = client_id")


def downgrade() -> None:
    """Refuse: a log is never taken down."""
    raise RuntimeError("the tables hold the audit log and are never taken down: restore a backup instead")
