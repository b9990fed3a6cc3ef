"""An email that waits for the word of the person who would sign in with it.

Revision ID: 0009
Revises: 0008
"""

import sqlalchemy as sa

from alembic import op
from bank_app.columns import Identifier, Moment

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

TABLE_OPTIONS = {"mysql_engine": "InnoDB", "mysql_charset": "utf8mb4", "mysql_collate": "utf8mb4_bin"}


def upgrade() -> None:
    # MySQL cannot roll a schema back: an upgrade that was killed left the table, with nothing of worth in it yet.
    if sa.inspect(op.get_bind()).has_table("email_changes"):
        op.drop_table("email_changes")
    op.create_table(
        "email_changes",
        sa.Column("user_id", Identifier, nullable=False),
        sa.Column("email", sa.String(254), nullable=False),
        sa.Column("made_by", Identifier, nullable=False),
        sa.Column("created_at", Moment, nullable=False),
        sa.Column("expires_at", Moment, nullable=False),
        sa.PrimaryKeyConstraint("user_id"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"]),
        sa.ForeignKeyConstraint(["made_by"], ["users.id"]),
        **TABLE_OPTIONS,
    )


def downgrade() -> None:
    op.drop_table("email_changes")
