"""What people call the accounts they pay, tries with emails that nobody has, and an index of references.

Revision ID: 0005
Revises: 0004
"""

import sqlalchemy as sa

from alembic import op
from bank_app.columns import Digest, Identifier, Moment

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

TABLE_OPTIONS = {"mysql_engine": "InnoDB", "mysql_charset": "utf8mb4", "mysql_collate": "utf8mb4_bin"}


def upgrade() -> None:
    clear_what_was_interrupted()
    op.create_table(
        "payee_names",
        sa.Column("user_id", Identifier, nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.String(100), nullable=True),
        sa.Column("checked_at", Moment, nullable=False),
        sa.PrimaryKeyConstraint("user_id", "account_id"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"]),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"]),
        **TABLE_OPTIONS,
    )
    op.create_table(
        "strangers",
        sa.Column("digest", Digest, nullable=False),
        sa.Column("failed_sign_ins", sa.BigInteger(), nullable=False),
        sa.Column("locked_until", Moment, nullable=False),
        sa.PrimaryKeyConstraint("digest"),
        **TABLE_OPTIONS,
    )
    op.create_index("ix_strangers_locked_until", "strangers", ["locked_until"])


def clear_what_was_interrupted() -> None:
    """MySQL cannot roll a schema back: an upgrade that was killed left tables. Neither holds anything of worth yet."""
    for table in ("payee_names", "strangers"):
        if sa.inspect(op.get_bind()).has_table(table):
            op.drop_table(table)


def downgrade() -> None:
    op.drop_table("strangers")
    op.drop_table("payee_names")
