"""First tables: the state, and the log's own."""

from __future__ import annotations

from importlib.resources import files

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make every table of the first release."""
    _log()
    _state()
    _usage()


def downgrade() -> None:
    """Refuse: a log is never taken down."""
    raise RuntimeError("the tables hold the audit log and are never taken down: restore a backup instead")


def _log() -> None:
    script = files("audit.stores").joinpath("schema", "0001.sql").read_text(encoding="utf-8")
    op.get_bind().connection.executescript(script)


def _state() -> None:
    op.create_table(
        "partner",
        sa.Column("partner_id", sa.String, primary_key=True),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("status", sa.String, nullable=False),
    )
    op.create_table(
        "client",
        sa.Column("client_id", sa.String, primary_key=True),
        sa.Column("partner_id", sa.String, sa.ForeignKey("partner.partner_id")),
        sa.Column("role", sa.String, nullable=False),
        sa.Column("jwks", sa.String, nullable=False),
        sa.Column("status", sa.String, nullable=False),
        sa.Column("allows_rs512", sa.Boolean, nullable=False),
    )
    op.create_table(
        "text",
        sa.Column("kind", sa.String, primary_key=True),
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("version", sa.Integer, primary_key=True),
        sa.Column("digest", sa.String, nullable=False),
        sa.Column("text", sa.String, nullable=False),
        sa.Column("published_at", sa.Integer, nullable=False),
        sa.Column("ended_at", sa.Integer),
    )
    op.create_table(
        "consent",
        sa.Column("row", sa.Integer, primary_key=True),
        *(
            sa.Column(name, sa.String, nullable=False)
            for name in (
                "consent_id",
                "subject_ref",
                "controller",
                "dataset",
                "purpose",
                "recipients",
                "fields",
                "state",
                "kind",
                "given_by",
                "capacity",
            )
        ),
        sa.Column("authority", sa.String),
        sa.Column("evidence", sa.String),
        sa.Column("text_version", sa.String, nullable=False),
        sa.Column("how", sa.String, nullable=False),
        sa.Column("recorded_by", sa.String, nullable=False),
        sa.Column("from_at", sa.Integer, nullable=False),
        sa.Column("until", sa.Integer),
        sa.Column("recorded_at", sa.Integer, nullable=False),
    )
    op.create_index("ix_consent_consent_id", "consent", ["consent_id"])
    op.create_index("ix_consent_subject_ref", "consent", ["subject_ref"])
    op.create_table(
        "restriction",
        sa.Column("restriction_id", sa.String, primary_key=True),
        *(
            sa.Column(name, sa.String, nullable=False)
            for name in ("subject_ref", "dataset", "kind", "fields", "recipients")
        ),
        sa.Column("from_at", sa.Integer, nullable=False),
        sa.Column("until", sa.Integer),
        sa.Column("recorded_by", sa.String, nullable=False),
        sa.Column("lifted_at", sa.Integer),
    )
    op.create_index("ix_restriction_subject_ref", "restriction", ["subject_ref"])


def _usage() -> None:
    op.create_table(
        "seen",
        sa.Column("scope", sa.String, primary_key=True),
        sa.Column("jti", sa.String, primary_key=True),
        sa.Column("expires", sa.Integer, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_seen_expires", "seen", ["expires"])
    op.create_table(
        "usage",
        sa.Column("name", sa.String, primary_key=True),
        sa.Column("window", sa.String, primary_key=True),
        sa.Column("count", sa.Integer, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "idempotency",
        sa.Column("client_id", sa.String, primary_key=True),
        sa.Column("key", sa.String, primary_key=True),
        sa.Column("body_digest", sa.String, nullable=False),
        sa.Column("disclosure_id", sa.String, nullable=False),
        sa.Column("expires", sa.Integer, nullable=False),
    )
    op.create_index("ix_idempotency_expires", "idempotency", ["expires"])
