"""Before the queue: which messages of a socket become events at all, and how many. The guard comes after it.

The framework queues whatever it is sent, logs what it cannot understand together with the connection's headers, and
answers a failure with another event. So nothing gets that far that is not an event of these pages, well formed.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, cast

import reflex as rx
from cachetools import TTLCache
from socketio.exceptions import ConnectionRefusedError as Refused

from bank_app.domain import addresses
from bank_app.services import proxies
from bank_app.ui import calls
from bank_app.ui.guard import Buckets, knows

log = logging.getLogger(__name__)

_LONGEST_ADDRESS = 2_000
# What a browser's script emits; all others, such as another "connect", are the server's own.
_EMITTED = frozenset({"event", "ping", "client_error"})


class Door:
    """Stands in front of an application's socket namespace from the moment it is made."""

    def __init__(self, app: rx.App) -> None:
        """Takes its place."""
        self._namespace = cast("Any", app.event_namespace)
        self._inside = self._namespace.trigger_event
        self._namespace.trigger_event = self.trigger_event
        self._addresses: dict[str, str] = {}
        self._sockets = Buckets(burst=80, rate=20)
        self._events = Buckets(burst=800, rate=200)
        # Every visit begins a state, and it is kept for a while after the visitor has gone.
        self._visits = Buckets(burst=200, rate=4)
        self._said: TTLCache[tuple[str, str], bool] = TTLCache(maxsize=10_000, ttl=60)

    async def trigger_event(self, event: str, sid: str, *sent: Any) -> Any:
        """Hands on what may come in; everything else ends here without a word to whoever sent it."""
        # While somebody comes or goes this is false, so a client that says "connect" once more is not believed.
        if self._namespace.app.sio.manager.is_connected(sid, self._namespace.namespace):
            problem, sent = self._judge(event, sid, sent)
            return self._refuse(sid, problem) if problem else await self._inside(event, sid, *sent)
        if event == "connect":
            return await self._come_in(sid, *sent)
        self._addresses.pop(sid, None)
        return await self._inside(event, sid, *sent)

    def _judge(self, event: str, sid: str, sent: tuple[Any, ...]) -> tuple[str, tuple[Any, ...]]:
        """Why a message may not come in, or nothing; and what of it does."""
        if event not in _EMITTED or len(sent) > 1:
            return "not an event", ()
        if not self._may(self._sockets, sid) or not self._may(self._events, _network(self._addresses.get(sid, ""))):
            return "too many", ()
        if event != "event":
            return "", sent
        ours = well_formed(sent[0]) if sent else None
        return ("", (ours,)) if ours else ("not one of ours", ())

    async def _come_in(self, sid: str, environ: dict[str, Any], *more: Any) -> Any:
        address = _address(environ.get("asgi.scope", {}))
        if not self._may(self._visits, _network(address)):
            self._refuse(sid, "too many connections", address)
            raise Refused("Too many connections. Wait a moment.")
        self._addresses[sid] = address
        if more and isinstance(more[0], dict) and "event" in more[0]:
            # The first event comes with the connection itself; the same rules are for it.
            ours = well_formed(more[0]["event"])
            more = ({**more[0], "event": ours},) if ours else ({k: v for k, v in more[0].items() if k != "event"},)
        return await self._inside("connect", sid, environ, *more)

    def _may(self, buckets: Buckets, key: str) -> bool:
        return not calls.bank().settings.rate_limits or buckets.take(key)

    def _refuse(self, sid: str, why: str, address: str = "") -> None:
        """One line a minute for each address: a flood must not become one of the log."""
        address = address or self._addresses.get(sid, "")
        if (address, why) not in self._said:
            self._said[address, why] = True
            log.warning("socket: refused from %s: %s", address, why)


def well_formed(sent: Any) -> dict[str, Any] | None:
    """The event, reduced to what a page sends; nothing if it is none of these pages."""
    if not isinstance(sent, Mapping) or not isinstance(sent.get("name"), str) or not knows(sent["name"]):
        return None
    payload, router = sent.get("payload") or {}, sent.get("router_data") or {}
    if not isinstance(payload, Mapping) or not isinstance(router, Mapping):
        return None
    query = router.get("query") or {}
    pairs = query.items() if isinstance(query, Mapping) else ()
    return {
        "name": sent["name"],
        "payload": dict(payload),
        "router_data": {
            "pathname": _path(router.get("pathname")),
            "asPath": _path(router.get("asPath")),
            "query": {name: value for name, value in pairs if isinstance(value, str)},
        },
    }


def _path(sent: Any) -> str:
    """A path on this site. The framework puts it behind the origin and parses the two as one address."""
    # What stands behind a # is the browser's own: links for a new password carry theirs there.
    text = sent[:_LONGEST_ADDRESS].partition("#")[0] if isinstance(sent, str) else ""
    return "/" + text.lstrip("/\\")


def _network(address: str) -> str:
    return addresses.networks(address)[0]


def _address(scope: Mapping[str, Any]) -> str:
    return proxies.address_in(calls.bank().settings, scope)
