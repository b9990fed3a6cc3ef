"""Around every request of the API: its id, its log line, its numbers, and headers that browsers obey. Pure ASGI."""

from __future__ import annotations

import asyncio
import contextvars
import re
import time
import traceback
from collections.abc import MutableMapping
from typing import Any

import structlog
from starlette.datastructures import MutableHeaders
from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bank_app.api import errors
from bank_app.api.metrics import Metrics
from bank_app.database import Database
from bank_app.domain.identifiers import new_id
from bank_app.edge.refusals import OWN_PATHS, sent_id
from bank_app.errors import SignInLocked, StepUpRequired, Throttled
from bank_app.services import audit, proxies, security_events
from bank_app.services.security_events import Event

# Numbers and ids, and the addresses of pages; nothing that somebody may have written into one.
_SANE_OBJECT = re.compile(r"[A-Za-z0-9/_ \-]{1,100}", re.ASCII)
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_QUIET = frozenset({"/healthz", "/readyz", "/metrics"})
_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"cache-control", b"no-store"),
    # JSON is never rendered, so nothing may be loaded or run from it; pages bring a policy of their own.
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
    (b"cross-origin-resource-policy", b"same-origin"),
)
_FORBIDDEN = 403
_GONE = 499  # What web servers write down when the client left; never sent.
log = structlog.get_logger("bank_app.api")


class Envelope:
    """Everything that an answer of the API carries around its body. Other addresses get an id and go elsewhere."""

    def __init__(self, app: ASGIApp, *, elsewhere: ASGIApp, metrics: Metrics, db: Database) -> None:
        """Takes the API inside, what serves all other addresses, where to count, and whose bank it is."""
        self._app, self._elsewhere, self._metrics = app, elsewhere, metrics
        self._settings, self._db = db.settings, db

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Writes one line and counts, whatever comes of it."""
        if scope["type"] != "http":
            await self._elsewhere(scope, receive, send)
            return
        # Answers carry the client's number for a request, if it gave one. What is kept is ours, which nobody chooses.
        own_id = new_id().hex
        state = scope["state"] = {
            **scope.get("state", {}), "request_id": sent_id(scope) or own_id, "own_id": own_id,
        }  # fmt: skip
        own, address = OWN_PATHS.match(scope["path"]), self._address(scope)
        audit.came_from(address, own_id, "api" if own else "browser")
        started, status = time.perf_counter(), 0
        if not own:
            await self._pass_on(scope, receive, send, address)
            return

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                _add_headers(message, state)
            await send(message)

        try:
            await self._app(scope, receive, send_with_headers)
        finally:
            # Without an answer the client had left.
            self._note(scope, state, status or _GONE, time.perf_counter() - started, address)

    async def _pass_on(self, scope: Scope, receive: Receive, send: Send, address: str) -> None:
        """To the pages, forms and files of browsers, which have the same line in the log."""
        started, status, state = time.perf_counter(), 0, scope["state"]

        async def send_and_see(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._elsewhere(scope, receive, _with_id(send_and_see, state["request_id"]))
        finally:
            # What pages are made of is served to everybody and says nothing about anybody.
            if "route" in scope or "." not in scope["path"].rpartition("/")[2]:
                route = getattr(scope.get("route"), "path", "page")
                self._say(log.info, scope, route, status or _GONE, time.perf_counter() - started, address)

    def _address(self, scope: Scope) -> str:
        return proxies.address_in(self._settings, scope)

    def _note(self, scope: Scope, state: MutableMapping[str, Any], status: int, seconds: float, address: str) -> None:
        route = getattr(scope.get("route"), "path", "unmatched")
        method = scope["method"] if scope["method"] in _METHODS else "OTHER"
        self._metrics.observe(method=method, route=route, status=status, seconds=seconds)
        self._note_refusal(state, f"{method} {route}", status)
        self._say(log.debug if route in _QUIET else log.info, scope, route, status, seconds, address)

    @staticmethod
    def _say(say: Any, scope: Scope, route: str, status: int, seconds: float, address: str) -> None:  # noqa: PLR0917
        """One line. The template and the object's id, and not the address: a query may hold somebody's name."""
        state = scope["state"]
        actor = state.get("actor")
        meant = [str(value) for value in (scope.get("path_params") or {}).values()] or [scope["path"]]
        known = {"object": " ".join(meant) if route == "page" or scope.get("path_params") else None}
        if known["object"] is None or not _SANE_OBJECT.fullmatch(known["object"]):
            known = {}
        say(
            "request",
            method=scope["method"] if scope["method"] in _METHODS else "OTHER",
            route=route,
            **known,
            status=status,
            milliseconds=round(seconds * 1000, 1),
            **_ids(state),
            address=address,
            actor=str(actor.user_id) if actor else None,
        )

    def _note_refusal(self, state: MutableMapping[str, Any], asked: str, status: int) -> None:
        """What was not allowed, or too much. A refusal of signing in was written down where it was decided."""
        actor, refusal = state.get("actor"), state.get("refusal")
        person = actor.person if actor else None
        if status == _FORBIDDEN and person and not isinstance(refusal, StepUpRequired):
            write = security_events.later(self._db, Event.NOT_ALLOWED, reason="role", person=person, thing=asked,
                                          trail=security_events.ATTEMPTED)  # fmt: skip
        elif isinstance(refusal, Throttled) and not isinstance(refusal, SignInLocked):
            write = security_events.later(self._db, Event.TOO_MUCH, reason="requests", person=person, thing=asked)
        else:
            return
        if write is not None:
            # Nobody waits for it; it takes along where the request came from.
            asyncio.get_running_loop().run_in_executor(None, contextvars.copy_context().run, write)


class LastResort:
    """Around whatever answers: an exception that leaves it is a bug, and its text stays in the log."""

    def __init__(self, app: ASGIApp) -> None:
        """Takes what answers."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers 500 if no answer has begun."""
        begun = False

        async def send_and_note(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self._app(scope, receive, send_and_note)
        except ClientDisconnect:
            # Nobody is left to answer; whoever sent half a body has not been heard.
            pass
        except Exception as error:
            if scope["type"] != "http" or not OWN_PATHS.match(scope["path"]):
                raise
            # As text: a pretty traceback would print local variables, and with them passwords and tokens.
            trace = "".join(traceback.format_exception(error))
            log.error("request.failed", **_ids(scope.get("state", {})), method=scope["method"], exception=trace)  # noqa: TRY400
            if begun:
                raise  # The server can only cut the connection.
            await errors.of_bug(Request(scope), error)(scope, receive, send)


def _with_id(send: Send, request_id: str) -> Send:
    async def send_with_id(message: Message) -> None:
        if message["type"] == "http.response.start":
            MutableHeaders(scope=message).setdefault("x-request-id", request_id)
        await send(message)

    return send_with_id


def _ids(state: MutableMapping[str, Any]) -> dict[str, str | None]:
    """Our number for a request, and the client's beside it: the one of them that it was told is found in the log."""
    own, told = state.get("own_id"), state.get("request_id")
    return {"request_id": own, **({"client_request_id": told} if told != own else {})}


def _add_headers(message: Message, state: MutableMapping[str, Any]) -> None:
    headers = message["headers"] = list(message.get("headers", ()))
    present = {name for name, _ in headers}
    own = state.get("headers", {}).items()
    added = ((b"x-request-id", state["request_id"].encode()), *_HEADERS, *((n.encode(), v.encode()) for n, v in own))
    headers += [item for item in added if item[0] not in present]
