"""Devices that have signed a person in before, with wrong guesses of their own, and counts of networks.

Whoever guesses at somebody from elsewhere makes those wait whom nobody knows, and no longer the person on his own
device.

Revision ID: 0017
Revises: 0016
"""

import sqlalchemy as sa

from alembic import op
from bank_app.columns import Digest, Identifier, Moment

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    tables = sa.inspect(op.get_bind()).get_table_names()
    if "known_devices" not in tables:
        op.create_table(
            "known_devices",
            sa.Column("digest", Digest(), nullable=False),
            sa.Column("user_id", Identifier(), nullable=False),
            sa.Column("failed_sign_ins", sa.BigInteger(), nullable=False),
            sa.Column("locked_until", Moment(), nullable=True),
            sa.Column("seen_at", Moment(), nullable=False),
            sa.ForeignKeyConstraint(["user_id"], ["users.id"]),
            sa.PrimaryKeyConstraint("digest", "user_id"),
        )
        op.create_index("ix_known_devices_user_id", "known_devices", ["user_id"])
    if "guess_counts" not in tables:
        op.create_table(
            "guess_counts",
            sa.Column("digest", Digest(), nullable=False),
            sa.Column("guesses", sa.BigInteger(), nullable=False),
            sa.Column("ends_at", Moment(), nullable=False),
            sa.PrimaryKeyConstraint("digest"),
        )
        op.create_index("ix_guess_counts_ends_at", "guess_counts", ["ends_at"])


def downgrade() -> None:
    op.drop_table("guess_counts")
    op.drop_table("known_devices")
