"""The second step of signing in, links for passwords, payees, notes, checks of the books, and the audit chain.

Revision ID: 0003
Revises: 0002
"""

import sqlalchemy as sa

from alembic import op
from bank_app.columns import Digest, Identifier, Json, Moment
from bank_app.errors import DatabaseUnavailable

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

TABLE_OPTIONS = {"mysql_engine": "InnoDB", "mysql_charset": "utf8mb4", "mysql_collate": "utf8mb4_bin"}
NEW_COLUMNS = {
    "users": (
        ("totp_secret", sa.String(255)),
        ("totp_since", Moment),
        ("totp_step", sa.BigInteger()),
        ("notices_seen_at", Moment),
        ("preferences", Json),
    ),
    "audit_records": (("address", sa.String(45)), ("request_id", sa.String(64))),
}
# In the order in which they are made; each may point at the ones before.
NEW_TABLES = (
    "recovery_codes", "password_links", "unfinished_forms", "saved_payees", "customer_notes", "bank",
    "books_checks", "audit_seals",
)  # fmt: skip
NEVER_CHANGED = ("customer_notes", "books_checks", "audit_seals")


def upgrade() -> None:
    clear_what_was_interrupted()
    for table, columns in NEW_COLUMNS.items():
        there = {column["name"] for column in sa.inspect(op.get_bind()).get_columns(table)}
        for name, kind in columns:
            if name not in there:
                op.add_column(table, sa.Column(name, kind, nullable=True))
    create_tables()
    for table in NEVER_CHANGED:
        for action in ("UPDATE", "DELETE"):
            refuse(f"{table}_no_{action.lower()}", action, table, f"{table} are never changed or deleted")


def clear_what_was_interrupted() -> None:
    """MySQL cannot roll a schema back: an upgrade that was killed left tables without a row."""
    for table in reversed(NEW_TABLES):
        if sa.inspect(op.get_bind()).has_table(table):
            if op.get_bind().execute(sa.text(f"SELECT 1 FROM {table} LIMIT 1")).first():  # noqa: S608 - a name above
                raise DatabaseUnavailable(f"The database has a table {table} with rows in it that no migration made.")
            op.drop_table(table)


def create_tables() -> None:
    person = ("user_id", "users.id")
    create(
        "recovery_codes",
        sa.Column("digest", Digest, nullable=False),
        sa.Column("user_id", Identifier, nullable=False),
        sa.Column("created_at", Moment, nullable=False),
        sa.Column("used_at", Moment, nullable=True),
        key="digest",
        points=[person],
    )
    op.create_index("ix_recovery_codes_user_id", "recovery_codes", ["user_id"])
    create(
        "password_links",
        sa.Column("digest", Digest, nullable=False),
        sa.Column("user_id", Identifier, nullable=False),
        sa.Column("made_by", Identifier, nullable=False),
        sa.Column("created_at", Moment, nullable=False),
        sa.Column("expires_at", Moment, nullable=False),
        sa.Column("used_at", Moment, nullable=True),
        key="digest",
        points=[person, ("made_by", "users.id")],
    )
    op.create_index("ix_password_links_user_id", "password_links", ["user_id"])
    create(
        "unfinished_forms",
        sa.Column("id", Identifier, nullable=False),
        sa.Column("user_id", Identifier, nullable=False),
        sa.Column("kind", sa.String(8), nullable=False),
        sa.Column("fields", Json, nullable=False),
        sa.Column("changed_at", Moment, nullable=False),
        sa.CheckConstraint("kind IN ('transfer', 'withdraw')", name="unfinished_forms_kind"),
        points=[person],
    )
    op.create_index("ix_unfinished_forms_user_id", "unfinished_forms", ["user_id"])
    op.create_index("ix_unfinished_forms_changed_at", "unfinished_forms", ["changed_at"])
    create(
        "saved_payees",
        sa.Column("id", Identifier, nullable=False),
        sa.Column("user_id", Identifier, nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("nickname", sa.String(60), nullable=True),
        sa.Column("created_at", Moment, nullable=False),
        sa.UniqueConstraint("user_id", "account_id"),
        points=[person, ("account_id", "accounts.id")],
    )
    create(
        "customer_notes",
        sa.Column("id", Identifier, nullable=False),
        sa.Column("user_id", Identifier, nullable=False),
        sa.Column("author_id", Identifier, nullable=False),
        sa.Column("text", sa.String(500), nullable=False),
        sa.Column("created_at", Moment, nullable=False),
        points=[person, ("author_id", "users.id")],
    )
    op.create_index("ix_customer_notes_user_id", "customer_notes", ["user_id"])
    create(
        "bank",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("name", sa.String(40), nullable=True),
        sa.Column("setup_digest", Digest, nullable=True),
        sa.Column("set_up_at", Moment, nullable=True),
        sa.Column("demo", sa.String(8), nullable=True),
        sa.CheckConstraint("id = 1", name="bank_one_row"),
        sa.CheckConstraint("demo IS NULL OR demo IN ('allowed', 'on')", name="bank_demo"),
    )
    create(
        "books_checks",
        sa.Column("id", Identifier, nullable=False),
        sa.Column("checked_at", Moment, nullable=False),
        sa.Column("actor_id", Identifier, nullable=True),
        sa.Column("ok", sa.Boolean(), nullable=False),
        sa.Column("milliseconds", sa.BigInteger(), nullable=False),
        sa.Column("report", Json, nullable=False),
        points=[("actor_id", "users.id")],
    )
    create(
        "audit_seals",
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("record_id", Identifier, nullable=False),
        sa.Column("hash", Digest, nullable=False),
        sa.Column("sealed_at", Moment, nullable=False),
        sa.CheckConstraint("number > 0", name="audit_seals_number"),
        sa.UniqueConstraint("record_id"),
        key="number",
        points=[("record_id", "audit_records.id")],
    )


def create(table: str, *parts: sa.schema.SchemaItem, key: str = "id", points: list[tuple[str, str]] = ()) -> None:
    """A table with its primary key and its foreign keys."""
    foreign = [sa.ForeignKeyConstraint([column], [target]) for column, target in points]
    op.create_table(table, *parts, sa.PrimaryKeyConstraint(key), *foreign, **TABLE_OPTIONS)


def refuse(name: str, action: str, table: str, message: str) -> None:
    body = f"SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = '{message}'"
    if op.get_bind().dialect.name == "sqlite":
        body = f"BEGIN SELECT RAISE(ABORT, '{message}'); END"
    op.execute(f"CREATE TRIGGER {name} BEFORE {action} ON {table} FOR EACH ROW {body}")


def downgrade() -> None:
    for table in reversed(NEW_TABLES):
        op.drop_table(table)
    for table, columns in NEW_COLUMNS.items():
        for name, _ in columns:
            op.drop_column(table, name)
