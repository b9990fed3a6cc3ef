"""What the database says about itself. An engine that does not count something leaves it unknown, never zero."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from bank_app.database import Database
from bank_app.errors import BankError

_STATUS = {
    "threads_connected": "connections",
    "innodb_row_lock_waits": "lock_waits",
    "innodb_row_lock_current_waits": "waiting_now",
    "innodb_deadlocks": "deadlocks",
    "slow_queries": "slow_queries",
}
_NAMES = ", ".join(f"'{name}'" for name in _STATUS)
_SERVER = f"SHOW GLOBAL STATUS WHERE Variable_name IN ({_NAMES})"
_MOST = "SELECT @@max_connections, @@long_query_time"
# MySQL counts deadlocks only here, and shows it only to those who may look at all processes.
_DEADLOCKS = "SELECT count FROM information_schema.innodb_metrics WHERE name = 'lock_deadlocks'"
_SIZE = (
    "SELECT SUM(data_length + index_length) FROM information_schema.tables WHERE table_schema = DATABASE()"
    " AND table_type = 'BASE TABLE'"
)


@dataclass(frozen=True, slots=True)
class EngineFigures:
    """Counters of a server since it began, and how it stands now; None for what it does not tell us."""

    connections: int | None = None
    max_connections: int | None = None
    waiting_now: int | None = None
    lock_waits: int | None = None
    deadlocks: int | None = None
    slow_queries: int | None = None
    slow_after_seconds: int | None = None


def read(db: Database) -> EngineFigures:
    """How the server stands. The embedded engine has no server that could wait, lock or count: all is unknown.

    Raises:
        DatabaseUnavailable: no connection.
    """
    if db.embedded:
        return EngineFigures()

    def ask(session: Session) -> EngineFigures:
        said = {_STATUS[str(name).lower()]: int(value) for name, value in session.execute(text(_SERVER))}
        most, slow = session.execute(text(_MOST)).one()
        return EngineFigures(max_connections=int(most), slow_after_seconds=int(slow), **said)

    found = db.read(ask)
    if found.deadlocks is None:
        rows = _allowed(db, _DEADLOCKS)
        if rows:
            return replace(found, deadlocks=int(rows[0][0]))
    return found


def data_bytes(db: Database) -> int | None:
    """How large the books are on disk, tables and indexes; None if nobody says."""
    if db.embedded:
        file = Path(db.url.database or "")
        return sum(path.stat().st_size for path in (file, Path(f"{file}-wal")) if path.is_file()) or None
    rows = _allowed(db, _SIZE)
    return int(rows[0][0]) if rows and rows[0][0] is not None else None


def _allowed(db: Database, statement: str) -> Sequence[Row[Any]]:
    """The rows, or none where this user may not ask."""
    with suppress(BankError):
        return db.read(lambda session: session.execute(text(statement)).all())
    return ()
