"""A lean HTTP/1.1 client for load: one kept-alive connection, one request at a time, bytes in and bytes out.

A load generator shares the machine with what it measures, so every microsecond here is taken from the bank. That is
why this is a bare asyncio protocol: it knows requests that are ready to be sent, status, headers as bytes, and bodies
with a Content-Length. For anything else use a real HTTP library.
"""

from __future__ import annotations

import asyncio
import json
import re
import time
from dataclasses import dataclass
from functools import partial
from typing import Any

_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*(\d+)", re.IGNORECASE)
_CLOSE = re.compile(rb"\r\nconnection:[ \t]*close", re.IGNORECASE)
_WITHOUT_BODY = (204, 304)
_END_OF_HEAD = b"\r\n\r\n"
CONNECT_SECONDS = 5.0
# A token is renewed this long before its end, so that no request meets the end on its way.
_RENEW_SECONDS_BEFORE = 60.0


class NoAnswer(Exception):
    """The request was sent, or may have been, and no answer came: whoever needs to know asks again with the key."""


class NotConnected(NoAnswer):
    """Nobody listens there; nothing was sent."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where a server listens."""

    host: str
    port: int

    @property
    def url(self) -> str:
        """As a browser writes it."""
        return f"http://{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Answer:
    """One response. `head` is everything before the body, as it came."""

    status: int
    head: bytes
    body: bytes

    def header(self, name: str) -> str | None:
        """A header's value, or None. Searched when asked, because most answers are never asked."""
        found = re.search(rb"\r\n" + re.escape(name.encode()) + rb":[ \t]*([^\r\n]*)", self.head, re.IGNORECASE)
        return found[1].decode("latin-1").strip() if found else None

    def json(self) -> Any:
        """The body as a document."""
        return json.loads(self.body)

    @property
    def code(self) -> str:
        """The `code` of a problem document, or the status in words where there is none."""
        try:
            document = self.json()
        except ValueError:
            return f"http_{self.status}"
        return str(document.get("code", f"http_{self.status}")) if isinstance(document, dict) else f"http_{self.status}"


def request(
    method: str, path: str, address: Address, *, token: str = "", key: str = "", body: bytes | None = None
) -> bytes:
    """A whole request, ready to be sent as often as one likes."""
    lines = [f"{method} {path} HTTP/1.1", f"Host: {address.host}:{address.port}"]
    if token:
        lines.append(f"Authorization: Bearer {token}")
    if key:
        lines.append(f"Idempotency-Key: {key}")
    if body is not None:
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, "", ""]).encode() + (body or b"")


class _Wire(asyncio.Protocol):
    """One connection. `waiting` is whoever wants the next answer, until `deadline` on the loop's clock."""

    __slots__ = ("_buffer", "_timer", "_wanted", "deadline", "lost", "timeout", "transport", "waiting")

    def __init__(self, timeout: float) -> None:
        self.timeout = timeout
        self.transport: asyncio.Transport | None = None
        self.waiting: asyncio.Future[Answer] | None = None
        self.deadline = 0.0
        self.lost = False
        self._timer: asyncio.TimerHandle | None = None
        self._buffer = b""
        self._wanted = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment] # a stream connection has a stream transport
        self._look_at_the_clock()

    def data_received(self, data: bytes) -> None:
        buffer = self._buffer = self._buffer + data if self._buffer else data
        if len(buffer) < self._wanted:
            return
        end = buffer.find(_END_OF_HEAD)
        if end < 0:
            return
        head = buffer[:end]
        status = int(head[9:12])
        length = _LENGTH.search(head)
        if length is None and status not in _WITHOUT_BODY:
            self.fail("the answer has no Content-Length")
            return
        self._wanted = end + 4 + (int(length[1]) if length else 0)
        if len(buffer) < self._wanted:
            return
        body = buffer[end + 4 : self._wanted]
        # One request at a time, so nothing can follow.
        self._buffer, self._wanted = b"", 0
        if _CLOSE.search(head):
            self.close()
        waiting, self.waiting = self.waiting, None
        if waiting and not waiting.done():
            waiting.set_result(Answer(status, head, body))

    def connection_lost(self, exc: Exception | None) -> None:
        self.fail(str(exc or "the server closed the connection"))

    def _look_at_the_clock(self) -> None:
        """One timer for all requests of a connection: a timer for each would cost as much as the rest of a request."""
        loop = asyncio.get_running_loop()
        now = loop.time()
        if self.waiting and self.deadline <= now:
            self.fail(f"no answer within {self.timeout:g} s")
        elif not self.lost:
            # A request that begins meanwhile has a later deadline than this.
            wake = self.deadline if self.waiting else now + self.timeout
            self._timer = loop.call_at(wake, self._look_at_the_clock)

    def fail(self, why: str) -> None:
        """Nothing will come any more."""
        self.close()
        waiting, self.waiting = self.waiting, None
        if waiting and not waiting.done():
            waiting.set_exception(NoAnswer(why))

    def close(self) -> None:
        """Ends the connection; the next request makes another."""
        self.lost = True
        if self._timer:
            self._timer.cancel()
        if self.transport:
            self.transport.abort()


class Client:
    """One client of a server: connects when needed and again when the connection broke.

    Args:
        address: Whom to ask.
        timeout: Seconds to wait for an answer before the connection is given up.
    """

    def __init__(self, address: Address, *, timeout: float = 30.0) -> None:
        self.address = address
        self.timeout = timeout
        self._where = (address.host, address.port)
        self._wire: _Wire | None = None

    async def ask(self, whole_request: bytes) -> Answer:
        """Sends a request and returns its answer, whatever its status.

        Raises:
            NotConnected: nobody listens; nothing was sent.
            NoAnswer: the connection broke, or the answer did not come in time.
        """
        wire = self._wire
        if wire is None or wire.lost:
            wire = await self._connect()
        loop = asyncio.get_running_loop()
        waiting: asyncio.Future[Answer] = loop.create_future()
        wire.waiting = waiting
        wire.deadline = loop.time() + self.timeout
        wire.transport.write(whole_request)  # type: ignore[union-attr] # connected, so there is one
        try:
            return await waiting
        except asyncio.CancelledError:
            # The answer would otherwise be taken for that of the next request.
            wire.close()
            raise

    def close(self) -> None:
        """Ends the connection."""
        if self._wire:
            self._wire.close()

    async def _connect(self) -> _Wire:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(min(self.timeout, CONNECT_SECONDS)):
                _, wire = await loop.create_connection(partial(_Wire, self.timeout), *self._where)
        except (OSError, TimeoutError) as error:
            raise NotConnected(str(error)) from None
        self._wire = wire
        return wire


class SignIn:
    """A person signed in over the API, for any number of clients; renews the access token before it ends."""

    def __init__(self, address: Address, *, email: str, password: str) -> None:
        self.address = address
        self.email = email
        self._password = password
        self._refresh_token = ""
        self._ends = 0.0
        self._one_at_a_time = asyncio.Lock()
        self.token = ""

    async def fresh(self, client: Client) -> str:
        """An access token that lasts for a while, got over the given client's connection if need be.

        Raises:
            NoAnswer: the bank does not answer.
            SignInRefused: it answers, and not with tokens.
        """
        if time.monotonic() < self._ends:
            return self.token
        async with self._one_at_a_time:
            if time.monotonic() >= self._ends:
                await self._renew(client)
        return self.token

    def forget(self) -> None:
        """The bank did not take the token: the next `fresh` signs in anew."""
        self._ends, self._refresh_token = 0.0, ""

    async def _renew(self, client: Client) -> None:
        answer = None
        if self._refresh_token:
            # Good for one use: whether or not an answer comes, it is gone.
            refresh, self._refresh_token = self._refresh_token, ""
            answer = await self._post(client, "/api/v1/auth/refresh", {"refresh_token": refresh})
        if answer is None or answer.status == 401:
            answer = await self._post(client, "/api/v1/auth/login", {"email": self.email, "password": self._password})
        if answer.status != 200:
            raise SignInRefused(answer)
        tokens = answer.json()
        self.token, self._refresh_token = tokens["access_token"], tokens["refresh_token"]
        self._ends = time.monotonic() + max(1.0, tokens["expires_in"] - _RENEW_SECONDS_BEFORE)

    async def _post(self, client: Client, path: str, document: dict[str, str]) -> Answer:
        return await client.ask(request("POST", path, self.address, body=json.dumps(document).encode()))


class SignInRefused(Exception):
    """The bank answered a sign-in with something else than tokens."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(f"sign-in was answered {answer.status} {answer.code}")
        self.answer = answer
