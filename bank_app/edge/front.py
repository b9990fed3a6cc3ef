"""The outermost layer, for HTTP and WebSockets alike: what strangers can make the bank hold is bounded here.

Nothing here knows what is asked for. It says under which names the bank answers, where a request comes from, how long
its body may take and how many there may be of everything, for each network and altogether.
"""

from __future__ import annotations

import asyncio
from typing import Any

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bank_app.domain import addresses
from bank_app.edge.bodies import Bodies, Body
from bank_app.edge.hosts import Hosts
from bank_app.edge.refusals import refuse, refuse_socket
from bank_app.edge.sockets import Sockets
from bank_app.edge.wires import Wires, client_of
from bank_app.services import edge_figures, proxies
from bank_app.settings import Settings

Headers = list[tuple[bytes, bytes]]
# Every answer has these, whoever makes it, unless it says something else itself.
_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"same-origin"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), microphone=(), geolocation=(), payment=(), usb=()"),
)
_HSTS = (b"strict-transport-security", b"max-age=31536000; includeSubDomains")
# Of the framework; nothing of ours asks them.
_CLOSED = frozenset({"/ping", "/_health", "/_upload", "/_all_routes"})
_READ = frozenset({b"host", b"origin", b"content-length", b"transfer-encoding"})


class Edge:
    """Around the whole application."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        """Holds nothing yet."""
        self._app, self._settings = app, settings
        self.figures = edge_figures.figures
        self.figures.connections_most = settings.connections
        self.hosts = Hosts(settings)
        self.bodies = Bodies(settings, self.figures)
        self.wires = Wires(settings, self.figures)
        self.sockets = Sockets(settings, self.figures, self.wires)
        self._headers = (*_HEADERS, *((_HSTS,) if settings.cookies_are_secure else ()))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Bounds first, then whatever was asked for."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        server = scope.get("server") or ("", 0)
        self.wires.start(server[1])
        headers = _some(scope["headers"])
        networks = addresses.networks(proxies.address_in(self._settings, scope))
        client = client_of(scope)
        busy = self.wires.busy
        busy[client] = busy.get(client, 0) + 1
        try:
            allowed = self.hosts.allows(headers.get(b"host", ""), server[0] or "")
            if not allowed:
                self.figures.turn_away("host", networks[0])
            if scope["type"] == "websocket":
                await self._socket(scope, receive, send, headers, networks, allowed=allowed)
            else:
                answer = _Answer(self, send)
                try:
                    await self._http(scope, receive, answer.send, headers, networks, allowed=allowed)
                except ClientDisconnect:
                    # Nobody is left to be answered.
                    pass
                finally:
                    if answer.is_half:
                        # Or what nobody finished would end like a whole answer.
                        self.wires.cut(client)
        finally:
            if busy[client] == 1:
                del busy[client]
            else:
                busy[client] -= 1

    async def _socket(
        self, scope: Scope, receive: Receive, send: Send, headers: dict[bytes, str], networks: tuple[str, ...],
        *, allowed: bool,
    ) -> None:  # fmt: skip
        origin = headers.get(b"origin")
        if not allowed:
            await refuse_socket(scope, send, "misdirected_request")
        elif origin is not None and not self.hosts.is_own_origin(origin, headers[b"host"]):
            await refuse_socket(scope, send, "forbidden")
        elif not self.sockets.take(networks):
            await refuse_socket(scope, send, "too_many_requests")
        else:
            await self.sockets.serve(self._app, scope, receive, send, networks)

    async def _http(
        self, scope: Scope, receive: Receive, send: Send, headers: dict[bytes, str], networks: tuple[str, ...],
        *, allowed: bool,
    ) -> None:  # fmt: skip
        if not allowed:
            await refuse(scope, send, "misdirected_request")
        elif scope["path"].rstrip("/") in _CLOSED:
            await refuse(scope, send, "not_found")
        elif _has_body(scope, headers):
            body = self.bodies.begin(networks, receive)
            if body is None:
                await refuse(scope, send, "too_many_requests")
                return
            try:
                await self._with_body(scope, body, send, _announced(headers))
            finally:
                self.bodies.end(body)
        else:
            await self._app(scope, receive, send)

    async def _with_body(self, scope: Scope, body: Body, send: Send, length: int | None) -> None:
        """Nothing inside hears of a request before the beginning of its body is here, which of most is all of it."""
        begun = refused = False

        async def refuse_late() -> None:
            nonlocal refused
            if body.late and not begun and not refused:
                refused = True
                await refuse(scope, send, "too_many_requests" if body.is_crowded_out else "request_timeout")

        async def receive_in_time() -> Message:
            message = waiting.pop() if waiting else await body.receive()
            await refuse_late()
            return message

        async def send_once(message: Message) -> None:
            nonlocal begun
            if refused:
                return
            begun = True
            if body.counted and message["type"] == "http.response.start":
                # The rest of it is not read, so nothing else can come on this connection.
                message = {**message, "headers": [*message.get("headers", []), (b"connection", b"close")]}
            await send(message)

        beginning = await body.beginning(length)
        await refuse_late()
        if beginning is None:
            return
        waiting = [beginning]
        try:
            await self._app(scope, receive_in_time, send_once)
        except ClientDisconnect:
            if not refused:
                raise

    def headers_beside(self, sent: Headers) -> Headers:
        """An answer's headers, and those of every answer that it does not have."""
        present = {name for name, _ in sent}
        return [*sent, *(header for header in self._headers if header[0] not in present)]

    async def send_in_time(self, send: Send, message: Message) -> None:
        """Sends a piece of an answer.

        Raises:
            ClientDisconnect: nobody reads it.
        """
        try:
            async with asyncio.timeout(self._settings.read_seconds):
                await send(message)
        except TimeoutError:
            self.figures.turn_away("slow_reader")
            raise ClientDisconnect from None


class _Answer:
    """`send` of one request."""

    __slots__ = ("_edge", "_send", "is_half")

    def __init__(self, edge: Edge, send: Send) -> None:
        self._edge, self._send, self.is_half = edge, send, False

    async def send(self, message: Message) -> None:
        """Adds what every answer has, and waits for nobody who does not read."""
        if message["type"] == "http.response.start":
            await self._send({**message, "headers": self._edge.headers_beside(message.get("headers", []))})
        elif message.get("more_body", False):
            self.is_half = True
            await self._edge.send_in_time(self._send, message)
        elif self.is_half:
            await self._edge.send_in_time(self._send, message)
            self.is_half = False
        else:
            await self._send(message)


def _some(headers: Any) -> dict[bytes, str]:
    """The headers that are looked at here. What is said twice is said by nobody whom a host could be believed."""
    found: dict[bytes, str] = {}
    for name, value in headers:
        if name in _READ:
            found[name] = "" if name == b"host" and name in found else value.decode("latin-1")
    return found


def _announced(headers: dict[bytes, str]) -> int | None:
    """How long the body will be, where that is said."""
    length = headers.get(b"content-length", "")
    return int(length[:20]) if length.isascii() and length.isdigit() and b"transfer-encoding" not in headers else None


def _has_body(scope: Scope, headers: dict[bytes, str]) -> bool:
    length = headers.get(b"content-length")
    # HTTP/2 need not announce one.
    return length not in (None, "0") or b"transfer-encoding" in headers or scope.get("http_version", "1.1") > "1.1"
