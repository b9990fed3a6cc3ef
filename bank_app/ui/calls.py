"""How a page reaches the bank: services run on threads of their own, so that no handler blocks the event loop."""

from __future__ import annotations

import asyncio
import contextvars
import functools
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from sqlalchemy.orm import Session

from bank_app.database import Database
from bank_app.services import vitals
from bank_app.services.hashing import desk
from bank_app.settings import Settings

T = TypeVar("T")


@dataclass(frozen=True)
class Bank:
    """What every page needs: the database and the settings of this process."""

    db: Database
    settings: Settings
    threads: ThreadPoolExecutor
    apart: ThreadPoolExecutor


_connected: list[Bank] = []


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
    return await desk.run(function, *args, **kwargs)


async def _run(threads: ThreadPoolExecutor, work: Callable[[], T]) -> T:
    return await asyncio.get_running_loop().run_in_executor(threads, contextvars.copy_context().run, work)


async def read(operation: Callable[[Session], T]) -> T:
    """Runs a service that reads, such as `lambda session: accounts.own_accounts(session, actor)`, in one snapshot."""
    return await call(bank().db.read, operation)


async def write(operation: Callable[[Session], T]) -> T:
    """Runs a writing service as one unit of work."""
    return await call(bank().db.unit_of_work, operation)
