"""Leaves of entries about several people; and which agreements name a partner."""

from __future__ import annotations

from importlib.resources import files

import sqlalchemy as sa
from alembic import op

from policies.reading.findings import TextError
from policies.reading.parse import parse_agreement

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make the log's table of leaves, and the state's table of recipients with those of the texts that stand."""
    connection = op.get_bind()
    script = files("audit.stores").joinpath("schema", "0002.sql").read_text(encoding="utf-8")
    connection.connection.executescript(script)
    recipient = op.create_table(
        "recipient",
        sa.Column("partner_id", sa.String, primary_key=True),
        sa.Column("agreement_id", sa.String, primary_key=True),
        sqlite_with_rowid=False,
    )
    op.add_column("idempotency", sa.Column("limited", sa.String, nullable=False, server_default="[]"))
    named = set()
    for name, text in connection.execute(sa.text("SELECT id, text FROM text WHERE kind = 'agreement'")):
        try:
            named |= {(partner, name) for partner in parse_agreement(text).recipients}
        except TextError:
            continue  # the rules of reading have narrowed since: nothing is disclosed under it either
    rows = [{"partner_id": partner, "agreement_id": name} for partner, name in sorted(named)]
    if rows:
        op.bulk_insert(recipient, rows)


def downgrade() -> None:
    """Refuse: a log is never taken down."""
    raise RuntimeError("the tables hold the audit log and are never taken down: restore a backup instead")
