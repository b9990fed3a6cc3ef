"""Holds, limits of accounts, and what an idempotency key says of a hold.

Revision ID: 0002
Revises: 0001
"""

import sqlalchemy as sa

from alembic import op
from bank_app.columns import Ascii, Digest, Identifier, Json, Moment
from bank_app.errors import DatabaseUnavailable

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

TABLE_OPTIONS = {"mysql_engine": "InnoDB", "mysql_charset": "utf8mb4", "mysql_collate": "utf8mb4_bin"}
LIMITS = ("transfer_limit", "daily_limit")
OUTCOME_BEFORE = "(transaction_id IS NULL) = (refusal_code IS NOT NULL)"
OUTCOME = "(transaction_id IS NULL AND hold_id IS NULL) = (refusal_code IS NOT NULL)"
HOLD_OF_KEY = (
    "(hold_id IS NULL) = (hold_state IS NULL) AND (hold_id IS NULL OR"
    " (hold_state = 'captured') = (transaction_id IS NOT NULL))"
)
# What a hold was when it was placed. Only state, captured_amount, transaction_id and closed_at are written later.
PLACED = (
    "id", "account_id", "to_account_id", "amount", "currency", "description", "actor_id", "created_at", "expires_at",
)  # fmt: skip
KEYS_BEFORE = (
    "actor_id", "key", "fingerprint", "transaction_id", "refusal_code", "refusal_detail", "refusal_facts", "created_at",
)  # fmt: skip


def upgrade() -> None:
    clear_what_was_interrupted()
    create_holds()
    if embedded():
        add_limits_to_the_embedded_engine()
        rebuild_keys(with_holds=True)
    else:
        # One statement for each table, and none for a table that an upgrade before this one had changed already.
        if "transfer_limit" not in columns_of("accounts"):
            op.execute(
                "ALTER TABLE accounts "
                + ", ".join(f"ADD COLUMN {limit} BIGINT NULL" for limit in LIMITS)
                + "".join(
                    f", ADD CONSTRAINT accounts_{limit} CHECK ({limit} IS NULL OR {limit} >= 0)" for limit in LIMITS
                )
            )
        if "hold_id" not in columns_of("idempotency_keys"):
            op.execute(
                "ALTER TABLE idempotency_keys"
                " ADD COLUMN hold_id BINARY(16) NULL, ADD COLUMN hold_state VARCHAR(8) NULL,"
                " DROP CONSTRAINT idempotency_keys_outcome,"
                f" ADD CONSTRAINT idempotency_keys_outcome CHECK ({OUTCOME}),"
                f" ADD CONSTRAINT idempotency_keys_hold CHECK ({HOLD_OF_KEY})"
            )
        if not hold_keys():
            op.execute("ALTER TABLE idempotency_keys ADD FOREIGN KEY (hold_id) REFERENCES holds (id)")
    create_triggers()


def embedded() -> bool:
    return op.get_bind().dialect.name == "sqlite"


def columns_of(table: str) -> set[str]:
    return {column["name"] for column in sa.inspect(op.get_bind()).get_columns(table)}


def hold_keys() -> list[str | None]:
    """The foreign keys of idempotency_keys to holds."""
    found = sa.inspect(op.get_bind()).get_foreign_keys("idempotency_keys")
    return [key["name"] for key in found if key["referred_table"] == "holds"]


def clear_what_was_interrupted() -> None:
    """MySQL cannot roll a schema back: an upgrade that was killed left a table without a row."""
    if not sa.inspect(op.get_bind()).has_table("holds"):
        return
    refuse_to_lose_holds("The database has a table holds with rows in it that no migration made.")
    for name in hold_keys():
        op.drop_constraint(name, "idempotency_keys", type_="foreignkey")
    op.drop_table("holds")


def refuse_to_lose_holds(message: str) -> None:
    if op.get_bind().execute(sa.text("SELECT 1 FROM holds LIMIT 1")).first():
        raise DatabaseUnavailable(message)


def create_holds() -> None:
    op.create_table(
        "holds",
        sa.Column("id", Identifier, nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("to_account_id", sa.BigInteger(), nullable=True),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("description", sa.String(length=140), nullable=True),
        sa.Column("actor_id", Identifier, nullable=False),
        sa.Column("created_at", Moment, nullable=False),
        sa.Column("expires_at", Moment, nullable=False),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("captured_amount", sa.BigInteger(), nullable=True),
        sa.Column("transaction_id", Identifier, nullable=True),
        sa.Column("closed_at", Moment, nullable=True),
        sa.CheckConstraint("state IN ('open', 'captured', 'released', 'expired')", name="holds_state"),
        sa.CheckConstraint("(state = 'open') = (closed_at IS NULL)", name="holds_closed"),
        sa.CheckConstraint("(state = 'captured') = (transaction_id IS NOT NULL)", name="holds_captured"),
        sa.CheckConstraint("(transaction_id IS NULL) = (captured_amount IS NULL)", name="holds_captured_amount"),
        sa.CheckConstraint(
            "amount > 0 AND (captured_amount IS NULL OR captured_amount BETWEEN 1 AND amount)", name="holds_amounts"
        ),
        sa.CheckConstraint("expires_at > created_at", name="holds_expiry"),
        sa.CheckConstraint("to_account_id IS NULL OR to_account_id <> account_id", name="holds_two_accounts"),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"]),
        sa.ForeignKeyConstraint(["to_account_id"], ["accounts.id"]),
        sa.ForeignKeyConstraint(["actor_id"], ["users.id"]),
        sa.ForeignKeyConstraint(["transaction_id"], ["transactions.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("transaction_id"),
        **TABLE_OPTIONS,
    )
    op.create_index("ix_holds_account_state_expires", "holds", ["account_id", "state", "expires_at"], unique=False)
    op.create_index("ix_holds_account_id", "holds", ["account_id", "id"], unique=False)


def add_limits_to_the_embedded_engine() -> None:
    """Other tables point at accounts, so it is not rebuilt: here a column brings its CHECK with it."""
    for limit in LIMITS:
        op.execute(
            f"ALTER TABLE accounts ADD COLUMN {limit} BIGINT"
            f" CONSTRAINT accounts_{limit} CHECK ({limit} IS NULL OR {limit} >= 0)"
        )


def rebuild_keys(*, with_holds: bool) -> None:
    """The embedded engine changes a CHECK only with its table, and drops the table's triggers with it."""
    more = (
        (
            sa.Column("hold_id", Identifier, nullable=True),
            sa.Column("hold_state", sa.String(length=8), nullable=True),
            sa.CheckConstraint(OUTCOME, name="idempotency_keys_outcome"),
            sa.CheckConstraint(HOLD_OF_KEY, name="idempotency_keys_hold"),
            sa.ForeignKeyConstraint(["hold_id"], ["holds.id"]),
        )
        if with_holds
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
        sa.ForeignKeyConstraint(["actor_id"], ["users.id"]),
        sa.ForeignKeyConstraint(["transaction_id"], ["transactions.id"]),
        sa.PrimaryKeyConstraint("actor_id", "key"),
        sa.UniqueConstraint("transaction_id"),
        *more,
    )
    old, new = (sa.table(table, *map(sa.column, KEYS_BEFORE)) for table in ("idempotency_keys", "idempotency_keys_new"))
    op.execute(sa.insert(new).from_select(list(KEYS_BEFORE), sa.select(*old.columns)))
    op.execute("DROP TABLE idempotency_keys")
    op.execute("ALTER TABLE idempotency_keys_new RENAME TO idempotency_keys")
    for action in ("UPDATE", "DELETE"):
        name = f"idempotency_keys_no_{action.lower()}"
        refuse(name, action, "idempotency_keys", None, "idempotency_keys are never changed or deleted")


def create_triggers() -> None:
    """A hold begins open, is closed once, and otherwise stays as it was placed."""
    same = "IS" if embedded() else "<=>"
    changed = " OR ".join(f"NOT (NEW.{column} {same} OLD.{column})" for column in PLACED)
    refuse("holds_start_open", "INSERT", "holds", "NEW.state <> 'open'", "a hold starts open")
    refuse(
        "holds_guard",
        "UPDATE",
        "holds",
        f"OLD.state <> 'open' OR NEW.state = 'open' OR {changed}",
        "this change of a hold is refused",
    )
    refuse("holds_no_delete", "DELETE", "holds", None, "holds are closed, never deleted")


def refuse(name: str, action: str, table: str, condition: str | None, message: str) -> None:
    if embedded():
        when = f"WHEN {condition}" if condition else ""
        body = f"{when} BEGIN SELECT RAISE(ABORT, '{message}'); END"
    else:
        signal = f"SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = '{message}'"
        body = f"IF {condition} THEN {signal}; END IF" if condition else signal
    op.execute(f"CREATE TRIGGER {name} BEFORE {action} ON {table} FOR EACH ROW {body}")


def downgrade() -> None:
    refuse_to_lose_holds("There are holds, which the schema before this one cannot keep.")
    if embedded():
        rebuild_keys(with_holds=False)
        for limit in LIMITS:
            op.execute(f"ALTER TABLE accounts DROP COLUMN {limit}")
    else:
        for name in hold_keys():
            op.drop_constraint(name, "idempotency_keys", type_="foreignkey")
        op.execute(
            "ALTER TABLE idempotency_keys DROP CONSTRAINT idempotency_keys_hold,"
            " DROP CONSTRAINT idempotency_keys_outcome,"
            f" ADD CONSTRAINT idempotency_keys_outcome CHECK ({OUTCOME_BEFORE}),"
            " DROP COLUMN hold_id, DROP COLUMN hold_state"
        )
        op.execute(
            "ALTER TABLE accounts "
            + ", ".join(f"DROP CONSTRAINT accounts_{limit}" for limit in LIMITS)
            + "".join(f", DROP COLUMN {limit}" for limit in LIMITS)
        )
    op.drop_table("holds")
