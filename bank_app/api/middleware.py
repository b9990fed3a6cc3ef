"""Around every request of the API: its id, its log line, its numbers, and headers that browsers obey. Pure ASGI."""

from __future__ import annotations

import re
import time
import traceback
from collections.abc import MutableMapping
from typing import Any

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bank_app.api import errors
from bank_app.api.metrics import Metrics
from bank_app.domain.identifiers import new_id

OWN_PATHS = re.compile(r"/(api|problems|healthz|readyz|metrics)(/|$)")
_SANE_ID = re.compile(r"[A-Za-z0-9._:\-]{1,128}", re.ASCII)
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_QUIET = frozenset({"/healthz", "/readyz", "/metrics"})
_HEADERS = {
    "x-content-type-options": "nosniff",
    "cache-control": "no-store",
    # JSON is never rendered, so nothing may be loaded or run from it; pages bring a policy of their own.
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "referrer-policy": "no-referrer",
}
_GONE = 499  # What web servers write down when the client left; never sent.
log = structlog.get_logger("bank_app.api")


class Envelope:
    """Everything that an answer of the API carries around its body. Other addresses get an id and pass."""

    def __init__(self, app: ASGIApp, *, metrics: Metrics) -> None:
        """Takes the application inside and where to count."""
        self._app, self._metrics = app, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers 500 itself: an exception that left the application is a bug, and its text stays in the log."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        state = scope["state"] = {**scope.get("state", {}), "request_id": _request_id(scope)}
        if not OWN_PATHS.match(scope["path"]):
            await self._app(scope, receive, _with_id(send, state["request_id"]))
            return
        started, status = time.perf_counter(), 0

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                _add_headers(message, state)
            await send(message)

        try:
            await self._app(scope, receive, send_with_headers)
        except ClientDisconnect:
            # Nobody is left to answer; whoever sent half a body has not been heard.
            status = status or _GONE
        except Exception as error:
            # As text: a pretty traceback would print local variables, and with them passwords and tokens.
            trace = "".join(traceback.format_exception(error))
            log.error("request.failed", request_id=state["request_id"], method=scope["method"], exception=trace)  # noqa: TRY400
            if status:
                raise  # The answer has begun; the server can only cut the connection.
            await errors.of_bug(Request(scope), error)(scope, receive, send_with_headers)
        finally:
            self._note(scope, state, status, time.perf_counter() - started)

    def _note(self, scope: Scope, state: MutableMapping[str, Any], status: int, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", "unmatched")
        method = scope["method"] if scope["method"] in _METHODS else "OTHER"
        self._metrics.observe(method=method, route=route, status=status, seconds=seconds)
        actor = state.get("actor")
        # The template and not the address: a query may hold somebody's name.
        (log.debug if route in _QUIET else log.info)(
            "request",
            method=method,
            route=route,
            status=status,
            milliseconds=round(seconds * 1000, 1),
            request_id=state["request_id"],
            actor=str(actor.user_id) if actor else None,
        )


def _with_id(send: Send, request_id: str) -> Send:
    async def send_with_id(message: Message) -> None:
        if message["type"] == "http.response.start":
            MutableHeaders(scope=message).setdefault("x-request-id", request_id)
        await send(message)

    return send_with_id


def _request_id(scope: Scope) -> str:
    sent = Headers(scope=scope).get("x-request-id", "")
    return sent if _SANE_ID.fullmatch(sent) else new_id().hex


def _add_headers(message: Message, state: MutableMapping[str, Any]) -> None:
    headers = MutableHeaders(scope=message)
    headers["x-request-id"] = state["request_id"]
    for name, value in {**_HEADERS, **state.get("headers", {})}.items():
        headers.setdefault(name, value)
