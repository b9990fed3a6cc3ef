"""Strangers who cost a bank something without being anybody: what each of them makes it hold, beside customers who pay.

Each is a context: inside it the stranger has done what he can, outside it he has gone. Whoever guards another way of
making the bank hold something adds a stranger to the list.
"""

from __future__ import annotations

import base64
import json
import os
import select
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from bank_app.lab.client import Address

MIB = 1024 * 1024
_PATIENCE_SECONDS = 20.0
# Where bodies are half sent: a form, what moves money, and one of which nobody knows how long it will be.
_HALF_SENT = (
    ("/auth/login", "Content-Length: 100"),
    ("/api/v1/transactions/transfer", "Content-Length: 100"),
    ("/api/v1/auth/login", "Transfer-Encoding: chunked"),
)


@dataclass
class Siege:
    """What one stranger has under way."""

    address: Address
    sockets: list[socket.socket] = field(default_factory=list)
    sent: int = 0

    def connect(self, data: bytes = b"") -> socket.socket | None:
        """One more connection, with what is said on it at once; None when it was ended before."""
        sock = socket.socket()
        sock.settimeout(_PATIENCE_SECONDS)
        try:
            sock.connect((self.address.host, self.address.port))
            sock.sendall(data)
        except OSError:
            sock.close()
            return None
        self.sockets.append(sock)
        return sock

    def request(self, first_line: str, *headers: str, body: bytes = b"", host: str = "") -> socket.socket | None:
        """One more connection with a request on it."""
        lines = [first_line, f"Host: {host or f'{self.address.host}:{self.address.port}'}", *headers, "", ""]
        return self.connect("\r\n".join(lines).encode() + body)

    def shake_hands(self, *headers: str) -> socket.socket | None:
        """One more WebSocket, if the bank takes it."""
        key = base64.b64encode(os.urandom(16)).decode()
        return self.request(
            "GET /_event/?token=t&EIO=4&transport=websocket HTTP/1.1", "Upgrade: websocket", "Connection: Upgrade",
            f"Sec-WebSocket-Key: {key}", "Sec-WebSocket-Version: 13", *headers,
        )  # fmt: skip

    @property
    def held(self) -> int:
        """How many connections the bank has not ended."""
        watch = select.poll()
        for sock in self.sockets:
            watch.register(sock, select.POLLRDHUP | select.POLLHUP | select.POLLERR)
        return len(self.sockets) - len(watch.poll(0))

    def end(self) -> None:
        """Goes away."""
        for sock in self.sockets:
            sock.close()
        self.sockets.clear()


@dataclass(frozen=True, slots=True)
class Stranger:
    """One kind: his name, what he does, how, how many times, and how many connections he may keep after a while."""

    name: str
    what: str
    besiege: Callable[[Siege, int], None]
    count: int
    may_keep: int = 0


@contextmanager
def besieging(address: Address, stranger: Stranger, *, share: float = 1.0) -> Iterator[Siege]:
    """The stranger is at it inside; `share` of what he would do."""
    siege = Siege(address)
    try:
        siege.sent = max(1, int(stranger.count * share))
        stranger.besiege(siege, siege.sent)
        yield siege
    finally:
        siege.end()


def frame(payload: bytes, *, code: int = 1, last: bool = True) -> bytes:
    """A frame of a WebSocket. Its mask is zero, which leaves the payload as it is."""
    size = len(payload)
    if size < 126:
        length = bytes([0x80 | size])
    else:
        length = struct.pack(">BH", 0xFE, size) if size < 65_536 else struct.pack(">BQ", 0xFF, size)
    return bytes([(0x80 if last else 0) | code]) + length + bytes(4) + payload


def _half_sent_bodies(siege: Siege, count: int) -> None:
    for number in range(count):
        path, length = _HALF_SENT[number % len(_HALF_SENT)]
        siege.request(f"POST {path} HTTP/1.1", "Content-Type: application/json", length, body=b"5\r\nemail")


def _silent_connections(siege: Siege, count: int) -> None:
    for number in range(count):
        siege.connect(b"GET / HTTP/1.1\r\nX-Slow: " if number % 2 else b"")


def _idle_sockets(siege: Siege, count: int) -> None:
    for _ in range(count):
        siege.shake_hands()


def _huge_messages(siege: Siege, count: int) -> None:
    for _ in range(count):
        siege.shake_hands()

    def pump(sock: socket.socket) -> None:
        with suppress(OSError):
            sock.recv(4096)
            sock.sendall(frame(b"40/_event,") + frame(b"42", last=False))
            piece = frame(b"x" * 65_000, code=0, last=False)
            for _ in range(40 * MIB // len(piece)):
                sock.sendall(piece)

    pumps = [threading.Thread(target=pump, args=(sock,)) for sock in siege.sockets]
    for thread in pumps:
        thread.start()
    for thread in pumps:
        thread.join()


def _unreadable_frames(siege: Siege, count: int) -> None:
    sock = siege.shake_hands()
    with suppress(OSError):
        for _ in range(count if sock else 0):
            sock.sendall(frame(b"42/_event,{nope"))  # type: ignore[union-attr]


def _slow_readers(siege: Siege, count: int) -> None:
    """The same document again and again, on connections on which nobody reads it."""
    for _ in range(count):
        if sock := siege.connect():
            wanted = f"GET /api/v1/openapi.json HTTP/1.1\r\nHost: {siege.address.host}:{siege.address.port}\r\n\r\n"
            sock.settimeout(0)
            with suppress(OSError):
                sock.send(wanted.encode() * 100)


def _wrong_hosts(siege: Siege, count: int) -> None:
    for number in range(count):
        siege.request("GET /sign-in/ HTTP/1.1", host=f"evil{number % 7}.test")


def _guessers(siege: Siege, count: int) -> None:
    """Sign-ins at once, through both doors, each of which would take a hash."""
    for number in range(count):
        if number % 2:
            path, kind, body = "/auth/login", "x-www-form-urlencoded", f"email=nobody{number}@bank.test&password=guess"
        else:
            path, kind = "/api/v1/auth/login", "json"
            body = json.dumps({"email": f"nobody{number}@bank.test", "password": "a guess"})
        length = f"Content-Length: {len(body)}"
        siege.request(
            f"POST {path} HTTP/1.1", f"Content-Type: application/{kind}", length, "Connection: close",
            body=body.encode(),
        )  # fmt: skip


STRANGERS = (
    Stranger("half-sent bodies", "requests whose bodies never come", _half_sent_bodies, 3000),
    Stranger("silent connections", "connections with half of the headers, or nothing", _silent_connections, 3000),
    Stranger("idle sockets", "WebSockets that never say what they want", _idle_sockets, 4000),
    Stranger("huge messages", "WebSockets with a message of 40 MiB that never ends", _huge_messages, 12),
    Stranger("unreadable frames", "a WebSocket with frames that nobody can read", _unreadable_frames, 5000),
    Stranger("slow readers", "answers that nobody reads", _slow_readers, 200),
    Stranger("guessers", "a storm of sign-ins through both doors", _guessers, 200),
    Stranger("wrong hosts", "requests under other names", _wrong_hosts, 2000),
)
