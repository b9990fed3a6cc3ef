"""A server keeps the reference in the row, not only in its index.

MariaDB cannot clear up an index of a computed value without opening the table. `mariadbd --wsrep-recover`, which asks a
node that was killed how far it had come, opens none: it tried for ever and took all memory. SQLite cannot add a stored
column to a table that is there, and needs none.

Revision ID: 0007
Revises: 0006
"""

import sqlalchemy as sa

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    make("STORED")


def downgrade() -> None:
    make("VIRTUAL")


def make(kind: str) -> None:
    """In one statement, which is done as a whole or not at all."""
    if op.get_bind().dialect.name == "sqlite" or kind == kind_now():
        return
    op.execute(
        "ALTER TABLE transactions DROP INDEX ix_transactions_reference, DROP COLUMN reference, "
        f"ADD COLUMN reference BINARY(5) AS (substr(id, 12, 5)) {kind}, "
        "ADD INDEX ix_transactions_reference (reference)"
    )


def kind_now() -> str:
    columns = {column["name"]: column for column in sa.inspect(op.get_bind()).get_columns("transactions")}
    return "STORED" if columns["reference"]["computed"]["persisted"] else "VIRTUAL"
