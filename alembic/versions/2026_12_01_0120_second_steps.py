"""When a code of the second step was last given in a sign-in, and which key of the bank a recovery code depends on.

A code stands for some minutes for what much depends on. Recovery codes made from now on are long enough to be kept
without a key; those of before say which key of the bank their digests were made with, once it is known.

Revision ID: 0014
Revises: 0013
"""

import sqlalchemy as sa

from alembic import op
from bank_app.columns import Moment

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    if "proved_at" not in columns("sign_ins"):
        op.add_column("sign_ins", sa.Column("proved_at", Moment(), nullable=True))
    if "key_id" not in columns("recovery_codes"):
        op.add_column("recovery_codes", sa.Column("key_id", sa.String(8), nullable=True))


def downgrade() -> None:
    if "proved_at" in columns("sign_ins"):
        op.drop_column("sign_ins", "proved_at")
    if "key_id" in columns("recovery_codes"):
        op.drop_column("recovery_codes", "key_id")


def columns(table: str) -> set[str]:
    """A server does not undo a column with the rest of a migration that stopped half-way."""
    return {column["name"] for column in sa.inspect(op.get_bind()).get_columns(table)}
