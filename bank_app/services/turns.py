"""Waiting in turn: one of each before a second of anybody, so that nobody waits for how much somebody else asks."""

from __future__ import annotations

import threading
from collections import OrderedDict, deque
from collections.abc import Callable, Hashable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Turns(Generic[T]):
    """What waits, by whom it belongs to. Not safe for threads by itself: whoever has it has a lock as well."""

    def __init__(self) -> None:
        """Nobody waits."""
        # In the order of their turns: whoever had his goes to the end.
        self._of: OrderedDict[Hashable, deque[T]] = OrderedDict()
        self._length = 0

    def __len__(self) -> int:
        """How much waits, of all together."""
        return self._length

    def __iter__(self) -> Iterator[T]:
        """Everything that waits, in no order that means anything."""
        for waiting in self._of.values():
            yield from waiting

    @property
    def people(self) -> int:
        """How many wait, however much each asks."""
        return len(self._of)

    def of(self, who: Hashable) -> int:
        """How much of one waits."""
        return len(self._of.get(who, ()))

    def add(self, who: Hashable, item: T) -> None:
        """Waits behind what else is his, and begins to wait behind the others."""
        self._of.setdefault(who, deque()).append(item)
        self._length += 1

    def put_back(self, who: Hashable, item: T) -> None:
        """Waits again before everything of his, and his turn is the next."""
        self._of.setdefault(who, deque()).appendleft(item)
        self._of.move_to_end(who, last=False)
        self._length += 1

    def first(self) -> tuple[Hashable, T]:
        """Whose turn it is, and what `take` would answer.

        Raises:
            StopIteration: nothing waits.
        """
        who, waiting = next(iter(self._of.items()))
        return who, waiting[0]

    def take(self) -> T:
        """The next; whoever it belongs to is then behind all others.

        Raises:
            StopIteration: nothing waits.
        """
        who, waiting = next(iter(self._of.items()))
        item = waiting.popleft()
        if waiting:
            self._of.move_to_end(who)
        else:
            del self._of[who]
        self._length -= 1
        return item


class Line:
    """Few threads, and what waits for them by turns. It does not say when there is too much: whoever has it does."""

    def __init__(self, name: str, *, threads: int = 1, most_threads: int = 1) -> None:
        """Starts no thread before there is something to do. `threads` may be changed at any time."""
        self.threads, self.lock = threads, threading.RLock()
        self._waiting: Turns[tuple[Callable[[], Any], Future[Any]]] = Turns()
        self._working = 0
        self._pool = ThreadPoolExecutor(most_threads, thread_name_prefix=name)

    @property
    def waiting(self) -> int:
        """How much waits for a thread now."""
        return len(self._waiting)

    @property
    def working(self) -> int:
        """How many threads are at it now."""
        return self._working

    def of(self, who: Hashable) -> int:
        """How much of one waits for a thread now."""
        return self._waiting.of(who)

    def submit(self, who: Hashable, work: Callable[[], T]) -> Future[T]:
        """Has it done when its turn comes. Whoever counts what waits before he asks holds `lock` meanwhile."""
        answer: Future[T] = Future()
        with self.lock:
            self._waiting.add(who, (work, answer))
            if self._working < self.threads:
                self._working += 1
                self._pool.submit(self._run)
        return answer

    def _run(self) -> None:
        while True:
            with self.lock:
                if not self._waiting or self._working > self.threads:
                    self._working -= 1
                    return
                work, answer = self._waiting.take()
            if not answer.set_running_or_notify_cancel():
                continue
            try:
                found = work()
            except BaseException as error:  # noqa: BLE001 - whoever waits for it is given it
                answer.set_exception(error)
            else:
                answer.set_result(found)
