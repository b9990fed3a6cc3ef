"""What people call a transaction by, its reference, is found by an index and not by reading every id.

Revision ID: 0006
Revises: 0005
"""

import sqlalchemy as sa

from alembic import op
from bank_app.columns import ReferenceBits

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

TABLE, COLUMN, INDEX = "transactions", "reference", "ix_transactions_reference"
# The last 40 bits of the id. Kept in the index only, so that it cannot say anything else than the id does.
MEANING = "substr(id, 12, 5)"


def upgrade() -> None:
    if COLUMN not in {column["name"] for column in sa.inspect(op.get_bind()).get_columns(TABLE)}:
        op.add_column(TABLE, sa.Column(COLUMN, ReferenceBits, sa.Computed(MEANING, persisted=False)))
    if INDEX not in {index["name"] for index in sa.inspect(op.get_bind()).get_indexes(TABLE)}:
        op.create_index(INDEX, TABLE, [COLUMN])


def downgrade() -> None:
    op.drop_index(INDEX, TABLE)
    op.drop_column(TABLE, COLUMN)
