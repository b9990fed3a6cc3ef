"""What a load sent and what it was told, one entry for each movement: the other half of the books."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from uuid import UUID


class State(StrEnum):
    """What a client knows of a movement that it sent."""

    UNKNOWN = "unknown"
    ACKNOWLEDGED = "acknowledged"
    REFUSED = "refused"


@dataclass(slots=True)
class Entry:
    """One movement. Amount in minor units; times in seconds since the journal began.

    `source` is None for a deposit. `replayed` says that the answer was one that had been given before. `answered` is
    None until there is a final answer; a 503 is none, because the same key is sent again after it.
    """

    key: str
    actor_id: UUID
    source: int | None
    target: int
    amount_minor: int
    began: float
    state: State = State.UNKNOWN
    answered: float | None = None
    last_sent: float = 0.0
    times_sent: int = 0
    transaction_id: UUID | None = None
    code: str | None = None
    replayed: bool = False

    @property
    def seconds(self) -> float:
        """From the first sending to the final answer, with every wait and repetition between."""
        return (self.answered or math.nan) - self.began

    @property
    def last_seconds(self) -> float:
        """From the last sending to the final answer: what an accepted request itself took."""
        return (self.answered or math.nan) - self.last_sent


@dataclass(frozen=True, slots=True)
class Figures:
    """A journal in numbers. `busy` counts the 503 and 429 answers by code, `lost_answers` what broke or never came."""

    sent: int
    acknowledged: int
    replayed: int
    refused: dict[str, int]
    unknown: int
    busy: dict[str, int]
    lost_answers: int
    seconds: float
    per_second: float
    p50: float
    p95: float
    p99: float
    slowest: float
    longest_gap: float


@dataclass(slots=True)
class Journal:
    """Everything that one load did. `seconds` is how long it ran.

    `without_retry_after` counts the answers that asked to come again and did not say when.
    """

    # Without repr: asyncio.run asks for that of its task, and so of the task's result, each time it ends.
    entries: list[Entry] = field(default_factory=list, repr=False)
    busy: Counter[str] = field(default_factory=Counter)
    lost_answers: int = 0
    without_retry_after: int = 0
    seconds: float = 0.0

    def acknowledged(self, *, start: float = 0.0, end: float = math.inf) -> list[Entry]:
        """The entries acknowledged in a stretch of time."""
        return [
            entry
            for entry in self.entries
            if entry.state is State.ACKNOWLEDGED and start <= (entry.answered or 0.0) < end
        ]

    def latencies(self, *, start: float = 0.0, end: float = math.inf, last_only: bool = False) -> list[float]:
        """Seconds that acknowledged movements took, sorted; `last_only` leaves repetitions out."""
        found = self.acknowledged(start=start, end=end)
        return sorted(entry.last_seconds if last_only else entry.seconds for entry in found)

    def longest_gap(self) -> float:
        """The longest time without any acknowledgement, in seconds, the ends of the run included."""
        times = [0.0, *sorted(entry.answered or 0.0 for entry in self.acknowledged()), self.seconds]
        return max((later - earlier for earlier, later in itertools.pairwise(times)), default=0.0)

    def figures(self) -> Figures:
        """The whole run in numbers."""
        states = Counter(entry.state for entry in self.entries)
        times = self.latencies()
        return Figures(
            sent=len(self.entries),
            acknowledged=states[State.ACKNOWLEDGED],
            replayed=sum(entry.replayed for entry in self.entries),
            refused=dict(Counter(str(entry.code) for entry in self.entries if entry.state is State.REFUSED)),
            unknown=states[State.UNKNOWN],
            busy=dict(self.busy),
            lost_answers=self.lost_answers,
            seconds=self.seconds,
            per_second=states[State.ACKNOWLEDGED] / self.seconds if self.seconds else 0.0,
            p50=percentile(times, 50),
            p95=percentile(times, 95),
            p99=percentile(times, 99),
            slowest=times[-1] if times else math.nan,
            longest_gap=self.longest_gap(),
        )


def together(journals: Iterable[Journal]) -> Journal:
    """One journal of several loads on the same books, for the auditor; its times mean nothing."""
    whole = Journal()
    for journal in journals:
        whole.entries += journal.entries
        whole.busy += journal.busy
        whole.lost_answers += journal.lost_answers
        whole.without_retry_after += journal.without_retry_after
        whole.seconds += journal.seconds
    return whole


def percentile(ordered: Sequence[float], percent: float) -> float:
    """The smallest value that at least so many percent do not exceed; NaN of nothing."""
    if not ordered:
        return math.nan
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]
