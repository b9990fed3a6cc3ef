"""Runs migrations on a connection that is handed in, or on the database of the environment's settings."""

from sqlalchemy import Connection
from sqlmodel import SQLModel

import bank_app.models  # noqa: F401 - fills SQLModel.metadata
from alembic import context


def migrate(connection: Connection) -> None:
    """In one transaction where the engine has transactional DDL."""
    context.configure(connection=connection, target_metadata=SQLModel.metadata, compare_type=True)
    with context.begin_transaction():
        context.run_migrations()


handed_in = context.config.attributes.get("connection")
if handed_in is not None:
    migrate(handed_in)
else:
    from bank_app import settings
    from bank_app.database import Database

    with Database(settings.load()).writing.connect() as own:
        migrate(own)
        own.commit()
