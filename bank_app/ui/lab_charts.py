"""What the laboratory draws: the total against the line it should be on, and small charts of how the run went.

All drawings are 1000 wide and 100 high and are stretched; their words stand beside them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bank_app.lab.office import figure

_WIDTH = 1000.0
_LINES = 4
_MOST_POINTS = 300
_MOST_BARS = 60
_TABLE_LINES = 60

Tick = Mapping[str, Any]


@dataclass(frozen=True)
class Mark:
    """A label of an axis, and where it stands in percent."""

    label: str
    at: str
    css: str = ""


@dataclass(frozen=True)
class Sample:
    """A line of the table under the chart."""

    at: str
    total: str
    difference: str


@dataclass(frozen=True)
class TotalChart:
    """The total over time. `found` is drawn until the first violation, `broken` from there on."""

    found: str = ""
    broken: str = ""
    gap: str = ""
    expected: str = ""
    break_left: str = ""
    break_top: str = ""
    break_said: str = ""
    break_side: str = ""
    end_left: str = ""
    end_top: str = ""
    vertical: list[Mark] = field(default_factory=list)
    # How wide the longest of its labels is.
    axis: str = "8ch"
    horizontal: list[Mark] = field(default_factory=list)
    words: str = ""
    table: list[Sample] = field(default_factory=list)


@dataclass(frozen=True)
class SmallChart:
    """One more figure over time; lines are drawn, bars are filled."""

    value: str = ""
    unit: str = ""
    words: str = ""
    first: str = ""
    second: str = ""
    third: str = ""
    bars: str = ""
    top: str = ""
    middle: str = ""
    end: str = ""
    break_left: str = ""


def total_chart(
    ticks: Sequence[Tick],
    expected: int,
    *,
    seconds: float,
    broke_at: float | None,
    exact: Sequence[tuple[float, int]] = (),
) -> TotalChart:
    """The total of all accounts, seen a few times a second; `exact` are moments known without having looked."""
    points = _fewer([(float(tick["at"]), int(tick["total_minor"])) for tick in ticks])
    if not points:
        return TotalChart()
    points = [(0.0, expected), *sorted([*points, *exact])]
    low, high, step = scale([expected, *(minor for _, minor in points)])

    def across(at: float) -> float:
        return min(at / seconds, 1.0) * _WIDTH if seconds else 0.0

    def down(minor: int) -> float:
        return 100.0 - (minor - low) / (high - low) * 100.0

    before, after = points, []
    if broke_at is not None:
        before = [point for point in points if point[0] < broke_at]
        after = [point for point in points if point[0] >= broke_at]
    stop = [(broke_at, before[-1][1])] if broke_at is not None and after else []
    found = _steps([*before, *stop], across, down)
    broken = _steps([stop[0], *after], across, down) if stop else ""
    last = points[-1]
    return TotalChart(
        found=found,
        broken=broken,
        gap=f"{broken}V{down(expected):.1f}H{across(stop[0][0]):.1f}Z" if stop else "",
        expected=f"{down(expected):.2f}",
        break_left=f"{across(broke_at) / 10:.2f}%" if broke_at is not None else "",
        break_top=f"{down(after[0][1]):.2f}%" if after else "",
        break_said=f"{broke_at:.2f} s" if broke_at is not None else "",
        break_side="left" if broke_at is not None and across(broke_at) > _WIDTH / 2 else "right",
        end_left=f"{across(last[0]) / 10:.2f}%",
        end_top=f"{down(last[1]):.2f}%",
        vertical=[Mark(short(low + step * n), f"{down(low + step * n):.2f}%") for n in range(_LINES + 1)],
        axis=widest([short(low + step * n) for n in range(_LINES + 1)]),
        horizontal=_times(seconds),
        words=_words(points, expected, broke_at),
        table=[
            Sample(f"{at:.2f}", figure(minor), figure(minor - expected)) for at, minor in _fewer(points, _TABLE_LINES)
        ],
    )


def rate_chart(ticks: Sequence[Tick], counts: Mapping[str, int], a_second: float, **axis: Any) -> SmallChart:
    """Transfers a second; what was declined or done again is a dashed line."""
    refused = [name for name in ("declined", "retried") if counts.get(name)]
    again = _deltas([sum(int(tick["counts"].get(name, 0)) for name in ("declined", "retried")) for tick in ticks])
    lasted = _deltas([float(tick["at"]) for tick in ticks])
    slow = [count / span if span else 0.0 for count, span in zip(again, lasted, strict=True)]
    words = [f"{counts.get('ok', 0):,} ok", f"{counts.get('declined', 0):,} declined"]
    words += [f"{counts.get('retried', 0):,} retried"]
    lines = [[float(tick["a_second"]) for tick in ticks], slow if refused else []]
    return _small(ticks, lines, value=f"{a_second:,.0f}", unit="a second", words=" · ".join(words), **axis)


def latency_chart(ticks: Sequence[Tick], p50: float, p95: float, p99: float, **axis: Any) -> SmallChart:
    """How long one transfer took: half of them, 95 of 100, 99 of 100."""
    lines = [[float(tick[name]) for tick in ticks] for name in ("p50_ms", "p95_ms", "p99_ms")]
    words = f"p95 {milliseconds(p95)} · p99 {milliseconds(p99)}"
    return _small(ticks, lines, value=milliseconds(p50), unit="p50", words=words, **axis)


def bar_chart(ticks: Sequence[Tick], running: Sequence[int], words: str, **axis: Any) -> SmallChart:
    """How often something happened, from a count that only grows."""
    value = f"{running[-1] if running else 0:,}"
    return _small(ticks, [], bars=_deltas(list(running)), value=value, words=words, **axis)


def milliseconds(value: float) -> str:
    """`12 ms`, `0.4 ms`."""
    return f"{value:,.0f} ms" if value >= 10 else f"{value:.1f} ms"


def scale(values: Sequence[int]) -> tuple[int, int, int]:
    """Lowest line, highest line and the distance between lines, in round amounts of a dollar or more."""
    low, high = min(values), max(values)
    if low == high:
        low, high = low - 100_00, high + 100_00
    step = 100
    while True:
        for factor in (1, 2, 5):
            distance = step * factor
            bottom = low // distance * distance
            if bottom + _LINES * distance >= high:
                return bottom, bottom + _LINES * distance, distance
        step *= 10


def short(minor: int) -> str:
    """An amount for an axis, without its cents."""
    return figure(minor).removesuffix(".00")


def widest(labels: Sequence[str]) -> str:
    """The room that labels of an axis need, in digits."""
    return f"{max(map(len, labels), default=0) + 1}ch"


def _small(
    ticks: Sequence[Tick],
    lines: Sequence[Sequence[float]],
    *,
    seconds: float,
    broke_at: float | None,
    bars: Sequence[float] = (),
    value: str = "",
    unit: str = "",
    words: str = "",
) -> SmallChart:
    times = [float(tick["at"]) for tick in ticks]
    columns = _columns(times, bars, seconds) if bars else []
    most = _round_up(max([0.0, *(point for line in lines for point in line), *columns]))
    drawn = [_line(times, line, seconds, most) for line in lines] + [""] * 3
    return SmallChart(
        value=value,
        unit=unit,
        words=words,
        first=drawn[0],
        second=drawn[1],
        third=drawn[2],
        bars=_bars(columns, most),
        top=f"{most:,.0f}" if most else "",
        middle=f"{most / 2:,.0f}" if most >= 2 else "",
        end=f"{seconds:g} s" if seconds == int(seconds) else f"{seconds:.1f} s",
        break_left=f"{min(broke_at / seconds, 1.0) * 100:.2f}%" if broke_at is not None and seconds else "",
    )


def _line(times: Sequence[float], values: Sequence[float], seconds: float, most: float) -> str:
    if not values or not most or not seconds:
        return ""
    points = _fewer([(0.0, values[0]), *zip(times, values, strict=True)])
    drawn = [f"{min(at / seconds, 1.0) * _WIDTH:.1f} {100 - value / most * 100:.1f}" for at, value in points]
    return "M" + "L".join(drawn) if len(drawn) > 1 else ""


def _columns(times: Sequence[float], values: Sequence[float], seconds: float) -> list[float]:
    """Sums of equal spans of time, few enough to be seen."""
    count = max(1, min(_MOST_BARS, round(seconds * 4)))
    found = [0.0] * count
    for at, value in zip(times, values, strict=True):
        found[min(count - 1, int(at / seconds * count)) if seconds else 0] += value
    return found


def _bars(columns: Sequence[float], most: float) -> str:
    if not most:
        return ""
    width = _WIDTH / len(columns) if columns else 0.0
    return "".join(
        f"M{index * width + width * 0.1:.1f} 100V{100 - value / most * 100:.1f}h{width * 0.8:.1f}V100Z"
        for index, value in enumerate(columns)
        if value
    )


def _steps(points: Sequence[tuple[float, int]], across: Callable[[float], float], down: Callable[[int], float]) -> str:
    drawn = [f"M{across(points[0][0]):.1f} {down(points[0][1]):.1f}"]
    drawn += [f"H{across(at):.1f}V{down(minor):.1f}" for at, minor in points[1:]]
    return "".join(drawn)


def _deltas(values: Sequence[Any]) -> list[Any]:
    return [value - before for before, value in zip([0, *values], values, strict=False)]


def _fewer(points: Sequence[Any], most: int = _MOST_POINTS) -> list[Any]:
    """Evenly spread, the first and the last among them."""
    if len(points) <= most:
        return list(points)
    last = len(points) - 1
    return [points[round(index * last / (most - 1))] for index in range(most)]


def _round_up(value: float) -> float:
    """The next round number: 1, 2, 4, 5, 8, 10, 20 and so on."""
    size = 1.0
    while True:
        for factor in (1, 2, 4, 5, 8):
            if value <= size * factor:
                return size * factor if value else 0.0
        size *= 10


def _times(seconds: float) -> list[Mark]:
    digits = 0 if seconds >= 8 else 1 if seconds >= 2 else 2
    parts = [f"{seconds * part / 4:.{digits}f} s" for part in range(5)]
    css = ("x first", "x middle", "x", "x middle", "x end")
    return [Mark(label, f"{index * 25}%", css[index]) for index, label in enumerate(parts)]


def _words(points: Sequence[tuple[float, int]], expected: int, broke_at: float | None) -> str:
    total = points[-1][1]
    if broke_at is not None:
        return f"Exactly {figure(expected)} until {broke_at:.2f} s, then {figure(total)} after {points[-1][0]:.2f} s."
    if total == expected:
        return f"{figure(expected)} from the beginning to {points[-1][0]:.2f} s."
    return f"{figure(total)} after {points[-1][0]:.2f} s, expected {figure(expected)}."
