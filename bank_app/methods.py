"""HEAD and OPTIONS of every address that has a route, answered from the routes themselves. Pure ASGI."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

# In the scope of a HEAD that is answered like GET: what is long need not be read.
WITHOUT_BODY = "bank.without_body"


class Methods:
    """In front of routes: HEAD is GET without its body, and OPTIONS says what an address answers."""

    def __init__(self, app: ASGIApp, routes: Sequence[BaseRoute]) -> None:
        """Takes what answers, and its routes."""
        self._app, self._routes = app, routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Everything else, and addresses without a route, go on untouched."""
        method = scope["method"] if scope["type"] == "http" else ""
        found = routes_at(self._routes, scope["path"]) if method in ("HEAD", "OPTIONS") else []
        if not found:
            await self._app(scope, receive, send)
        elif method == "OPTIONS":
            scope["route"] = found[0]
            await Response(status_code=204, headers={"allow": allow(found)})(scope, receive, send)
        else:
            asked = "GET" if any("GET" in (route.methods or ()) for route in found) else method
            scope["method"], scope[WITHOUT_BODY] = asked, True
            try:
                await self._app(scope, receive, _without_body(send))
            finally:
                scope["method"] = method


def routes_at(routes: Sequence[BaseRoute], path: str) -> list[Route]:
    """The routes of an address, whatever their method."""
    return [route for route in routes if isinstance(route, Route) and route.path_regex.match(path)]


def allow(routes: Sequence[Route]) -> str:
    """The value of `Allow`: what the routes of an address answer, and what is answered for all of them."""
    methods = {method for route in routes for method in route.methods or ()}
    return ", ".join(sorted(methods | {"OPTIONS"} | ({"HEAD"} if "GET" in methods else set())))


def _without_body(send: Send) -> Send:
    """The length of the body stays announced: it is that of GET."""

    async def send_head(message: Message) -> None:
        await send({**message, "body": b""} if message["type"] == "http.response.body" else message)

    return send_head
