"""`./bank simulate`: the laboratory at a terminal."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.text import Text

from bank_app.lab.simulation import folders, place, report
from bank_app.lab.simulation.audit import figure
from bank_app.lab.simulation.place import LabUnavailable
from bank_app.lab.simulation.run import Run, Tick
from bank_app.lab.simulation.scenario import Config
from bank_app.private_mysql import PrivateServer, Program
from bank_app.settings import Settings

__all__ = ["LabUnavailable", "simulate"]


def simulate(
    configs: Sequence[Config],
    settings: Settings,
    *,
    mysql: bool,
    program: Program | None,
    console: Console,
    json_file: Path | None,
    seeds: int = 1,
) -> int:
    """Runs one strategy after the other on the same transfers and says what became of the money.

    With several seeds each strategy runs with the seed of its configuration, the one after it, and so on; the table
    then has one row for all runs of a strategy, and only the first broken run of each is told at length.

    Returns:
        1 if a promise was broken, else 0.
    """
    every = [replace(config, seed=config.seed + more) for config in configs for more in range(seeds)]
    first, last = every[0], every[-1]
    with _place(settings, mysql=mysql, program=program) as where:
        of_seeds = f"seed {first.seed}" if seeds == 1 else f"seeds {first.seed} to {last.seed}"
        console.print(f"{where.engine().name}, {len(every)} × {first.seconds} s, {of_seeds}")
        with _turn(settings, console, alone=mysql):
            reports = [_one(config, where, settings.data / "lab", console) for config in every]
    if seeds == 1:
        console.print(report.table(reports))
        told = reports
    else:
        console.print(report.table_of_seeds(reports))
        broken = {one["strategy"]["id"]: one for one in reversed(reports) if not one["holds"]}
        told = list(reversed(broken.values()))
    for one in told:
        _tell(one, console)
    if len(reports) > 1 and seeds == 1:
        console.print(f"[bold]{report.comparison(reports)}[/bold]", highlight=False)
    if json_file:
        json_file.write_text(json.dumps({"results": reports}, indent=2) + "\n", encoding="utf-8")
    return 0 if all(one["holds"] for one in reports) else 1


def _turn(settings: Settings, console: Console, *, alone: bool) -> AbstractContextManager[bool]:
    """One at a time with the runs of the pages, which use the same tables; not on a server of one's own."""
    if alone:
        return nullcontext(enter_result=True)
    return folders.turn(settings.data / "lab" / "runs", go_on=_wait_aloud(console))


def _wait_aloud(console: Console) -> Callable[[], bool]:
    """Says once that somebody else has the laboratory."""
    said: list[str] = []

    def wait() -> bool:
        if not said:
            said.append("Another run is using the lab; this one begins when it is over.")
            console.print(said[0])
        return True

    return wait


@contextmanager
def _place(settings: Settings, *, mysql: bool, program: Program | None) -> Iterator[place.Place]:
    """A private server for this run, the database that BANK_LAB_URL names, or a file."""
    folder = settings.data / "lab"
    if mysql:
        with PrivateServer(folder / "server", program=program) as server:
            yield place.on(server)
    elif settings.lab_url:
        yield place.Place(settings.lab_url)
    else:
        yield place.embedded(folder)


def _one(config: Config, where: place.Place, folder: Path, console: Console) -> dict[str, Any]:
    with Live(console=console, refresh_per_second=4, transient=True) as live:

        def show(tick: Tick) -> None:
            live.update(_line(config, tick))

        run = Run(config, where, folder, on_tick=show)
        before = signal.signal(signal.SIGINT, lambda *_: run.stop())
        try:
            return report.of(run.carry_out())
        finally:
            signal.signal(signal.SIGINT, before)


def _line(config: Config, tick: Tick) -> Text:
    difference = tick.total_minor - config.expected_minor
    line = Text(f"{config.strategy}  seed {config.seed}  {tick.at:5.1f} s  {tick.a_second:6,.0f}/s  ")
    line.append(f"money {figure(tick.total_minor)}, difference {figure(difference)}", "red" if difference else "green")
    return line


def _tell(one: dict[str, Any], console: Console) -> None:
    name = one["strategy"]["id"]
    console.print(f"[bold]{name} {one['strategy']['name']}[/bold]: {one['sentence']}", highlight=False)
    for invariant in one["invariants"]:
        if not invariant["holds"]:
            at = f" at {invariant['at']:.2f} s" if invariant["at"] is not None else ""
            console.print(f"   {invariant['id']} {invariant['name']}: {invariant['said']}{at}", highlight=False)
    if one["race"]:
        console.print(f"   {one['race']['sentence']}", highlight=False)
        for beat in one["race"]["beats"]:
            mark = {"stale": "old  ", "wrong": "WRONG", "waits": "waits"}.get(beat["mark"], "")
            console.print(
                f"   {beat['at']:8.4f} T{beat['lane']} {mark:<5} {beat['sql']:<48.48} {beat['said']}",
                highlight=False, markup=False, soft_wrap=True,
            )  # fmt: skip
    console.print(f"   Again: {one['command']}", highlight=False, markup=False, soft_wrap=True)
