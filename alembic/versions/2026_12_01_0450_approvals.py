"""What two of the bank's people do together, and who helped whom back in.

Revision ID: 0018
Revises: 0017
"""

import sqlalchemy as sa

from alembic import op
from bank_app.columns import Digest, Identifier, Json, Moment, written

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

TABLE_OPTIONS = {"mysql_engine": "InnoDB", "mysql_charset": "utf8mb4", "mysql_collate": "utf8mb4_bin"}


def upgrade() -> None:
    # MySQL cannot roll a schema back: an upgrade that was killed left a table, with nothing of worth in it yet.
    for table in ("recoveries", "approvals"):
        if sa.inspect(op.get_bind()).has_table(table):
            op.drop_table(table)
    make_approvals()
    make_recoveries()


def make_approvals() -> None:
    op.create_table(
        "approvals",
        sa.Column("id", Identifier, nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("subject", sa.String(64), nullable=False),
        sa.Column("asked_by", Identifier, nullable=False),
        sa.Column("asked_at", Moment, nullable=False),
        sa.Column("expires_at", Moment, nullable=False),
        sa.Column("reason", written(300), nullable=False),
        sa.Column("payload", Json, nullable=False),
        sa.Column("digest", Digest, nullable=False),
        sa.Column("half", Digest, nullable=True),
        sa.Column("state", sa.String(9), nullable=False),
        sa.Column("decided_by", Identifier, nullable=True),
        sa.Column("decided_at", Moment, nullable=True),
        sa.Column("answer", written(300), nullable=True),
        sa.CheckConstraint("state IN ('pending', 'done', 'refused', 'withdrawn', 'outdated')", name="approvals_state"),
        sa.CheckConstraint("(state = 'pending') = (decided_at IS NULL)", name="approvals_decided"),
        sa.CheckConstraint(
            "state <> 'done' OR decided_by IS NULL OR decided_by <> asked_by", name="approvals_two_people"
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.ForeignKeyConstraint(["asked_by"], ["users.id"]),
        sa.ForeignKeyConstraint(["decided_by"], ["users.id"]),
        **TABLE_OPTIONS,
    )
    op.create_index("ix_approvals_subject", "approvals", ["subject"])
    op.create_index("ix_approvals_state", "approvals", ["state", "expires_at"])


def make_recoveries() -> None:
    op.create_table(
        "recoveries",
        sa.Column("id", Identifier, nullable=False),
        sa.Column("user_id", Identifier, nullable=False),
        sa.Column("factor", sa.String(11), nullable=False),
        sa.Column("asked_by", Identifier, nullable=True),
        sa.Column("approved_by", Identifier, nullable=True),
        sa.Column("created_at", Moment, nullable=False),
        sa.Column("link", Digest, nullable=True),
        sa.Column("guarded_from", Moment, nullable=True),
        sa.Column("guarded_until", Moment, nullable=True),
        sa.Column("limit_units", sa.BigInteger(), nullable=False),
        sa.Column("read_at", Moment, nullable=True),
        sa.CheckConstraint("factor IN ('password', 'second_step', 'power')", name="recoveries_factor"),
        sa.CheckConstraint("(guarded_from IS NULL) = (guarded_until IS NULL)", name="recoveries_guarded"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("link"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"]),
        sa.ForeignKeyConstraint(["asked_by"], ["users.id"]),
        sa.ForeignKeyConstraint(["approved_by"], ["users.id"]),
        **TABLE_OPTIONS,
    )
    op.create_index("ix_recoveries_user", "recoveries", ["user_id", "guarded_until"])


def downgrade() -> None:
    op.drop_table("recoveries")
    op.drop_table("approvals")
