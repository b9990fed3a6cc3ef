"""Clients that send ready-made requests one after the other, for whatever has no books to be compared with."""

from __future__ import annotations

import asyncio
import math
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from bank_app.lab.client import Address, Client, NoAnswer
from bank_app.lab.journal import percentile

LONGEST_SECONDS = 120.0
GRACE_SECONDS = 3.0


@dataclass(slots=True)
class Timings:
    """What a drive took. `taken` are the seconds of each good answer; `others` counts the rest by status."""

    taken: list[float] = field(default_factory=list)
    others: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0

    @property
    def per_second(self) -> float:
        """Good answers."""
        return len(self.taken) / self.seconds if self.seconds else 0.0

    def at(self, percent: float) -> float:
        """A percentile of the seconds taken."""
        return percentile(sorted(self.taken), percent)


async def drive(
    address: Address,
    requests: Sequence[Iterator[bytes]],
    *,
    seconds: float = math.inf,
    count: float = math.inf,
    good: int = 200,
) -> Timings:
    """Each client sends the requests of one iterator, until they end, time is over, or each has sent `count`.

    What is not answered a while after the end is given up and counted as such: a server that stands still is a result.
    """
    timings = Timings()
    began = time.perf_counter()

    async def client(mine: Iterator[bytes]) -> None:
        connection, sent = Client(address, timeout=LONGEST_SECONDS), 0
        try:
            for whole in mine:
                start = time.perf_counter()
                if start - began >= seconds or sent >= count:
                    return
                sent += 1
                try:
                    answer = await connection.ask(whole)
                except NoAnswer:
                    timings.others["no answer"] += 1
                    continue
                if answer.status == good:
                    timings.taken.append(time.perf_counter() - start)
                else:
                    timings.others[answer.code] += 1
        finally:
            connection.close()

    running = [asyncio.ensure_future(client(mine)) for mine in requests]
    _, stuck = await asyncio.wait(running, timeout=None if math.isinf(seconds) else seconds + GRACE_SECONDS)
    timings.seconds = time.perf_counter() - began
    for task in stuck:
        task.cancel()
        timings.others["not answered"] += 1
    for outcome in await asyncio.gather(*running, return_exceptions=True):
        if isinstance(outcome, Exception):
            raise outcome
    return timings
