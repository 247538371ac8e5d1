"""Operators: local accounts with their passkeys, sessions, sign-ins under way, attempts counted."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Make the tables of operators' sign-in."""
    op.create_table(
        "operator",
        sa.Column("operator_id", sa.String, primary_key=True),
        sa.Column("name", sa.String, unique=True),
        sa.Column("password", sa.String),
        sa.Column("roles", sa.String, nullable=False),
        sa.Column("granted_at", sa.Integer, nullable=False),
        sa.Column("invited_until", sa.Integer),
        sa.Column("revoked_at", sa.Integer),
    )
    op.create_table(
        "passkey",
        sa.Column("credential_id", sa.String, primary_key=True),
        sa.Column("operator_id", sa.String, sa.ForeignKey("operator.operator_id"), nullable=False),
        sa.Column("public_key", sa.String, nullable=False),
        sa.Column("sign_count", sa.Integer, nullable=False),
        sa.Column("added_at", sa.Integer, nullable=False),
    )
    op.create_index("ix_passkey_operator_id", "passkey", ["operator_id"])
    op.create_table(
        "console_session",
        sa.Column("id_hash", sa.String, primary_key=True),
        *(sa.Column(name, sa.String, nullable=False) for name in ("operator_id", "method", "roles", "shown", "mapping")),
        *(sa.Column(name, sa.Integer, nullable=False) for name in ("began_at", "used_at", "authenticated_at")),
        sa.Column("draft", sa.String),
    )
    op.create_index("ix_console_session_operator_id", "console_session", ["operator_id"])
    op.create_table(
        "sign_in",
        sa.Column("id_hash", sa.String, primary_key=True),
        sa.Column("content", sa.String, nullable=False),
        sa.Column("expires", sa.Integer, nullable=False),
    )
    op.create_index("ix_sign_in_expires", "sign_in", ["expires"])
    op.create_table(
        "attempt",
        sa.Column("name", sa.String, primary_key=True),
        sa.Column("window", sa.Integer, primary_key=True),
        sa.Column("count", sa.Integer, nullable=False),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    """Refuse: a log is never taken down."""
    raise RuntimeError("the tables hold the audit log and are never taken down: restore a backup instead")
