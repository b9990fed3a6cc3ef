"""The connections of this process as the kernel sees them: what waits in them, and ending those that only cost.

The server hands over whole messages, keeps whole answers, and takes connections before anybody here hears of them: what
a client sends of a message that never ends, what it does not read of an answer, and whom it keeps waiting without
asking anything can be seen in the kernel's own account only. That account exists on Linux; elsewhere the deadlines of
the edge hold, and these bounds do not.
"""

from __future__ import annotations

import fcntl
import logging
import os
import socket
import stat
import struct
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from starlette.types import Scope

from bank_app.domain import addresses
from bank_app.services.edge_figures import EdgeFigures
from bank_app.settings import Settings

log = logging.getLogger(__name__)

Client = tuple[str, int]
# What the server reads ahead of a socket, whatever its messages.
READ_AHEAD = 192 * 1024
# Less than the slowest telephone reads in the time that it has.
_LEAST_READ = 32 * 1024
_LOOK_SECONDS, _SWEEP_SECONDS = 0.02, 0.25
_FRAME = 14
_NARROW = 64 * 1024
_GROWTH = 2 * 1024 * 1024
# A sweep over very many connections may take this share of the time.
_SHARE = 10
_SILENT_MS = 5_000
# One that has just come may be about to ask, and is not what there is too much of.
_SETTLED_MS = 2_000
_FULL, _ROOM = 0.9, 0.8
_INFO_BYTES, _LAST_RECEIVED, _ACKED, _RECEIVED = 160, 52, 120, 128
_UNREAD, _UNSENT = 0x541B, 0x5411


@dataclass(slots=True)
class Followed:
    """A WebSocket whose messages are bounded while they come; those that came whole are counted, with their bytes."""

    heard: int = 0
    bytes_heard: int = 0

    def note(self, size: int) -> None:
        """A message of so many bytes came."""
        self.heard += 1
        self.bytes_heard += size + _FRAME


@dataclass(slots=True)
class _Wire:
    """One connection, between two looks at it."""

    client: Client
    networks: tuple[str, ...]
    heard: int = 0
    beside: int = 0
    is_narrow: bool = False
    waiting_since: float = 0.0
    acked_then: int = 0
    fd: int = -1
    silent_ms: int = 0


@dataclass
class Wires:
    """Watches the connections that were accepted on one port. Nothing happens before `start`."""

    settings: Settings
    figures: EdgeFigures
    busy: dict[Client, int] = field(default_factory=dict)
    _followed: dict[Client, Followed] = field(default_factory=dict)
    _wires: dict[int, _Wire | None] = field(default_factory=dict)
    _port: int = 0
    _sweeping: threading.Lock = field(default_factory=threading.Lock)
    _stopped: threading.Event = field(default_factory=threading.Event)

    def start(self, port: int | str | None) -> None:
        """Begins to watch, once, where there is something to watch with."""
        if self._port or not port or not sys.platform.startswith("linux"):
            return
        self._port = int(port)
        self.figures.watched = True
        threading.Thread(target=self._run, name="wires", daemon=True).start()

    def stop(self) -> None:
        """Watches no longer."""
        self._stopped.set()

    def follow(self, client: Client) -> Followed:
        """Bounds the messages of this client's WebSocket until `leave`."""
        return self._followed.setdefault(client, Followed())

    def leave(self, client: Client) -> None:
        """The WebSocket of this client is over."""
        self._followed.pop(client, None)

    def cut(self, client: Client) -> None:
        """Ends a client's connection, whatever the server is doing with it."""
        if not self._port:
            return
        # One that has just come has not been looked at.
        looks: tuple[Callable[[], object], ...] = (lambda: None, self.sweep)
        for look in looks:
            look()
            found = [(wire.fd, inode) for inode, wire in list(self._wires.items()) if wire and wire.client == client]
            for fd, inode in found:
                _cut(fd, inode)
            if found:
                return

    def _run(self) -> None:
        resident, next_sweep, last = 0, 0.0, 0.0
        while not self._stopped.wait(_LOOK_SECONDS if self._followed else _SWEEP_SECONDS):
            now, size = time.monotonic(), _resident()
            # What grows quickly is looked at at once.
            if now < next_sweep and (size < resident + _GROWTH or now < last):
                continue
            try:
                self.sweep()
            except Exception:
                # Without these bounds the bank serves all the same, and says so.
                log.exception("connections could not be looked at")
            took = time.monotonic() - now
            resident, next_sweep, last = _resident(), now + max(_SWEEP_SECONDS, _SHARE * took), now + 2 * took

    def sweep(self) -> None:
        """Looks at every connection once, and ends what is over its bounds."""
        with self._sweeping:
            self._sweep()

    def _sweep(self) -> None:
        now, found = time.monotonic(), dict[int, _Wire | None]()
        for path in Path("/proc/self/fd").iterdir():
            fd = int(path.name)
            try:
                status = os.fstat(fd)
            except OSError:
                continue
            if not stat.S_ISSOCK(status.st_mode):
                continue
            inode = status.st_ino
            wire = self._wires[inode] if inode in self._wires else self._classified(fd)
            found[inode] = wire
            if wire is not None:
                wire.fd = fd
                self._judge(inode, wire, now)
        self._wires = found
        ours = {inode: wire for inode, wire in found.items() if wire is not None}
        self.figures.connections = len(ours)
        self._make_room(ours)

    def _classified(self, fd: int) -> _Wire | None:
        """Ours, if it came in on our port; the bank's own connections to its database did not."""
        sock = _borrowed(fd)
        try:
            here = sock.getsockname()
            # One of another kind has a name that is a text.
            if not isinstance(here, tuple) or here[1] != self._port:
                return None
            host, port = sock.getpeername()[:2]
        except OSError:
            return None
        finally:
            sock.detach()
        address = addresses.read(host) or host
        proxied = self.settings.believes(address)
        return _Wire((address, port), () if proxied else addresses.networks(address))

    def _judge(self, inode: int, wire: _Wire, now: float) -> None:
        sock = _borrowed(wire.fd)
        try:
            info = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _INFO_BYTES)
        except OSError:
            return
        finally:
            sock.detach()
        if len(info) < _RECEIVED + 8:
            return
        acked, received = struct.unpack_from("QQ", info, _ACKED)
        (wire.silent_ms,) = struct.unpack_from("I", info, _LAST_RECEIVED)
        followed = self._followed.get(wire.client)
        if followed is not None and not wire.is_narrow:
            # The kernel would take megabytes of what nobody has asked for yet.
            wire.is_narrow = True
            _narrow(wire.fd)
        if followed is not None and self._is_too_large(wire, followed, received):
            self.figures.turn_away("socket_large", wire.client[0])
            _cut(wire.fd, inode)
        elif self._is_stuck(wire, acked, now):
            self.figures.turn_away("slow_reader", wire.client[0])
            _cut(wire.fd, inode)

    def _is_too_large(self, wire: _Wire, followed: Followed, received: int) -> bool:
        """What was taken from the wire and is no message yet; beside messages there are the handshake and pongs."""
        most = self.settings.socket_message_bytes + READ_AHEAD
        unfinished = received - _queued(wire.fd, _UNREAD) - followed.bytes_heard
        if wire.heard != followed.heard:
            wire.heard = followed.heard
            wire.beside = min(unfinished, wire.beside + most)
        return unfinished - wire.beside > most

    def _is_stuck(self, wire: _Wire, acked: int, now: float) -> bool:
        if not _queued(wire.fd, _UNSENT):
            wire.waiting_since = 0.0
            return False
        if not wire.waiting_since:
            wire.waiting_since, wire.acked_then = now, acked
        if now - wire.waiting_since < self.settings.read_seconds:
            return False
        read, wire.waiting_since, wire.acked_then = acked - wire.acked_then, now, acked
        return read < _LEAST_READ

    def _make_room(self, ours: dict[int, _Wire]) -> None:
        """Ends the most silent ones of a network that has too many, and of all when hardly a place is left."""
        by_network = defaultdict[str, list[int]](list)
        for inode, wire in ours.items():
            for network in wire.networks[:1]:
                by_network[network].append(inode)
        for inodes in by_network.values():
            self._end(ours, inodes, len(inodes) - self.settings.connections_per_address, _SETTLED_MS)
        most = self.figures.connections_most
        if len(ours) > most * _FULL:
            self._end(ours, list(ours), len(ours) - int(most * _ROOM), _SILENT_MS)

    def _end(self, ours: dict[int, _Wire], inodes: list[int], count: int, silent_ms: int) -> None:
        if count <= 0:
            return
        idle = [i for i in inodes if not self.busy.get(ours[i].client) and ours[i].silent_ms >= silent_ms]
        for inode in sorted(idle, key=lambda i: -ours[i].silent_ms)[:count]:
            self.figures.turn_away("connections", ours[inode].client[0])
            _cut(ours[inode].fd, inode)


def client_of(scope: Scope) -> Client:
    """Who is at the other end of the connection of a request. Some servers give the port as a text."""
    host, port = scope.get("client") or ("", 0)
    return addresses.read(host) or host, int(port or 0)


def _borrowed(fd: int) -> socket.socket:
    """A socket over a descriptor that belongs to the server: to be detached again, never closed."""
    return socket.socket(socket.AF_INET, socket.SOCK_STREAM, 0, fileno=fd)


def _narrow(fd: int) -> None:
    sock = _borrowed(fd)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _NARROW)
    except OSError:
        pass
    finally:
        sock.detach()


def _queued(fd: int, what: int) -> int:
    try:
        return int(struct.unpack("i", fcntl.ioctl(fd, what, b"\0\0\0\0"))[0])
    except OSError:
        return 0


def _resident() -> int:
    pages = Path("/proc/self/statm").read_bytes().split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


def _cut(fd: int, inode: int) -> None:
    try:
        copy = socket.socket(fileno=os.dup(fd))
    except OSError:
        return
    with copy:
        try:
            # The number may be somebody else's by now.
            if os.fstat(copy.fileno()).st_ino != inode:
                return
            # What nobody reads is thrown away with it.
            copy.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            copy.shutdown(socket.SHUT_RDWR)
        except OSError:
            return
