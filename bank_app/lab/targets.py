"""What the project promises of its speed, worked out from the medians of one run, and the tables for a terminal."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping

from rich import box
from rich.console import Console
from rich.table import Table

from bank_app.lab.measure import BY_WRK, Point, Results, Target, What, medians
from bank_app.lab.reads import KINDS

_Medians = Mapping[What, Point]
_BY_WRK = "uniform" + BY_WRK


def judge(points: Iterable[Point]) -> list[Target]:
    """Every promise of which both sides were measured."""
    found = medians(points)
    return [target for target in _targets(found) if not math.isnan(target.measured)]


def remarks(points: Iterable[Point]) -> list[str]:
    """What is worth knowing beside the promises."""
    found = medians(points)
    said = []
    raw = _best(found, "raw", "best of 1 to 16 connections", clients=16)
    for pattern in ("uniform", _BY_WRK):
        ours = _best(found, "ours", pattern)
        rivals = {name: _best(found, name, pattern) for name in ("naive", "naive+")} | {"raw": raw}
        ratios = {name: _ratio(ours, rival) for name, rival in rivals.items()}
        known = ", ".join(f"{ratio:.2f}× {name}" for name, ratio in ratios.items() if not math.isnan(ratio))
        if known:
            said.append(f"64 clients, {pattern}: {known}")
    return said


def _targets(found: _Medians) -> Iterator[Target]:
    # By wrk where the machine has it, whose clients leave more of the processors to what they load. The naive way has
    # the better of both.
    by_wrk = _best(found, "ours", _BY_WRK)
    ours = _best(found, "ours", "uniform") if math.isnan(by_wrk) else by_wrk
    naive = _best(found, "naive", "uniform", _BY_WRK)
    raw = _best(found, "raw", "best of 1 to 16 connections", clients=16)
    yield Target("64 clients / the naive way", _ratio(ours, naive), 10.0, at_least=True)
    yield Target("64 clients / the raw limit", _ratio(ours, raw), 1.0, at_least=True)
    alone = found.get(What("ours", _BY_WRK, 1, 1)) or found.get(What("ours", "uniform", 1, 1))
    unit = found.get(What("raw", "one connection", 0, 1))
    yield Target("p50, one client / a raw unit of work", _ratio(_p50(alone), _p50(unit)), 2.5, at_least=False)
    for workers in (1, 2, 4):
        base = found.get(What("ours", "uniform", workers, 64))
        for pattern, name in (("hot", "into one account"), ("deposits", "deposits")):
            rate = _ratio(_rate(found.get(What("ours", pattern, workers, 64))), _rate(base))
            processes = f"{workers} worker{'s' * (workers != 1)}"
            yield Target(f"{name} / uniform, {processes}", rate, 0.8, at_least=True)
    batches = [point.per_second for what, point in found.items() if what.pattern.startswith("batches")]
    yield Target("transfers in batches", max(batches, default=math.nan), 8000.0, at_least=True, unit="/s")
    yield from _reads(found)


def _reads(found: _Medians) -> Iterator[Target]:
    """Pages far back against first pages, and the longest history against the shortest."""
    by_kind: dict[str, dict[int, Point]] = {}
    for what, point in found.items():
        kind, _, postings = what.pattern.partition(" of ")
        if kind in KINDS:
            by_kind.setdefault(kind, {})[int(postings.replace(",", ""))] = point
    first, deep = (by_kind.get(kind, {}) for kind in KINDS[:2])
    if not first:
        return
    shortest, longest = min(first), max(first)
    ratio = _ratio(deep[longest].p99, first[longest].p99)
    yield Target(f"p99, deep page / first page of {longest:,}", ratio, 1.3, at_least=False)
    for kind, points in by_kind.items():
        ratio = _ratio(points[longest].p99, points[shortest].p99)
        yield Target(f"p99, {kind} of {longest:,} / of {shortest:,}", ratio, 1.3, at_least=False)


def _best(found: _Medians, system: str, *patterns: str, clients: int = 64) -> float:
    rates = [
        point.per_second
        for what, point in found.items()
        if (what.system, what.clients) == (system, clients) and what.pattern in patterns
    ]
    return max(rates, default=math.nan)


def _p50(point: Point | None) -> float:
    return point.p50 if point else math.nan


def _rate(point: Point | None) -> float:
    return point.per_second if point else math.nan


def _ratio(one: float, other: float) -> float:
    return one / other if other else math.nan


def print_results(results: Results, console: Console) -> None:
    """Everything side by side: the medians, the promises, the books. Fits a terminal of 80 columns."""
    table = Table(
        title=f"Medians of {results.repeats}", title_justify="left", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0)
    )
    for name in ("", "wkr", "cli", "per s", "p50 ms", "p95", "p99", "µs of CPU"):
        table.add_column(name, justify="right" if name else "left", no_wrap=bool(name))
    for what, point in medians(results.points).items():
        costs = (point.client_cpu, point.bank_cpu, point.server_cpu)
        table.add_row(
            f"{what.system}: {what.pattern}",
            str(what.workers or ""),
            str(what.clients),
            f"{point.per_second:,.0f}",
            *(_short(value) for value in (point.p50, point.p95, point.p99)),
            "/".join(f"{value:.0f}" for value in costs if value),
        )
    console.print(table)
    console.print("wkr: worker processes; cli: clients; CPU of one transfer: client/bank/database server.\n")
    promised = Table(title="Targets", title_justify="left", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for name in ("", "measured", "target", ""):
        promised.add_column(name, justify="right" if name in ("measured", "target") else "left")
    for target in results.targets:
        sign = "≥" if target.at_least else "≤"
        verdict = "[green]met[/green]" if target.met else "[red]not met[/red]"
        promised.add_row(
            target.name, _text(target.measured, target.unit), f"{sign} {_text(target.bound, target.unit)}", verdict
        )
    console.print(promised)
    for sentence in (*results.notes, *results.checks):
        console.print(sentence, markup=False)


def _text(value: float, unit: str) -> str:
    return f"{value:,.0f}{unit}" if value >= 1000 else f"{value:.2f}{unit}"


def _short(value: float) -> str:
    """Three digits that count."""
    if math.isnan(value):
        return "–"
    return f"{value:,.{2 if value < 10 else 1 if value < 100 else 0}f}"
