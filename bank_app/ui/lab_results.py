"""What became of runs, side by side: one row, one card and one small drawing for each strategy."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bank_app.lab.office import Config, figure, verdict
from bank_app.ui import words
from bank_app.ui.lab_charts import Mark, milliseconds, scale, short, widest

Report = Mapping[str, Any]
# The strategy that is the bank's own path.
OWN = "S8"
_WIDTH = 1000.0
_LINES = 4


@dataclass(frozen=True)
class Trend:
    """Money too much or missing over time, on an axis that all drawings share."""

    line: str = ""
    fill: str = ""
    zero: str = ""
    marks: list[Mark] = field(default_factory=list)
    end: str = ""
    # How wide the longest label is.
    axis: str = "8ch"


@dataclass(frozen=True)
class Result:
    """One strategy: everything as text."""

    key: str
    id: str
    name: str
    safe: bool
    own: bool
    holds: bool
    verdict: str
    rate: str
    bar: str
    p95: str
    retries: str
    deadlocks: str
    refused: str
    declined: str
    negative: str
    difference: str
    detail: str
    sentence: str
    address: str


@dataclass(frozen=True)
class Card:
    """One strategy as a small drawing. `state` is broken, holding, refused, luck, running or waiting."""

    key: str
    id: str
    state: str
    difference: str = ""
    off: str = ""
    trend: Trend = field(default_factory=Trend)


@dataclass(frozen=True)
class Column:
    """A column of the table that sorts it. `order` is what `aria-sort` says."""

    key: str
    label: str
    css: str = "right"
    order: str = "none"


_SORTS: Mapping[str, tuple[str, Callable[[Report], Any]]] = {
    "strategy": ("Strategy", lambda one: one["strategy"]["id"]),
    "rate": ("Per second", lambda one: one["a_second"]),
    "p95": ("p95", lambda one: one["p95_ms"]),
    "retries": ("Retries", lambda one: one["counts"].get("retried", 0)),
    "deadlocks": ("Deadlocks", lambda one: one["counts"].get("deadlocks", 0)),
    "refused": ("Too old", lambda one: one["counts"].get("changed", 0)),
    "declined": ("Declined", lambda one: one["counts"].get("declined", 0)),
    "negative": ("Negative", lambda one: one["negative_accounts"]),
    "difference": ("Money difference", lambda one: abs(one["difference_minor"])),
    "verdict": ("Verdict", lambda one: one["holds"]),
}


def some_refused(reports: Sequence[Report]) -> bool:
    """Whether the database refused to change rows that are newer than what was read: error 1020 has a column then."""
    return any(report["counts"].get("changed") for report in reports)


def columns(reports: Sequence[Report], sort: str, *, falling: bool) -> list[Column]:
    """The heads of the table."""
    order = "descending" if falling else "ascending"
    return [
        Column(key, label, "" if key == "strategy" else "right", order if key == sort else "none")
        for key, (label, _) in _SORTS.items()
        if key != "refused" or some_refused(reports)
    ]


def can_sort(key: object) -> bool:
    """Whether there is such a column."""
    return key in _SORTS


def sort_words(sort: str, *, falling: bool) -> str:
    """What is said when the order has changed."""
    return f"Sorted by {_SORTS[sort][0].lower()}, {'highest' if falling else 'lowest'} first"


def results(reports: Sequence[Report], number: int, *, sort: str = "strategy", falling: bool = False) -> list[Result]:
    """All of a comparison, in the order that somebody asked for."""
    fastest = max((report["a_second"] for report in reports), default=0) or 1
    made = [
        (report, _result(report, f"/lab/runs/{number}?result={place}", report["a_second"] / fastest))
        for place, report in enumerate(reports, 1)
    ]
    made.sort(key=lambda pair: _SORTS[sort][1](pair[0]), reverse=falling)
    return [result for _, result in made]


def cards(reports: Sequence[Report]) -> list[Card]:
    """The drawings of a comparison that is over, in the order in which it ran."""
    trends = _trends([(_to_the_end(report), report["expected_minor"]) for report in reports], _seconds(reports))
    return [
        Card(
            key=report["strategy"]["id"],
            id=report["strategy"]["id"],
            state=verdict(report).lower(),
            difference=signed(int(report["difference_minor"])),
            off=_off(first_violation(report)),
            trend=trend,
        )
        for report, trend in zip(reports, trends, strict=True)
    ]


def cards_so_far(configs: Sequence[Config], ticks: Sequence[Mapping[str, Any]], now: int) -> list[Card]:
    """The same while it goes on. `now` is which of them runs."""
    runs = [[tick for tick in ticks if tick["run"] == place] for place in range(len(configs))]
    seconds = float(max(config.seconds for config in configs))
    trends = _trends([(run, config.expected_minor) for run, config in zip(runs, configs, strict=True)], seconds)
    made = []
    for place, (config, run, trend) in enumerate(zip(configs, runs, trends, strict=True)):
        if not run:
            made.append(Card(config.strategy, config.strategy, "running" if place == now else "waiting"))
            continue
        broke = next((float(tick["at"]) for tick in run if tick["wrong"] or tick["lowest_minor"] < 0), None)
        state = "broken" if broke is not None else "running" if place == now else "holding"
        off = f"off since {broke:.2f} s" if broke is not None else "even so far"
        difference = signed(int(run[-1]["total_minor"]) - config.expected_minor)
        made.append(Card(config.strategy, config.strategy, state, difference, off, trend))
    return made


def _to_the_end(report: Report) -> list[Mapping[str, Any]]:
    """The last look comes before the last transfers; the report has what was found after them."""
    return [
        *report["ticks"],
        {"at": report["seconds"], "total_minor": report["expected_minor"] + report["difference_minor"]},
    ]


def _off(at: float | None) -> str:
    return f"first off at {at:.2f} s" if at is not None else f"never moved from {figure(0)}"


def _seconds(reports: Sequence[Report]) -> float:
    return max((float(report["seconds"]) for report in reports), default=1.0)


def _result(report: Report, address: str, share: float) -> Result:
    strategy, counts, difference = report["strategy"], report["counts"], int(report["difference_minor"])
    at = first_violation(report)
    said = signed(difference)
    return Result(
        key=strategy["id"],
        id=strategy["id"],
        name=strategy["name"],
        safe=strategy["safe"],
        own=strategy["id"] == OWN,
        holds=report["holds"],
        verdict=verdict(report).capitalize(),
        rate=f"{report['a_second']:,.0f}",
        bar=f"{max(2.0, share * 100):.1f}%",
        p95=milliseconds(float(report["p95_ms"])),
        retries=f"{counts.get('retried', 0):,}",
        deadlocks=f"{counts.get('deadlocks', 0):,}",
        refused=f"{counts.get('changed', 0):,}",
        declined=f"{counts.get('declined', 0):,}",
        negative=f"{report['negative_accounts']:,}",
        difference=said,
        detail=f"First at {at:.2f} s" if at is not None else words.count(counts.get("ok", 0), "transfer"),
        sentence=report["sentence"],
        address=address,
    )


def first_violation(report: Report) -> float | None:
    """Seconds until the first promise was broken; None if all of them were kept."""
    return min((one["at"] for one in report["invariants"] if not one["holds"] and one["at"] is not None), default=None)


def signed(minor: int) -> str:
    """`+$37.00`, `−$37.00`, `$0.00`."""
    return ("+" if minor > 0 else "") + figure(minor)


def _trends(runs: Sequence[tuple[Sequence[Mapping[str, Any]], int]], seconds: float) -> list[Trend]:
    """Ticks and the right total of each run as drawings on one axis."""
    lines = [[(0.0, 0), *((float(tick["at"]), tick["total_minor"] - right) for tick in ticks)] for ticks, right in runs]
    low, high, step = scale([0, *(minor for line in lines for _, minor in line)])
    return [_trend(line, low, high, step, seconds) for line in lines]


def _trend(points: Sequence[tuple[float, int]], low: int, high: int, step: int, seconds: float) -> Trend:
    def across(at: float) -> float:
        return min(at / seconds, 1.0) * _WIDTH

    def down(minor: int) -> float:
        return 100.0 - (minor - low) / (high - low) * 100.0

    line = f"M0 {down(0):.1f}" + "".join(f"H{across(at):.1f}V{down(minor):.1f}" for at, minor in points[1:])
    return Trend(
        line=line,
        fill=f"{line}V{down(0):.1f}H0Z" if any(minor for _, minor in points) else "",
        zero=f"{down(0):.2f}",
        marks=[
            Mark(_axis_word(low + step * n), f"{down(low + step * n):.2f}%", css="y" if n % 2 == 0 else "y between")
            for n in range(_LINES + 1)
        ],
        end=f"{seconds:.0f} s" if seconds >= 2 else f"{seconds:.1f} s",
        axis=widest([_axis_word(low + step * n) for n in range(_LINES + 1)]),
    )


def _axis_word(minor: int) -> str:
    return ("+" if minor > 0 else "") + short(minor)


def conditions(config: Config, *, seed: bool = True) -> str:
    """`100 accounts, $1,000.00 each · 12 workers · 40 % hot · seed 42`, and what else is unusual."""
    said = [
        f"{config.accounts:,} accounts, {figure(config.opening_minor)} each",
        words.count(config.workers, "worker"),
        f"{config.hot_percent} % hot",
        *([f"{config.crash_percent} % crashes"] if config.crash_percent else []),
        *([f"{config.twice_percent} % sent twice"] if config.twice_percent else []),
        *([f"locked from outside {config.foreign_ms} ms a second"] if config.foreign_ms else []),
        *([config.isolation] if config.isolation else []),
        *(["with innodb_snapshot_isolation"] if config.snapshot else []),
        *(["with the database’s own check"] if config.check else []),
        *([f"seed {config.seed}"] if seed else []),
    ]
    return " · ".join(said)
