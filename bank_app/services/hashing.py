"""Where passwords are hashed: on a few threads of their own with a short queue before them, whoever asks.

A hash takes 64 MiB and a tenth of a second of a processor on purpose. There is one `desk` in a process for all
entrances, so a storm of guesses waits for itself: it takes no thread, no memory and no turn of anybody who reads or
pays, and whoever finds the queue full is told so at once.
"""

from __future__ import annotations

import asyncio
import contextvars
import functools
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, TypeVar

from bank_app.domain import addresses
from bank_app.errors import PasswordsBusy
from bank_app.services import audit
from bank_app.services.turns import Line
from bank_app.settings import Settings

T = TypeVar("T")
_MOST_THREADS = 64


@dataclass(slots=True)
class Figures:
    """What a desk has done since the process began."""

    done: int = 0
    refused: int = 0
    seconds: float = 0.0


class Desk:
    """Threads that hash, and who waits for them: by turns of addresses, of which none may hold more than half."""

    def __init__(self, *, threads: int = 1, queue: int = 16) -> None:
        """Starts no thread before there is something to do."""
        self.queue = queue
        self.figures = Figures()
        self._line = Line("hashing", threads=threads, most_threads=_MOST_THREADS)
        self._inside = threading.local()

    def arrange(self, settings: Settings) -> None:
        """Takes the sizes that this process was given."""
        self._line.threads, self.queue = settings.hashing_threads, settings.hashing_queue

    @property
    def threads(self) -> int:
        """How many passwords are hashed at once."""
        return self._line.threads

    @property
    def waiting(self) -> int:
        """How many wait for a thread now."""
        return self._line.waiting

    @property
    def working(self) -> int:
        """How many threads are at it now."""
        return self._line.working

    def require_room(self) -> None:
        """Refuses who would find the queue full; asked before anything of a request is read.

        Raises:
            PasswordsBusy: too many wait; `details["retry_after"]` in seconds.
        """
        with self._line.lock:
            self._require_room(_address())

    async def run(self, function: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        """Runs what hashes a password, and whatever belongs to it, on a thread of the desk.

        Raises:
            PasswordsBusy: too many wait already; nothing was done.
        """
        found: T = await asyncio.wrap_future(self._accept(functools.partial(function, *args, **kwargs)))
        return found

    def now(self, function: Callable[..., T], *args: Any) -> T:
        """As `run` for whoever may block: a command, or what is on a thread of the desk already.

        Raises:
            PasswordsBusy: too many wait already.
        """
        if getattr(self._inside, "is_here", False):
            return function(*args)
        found: T = self._accept(functools.partial(function, *args)).result()
        return found

    def _accept(self, work: Callable[[], T]) -> Future[T]:
        who, context = _address(), contextvars.copy_context()
        with self._line.lock:
            self._require_room(who)
            return self._line.submit(who, functools.partial(context.run, self._do, work))

    def _require_room(self, who: str) -> None:
        line = self._line
        # Behind a proxy that is not told apart everybody has one address: half a queue is still a queue.
        one_has_much = line.of(who) >= max(1, self.queue // 2)
        if line.working >= line.threads and (line.waiting >= self.queue or one_has_much):
            self.figures.refused += 1
            # As long as those that wait now take, going by all that was done.
            seconds = max(1, int(line.waiting * self.figures.seconds // (max(1, self.figures.done) * line.threads)))
            raise PasswordsBusy(
                "Many people sign in or choose a password at this moment. Nothing was changed; try again shortly.",
                retry_after=seconds,
            )

    def _do(self, work: Callable[[], T]) -> T:
        self._inside.is_here = True
        began = time.perf_counter()
        try:
            return work()
        finally:
            with self._line.lock:
                self.figures.done += 1
                self.figures.seconds += time.perf_counter() - began


def _address() -> str:
    return addresses.networks(audit.source().address or "")[0]


# The memory that hashing takes is a process's, however many banks it has open.
desk = Desk()
