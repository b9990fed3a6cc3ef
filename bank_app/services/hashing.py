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
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

from bank_app.errors import PasswordsBusy
from bank_app.services import audit
from bank_app.services.turns import Turns
from bank_app.settings import Settings

T = TypeVar("T")
_MOST_THREADS = 64


@dataclass(slots=True)
class Figures:
    """What a desk has done since the process began."""

    done: int = 0
    refused: int = 0
    seconds: float = 0.0


@dataclass(slots=True)
class _Job:
    work: Callable[[], Any]
    answer: Future[Any]


class Desk:
    """Threads that hash, and who waits for them: by turns of addresses, of which none may hold more than half."""

    def __init__(self, *, threads: int = 1, queue: int = 16) -> None:
        """Starts no thread before there is something to do."""
        self.threads, self.queue = threads, queue
        self.figures = Figures()
        self._changed = threading.Lock()
        self._waiting: Turns[_Job] = Turns()
        self._working = 0
        self._pool = ThreadPoolExecutor(_MOST_THREADS, thread_name_prefix="hashing")
        self._inside = threading.local()

    def arrange(self, settings: Settings) -> None:
        """Takes the sizes that this process was given."""
        self.threads, self.queue = settings.hashing_threads, settings.hashing_queue

    @property
    def waiting(self) -> int:
        """How many wait for a thread now."""
        return len(self._waiting)

    @property
    def working(self) -> int:
        """How many threads are at it now."""
        return self._working

    def require_room(self) -> None:
        """Refuses who would find the queue full; asked before anything of a request is read.

        Raises:
            PasswordsBusy: too many wait; `details["retry_after"]` in seconds.
        """
        with self._changed:
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
        answer: Future[T] = Future()
        job, who = _Job(functools.partial(contextvars.copy_context().run, work), answer), _address()
        with self._changed:
            self._require_room(who)
            self._waiting.add(who, job)
            if self._working < self.threads:
                self._working += 1
                self._pool.submit(self._work)
        return answer

    def _require_room(self, who: str) -> None:
        waiting = len(self._waiting)
        # Behind a proxy that is not told apart everybody has one address: half a queue is still a queue.
        one_has_much = self._waiting.of(who) >= max(1, self.queue // 2)
        if self._working >= self.threads and (waiting >= self.queue or one_has_much):
            self.figures.refused += 1
            # As long as those that wait now take, going by all that was done.
            seconds = max(1, int(waiting * self.figures.seconds // (max(1, self.figures.done) * self.threads)))
            raise PasswordsBusy(
                "Many people sign in or choose a password at this moment. Nothing was changed; try again shortly.",
                retry_after=seconds,
            )

    def _work(self) -> None:
        self._inside.is_here = True
        while True:
            with self._changed:
                if not self._waiting or self._working > self.threads:
                    self._working -= 1
                    return
                job = self._waiting.take()
            if job.answer.set_running_or_notify_cancel():
                self._do(job)

    def _do(self, job: _Job) -> None:
        began = time.perf_counter()
        try:
            found = job.work()
        except BaseException as error:  # noqa: BLE001 - whoever waits for it is given it
            job.answer.set_exception(error)
        else:
            job.answer.set_result(found)
        finally:
            with self._changed:
                self.figures.done += 1
                self.figures.seconds += time.perf_counter() - began


def _address() -> str:
    return audit.source().address or ""


# The memory that hashing takes is a process's, however many banks it has open.
desk = Desk()
