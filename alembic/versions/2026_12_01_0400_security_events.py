"""Security events, and who of the bank's people looked at what.

An event is never changed, and deleted only when it is older than the shortest time that a bank can keep them for.

Revision ID: 0015
Revises: 0014
"""

import sqlalchemy as sa

from alembic import op
from bank_app.columns import Ascii, Digest, Identifier, Json, Moment
from bank_app.errors import DatabaseUnavailable

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

TABLE_OPTIONS = {"mysql_engine": "InnoDB", "mysql_charset": "utf8mb4", "mysql_collate": "utf8mb4_bin"}
EVENTS, LOOKS, DAYS = "security_events", "looks", 30


def upgrade() -> None:
    clear_what_was_interrupted()
    op.create_table(
        EVENTS,
        sa.Column("id", Identifier, nullable=False),
        sa.Column("created_at", Moment, nullable=False),
        sa.Column("event", sa.String(40), nullable=False),
        sa.Column("reason", sa.String(40), nullable=False),
        sa.Column("factor", sa.String(16), nullable=True),
        sa.Column("door", sa.String(8), nullable=True),
        sa.Column("person_id", Identifier, nullable=True),
        sa.Column("role", sa.String(8), nullable=True),
        sa.Column("email_digest", Digest, nullable=True),
        sa.Column("address", sa.String(45), nullable=True),
        sa.Column("network", sa.String(45), nullable=True),
        sa.Column("request_id", sa.String(64), nullable=True),
        sa.Column("object", sa.String(100), nullable=True),
        sa.Column("facts", Json, nullable=False),
        sa.Column("happened", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("happened > 0", name="security_events_happened"),
        sa.PrimaryKeyConstraint("id"),
        **TABLE_OPTIONS,
    )
    op.create_index("ix_security_events_person_id", EVENTS, ["person_id"])
    op.create_index("ix_security_events_network", EVENTS, ["network"])
    op.create_table(
        LOOKS,
        sa.Column("actor_id", Identifier, nullable=False),
        sa.Column("subject", Ascii(100), nullable=False),
        sa.Column("quarter", Moment, nullable=False),
        sa.Column("role", sa.String(8), nullable=False),
        sa.Column("person_id", Identifier, nullable=True),
        sa.Column("shown", sa.BigInteger(), nullable=False),
        sa.Column("created_at", Moment, nullable=False),
        sa.PrimaryKeyConstraint("actor_id", "subject", "quarter"),
        **TABLE_OPTIONS,
    )
    op.create_index("ix_looks_person_id", LOOKS, ["person_id"])
    op.create_index("ix_looks_created_at", LOOKS, ["created_at"])
    message = f"{EVENTS} are kept as they are for {DAYS} days"
    embedded = op.get_bind().dialect.name == "sqlite"
    ago = (
        f"strftime('%Y-%m-%d %H:%M:%f', 'now', '-{DAYS} days')"
        if embedded
        else f"UTC_TIMESTAMP(6) - INTERVAL {DAYS} DAY"
    )
    refuse(f"{EVENTS}_no_update", "UPDATE", None, message)
    refuse(f"{EVENTS}_no_early_delete", "DELETE", f"OLD.created_at > {ago}", message)


def clear_what_was_interrupted() -> None:
    """MySQL cannot roll a schema back: an upgrade that was killed left tables without a row."""
    for table in (LOOKS, EVENTS):
        if sa.inspect(op.get_bind()).has_table(table):
            if op.get_bind().execute(sa.text(f"SELECT 1 FROM {table} LIMIT 1")).first():  # noqa: S608 - a name above
                raise DatabaseUnavailable(f"The database has a table {table} with rows in it that no migration made.")
            op.drop_table(table)


def refuse(name: str, action: str, condition: str | None, message: str) -> None:
    if op.get_bind().dialect.name == "sqlite":
        when = f"WHEN {condition} " if condition else ""
        body = f"{when}BEGIN SELECT RAISE(ABORT, '{message}'); END"
    else:
        signal = f"SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = '{message}'"
        body = f"IF {condition} THEN {signal}; END IF" if condition else signal
    op.execute(f"CREATE TRIGGER {name} BEFORE {action} ON {EVENTS} FOR EACH ROW {body}")


def downgrade() -> None:
    for table in (LOOKS, EVENTS):
        op.drop_table(table)
