"""The engine, the unit of work and its retries. The only place that commits and that knows one engine from another.

A unit of work is a callable, so that the whole of it, reads and decisions included, can run again after a deadlock
or a lost connection. Its only side effect is the session it is given.
"""

from __future__ import annotations

import contextlib
import math
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextvars import ContextVar
from enum import Enum
from pathlib import Path
from typing import Any, TypeVar

import tenacity
from pymysql.constants import CLIENT
from sqlalchemy import URL, Connection, Engine, Row, Select, create_engine, event, inspect, make_url, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session

from bank_app import schema
from bank_app.bulk import SEPARATOR
from bank_app.errors import BankError, BooksBroken, DatabaseUnavailable, LockTimeout, OutcomeUnknown, Unavailable
from bank_app.nodes import Node, Nodes, follow, tls
from bank_app.settings import Settings

T = TypeVar("T")
ATTEMPTS = 5
# The execution option of an engine that says how far our clock may be ahead of its server's, in seconds.
CLOCK_TOLERANCE = "clock_tolerance"
_AFTERWARDS, _DATABASE = "afterwards", "database"


class Stopwatch:
    """How long reads took, from when each had its connection."""

    def __init__(self) -> None:
        """Nothing has been read yet."""
        self.seconds = 0.0


# Of whoever wants to know what is read in this task and in the threads that work for it.
stopwatch: ContextVar[Stopwatch | None] = ContextVar("stopwatch", default=None)


class Fault(Enum):
    """What a driver's error means for a unit of work."""

    CONFLICT = "somebody else was faster; run it again"
    DUPLICATE = "a key exists; run it again, it will find the row"
    LOST = "the connection or the server is gone"
    CANNOT_WRITE = "the disk is full or the server is read-only"
    BROKEN = "a CHECK, trigger or foreign key stopped us: our bug"


# By number, never by exception class: the driver raises OperationalError for most of them alike.
_MYSQL_FAULTS: dict[int, Fault] = {
    **dict.fromkeys((1205, 1206, 1213, 1020, 3101, 3572), Fault.CONFLICT),
    **dict.fromkeys((1062, 1586), Fault.DUPLICATE),
    **dict.fromkeys(
        (0, 1040, 1053, 1077, 1158, 1159, 1160, 1161, 1927, 2002, 2003, 2006, 2013, 2014, 2055, 3169, 4031), Fault.LOST
    ),
    # A node that is cut off from its cluster.
    1047: Fault.LOST,
    # Ended from outside, by an operator or a time limit; during COMMIT that may be before or after it.
    **dict.fromkeys((1180, 1317, 1969, 3024), Fault.LOST),
    # The server does not let us in: too many of us, a host or a password that it does not know, no such database.
    **dict.fromkeys((1044, 1045, 1049, 1129, 1130, 1135, 1203, 1226, 1698, 3118), Fault.LOST),
    **dict.fromkeys((3, 28, 1021, 1026, 1030, 1114, 1290, 1792, 1836, 3098), Fault.CANNOT_WRITE),
    **dict.fromkeys((3819, 4025, 1644, 1451, 1452, 1264, 1690, 1048, 1364, 1406, 1265, 1366), Fault.BROKEN),
}
_SQLITE_FAULTS: dict[str, Fault] = {
    "SQLITE_BUSY": Fault.CONFLICT,
    "SQLITE_BUSY_SNAPSHOT": Fault.CONFLICT,
    "SQLITE_LOCKED": Fault.CONFLICT,
    "SQLITE_CONSTRAINT_PRIMARYKEY": Fault.DUPLICATE,
    "SQLITE_CONSTRAINT_UNIQUE": Fault.DUPLICATE,
    "SQLITE_FULL": Fault.CANNOT_WRITE,
    "SQLITE_READONLY": Fault.CANNOT_WRITE,
    "SQLITE_IOERR": Fault.CANNOT_WRITE,
    "SQLITE_CANTOPEN": Fault.LOST,
}


class _Again(Exception):
    """Inside the retry loop only: the attempt was rolled back and another may succeed."""

    def __init__(self, fault: Fault, *, during_commit: bool) -> None:
        super().__init__(fault.value)
        self.fault = fault
        self.during_commit = during_commit


def afterwards(session: Session, work: Callable[[Database], object], *, when_refused: bool = False) -> None:
    """Has `work` done once the read or the unit of work of this session has ended, in the same thread.

    What was read or written stands by then, and nothing is locked any more. If the operation raises instead, only what
    is wanted `when_refused` is done. Of several attempts only the last one counts. `work` raises nothing.
    """
    session.info.setdefault(_AFTERWARDS, []).append((work, when_refused))


def database_of(session: Session) -> Database:
    """The bank's database that a session is one read or unit of work of."""
    found: Database = session.info[_DATABASE]
    return found


class Database:
    """One bank's database: a pool that writes (READ COMMITTED) and one that reads (one snapshot per read)."""

    def __init__(self, settings: Settings) -> None:
        """Opens nothing yet; the first unit of work connects."""
        self.settings = settings
        self.url: URL = make_url(settings.url)
        self.embedded = is_embedded(self.url)
        self.writing = self._engine("READ COMMITTED")
        self.reading = self._engine("REPEATABLE READ")
        for engine in (self.writing, self.reading):
            engine.update_execution_options(**{CLOCK_TOLERANCE: settings.clock_tolerance})
        self._looking = self.reading if self.embedded else self._engine("AUTOCOMMIT")
        # Threads of this process take turns here in order; SQLite's own busy handler sleeps and polls, and can starve.
        self._turn = threading.Lock()
        self._schema_seen_current = False

    # --- units of work ----------------------------------------------------------------------------

    def unit_of_work(self, operation: Callable[[Session], T], *, resolvable: bool = False) -> T:
        """Runs `operation` in one database transaction, commits it, and returns its result.

        Run again as a whole, at most five times and within BANK_LOCK_TIMEOUT, after deadlocks, lock waits, duplicate
        keys and lost connections; as often as fits into that time once a COMMIT went unanswered. `resolvable` says
        that the operation recognises its own earlier commit (by idempotency key or by an id made outside), so that a
        connection lost during COMMIT is settled by running it again.

        Raises:
            LockTimeout: others held the rows for too long; nothing was written.
            DatabaseUnavailable: no connection, disk full, or read-only; nothing was written.
            OutcomeUnknown: COMMIT was sent, its answer never came, and the database stayed away.
            BooksBroken: the database refused what the code believed to be right.
            BankError: whatever the operation itself raised; nothing was written.
        """
        commit_sent = False
        later: _Later = []

        def attempt() -> T:
            nonlocal commit_sent
            try:
                return self._attempt(operation, later)
            except _Again as again:
                commit_sent |= again.during_commit
                if again.during_commit and not resolvable:
                    raise OutcomeUnknown from again
                raise
            except (Unavailable, BooksBroken) as error:
                # True of this attempt; but an earlier one sent COMMIT, and nobody has seen what became of it.
                if commit_sent:
                    raise OutcomeUnknown from error
                raise

        def enough(state: tenacity.RetryCallState) -> bool:
            # Who waits to hear whether money moved is kept waiting for as long as one who waits for a lock.
            tries_are_over = state.attempt_number >= ATTEMPTS and not commit_sent
            return tries_are_over or (state.seconds_since_start or 0) >= self.settings.lock_timeout

        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(_Again),
            wait=tenacity.wait_random_exponential(multiplier=0.01, max=1.0),
            stop=enough,
            reraise=True,
        )

        def settled() -> T:
            try:
                return retrying(attempt)
            except _Again as again:
                if commit_sent:
                    raise OutcomeUnknown from again
                if again.fault is Fault.DUPLICATE:
                    raise BooksBroken("a duplicate key that running again does not explain") from again
                raise _unavailable(again.fault) from again

        return self._followed(settled, later)

    def without_waiting_long(self, operation: Callable[[Session], T]) -> T:
        """As `unit_of_work`, once, waiting for a row no longer than a second: others may wait behind it.

        Raises:
            LockTimeout: others held the row.
            DatabaseUnavailable: no connection.
        """
        patience = "SET SESSION innodb_lock_wait_timeout = "

        def attempt(session: Session) -> T:
            connection = session.connection()
            if not self.embedded:
                connection.execute(text(f"{patience}1"))
            try:
                return operation(session)
            finally:
                if not self.embedded and not connection.invalidated:
                    connection.execute(text(f"{patience}{max(1, math.ceil(self.settings.lock_timeout))}"))

        try:
            return self._attempt(attempt)
        except _Again as again:
            raise _unavailable(again.fault) from again

    def read(self, operation: Callable[[Session], T]) -> T:
        """Runs `operation` on one snapshot and writes nothing.

        Raises:
            DatabaseUnavailable: no connection.
        """
        later: _Later = []
        watch = stopwatch.get()

        def attempt() -> T:
            later.clear()
            with self.reading.connect() as connection, self._session(connection, later) as session:
                began = time.perf_counter()
                try:
                    return operation(session)
                finally:
                    if watch:
                        watch.seconds += time.perf_counter() - began

        return self._followed(lambda: self._twice(attempt), later)

    def _followed(self, work: Callable[[], T], later: _Later) -> T:
        """What `work` answers, after what its session wanted done afterwards."""
        refused = True
        try:
            answer = work()
            refused = False
            return answer
        finally:
            for follow_up, when_refused in later:
                if when_refused or not refused:
                    follow_up(self)

    def look_up(self, statement: Select[Any], parameters: Mapping[str, Any]) -> Sequence[Row[Any]]:
        """The rows of one SELECT as they are now: a single round trip, because one statement needs no snapshot.

        Raises:
            DatabaseUnavailable: no connection.
        """

        def attempt() -> Sequence[Row[Any]]:
            with self._looking.connect() as connection:
                return connection.execute(statement, parameters).all()

        return self._twice(attempt)

    def _twice(self, attempt: Callable[[], T]) -> T:
        """The first error after a server restart is only a stale pooled connection, and a conflict is over by then."""
        for last in (False, True):
            try:
                return attempt()
            except (DBAPIError, PoolTimeout) as error:
                fault = self.fault_of(error)
                if last or fault not in {Fault.LOST, Fault.CONFLICT}:
                    raise _unavailable(fault) from error
        raise AssertionError("unreachable")

    def _attempt(self, operation: Callable[[Session], T], later: _Later | None = None) -> T:
        committing, later = False, [] if later is None else later
        later.clear()
        try:
            # The session is bound to one connection and begins on it only when the ORM is used: posting does without.
            with self._own_turn(), self.writing.connect() as connection, self._session(connection, later) as session:
                try:
                    result = operation(session)
                    session.flush()
                    committing = True
                    connection.commit()
                except BaseException:
                    # On every error, also those that end only the statement: a lock wait timeout leaves the unit of
                    # work open, and committing it would write half a transfer.
                    _roll_back(connection, committing=committing)
                    raise
                return result
        except (DBAPIError, PoolTimeout) as error:
            fault = self.fault_of(error)
            broken = fault is Fault.BROKEN or (fault is Fault.DUPLICATE and _inserts_postings(error))
            _forget_values(error)
            if broken:
                raise BooksBroken(str(error)) from error
            lost = fault is Fault.LOST and not _was_turned_away(error)
            unanswered = committing and (lost or _may_be_on_disk(error))
            if fault is Fault.CANNOT_WRITE and not unanswered:
                raise _unavailable(fault) from error
            raise _Again(fault, during_commit=unanswered) from error

    def _session(self, connection: Connection, later: _Later) -> Session:
        """What runs in it can ask for the settings of the moment: a bank can be set up while it runs."""
        info = {"settings": self.settings, _AFTERWARDS: later, _DATABASE: self}
        return Session(connection, expire_on_commit=False, autoflush=False, info=info)

    @contextlib.contextmanager
    def _own_turn(self) -> Iterator[None]:
        if not self.embedded:
            yield
            return
        if not self._turn.acquire(timeout=self.settings.lock_timeout):
            raise LockTimeout("Too many requests write at once. Nothing was changed.")
        try:
            yield
        finally:
            self._turn.release()

    @property
    def where(self) -> str:
        """The addresses of its servers, for people: without passwords."""
        return ", ".join(make_url(url).render_as_string(hide_password=True) for url in self.settings.urls)

    # --- health -------------------------------------------------------------------------------------

    def ping(self) -> None:
        """Reads from a table, because some servers answer SELECT 1 while they cannot serve.

        Raises:
            DatabaseUnavailable: no connection, or no table.
        """
        self.read(lambda session: session.execute(text("SELECT version_num FROM alembic_version")).all())

    def schema_is_current(self) -> bool:
        """Whether every migration of this code has been applied."""
        if not self._schema_seen_current:
            with self.reading.connect() as connection:
                self._schema_seen_current = schema.is_current(connection)
        return self._schema_seen_current

    def has_tables(self) -> bool:
        """Whether there is anything at all in it."""
        with self.reading.connect() as connection:
            return bool(inspect(connection).get_table_names())

    def upgrade_schema(self) -> None:
        """Applies the missing migrations, in order. Of several processes that do so at once the others wait.

        Raises:
            DatabaseUnavailable: the server does not let this user create triggers; nothing was changed.
            LockTimeout: another process migrates for longer than a minute, or BANK_LOCK_TIMEOUT on the embedded engine.
        """
        with self.writing.connect() as connection:
            schema.upgrade(connection)

    def server_version(self) -> str:
        """The engine and its version, for people."""
        function = "sqlite_version()" if self.embedded else "VERSION()"
        with self.reading.connect() as connection:
            version = str(connection.execute(text(f"SELECT {function}")).scalar_one())
        if self.embedded:
            return f"SQLite {version}"
        return version if "mariadb" in version.lower() else f"MySQL {version}"

    def fold_log(self) -> None:
        """Has the embedded engine put its log into the file, as far as nobody reads it just now: a copy is then whole.

        Does nothing where the database is a server, or a file that is not there.
        """
        if not (self.embedded and self.url.database and Path(self.url.database).exists()):
            return
        connection = self.writing.raw_connection()
        try:
            connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")
        finally:
            connection.close()

    def dispose(self) -> None:
        """Closes every pooled connection."""
        self.writing.dispose()
        self.reading.dispose()
        self._looking.dispose()

    # --- engines ------------------------------------------------------------------------------------

    def fault_of(self, error: DBAPIError | PoolTimeout) -> Fault:
        """What a driver's error means. An unknown one is a bug, not a reason to try again."""
        if isinstance(error, PoolTimeout):
            return Fault.LOST
        original: Any = error.orig
        if self.embedded:
            name = getattr(original, "sqlite_errorname", "")
            exact = _SQLITE_FAULTS.get(name)
            return exact or next((f for prefix, f in _SQLITE_FAULTS.items() if name.startswith(prefix)), Fault.BROKEN)
        number = original.args[0] if original is not None and original.args else -1
        if error.connection_invalidated:
            return Fault.LOST
        return _MYSQL_FAULTS.get(number, Fault.BROKEN) if isinstance(number, int) else Fault.BROKEN

    def _engine(self, isolation: str) -> Engine:
        pool = {"pool_size": self.settings.pool_size, "max_overflow": self.settings.pool_size, "pool_timeout": 3}
        if self.embedded:
            if self.url.database:
                self.settings.data.mkdir(mode=0o700, parents=True, exist_ok=True)
            engine = create_engine(
                self.url, hide_parameters=True, connect_args={"timeout": self.settings.lock_timeout}, **pool
            )
            _prepare_sqlite(engine, writes=isolation == "READ COMMITTED")
            return engine
        wait = max(1, math.ceil(self.settings.lock_timeout))
        # One statement at connect, so that a new connection costs one round trip more and no more.
        session_settings = (
            f"SET SESSION innodb_lock_wait_timeout = {wait}, time_zone = '+00:00', sql_mode = 'STRICT_ALL_TABLES,"
            "NO_ZERO_DATE,NO_ZERO_IN_DATE,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION'"
        )
        connect: dict[str, Any] = {
            "init_command": session_settings,
            "charset": "utf8mb4",
            "read_timeout": wait + 10,
            "write_timeout": wait + 10,
        }
        if isolation == "READ COMMITTED":
            # Only where several statements are sent in one packet (see bulk.py); nobody else can.
            connect["client_flag"] = CLIENT.FOUND_ROWS | CLIENT.MULTI_STATEMENTS
        # Every session ends its unit of work itself; the pool's own ROLLBACK after it would be one round trip more.
        engine = create_engine(
            self.url,
            isolation_level=isolation,
            hide_parameters=True,
            pool_recycle=1800,
            pool_reset_on_return=None,
            skip_autocommit_rollback=True,
            **pool,
        )
        nodes = Nodes(
            Node({**engine.dialect.create_connect_args(url)[1], **connect, **tls(url, self.settings.database_tls)})
            for url in map(make_url, self.settings.urls)
        )
        follow(engine, nodes, reads_only=isolation == "REPEATABLE READ")
        return engine


_Later = list[tuple[Callable[[Database], object], bool]]


def _roll_back(connection: Connection, *, committing: bool) -> None:
    """Ends a unit of work that failed. A connection that cannot even do that is gone, and the server rolls back."""
    if committing:
        # SQLAlchemy takes a COMMIT that failed for the end and sends no ROLLBACK. Some leave the unit of work open,
        # as that of a node without its cluster, and the next one on this connection would commit it.
        connection.invalidate()
        return
    try:
        connection.rollback()
    except DBAPIError:
        connection.invalidate()


def _prepare_sqlite(engine: Engine, *, writes: bool) -> None:
    """Durable WAL, foreign keys, and a BEGIN that we choose ourselves."""

    @event.listens_for(engine, "connect")
    def _on_connect(connection: Any, _record: Any) -> None:
        # The driver would open its transactions late and deferred; with None it leaves BEGIN to us.
        connection.isolation_level = None
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "recursive_triggers=ON"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _on_begin(connection: Connection) -> None:
        # IMMEDIATE takes the one write lock before anything is read: the whole database is the locked row.
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _inserts_postings(error: DBAPIError | PoolTimeout) -> bool:
    """Two writers that both believed they had the lock: the key stopped the second one."""
    if not isinstance(error, DBAPIError):
        return False
    statements = (error.statement or "").split(SEPARATOR)
    return "INTO postings" in statements[min(getattr(error.orig, "position", 0), len(statements) - 1)]


def _was_turned_away(error: DBAPIError | PoolTimeout) -> bool:
    """A node that has left its cluster does not look at a COMMIT; cut off during one, it answers another number."""
    return isinstance(error, DBAPIError) and error.orig is not None and error.orig.args[:1] == (1047,)


def _forget_values(error: DBAPIError | PoolTimeout) -> None:
    """A statement with its values written out must not reach a log."""
    if isinstance(error, DBAPIError) and error.statement:
        error.statement = error.statement[:60].partition(" VALUES ")[0].partition("'")[0]


def _may_be_on_disk(error: DBAPIError | PoolTimeout) -> bool:
    """A log that the embedded engine wrote and could not sync is gone, unless a crash comes first: then it is read."""
    name = getattr(error.orig, "sqlite_errorname", "") if isinstance(error, DBAPIError) else ""
    return name.startswith("SQLITE_IOERR")


def _unavailable(fault: Fault) -> BankError:
    if fault is Fault.CONFLICT:
        return LockTimeout("Many requests hit the same account at once. Nothing was changed; send it again.")
    if fault is Fault.CANNOT_WRITE:
        return DatabaseUnavailable("The database cannot write now. Nothing was changed.")
    return DatabaseUnavailable("The database cannot be reached now. Nothing was changed.")


def by_primary_key(statement: Select[Any], table: Any) -> Select[Any]:
    """Has a server look every named row up by itself.

    MySQL reads a small table from end to end instead, once the list is a third of it, and a locking read then waits
    for rows that nobody named.
    """
    return statement.with_hint(table, "FORCE INDEX (PRIMARY)", "mysql")


def looked_up_beside(statement: Select[Any], table: Any) -> Select[Any]:
    """Has a server read the tables in the order in which the statement joins them, and `table` row by row, by its key.

    Left alone, it goes by guesses of how long they are, and may read one from end to end for fifty rows of another:
    seen on MariaDB, seconds for the first page of an account with a million postings.
    """
    return by_primary_key(statement.prefix_with("STRAIGHT_JOIN", dialect="mysql"), table)


def settings_of(session: Session) -> Settings:
    """The settings that a unit of work of a `Database` goes by."""
    found: Settings = session.info["settings"]
    return found


def is_embedded(url: URL) -> bool:
    """Whether the database is a file of our own, with one writer, and no server."""
    return url.get_backend_name() == "sqlite"


def upgrade_schema(settings: Settings) -> None:
    """Applies the missing migrations to the database of `settings`."""
    database = Database(settings)
    try:
        database.upgrade_schema()
    finally:
        database.dispose()
