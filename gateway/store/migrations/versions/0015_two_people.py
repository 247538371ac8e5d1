"""Who proposed what, who decided it, whose account is whose, and for how long a guest may sign in?"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    """Add what two people's decisions rest on. There are none yet of any of these."""
    is_postgresql = op.get_bind().dialect.name == "postgresql"
    words = sa.Text(collation="C") if is_postgresql else sa.String()
    whole = sa.BigInteger() if is_postgresql else sa.Integer()
    for table, names in {"operator": ("guest_of", "last_day"), "console_session": ("jkt", "challenge")}.items():
        for name in names:
            op.add_column(table, sa.Column(name, words))
    op.create_table(
        "account_person",
        sa.Column("account", words, primary_key=True),
        sa.Column("person", words, nullable=False),
        sa.Column("said_at", whole, nullable=False),
    )
    op.create_table(
        "staffing",
        sa.Column("idx", whole, primary_key=True, autoincrement=False),
        sa.Column("people", whole, nullable=False),
        sa.Column("reason", words, nullable=False),
        sa.Column("said_by", words, nullable=False),
    )
    _create_proposals(words, whole)


def _create_proposals(words: sa.String, whole: sa.Integer) -> None:
    op.create_table(
        "proposal",
        sa.Column("change_id", words, primary_key=True),
        *(sa.Column(name, words, nullable=False) for name in ("kind", "about", "content", "rests_on", "digest", "reason")),
        sa.Column("proposed_by", words, nullable=False),
        sa.Column("person", words),
        sa.Column("proposed_at", whole, nullable=False),
        sa.Column("status", words, nullable=False, index=True),
        sa.Column("decided_by", words),
        sa.Column("decided_at", whole),
        sa.Column("decided_why", words),
        sa.Column("decided_role", words),
        sa.Column("people", whole),
        sa.Column("followed", whole),
    )
    op.create_table(
        "advice",
        sa.Column("idx", whole, primary_key=True, autoincrement=False),
        sa.Column("change_id", words, sa.ForeignKey("proposal.change_id"), nullable=False, index=True),
        sa.Column("advice", words, nullable=False),
        sa.Column("words", words, nullable=False),
        sa.Column("given_by", words, nullable=False),
        sa.Column("given_at", whole, nullable=False),
    )
