"""What torture came to, for people at a terminal, for programs, and for a page of the documents."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.table import Table

from bank_app.server import Refused

BEGIN, END = "<!-- figures: written by ./bank torture --page -->", "<!-- end of figures -->"


_COLUMNS = (
    "scenario", "rounds", "sent", "acknowledged", "replayed", "refused", "busy, by code", "connections lost", "lost",
    "doubled", "longest gap s", "slowest s", "verdict",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Result:
    """What one scenario came to. `broken` is why it failed, in sentences; seconds are of the whole scenario.

    Attributes:
        lost: Acknowledged, and not in the books.
        doubled: In the books more than once.
        unanswered: Movements that never got a final answer.
        busy: Answers of 503 and 429, by code.
        lost_answers: Requests whose connection broke before the answer.
        longest_gap: Seconds without any acknowledgement.
        slowest: Seconds from the first sending of a movement to its final answer.
    """

    scenario: str
    what: str
    rounds: int
    sent: int
    acknowledged: int
    replayed: int
    refused: dict[str, int]
    busy: dict[str, int]
    lost_answers: int
    unanswered: int
    lost: int
    doubled: int
    longest_gap: float
    slowest: float
    seconds: float
    notes: tuple[str, ...]
    broken: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether the bank kept its promises."""
        return not self.broken


@dataclass(frozen=True, slots=True)
class Report:
    """One run: how it was asked for, on what, and what each scenario came to."""

    command: str
    server: str
    python: str
    machine: str
    results: tuple[Result, ...]


def table(results: Sequence[Result]) -> Table:
    """One line for each scenario, for people at a terminal, of eighty columns if need be."""
    title = "What was broken, and what became of the money"
    shown = Table(title=title, title_justify="left", box=None, padding=(0, 1, 0, 0), pad_edge=False)
    shown.add_column("scenario", no_wrap=True)
    for name in ("sent", "acked", "re-\nplayed", "re-\nfused", "503", "lost", "dou-\nbled", "gap s", "slow s"):
        shown.add_column(name, justify="right", no_wrap=True)
    shown.add_column("verdict", no_wrap=True)
    for result in results:
        shown.add_row(
            result.scenario,
            str(result.sent),
            str(result.acknowledged),
            str(result.replayed),
            str(sum(result.refused.values())),
            str(sum(result.busy.values())),
            _zero(result.lost),
            _zero(result.doubled),
            f"{result.longest_gap:.1f}",
            f"{result.slowest:.1f}",
            "[green]held[/green]" if result.ok else "[red]BROKEN[/red]",
        )
    return shown


def _zero(count: int) -> str:
    return f"[red]{count}[/red]" if count else "[green]0[/green]"


def write_json(report: Report, path: Path) -> None:
    """Everything, for programs."""
    results = [{**asdict(result), "ok": result.ok} for result in report.results]
    path.write_text(json.dumps({**asdict(report), "results": results}, indent=2) + "\n", encoding="utf-8")


def write_page(report: Report, page: Path) -> None:
    """Replaces what is between the marks of a page that people wrote.

    Raises:
        Refused: the page does not have them.
    """
    text = page.read_text(encoding="utf-8")
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise Refused(f"{page} lacks the line {BEGIN} or {END}: put them where the figures belong.")
    page.write_text(f"{before}{BEGIN}\n\n{_markdown(report)}\n{END}{after}", encoding="utf-8")


def _markdown(report: Report) -> str:
    lines = [
        f"`{report.command}` on {report.server}, Python {report.python}, {report.machine}.",
        "",
        f"| {' | '.join(_COLUMNS)} |",
        "|---|---:|---:|---:|---:|---:|---|---:|---:|---:|---:|---:|---|",
    ]
    for result in report.results:
        cells = (
            result.scenario, result.rounds, result.sent, result.acknowledged, result.replayed,
            sum(result.refused.values()), codes(result), result.lost_answers, result.lost, result.doubled,
            f"{result.longest_gap:.1f}", f"{result.slowest:.1f}", "held" if result.ok else "**broken**",
        )  # fmt: skip
        lines.append("| " + " | ".join(map(str, cells)) + " |")
    told = [f"* {r.scenario}: {sentence}." for r in report.results for sentence in (*r.notes, *r.broken)]
    return "\n".join([*lines, "", *told]) + "\n"


def codes(result: Result) -> str:
    """What clients were told while the bank was ill, such as `12 overloaded, 3 lock_timeout`."""
    return ", ".join(f"{count} {code}" for code, count in sorted(result.busy.items())) or "0"
