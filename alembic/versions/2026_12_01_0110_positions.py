"""The place of each transaction in the order in which they were written, whatever the clocks said, and a gate to it.

What is there is numbered in the order of the ids, on the embedded engine in that of the rows. Whoever posts shares
the gate from before positions are given out until the commit; whoever has it alone knows that none is on its way.

Revision ID: 0013
Revises: 0012
"""

import sqlalchemy as sa

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

TABLE_OPTIONS = {"mysql_engine": "InnoDB", "mysql_charset": "utf8mb4", "mysql_collate": "utf8mb4_bin"}
GATE, INDEX = "posting_gate", "ix_transactions_position"


def upgrade() -> None:
    inspector = sa.inspect(op.get_bind())
    if not inspector.has_table(GATE):
        op.create_table(
            GATE,
            sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
            sa.CheckConstraint("id = 1", name="posting_gate_one_row"),
            sa.PrimaryKeyConstraint("id"),
            **TABLE_OPTIONS,
        )
    if not op.get_bind().execute(sa.text(f"SELECT id FROM {GATE}")).first():  # noqa: S608 - a name above
        op.execute(f"INSERT INTO {GATE} (id) VALUES (1)")  # noqa: S608
    if op.get_bind().dialect.name == "sqlite":
        number_rows()
    elif "position" not in {column["name"] for column in inspector.get_columns("transactions")}:
        # In one statement, which is done as a whole or not at all.
        op.execute(
            "ALTER TABLE transactions ADD COLUMN position BIGINT NOT NULL AUTO_INCREMENT,"
            f" ADD UNIQUE INDEX {INDEX} (position)"
        )


def number_rows() -> None:
    """Rows are never deleted, so that their own numbers are the order in which they came."""
    listing = sa.text("SELECT sql FROM sqlite_master WHERE type = 'trigger' AND name = 'transactions_no_update'")
    guard = op.get_bind().execute(listing).scalar_one()
    op.execute("ALTER TABLE transactions ADD COLUMN position BIGINT NOT NULL DEFAULT 0")
    op.execute("DROP TRIGGER transactions_no_update")
    op.execute("UPDATE transactions SET position = rowid")
    op.get_bind().exec_driver_sql(guard)
    op.create_index(INDEX, "transactions", ["position"], unique=True)


def downgrade() -> None:
    # A server takes the index away with its column, and keeps no such column without it.
    if op.get_bind().dialect.name == "sqlite":
        op.drop_index(INDEX, "transactions")
    op.drop_column("transactions", "position")
    op.drop_table(GATE)
