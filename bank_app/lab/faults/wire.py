"""A wire between the bank and its server that breaks where it hurts: between COMMIT and its answer, or before it."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from enum import StrEnum
from itertools import count

# A packet of seven bytes, the first of its sequence: COM_QUERY, and the word.
COMMIT = b"\x07\x00\x00\x00\x03COMMIT"


class Cut(StrEnum):
    """What happens to one COMMIT. The connection is gone afterwards in any case."""

    LOSE_THE_ANSWER = "lose the answer"
    DO_NOT_DELIVER = "do not deliver"


class Wire:
    """Passes bytes between the bank and its server. At the COMMITs it was told of it fails, and both ends are gone.

    `faults` are taken one per COMMIT; with `every`, each so-manieth COMMIT takes one of the two in turn, for as long as
    it is set. With `stays_away` nobody gets through after the first, until `mend()`.
    """

    def __init__(self, server_port: int) -> None:
        self.server_port = server_port
        self.faults: list[Cut] = []
        self.every = 0
        self.stays_away = False
        # How many COMMITs met which fate.
        self.taken: dict[Cut, int] = dict.fromkeys(Cut, 0)
        self._seen = count(1)
        self._broken = False
        self._pairs: set[tuple[socket.socket, socket.socket]] = set()
        self._swallowed: set[socket.socket] = set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """Ends every connection, and lets nobody through until `mend()`."""
        self._broken = True
        for pair in list(self._pairs):
            _close(*pair)

    def mend(self) -> None:
        """Lets people through again."""
        self._broken = self.stays_away = False

    def close(self) -> None:
        """Ends everything."""
        self.cut()
        _close(self._listener)

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                if self._broken:
                    _close(near)
                    continue
                try:
                    far = socket.create_connection(("127.0.0.1", self.server_port))
                except OSError:
                    # The server is away; whoever came sees that from a connection that ends at once.
                    _close(near)
                    continue
                pair = near, far
                for end in pair:
                    end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._pairs.add(pair)
                for direction in (self._to_server, self._to_client):
                    threading.Thread(target=direction, args=pair, daemon=True).start()

    def _fault(self) -> Cut | None:
        if self.faults:
            return self.faults.pop(0)
        number = next(self._seen)
        if self.every and number % self.every == 0:
            return list(Cut)[number // self.every % 2]
        return None

    def _to_server(self, near: socket.socket, far: socket.socket) -> None:
        before = b""
        with suppress(OSError):
            while data := near.recv(1 << 16):
                # A connection that begins sets its isolation level, and sends a COMMIT of its own.
                fault = self._fault() if data == COMMIT and b"ISOLATION LEVEL" not in before else None
                self._broken |= fault is not None and self.stays_away
                if fault:
                    self.taken[fault] += 1
                if fault == Cut.DO_NOT_DELIVER:
                    break
                if fault == Cut.LOSE_THE_ANSWER:
                    self._swallowed.add(far)
                far.sendall(data)
                before = data
        if far not in self._swallowed:
            _close(near, far)

    def _to_client(self, near: socket.socket, far: socket.socket) -> None:
        with suppress(OSError):
            # The answer of the server is the sign that it has committed; it goes no further.
            while (data := far.recv(1 << 16)) and far not in self._swallowed:
                near.sendall(data)
        _close(near, far)
        self._swallowed.discard(far)
        self._pairs.discard((near, far))


def _close(*ends: socket.socket) -> None:
    for end in ends:
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
        end.close()
