"""The short way to the routes that move money.

They are declared like all others, so they stand in the document and are found by everything that looks at routes.
But the framework's way from a request to a function (dependencies, parameter models, exit stacks) costs more than the
ledger needs to post the money, so these routes are read, called and answered here, by the same strict rules.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from inspect import iscoroutinefunction, signature

from fastapi import FastAPI, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import BaseModel, ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.types import ASGIApp, Receive, Scope, Send

from bank_app.api import errors
from bank_app.api.accepted import Accepted
from bank_app.api.authentication import Authenticator
from bank_app.api.dependencies import idempotency_key
from bank_app.api.errors import ProtocolError
from bank_app.api.requests import LARGER_BODIES, MAX_BODY_BYTES, ActorRoute, StrictRequest, bearer_token, count
from bank_app.errors import BankError, Unavailable
from bank_app.services import work
from bank_app.services.actor import Actor, ActorChanged

_GIVEN = ("body", "actor", "bank", "key", "response")
_LONG = 65_536
_JSON = (b"content-type", b"application/json")


@dataclass(frozen=True, slots=True)
class _Stop:
    """A route that can be called directly: what it is, and the model of its body."""

    route: APIRoute
    body: type[BaseModel]
    call: Callable[..., Awaitable[BaseModel]]
    accepted: Accepted

    @property
    def is_long(self) -> bool:
        """Whether it takes more than one unit of work."""
        return self.route.name in LARGER_BODIES


_Answered = tuple[BaseModel, list[tuple[bytes, bytes]]]


class _Headers(Response):
    """What a route is handed to note headers in. It has no body, and so nothing of what a whole response costs."""

    def __init__(self) -> None:
        self.raw_headers = []


def stops(routes: Iterable[APIRoute]) -> dict[str, _Stop]:
    """The routes that take a body, who asks, the bank and a key, and nothing from their address."""
    return {
        route.path: _Stop(route, route.body_field.field_info.annotation, route.endpoint, Accepted(route))  # type: ignore[arg-type]
        for route in routes
        if isinstance(route, ActorRoute)
        and route.body_field is not None
        and route.methods == {"POST"}
        and tuple(signature(route.endpoint).parameters) == _GIVEN
        # What blocks belongs on a thread of the framework's.
        and iscoroutinefunction(route.endpoint)
    }


class Express:
    """Serves these routes, and hands everything else to the framework."""

    def __init__(self, api: FastAPI, elsewhere: ASGIApp) -> None:
        """Reads the routes once."""
        self._api, self._elsewhere = api, elsewhere
        self._stops = stops(api.state.routes)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One look-up decides."""
        stop = self._stops.get(scope["path"]) if scope["method"] == "POST" else None
        if stop is None:
            await self._elsewhere(scope, receive, send)
            return
        scope["app"], scope["route"] = self._api, stop.route
        request = StrictRequest(scope, receive)
        try:
            answer, headers = await self._answer(stop, request)
        except (BankError, ProtocolError, RequestValidationError) as error:
            await errors.of_refusal(request, error)(scope, receive, send)
            return
        body = type(answer).__pydantic_serializer__.to_json(answer, by_alias=True)
        start = [_JSON, (b"content-length", str(len(body)).encode()), *headers]
        await send({"type": "http.response.start", "status": stop.route.status_code or 200, "headers": start})
        await send({"type": "http.response.body", "body": body})

    async def _answer(self, stop: _Stop, request: StrictRequest) -> _Answered:
        """First who, then how often, then the shape of the request, as everywhere.

        Who asks is taken for who he was a moment ago, and the unit of work that posts for him asks whether he still is.
        Before he is told anything else, he is asked about as everywhere.
        """
        authenticator: Authenticator = self._api.state.authenticator
        token = bearer_token(request)
        # A batch may be half posted when it turns out that its sender has changed.
        actor = await (authenticator.actor_of if stop.is_long else authenticator.likely)(token)
        try:
            return await self._answer_to(actor, stop, request)
        except ActorChanged:
            return await self._answer_to(await authenticator.actor_of(token), stop, request)
        except (BankError, ProtocolError, RequestValidationError) as error:
            current = await authenticator.actor_of(token) if actor.remembered else actor
            # Of one that is unavailable nobody knows whether it moved money; it is not tried a second time.
            if current == actor or isinstance(error, Unavailable):
                raise
            return await self._answer_to(current, stop, request)

    async def _answer_to(self, actor: Actor, stop: _Stop, request: StrictRequest) -> _Answered:
        count(request, stop.route.name, actor)
        request.largest_body = LARGER_BODIES.get(stop.route.name, MAX_BODY_BYTES)
        stop.accepted.check(request)
        if stop.is_long and request.length > _LONG:
            work.of(self._api.state.db).ask_for_large(actor.user_id)
        await request.check_body()
        key = idempotency_key(request)
        raw = await request.body()
        if not raw:
            raise RequestValidationError([{"loc": ("body",), "type": "missing", "msg": "Field required"}])
        document = await request.json()
        # Thousands of items take a while to look at; everybody else goes on meanwhile.
        body = await run_in_threadpool(_body, stop, document) if len(raw) > _LONG else _body(stop, document)
        response = _Headers()
        bank = self._api.state.db
        answer = await stop.call(body=body, actor=actor, bank=bank, key=key, response=response)
        return answer, response.raw_headers


def _body(stop: _Stop, document: object) -> BaseModel:
    try:
        # By attributes too, as the framework does it: it changes the words for what is no object.
        return stop.body.model_validate(document, from_attributes=True)
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False)
        raise RequestValidationError([{**item, "loc": ("body", *item["loc"])} for item in found]) from None
