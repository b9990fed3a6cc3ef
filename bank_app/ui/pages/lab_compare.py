"""The same transfers in two to four ways, one after the other: who kept the money, and at what speed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import reflex as rx
from reflex.event import EventSpec

from bank_app import clock
from bank_app.errors import BankError, Invalid
from bank_app.lab.office import STRATEGIES, Config, Office, Run, setup_of
from bank_app.ui import forms, lab_desk, lab_results, lab_setup, messages, words
from bank_app.ui.components.fields import Problem
from bank_app.ui.guard import exposed
from bank_app.ui.lab_results import Card, Column, Result
from bank_app.ui.lab_setup import Setup
from bank_app.ui.messages import say
from bank_app.ui.pages.lab_report import compare_address, number_of
from bank_app.ui.session import actor_of

PATH = "/lab/compare"
FEWEST, MOST = 2, 4
_NUMBERS = ("No", "One", "Two", "Three", "Four")
_USUAL, _USUAL_EMBEDDED = ("S1", "S4"), ("S0", "S5")


@dataclass(frozen=True)
class Choice:
    """A strategy to choose. One that this database cannot run stays visible and says why."""

    id: str
    name: str
    safe: bool
    able: bool
    chosen: bool


@dataclass(frozen=True)
class Stage:
    """Where one strategy is: done, now or later."""

    id: str
    state: str
    said: str


class LabCompareState(rx.State):
    """The page: a setup that has not run yet, or one comparison."""

    loaded: bool = False
    title: str = ""
    sub: str = ""
    each: str = ""
    choices: list[Choice] = []
    # The form, and how often it was filled in from outside.
    setup: Setup = Setup()
    setups: int = 0
    server: bool = True
    changing: bool = False
    problems: list[Problem] = []
    bad: list[str] = []
    answer: int = 0
    # Nothing, or the comparison that is shown: queued, running, stopping, over, or failed.
    number: int = 0
    phase: str = "idle"
    message: str = ""
    may_stop: bool = False
    waits: str = ""
    stages: list[Stage] = []
    stages_said: str = ""
    sentence: str = ""
    columns: list[Column] = []
    some_refused: bool = False
    rows: list[Result] = []
    cards: list[Card] = []
    sorted_said: str = ""
    share: str = PATH
    command: str = ""
    prediction: str = ""
    beats: int = 0
    _configs: tuple[Config, ...] = ()
    _reports: list[dict[str, Any]] = []
    _ticks: list[dict[str, Any]] = []
    _sort: str = "strategy"
    _falling: bool = False

    @exposed
    async def open(self) -> None:
        """Fills in the form from the address, or shows the comparison that it names."""
        actor = await actor_of(self)
        query = self.router.url.query_parameters
        number = number_of(forms.text(query.get("run"), 12))
        self.problems, self.bad, self.message = [], [], ""
        if number and int(number) == self.number and self.loaded:
            await self._follow()
            return
        self.loaded, self.number, self.phase, self._ticks, self._reports = False, 0, "idle", [], []
        self.rows, self.cards, self.stages, self.stages_said, self.sentence = [], [], [], "", ""
        if number:
            try:
                server, (run, ticks) = await lab_desk.ask(
                    actor, lambda office: (office.has_server, office.look(int(number)))
                )
            except BankError:
                self.message = say("LAB_NO_RUN", number=number)
            else:
                self.number = run.number
                self._fill(run.configs, server=server)
                self.may_stop = run.may_be_stopped_by(actor)
                self._show(run, ticks)
                self.loaded = True
                return
        try:
            server, configs = await lab_desk.ask(actor, lambda office: (office.has_server, wanted(query, office)))
        except BankError as error:
            self.message = messages.refusal(error).text if error.code != "invalid_request" else error.detail
            server, configs = await lab_desk.ask(actor, lambda office: (office.has_server, wanted({}, office)))
        self._fill(configs, server=server)
        self.loaded = True

    @exposed
    async def redraw(self) -> EventSpec | None:
        """What is shown once more; a form that is being filled in stays."""
        if not self.number:
            self.sub = lab_results.conditions(self._configs[0]) if self._configs else self.sub
            return None
        self.loaded = False
        return LabCompareState.open

    @exposed
    async def refresh(self) -> None:
        """How far it is."""
        if self.loaded and self.phase in ("queued", "running", "stopping"):
            await self._follow()
            self.beats += 1

    @exposed
    async def run(self, form: dict[str, Any]) -> EventSpec | None:
        """Starts what the form asks for."""
        self.answer += 1
        self.message = ""
        chosen = [key for key in STRATEGIES if form.get(f"with-{key}") in (True, "on", "true")]
        config, self.problems = lab_setup.read({**form, "strategy": (chosen or ["S1"])[0]})
        if not FEWEST <= len(chosen) <= MOST:
            first = next((choice.id for choice in self.choices if choice.able), "S0")
            self.problems = [Problem(f"with-{first}", say("LAB_CHOOSE")), *self.problems]
        self.bad = [problem.field for problem in self.problems]
        if config is None or self.problems:
            return None
        return await self._start([replace(config, stop_at_break=False, strategy=key) for key in chosen])

    @exposed
    async def again(self) -> EventSpec | None:
        """The same once more."""
        self.answer += 1
        return await self._start(self._configs) if self._configs else None

    async def _start(self, configs: Sequence[Config]) -> EventSpec | None:
        actor = await actor_of(self)
        try:
            number = await lab_desk.ask(
                actor, lambda office: office.start(configs, started_at=clock.now().isoformat(), by=actor)
            )
        except BankError as error:
            # Nothing is wrong with the form: the lab has no room, or this database cannot do it.
            self.message = error.detail
            return None
        self.changing = False
        return rx.redirect(f"{PATH}?run={number}")

    @exposed
    async def stop(self) -> None:
        """Ends it; what happened so far is reported."""
        actor, number = await actor_of(self), self.number
        if self.phase not in ("queued", "running"):
            return
        try:
            await lab_desk.ask(actor, lambda office: office.stop(number, by=actor))
        except BankError as error:
            self.message, self.may_stop = error.detail, False
            return
        self.phase = "stopping"

    @exposed
    def change(self) -> None:
        """Shows the form."""
        self.changing = True
        self.setups += 1

    @exposed
    def sort(self, key: str) -> None:
        """Orders the table by a column; the same one again turns it round."""
        if not lab_results.can_sort(key) or not self._reports:
            return
        self._falling = not self._falling if key == self._sort else key not in ("strategy", "p95")
        self._sort = key
        self._arrange()
        self.sorted_said = lab_results.sort_words(key, falling=self._falling)

    async def _follow(self) -> None:
        actor, number, seen = await actor_of(self), self.number, len(self._ticks)
        try:
            run, ticks = await lab_desk.ask(actor, lambda office: office.look(number, after=seen))
        except BankError as error:
            self.phase, self.message = "failed", error.detail
            return
        self._show(run, ticks)

    def _fill(self, configs: Sequence[Config], *, server: bool) -> None:
        """The form, the heading and the addresses."""
        config, keys = configs[0], [one.strategy for one in configs]
        self.server = server
        self._configs = tuple(configs)
        self.choices = [
            Choice(one.id, one.name, one.safe, server or bool(one.embedded), one.id in keys)
            for one in STRATEGIES.values()
        ]
        self.setup, self.setups = lab_setup.setup_of(config), self.setups + 1
        self.title = f"{_NUMBERS[len(keys)]} ways to move the same money"
        self.sub = lab_results.conditions(config)
        self.each = f"Same transfers, one strategy after another, {config.seconds} s each"
        self.share = compare_address(config, keys)
        self.prediction = "   ☐ ".join(["Every cent will be kept by", *keys])
        command = config.command().replace(f"--strategy {config.strategy}", f"--compare {','.join(keys)}")
        self.command = command + (" --mysql" if server else "")
        self._sort, self._falling, self.sorted_said, self.changing = "strategy", False, "", False

    def _show(self, run: Run, ticks: Sequence[dict[str, Any]]) -> None:
        self._ticks = [*self._ticks, *({**tick, "recent": []} for tick in ticks)]
        if run.is_over and run.report is None:
            self.phase, self.message = "failed", run.message
        elif run.is_over:
            self._finish(run)
        elif self.phase != "stopping":
            self.phase = "queued" if run.state == "queued" else "running"
        self.waits = f"Waiting: {words.count(run.before, 'run')} before this one." if run.before else "Starting."
        if self.phase in ("queued", "running", "stopping"):
            now = int(self._ticks[-1]["run"]) if self._ticks else 0
            # One that has had its time is done; the next one is being prepared.
            if self._ticks and float(self._ticks[-1]["at"]) >= self._configs[now].seconds:
                now = min(now + 1, len(self._configs) - 1)
            self.cards = lab_results.cards_so_far(self._configs, self._ticks, now)
            self.stages = [
                _stage(self._configs[n], self._ticks, n, now, queued=run.state == "queued") for n in _upto(run)
            ]
            going = f"{self._configs[now].strategy} runs, {now + 1} of {len(self._configs)}"
            self.stages_said = "" if self.phase == "queued" else going

    def _finish(self, run: Run) -> None:
        report: Mapping[str, Any] = run.report or {}
        self._reports = report["results"]
        done = {one["strategy"]["id"] for one in self._reports}
        self.stages = [
            Stage(config.strategy, "done" if config.strategy in done else "later", "") for config in run.configs
        ]
        at = words.time_of_day(datetime.fromisoformat(self._reports[-1]["finished_at"]), seconds=True)
        all_of_them = "Both" if len(run.configs) == FEWEST else f"All {_NUMBERS[len(run.configs)].lower()}"
        self.stages_said = f"{all_of_them} finished at {at}" if run.state == "finished" else run.message
        self.sentence = report["comparison"] or self._reports[0]["sentence"]
        self.cards = lab_results.cards(self._reports)
        self.phase = "over"
        self._arrange()

    def _arrange(self) -> None:
        self.columns = lab_results.columns(self._reports, self._sort, falling=self._falling)
        self.some_refused = lab_results.some_refused(self._reports)
        self.rows = lab_results.results(self._reports, self.number, sort=self._sort, falling=self._falling)


def wanted(query: Mapping[str, Any], office: Office) -> list[Config]:
    """What a share link asks for: strategies in `with`, and settings.

    Raises:
        Invalid: it cannot be read, or is out of bounds.
    """
    config = replace(setup_of(query, server=office.has_server), stop_at_break=False)
    named = forms.text(query.get("with"), 40).upper().split(",")
    keys = [key for key in dict.fromkeys(named) if key in STRATEGIES]
    if "with" in query and not FEWEST <= len(keys) <= MOST:
        raise Invalid(say("LAB_CHOOSE"))
    keys = [key for key in keys if office.has_server or STRATEGIES[key].embedded]
    usual = _USUAL if office.has_server else _USUAL_EMBEDDED
    return [config.with_strategy(key) for key in (keys if len(keys) >= FEWEST else usual)]


def _upto(run: Run) -> range:
    return range(len(run.configs))


def _stage(config: Config, ticks: Sequence[Mapping[str, Any]], place: int, now: int, *, queued: bool) -> Stage:
    if queued or place > now:
        return Stage(config.strategy, "later", "waits")
    if place < now:
        return Stage(config.strategy, "done", "")
    at = next((float(tick["at"]) for tick in reversed(ticks) if tick["run"] == place), 0.0)
    return Stage(config.strategy, "now", f"{min(at, config.seconds):.0f} of {config.seconds} s")
