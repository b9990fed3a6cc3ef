"""WebSockets: counted before they are taken, ended when they say nothing, too much, or what nobody can read."""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import suppress

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bank_app.edge.frames import Verdict, judge
from bank_app.edge.places import Places
from bank_app.edge.wires import Client, Wires, client_of
from bank_app.services.edge_figures import EdgeFigures
from bank_app.settings import Settings

log = logging.getLogger(__name__)

_UNREADABLE = 3
_SILENT, _LARGE, _NONSENSE = 1008, 1009, 1007
# The server's word that it knows whom it speaks with: `40/namespace,{"sid": …}`.
_WELCOME = "40"
_SECONDS_TO_CLOSE = 1.0
# At once, and then in a second: more than a page does in its busiest moment.
_BURST, _RATE = 400.0, 100.0


class Sockets:
    """The WebSockets of a worker."""

    def __init__(self, settings: Settings, figures: EdgeFigures, wires: Wires) -> None:
        """Holds none yet."""
        self.settings, self.figures, self.wires = settings, figures, wires
        figures.sockets_most = settings.sockets
        self._places = Places(each=settings.sockets_per_address, whole=settings.sockets)

    def take(self, networks: tuple[str, ...]) -> bool:
        """Takes a place for one more; False when there is none for them."""
        taken = self._places.take(networks)
        if not taken:
            self.figures.turn_away("socket_crowded", networks[0])
        self.figures.sockets = self._places.total
        return taken

    async def serve(self, app: ASGIApp, scope: Scope, receive: Receive, send: Send, networks: tuple[str, ...]) -> None:
        """Serves one that has a place, and gives that back."""
        client = client_of(scope)
        watched = _Watched(self, receive, send, client)
        try:
            await app(scope, watched.receive, watched.send)
        finally:
            self._places.give(networks)
            self.figures.sockets = self._places.total
            self.wires.leave(client)
            if watched.ended:
                self.wires.cut(client)


class _Watched:
    """`receive` and `send` of one WebSocket."""

    def __init__(self, sockets: Sockets, receive: Receive, send: Send, client: Client) -> None:
        self._sockets, self._receive, self._send, self._client = sockets, receive, send, client
        self._followed = sockets.wires.follow(client)
        self._deadline = time.monotonic() + sockets.settings.socket_connect_seconds
        self._waiting: asyncio.Timeout | None = None
        self._welcome, self._unreadable, self.ended = False, 0, False
        self._left, self._then = _BURST, time.monotonic()

    async def receive(self) -> Message:
        """The next message that can be read, or that the connection is over."""
        while not self.ended:
            settings = self._sockets.settings
            if self._welcome:
                self._deadline = time.monotonic() + settings.socket_silence_seconds
            try:
                async with asyncio.timeout(self._deadline - time.monotonic()) as self._waiting:
                    message = await self._receive()
            except TimeoutError:
                await self._end("socket_silent", _SILENT)
                break
            finally:
                self._waiting = None
            if message["type"] != "websocket.receive":
                return message
            text, raw = message.get("text"), message.get("bytes")
            size = len(text.encode() if text else raw or b"")
            self._followed.note(size)
            if size > settings.socket_message_bytes:
                await self._end("socket_large", _LARGE)
                break
            if judge(text) is Verdict.READABLE:
                await self._not_too_fast()
                return message
            self._unreadable += 1
            if self._unreadable >= _UNREADABLE:
                await self._end("socket_unreadable", _NONSENSE)
        return {"type": "websocket.disconnect", "code": 1006}

    async def send(self, message: Message) -> None:
        """Hands on, and notes when the server has welcomed whoever it is."""
        if self.ended:
            return
        if not self._welcome and (message.get("text") or "").startswith(_WELCOME):
            self._welcome = True
            # The server waits for what comes next before it welcomes: that wait was begun with the deadline of before.
            if self._waiting is not None and not self._waiting.expired():
                silence = self._sockets.settings.socket_silence_seconds
                self._waiting.reschedule(asyncio.get_running_loop().time() + silence)
        await self._send(message)

    async def _not_too_fast(self) -> None:
        """Leaves what comes too fast where it is: whoever sends it waits, and nobody else."""
        if not self._sockets.settings.rate_limits:
            return
        now = time.monotonic()
        self._left = min(_BURST, self._left + (now - self._then) * _RATE) - 1
        self._then = now
        if self._left < 0:
            await asyncio.sleep(-self._left / _RATE)

    async def _end(self, why: str, code: int) -> None:
        self.ended = True
        self._sockets.figures.turn_away(why, self._client[0])
        # The server closes politely only once it has read what is under way, which may never end.
        with suppress(Exception):
            async with asyncio.timeout(_SECONDS_TO_CLOSE):
                await self._send({"type": "websocket.close", "code": code})
        self._sockets.wires.cut(self._client)
