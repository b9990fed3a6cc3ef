"""One run: workers with real connections carry out the transfers, a watcher looks at all accounts while they do."""

from __future__ import annotations

import itertools
import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from bank_app import clock
from bank_app.lab.simulation import audit, experiments, races
from bank_app.lab.simulation.bank_path import BankBooks
from bank_app.lab.simulation.books import Glance, LabBooks, Rows, Write
from bank_app.lab.simulation.catalogue import STRATEGIES, level_of, why_not
from bank_app.lab.simulation.place import Engine, LabUnavailable, Place
from bank_app.lab.simulation.scenario import HOT_ACCOUNTS, Config, Operations, Transfer
from bank_app.lab.simulation.strategies import DECLINED, OK, Strategy
from bank_app.lab.simulation.unit import Conflict, Crash, StatementFailed, Step, Trouble, Unit

TICK_SECONDS = 0.25
# A worker that waits for a row when the run ends is waited for this long.
_LAST_ANSWERS_SECONDS = 8.0
_CLOCK_QUESTIONS = 15
_KEPT_LATENCIES = 400_000
UNKNOWN, GAVE_UP = "unknown", "gave up"
# How withdrawals are counted that only the database's own CHECK refused.
CHECK = "check"


class Books(Protocol):
    """What a run needs of the tables that it works on."""

    def prepare(self, config: Config) -> None:
        """Makes the rows."""

    def now(self, connection: Any) -> datetime:
        """The clock that stamps writes."""

    def glance(self, connection: Any) -> Glance:
        """All accounts at one moment."""

    def new_writes(self, connection: Any, began: datetime) -> list[Write]:
        """Writes that became visible since the last call."""

    def rows(self, began: datetime) -> Rows:
        """Everything, after the run."""


@dataclass(frozen=True, slots=True)
class Answered:
    """What a worker was told, and when (seconds since the beginning)."""

    at: float
    took: float
    transfer: Transfer
    answer: str
    retries: int


@dataclass(frozen=True, slots=True)
class Tick:
    """The run at one moment; counts are since the beginning, rates and latencies since the tick before."""

    at: float
    total_minor: int
    lowest_minor: int
    counts: dict[str, int]
    a_second: float
    p50_ms: float
    p95_ms: float
    p99_ms: float
    lock_waits: int = 0
    wrong: str = ""
    recent: tuple[Answered, ...] = ()


@dataclass(slots=True)
class Outcome:
    """All that came of a run."""

    config: Config
    strategy: Strategy
    engine: Engine
    seconds: float
    findings: audit.Findings
    race: races.Race | None
    ticks: list[Tick]
    answered: list[Answered]
    counts: dict[str, int]
    books_problems: list[str] = field(default_factory=list)


class _Tally:
    """What workers were told, counted under one lock."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.counts: Counter[str] = Counter()
        self.answered: list[Answered] = []

    def add(self, answered: Answered) -> None:
        with self._lock:
            self.counts[answered.answer] += 1
            self.counts["retried"] += answered.retries
            if len(self.answered) < _KEPT_LATENCIES:
                self.answered.append(answered)

    def count(self, what: str) -> None:
        with self._lock:
            self.counts[what] += 1

    def since(self, index: int) -> tuple[dict[str, int], list[Answered]]:
        with self._lock:
            return dict(self.counts), self.answered[index:]


class Run:
    """A run that can be stopped from another thread."""

    def __init__(self, config: Config, place: Place, folder: Path, *, on_tick: Callable[[Tick], None]) -> None:
        if why := why_not(config, server=place.server):
            raise LabUnavailable(why)
        self.config, self.place, self.strategy = config, place, STRATEGIES[config.strategy]
        self._books: Books = BankBooks(place, folder, config) if config.strategy == "S8" else LabBooks(place)
        self._on_tick = on_tick
        self._stop = threading.Event()
        self._tally = _Tally()
        self._operations = Operations(config)
        self._ticks: list[Tick] = []
        self._units: list[Unit] = []
        self._failures: list[BaseException] = []
        self._watcher = 0
        self._began = 0.0
        self._began_there = clock.now()

    def stop(self) -> None:
        """Ends the run as soon as each worker has its answer."""
        self._stop.set()

    def carry_out(self) -> Outcome:
        """Runs, audits, and explains the first violation."""
        config = self.config
        self._books.prepare(config)
        engine = self.place.engine()
        watching = self.place.connect()
        with closing(watching):
            self._watcher = watching.thread_id() if self.place.server else 0
            self._began_there, self._began = self._compare_clocks(watching)
            threads = [
                threading.Thread(target=self._work, args=(number,), name=f"worker-{number}", daemon=True)
                for number in range(config.workers)
            ]
            if config.foreign_ms and self.place.server and not isinstance(self._books, BankBooks):
                threads.append(threading.Thread(target=self._be_in_the_way, name="foreigner", daemon=True))
            for thread in threads:
                thread.start()
            self._watch(watching)
            deadline = time.monotonic() + _LAST_ANSWERS_SECONDS
            for thread in threads:
                thread.join(max(0.0, deadline - time.monotonic()))
        seconds = time.monotonic() - self._began
        if self._failures:
            raise self._failures[0]
        return self._judge(engine, seconds)

    def _compare_clocks(self, connection: Any) -> tuple[datetime, float]:
        """One moment on the clock that stamps rows and on ours, from the quickest of several answers."""
        answers = []
        for _ in range(_CLOCK_QUESTIONS):
            asked = time.monotonic()
            there = self._books.now(connection)
            answered = time.monotonic()
            answers.append((answered - asked, there, (asked + answered) / 2))
        _, there, here = min(answers, key=lambda one: one[0])
        return there, here

    def _judge(self, engine: Engine, seconds: float) -> Outcome:
        rows = self._books.rows(self._began_there)
        counts, answered = self._tally.since(0)
        answers = {one.transfer.tag: one.answer for one in answered}
        findings = audit.examine(self.config, rows, answers)
        steps: list[Step] = list(itertools.chain.from_iterable(unit.steps for unit in self._units))
        race = races.explain(self.config, findings, rows.writes, steps, about=experiments.of(self.config).about)
        problems: list[str] = []
        if isinstance(self._books, BankBooks):
            problems = self._books.problems()
            self._books.close()
        return Outcome(
            self.config, self.strategy, engine, seconds, findings, race, self._ticks, answered, counts, problems
        )

    # --- workers --------------------------------------------------------------------------------

    def _work(self, number: int) -> None:
        rng = random.Random(f"{self.config.seed}/worker/{number}")  # noqa: S311 - pauses, not secrets
        think = self.config.think_ms / 1000

        def pause() -> None:
            if think:
                time.sleep(rng.uniform(0, think))

        unit = Unit(
            self.place,
            worker=number,
            isolation=level_of(self.config, server=self.place.server),
            think=pause,
            began=self._began,
            snapshot=self.config.snapshot,
        )
        self._units.append(unit)
        try:
            while not self._stop.is_set():
                transfer = self._operations.next()
                began = time.monotonic()
                answer, retries = self._answer(unit, transfer, rng)
                now = time.monotonic()
                self._tally.add(Answered(now - self._began, now - began, transfer, answer, retries))
        except Exception as error:  # noqa: BLE001 - raised again by the thread that carries out the run
            self._failures.append(error)
            self._stop.set()
        finally:
            unit.close()

    def _answer(self, unit: Unit, transfer: Transfer, rng: random.Random) -> tuple[str, int]:
        """Carries out one submission, again after each conflict, as often as the run allows."""
        for attempt in range(1, self.config.retries + 2):
            unit.take_up(transfer, attempt)
            answer = self._attempt(unit, transfer)
            if answer:
                return answer, attempt - 1
            if self._stop.is_set():
                break
            time.sleep(rng.uniform(0, 0.002 * 2**attempt))
        return (UNKNOWN if self.strategy.id == "S8" else GAVE_UP), attempt - 1

    def _attempt(self, unit: Unit, transfer: Transfer) -> str:
        """One attempt; nothing is answered when it is to be tried again."""
        try:
            if isinstance(self._books, BankBooks):
                if transfer.crash and self.place.server:
                    self._books.cut_a_connection(self._watcher)
                return self._books.carry_out(transfer)
            assert self.strategy.carry_out is not None  # noqa: S101 - all but S8 have one
            return self.strategy.carry_out(unit)
        except Crash:
            return UNKNOWN
        except Conflict:
            self._tally.count("conflicts")
        except StatementFailed as failure:
            unit.give_up()
            if failure.trouble is Trouble.CHECK:
                self._tally.count(CHECK)
                return DECLINED
            if failure.trouble is Trouble.LOST:
                return UNKNOWN
            if not failure.trouble.again:
                raise
            self._tally.count(failure.trouble.counted)
        return ""

    def _be_in_the_way(self) -> None:
        """A foreign session that keeps the most popular account to itself for a part of every second."""
        with suppress(StatementFailed):
            unit = Unit(self.place, worker=-1, isolation="READ COMMITTED", think=lambda: None, began=self._began)
            while not self._stop.wait(1 - self.config.foreign_ms / 1000):
                unit.begin()
                unit.rows("SELECT id, balance FROM lab_account WHERE id = :account FOR UPDATE", account=HOT_ACCOUNTS)
                self._stop.wait(self.config.foreign_ms / 1000)
                unit.rollback()
            unit.close()

    # --- the watcher ----------------------------------------------------------------------------

    def _watch(self, connection: Any) -> None:
        """Looks at all accounts a few times a second until the time is up or money is wrong."""
        end = self._began + self.config.seconds
        waits_before = self._lock_waits(connection)
        seen, wrong, before = 0, "", self._began
        while True:
            self._stop.wait(max(0.0, min(TICK_SECONDS, end - time.monotonic())))
            glance = self._books.glance(connection)
            writes = self._books.new_writes(connection, self._began_there)
            first = next((found for found in audit.wrongs_of(self.config, writes) if found.minor), None)
            if first is not None and not wrong:
                wrong = f"{audit.figure(abs(first.minor))} {'appeared' if first.minor > 0 else 'vanished'}"
            counts, recent = self._tally.since(seen)
            seen += len(recent)
            now = time.monotonic()
            waits = self._lock_waits(connection) - waits_before
            tick = _tick(now - self._began, now - before, glance, counts, recent)
            tick = replace(tick, lock_waits=waits, wrong=wrong)
            before = now
            self._ticks.append(tick)
            self._on_tick(tick)
            if now >= end or self._stop.is_set() or (wrong and self.config.stop_at_break):
                break
        self._stop.set()

    def _lock_waits(self, connection: Any) -> int:
        """How often a statement on this server had to wait for a row."""
        if not self.place.server:
            return 0
        with closing(connection.cursor()) as cursor:
            cursor.execute("SHOW GLOBAL STATUS LIKE 'Innodb_row_lock_waits'")
            row = cursor.fetchone()
        return int(row[1]) if row else 0


def _tick(at: float, lasted: float, glance: Glance, counts: dict[str, int], recent: list[Answered]) -> Tick:
    took = sorted(one.took * 1000 for one in recent)
    return Tick(
        at=at,
        total_minor=glance.total_minor,
        lowest_minor=glance.lowest_minor,
        counts=counts,
        a_second=sum(one.answer == OK for one in recent) / lasted if lasted else 0.0,
        p50_ms=percentile(took, 50),
        p95_ms=percentile(took, 95),
        p99_ms=percentile(took, 99),
        recent=tuple(recent[-8:]),
    )


def percentile(ordered: list[float], percent: float) -> float:
    """Of sorted figures; 0 when there are none."""
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))] if ordered else 0.0
