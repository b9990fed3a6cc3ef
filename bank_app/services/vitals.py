"""What a process measures of itself and its database: a sample every few seconds, kept for an hour, in memory only."""

from __future__ import annotations

import bisect
import os
import shutil
import threading
import time
import weakref
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy.pool import QueuePool

from bank_app import clock
from bank_app.database import Database
from bank_app.errors import BankError
from bank_app.services import audit_trail, engine_figures, posting, work
from bank_app.services.engine_figures import EngineFigures
from bank_app.services.hashing import desk

EVERY_SECONDS = 5.0
KEPT = 720
# Upper bounds in seconds; what takes longer than the last counts as if it took that long.
_BOUNDS = (
    0.0005, 0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.015, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.5, 0.75,
    1.0, 1.5, 2.0, 3.0, 5.0, 10.0,
)  # fmt: skip


class Meter:
    """How long things took since the process began, by classes of duration, and how many failed."""

    def __init__(self) -> None:
        """Has seen nothing."""
        self._counts = [0] * (len(_BOUNDS) + 1)
        self._failed = 0

    def observe(self, seconds: float, *, failed: bool = False) -> None:
        """Counts one. From whatever thread: two at the same instant may count as one, which no threshold notices."""
        self._counts[bisect.bisect_left(_BOUNDS, seconds)] += 1
        self._failed += failed

    def marks(self) -> Marks:
        """How it stands now."""
        return Marks(tuple(self._counts), self._failed)


@dataclass(frozen=True, slots=True)
class Marks:
    """A meter at one moment. The difference of two is what happened between them."""

    counts: tuple[int, ...]
    failed: int

    def since(self, earlier: Marks) -> Marks:
        """What happened after `earlier`."""
        counts = tuple(now - then for now, then in zip(self.counts, earlier.counts, strict=True))
        return Marks(counts, self.failed - earlier.failed)

    @property
    def total(self) -> int:
        """How many there were."""
        return sum(self.counts)

    def seconds(self, share: float) -> float | None:
        """The time within which this share of them was done, such as 0.95; None when there were none."""
        wanted, seen = share * self.total, 0
        for index, count in enumerate(self.counts):
            if count and seen + count >= wanted:
                low = _BOUNDS[index - 1] if index else 0.0
                high = _BOUNDS[min(index, len(_BOUNDS) - 1)]
                return low + (high - low) * (wanted - seen) / count
            seen += count
        return None


@dataclass(frozen=True, slots=True)
class Sample:
    """Everything that is measured at one moment; what could not be found out is None."""

    at: datetime
    api: Marks
    pages: Marks
    database_seconds: float | None
    pool_used: int
    pool_most: int
    queue: int
    posted: posting.Figures
    work: work.Figures
    hashing: int
    hashing_refused: int
    sealing_seconds: float | None
    disk_free: int
    disk_total: int
    engine: EngineFigures = field(default_factory=EngineFigures)


class Vitals:
    """The meters of one database in this process, and the samples of the last hour."""

    def __init__(self) -> None:
        """Measures nothing by itself: `sample` is called every few seconds."""
        self.api, self.pages = Meter(), Meter()
        self.since = clock.now()
        self.process = os.getpid()
        self._samples: deque[Sample] = deque(maxlen=KEPT)

    @property
    def samples(self) -> Sequence[Sample]:
        """The oldest first."""
        return list(self._samples)

    def sample(self, db: Database) -> Sample:
        """Measures once and keeps it. Costs the database some small questions, and waits for them."""
        taken = self._measure(db)
        self._samples.append(taken)
        return taken

    def _measure(self, db: Database) -> Sample:
        queue = posting.of(db)
        used, most = _pools(db)
        database: float | None
        lag: float | None
        try:
            began = time.perf_counter()
            db.ping()
            database = time.perf_counter() - began
            lag = audit_trail.lag_seconds(db)
            engine = engine_figures.read(db)
        except BankError:
            database, lag, engine = None, None, EngineFigures()
        folder = db.settings.data if db.settings.data.exists() else db.settings.data.parent
        disk = shutil.disk_usage(folder)
        figures = queue.figures
        return Sample(
            at=clock.now(),
            api=self.api.marks(),
            pages=self.pages.marks(),
            database_seconds=database,
            pool_used=used,
            pool_most=most,
            queue=queue.waiting,
            posted=posting.Figures(figures.orders, figures.groups, figures.set_aside, figures.refused_overloaded),
            work=work.of(db).figures,
            hashing=desk.waiting,
            hashing_refused=desk.figures.refused,
            sealing_seconds=lag,
            disk_free=disk.free,
            disk_total=disk.total,
            engine=engine,
        )


def _pools(db: Database) -> tuple[int, int]:
    """Connections in use, and the most that there may be."""
    pools = [engine.pool for engine in {db.writing, db.reading} if isinstance(engine.pool, QueuePool)]
    return sum(pool.checkedout() for pool in pools), 2 * db.settings.pool_size * len(pools)


_of: weakref.WeakKeyDictionary[Database, Vitals] = weakref.WeakKeyDictionary()
_making = threading.Lock()


def of(db: Database) -> Vitals:
    """The vitals of a database in this process."""
    found = _of.get(db)
    if found is None:
        with _making:
            found = _of.setdefault(db, Vitals())
    return found
