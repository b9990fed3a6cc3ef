"""A run in words and drawings, while it goes on and when it is over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bank_app.lab.office import NAMES, STRATEGIES, Config, Strategy, figure, is_safe, level_of, verdict, why_not
from bank_app.ui import messages
from bank_app.ui.lab_charts import (
    SmallChart,
    Tick,
    TotalChart,
    bar_chart,
    latency_chart,
    rate_chart,
    total_chart,
)

_SHOWN_EVENTS = 10
SNAPSHOT = "innodb_snapshot_isolation"
_REFUSED = ("deadlocks", "changed", "check")
# What the front desk itself calls slow; see the watch of a run.
_SLOW_MS = 400.0


@dataclass(frozen=True)
class Promise:
    """One invariant. `state` is `ok`, `no`, or `later` while only the end of the run can tell."""

    id: str
    name: str
    said: str
    state: str


@dataclass(frozen=True)
class Event:
    """One answer of the bank under test."""

    at: str
    transfer: str
    between: str
    amount: str
    answer: str
    kind: str


@dataclass(frozen=True)
class Statement:
    """One line of SQL; a marked one is what the strategy stands or falls with."""

    text: str
    marked: bool


@dataclass(frozen=True)
class StrategyCard:
    """A strategy, as the page explains it."""

    id: str = ""
    name: str = ""
    safe: bool = True
    isolation: str = ""
    summary: str = ""
    expected: str = ""
    sql: list[Statement] = field(default_factory=list)
    source: str = ""
    # What the embedded engine does with it, and why it cannot run here; empty where that is nothing to say.
    engine: str = ""
    why_not: str = ""
    # What a safe strategy does in the place of the marked lines; empty for a safe one.
    other: str = ""
    other_sql: list[Statement] = field(default_factory=list)


@dataclass(frozen=True)
class Meter:
    """The conservation meter. `verdict` is `ready`, `holding`, `broken`, `refused` or `luck`."""

    verdict: str = "ready"
    total: str = ""
    expected: str = ""
    difference: str = ""
    what: str = ""
    since: str = ""
    # How far beside the mark, and the ends of the scale.
    left: str = "50%"
    width: str = "0%"
    least: str = ""
    most: str = ""


@dataclass(frozen=True)
class Shown:
    """Everything of the page that changes while a run goes on."""

    meter: Meter = field(default_factory=Meter)
    sentence: str = ""
    detail: str = ""
    total: TotalChart = field(default_factory=TotalChart)
    rate: SmallChart = field(default_factory=SmallChart)
    latency: SmallChart = field(default_factory=SmallChart)
    refused: SmallChart = field(default_factory=SmallChart)
    waits: SmallChart = field(default_factory=SmallChart)
    promises: list[Promise] = field(default_factory=list)
    broken: int = 0
    events: list[Event] = field(default_factory=list)
    customers: str = ""
    customers_good: bool = True
    at: str = ""


def card(config: Config, *, server: bool) -> StrategyCard:
    """What the page says about the strategy of a run, and what it is on this database."""
    one = STRATEGIES[config.strategy]
    safe = is_safe(config, server=server)
    other = None if safe else STRATEGIES["S5" if one.id == "S2" or not server else "S4"]
    return StrategyCard(
        id=one.id,
        name=one.name,
        safe=safe,
        isolation=level_of(config, server=server) or "embedded engine",
        summary=one.summary,
        expected=one.expected,
        sql=_statements(one, server=server),
        source=one.source,
        engine="" if server else one.embedded,
        why_not=why_not(config, server=server),
        other=f"{other.id} differs: {other.summary[:1].lower()}{other.summary[1:]}" if other else "",
        other_sql=[line for line in _statements(other, server=server) if line.marked] if other else [],
    )


def _statements(one: Strategy, *, server: bool) -> list[Statement]:
    return [Statement(text + ";", text in one.marked) for text in one.statements(server=server)]


def before(config: Config) -> Shown:
    """Nothing has run yet."""
    expected = figure(config.expected_minor)
    return Shown(
        meter=Meter(total=expected, expected=expected),
        promises=[Promise(key, name, "", "later") for key, name in NAMES.items()],
    )


def going(config: Config, ticks: Sequence[Tick], *, server: bool = True) -> Shown:
    """A run that goes on: what only the end can tell is not guessed."""
    if not ticks:
        return before(config)
    last = ticks[-1]
    broke_at = next((float(tick["at"]) for tick in ticks if tick["wrong"]), None)
    below = next((tick for tick in ticks if int(tick["lowest_minor"]) < 0), None)
    times = [at for at in (broke_at, float(below["at"]) if below else None) if at is not None]
    wrong = str(last["wrong"])
    sentence = ""
    if wrong:
        sentence = messages.say("LAB_BROKEN_LIVE", at=f"{broke_at:.2f}", what=_from_nowhere(wrong))
    elif below:
        sentence = messages.say("LAB_OVERDRAWN_LIVE", at=f"{float(below['at']):.2f}")
    return Shown(
        meter=_meter(
            config, int(last["total_minor"]), verdict="broken" if times else "holding", at=min(times, default=None)
        ),
        sentence=sentence or _holding(config, int(last["total_minor"])),
        detail=_busy(ticks),
        promises=_promises_so_far(config, last, broke_at, below),
        broken=bool(wrong) + (below is not None),
        events=_events([one for tick in ticks[-4:] for one in tick["recent"]]),
        at=f"{float(last['at']):.1f} s of {config.seconds} s",
        **_charts(
            ticks,
            seconds=float(config.seconds),
            broke_at=broke_at,
            over=last,
            expected=config.expected_minor,
            server=server,
        ),
        **_customers(ticks),
    )


def over(config: Config, report: Mapping[str, Any], ticks: Sequence[Tick]) -> Shown:
    """A run that has its report."""
    found = report["invariants"]
    broken = [one for one in found if not one["holds"]]
    conserved = next(one for one in found if one["id"] == "I1")
    broke_at = conserved["at"]
    first = min((one["at"] for one in broken if one["at"] is not None), default=None)
    race = report["race"]
    return Shown(
        meter=_meter(
            config, int(report["total_minor"]), verdict=verdict(report).lower(), at=first,
            below=not next(one for one in found if one["id"] == "I2")["holds"],
        ),
        sentence=str(report["sentence"]),
        detail=str(race["sentence"]) if race else "",
        promises=[
            Promise(one["id"], NAMES[one["id"]], _kept_or_not(one), "ok" if one["holds"] else "no") for one in found
        ],
        broken=len(broken),
        events=_around(report["events"]),
        at=f"{float(report['seconds']):.2f} s",
        **_charts(
            report["ticks"], seconds=max(float(report["seconds"]), 0.1), broke_at=broke_at, over=report,
            expected=config.expected_minor, exact=_exact(config, report), server=report.get("server", True),
        ),
        **_customers(ticks),
    )  # fmt: skip


def _meter(config: Config, total: int, *, verdict: str, at: float | None, below: bool = False) -> Meter:
    difference = total - config.expected_minor
    span = _span(abs(difference))
    width = abs(difference) / span * 50 if span else 0.0
    what = "appeared from nowhere" if difference > 0 else "vanished" if difference < 0 else "nothing is missing"
    if verdict == "broken" and not difference:
        what = "but below zero somewhere" if below else "but a rule was broken"
    return Meter(
        verdict=verdict,
        total=figure(total),
        expected=figure(config.expected_minor),
        difference=("+" if difference > 0 else "") + figure(difference),
        what=what,
        since=f"first at {at:.2f} s" if at is not None else "",
        left=f"{50.0 if difference >= 0 else 50 - width:.2f}%",
        width=f"{width:.2f}%",
        least=figure(-span).removesuffix(".00"),
        most="+" + figure(span).removesuffix(".00"),
    )


def _span(minor: int) -> int:
    """The half of the meter's scale: the next round amount."""
    size = 10_00
    while True:
        for factor in (1, 2, 5):
            if minor < size * factor:
                return size * factor
        size *= 10


def _holding(config: Config, total: int) -> str:
    if total != config.expected_minor:
        # Seen between the two writes of a transfer that is no unit of work: not wrong yet.
        return messages.say("LAB_BETWEEN", total=figure(total))
    return messages.say("LAB_HOLDING", total=figure(total), expected=figure(config.expected_minor))


def _from_nowhere(wrong: str) -> str:
    return wrong + " from nowhere" if wrong.endswith("appeared") else wrong


def _busy(ticks: Sequence[Tick]) -> str:
    done = int(ticks[-1]["counts"].get("ok", 0))
    return f"{done:,} transfers so far."


def _promises_so_far(config: Config, last: Tick, broke_at: float | None, below: Tick | None) -> list[Promise]:
    said = {
        "I1": (f"Broken at {broke_at:.2f} s, {_from_nowhere(str(last['wrong']))}", "no")
        if broke_at is not None
        else (f"Holds so far, {figure(int(last['total_minor']))}", "ok"),
        "I2": (f"Broken at {float(below['at']):.2f} s, {figure(int(below['lowest_minor']))}", "no")
        if below is not None
        else (f"Holds so far, {config.accounts:,} accounts", "ok"),
    }
    later = ("Checked when the run is over", "later")
    return [Promise(key, name, *said.get(key, later)) for key, name in NAMES.items()]


def _kept_or_not(one: Mapping[str, Any]) -> str:
    if one["holds"]:
        return str(one["said"])
    at = f"Broken at {one['at']:.2f} s" if one["at"] is not None else "Broken"
    transfer = f" · transfer {one['tag'] // 2}" if one["tag"] is not None else ""
    return f"{at}{transfer} · {one['said']}"


def _exact(config: Config, report: Mapping[str, Any]) -> list[tuple[float, int]]:
    """The totals right after the first violation and at the end, which nobody had to look for."""
    race, broke_at = report["race"], report["invariants"][0]["at"]
    found = race and race["minor"] and broke_at is not None
    first = [(float(broke_at), config.expected_minor + int(race["minor"]))] if found else []
    return [*first, (float(report["seconds"]), int(report["total_minor"]))]


def _charts(
    ticks: Sequence[Tick],
    *,
    seconds: float,
    broke_at: float | None,
    over: Mapping[str, Any],
    expected: int,
    server: bool,
    exact: Sequence[tuple[float, int]] = (),
) -> dict[str, Any]:
    axis: dict[str, Any] = {"seconds": seconds, "broke_at": broke_at}
    counts = over["counts"]
    refused = [sum(int(tick["counts"].get(name, 0)) for name in _REFUSED) for tick in ticks]
    waits = [int(tick["lock_waits"]) for tick in ticks] if server else []
    waited = "statements that waited for a row" if waits and waits[-1] else ""
    return {
        "total": total_chart(ticks, expected, exact=exact, **axis),
        "rate": rate_chart(ticks, counts, float(over["a_second"]), **axis),
        "latency": latency_chart(ticks, float(over["p50_ms"]), float(over["p95_ms"]), float(over["p99_ms"]), **axis),
        "refused": bar_chart(ticks, refused, _refused(counts, server=server), **axis),
        "waits": bar_chart(ticks, waits, waited, **axis)
        if server
        else SmallChart(value="–", words="The embedded engine locks no rows: one writer at a time."),
    }


def _refused(counts: Mapping[str, int], *, server: bool) -> str:
    """What the database would not do, each as what it is."""
    changed = "older than the row (error 1020)" if server else "older than the file (SQLITE_BUSY_SNAPSHOT)"
    names = {"deadlocks": "deadlocks", "changed": changed, "check": "below zero (CHECK)"}
    said = [f"{counts[key]:,} {name}" for key, name in names.items() if counts.get(key)]
    return " · ".join(said) + (", each undone whole" if said else "")


def _customers(ticks: Sequence[Tick]) -> dict[str, Any]:
    p95 = float(ticks[-1].get("bank_p95_ms", 0.0)) if ticks else 0.0
    return {"customers": f"p95 of the bank {p95:,.0f} ms" if p95 else "", "customers_good": p95 < _SLOW_MS}


def _events(found: Sequence[Mapping[str, Any]]) -> list[Event]:
    return [_event(one) for one in reversed(found[-_SHOWN_EVENTS:])]


def _around(found: Sequence[Mapping[str, Any]]) -> list[Event]:
    """The first answer that was wrong with what came before and after it, newest first; or the last ones."""
    at = next((index for index, one in enumerate(found) if one["wrong"]), len(found) - 3)
    first = max(0, min(at - _SHOWN_EVENTS + 3, len(found) - _SHOWN_EVENTS))
    return [_event(one) for one in reversed(found[first : first + _SHOWN_EVENTS])]


def _event(one: Mapping[str, Any]) -> Event:
    wrong = bool(one.get("wrong"))
    return Event(
        at=f"{float(one['at']):.4f}",
        transfer=f"T{int(one['tag']) // 2}",
        between=f"{one['from']} → {one['to']}",
        amount=figure(int(one["amount_minor"])),
        answer="broke a rule" if wrong else str(one["answer"]),
        kind="wrong" if wrong else "ok" if one["answer"] == "ok" else "other",
    )
