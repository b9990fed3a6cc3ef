"""What somebody begins to deposit is kept like what they begin to transfer or withdraw.

Revision ID: 0004
Revises: 0003
"""

import sqlalchemy as sa

from alembic import op
from bank_app.columns import Identifier, Json, Moment

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

TABLE, CHECK = "unfinished_forms", "unfinished_forms_kind"
BEFORE, AFTER = "kind IN ('transfer', 'withdraw')", "kind IN ('transfer', 'deposit', 'withdraw')"


def upgrade() -> None:
    allow(AFTER)


def downgrade() -> None:
    op.execute("DELETE FROM unfinished_forms WHERE kind = 'deposit'")
    allow(BEFORE)


def allow(kinds: str) -> None:
    if op.get_bind().dialect.name == "sqlite":
        make_anew(kinds)
    else:
        op.execute(f"ALTER TABLE {TABLE} DROP CONSTRAINT {CHECK}, ADD CONSTRAINT {CHECK} CHECK ({kinds})")


def make_anew(kinds: str) -> None:
    """SQLite cannot change a check; in one unit of work, the table is made anew with its rows."""
    op.rename_table(TABLE, "forms_before")
    for column in ("user_id", "changed_at"):
        op.drop_index(f"ix_{TABLE}_{column}")
    op.create_table(
        TABLE,
        sa.Column("id", Identifier, nullable=False),
        sa.Column("user_id", Identifier, nullable=False),
        sa.Column("kind", sa.String(8), nullable=False),
        sa.Column("fields", Json, nullable=False),
        sa.Column("changed_at", Moment, nullable=False),
        sa.CheckConstraint(kinds, name=CHECK),
        sa.PrimaryKeyConstraint("id"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"]),
    )
    op.execute(f"INSERT INTO {TABLE} SELECT id, user_id, kind, fields, changed_at FROM forms_before")  # noqa: S608 - names above
    op.drop_table("forms_before")
    for column in ("user_id", "changed_at"):
        op.create_index(f"ix_{TABLE}_{column}", TABLE, [column])
