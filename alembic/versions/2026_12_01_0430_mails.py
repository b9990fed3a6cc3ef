"""Letters that wait for the mail server, and who wants one when money arrives.

Revision ID: 0016
Revises: 0015
"""

import sqlalchemy as sa

from alembic import op
from bank_app.columns import Ascii, Identifier, Moment, written

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

TABLE_OPTIONS = {"mysql_engine": "InnoDB", "mysql_charset": "utf8mb4", "mysql_collate": "utf8mb4_bin"}


def upgrade() -> None:
    # MySQL cannot roll a schema back: an upgrade that was killed left some of this, with nothing of worth in it yet.
    known = sa.inspect(op.get_bind())
    for table in ("mails", "mail_marks"):
        if known.has_table(table):
            op.drop_table(table)
    op.create_table(
        "mails",
        sa.Column("id", Identifier, nullable=False),
        sa.Column("user_id", Identifier, nullable=False),
        sa.Column("email", sa.String(254), nullable=False),
        sa.Column("about", Ascii(80), nullable=False),
        sa.Column("subject", written(200), nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("created_at", Moment, nullable=False),
        sa.Column("due_at", Moment, nullable=True),
        sa.Column("expires_at", Moment, nullable=False),
        sa.Column("tries", sa.BigInteger, nullable=False),
        sa.Column("sent_at", Moment, nullable=True),
        sa.Column("problem", sa.String(100), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"]),
        sa.UniqueConstraint("about"),
        **TABLE_OPTIONS,
    )
    op.create_index("ix_mails_user_id", "mails", ["user_id"])
    op.create_index("ix_mails_due_at", "mails", ["due_at"])
    op.create_table(
        "mail_marks",
        sa.Column("id", sa.BigInteger, autoincrement=False, nullable=False),
        sa.Column("records", sa.BigInteger, nullable=False),
        sa.Column("transactions", sa.BigInteger, nullable=False),
        sa.Column("sign_ins", Moment, nullable=False),
        sa.CheckConstraint("id = 1", name="mail_marks_one_row"),
        sa.PrimaryKeyConstraint("id"),
        **TABLE_OPTIONS,
    )
    if "money_by_mail_since" not in {column["name"] for column in known.get_columns("users")}:
        op.add_column("users", sa.Column("money_by_mail_since", Moment, nullable=True))


def downgrade() -> None:
    op.drop_column("users", "money_by_mail_since")
    op.drop_table("mail_marks")
    op.drop_table("mails")
