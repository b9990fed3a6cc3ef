"""The servers behind one database: which is used, when it is left, and when the preferred one is taken again."""

from __future__ import annotations

import ssl
import time
from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime
from typing import Any

import pymysql
import pymysql.cursors
from pymysql.connections import Connection
from pymysql.constants import FIELD_TYPE
from pymysql.converters import conversions
from sqlalchemy import URL, Engine, event
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import DisconnectionError

from bank_app.settings import is_loopback

CONNECT_SECONDS = 3
# A server that did not answer is passed by for so long, unless no other answers either.
DOWN_SECONDS = 10
# A connection to a server that is not the preferred one is given back after so long, to look for the preferred one.
ELSEWHERE_SECONDS = 60
# Between statements of one packet. Quoted text holds no line feed, so this is found nowhere else.
SEPARATOR = ";\n"
# One row of the bank's has some ten thousand bytes at most, twice as many when it is quoted.
SHORTEST_PACKET = 256 * 1024
NO_SUCH_TABLE, NO_SUCH_VARIABLE = 1146, 1193
NODE_NOT_READY = 1047
READ_ONLY = frozenset({1290, 1792, 1836, 3098})
LOCK_WAIT_TIMEOUT = 1205


class NodeNotUsable(pymysql.OperationalError):
    """The server lets us in and cannot serve; its number is one that means "cannot connect"."""

    def __init__(self, why: str) -> None:
        super().__init__(2003, why)


class _Connection(Connection):
    """A server that hangs still accepts connections; its greeting is not waited for as long as an answer is."""

    _read_timeout: float | None
    # On a node of a Galera cluster. When a unit of work of another node breaks into a packet of several statements,
    # MariaDB 10.11 goes on parsing the packet where it loads a trigger, and keeps the trigger as one that is broken.
    one_at_a_time = False
    # In bytes; what one packet may have.
    longest_packet = SHORTEST_PACKET

    def connect(self, sock: Any = None) -> None:
        patience, self._read_timeout = self._read_timeout, self.connect_timeout
        super().connect(sock)
        self._read_timeout = patience


class Cursor(pymysql.cursors.Cursor):
    """Reads the answers to all statements of a packet at once, so that an error of any is an error of the whole.

    `sets` has how many rows each found or changed, and its rows.
    """

    sets: list[tuple[int, Any]]
    _rows: Any

    def _query(self, query: Any) -> Any:
        self.sets = []
        found = 0
        separator = SEPARATOR if isinstance(query, str) else SEPARATOR.encode()
        alone = getattr(self.connection, "one_at_a_time", False)
        try:
            for packet in query.split(separator) if alone else (query,):
                found = super()._query(packet)  # type: ignore[misc]
                self.sets.append((self.rowcount, self._rows))
                while self.nextset():
                    self.sets.append((self.rowcount, self._rows))
        except pymysql.MySQLError as error:
            # Which statement it was, for whoever has to tell them apart.
            error.position = len(self.sets)  # type: ignore[attr-defined]
            raise
        return found


_USUAL = {
    "connect_timeout": CONNECT_SECONDS,
    "cursorclass": Cursor,
    # The driver's own reads a moment with a regular expression, and every account has one.
    "conv": {**conversions, FIELD_TYPE.DATETIME: datetime.fromisoformat},
}


class Node:
    """One server of the database."""

    def __init__(self, parameters: dict[str, Any]) -> None:
        self.parameters = parameters
        # On the monotonic clock; zero while nothing speaks against it.
        self.down_until = 0.0

    def open(self, *, checked: bool) -> Connection[Any]:
        """A connection that reads what was acknowledged anywhere in the cluster before.

        Args:
            checked: Also find out whether the server can serve: some let everybody in and answer `SELECT 1` while they
                are cut off from their cluster, or only copy what another one writes.

        Raises:
            pymysql.MySQLError: it cannot be reached, or cannot serve.
        """
        connection = _Connection(**{**_USUAL, **self.parameters})
        try:
            with connection.cursor() as cursor:
                connection.one_at_a_time = _wait_for_the_cluster(cursor)
                connection.longest_packet = _longest_packet(cursor)
                if checked:
                    _require_usable(cursor)
        except BaseException:
            with suppress(pymysql.MySQLError):
                connection.close()
            raise
        return connection


def _longest_packet(cursor: Any) -> int:
    """How many bytes the server takes in one packet: what is longer is answered by hanging up."""
    cursor.execute("SELECT @@max_allowed_packet")
    longest = int(cursor.fetchone()[0])
    if longest < SHORTEST_PACKET:
        raise NodeNotUsable(
            f"The server's max_allowed_packet is {longest:,} bytes; the bank needs {SHORTEST_PACKET:,} or more."
        )
    return longest


def _wait_for_the_cluster(cursor: Any) -> bool:
    """Has a read wait until this node has applied what any node had acknowledged; says whether there are others."""
    try:
        cursor.execute("SET SESSION wsrep_sync_wait = 1")
    except pymysql.MySQLError as error:
        # MySQL does not know the word, nor does a MariaDB that was built without clusters.
        if error.args[0] != NO_SUCH_VARIABLE:
            raise
        return False
    cursor.execute("SELECT @@wsrep_on")
    return bool(cursor.fetchone()[0])


def _require_usable(cursor: Any) -> None:
    cursor.execute("SELECT @@global.read_only")
    if cursor.fetchone()[0]:
        raise NodeNotUsable("The server is read-only.")
    try:
        cursor.execute("SELECT version_num FROM alembic_version")
    except pymysql.MySQLError as error:
        # Before the first migration there is none, and the server has said so: it serves.
        if error.args[0] != NO_SUCH_TABLE:
            raise


class Nodes:
    """The servers of one database in the order in which they are preferred, for one pool of connections."""

    def __init__(self, nodes: Iterable[Node]) -> None:
        self.nodes = tuple(nodes)

    def open(self) -> tuple[Connection[Any], Node]:
        """A connection to the first server that is alive and usable, and that server.

        Those that were down a moment ago come last, so that a dead first server costs its timeout once in a while and
        not with every connection.

        Raises:
            pymysql.MySQLError: none is; what the last one said.
        """
        now = time.monotonic()
        refused: pymysql.MySQLError | None = None
        for node in sorted(self.nodes, key=lambda node: node.down_until > now):
            if node.down_until:
                # One of us knocks; the others pass it by meanwhile.
                node.down_until = now + DOWN_SECONDS
            try:
                connection = node.open(checked=len(self.nodes) > 1)
            except pymysql.MySQLError as error:
                node.down_until = time.monotonic() + DOWN_SECONDS
                refused = error
                continue
            node.down_until = 0.0
            return connection, node
        raise refused or NodeNotUsable("There is no server.")


def follow(engine: Engine, nodes: Nodes, *, reads_only: bool) -> None:
    """Has the engine's pool connect through `nodes`, and leave a server that turns out not to serve."""
    several = len(nodes.nodes) > 1
    # A plain read waits for no row: what it waited for in vain is a node that does not catch up with its cluster.
    leave = {NODE_NOT_READY} | (set(READ_ONLY) if several else set()) | ({LOCK_WAIT_TIMEOUT} if reads_only else set())

    @event.listens_for(engine, "do_connect")
    def _connect(_dialect: Any, record: Any, _arguments: Any, _parameters: Any) -> Connection[Any]:
        connection, node = nodes.open()
        preferred = node is nodes.nodes[0]
        record.info["until"] = float("inf") if preferred else time.monotonic() + ELSEWHERE_SECONDS
        return connection

    if several:

        @event.listens_for(engine, "checkout")
        def _prefer(_connection: Any, record: Any, _proxy: Any) -> None:
            if time.monotonic() > record.info["until"]:
                raise DisconnectionError("It is time to look for the preferred server.")

    @event.listens_for(engine, "handle_error")
    def _leave(context: ExceptionContext) -> None:
        number = next(iter(context.original_exception.args), None)
        if number in leave:
            # The whole pool is given up with this connection: the others lead to the same server.
            context.is_disconnect = True


def tls(url: URL, mode: str) -> dict[str, Any]:
    """PyMySQL builds a TLS context on every connect (50 ms) unless it is given one, or told to use none."""
    local = bool(url.query.get("unix_socket")) or is_loopback(url.host or "localhost")
    if mode == "off" or (mode == "auto" and local):
        return {"ssl_disabled": True}
    context = ssl.create_default_context()
    if mode == "unverified":
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return {"ssl": context}
