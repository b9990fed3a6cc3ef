"""What a benchmark measured: points, their medians over repetitions, and the machine that they belong to."""

from __future__ import annotations

import importlib.metadata
import math
import os
import platform
import statistics
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from bank_app.lab.driver import Timings
from bank_app.lab.journal import Journal
from bank_app.lab.wrk import Answers
from bank_app.settings import PROJECT

# The end of the pattern of what another load generator measured, so that it has a line of its own.
BY_WRK = ", by wrk"
LIBRARIES = ("granian", "fastapi", "sqlalchemy", "sqlmodel", "pymysql", "pydantic")


@dataclass(frozen=True, slots=True)
class What:
    """What a point is of: its place in the table, the same in every repetition."""

    system: str
    pattern: str
    workers: int
    clients: int

    @property
    def name(self) -> str:
        """One line for people."""
        processes = f"{self.workers} worker{'s' * (self.workers != 1)}, " if self.workers else ""
        return f"{self.system}, {self.pattern}, {processes}{self.clients} client{'s' * (self.clients != 1)}"


@dataclass(frozen=True, slots=True)
class Point:
    """One measurement. Times in milliseconds, processor time in microseconds for each good answer.

    `others` counts the answers that were not good, by code. `bank_cpu` and `server_cpu` are those of the workers and
    of the database server.
    """

    what: What
    per_second: float
    p50: float
    p95: float
    p99: float
    others: Mapping[str, int] = field(default_factory=dict)
    client_cpu: float = 0.0
    bank_cpu: float = 0.0
    server_cpu: float = 0.0


def of_timings(what: What, timings: Timings, **more: float) -> Point:
    """A point of a drive."""
    p50, p95, p99 = (timings.at(percent) * 1000 for percent in (50, 95, 99))
    return Point(what, timings.per_second, p50, p95, p99, dict(timings.others), **more)


def of_journal(what: What, journal: Journal, **more: float) -> Point:
    """A point of a load."""
    figures = journal.figures()
    rest = {"lost answers": figures.lost_answers, "unknown": figures.unknown}
    others = {**figures.refused, **figures.busy, **{name: count for name, count in rest.items() if count}}
    return Point(what, figures.per_second, figures.p50 * 1000, figures.p95 * 1000, figures.p99 * 1000, others, **more)


def of_wrk(what: What, answers: Answers, **more: float) -> Point:
    """A point of another load generator."""
    cost = answers.used / max(1, answers.good) * 1e6
    return Point(
        what, answers.per_second, answers.p50, answers.p95, answers.p99, answers.others, client_cpu=cost, **more
    )


def medians(points: Iterable[Point]) -> dict[What, Point]:
    """Of each point the median over its repetitions, figure by figure; what was not good is added up."""
    by_what: dict[What, list[Point]] = {}
    for point in points:
        by_what.setdefault(point.what, []).append(point)
    return {what: _median(what, same) for what, same in by_what.items()}


def _median(what: What, same: list[Point]) -> Point:
    names = ("per_second", "p50", "p95", "p99", "client_cpu", "bank_cpu", "server_cpu")
    figures = {name: _middle([getattr(point, name) for point in same]) for name in names}
    others: dict[str, int] = {}
    for point in same:
        for code, count in point.others.items():
            others[code] = others.get(code, 0) + count
    return Point(what, others=others, **figures)


def _middle(values: list[float]) -> float:
    """The median of those that there are: where nothing was answered there is no time."""
    known = [value for value in values if not math.isnan(value)]
    return statistics.median(known) if known else math.nan


@dataclass(frozen=True, slots=True)
class Target:
    """A promise of the project and what was measured of it. `at_least` tells which side of `bound` is the good one."""

    name: str
    measured: float
    bound: float
    at_least: bool
    unit: str = "×"

    @property
    def met(self) -> bool:
        """Whether the promise was kept, in this run."""
        return self.measured >= self.bound if self.at_least else self.measured <= self.bound


@dataclass(slots=True)
class Results:
    """A whole run. `checks` are sentences on the books afterwards, `notes` what else was seen."""

    machine: dict[str, str]
    command: str
    repeats: int
    seconds: float
    points: list[Point] = field(default_factory=list)
    targets: list[Target] = field(default_factory=list)
    checks: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    books_are_right: bool = True

    def as_json(self) -> dict[str, Any]:
        """For a file: the medians, every single measurement, and everything else."""
        return {
            "machine": self.machine,
            "command": self.command,
            "repeats": self.repeats,
            "seconds": self.seconds,
            "medians": [_flat(point) for point in medians(self.points).values()],
            "measurements": [_flat(point) for point in self.points],
            "targets": [{**asdict(target), "met": target.met} for target in self.targets],
            "books_are_right": self.books_are_right,
            "checks": self.checks,
            "notes": self.notes,
        }


def _flat(point: Point) -> dict[str, Any]:
    """JSON has no NaN; null says the same."""
    whole = {**asdict(point.what), **asdict(point)}
    del whole["what"]
    return {name: None if isinstance(value, float) and math.isnan(value) else value for name, value in whole.items()}


def machine(server_version: str) -> dict[str, str]:
    """What the figures belong to."""
    libraries = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in LIBRARIES)
    return {
        "processor": f"{os.cpu_count()} × {_processor()}",
        "memory": f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB",
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "database": server_version,
        "libraries": libraries,
        "commit": _commit(),
        "load before": " ".join(f"{value:.2f}" for value in os.getloadavg()),
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())


def _commit() -> str:
    said = subprocess.run(
        ["git", "describe", "--always", "--dirty"], cwd=PROJECT, capture_output=True, text=True, check=False
    )
    return said.stdout.strip() or "unknown"
