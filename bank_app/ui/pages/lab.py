"""The laboratory's first page: questions to run, and what came of earlier runs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import reflex as rx

from bank_app.domain import money
from bank_app.errors import BankError
from bank_app.lab.office import (
    EXPERIMENTS,
    STRATEGIES,
    Experiment,
    Run,
    experiment_named,
    experiment_of,
    figure,
    verdict,
)
from bank_app.ui import forms, lab_desk, messages, words
from bank_app.ui.components.browser import copy_button
from bank_app.ui.components.chart import little_lanes
from bank_app.ui.components.lab import isolated, pulse, result_badge, safety_badge, strategy_id
from bank_app.ui.components.parts import badge, bone, empty, failed_panel, icon, link, notice, page_head, waiting
from bank_app.ui.components.shell import shell
from bank_app.ui.first_steps import tick
from bank_app.ui.guard import exposed
from bank_app.ui.pages.lab_run import PATH as RUN
from bank_app.ui.pages.lab_run import run_address, start_experiment
from bank_app.ui.session import SessionState, actor_of

_COMMAND = "./bank run --mysql"
_LISTED = 12


@dataclass(frozen=True)
class RunRow:
    """One earlier run."""

    number: str
    question: str
    strategies: str
    when: str
    difference: str
    verdict: str
    place: str
    address: str


class LabState(rx.State):
    """The page."""

    loaded: bool = False
    failed: str = ""
    refused: str = ""
    server: bool = True
    runs: list[RunRow] = []
    # Whether something of it is still to come, and how often the list was read.
    going: bool = False
    beats: int = 0

    @exposed
    async def open(self) -> None:
        """Lists the runs."""
        await self._look()

    @exposed
    async def refresh(self) -> None:
        """Lists them again."""
        await self._look()

    async def _look(self) -> None:
        actor = await actor_of(self)
        try:
            self.server, found = await lab_desk.ask(actor, lambda office: (office.has_server, office.runs(_LISTED)))
        except BankError as error:
            self.failed = messages.refusal(error).text
            return
        self.runs = [_row(run) for run in found]
        self.going, self.beats = not all(run.is_over for run in found), self.beats + 1
        self.failed, self.loaded = "", True

    @exposed
    async def start(self, form: dict) -> Any:
        """Runs a question with its own settings."""
        actor = await actor_of(self)
        experiment = experiment_named(forms.field(form, "experiment", 40))
        if experiment is None:
            return None
        try:
            number = await lab_desk.ask(actor, lambda office: start_experiment(office, experiment, actor))
        except BankError as error:
            self.refused = error.detail
            return None
        self.refused = ""
        await tick(actor, "lab")
        return rx.redirect(run_address(number, experiment.prediction.read(form.get("predict"))))


def _row(run: Run) -> RunRow:
    results = run.report["results"] if run.report else []
    one = results[0] if len(results) == 1 else None
    worst = max((abs(each["difference_minor"]) for each in results), default=0)
    came = run.state if run.is_over else "waiting" if run.before else ""
    if results:
        found = {verdict(each).lower() for each in results}
        came = next(one for one in ("broken", "luck", "refused", "holding") if one in found)
    minor = one["difference_minor"] if one else worst
    sign = "+" if minor > 0 and one else "± " if minor and not one else ""
    return RunRow(
        number=str(run.number),
        question=experiment_of(run.configs[0]).question,
        strategies=" ".join(config.strategy for config in run.configs),
        when=words.moment(datetime.fromisoformat(run.started_at)) if run.started_at else "",
        difference=sign + figure(minor) if results else "",
        verdict=came,
        place=f", {words.count(run.before, 'run')} before it" if run.before else "",
        address=f"/lab/runs/{run.number}" if results else run_address(run.number),
    )


# --- what it looks like -----------------------------------------------------------------------------------


def _needs_server(one: Experiment) -> rx.Component:
    return rx.fragment() if one.embedded else badge("Needs a server", "database", "warn")


def _run_form(one: Experiment, *inside: rx.Component, style: str = "btn sm") -> rx.Component:
    """A button that starts the run; on the embedded engine only where it can."""
    button = rx.el.button(icon("play", 16), "Run", type="submit", class_name=style, aria_label=f"Run: {one.question}")
    setup = link(
        "Set up",
        to=f"{RUN}?preset={one.key}",
        class_name="btn quiet sm",
        custom_attrs={"aria-label": f"Set up: {one.question}"},
    )
    return rx.el.form(
        rx.el.input(type="hidden", name="experiment", value=one.key, read_only=True),
        *inside,
        button if one.embedded else rx.cond(LabState.server, button, setup),
        on_submit=LabState.start,
        reset_on_submit=False,
        key=one.key,
    )


def _length(one: Experiment) -> str:
    return "1–60 s" if one.key == "free" else f"{one.config.seconds} s"


def _says(one: Experiment) -> rx.Var | str:
    """What the question is about; its amounts are hidden like all others."""
    hidden = money.without_amounts(one.says)
    return one.says if hidden == one.says else rx.cond(SessionState.private, hidden, one.says)


def _first(one: Experiment) -> rx.Component:
    return rx.el.section(
        rx.el.div(
            rx.el.p(f"Start here · Experiment 1 · {one.level} · {_length(one)}", class_name="micro muted"),
            rx.el.h2(one.question, class_name="question", id="first-question"),
            rx.el.p(_says(one), class_name="says"),
            _run_form(
                one,
                rx.el.fieldset(
                    rx.el.legend(f"Predict: {one.prediction.asks}"),
                    *[
                        rx.el.label(rx.el.input(type="radio", name="predict", value=key), word)
                        for key, word in one.prediction.answers.items()
                    ],
                    class_name="predict",
                ),
                style="btn primary lg",
            ),
            link("Change the setup", to=f"{RUN}?preset={one.key}", class_name="btn lg change-setup"),
            class_name="tells",
        ),
        rx.el.div(little_lanes(), class_name="picture"),
        class_name="first-experiment",
        aria_labelledby="first-question",
    )


def _card(number: int, one: Experiment) -> rx.Component:
    return rx.el.li(
        rx.el.p(rx.el.span(f"Experiment {number}"), rx.cond(LabState.server, rx.fragment(), _needs_server(one)),
                class_name="micro subtle exp-top"),
        rx.el.h3(one.question),
        rx.el.p(_says(one), class_name="small muted"),
        rx.el.div(
            rx.el.span(f"{one.level} · {_length(one)}"),
            _run_form(one),
            class_name="foot-line",
        ),
        class_name="experiment",
    )  # fmt: skip


def _compare() -> rx.Component:
    return rx.el.li(
        rx.el.p("Compare", class_name="micro subtle exp-top"),
        rx.el.h3("Same traffic, up to four strategies"),
        rx.el.p("Fair: one after another, same seed, same transfers.", class_name="small muted"),
        rx.el.div(
            link(icon("chart-column", 16), "Compare", to="/lab/compare", class_name="btn sm"), class_name="foot-line"
        ),
        class_name="experiment dashed",
    )


def _run(one: rx.Var) -> rx.Component:
    return rx.el.tr(
        rx.el.td(link(one.number, to=one.address, custom_attrs={"aria-label": "Run " + one.number})),
        rx.el.td(one.question, class_name="run-question"),
        rx.el.td(strategy_id(one.strategies), class_name="wide-only"),
        rx.el.td(one.when, class_name="muted when"),
        rx.el.td(one.difference, class_name=rx.cond(one.verdict == "broken", "right num bad", "right num")),
        rx.el.td(result_badge(one.verdict, one.place), class_name="right"),
        key=one.number,
    )


def _history() -> rx.Component:
    state = LabState
    return rx.el.section(
        rx.el.header(rx.el.h2("Recent runs", id="runs", class_name="card-heading", tab_index=-1)),
        rx.cond(
            state.loaded,
            rx.cond(
                state.runs.length() > 0,
                rx.el.table(
                    rx.el.caption("Recent runs, newest first", class_name="hidden-visually"),
                    rx.el.thead(
                        rx.el.tr(
                            rx.el.th("Run", scope="col"),
                            rx.el.th("Question", scope="col"),
                            rx.el.th("Strategy", scope="col"),
                            rx.el.th("When", scope="col"),
                            rx.el.th("Difference", scope="col", class_name="right"),
                            rx.el.th("Result", scope="col", class_name="right"),
                        )
                    ),
                    rx.el.tbody(rx.foreach(state.runs, _run)),
                    class_name="listing desk runs",
                ),
                empty("No runs yet. Start with “Can money appear from nothing?”"),
            ),
            rx.el.div(waiting("runs"), *[rx.el.p(bone("28ch")) for _ in range(4)], class_name="empty"),
        ),
        pulse(on=state.going, seq=state.beats, on_beat=state.refresh),
        class_name="card flush",
    )


def _strategies() -> rx.Component:
    return rx.el.section(
        rx.el.header(rx.el.h2("Ten strategies", class_name="card-heading")),
        rx.el.ul(
            *[
                rx.el.li(
                    strategy_id(one.id),
                    rx.el.span(
                        link(one.name, to=f"{RUN}?strategy={one.id}", class_name="plain"),
                        *([rx.el.small("Your bank uses this")] if one.id == "S8" else []),
                        rx.fragment()
                        if one.embedded
                        else rx.cond(LabState.server, rx.fragment(), rx.el.small("Needs a server")),
                    ),
                    safety_badge(rx.Var.create(one.safe)),
                )
                for one in STRATEGIES.values()
            ],
            class_name="strategies",
        ),
        class_name="card flush",
    )


def _embedded() -> rx.Component:
    """Which strategies this engine has, and how to get the others."""
    here = ", ".join(one.id for one in STRATEGIES.values() if one.embedded)
    others = ", ".join(one.id for one in STRATEGIES.values() if not one.embedded)
    return rx.cond(
        LabState.loaded & ~LabState.server,
        notice(
            rx.el.p(
                rx.el.b("This bank runs on the embedded engine."),
                f"It has one writer at a time, no row locks and no isolation levels: {here} run here. {others} are "
                "about locks and levels and need MySQL or MariaDB; a private server comes with one command:",
            ),
            rx.el.div(
                rx.el.code(_COMMAND, class_name="mono"),
                copy_button(text=_COMMAND, label="Copy", class_name="btn quiet tiny"),
                class_name="actions",
            ),
            symbol="database",
        ),
        rx.fragment(),
    )


def lab() -> rx.Component:
    """The page."""
    state = LabState
    return shell(
        page_head(
            "Try to break the bank",
            sub="Nine questions about money under pressure. Real SQL, real database, pretend money.",
        ),
        isolated(),
        rx.cond(state.failed != "", failed_panel(state.failed, state.open), rx.fragment()),
        rx.cond(
            state.refused != "",
            notice(rx.el.p(state.refused), kind="warn", symbol="triangle-alert", role="alert"),
            rx.fragment(),
        ),
        _embedded(),
        _first(EXPERIMENTS[0]),
        rx.el.h2("More questions", class_name="hidden-visually"),
        rx.el.ul(
            *[_card(number, one) for number, one in enumerate(EXPERIMENTS[1:], 2)], _compare(), class_name="experiments"
        ),
        rx.el.div(_history(), _strategies(), class_name="lab-columns"),
        here="/lab",
    )
