"""Waiting in turn: one of each before a second of anybody, so that nobody waits for how much somebody else asks."""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable, Iterator
from typing import Generic, TypeVar

T = TypeVar("T")


class Turns(Generic[T]):
    """What waits, by whom it belongs to. Not safe for threads by itself: whoever has it has a lock as well."""

    def __init__(self) -> None:
        """Nobody waits."""
        # In the order of their turns: whoever had his goes to the end.
        self._of: dict[Hashable, deque[T]] = {}
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
        waiting = self._of.pop(who, None) or deque()
        waiting.appendleft(item)
        self._of = {who: waiting, **self._of}
        self._length += 1

    def first(self) -> T:
        """Whose turn it is: what `take` would answer.

        Raises:
            StopIteration: nothing waits.
        """
        return next(iter(self._of.values()))[0]

    def take(self) -> T:
        """The next; whoever it belongs to is then behind all others.

        Raises:
            StopIteration: nothing waits.
        """
        who = next(iter(self._of))
        waiting = self._of.pop(who)
        item = waiting.popleft()
        if waiting:
            self._of[who] = waiting
        self._length -= 1
        return item
