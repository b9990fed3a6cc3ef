"""`./bank torture`: breaks a private copy of the bank in every way that it promises to survive, and audits it."""

from __future__ import annotations

import math
import os
import platform
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from bank_app.lab import auditor
from bank_app.lab.bed import Bed
from bank_app.lab.faults.processes import allow_open_files
from bank_app.lab.journal import Figures, together
from bank_app.lab.scenarios import SCENARIOS, Scenario
from bank_app.lab.serving import NotServing
from bank_app.lab.stage import ALLOWED_REFUSALS, ALLOWED_WHILE_ILL, NeverHappened, Stage
from bank_app.lab.verdicts import Report, Result, codes, table, write_json, write_page
from bank_app.lab.workload import fill
from bank_app.private_mysql import find_program

QUICK_ROUNDS = 2
# Short waits for locks make a short test; what is waited for is the same.
_QUICK_SETTINGS = (("BANK_LOCK_TIMEOUT", "1"),)
# So little money that some of it runs out: a refusal has to survive a fault like a payment does.
_OPENING = "40"
_ACCOUNTS, _PEOPLE = 24, 3


class NoSuchScenario(Exception):
    """A name on the command line is not one of a scenario; the message lists those that are."""


def choose(names: Sequence[str]) -> list[Scenario]:
    """The scenarios of these names, in the usual order; all of them where none is named.

    Raises:
        NoSuchScenario: a name is not one.
    """
    known = {scenario.name for scenario in SCENARIOS}
    unknown = sorted(set(names) - known)
    if unknown:
        raise NoSuchScenario(f"There is no scenario {', '.join(unknown)}: choose among {', '.join(sorted(known))}.")
    return [scenario for scenario in SCENARIOS if not names or scenario.name in names]


def torture(bed: Bed, scenarios: Sequence[Scenario], *, rounds: int, quick: bool) -> Iterator[Result]:
    """Runs scenarios one after the other on a bed that is entered, and yields what each came to.

    Each has books of its own, which are cheaper to audit apart; quick ones share them where they can.
    """
    allow_open_files()
    for scenario in scenarios:
        settings = (*_QUICK_SETTINGS, *scenario.setup.settings) if quick else scenario.setup.settings
        bed.make(replace(scenario.setup, settings=settings), fresh=not quick)
        result = one(bed, scenario, rounds=rounds, quick=quick)
        if not result.ok:
            # Books that are wrong would be blamed on the next scenario as well.
            bed.forget_books()
        yield result


def one(bed: Bed, scenario: Scenario, *, rounds: int, quick: bool) -> Result:
    """Runs one scenario on a bed that was made for it, and audits what clients were told against the books."""
    began = time.perf_counter()
    cast = fill(bed.db, people=_PEOPLE, account_count=_ACCOUNTS, opening=_OPENING, seed=scenario.name)
    stage = Stage(bed, cast, rounds, quick)
    try:
        scenario.inflict(stage)
    except (NeverHappened, NotServing) as never:
        stage.broken.append(str(never))
    if bed.server.pid is None:
        stage.broken.append("the database server had ended by itself")
        bed.restart_server()
    journals = [load.journal for load in stage.loads]
    findings = auditor.audit(bed.db, cast, *journals)
    figures = together(journals).figures()
    stage.broken += [*untold(figures), *findings.problems]
    if count := sum(journal.without_retry_after for journal in journals):
        stage.broken.append(f"{count} answers asked to come again and did not say when")
    return Result(
        scenario=scenario.name,
        what=scenario.what,
        rounds=rounds,
        sent=findings.sent,
        acknowledged=findings.acknowledged,
        replayed=findings.replayed,
        refused=findings.refused,
        busy=figures.busy,
        lost_answers=figures.lost_answers,
        unanswered=findings.unknown,
        lost=findings.lost,
        doubled=findings.doubled,
        longest_gap=max((journal.longest_gap() for journal in journals), default=math.nan),
        slowest=figures.slowest,
        seconds=time.perf_counter() - began,
        notes=tuple(stage.notes),
        broken=tuple(stage.broken),
    )


def untold(figures: Figures) -> list[str]:
    """What clients were told that the bank does not promise, or not told at all."""
    broken = []
    odd = Counter(figures.busy) + Counter(figures.refused)
    for code in ALLOWED_WHILE_ILL | ALLOWED_REFUSALS:
        odd.pop(code, None)
    if odd:
        broken.append(f"clients were told {', '.join(f'{count} × {code}' for code, count in sorted(odd.items()))}")
    if figures.unknown:
        broken.append(f"{figures.unknown} movements were never answered")
    if not figures.acknowledged:
        broken.append("nothing was acknowledged, so nothing was tried")
    return broken


# --- the command -------------------------------------------------------------------------------------


def run(
    *,
    rounds: int,
    quick: bool,
    only: Sequence[str],
    server: Path | None,
    report: Path | None,
    page: Path | None,
    command: str,
    console: Console,
) -> bool:
    """Tortures a private copy in a temporary folder, prints what it came to, and says whether all is well.

    Raises:
        NoSuchScenario, ServerError, BuildFailed, NotServing, Refused: with one sentence each.
    """
    scenarios, program = choose(only), find_program(server)
    name = f"{program.flavour} {'.'.join(map(str, program.version))}"
    console.print(f"Torturing a private copy of the bank on {name}.")
    results: list[Result] = []
    with (
        tempfile.TemporaryDirectory(prefix="bank-torture-") as folder,
        Bed(Path(folder) / "bed", program=program, say=lambda step: console.print(f"  {step} ...")) as bed,
    ):
        for result in torture(bed, scenarios, rounds=rounds, quick=quick):
            results.append(result)
            mark = "[green]✓[/green]" if result.ok else "[red]✗[/red]"
            console.print(f"  {mark} {len(results)}/{len(scenarios)} {result.what} [dim]{result.seconds:.0f} s[/dim]")
            told = (f"clients were told {codes(result)}",) if result.busy else ()
            for sentence in (*told, *result.notes):
                console.print(f"      {sentence}", markup=False)
            for sentence in result.broken:
                console.print(f"      {sentence}", markup=False, style="red")
    console.print(table(results))
    machine = f"{platform.system()} {platform.machine()} with {os.cpu_count()} processors"
    whole = Report(command, name, platform.python_version(), machine, tuple(results))
    if report:
        write_json(whole, report)
    if page:
        write_page(whole, page)
    return all(result.ok for result in results)
