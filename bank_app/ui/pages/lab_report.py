"""What became of a run, for good: the verdict, how it happened, and the same transfers with a safe strategy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

import reflex as rx
from reflex.event import EventSpec

from bank_app import clock
from bank_app.errors import BankError, NotFound
from bank_app.lab.office import STRATEGIES, Config, Office, Run, Strategy, experiment_of, figure
from bank_app.services.actor import Actor
from bank_app.ui import forms, lab_desk, lab_results, lab_setup, lab_words, messages, words
from bank_app.ui.components.fields import Problem
from bank_app.ui.guard import exposed
from bank_app.ui.lab_refusals import Refusal, refusal
from bank_app.ui.lab_refusals import wanted as refusing
from bank_app.ui.lab_replay import Replay, replay
from bank_app.ui.lab_words import Shown
from bank_app.ui.session import actor_of

# What a broken run is tried again with, the smallest change first.
FIXES = ("S4", "S5", lab_results.OWN)


@dataclass(frozen=True)
class Fact:
    """One line of the setup or of the machine."""

    label: str
    value: str


@dataclass(frozen=True)
class Fix:
    """A safe strategy to run the same transfers with."""

    id: str
    name: str
    summary: str
    sql: list[str]
    own: bool
    chosen: bool


@dataclass(frozen=True)
class Paper:
    """What stands around the result."""

    number: str = ""
    title: str = ""
    sub: str = ""
    strategy: str = ""
    name: str = ""
    summary: str = ""
    safe: bool = True
    message: str = ""
    command: str = ""
    share: str = ""
    compare: str = ""
    files: str = ""
    race: bool = False
    transfers: str = ""
    prediction: str = ""


class LabReportState(rx.State):
    """The page."""

    loaded: bool = False
    shown: str = ""
    missing: str = ""
    running: str = ""
    paper: Paper = Paper()
    result: Shown = Shown()
    race: Replay = Replay()
    numbers: list[Fact] = []
    setup: list[Fact] = []
    machine: list[Fact] = []
    fixes: list[Fix] = []
    refusal: Refusal = Refusal()
    problems: list[Problem] = []
    refused: str = ""
    pressed: str = ""
    answer: int = 0
    _config: Config | None = None
    _refusing: list[Config] = []

    @exposed
    async def open(self) -> EventSpec | None:
        """Shows the report that the address names."""
        if (number := number_of(self.router.url.path)) != self.shown:
            self.loaded = False
        self.missing, self.running, self.problems, self.refused = "", "", [], ""
        actor = await actor_of(self)
        place = forms.text(self.router.url.query_parameters.get("result"), 2)
        try:
            run, server = await lab_desk.ask(actor, lambda office: (_look(office, number), office.has_server))
        except BankError:
            self.shown, self.missing = number, messages.say("LAB_NO_RUN", number=number or "of that number")
            self.loaded = False
            return None
        if len(run.configs) > 1 and not place:
            return rx.redirect(f"/lab/compare?run={run.number}", replace=True)
        if run.report is None:
            self.shown, self.loaded = number, False
            self.missing = run.message or messages.say("LAB_NO_REPORT")
            self.running = "" if run.is_over else f"/lab/run?run={run.number}"
            return None
        self._show(run, int(place) - 1 if place.isdigit() and place != "0" else 0, server=server)
        self.shown, self.loaded = number, True
        return None

    def _show(self, run: Run, place: int, *, server: bool) -> None:
        found: list[dict[str, Any]] = (run.report or {})["results"]
        report = found[min(place, len(found) - 1)]
        config = Config.read(report["config"])
        self._config = config
        self.paper = paper(run, config, report)
        self.result = lab_words.over(config, report, report["ticks"])
        self.race = replay(report["race"])
        self.numbers, self.setup, self.machine = numbers(report), settings(config), machine(report)
        self.fixes = fixes(server=server) if not report["holds"] else []
        self.refusal, self._refusing = refusal(config, report), refusing(config, report)

    @exposed
    async def fix(self, form: dict[str, Any]) -> EventSpec | None:
        """Runs the same transfers in a safe way."""
        self.answer += 1
        actor = await actor_of(self)
        config, strategy = self._config, forms.field(form, "strategy", 4)
        if config is None or strategy not in FIXES:
            self.problems = [Problem("fix-" + FIXES[0], "Choose a strategy.")]
            return None
        wanted = config.with_strategy(strategy)
        number = await self._start("fix", [wanted], actor)
        return rx.redirect(f"/lab/run?run={number}") if number else None

    @exposed
    async def refuse(self) -> EventSpec | None:
        """Runs the same transfers where the database refuses what rests on an old read."""
        self.answer += 1
        if not self.refusal.label:
            return None
        number = await self._start("refuse", self._refusing, await actor_of(self))
        return rx.redirect(f"/lab/compare?run={number}") if number else None

    async def _start(self, button: str, configs: list[Config], actor: Actor | None) -> int:
        """The number of the run, or 0 and why not."""
        self.problems, self.refused, self.pressed = [], "", button
        try:
            return await lab_desk.ask(
                actor, lambda office: office.start(configs, started_at=clock.now().isoformat(), by=actor)
            )
        except BankError as error:
            # Nothing is wrong with what was chosen: the lab has no room, or this database cannot do it.
            self.refused = error.detail
            return 0


def number_of(path: str) -> str:
    """The number at the end of an address; empty if there is none."""
    found = path.rstrip("/").rpartition("/")[2]
    return found if found.isascii() and found.isdigit() and len(found) < 10 else ""


def _look(office: Office, number: str) -> Run:
    if not number:
        raise NotFound("There is no such run.")
    return office.look(int(number), after=10**9)[0]


def paper(run: Run, config: Config, report: Mapping[str, Any]) -> Paper:
    """The heading, the addresses and the way to repeat it."""
    strategy = STRATEGIES[config.strategy]
    experiment = experiment_of(config)
    others = dict.fromkeys((config.strategy, *FIXES))
    finished = words.full_moment(datetime.fromisoformat(report["finished_at"]))
    return Paper(
        number=str(run.number),
        title=experiment.question if experiment.key != "free" else f"What does {config.strategy} do to the money?",
        sub=f"Strategy {config.strategy} · {lab_results.conditions(config)} · finished {finished}",
        strategy=strategy.id,
        name=strategy.name,
        summary=strategy.summary,
        safe=strategy.safe,
        message=run.message if run.state != "finished" else "",
        command=report["command"],
        share=f"/lab/run?{config.query()}".rstrip("?"),
        compare=compare_address(config, list(others)),
        files=f"/lab/runs/{run.number}",
        race=report["race"] is not None,
        transfers=words.count(report["counts"].get("ok", 0), "transfer"),
        prediction="   ☐ ".join([experiment.prediction.asks, *experiment.prediction.answers.values()]),
    )


def compare_address(config: Config, strategies: list[str]) -> str:
    """A comparison with the settings of a run."""
    query = config.with_strategy(Config().strategy).query()
    return f"/lab/compare?{urlencode({'with': ','.join(strategies)}, safe=',')}" + (f"&{query}" if query else "")


def fixes(*, server: bool) -> list[Fix]:
    """The safe strategies that this database can run."""
    able = [STRATEGIES[key] for key in FIXES if server or STRATEGIES[key].embedded]
    return [
        Fix(one.id, one.name, one.summary, _marked(one, server=server), one.id == lab_results.OWN, not place)
        for place, one in enumerate(able)
    ]


def _marked(one: Strategy, *, server: bool) -> list[str]:
    """What it stands or falls with, as this database gets it."""
    return [f"{line};" for line in dict.fromkeys(one.statements(server=server)) if line in one.marked]


def numbers(report: Mapping[str, Any]) -> list[Fact]:
    """What was counted."""
    counts = report["counts"]
    said = {
        "Done": f"{counts.get('ok', 0):,}",
        "A second": f"{report['a_second']:,.0f}",
        "Declined": f"{counts.get('declined', 0):,}",
        "Retried": f"{counts.get('retried', 0):,}",
        "Deadlocks": f"{counts.get('deadlocks', 0):,}",
        "Lock waits": f"{report['lock_waits']:,}" if report.get("server", True) else "none",
        "p95": f"{report['p95_ms']:,.1f} ms",
    }
    if counts.get("changed"):
        said["Too old" + (" (error 1020)" if report.get("server", True) else "")] = f"{counts['changed']:,}"
    if counts.get("check"):
        said["Refused by the CHECK"] = f"{counts['check']:,}"
    if counts.get("replayed"):
        said["Sent before"] = f"{counts['replayed']:,}"
    return [Fact(label, value) for label, value in said.items()]


def settings(config: Config) -> list[Fact]:
    """The setup as it was."""
    amounts = {name: figure(getattr(config, name)) for name in ("opening_minor", "largest_minor")}
    values = {**asdict(lab_setup.setup_of(config)), **amounts}
    made = [Fact("Strategy", f"{config.strategy} {STRATEGIES[config.strategy].name}")]
    made += [Fact(*_unit(label, str(values[name]))) for name, label in lab_setup.LABELS.items()]
    made.append(Fact("Database’s own check", _on(config.check)))
    made.append(Fact("Stops at the first break", "yes" if config.stop_at_break else "no"))
    return made


def _unit(label: str, value: str) -> tuple[str, str]:
    """`Duration, s` and `10` as `Duration` and `10 s`; an amount has its sign already."""
    name, _, unit = label.partition(", ")
    return name, value if unit == "$" else f"{value} {unit}".rstrip()


def _isolation(report: Mapping[str, Any]) -> str:
    """The level, and whether what is old was refused where the server can; the embedded engine has no levels."""
    if not report.get("server", True):
        return "one writer at a time, no levels"
    own = report.get("server_snapshot")
    refuses = "" if own is None else f", snapshot isolation {_on(report['config'].get('snapshot'))}"
    return f"{report['isolation']}{refuses}"


def _on(setting: object) -> str:
    return "on" if setting else "off"


def machine(report: Mapping[str, Any]) -> list[Fact]:
    """Where it ran, as far as it matters."""
    found = report["machine"]
    return [
        Fact("Database", report["engine"]),
        Fact("Isolation", _isolation(report)),
        Fact("Processors", str(found["processors"])),
        Fact("System", found["system"]),
        Fact("Python", found["python"]),
        Fact("Ran for", f"{float(report['seconds']):.2f} s"),
    ]
