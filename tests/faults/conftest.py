"""A wire that breaks where it hurts: between COMMIT and its answer."""

import socket
import threading
from contextlib import suppress
from urllib.parse import urlsplit

import pymysql
import pytest

from bank_app.database import Database
from bank_app.settings import load

COMMIT = b"\x07\x00\x00\x00\x03COMMIT"  # A packet of seven bytes, the first of its sequence: COM_QUERY, and the word.
LOSE_THE_ANSWER, DO_NOT_DELIVER = "lose the answer", "do not deliver"


class Wire:
    """Passes bytes between the bank and its server. At the COMMITs it was told of it fails, and both ends are gone.

    `faults` are taken one per COMMIT; with `stays_away` nobody gets through after the first, until `mend()`.
    """

    def __init__(self, server_port):
        self.server_port = server_port
        self.faults = []
        self.stays_away = False
        self._broken = False
        self._pairs = []
        self._swallowed = set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self):
        self._broken = True
        for pair in self._pairs:
            _close(*pair)

    def mend(self):
        self._broken = self.stays_away = False

    def close(self):
        self.cut()
        _close(self._listener)

    def _accept(self):
        with suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                if self._broken:
                    _close(near)
                    continue
                pair = near, socket.create_connection(("127.0.0.1", self.server_port))
                self._pairs.append(pair)
                for direction in (self._to_server, self._to_client):
                    threading.Thread(target=direction, args=pair, daemon=True).start()

    def _to_server(self, near, far):
        before = b""
        with suppress(OSError):
            while data := near.recv(1 << 16):
                # A connection that begins sets its isolation level, and sends a COMMIT of its own.
                fault = data == COMMIT and b"ISOLATION LEVEL" not in before and self.faults and self.faults.pop(0)
                self._broken |= bool(fault) and self.stays_away
                if fault == DO_NOT_DELIVER:
                    break
                if fault == LOSE_THE_ANSWER:
                    self._swallowed.add(far)
                far.sendall(data)
                before = data
        if far not in self._swallowed:
            _close(near, far)

    def _to_client(self, near, far):
        with suppress(OSError):
            # The answer of the server is the sign that it has committed; it goes no further.
            while (data := far.recv(1 << 16)) and far not in self._swallowed:
                near.sendall(data)
        _close(near, far)


def _close(*ends):
    for end in ends:
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
        end.close()


@pytest.fixture
def wire(mariadb_db):
    """A wire to the server of `mariadb_db`."""
    wire = Wire(urlsplit(mariadb_db.settings.url).port)
    yield wire
    wire.close()


@pytest.fixture
def behind(wire, mariadb_db, tmp_path):
    """The bank of `mariadb_db` as a worker sees it whose only way to the database is the wire."""
    url = mariadb_db.settings.url.replace(f":{wire.server_port}/", f":{wire.port}/")
    database = Database(load(database_url=url, data=tmp_path, demo=True, rate_limits=False))
    yield database
    wire.faults.clear()
    database.dispose()


@pytest.fixture
def foreign(mariadb_db):
    """Somebody else's session on the same database, with a unit of work open. Rolled back at the end."""
    parts = urlsplit(mariadb_db.settings.url)
    connection = pymysql.connect(
        host="127.0.0.1", port=parts.port, user=parts.username, password=parts.password, database=parts.path[1:],
        ssl_disabled=True, autocommit=False,
    )  # fmt: skip
    yield connection
    with suppress(Exception):
        connection.rollback()
    connection.close()
