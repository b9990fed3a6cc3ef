"""One worker's connection. It writes down every statement that it sends: what was read, what was written, how long."""

from __future__ import annotations

import re
import sqlite3
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from typing import Any

import pymysql

from bank_app.lab.simulation.place import Place
from bank_app.lab.simulation.scenario import Transfer

_NAMED = re.compile(r":(\w+)")
# How a run counts units of work that the database refused because a row is newer than what they read.
CHANGED = "changed"
# A worker's statements that are kept; the oldest go first.
KEPT_STEPS = 20_000


class Trouble(Enum):
    """Why a statement failed, as far as it matters here."""

    DEADLOCK = "deadlock"
    LOCK_WAIT = "lock wait timeout"
    CHANGED = "refused: the record changed since it was read"
    DUPLICATE = "key used before"
    CHECK = "refused by the database's CHECK"
    LOST = "connection lost"

    @property
    def counted(self) -> str:
        """What a run counts it as."""
        return _COUNTED.get(self, "timeouts")

    @property
    def again(self) -> bool:
        """Whether the whole unit of work may simply be tried again."""
        return self in (Trouble.DEADLOCK, Trouble.LOCK_WAIT, Trouble.CHANGED)


_COUNTED = {Trouble.DEADLOCK: "deadlocks", Trouble.LOCK_WAIT: "timeouts", Trouble.CHANGED: CHANGED}
_TROUBLES = {
    1213: Trouble.DEADLOCK, 1205: Trouble.LOCK_WAIT, 1020: Trouble.CHANGED, 1062: Trouble.DUPLICATE,
    3819: Trouble.CHECK, 4025: Trouble.CHECK, 2006: Trouble.LOST, 2013: Trouble.LOST,
}  # fmt: skip


class StatementFailed(Exception):
    """A statement failed in a way that runs are made to meet."""

    def __init__(self, trouble: Trouble) -> None:
        super().__init__(trouble.value)
        self.trouble = trouble


class Conflict(Exception):
    """The strategy itself found that another unit of work was quicker; to be tried again."""


class Crash(Exception):
    """The connection was cut between the two writes, as when a server dies."""


@dataclass(frozen=True, slots=True)
class Step:
    """One statement as it ran. Times in seconds since the run began.

    Attributes:
        values: What was read, by account (minor units).
        account: Whose row a write changes.
        changed: Rows that a write changed.
    """

    at: float
    took: float
    worker: int
    tag: int
    attempt: int
    kind: str
    sql: str
    values: tuple[tuple[int, int], ...] = ()
    account: int = 0
    changed: int = 0
    error: str = ""
    waits_for: str = "the row"

    @property
    def ended(self) -> float:
        """When the answer was there."""
        return self.at + self.took


@lru_cache(maxsize=64)
def _for_server(sql: str) -> str:
    return _NAMED.sub(r"%(\1)s", sql)


class Unit:
    """What a strategy works with: reads, writes and the ends of a unit of work, on a connection of its own."""

    def __init__(
        self, place: Place, *, worker: int, isolation: str, think: Callable[[], None], began: float,
        snapshot: bool = False,
    ) -> None:  # fmt: skip
        self.transfer = Transfer(0, "", 0, 0, 0)
        self.attempt = 1
        self.steps: deque[Step] = deque(maxlen=KEPT_STEPS)
        self.place, self.worker, self.isolation, self.snapshot = place, worker, isolation, snapshot
        self._think, self._began = think, began
        self._inside = False
        self._connection: Any = None
        # What an object-relational session needs around the connection, for as long as it lasts.
        self.engine: Any = None

    # --- what strategies use --------------------------------------------------------------------

    def begin(self) -> None:
        """Opens a unit of work; without it every statement is one by itself."""
        self._run("begin", "START TRANSACTION" if self.place.server else "BEGIN")
        self._inside = True

    def balance(self, sql: str, account: int) -> int:
        """Reads the balance of one account."""
        return int(self.rows(sql, account=account)[0][1])

    def rows(self, sql: str, **values: Any) -> list[tuple[int, ...]]:
        """Reads accounts: number, balance and what else the statement asks for."""
        found: list[tuple[int, ...]] = self._run("read", sql, **values)
        return found

    def write(self, sql: str, account: int, *, to: int | None = None, **values: Any) -> int:
        """Changes one account, to `to` if the statement says so; returns how many rows it changed."""
        if to is not None:
            values["balance"] = to
        return int(self._run("write", sql, account=account, tag=self.transfer.tag, **values))

    def insert(self, sql: str) -> None:
        """Writes rows that belong to the transfer: its entries, its key."""
        transfer = self.transfer
        self._run(
            "insert", sql, tag=transfer.tag, key=transfer.key, payer=transfer.payer, payee=transfer.payee,
            amount=transfer.amount_minor,
        )  # fmt: skip

    def commit(self) -> None:
        """Makes it durable."""
        self._run("commit", "COMMIT")
        self._inside = False

    def rollback(self) -> None:
        """Takes it back."""
        self._run("rollback", "ROLLBACK")
        self._inside = False

    def think(self) -> None:
        """The time between reading and writing, in which a program does something else."""
        self._think()

    def midpoint(self) -> None:
        """Between the two writes: here a server dies, if it is to.

        Raises:
            Crash: it did.
        """
        if self.transfer.crash:
            self._note("crash", "the connection is cut")
            self.cut()
            raise Crash

    # --- what workers use -----------------------------------------------------------------------

    def take_up(self, transfer: Transfer, attempt: int) -> None:
        """From here on statements belong to this submission."""
        self.transfer, self.attempt = transfer, attempt

    def give_up(self) -> None:
        """Rolls back whatever is open, if it can."""
        if self._inside:
            with suppress(StatementFailed):
                self.rollback()
            self._inside = False

    def cut(self) -> None:
        """Drops the connection without a word; the server takes back what was open."""
        connection, self._connection, self._inside, self.engine = self._connection, None, False, None
        if connection is None:
            return
        if self.place.server:
            connection._force_close()  # noqa: SLF001 - no goodbye, as when a process dies
        else:
            connection.close()

    close = cut

    @property
    def connection(self) -> Any:
        """The driver's connection, opened when it is first needed."""
        if self._connection is None:
            self._connection = self.place.connect(self.isolation, snapshot=self.snapshot)
        return self._connection

    # --- for statements that something else sends on this connection ----------------------------

    def now(self) -> float:
        """The moment, for `noted`."""
        return time.monotonic()

    def noted(self, statement: str, parameters: Any, cursor: Any, *, began: float) -> None:
        """Writes down a statement of an object-relational session: what the server returned, or what was written."""
        sql = " ".join(statement.split())
        if sql.startswith("SELECT lab_account"):
            rows = tuple((int(row[0]), int(row[1])) for row in getattr(cursor, "_rows", ()))
            self._note("read", sql, began, values=rows)
        elif sql.startswith("UPDATE lab_account"):
            account = int(parameters["lab_account_id"])
            self._note("write", sql, began, account=account, changed=cursor.rowcount)

    def _run(self, kind: str, sql: str, **values: Any) -> Any:
        began = time.monotonic()
        connection = self.connection
        cursor = connection.cursor()
        try:
            cursor.execute(_for_server(sql) if self.place.server else sql, values)
            found = cursor.fetchall() if kind == "read" else ()
        except (pymysql.MySQLError, sqlite3.Error) as error:
            trouble = trouble_of(error)
            self._note(kind, sql, began, account=values.get("account", 0), error=trouble.value)
            if trouble is Trouble.LOST:
                self.cut()
            raise StatementFailed(trouble) from error
        changed = max(0, cursor.rowcount) if kind in ("write", "insert") else 0
        seen = tuple((int(row[0]), int(row[1])) for row in found)
        self._note(kind, sql, began, values=seen, account=values.get("account", 0), changed=changed)
        return [tuple(row) for row in found] if kind == "read" else changed

    def _note(
        self, kind: str, sql: str, began: float | None = None, *, values: tuple[tuple[int, int], ...] = (),
        account: int = 0, changed: int = 0, error: str = "",
    ) -> None:  # fmt: skip
        now = time.monotonic()
        start = now if began is None else began
        took, tag = now - start, self.transfer.tag
        at = start - self._began
        waits_for = "the row" if self.place.server else "the one writer"
        step = Step(at, took, self.worker, tag, self.attempt, kind, sql, values, account, changed, error, waits_for)
        self.steps.append(step)


def trouble_of(error: Exception) -> Trouble:
    """What an error of the driver means here; one that runs do not expect is raised again."""
    if isinstance(error, sqlite3.IntegrityError):
        return Trouble.CHECK if "CHECK" in str(error) else Trouble.DUPLICATE
    if isinstance(error, sqlite3.OperationalError) and error.sqlite_errorcode == sqlite3.SQLITE_BUSY_SNAPSHOT:
        return Trouble.CHANGED
    if isinstance(error, sqlite3.OperationalError) and ("locked" in str(error) or "busy" in str(error)):
        return Trouble.LOCK_WAIT
    trouble = _TROUBLES.get(error.args[0]) if error.args else None
    if trouble is None:
        raise error
    return trouble
