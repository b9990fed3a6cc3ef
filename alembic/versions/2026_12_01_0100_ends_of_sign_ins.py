"""A sign-in that was ended says how.

Whoever comes back to a page of it is told the right reason: signed out, ended on another device, by the bank, by a new
password. What ended before this has no reason, and says only that it ended.

Revision ID: 0012
Revises: 0011
"""

import sqlalchemy as sa

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    if "ended_by" not in columns():
        op.add_column("sign_ins", sa.Column("ended_by", sa.String(16), nullable=True))


def downgrade() -> None:
    if "ended_by" in columns():
        op.drop_column("sign_ins", "ended_by")


def columns() -> set[str]:
    """A server does not undo a column with the rest of a migration that stopped half-way."""
    return {column["name"] for column in sa.inspect(op.get_bind()).get_columns("sign_ins")}
