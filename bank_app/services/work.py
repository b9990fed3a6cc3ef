"""What somebody's requests cost the bank, and how much one person may ask of it.

Requests are counted elsewhere; here it is what they make the bank do. The unit is a row: one that is read costs 1, and
everything else what the bank does meanwhile. Each person has a bucket of them that fills again steadily:

    office = work.of(db)
    office.admit(person)                       # 429 while the bucket is empty: before anything was done
    office.charge(person, work.ITEM * many)    # afterwards, because only then it is known; it may go below zero

What reads or writes very much is large, and of that everybody does one thing at a time:

    with office.large(person):                 # admits as well; 429 beside another one, 503 when too many people do
        ...

`run` does it on a few threads of its own on which whoever had least goes first: a large thing comes in parts, and
somebody's first page waits for no more than the parts under way. Everything is counted in this process.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import heapq
import itertools
import math
import threading
import time
import weakref
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar
from uuid import UUID

from cachetools import TTLCache

from bank_app.database import Database, Stopwatch, stopwatch
from bank_app.errors import LargeWorkRunning, Overloaded, TooMuchWork
from bank_app.settings import Settings

T = TypeVar("T")
# Prices in rows read: an item of a batch, a file whatever is in it, and a second of the database and what waits for it.
ITEM, FILE, SECOND = 5, 50, 10_000
# What is answered within this time costs its rows and no more, however busy the machine is; and so long may a row take.
_FREE_SECONDS, _SECONDS_PER_ROW = 0.25, 0.002
# Nobody who asked for too much is kept waiting longer for what he did.
_LONGEST_WAIT = 60
_MOST_PEOPLE = 50_000


@dataclass(frozen=True, slots=True)
class Figures:
    """What this process did and refused since it began; `running` and `waiting` are of now."""

    units: int
    running: int
    waiting: int
    finished: int
    broken: int
    spent: int
    one_at_a_time: int
    full: int


class Work:
    """The buckets, the large things under way and the threads for them, of one database in this process."""

    def __init__(self, settings: Settings, *, now: Callable[[], float] = time.monotonic) -> None:
        """Nobody has used anything yet."""
        self._settings, self._now = settings, now
        self._guard = threading.Lock()
        refilled = settings.work_limit / settings.work_per_second + _LONGEST_WAIT
        # Forgotten once it must be full again.
        self._left: TTLCache[UUID, tuple[float, float]] = TTLCache(_MOST_PEOPLE, refilled, timer=now)
        self._large: Counter[UUID] = Counter()
        self._counts: Counter[str] = Counter()
        self._running, self._order = 0, itertools.count()
        self._waiting: list[tuple[int, int, asyncio.Future[None]]] = []
        self._threads = ThreadPoolExecutor(settings.work_threads, thread_name_prefix="large")
        self._reading: dict[UUID, tuple[asyncio.Semaphore, int]] = {}

    # --- the price ----------------------------------------------------------------------------------

    def admit(self, person: UUID) -> None:
        """Lets somebody ask for what may cost much.

        Raises:
            TooMuchWork: what he asked for before has used up all that he has; `details["retry_after"]` in seconds.
        """
        if not self._settings.rate_limits:
            return
        with self._guard:
            left = self._of(person)
            if left > 0:
                return
            self._counts["spent"] += 1
        wait = max(1, math.ceil((1 - left) / self._settings.work_per_second))
        raise TooMuchWork(
            f"What you asked for lately kept the bank busy. Wait {wait} seconds before you ask for more.",
            retry_after=wait,
        )

    def charge(self, person: UUID, units: int) -> None:
        """Takes so many from somebody's bucket, below zero if need be."""
        if units <= 0:
            return
        with self._guard:
            self._counts["units"] += units
            least = -_LONGEST_WAIT * self._settings.work_per_second
            self._left[person] = max(least, self._of(person) - units), self._now()

    def _of(self, person: UUID) -> float:
        limit = float(self._settings.work_limit)
        left, then = self._left.get(person, (limit, self._now()))
        return min(limit, left + (self._now() - then) * self._settings.work_per_second)

    @contextlib.contextmanager
    def priced(self, person: UUID) -> Iterator[None]:
        """Charges for the time that what is read meanwhile takes, if it is long."""
        watch = Stopwatch()
        before = stopwatch.set(watch)
        try:
            yield
        finally:
            stopwatch.reset(before)
            self.charge(person, price(watch.seconds))

    # --- one large thing at a time --------------------------------------------------------------------

    @contextlib.contextmanager
    def large(self, person: UUID) -> Iterator[None]:
        """Around something that reads or writes very much.

        Raises:
            LargeWorkRunning: the same person has another one under way.
            TooMuchWork: as `admit`.
            Overloaded: too many people have one under way.
        """
        self.admit(person)
        with self._guard:
            self._require_none_of(person)
            if self._large.total() >= self._settings.large_at_once:
                self._counts["full"] += 1
                raise Overloaded("Too many people have large things done just now. Nothing was done; ask again.")
            self._large[person] += 1
        done = False
        try:
            yield
            done = True
        finally:
            with self._guard:
                self._large[person] -= 1
                self._large += Counter()  # Without those that have none.
                self._counts["finished" if done else "broken"] += 1

    def ask_for_large(self, person: UUID) -> None:
        """Refuses as `large` would now, before what is asked for was even read.

        Raises:
            LargeWorkRunning, TooMuchWork: as `large`.
        """
        self.admit(person)
        with self._guard:
            self._require_none_of(person)

    def _require_none_of(self, person: UUID) -> None:
        if self._settings.rate_limits and person in self._large:
            self._counts["one_at_a_time"] += 1
            message = "A large download or batch of yours is still under way. Wait until it is done, or end it."
            raise LargeWorkRunning(message, retry_after=5)

    # --- turns ----------------------------------------------------------------------------------------

    async def run(self, person: UUID, operation: Callable[[], T], *, had: int = 0, rows: int = 0) -> T:
        """Runs what blocks and reads much, or a part of it, on one of the threads for that.

        Args:
            person: Who pays for its time.
            operation: What to run.
            had: How many parts somebody had of the same thing; whoever had fewer goes first.
            rows: How many rows it reads, as far as that is known: so long it may take without costing more.
        """
        await self._turn(had)
        context = contextvars.copy_context()
        # It is paid for here, and not once more by whoever waits for it.
        context.run(stopwatch.set, None)
        began = self._now()
        # The turn is over when the thread is free, also if nobody waits for what comes of it any more.
        future = asyncio.get_running_loop().run_in_executor(self._threads, context.run, operation)
        future.add_done_callback(lambda _: self._next())
        try:
            return await asyncio.shield(future)
        finally:
            self.charge(person, price(self._now() - began, rows=rows) - rows)

    async def _turn(self, had: int) -> None:
        if self._running < self._settings.work_threads:
            self._running += 1
            return
        mine: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (had, next(self._order), mine))
        try:
            await mine
        except asyncio.CancelledError:
            if mine.done() and not mine.cancelled():
                self._next()
            raise

    def _next(self) -> None:
        """Hands the turn to whoever had least and still waits."""
        while self._waiting:
            _, _, future = heapq.heappop(self._waiting)
            if not future.done():
                future.set_result(None)
                return
        self._running -= 1

    @contextlib.asynccontextmanager
    async def among_own(self, person: UUID) -> AsyncIterator[None]:
        """Around a read: of one person only some at once, and more wait for those and for nobody else's."""
        turns, users = self._reading.get(person) or (asyncio.Semaphore(self._settings.reads_at_once), 0)
        self._reading[person] = turns, users + 1
        try:
            async with turns:
                yield
        finally:
            turns, users = self._reading[person]
            if users == 1:
                del self._reading[person]
            else:
                self._reading[person] = turns, users - 1

    # --- figures --------------------------------------------------------------------------------------

    @property
    def figures(self) -> Figures:
        """How it stands now."""
        with self._guard:
            counts = self._counts
            return Figures(
                units=counts["units"],
                running=self._large.total(),
                waiting=len(self._waiting),
                finished=counts["finished"],
                broken=counts["broken"],
                spent=counts["spent"],
                one_at_a_time=counts["one_at_a_time"],
                full=counts["full"],
            )


def price(seconds: float, *, rows: int = 0) -> int:
    """What reading so many rows in such a time costs."""
    return rows + int(max(0.0, seconds - _FREE_SECONDS - rows * _SECONDS_PER_ROW) * SECOND)


_of: weakref.WeakKeyDictionary[Database, Work] = weakref.WeakKeyDictionary()
_making = threading.Lock()


def of(db: Database) -> Work:
    """The work on a database in this process."""
    with _making:
        found: Any = _of.get(db)
        return found if found is not None else _of.setdefault(db, Work(db.settings))
