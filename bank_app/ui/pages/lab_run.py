"""A run of the laboratory: set it up, predict, watch it, and see whether money was conserved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

import reflex as rx

from bank_app import clock
from bank_app.domain import money
from bank_app.errors import BankError, Invalid, NotFound
from bank_app.lab.office import (
    FREE,
    ISOLATIONS,
    STRATEGIES,
    Config,
    Experiment,
    Office,
    Run,
    experiment_named,
    experiment_of,
    setup_of,
)
from bank_app.services.actor import Actor
from bank_app.ui import forms, lab_desk, lab_setup, lab_words, messages, words
from bank_app.ui.components.fields import Problem
from bank_app.ui.first_steps import tick
from bank_app.ui.guard import exposed
from bank_app.ui.lab_setup import Answer, Setup
from bank_app.ui.lab_words import Shown, StrategyCard
from bank_app.ui.session import actor_of

PATH = "/lab/run"


class LabRunState(rx.State):
    """The page: a setup that has not run yet, or one run."""

    loaded: bool = False
    failed: str = ""
    question: str = ""
    about: str = ""
    look_at: str = ""
    # The form, and how often it was filled in from outside.
    setup: Setup = Setup()
    setups: int = 0
    problems: list[Problem] = []
    bad: list[str] = []
    refused: str = ""
    answer: int = 0
    strategy: StrategyCard = StrategyCard()
    share: str = PATH
    # Nothing, or the run that is shown: queued, running, stopping, over, failed, or stopped before it began.
    number: int = 0
    phase: str = "idle"
    message: str = ""
    paused: bool = False
    beats: int = 0
    shown: Shown = Shown()
    asks: str = ""
    answers: list[Answer] = []
    prediction: str = ""
    came: str = ""
    may_stop: bool = False
    verdict_on_guess: str = ""
    server: bool = True
    _config: Config | None = None
    _question: str = FREE.key
    _ticks: list[dict[str, Any]] = []
    _seen: int = 0

    @exposed
    async def open(self) -> Any:
        """Fills in the form from the address, or shows the run that it names."""
        query = dict(self.router.url.query_parameters)
        number = _number(query.get("run"))
        if number and number == self.number and self.loaded:
            return
        self.loaded, self.failed = False, ""
        yield
        actor = await actor_of(self)
        try:
            self.server = await lab_desk.ask(actor, lambda office: office.has_server)
            if number:
                run, ticks = await lab_desk.ask(actor, lambda office: office.look(number))
                self._take(run.configs[0], experiment_of(run.configs[0]))
                self._begin(number, query.get("predict"), may_stop=run.may_be_stopped_by(actor))
                self._follow(run, ticks, 0)
            else:
                self._take(setup_of(query, server=self.server), experiment_named(query.get("preset", "")))
                self._clear(query.get("predict"))
        except BankError as error:
            self.failed = _why_not(error, number)
            self._take(Config(), None)
            self._clear("")
        self.loaded = True

    @exposed
    async def choose(self, name: str) -> None:
        """Another strategy for the same transfers; only the words beside the form change."""
        if forms.text(name, 4) in STRATEGIES and self._config is not None:
            self._config = replace(self._config, strategy=forms.text(name, 4))
            self.strategy = lab_words.card(self._config, server=self.server)

    @exposed
    async def choose_level(self, name: str) -> None:
        """Another isolation level: a strategy may be safe at one and not at another."""
        if forms.text(name, 20) in ISOLATIONS and self._config is not None:
            self._config = replace(self._config, isolation=forms.text(name, 20))
            self.strategy = lab_words.card(self._config, server=self.server)

    @exposed
    async def predict(self, guess: str) -> None:
        """What somebody expects; from here on the page says what it knows."""
        if self.phase == "idle":
            self.prediction = self._experiment().prediction.read(forms.text(guess, 10))

    @exposed
    async def start(self, form: dict[str, Any]) -> Any:
        """Runs what stands in the form."""
        actor = await actor_of(self)
        config, self.problems = lab_setup.read(form)
        self.bad, self.refused = [problem.field for problem in self.problems], ""
        if config is None:
            self.answer += 1
            return
        started_at = clock.now().isoformat()
        try:
            number = await lab_desk.ask(actor, lambda office: office.start([config], started_at=started_at, by=actor))
        except BankError as error:
            # Nothing is wrong with the form: the lab has no room, or this database cannot do it.
            self.refused = error.detail
            self.answer += 1
            return
        self._take(config, experiment_of(config))
        self._begin(number, forms.field(form, "predict", 10), may_stop=True)
        guess = self.prediction
        self.answer += 1
        yield rx.redirect(run_address(number, guess))
        await tick(actor, "lab")

    @exposed
    async def refresh(self) -> None:
        """What is new of the run."""
        if not self.number or self.paused or self.phase in ("idle", "over", "failed", "stopped"):
            return
        actor = await actor_of(self)
        number, seen = self.number, self._seen
        try:
            run, ticks = await lab_desk.ask(actor, lambda office: office.look(number, after=seen))
            waits = await lab_desk.ask(actor, lambda office: office.ahead(number)) if run.state == "queued" else (0, 0)
        except BankError as error:
            self.failed = messages.refusal(error).text
            return
        if number == self.number and seen == self._seen:
            self._follow(run, ticks, seen, waits)

    @exposed
    async def redraw(self) -> Any:
        """The run that is shown once more; a form that is being filled in stays, and so does what runs."""
        if self.number:
            self.loaded = False
            return LabRunState.open
        if self._config is not None:
            self.about = money.veil(experiment_of(self._config).says)
            self.shown = lab_words.before(self._config)
        return None

    @exposed
    async def pause(self) -> Any:
        """The page stands still, or goes on; the run does not care."""
        self.paused = not self.paused
        self.beats += 1

    @exposed
    async def stop(self) -> None:
        """Ends the run."""
        actor = await actor_of(self)
        number = self.number
        if number and self.phase in ("queued", "running"):
            try:
                await lab_desk.ask(actor, lambda office: office.stop(number, by=actor))
            except BankError as error:
                self.refused, self.may_stop = error.detail, False
                return
            self.phase, self.paused = "stopping", False
            self.beats += 1

    # --- what is shown --------------------------------------------------------------------------

    def _take(self, config: Config, experiment: Experiment | None) -> None:
        """Puts settings into the form."""
        found = experiment or experiment_of(config)
        self._config, self._question = config, found.key
        self.asks, self.answers = found.prediction.asks, lab_setup.answers_of(found)
        self.setup, self.setups = lab_setup.setup_of(config), self.setups + 1
        self.question, self.about, self.look_at = found.question, money.veil(found.says), found.look_at
        self.strategy = lab_words.card(config, server=self.server)
        self.share = f"{PATH}?{config.query()}" if config.query() else PATH
        self.problems, self.bad, self.refused = [], [], ""

    def _experiment(self) -> Experiment:
        return experiment_named(self._question) or FREE

    def _clear(self, guess: object) -> None:
        assert self._config is not None  # noqa: S101 - `_take` came first
        self.number, self.phase, self.message, self.paused = 0, "idle", "", False
        self.prediction, self.came, self.verdict_on_guess = self._experiment().prediction.read(guess), "", ""
        self.may_stop = False
        self.shown = lab_words.before(self._config)
        self._ticks, self._seen = [], 0

    def _begin(self, number: int, guess: object, *, may_stop: bool) -> None:
        self._clear(guess)
        self.number, self.phase, self.may_stop = number, "queued", may_stop
        self.message = "Starting."
        self.beats += 1

    def _follow(self, run: Run, ticks: list[dict[str, Any]], seen: int, waits: tuple[int, int] = (0, 0)) -> None:
        config = self._config = run.configs[0]
        self._seen = seen + len(ticks)
        self._ticks = [*self._ticks, *(tick for tick in ticks if not tick.get("run"))]
        self.beats += 1
        self.failed = ""
        if run.state == "failed":
            self.phase, self.message = "failed", run.message
            return
        if run.report is not None and run.is_over:
            self._finish(run)
            return
        if run.is_over:
            self.phase, self.message = run.state, run.message
            return
        if self.phase != "stopping":
            self.phase = "running" if run.state == "running" else "queued"
        self.message = _waiting(waits) if run.state == "queued" else ""
        if waits[0]:
            self.shown = replace(self.shown, meter=replace(self.shown.meter, verdict="waiting"))
        if ticks:
            self.shown = lab_words.going(config, self._ticks, server=self.server)

    def _finish(self, run: Run) -> None:
        assert run.report is not None  # noqa: S101 - asked before
        report = run.report["results"][0]
        self.phase = "over"
        self.shown = lab_words.over(run.configs[0], report, self._ticks)
        self.message = _ended(run, report)
        self.came = self._experiment().prediction.came(report)
        self.verdict_on_guess = lab_setup.judged(self._experiment(), self.prediction, self.came)


def run_address(number: int, guess: str = "") -> str:
    """Where a run is shown."""
    return f"{PATH}?" + urlencode({"run": number, **({"predict": guess} if guess else {})})


def start_experiment(office: Office, experiment: Experiment, by: Actor | None) -> int:
    """Starts a question of the library with its own settings.

    Raises:
        Invalid: it needs a server.
        Overloaded: too many are waiting.
    """
    config = experiment.setup(server=office.has_server) or experiment.config
    return office.start([config], started_at=clock.now().isoformat(), by=by)


def _why_not(error: BankError, number: int) -> str:
    """What is wrong with the address of the page."""
    if isinstance(error, Invalid):
        return messages.say("LAB_BAD_LINK", why=error.detail)
    if isinstance(error, NotFound) and number:
        return messages.say("LAB_NO_RUN", number=str(number))
    return messages.refusal(error).text


def _number(value: object) -> int:
    text = forms.text(value, 9)
    return int(text) if text.isascii() and text.isdigit() else 0


def _waiting(waits: tuple[int, int]) -> str:
    before, seconds = waits
    if before == 0:
        return "Starting."
    if before == 1:
        return messages.say("LAB_BUSY", seconds=str(seconds))
    return messages.say("LAB_BUSY_MORE", count=str(before), seconds=str(seconds))


def _ended(run: Run, report: Mapping[str, Any]) -> str:
    if run.state != "stopped":
        return ""
    ran = messages.say("LAB_STOPPED", count=words.count(int(report["counts"].get("ok", 0)), "transfer"))
    return ran if run.message in ("", "Stopped.") else f"{run.message} {ran}"
