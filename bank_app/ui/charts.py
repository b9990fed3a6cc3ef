"""A balance over time as a step line: a balance does not slide between postings, so neither does the drawing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bank_app import clock
from bank_app.domain import money
from bank_app.services.history import Step
from bank_app.ui import words

# The drawing is 1000 wide and 100 high and is stretched; the newest point keeps clear of the edge.
_WIDTH, _END = 1000.0, 982.0
_LINES = 3


@dataclass(frozen=True)
class Mark:
    """A label of an axis, and where it stands in percent."""

    label: str
    at: str
    css: str = ""


@dataclass(frozen=True)
class Point:
    """A line of the table under the chart."""

    when: str
    balance: str


@dataclass(frozen=True)
class Chart:
    """Everything that is drawn and said; empty when there is too little history."""

    line: str = ""
    fill: str = ""
    left: str = ""
    top: str = ""
    vertical: list[Mark] = field(default_factory=list)
    horizontal: list[Mark] = field(default_factory=list)
    beginning: str = ""
    ending: str = ""
    lowest: str = ""
    # A moment that somebody asked about; empty when it is not in the drawing.
    asked_left: str = ""
    asked_top: str = ""
    table: list[Point] = field(default_factory=list)


def balance_chart(steps: Sequence[Step], currency: str, *, asked: Step | None = None) -> Chart:
    """The chart of a balance; needs two points. `asked` is marked in it."""
    if len(steps) < 2:
        return Chart()
    now = clock.now()
    low, high, step = _scale([step.balance_minor for step in steps], currency)
    start, span = steps[0].at, max((now - steps[0].at).total_seconds(), 1.0)

    def across(moment: datetime) -> float:
        return (moment - start).total_seconds() / span * _END

    def down(minor: int) -> float:
        return 100.0 - (minor - low) / (high - low) * 100.0

    line = _path(steps, across, down)
    lowest = min(steps, key=lambda each: each.balance_minor)
    inside = asked if asked and start <= asked.at <= now and low <= asked.balance_minor <= high else None
    return Chart(
        asked_left=f"{across(inside.at) / 10:.2f}%" if inside else "",
        asked_top=f"{down(inside.balance_minor):.2f}%" if inside else "",
        line=f"{line}H{_END:.1f}",
        fill=f"{line}H{_END:.1f}V100H0Z",
        left=f"{_END / 10:.2f}%",
        top=f"{down(steps[-1].balance_minor):.2f}%",
        vertical=[
            Mark(money.short(low + step * n, currency), f"{down(low + step * n):.2f}%") for n in range(_LINES + 1)
        ],
        horizontal=_times(start, now, across),
        beginning=f"From {money.display(steps[0].balance_minor, currency)} on {words.day(start)} to ",
        ending=money.display(steps[-1].balance_minor, currency),
        lowest=f" today; lowest {money.display(lowest.balance_minor, currency)} on {words.day(lowest.at)}.",
        table=[Point(words.full_moment(each.at), money.display(each.balance_minor, currency)) for each in steps[::-1]],
    )


def spark(steps: Sequence[Step]) -> str:
    """The line alone, for a card; its words stand beside it."""
    if len(steps) < 2:
        return ""
    values = [step.balance_minor for step in steps]
    low, high = min(values), max(*values, min(values) + 1)
    start, span = steps[0].at, max((clock.now() - steps[0].at).total_seconds(), 1.0)
    path = _path(
        steps,
        lambda moment: (moment - start).total_seconds() / span * _WIDTH,
        lambda minor: 93.0 - (minor - low) / (high - low) * 86.0,
    )
    return f"{path}H{_WIDTH:.0f}"


def _path(steps: Sequence[Step], across: Callable[[datetime], float], down: Callable[[int], float]) -> str:
    drawn = [f"M{across(steps[0].at):.1f} {down(steps[0].balance_minor):.1f}"]
    drawn += [f"H{across(step.at):.1f}V{down(step.balance_minor):.1f}" for step in steps[1:]]
    return "".join(drawn)


def _scale(values: list[int], currency: str) -> tuple[int, int, int]:
    """Lowest line, highest line and the distance between lines, in round amounts of one unit or more."""
    low, high = min(values), max(values)
    step = money.currency(currency).unit
    while True:
        for factor in (1, 2, 5):
            distance = step * factor
            bottom = low // distance * distance
            if bottom + _LINES * distance >= high:
                return bottom, bottom + _LINES * distance, distance
        step *= 10


def _times(start: datetime, now: datetime, across: Callable[[datetime], float]) -> list[Mark]:
    """Five moments from the first to today; small screens leave out every second one."""
    span = now - start
    if span < timedelta(days=4):
        return [Mark(words.day(start), "0%", "x first"), Mark("Today", f"{_END / 10:.2f}%", "x end")]
    moments = [start + span * part / 4 for part in range(1, 4)]
    middle = [
        Mark(words.day(moment), f"{across(moment) / 10:.2f}%", "x middle" if number % 2 == 0 else "x")
        for number, moment in enumerate(moments)
    ]
    return [Mark(words.day(start), "0%", "x first"), *middle, Mark("Today", f"{_END / 10:.2f}%", "x end")]
