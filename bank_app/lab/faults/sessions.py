"""Sessions of somebody else on the bank's database: they hold rows, lock in the wrong order, take every connection."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Self

import pymysql

from bank_app.private_mysql import USER, PrivateServer

DEADLOCK, LOCK_WAIT = 1213, 1205
# The fewest that MariaDB can be told to allow.
FEWEST_CONNECTIONS = 10
# Cycles are found at once; this is for a row that a client of the bank holds.
_STORM_LOCK_WAIT_SECONDS = 2
_STORM_LONGEST_PAUSE_SECONDS = 0.02

if TYPE_CHECKING:
    Session = pymysql.Connection[Any]


def run(session: Session, statement: str, parameters: Sequence[Any] = ()) -> tuple[tuple[Any, ...], ...]:
    """The rows of one statement."""
    with session.cursor() as cursor:
        cursor.execute(statement, parameters or None)
        return tuple(cursor.fetchall())


@contextmanager
def root(server: PrivateServer) -> Iterator[Session]:
    """A session of the server's superuser, over its socket."""
    session = server.connect_as_root()
    try:
        yield session
    finally:
        _close(session)


@contextmanager
def holding(server: PrivateServer, database: str, account_numbers: Sequence[int]) -> Iterator[Session]:
    """Inside, a unit of work of somebody else holds the rows of these accounts."""
    session = server.connect(database=database, autocommit=False)
    try:
        for number in sorted(account_numbers):
            run(session, "SELECT id FROM accounts WHERE id = %s FOR UPDATE", [number])
        yield session
    finally:
        _close(session)


class DeadlockStorm:
    """Foreign sessions that change two accounts in the order opposite to the bank's, and roll back.

    They have written a row when the bank meets them, so the server chooses the bank's unit of work for the victim
    whenever there is a circle. As a context manager it rages inside.

    Args:
        server: The server of the bank.
        database: Its database there.
        account_numbers: Among which the storm chooses.
        sessions: How many at once.
        seed: Of the choices.
    """

    def __init__(
        self, server: PrivateServer, database: str, account_numbers: Sequence[int], *, sessions: int = 4, seed: str = ""
    ) -> None:
        self.rounds = 0
        self.own_deadlocks = 0
        self._server, self._database = server, database
        self._numbers = sorted(account_numbers)
        self._stop = threading.Event()
        self._failures: list[BaseException] = []
        self._threads = [
            threading.Thread(target=self._rage, args=(random.Random(f"{seed}/{number}"),), name="storm")  # noqa: S311 - a load
            for number in range(sessions)
        ]

    def __enter__(self) -> Self:
        """Begins."""
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Ends, and raises what went wrong in a session of the storm."""
        self._stop.set()
        for thread in self._threads:
            thread.join()
        if self._failures:
            raise self._failures[0]

    def _rage(self, rng: random.Random) -> None:
        try:
            session = self._server.connect(database=self._database, autocommit=False)
            run(session, f"SET SESSION innodb_lock_wait_timeout = {_STORM_LOCK_WAIT_SECONDS}")
            while not self._stop.is_set():
                low, high = sorted(rng.sample(self._numbers, 2))
                self._once(session, low, high, pause_seconds=rng.uniform(0, _STORM_LONGEST_PAUSE_SECONDS))
            _close(session)
        except BaseException as error:  # noqa: BLE001 - raised again by whoever ends the storm
            self._failures.append(error)

    def _once(self, session: Session, low: int, high: int, *, pause_seconds: float) -> None:
        self.rounds += 1
        try:
            run(session, "UPDATE accounts SET nickname = 'storm' WHERE id = %s", [high])
            # Between the two is when the bank has the time to take the lower one and to wait for the higher.
            self._stop.wait(pause_seconds)
            run(session, "UPDATE accounts SET nickname = 'storm' WHERE id = %s", [low])
        except pymysql.MySQLError as error:
            if error.args[0] not in (DEADLOCK, LOCK_WAIT):
                raise
            self.own_deadlocks += error.args[0] == DEADLOCK
        session.rollback()


@contextmanager
def no_connections_left(server: PrivateServer, database: str) -> Iterator[int]:
    """Inside, the server is full of strangers: the bank's own connections are ended and it gets no new ones.

    Yields how many connections of the bank were ended.
    """
    with root(server) as superuser:
        [(_, before)] = run(superuser, "SHOW GLOBAL VARIABLES LIKE 'max_connections'")
        crowd = [server.connect(database=database) for _ in range(FEWEST_CONNECTIONS)]
        try:
            run(superuser, f"SET GLOBAL max_connections = {FEWEST_CONNECTIONS}")
            ours = {int(run(session, "SELECT CONNECTION_ID()")[0][0]) for session in crowd}
            yield _kill_others(superuser, ours)
        finally:
            run(superuser, f"SET GLOBAL max_connections = {int(before)}")
            for session in crowd:
                _close(session)


def _kill_others(superuser: Session, ours: set[int]) -> int:
    victims = [row[0] for row in run(superuser, "SHOW PROCESSLIST") if row[1] == USER and row[0] not in ours]
    killed = 0
    for victim in victims:
        # It may have ended by itself.
        with suppress(pymysql.MySQLError):
            run(superuser, f"KILL {victim}")
            killed += 1
    return killed


@contextmanager
def read_only(server: PrivateServer) -> Iterator[None]:
    """Inside, the server takes no writes from users like the bank's, as a replica does."""
    with root(server) as superuser:
        run(superuser, "SET GLOBAL read_only = 1")
        try:
            yield
        finally:
            run(superuser, "SET GLOBAL read_only = 0")


def _close(session: Session) -> None:
    """A closed connection is rolled back by the server."""
    with suppress(pymysql.MySQLError):
        session.close()
