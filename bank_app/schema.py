"""The tables and triggers of a database: bringing them up to date, and reading back what the triggers refuse."""

import contextlib
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import pymysql
import pymysql.cursors
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, MetaData, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session
from sqlalchemy.schema import DropTable

from alembic import command
from bank_app.errors import DatabaseUnavailable, LockTimeout
from bank_app.settings import PROJECT

# The procedure that tells of the triggers.
TRIGGERS = "bank_triggers"
_TRIGGERS_OF_A_SERVER = (
    "SELECT trigger_name, CONCAT_WS(' ', action_timing, event_manipulation, event_object_table, action_statement)"
    " FROM information_schema.triggers WHERE trigger_schema = DATABASE()"
)
# How long one that migrates is waited for, in seconds.
PATIENCE = 60


def migrations() -> Config:
    """Where the migrations are."""
    config = Config()
    config.set_main_option("script_location", str(PROJECT / "alembic"))
    return config


def is_current(connection: Connection) -> bool:
    """Whether every migration of this code has been applied."""
    applied = set(MigrationContext.configure(connection).get_current_heads())
    return applied == set(ScriptDirectory.from_config(migrations()).get_heads())


def knows(revision: str) -> bool:
    """Whether this program has a migration of that name."""
    return any(script.revision == revision for script in ScriptDirectory.from_config(migrations()).walk_revisions())


def drop_everything(connection: Connection) -> None:
    """Drops every table of the database, and commits.

    Args:
        connection: of its own, with nothing begun.
    """
    with alone(connection):
        tables = MetaData()
        tables.reflect(connection)
        if not _is_embedded(connection):
            connection.execute(text("SET SESSION foreign_key_checks = 0"))
        for table in reversed(tables.sorted_tables):
            connection.execute(DropTable(table))
        connection.commit()


def upgrade(connection: Connection, revision: str = "head") -> None:
    """Applies the missing migrations, in order, and commits. Of several that do so at once the others wait.

    On the embedded engine all of them are one unit of work; a server commits with every statement about tables.

    Args:
        connection: of its own, with nothing begun.
        revision: The last migration that is applied.

    Raises:
        DatabaseUnavailable: the server does not let this user create triggers; nothing was changed.
        LockTimeout: another process migrates for too long.
    """
    with alone(connection):
        if not is_current(connection):
            _require_triggers(connection)
            config = migrations()
            config.attributes["connection"] = connection
            command.upgrade(config, revision)
        connection.commit()
        _tell_of_triggers(connection)


@contextlib.contextmanager
def alone(connection: Connection) -> Iterator[None]:
    """Keeps others from migrating the same database; at the end nothing is committed, and the lock is given back.

    Raises:
        LockTimeout: another one has it for too long.
    """
    busy = "Another process is migrating this database."
    if _is_embedded(connection):
        # Begun before anything is read: by itself every migration would be a unit of work of its own, and two processes
        # would take turns.
        try:
            connection.begin()
        except DBAPIError as error:
            if not getattr(error.orig, "sqlite_errorname", "").startswith("SQLITE_BUSY"):
                raise
            raise LockTimeout(busy) from error
        yield
        return
    # A lock is known all over the server by a name of at most 64 characters.
    name = "SHA2(CONCAT('schema of ', DATABASE()), 256)"
    if not connection.execute(text(f"SELECT GET_LOCK({name}, {PATIENCE})")).scalar():
        raise LockTimeout(busy)
    try:
        yield
    finally:
        # The lock belongs to the connection, and would go back into the pool with it.
        connection.invalidate()


def _tell_of_triggers(connection: Connection) -> None:
    """Lets a user look at the triggers who could not take them away: a procedure looks with its maker's eyes."""
    if _is_embedded(connection):
        return
    body = f"READS SQL DATA SQL SECURITY DEFINER {_TRIGGERS_OF_A_SERVER}"
    # One that is there keeps who may call it. Without the right to make routines there is none, and a check of the
    # books by another user says so.
    with contextlib.suppress(DBAPIError):
        connection.execute(text(f"CREATE PROCEDURE {TRIGGERS}() {body}"))


def _require_triggers(connection: Connection) -> None:
    """Tried on a table of its own first: MySQL cannot roll back half a schema."""
    if _is_embedded(connection):
        return
    connection.execute(text("DROP TABLE IF EXISTS may_create_triggers"))
    connection.execute(text("CREATE TABLE may_create_triggers (id INT PRIMARY KEY)"))
    try:
        connection.execute(
            text(
                "CREATE TRIGGER may_create_triggers_probe BEFORE INSERT ON may_create_triggers FOR EACH ROW SET @a = 1"
            )
        )
    except DBAPIError as error:
        raise DatabaseUnavailable(
            "The database user may not create triggers, which protect history: grant TRIGGER, and on MySQL with "
            "binary logging set log_bin_trust_function_creators=1 for the migration."
        ) from error
    finally:
        connection.execute(text("DROP TABLE may_create_triggers"))
    connection.commit()


class Refusal(NamedTuple):
    """What a trigger refuses: which change of which table, all of them or only `some`."""

    change: str
    table: str
    some: bool


def refusing_triggers(session: Session) -> dict[str, Refusal]:
    """The triggers of the bank's database that refuse something: none that was emptied or moved elsewhere."""
    if _is_embedded(session.connection()):
        listing = "SELECT name, sql FROM sqlite_master WHERE type = 'trigger'"
        form = r"CREATE TRIGGER \S+ BEFORE (\w+) ON (\w+) FOR EACH ROW\s+(WHEN\s.*\s)?BEGIN SELECT RAISE\(ABORT,.*"
    else:
        listing = _TRIGGERS_OF_A_SERVER
        form = r"BEFORE (\w+) (\w+) (IF\s.*\sTHEN )?SIGNAL SQLSTATE '45000'.*"

    def refusing(rows: Iterable[Any]) -> dict[str, Refusal]:
        found = {name: re.fullmatch(form, sql, re.DOTALL) for name, sql in rows}
        return {name: Refusal(match[1], match[2], bool(match[3])) for name, match in found.items() if match}

    # Who may not change triggers is shown none, or none of what they do.
    return refusing(session.execute(text(listing))) or refusing(_told_of_triggers(session))


def _told_of_triggers(session: Session) -> Sequence[Any]:
    """The same to a user who sees none by himself."""
    if _is_embedded(session.connection()):
        return ()
    raw: Any = session.connection().connection.driver_connection
    # The bank's own cursor reads to the last answer of a packet; a procedure's rows are in the first.
    with contextlib.suppress(pymysql.MySQLError), pymysql.cursors.Cursor(raw) as cursor:
        cursor.execute(f"CALL {TRIGGERS}()")
        return cursor.fetchall()
    return ()


def acting_keys(session: Session) -> list[str]:
    """The tables with a foreign key that changes rows by itself, which no trigger sees; one statement for all."""
    if _is_embedded(session.connection()):
        listing = (
            "SELECT DISTINCT tables.name FROM sqlite_master AS tables, pragma_foreign_key_list(tables.name) AS keys"
            " WHERE tables.type = 'table' AND NOT (keys.on_delete IN (:refuses, :nothing)"
            " AND keys.on_update IN (:refuses, :nothing))"
        )
    else:
        listing = (
            "SELECT DISTINCT table_name FROM information_schema.referential_constraints"
            " WHERE constraint_schema = DATABASE() AND NOT (delete_rule IN (:refuses, :nothing)"
            " AND update_rule IN (:refuses, :nothing))"
        )
    refusing = {"refuses": "RESTRICT", "nothing": "NO ACTION"}
    return sorted(session.execute(text(listing), refusing).scalars())


def _is_embedded(connection: Connection) -> bool:
    return connection.dialect.name == "sqlite"
