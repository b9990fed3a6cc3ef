"""Chart of accounts: people, accounts, transactions, postings, and the triggers that keep history as it was.

Revision ID: 0001
Revises:
"""

import sqlalchemy as sa

from alembic import op
from bank_app.columns import Ascii, Digest, Identifier, Json, Moment
from bank_app.errors import DatabaseUnavailable

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


# Byte-wise comparison: otherwise two different emails or nicknames could be "equal" on one engine only.
TABLE_OPTIONS = {"mysql_engine": "InnoDB", "mysql_charset": "utf8mb4", "mysql_collate": "utf8mb4_bin"}
# Those that name others come before them.
TABLES = (
    "refresh_tokens",
    "postings",
    "idempotency_keys",
    "transactions",
    "sign_ins",
    "drafts",
    "audit_records",
    "accounts",
    "users",
)
IMMUTABLE_TABLES = ("transactions", "postings", "idempotency_keys", "audit_records")
NEW_ACCOUNT_IS_EMPTY = "NEW.balance <> 0 OR NEW.held <> 0 OR NEW.version <> 0"
# The funds rule stands here beside the CHECK, because any session can switch CHECKs off for itself.
ACCOUNT_IS_GUARDED = """
    NEW.id <> OLD.id OR NEW.currency <> OLD.currency OR NEW.kind <> OLD.kind OR NOT (NEW.owner_id {same} OLD.owner_id)
    OR NEW.version < OLD.version OR (NEW.owner_id IS NOT NULL AND NEW.balance - NEW.held < -NEW.overdraft_limit)
"""


def create_triggers() -> None:
    """History is refused to change by the database itself, whoever asks and with whatever rights on rows."""
    for table in IMMUTABLE_TABLES:
        for action in ("UPDATE", "DELETE"):
            _refuse(f"{table}_no_{action.lower()}", action, table, None, f"{table} are never changed or deleted")
    same = "IS" if op.get_bind().dialect.name == "sqlite" else "<=>"
    _refuse("accounts_no_delete", "DELETE", "accounts", None, "accounts are closed, never deleted")
    _refuse("accounts_start_empty", "INSERT", "accounts", NEW_ACCOUNT_IS_EMPTY, "an account starts at zero")
    _refuse(
        "accounts_guard",
        "UPDATE",
        "accounts",
        ACCOUNT_IS_GUARDED.format(same=same),
        "this change of an account is refused",
    )


def _refuse(name: str, action: str, table: str, condition: str | None, message: str) -> None:
    if op.get_bind().dialect.name == "sqlite":
        when = f"WHEN {condition}" if condition else ""
        body = f"{when} BEGIN SELECT RAISE(ABORT, '{message}'); END"
    else:
        signal = f"SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = '{message}'"
        body = f"IF {condition} THEN {signal}; END IF" if condition else signal
    op.execute(f"CREATE TRIGGER {name} BEFORE {action} ON {table} FOR EACH ROW {body}")


def upgrade() -> None:
    clear_what_was_interrupted()
    create_tables()
    create_triggers()


def clear_what_was_interrupted() -> None:
    """MySQL cannot roll a schema back: a first upgrade that was killed left tables, and they are empty."""
    connection = op.get_bind()
    left = [table for table in TABLES if sa.inspect(connection).has_table(table)]
    for table in left:
        if connection.execute(sa.select(sa.literal(1)).select_from(sa.table(table)).limit(1)).first():
            raise DatabaseUnavailable(
                f"The database has a table {table} with rows in it that no migration made: give the bank its own."
            )
    for table in left:
        op.drop_table(table)


def create_tables() -> None:
    op.create_table(
        "users",
        sa.Column("id", Identifier, nullable=False),
        sa.Column("email", sa.String(length=254), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("password_hash", sa.String(length=255), nullable=False),
        sa.Column("role", sa.String(length=8), nullable=False),
        sa.Column("failed_sign_ins", sa.BigInteger(), nullable=False),
        sa.Column("locked_until", Moment, nullable=True),
        sa.Column("disabled_at", Moment, nullable=True),
        sa.Column("created_at", Moment, nullable=False),
        sa.CheckConstraint("role IN ('customer', 'teller', 'auditor', 'admin')", name="users_role"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("email"),
        **TABLE_OPTIONS,
    )
    op.create_table(
        "accounts",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("owner_id", Identifier, nullable=True),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("nickname", sa.String(length=60), nullable=True),
        sa.Column("status", sa.String(length=6), nullable=False),
        sa.Column("frozen_for", sa.String(length=6), nullable=True),
        sa.Column("balance", sa.BigInteger(), nullable=False),
        sa.Column("held", sa.BigInteger(), nullable=False),
        sa.Column("overdraft_limit", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("head_hash", Digest, nullable=False),
        sa.Column("last_posted_at", Moment, nullable=True),
        sa.Column("opened_at", Moment, nullable=False),
        sa.CheckConstraint("(kind IN ('checking', 'savings')) = (owner_id IS NOT NULL)", name="accounts_owner"),
        sa.CheckConstraint("(status = 'frozen') = (frozen_for IS NOT NULL)", name="accounts_frozen"),
        sa.CheckConstraint("frozen_for IS NULL OR frozen_for IN ('debits', 'all')", name="accounts_frozen_for"),
        sa.CheckConstraint(
            "kind IN ('checking', 'savings', 'cash', 'fees', 'interest', 'suspense')", name="accounts_kind"
        ),
        sa.CheckConstraint("status <> 'closed' OR (balance = 0 AND held = 0)", name="accounts_closed_empty"),
        sa.CheckConstraint("status IN ('open', 'frozen', 'closed')", name="accounts_status"),
        sa.CheckConstraint("held >= 0 AND overdraft_limit >= 0 AND version >= 0", name="accounts_signs"),
        sa.CheckConstraint("owner_id IS NULL OR balance - held >= -overdraft_limit", name="accounts_funds"),
        sa.ForeignKeyConstraint(
            ["owner_id"],
            ["users.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        **TABLE_OPTIONS,
    )
    op.create_index(op.f("ix_accounts_owner_id"), "accounts", ["owner_id"], unique=False)
    op.create_table(
        "audit_records",
        sa.Column("id", Identifier, nullable=False),
        sa.Column("created_at", Moment, nullable=False),
        sa.Column("actor_id", Identifier, nullable=True),
        sa.Column("action", sa.String(length=40), nullable=False),
        sa.Column("object", sa.String(length=64), nullable=False),
        sa.Column("reason", sa.String(length=300), nullable=True),
        sa.Column("changes", Json, nullable=False),
        sa.ForeignKeyConstraint(
            ["actor_id"],
            ["users.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        **TABLE_OPTIONS,
    )
    op.create_index(op.f("ix_audit_records_object"), "audit_records", ["object"], unique=False)
    op.create_table(
        "drafts",
        sa.Column("id", Identifier, nullable=False),
        sa.Column("user_id", Identifier, nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("from_account_id", sa.BigInteger(), nullable=True),
        sa.Column("to_account_id", sa.BigInteger(), nullable=True),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("description", sa.String(length=140), nullable=True),
        sa.Column("payee_name", sa.String(length=100), nullable=True),
        sa.Column("payee_result", sa.String(length=5), nullable=True),
        sa.Column("created_at", Moment, nullable=False),
        sa.CheckConstraint("kind IN ('transfer', 'withdraw', 'deposit')", name="drafts_kind"),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["users.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        **TABLE_OPTIONS,
    )
    op.create_index(op.f("ix_drafts_created_at"), "drafts", ["created_at"], unique=False)
    op.create_table(
        "sign_ins",
        sa.Column("id", Identifier, nullable=False),
        sa.Column("user_id", Identifier, nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("cookie_digest", Digest, nullable=True),
        sa.Column("address", sa.String(length=45), nullable=False),
        sa.Column("user_agent", sa.String(length=200), nullable=False),
        sa.Column("created_at", Moment, nullable=False),
        sa.Column("last_seen_at", Moment, nullable=False),
        sa.Column("expires_at", Moment, nullable=False),
        sa.Column("revoked_at", Moment, nullable=True),
        sa.CheckConstraint("(kind = 'browser') = (cookie_digest IS NOT NULL)", name="sign_ins_cookie"),
        sa.CheckConstraint("kind IN ('browser', 'api')", name="sign_ins_kind"),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["users.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("cookie_digest"),
        **TABLE_OPTIONS,
    )
    op.create_index(op.f("ix_sign_ins_user_id"), "sign_ins", ["user_id"], unique=False)
    op.create_table(
        "transactions",
        sa.Column("id", Identifier, nullable=False),
        sa.Column("type", sa.String(length=8), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("description", sa.String(length=140), nullable=True),
        sa.Column("metadata", Json, nullable=False),
        sa.Column("actor_id", Identifier, nullable=False),
        sa.Column("reverses_id", Identifier, nullable=True),
        sa.Column("created_at", Moment, nullable=False),
        sa.Column("hash", Digest, nullable=False),
        sa.CheckConstraint("(type = 'reversal') = (reverses_id IS NOT NULL)", name="transactions_reversal"),
        sa.CheckConstraint("type IN ('deposit', 'withdraw', 'transfer', 'reversal')", name="transactions_type"),
        sa.CheckConstraint("amount > 0", name="transactions_amount"),
        sa.ForeignKeyConstraint(
            ["actor_id"],
            ["users.id"],
        ),
        sa.ForeignKeyConstraint(
            ["reverses_id"],
            ["transactions.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("reverses_id"),
        **TABLE_OPTIONS,
    )
    op.create_table(
        "idempotency_keys",
        sa.Column("actor_id", Identifier, nullable=False),
        sa.Column("key", Ascii(255), nullable=False),
        sa.Column("fingerprint", Digest, nullable=False),
        sa.Column("transaction_id", Identifier, nullable=True),
        sa.Column("refusal_code", sa.String(length=32), nullable=True),
        sa.Column("refusal_detail", sa.String(length=300), nullable=True),
        sa.Column("refusal_facts", Json, nullable=True),
        sa.Column("created_at", Moment, nullable=False),
        sa.CheckConstraint("(transaction_id IS NULL) = (refusal_code IS NOT NULL)", name="idempotency_keys_outcome"),
        sa.ForeignKeyConstraint(
            ["actor_id"],
            ["users.id"],
        ),
        sa.ForeignKeyConstraint(
            ["transaction_id"],
            ["transactions.id"],
        ),
        sa.PrimaryKeyConstraint("actor_id", "key"),
        sa.UniqueConstraint("transaction_id"),
        **TABLE_OPTIONS,
    )
    op.create_table(
        "postings",
        sa.Column("account_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("sequence", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("transaction_id", Identifier, nullable=False),
        sa.Column("direction", sa.String(length=6), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("balance_after", sa.BigInteger(), nullable=False),
        sa.Column("floor", sa.BigInteger(), nullable=True),
        sa.Column("created_at", Moment, nullable=False),
        sa.Column("hash", Digest, nullable=False),
        sa.CheckConstraint("direction IN ('debit', 'credit')", name="postings_direction"),
        sa.CheckConstraint("amount > 0", name="postings_amount"),
        sa.CheckConstraint("floor IS NULL OR balance_after >= floor", name="postings_floor"),
        sa.CheckConstraint("sequence > 0", name="postings_sequence"),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["accounts.id"],
        ),
        sa.ForeignKeyConstraint(
            ["transaction_id"],
            ["transactions.id"],
        ),
        sa.PrimaryKeyConstraint("account_id", "sequence"),
        **TABLE_OPTIONS,
    )
    op.create_index("ix_postings_account_created", "postings", ["account_id", "created_at"], unique=False)
    op.create_index("ix_postings_transaction_id", "postings", ["transaction_id"], unique=False)
    op.create_table(
        "refresh_tokens",
        sa.Column("digest", Digest, nullable=False),
        sa.Column("sign_in_id", Identifier, nullable=False),
        sa.Column("created_at", Moment, nullable=False),
        sa.Column("used_at", Moment, nullable=True),
        sa.ForeignKeyConstraint(
            ["sign_in_id"],
            ["sign_ins.id"],
        ),
        sa.PrimaryKeyConstraint("digest"),
        **TABLE_OPTIONS,
    )
    op.create_index(op.f("ix_refresh_tokens_sign_in_id"), "refresh_tokens", ["sign_in_id"], unique=False)


def downgrade() -> None:
    # Indexes and triggers go with their tables; MySQL would not let go of an index that a foreign key needs.
    for table in TABLES:
        op.drop_table(table)
