"""How a page reaches the bank: services run on threads of their own, so that no handler blocks the event loop."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import functools
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from fastapi import Request
from sqlalchemy.orm import Session

from bank_app.database import Database
from bank_app.errors import EnrolmentRequired, Forbidden, StepUpRequired
from bank_app.services import audit, auth, security_events, vitals, work
from bank_app.services.actor import Actor
from bank_app.services.hashing import desk
from bank_app.services.security_events import Event
from bank_app.settings import Settings
from bank_app.ui import cookies

T = TypeVar("T")


@dataclass(frozen=True)
class Bank:
    """What every page needs: the database and the settings of this process."""

    db: Database
    settings: Settings
    threads: ThreadPoolExecutor
    apart: ThreadPoolExecutor


_connected: list[Bank] = []
# For whom the bank is asked from here on, in this task and what it starts.
_asking: ContextVar[Actor | None] = ContextVar("asking", default=None)


def connect(db: Database, settings: Settings) -> None:
    """Says which bank the pages of this process belong to; the composition root calls it once.

    As many threads as database connections: one more thread would only wait for a connection.
    """
    threads = ThreadPoolExecutor(max_workers=settings.pool_size, thread_name_prefix="page")
    apart = ThreadPoolExecutor(max_workers=4, thread_name_prefix="apart")
    desk.arrange(settings)
    _connected[:] = [Bank(db, settings, threads, apart)]


def bank() -> Bank:
    """The bank that the pages belong to."""
    return _connected[0]


def adopt(settings: Settings) -> None:
    """Other settings from now on, because the bank was set up in the browser."""
    _connected[:] = [replace(bank(), settings=settings)]


async def _asked_for_a_code() -> None:
    """Until pages say how a person is asked for a code, nobody is."""


# What happens on the page when a service turns somebody away until he gives a fresh code; the dialog puts itself here.
when_code_wanted: list[Callable[[], Awaitable[None]]] = [_asked_for_a_code]


async def call(function: Callable[..., T], *args: Any, **kwargs: Any) -> T:
    """Runs a blocking function on one of the threads."""
    began = time.perf_counter()
    try:
        return await _run(bank().threads, functools.partial(function, *args, **kwargs))
    finally:
        vitals.of(bank().db).pages.observe(time.perf_counter() - began)


async def call_apart(function: Callable[..., T], *args: Any, **kwargs: Any) -> T:
    """Runs what takes long, such as reading all of an account, on threads that no page waits for."""
    return await _run(bank().apart, functools.partial(function, *args, **kwargs))


async def call_hashing(function: Callable[..., T], *args: Any, **kwargs: Any) -> T:
    """Runs what hashes a password where all do, so that whoever signs in waits for nobody who reads much.

    Raises:
        PasswordsBusy: too many wait already.
    """
    async with refusals_heeded():
        return await desk.run(function, *args, **kwargs)


def acting_for(actor: Actor | None) -> None:
    """Says who asks from here on, so that what is refused is written down with who it was."""
    _asking.set(actor)


async def sender_of(
    request: Request, db: Database, settings: Settings, *, enrolling: bool = False
) -> tuple[Actor | None, str]:
    """Who sent a request of a browser, by its session cookie, and that cookie.

    Raises:
        EnrolmentRequired: as `auth.actor_of_cookie`.
    """
    token = cookies.session_token(request.headers.get("cookie", ""), settings)
    actor = await call(auth.actor_of_cookie, db, token, enrolling=enrolling) if token else None
    acting_for(actor)
    # For the line in the log of requests.
    request.scope.setdefault("state", {})["actor"] = actor
    came, path = audit.source(), getattr(request.scope.get("route"), "path", request.url.path)
    audit.came_from(came.address, came.request_id, "browser", f"{request.method} {path}")
    return actor, token


def note(event: Event, **about: Any) -> None:
    """Has something written down that no service sees, without waiting for it."""
    asking = _asking.get()
    known = {"person": asking.person if asking else None, "thing": audit.source().asked, **about}
    write = security_events.later(bank().db, event, **known)
    if write is not None:
        with contextlib.suppress(RuntimeError):
            # At the very end of a process no thread begins anything; the log has it.
            bank().threads.submit(contextvars.copy_context().run, write)


async def _run(threads: ThreadPoolExecutor, work: Callable[[], T]) -> T:
    async with refusals_heeded():
        return await asyncio.get_running_loop().run_in_executor(threads, contextvars.copy_context().run, work)


@contextlib.asynccontextmanager
async def refusals_heeded() -> AsyncIterator[None]:
    """What a service does not allow somebody is written down, whichever page or form asked for it.

    Not what he may do once he has given a code, which is asked for, or once he has set his second step up.
    """
    try:
        yield
    except StepUpRequired:
        await when_code_wanted[-1]()
        raise
    except EnrolmentRequired:
        raise
    except Forbidden:
        if _asking.get() is not None:
            note(Event.NOT_ALLOWED, reason="role", trail=security_events.ATTEMPTED)
        raise


async def read(operation: Callable[[Session], T]) -> T:
    """Runs a service that reads, such as `lambda session: accounts.own_accounts(session, actor)`, in one snapshot."""
    db, actor = bank().db, _asking.get()
    if actor is None:
        return await call(db.read, operation)
    # Somebody with many tabs waits for his own, and for nobody else's.
    async with work.of(db).among_own(actor.user_id):
        with work.of(db).priced(actor.user_id):
            return await call(db.read, operation)


async def search(operation: Callable[[Session], T], *, narrowed: bool) -> T:
    """Runs a service that lists; if something narrows the list, it may have to read much to find what fits.

    Raises:
        TooMuchWork: whoever asks has to wait.
    """
    if narrowed and (actor := _asking.get()):
        work.of(bank().db).admit(actor.user_id)
    return await read(operation)


async def read_much(actor: Actor, operation: Callable[[Session], T], *, large: bool = False) -> T:
    """Runs what reads all of an account and the like, where no page waits for it; one at a time if it is `large`.

    Raises:
        TooMuchWork, LargeWorkRunning, Overloaded: as `Work.large`.
    """
    db = bank().db
    office = work.of(db)
    office.admit(actor.user_id)
    async with refusals_heeded():
        with office.large(actor.user_id) if large else contextlib.nullcontext():
            return await office.run(actor.user_id, lambda: db.read(operation))


async def write(operation: Callable[[Session], T]) -> T:
    """Runs a writing service as one unit of work."""
    return await call(bank().db.unit_of_work, operation)
