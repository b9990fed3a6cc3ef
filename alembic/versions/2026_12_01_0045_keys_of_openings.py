"""What an idempotency key says of an account that was opened.

Revision ID: 0010
Revises: 0009
"""

import sqlalchemy as sa

from alembic import op
from bank_app.columns import Ascii, Digest, Identifier, Json, Moment
from bank_app.errors import DatabaseUnavailable

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

OUTCOME_BEFORE = "(transaction_id IS NULL AND hold_id IS NULL) = (refusal_code IS NOT NULL)"
OUTCOME = "(transaction_id IS NULL AND hold_id IS NULL AND account_id IS NULL) = (refusal_code IS NOT NULL)"
OF_HOLD = (
    "(hold_id IS NULL) = (hold_state IS NULL) AND (hold_id IS NULL OR"
    " (hold_state = 'captured') = (transaction_id IS NOT NULL))"
)
OF_ACCOUNT = "account_id IS NULL OR hold_id IS NULL"
COLUMNS_BEFORE = (
    "actor_id", "key", "fingerprint", "transaction_id", "refusal_code", "refusal_detail", "refusal_facts", "created_at",
    "hold_id", "hold_state",
)  # fmt: skip


def upgrade() -> None:
    if embedded():
        rebuild_keys(with_accounts=True)
    elif "account_id" not in columns():
        # One statement, so that an upgrade that is killed has done all of it or nothing.
        op.execute(
            "ALTER TABLE idempotency_keys ADD COLUMN account_id BIGINT NULL,"
            " DROP CONSTRAINT idempotency_keys_outcome,"
            f" ADD CONSTRAINT idempotency_keys_outcome CHECK ({OUTCOME}),"
            f" ADD CONSTRAINT idempotency_keys_account CHECK ({OF_ACCOUNT})"
        )


def downgrade() -> None:
    if op.get_bind().execute(sa.text("SELECT 1 FROM idempotency_keys WHERE account_id IS NOT NULL LIMIT 1")).first():
        raise DatabaseUnavailable("There are keys of opened accounts, which the schema before this one cannot keep.")
    if embedded():
        rebuild_keys(with_accounts=False)
        return
    op.execute(
        "ALTER TABLE idempotency_keys DROP CONSTRAINT idempotency_keys_account,"
        " DROP CONSTRAINT idempotency_keys_outcome,"
        f" ADD CONSTRAINT idempotency_keys_outcome CHECK ({OUTCOME_BEFORE}),"
        " DROP COLUMN account_id"
    )


def embedded() -> bool:
    return op.get_bind().dialect.name == "sqlite"


def columns() -> set[str]:
    return {column["name"] for column in sa.inspect(op.get_bind()).get_columns("idempotency_keys")}


def rebuild_keys(*, with_accounts: bool) -> None:
    """The embedded engine changes a CHECK only with its table, and drops the table's triggers with it."""
    more = (
        (
            sa.Column("account_id", sa.BigInteger(), nullable=True),
            sa.CheckConstraint(OUTCOME, name="idempotency_keys_outcome"),
            sa.CheckConstraint(OF_ACCOUNT, name="idempotency_keys_account"),
        )
        if with_accounts
        else (sa.CheckConstraint(OUTCOME_BEFORE, name="idempotency_keys_outcome"),)
    )
    op.create_table(
        "idempotency_keys_new",
        sa.Column("actor_id", Identifier, nullable=False),
        sa.Column("key", Ascii(255), nullable=False),
        sa.Column("fingerprint", Digest, nullable=False),
        sa.Column("transaction_id", Identifier, nullable=True),
        sa.Column("refusal_code", sa.String(length=32), nullable=True),
        sa.Column("refusal_detail", sa.String(length=300), nullable=True),
        sa.Column("refusal_facts", Json, nullable=True),
        sa.Column("created_at", Moment, nullable=False),
        sa.Column("hold_id", Identifier, nullable=True),
        sa.Column("hold_state", sa.String(length=8), nullable=True),
        sa.CheckConstraint(OF_HOLD, name="idempotency_keys_hold"),
        sa.ForeignKeyConstraint(["actor_id"], ["users.id"]),
        sa.ForeignKeyConstraint(["transaction_id"], ["transactions.id"]),
        sa.ForeignKeyConstraint(["hold_id"], ["holds.id"]),
        sa.PrimaryKeyConstraint("actor_id", "key"),
        sa.UniqueConstraint("transaction_id"),
        *more,
    )
    old, new = (
        sa.table(table, *map(sa.column, COLUMNS_BEFORE)) for table in ("idempotency_keys", "idempotency_keys_new")
    )
    op.execute(sa.insert(new).from_select(list(COLUMNS_BEFORE), sa.select(*old.columns)))
    op.execute("DROP TABLE idempotency_keys")
    op.execute("ALTER TABLE idempotency_keys_new RENAME TO idempotency_keys")
    for action in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER idempotency_keys_no_{action.lower()} BEFORE {action} ON idempotency_keys FOR EACH ROW"
            " BEGIN SELECT RAISE(ABORT, 'idempotency_keys are never changed or deleted'); END"
        )
