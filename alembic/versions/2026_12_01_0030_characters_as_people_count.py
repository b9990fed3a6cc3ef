"""Columns of text have room for characters as people count them.

A flag is two code points, a letter of Devanagari with its vowel two or three, a family up to seven. Servers count code
points and refuse what is longer than a column; SQLite keeps whatever it is given, so nothing changes there.

Revision ID: 0008
Revises: 0007
"""

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

COLUMNS = {
    "users": {"name": "100 NOT NULL"},
    "accounts": {"nickname": "60"},
    "transactions": {"description": "140"},
    "holds": {"description": "140"},
    "drafts": {"description": "140", "payee_name": "100"},
    "saved_payees": {"name": "100 NOT NULL", "nickname": "60"},
    "payee_names": {"name": "100"},
    "customer_notes": {"text": "500 NOT NULL"},
    "bank": {"name": "40"},
    "audit_records": {"reason": "300"},
}


def upgrade() -> None:
    widen(4)


def downgrade() -> None:
    widen(1)


def widen(times: int) -> None:
    """One statement for each table, which is done as a whole or not at all, and may be done again."""
    if op.get_bind().dialect.name == "sqlite":
        return
    for table, columns in COLUMNS.items():
        changes = []
        for name, kind in columns.items():
            characters, _, rest = kind.partition(" ")
            size = int(characters) * times
            changes.append(f"MODIFY {name} VARCHAR({size}) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin {rest or 'NULL'}")
        op.execute(f"ALTER TABLE {table} {', '.join(changes)}")
