"""Where the time on an account stepped back from a date that a wrong clock had given, and who said a clock is right.

Revision ID: 0011
Revises: 0010
"""

import sqlalchemy as sa

from alembic import op
from bank_app.columns import Moment

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

TABLE_OPTIONS = {"mysql_engine": "InnoDB", "mysql_charset": "utf8mb4", "mysql_collate": "utf8mb4_bin"}
TABLE = "clock_steps"


def upgrade() -> None:
    inspector = sa.inspect(op.get_bind())
    if "clock_accepted_at" not in {column["name"] for column in inspector.get_columns("bank")}:
        op.add_column("bank", sa.Column("clock_accepted_at", Moment, nullable=True))
    # MySQL cannot roll a schema back: an upgrade that was killed left a table that nothing was written to yet.
    if inspector.has_table(TABLE):
        op.drop_table(TABLE)
    op.create_table(
        TABLE,
        sa.Column("account_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("sequence", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("created_at", Moment, nullable=False),
        sa.Column("dated_before", Moment, nullable=False),
        sa.CheckConstraint("created_at < dated_before", name="clock_steps_back"),
        sa.PrimaryKeyConstraint("account_id", "sequence"),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"]),
        **TABLE_OPTIONS,
    )
    for action in ("UPDATE", "DELETE"):
        refuse(f"{TABLE}_no_{action.lower()}", action)


def refuse(name: str, action: str) -> None:
    message = f"{TABLE} are never changed or deleted"
    body = f"SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = '{message}'"
    if op.get_bind().dialect.name == "sqlite":
        body = f"BEGIN SELECT RAISE(ABORT, '{message}'); END"
    op.execute(f"CREATE TRIGGER {name} BEFORE {action} ON {TABLE} FOR EACH ROW {body}")


def downgrade() -> None:
    op.drop_table(TABLE)
    op.drop_column("bank", "clock_accepted_at")
