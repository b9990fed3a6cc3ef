"""In front of every event: who is it, is this tab theirs, and may a browser call this at all."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any
from urllib.parse import quote
from uuid import UUID

import reflex as rx
from cachetools import TTLCache
from reflex.event import Event
from reflex.state import BaseState, StateUpdate
from reflex_base.event.context import EventContext
from reflex_base.registry import RegistrationContext

from bank_app.domain import money
from bank_app.errors import BankError
from bank_app.services import audit, auth, proxies, security_events
from bank_app.services.actor import Actor
from bank_app.services.auth import End
from bank_app.ui import calls, cookies, first_run
from bank_app.ui.session import SessionState, holder

log = logging.getLogger(__name__)

CUSTOMER, PUBLIC, STAFF = "customer", "public", "staff"
_MARK = "__bank_exposed__"
_FOR_ENROLLING = "__bank_for_enrolling__"
# Where somebody is led who has to set two-step sign-in up before anything else.
ENROL = "/enrol"
_audiences: dict[str, str] = {}
# The handlers with which that is done.
_for_enrolling: set[str] = set()
# Handlers of these names are called by the bank, not by what somebody did, so they keep nobody signed in.
_BY_ITSELF = frozenset({"refresh", "arrived", "redraw"})
# The event that is worked on and whose it is, for what may have to be done once more after he has given a code.
under_way: ContextVar[tuple[Event, UUID | None] | None] = ContextVar("event_under_way", default=None)
# What the framework itself must be able to call: showing the state of a tab and starting a page's load events.
FRAMEWORK = frozenset(
    {
        "reflex___state____state.hydrate",
        "reflex___state____state.hydrate_and_load",
        "reflex___state____state.set_is_hydrated",
        "reflex___state____state.reflex___state____on_load_internal_state.on_load_internal",
        "reflex___state____state.reflex___state____on_load_internal_state.set_is_hydrated",
        "reflex___state____state.reflex___state____update_vars_internal_state.update_vars_internal",
        "reflex___state____state.reflex___state____frontend_event_exception_state.handle_frontend_exception",
    }
)


def exposed(
    handler: Callable[..., Any] | None = None,
    *,
    public: bool = False,
    staff: bool = False,
    enrolling: bool = False,
    **options: Any,
) -> Any:
    """Marks a handler that a browser may call, in place of `rx.event`.

    `public` means without signing in, `staff` only for the bank's people; what each of them may do, services decide.
    `enrolling` is for what sets two-step sign-in up, also for who must do that before anything else.
    """

    def mark(function: Callable[..., Any]) -> Any:
        setattr(function, _MARK, PUBLIC if public else STAFF if staff else CUSTOMER)
        setattr(function, _FOR_ENROLLING, enrolling)
        return rx.event(function, **options) if options else rx.event(function)

    return mark(handler) if handler is not None else mark


def callable_handlers() -> dict[str, str]:
    """The full names of all marked handlers, and whether each is for everybody or for people signed in."""
    handlers = RegistrationContext.get().event_handlers
    marked = {name: getattr(found.handler.fn, _MARK, None) for name, found in handlers.items()}
    return {name: audience for name, audience in marked.items() if audience}


def seal() -> None:
    """Removes every handler that is not marked; Reflex makes one of each public method. Once, after all imports."""
    handlers = RegistrationContext.get().event_handlers
    _audiences.clear()
    _audiences.update(callable_handlers())
    _for_enrolling.clear()
    _for_enrolling.update(name for name in _audiences if getattr(handlers[name].handler.fn, _FOR_ENROLLING, False))
    for name in list(handlers):
        if name not in FRAMEWORK and name not in _audiences:
            del handlers[name]


def knows(name: str) -> bool:
    """Whether a browser could have a reason to send this event; who sent it is asked later."""
    return name in FRAMEWORK or name in _audiences


class Buckets:
    """Token buckets: a burst at once, then a steady rate. Forgotten after a minute without events."""

    def __init__(self, *, burst: float, rate: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._burst, self._rate, self._clock = burst, rate, clock
        self._left: TTLCache[str, tuple[float, float]] = TTLCache(maxsize=50_000, ttl=60)

    def take(self, key: str) -> bool:
        """Whether one more event of `key` is let through."""
        now = self._clock()
        left, then = self._left.get(key, (self._burst, now))
        left = min(self._burst, left + (now - then) * self._rate)
        self._left[key] = (left - 1 if left >= 1 else left, now)
        return left >= 1


def sign_in_address(path: str, *, ended: End | None) -> str:
    """Where somebody without a session is sent, with the way back."""
    here = path.partition("?")[0].rstrip("/")
    query = [f"next={quote(path, safe='/')}"] if here not in ("", "/sign-in") else []
    if ended:
        query.insert(0, f"ended={ended}")
    return "/sign-in" + ("?" + "&".join(query) if query else "")


def _whole(url: Any) -> str:
    """The path with its query: what somebody was filling in is kept under it."""
    return f"{url.path}?{url.query}" if url.query else url.path


class SessionGuard(rx.Middleware):
    """Denies by default. A tab belongs to the session that it was opened with, and to no other."""

    async def preprocess(self, app: rx.App, state: BaseState, event: Event) -> StateUpdate | None:
        """Stops the event, or lets it run as the person whose cookie came with the connection."""
        if not first_run.is_settled(calls.bank().db):
            await calls.call(first_run.facts, calls.bank().db)
        bank = calls.bank()
        router = state.router
        # Whatever this event leads to is recorded with where it came from.
        sent = [(name.encode(), str(value).encode()) for name, value in router.headers.raw_headers.items()]
        address = proxies.address_of(bank.settings, router.session.client_ip, sent)
        audit.came_from(address, EventContext.get().txid, "socket", event.name.rpartition(".")[2])
        token = cookies.session_token(router.headers.cookie, bank.settings)
        try:
            active = event.name.rpartition(".")[2] not in _BY_ITSELF
            whose = auth.actor_of_cookie
            actor = await calls.call(whose, bank.db, token, active=active, enrolling=True) if token else None
        except BankError as error:
            # The books cannot be asked who this is: nothing runs, and the page keeps what it shows.
            log.warning("event refused: %s", error.code)
            return StateUpdate()
        calls.acting_for(actor)
        under_way.set((event, actor.sign_in_id) if actor else None)
        root = state._get_root_state()  # noqa: SLF001 - the only way to the whole tab
        session = await root.get_state(SessionState)
        theirs = session._tab_session  # noqa: SLF001
        ended = bool(theirs) and actor is None
        # What a tab showed before its person had to set something up is not for whoever does that.
        kept_out = actor is not None and actor.must_enrol and not session.must_enrol
        if theirs != holder(actor) or kept_out or session._knows_another(bank.settings):  # noqa: SLF001
            if theirs and (theirs != holder(actor) or kept_out):
                root.reset()
                session = await root.get_state(SessionState)
            session._welcome(actor, bank.settings)  # noqa: SLF001
            if ended:
                how = await calls.call(auth.end_of_session, bank.db, token) if token else End.UNKNOWN
                # A page that is open while somebody signs out is not where whoever comes next wants to go.
                path = "" if how is End.SELF else _whole(router.url)
                session._way_in = sign_in_address(path, ended=how)  # noqa: SLF001
        if actor is not None:
            session._follow(actor, bank.settings)  # noqa: SLF001
        money.hide(session.private)
        money.write_as(session.locale)
        audience = _audiences.get(event.name)
        if event.name in FRAMEWORK or audience == PUBLIC:
            return None
        if actor is not None:
            return await self._judge(actor, event, audience, router.url.path)
        if router.url.path.rstrip("/") == "/sign-in":
            # What was under way for the page before: the way back that stands in the address here is not lost over it.
            return StateUpdate()
        address = session._way_in or sign_in_address(_whole(router.url), ended=None)  # noqa: SLF001
        return StateUpdate(events=Event.from_event_type(rx.redirect(address)))

    async def _judge(self, actor: Actor, event: Event, audience: str | None, path: str) -> StateUpdate | None:
        """Whether somebody signed in may send this event."""
        if actor.must_enrol:
            if event.name in _for_enrolling:
                return None
            # On the page for that nobody is sent to it once more.
            at_it = path.rstrip("/") == ENROL
            return StateUpdate() if at_it else StateUpdate(events=Event.from_event_type(rx.redirect(ENROL)))
        if audience == CUSTOMER or (audience == STAFF and actor.role.sees_every_account):
            return None
        log.warning("event refused: not callable: %s", event.name.rpartition(".")[2])
        if audience == STAFF:
            await calls.call(security_events.not_allowed, calls.bank().db, actor.person, event.name.rpartition(".")[2])
        return StateUpdate()
