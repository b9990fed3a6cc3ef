"""Reading requests strictly and in the promised order: who asks, how often, and only then what."""

from __future__ import annotations

import codecs
import json
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Never

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect

from bank_app.api import rate_limits
from bank_app.api.accepted import Accepted
from bank_app.api.errors import ProtocolError
from bank_app.domain import addresses
from bank_app.errors import NotSignedIn
from bank_app.services import proxies, work
from bank_app.services.actor import Actor
from bank_app.services.hashing import desk
from bank_app.settings import Settings

MAX_BODY_BYTES = 1024 * 1024
# By the name of the operation.
LARGER_BODIES = {"batch": 8 * 1024 * 1024}
_LONGEST_INT = 30
# In bytes: what takes some milliseconds to read.
_LONG = 65_536
# In the query of a list that is read as it stands.
_NARROWS_NOTHING = {"limit", "cursor", "after"}
Handler = Callable[[Request], Coroutine[Any, Any, Response]]


@dataclass(frozen=True, slots=True)
class JsonNumber:
    """A JSON number exactly as it was written. Reading it as a float would round what somebody asked to move."""

    text: str


def read_json(body: bytes) -> Any:
    """A JSON document in UTF-8. Numbers with a point or exponent are `JsonNumber`, small whole ones are int.

    Raises:
        ProtocolError: not JSON, NaN, half a surrogate pair, nested without end, or an object that names a field twice.
    """
    try:
        # Some editors and programs of one system begin every text with a mark of its order of bytes.
        text = body.removeprefix(codecs.BOM_UTF8).decode("utf-8")
        document = _READER.decode(text)
        if "\\u" in text:
            # Half a surrogate pair is a string that no UTF-8 database can hold.
            json.dumps(document, ensure_ascii=False, default=str).encode("utf-8")
    except (ValueError, RecursionError) as error:
        reason = f" at line {error.lineno}" if isinstance(error, json.JSONDecodeError) else ""
        raise ProtocolError("malformed_json", f"The body is not valid JSON in UTF-8{reason}.") from None
    return document


def _int(text: str) -> int | JsonNumber:
    return int(text) if len(text) <= _LONGEST_INT else JsonNumber(text)


def _no_constant(name: str) -> Never:
    raise ValueError(f"{name} is not JSON")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ProtocolError("malformed_json", "The body names a field twice; which of the two is meant is not clear.")
    return found


# One for all: making one takes as long as reading the body of a transfer.
_READER = json.JSONDecoder(
    parse_float=JsonNumber, parse_int=_int, parse_constant=_no_constant, object_pairs_hook=_object
)


class StrictRequest(Request):
    """A request whose body is bounded, whatever its headers claim, and read as strict JSON."""

    largest_body = MAX_BODY_BYTES

    async def body(self) -> bytes:
        """All of it, up to `largest_body` bytes."""
        if not hasattr(self, "_body"):
            pieces, size, more, whole = [], 0, True, self._length
            # Once it is as long as announced, the server is not asked, and waited for, whether that was all.
            while more and size != whole:
                message = await self.receive()
                if message["type"] != "http.request":
                    raise ClientDisconnect
                piece = message.get("body", b"")
                size += len(piece)
                if size > self.largest_body:
                    raise self._too_large()
                pieces.append(piece)
                more = message.get("more_body", False)
            self._body = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        return self._body

    @cached_property
    def _length(self) -> int | None:
        """How many bytes the body will have, where the headers say so: the server sees to it that they are right."""
        length = self.headers.get("content-length", "")
        announced = length.isascii() and length.isdigit() and "transfer-encoding" not in self.headers
        return int(length[:20]) if announced else None

    @property
    def length(self) -> int:
        """How many bytes are announced; of a body whose end is not, as many as there may be."""
        return self.largest_body if self._length is None else self._length

    def _too_large(self) -> ProtocolError:
        return ProtocolError("body_too_large", f"The body is larger than {self.largest_body // MAX_BODY_BYTES} MiB.")

    async def json(self) -> Any:
        """The document, read once."""
        return self.read_json(await self.body())

    async def check_body(self) -> None:
        """Reads the body now, so that what is wrong with it is answered in our words."""
        if (self._length or 0) > self.largest_body:
            raise self._too_large()
        body = await self.body()
        if body:
            media_type = self.headers.get("content-type", "").partition(";")[0].strip().lower()
            is_json = media_type.startswith("application/") and media_type[12:].rpartition("+")[2] == "json"
            if not is_json:
                raise ProtocolError("unsupported_media_type", "Send the body as Content-Type: application/json.")
            await (run_in_threadpool(self.read_json, body) if len(body) > _LONG else self.json())

    async def check_no_body(self) -> None:
        """Sees to it that nothing was sent that nobody would read.

        Raises:
            RequestValidationError: there is a body.
        """
        # Where nothing announces a body there is none, and the server is not asked; HTTP/2 need not announce one.
        may_come = "transfer-encoding" in self.headers or self.scope["http_version"] > "1.1"
        if self._length == 0 or (self._length is None and not may_come):
            return
        self.largest_body = 0
        try:
            if not self._length:
                await self.body()
                return
        except ProtocolError:
            pass
        raise RequestValidationError(
            [{"loc": ("body",), "type": "extra_forbidden", "msg": "This operation takes no body."}]
        )

    def read_json(self, body: bytes) -> Any:
        """The document, kept for who asks next. In a thread for a long one, which takes a while."""
        if not hasattr(self, "_json"):
            self._json = read_json(body)
            if isinstance(self._json, dict):
                self.state.fields = tuple(self._json)
        return self._json


class OpenRoute(APIRoute):
    """A route that anyone may ask as often as he likes. Like every route of ours it refuses what it does not take."""

    def get_route_handler(self) -> Handler:
        """Lets in, then looks at address and headers, then reads the body, and only then lets the framework look."""
        answer, has_body, accepted = super().get_route_handler(), self.body_field is not None, Accepted(self)

        async def handler(request: Request) -> Response:
            strict = StrictRequest(request.scope, request.receive)
            await self.admit(strict)
            accepted.check(strict)
            await (strict.check_body() if has_body else strict.check_no_body())
            return await self.answered(strict, answer, is_list=accepted.is_list)

        return handler

    async def answered(self, request: StrictRequest, answer: Handler, *, is_list: bool) -> Response:
        """What the framework makes of it."""
        return await answer(request)

    async def admit(self, request: StrictRequest) -> None:
        """Lets everybody in."""


class PublicRoute(OpenRoute):
    """A route that anyone may ask, limited by address."""

    async def admit(self, request: StrictRequest) -> None:
        """Counts against what may come from an address."""
        state = request.app.state
        networks = addresses.networks(client_address(request, state.db.settings))
        state.rate_limits.count(request, self.name, *networks)


class HashingRoute(PublicRoute):
    """A route of which each request takes a hash of a password: turned away before its body is read while many do."""

    async def admit(self, request: StrictRequest) -> None:
        """Counts, and looks whether there is room."""
        await super().admit(request)
        desk.require_room()


class ActorRoute(OpenRoute):
    """A route for people who are signed in: first who, then how often, then the shape of the request."""

    async def admit(self, request: StrictRequest) -> None:
        """Authenticates before a byte of the body is judged."""
        request.largest_body = LARGER_BODIES.get(self.name, MAX_BODY_BYTES)
        await identify(request, self.name)

    async def answered(self, request: StrictRequest, answer: Handler, *, is_list: bool) -> Response:
        """What is read is paid for; a list that is narrowed, so that much may be read for little, must be afforded."""
        if request.method != "GET":
            return await answer(request)
        office, person = work.of(request.app.state.db), request.state.actor.user_id
        if is_list and request.query_params.keys() - _NARROWS_NOTHING:
            office.admit(person)
        async with office.among_own(person):
            with office.priced(person):
                return await answer(request)


async def identify(request: StrictRequest, policy: str) -> Actor:
    """Who sends this request; counted against what he may send.

    Raises:
        NotSignedIn, TokenExpired: nobody that we know.
        Throttled: too often.
    """
    # The database is asked every time, so a disabled person or a new role counts at once.
    actor: Actor = await request.app.state.authenticator.actor_of(bearer_token(request))
    count(request, policy, actor)
    return actor


def count(request: StrictRequest, policy: str, actor: Actor) -> None:
    """Notes who sends this request and counts it against what he may send.

    Raises:
        Throttled: too often.
    """
    request.state.actor = actor
    limits: rate_limits.RateLimits = request.app.state.rate_limits
    limits.count(request, policy, str(actor.user_id))


def bearer_token(request: Request) -> str:
    """The access token in the `Authorization` header; a cookie is never looked at.

    Raises:
        NotSignedIn: there is none.
    """
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise NotSignedIn("Send an access token: Authorization: Bearer <token>.")
    return token.strip()


def client_address(request: Request, settings: Settings) -> str:
    """Where the request comes from: the peer, or what the outermost trusted proxy saw."""
    return proxies.address_in(settings, request.scope)
