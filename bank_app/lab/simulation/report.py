"""A run as others read it: numbers for machines (JSON, CSV), a table and one sentence for people."""

from __future__ import annotations

import os
import platform
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from rich import box
from rich.table import Table

from bank_app import clock
from bank_app.domain.csv_file import as_csv
from bank_app.lab.simulation.audit import figure, name_of
from bank_app.lab.simulation.catalogue import is_safe, level_of
from bank_app.lab.simulation.place import SNAPSHOT
from bank_app.lab.simulation.races import Race
from bank_app.lab.simulation.run import CHECK, Answered, Outcome, Tick, percentile
from bank_app.lab.simulation.scenario import SERIALIZABLE
from bank_app.lab.simulation.strategies import OK
from bank_app.lab.simulation.unit import CHANGED

_VERDICTS = ("luck", "refused", "HOLDING", "BROKEN")
LUCK = "No violation seen; that is luck, not proof."
# What the page draws and the file keeps; more points than this no one sees.
_EVENTS = 400
# What tables tell of a run's counts.
_COUNTS = ("retried", "deadlocks")
# The promise that each kind of violation breaks first.
_PROMISES = {"lost_update": "I1", "half": "I1", "overdrawn": "I2", "doubled": "I5"}
_CHANGED_SINCE = "record changed"


def of(outcome: Outcome) -> dict[str, Any]:
    """Everything about a run, as it is stored and exported."""
    findings, config = outcome.findings, outcome.config
    took = sorted(one.took * 1000 for one in outcome.answered)
    ok, server = outcome.counts.get(OK, 0), _on_server(outcome)
    return {
        "strategy": {"id": outcome.strategy.id, "name": outcome.strategy.name, "safe": _is_safe(outcome)},
        "config": asdict(config),
        "command": config.command() + (" --mysql" if server else ""),
        "isolation": level_of(config, server=server),
        "engine": outcome.engine.name,
        "server": server,
        "server_snapshot": outcome.engine.snapshot,
        "refused": refused(outcome),
        "machine": {
            "processors": os.cpu_count(), "system": platform.system(), "python": platform.python_version(),
        },
        "finished_at": clock.now().isoformat(),
        "seconds": round(outcome.seconds, 3),
        "holds": holds(outcome),
        "conserved": findings.invariants[0].holds,
        "sentence": sentence(outcome),
        "total_minor": findings.total_minor,
        "expected_minor": findings.expected_minor,
        "difference_minor": findings.difference_minor,
        "explained_minor": findings.explained_minor,
        "negative_accounts": findings.negative_accounts,
        "invariants": [{**asdict(one), "name": one.name} for one in findings.invariants],
        "books_problems": outcome.books_problems,
        "counts": outcome.counts,
        "a_second": round(ok / outcome.seconds, 1) if outcome.seconds else 0.0,
        "p50_ms": round(percentile(took, 50), 2),
        "p95_ms": round(percentile(took, 95), 2),
        "p99_ms": round(percentile(took, 99), 2),
        "lock_waits": outcome.ticks[-1].lock_waits if outcome.ticks else 0,
        "ticks": [tick_of(tick) for tick in outcome.ticks],
        "race": race_of(outcome.race) if outcome.race else None,
        "events": _events(outcome),
    }  # fmt: skip


def holds(outcome: Outcome) -> bool:
    """Whether every promise was kept, the bank's own check of its books included."""
    return outcome.findings.holds and not outcome.books_problems


def _on_server(outcome: Outcome) -> bool:
    return not outcome.engine.name.startswith("SQLite")


def _is_safe(outcome: Outcome) -> bool:
    return is_safe(outcome.config, server=_on_server(outcome))


def refused(outcome: Outcome) -> int:
    """How often the database itself refused what an unsafe strategy was about to do, so that it was not luck."""
    if _is_safe(outcome):
        return 0
    counts = outcome.counts
    found = counts.get(CHANGED, 0) + counts.get(CHECK, 0)
    if level_of(outcome.config, server=_on_server(outcome)) == SERIALIZABLE:
        found += counts.get("deadlocks", 0) + counts.get("timeouts", 0)
    return found


def _refused_said(outcome: Outcome) -> str:
    """Who refused what."""
    counts, engine = outcome.counts, outcome.engine.name
    if changed := counts.get(CHANGED, 0):
        how = f"error 1020, {SNAPSHOT}" if _on_server(outcome) else "SQLITE_BUSY_SNAPSHOT"
        who = f"your server, {engine}," if _on_server(outcome) else "the embedded engine"
        return f"Not by luck: {who} refused {_times(changed)} to change a row that is newer than what was read ({how})."
    if checked := counts.get(CHECK, 0):
        return f"Not by luck: the database’s CHECK refused {_times(checked)} what would have gone below zero."
    return f"Not by luck: SERIALIZABLE refused {_times(refused(outcome))} to go on (deadlocks and waits that ran out)."


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count:,} times"


def sentence(outcome: Outcome) -> str:
    """The verdict in one sentence."""
    findings, race = outcome.findings, outcome.race
    ok = outcome.counts.get(OK, 0)
    if holds(outcome):
        kept = f"Money conserved: {figure(findings.total_minor)} of {figure(findings.expected_minor)}."
        if _is_safe(outcome):
            return kept
        return f"{kept} {_refused_said(outcome) if refused(outcome) else LUCK}"
    if outcome.books_problems:
        return f"The bank’s own check found {len(outcome.books_problems)} problems, first: {outcome.books_problems[0]}."
    about = _PROMISES[race.kind] if race else ""
    broken = min((one for one in findings.invariants if not one.holds), key=lambda one: one.id != about)
    at = f" at {broken.at:.2f} s" if broken.at is not None else ""
    transfer = f" (transfer {broken.tag // 2})" if broken.tag is not None else ""
    if race is not None and race.minor and broken.id == "I1":
        what = "appeared from nowhere" if race.minor > 0 else "vanished"
        return f"Broken{at}: {figure(abs(race.minor))} {what}{transfer}; after {ok:,} transfers {broken.said}."
    return f"Broken{at}: {broken.said}{transfer}."


def tick_of(tick: Tick) -> dict[str, Any]:
    """One moment of a run, for the live page and the file."""
    return {
        "at": round(tick.at, 3),
        "total_minor": tick.total_minor,
        "lowest_minor": tick.lowest_minor,
        "counts": tick.counts,
        "a_second": round(tick.a_second, 1),
        "p50_ms": round(tick.p50_ms, 2),
        "p95_ms": round(tick.p95_ms, 2),
        "p99_ms": round(tick.p99_ms, 2),
        "lock_waits": tick.lock_waits,
        "wrong": tick.wrong,
        "recent": [_event(one) for one in tick.recent],
    }


def _event(one: Answered) -> dict[str, Any]:
    transfer = one.transfer
    return {
        "at": round(one.at, 4), "tag": transfer.tag, "from": name_of(transfer.payer), "to": name_of(transfer.payee),
        "amount_minor": transfer.amount_minor, "answer": one.answer,
    }  # fmt: skip


def _events(outcome: Outcome) -> list[dict[str, Any]]:
    """The transfers around the first violation, or the last ones."""
    answered = outcome.answered
    middle = len(answered)
    if outcome.race:
        middle = next((i for i, one in enumerate(answered) if one.at >= outcome.race.at), middle)
    first = max(0, min(middle - _EVENTS // 2, len(answered) - _EVENTS))
    wrong = {found.write.tag for found in outcome.findings.wrongs}
    return [{**_event(one), "wrong": one.transfer.tag in wrong} for one in answered[first : first + _EVENTS]]


def race_of(race: Race) -> dict[str, Any]:
    """The explanation, ready to be drawn."""
    return {
        "kind": race.kind,
        "sentence": race.sentence,
        "minor": race.minor,
        "at": round(race.at, 4),
        "account": name_of(race.account),
        "sums": [{"label": label, "minor": minor, "text": figure(minor)} for label, minor in race.sums],
        "transfers": [
            {
                "lane": lane, "number": one.tag // 2, "from": name_of(one.payer), "to": name_of(one.payee),
                "amount": figure(one.amount_minor),
            }
            for lane, one in enumerate(race.transfers, 1)
        ],
        "beats": [
            {
                "at": round(beat.at, 4), "lane": beat.lane, "sql": beat.sql, "said": beat.said, "mark": beat.mark,
                "account": name_of(beat.account) if beat.account else "",
                "holds": figure(beat.holds_minor) if beat.holds_minor is not None else "",
            }
            for beat in race.beats
        ],
    }  # fmt: skip


def _counted(reports: Sequence[dict[str, Any]]) -> dict[str, str]:
    """What tables tell of a run's counts, by their heads; of error 1020 where there was any."""
    if not any(report["counts"].get(CHANGED) for report in reports):
        return {name: name for name in _COUNTS}
    # One more column, in the same eighty.
    changed = "error\n1020" if all(report.get("server", True) for report in reports) else "too\nold"
    return {"re-\ntried": "retried", "dead-\nlocks": "deadlocks", changed: CHANGED}


def table(reports: Sequence[dict[str, Any]]) -> Table:
    """For people at a terminal."""
    counted = _counted(reports)
    names = ("", "a second", "p95 ms", *counted, "declined", "difference", "verdict")
    found = _table("The same transfers, in different ways", names)
    for report in reports:
        counts = report["counts"]
        found.add_row(
            report["strategy"]["id"],
            f"{report['a_second']:,.0f}",
            f"{report['p95_ms']:.1f}",
            *(f"{counts.get(name, 0):,}" for name in (*counted.values(), "declined")),
            figure(report["difference_minor"]),
            verdict(report),
        )
    return found


def table_of_seeds(reports: Sequence[dict[str, Any]]) -> Table:
    """One row for all runs of a strategy: how many broke, how quickly, and how far the money was off at most."""
    by_strategy: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for report in reports:
        by_strategy[report["strategy"]["id"]].append(report)
    counted = _counted(reports)
    names = ("", "runs", "transfers", *counted, "off at most", "broke after", "verdict")
    if len(counted) > len(_COUNTS):
        names = ("", "runs", "trans-\nfers", *counted, "off at\nmost", "broke\nafter", "verdict")
    found = _table("Every seed", names)
    for name, runs in by_strategy.items():
        totals = Counter[str]()
        for one in runs:
            totals.update(one["counts"])
        broken = [one for one in runs if not one["holds"]]
        found.add_row(
            name,
            f"{len(runs):,}",
            *(f"{totals[count]:,}" for count in (OK, *counted.values())),
            figure(max(abs(one["difference_minor"]) for one in runs)),
            _when(broken),
            f"BROKEN {len(broken)}/{len(runs)}" if broken else max(map(verdict, runs), key=_VERDICTS.index),
        )
    return found


def _when(broken: Sequence[dict[str, Any]]) -> str:
    """The quickest and the slowest first violation."""
    moments = [first for one in broken if (first := _first_violation(one)) is not None]
    return f"{min(moments):.2f}–{max(moments):.2f} s" if moments else ""


def _first_violation(report: dict[str, Any]) -> float | None:
    return min((one["at"] for one in report["invariants"] if one["at"] is not None), default=None)


def _table(title: str, names: Sequence[str]) -> Table:
    # Few lines, so that it fits into 80 columns and nothing is cut off.
    found = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, show_edge=False, padding=(0, 1, 0, 0))
    for name in names:
        found.add_column(name, justify="left" if name in ("", "verdict") else "right", no_wrap=True)
    return found


def verdict(report: dict[str, Any]) -> str:
    """One word. An unsafe strategy that held was refused by the database, or lucky."""
    if not report["holds"]:
        return "BROKEN"
    if report["strategy"]["safe"]:
        return "HOLDING"
    return "refused" if report.get("refused") else "luck"


def comparison(reports: Sequence[dict[str, Any]]) -> str:
    """Who kept the money at what speed, in one sentence; who was only kept from breaking it is no winner."""
    kept = [one for one in reports if one["holds"]]
    lost = [one for one in reports if not one["holds"]]
    if not kept:
        return "None of them kept the books right."
    best = max(kept, key=lambda one: (one["strategy"]["safe"], one["a_second"]))
    said = (
        f"{best['strategy']['id']} kept every cent at {best['a_second']:,.0f} transfers a second{_only_because(kept)}"
    )
    if not lost:
        return f"{said}; all of them held."
    worst = max(lost, key=lambda one: abs(one["difference_minor"]))
    speed = worst["a_second"] / best["a_second"] if best["a_second"] else 0
    compared = f"{speed:.1f}× as fast" if speed >= 1 else f"at {speed:.0%} of its speed"
    minor = worst["difference_minor"]
    told = worst["sentence"].rstrip(".")
    what = f"{'made' if minor > 0 else 'lost'} {figure(abs(minor))}" if minor else told[:1].lower() + told[1:]
    return f"{said}; {worst['strategy']['id']} was {compared} and {what}."


def _only_because(kept: Sequence[dict[str, Any]]) -> str:
    """Of the unsafe ones among them: whom the database refused."""
    found = [one for one in kept if verdict(one) == "refused"]
    if not found:
        return ""
    names = " and ".join(one["strategy"]["id"] for one in found)
    return f"; {names} held because the database refused {_times(sum(one['refused'] for one in found))}"


def samples_csv(reports: Sequence[dict[str, Any]]) -> str:
    """One line for each look at the accounts, one strategy after the other."""
    names = {name: name for name in ("ok", "declined", "replayed", "retried", "deadlocks", "conflicts")}
    names |= {_CHANGED_SINCE: CHANGED, "refused by check": CHECK, "lock timeouts": "timeouts"}
    names |= {name: name for name in ("unknown", "gave up")}
    head = ("strategy", "seconds", "total_minor", "expected_minor", "difference_minor", "lowest_minor")
    figures = ("transfers_a_second", "p50_ms", "p95_ms", "p99_ms", "lock_waits")
    rows = []
    for report in reports:
        expected = report["expected_minor"]
        for tick in report["ticks"]:
            total = tick["total_minor"]
            row = [report["strategy"]["id"], tick["at"], total, expected, total - expected, tick["lowest_minor"]]
            row += [tick["a_second"], tick["p50_ms"], tick["p95_ms"], tick["p99_ms"], tick["lock_waits"]]
            rows.append([*row, *(tick["counts"].get(count, 0) for count in names.values())])
    return as_csv([*head, *figures, *(name.replace(" ", "_") for name in names)], rows)
