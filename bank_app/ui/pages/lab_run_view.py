"""What the page of a run looks like."""

from __future__ import annotations

import reflex as rx

from bank_app.ui.components.browser import copy_button, press_once
from bank_app.ui.components.front import opens
from bank_app.ui.components.lab import (
    isolated,
    meter_view,
    promises,
    pulse,
    run_keys,
    small_drawing,
    spoken,
    statements,
    total_drawing,
    total_legend,
    total_table,
)
from bank_app.ui.components.parts import badge, bone, failed_panel, icon, link, notice, problem_summary, waiting
from bank_app.ui.components.shell import shell
from bank_app.ui.messages import say
from bank_app.ui.pages.lab_run import LabRunState
from bank_app.ui.pages.lab_run_setup import FORM, prediction, setup_form, told


def _below_meter() -> rx.Component:
    """The sentence of the moment, and what to do next."""
    state, shown = LabRunState, LabRunState.shown
    return rx.el.div(
        rx.match(
            state.phase,
            ("idle", prediction()),
            (
                "queued",
                rx.el.div(rx.el.p(icon("clock", 20), state.message, class_name="say"), class_name="grow"),
            ),
            rx.el.div(
                rx.el.p(shown.sentence, class_name="say"),
                rx.el.p(shown.detail, class_name="muted"),
                class_name="grow",
            ),
        ),
        rx.match(
            state.phase,
            ("idle", _run_button("Run")),
            (
                "over",
                rx.cond(
                    shown.meter.verdict == "broken",
                    link(
                        icon("play", 20),
                        "Show me how it happened",
                        to="/lab/runs/" + state.number.to_string() + "#race",
                        class_name="btn primary lg",
                    ),
                    link("See the report", to="/lab/runs/" + state.number.to_string(), class_name="btn lg"),
                ),
            ),
            rx.fragment(),
        ),
        class_name="meter-say",
    )


def _run_button(label: str) -> rx.Component:
    return rx.el.button(icon("play", 20), label, type="submit", form=FORM, class_name="btn primary lg")


def _controls() -> rx.Component:
    """Beside the heading."""
    state = LabRunState
    going = (state.phase == "running") | (state.phase == "queued")
    return rx.el.div(
        opens(icon("sliders-horizontal", 16), "Setup", target="lab-setup", class_name="btn narrow-setup"),
        rx.cond(
            going | (state.phase == "stopping"),
            rx.fragment(
                rx.el.button(
                    rx.cond(state.paused, icon("play", 16), icon("pause", 16)),
                    rx.cond(state.paused, "Go on", "Pause"),
                    type="button",
                    on_click=state.pause,
                    disabled=state.phase == "stopping",
                    class_name="btn",
                ),
                rx.cond(
                    state.may_stop,
                    press_once(
                        label="Stop",
                        busy_label="Stopping",
                        answer=state.number,
                        kind="button",
                        blocked=state.phase == "stopping",
                        on_press=state.stop.temporal,
                        class_name="btn danger",
                        id="stop-run",
                    ),
                    rx.fragment(),
                ),
            ),
            rx.fragment(
                copy_button(icon("link", 16), "Share", path=state.share, class_name="btn"),
                rx.cond(
                    state.phase == "over",
                    rx.fragment(
                        link(
                            icon("file-text", 16), "Report",
                            to="/lab/runs/" + state.number.to_string(), class_name="btn wide-only",
                        ),
                        rx.el.button(icon("play", 16), "Run again", type="submit", form=FORM, class_name="btn"),
                    ),
                    rx.fragment(),
                ),
            ),
        ),
        class_name="actions run-controls",
    )  # fmt: skip


def _head() -> rx.Component:
    state = LabRunState
    return rx.fragment(
        rx.el.nav(
            link("Lab", to="/lab"),
            icon("chevron-right", 14),
            rx.cond(
                state.number > 0,
                rx.el.span("Run ", state.number.to_string()),
                rx.el.span("Setup"),
            ),
            class_name="crumbs",
            aria_label="Breadcrumb",
        ),
        rx.el.div(
            rx.el.div(
                rx.el.h1(rx.cond(state.question != "", state.question, "Run in the lab")),
                rx.el.p(
                    rx.cond(
                        state.loaded,
                        rx.fragment(
                            "Strategy ", state.strategy.id, " · ", state.setup.accounts, " accounts · ",
                            state.setup.workers, " workers · seed ", state.setup.seed,
                            rx.cond(state.shown.at != "", " · " + state.shown.at, ""),
                        ),
                        bone("34ch"),
                    ),
                    class_name="sub",
                ),
                class_name="grow",
            ),
            _controls(),
            class_name="page-head",
        ),
    )  # fmt: skip


def _middle() -> rx.Component:
    shown = LabRunState.shown
    return rx.el.div(
        rx.el.section(
            rx.el.div(
                rx.el.h2("Total of all accounts", class_name="card-heading"), total_legend(), class_name="top-line"
            ),
            total_drawing(shown.total),
            rx.el.p(
                rx.cond(shown.total.words != "", shown.total.words, "Drawn while the run goes on."),
                class_name="chart-words",
            ),
            rx.cond(shown.total.words != "", total_table(shown.total), rx.fragment()),
            class_name="card total-card",
        ),
        rx.el.div(
            small_drawing("Throughput", shown.rate),
            small_drawing("Latency", shown.latency, "three-lines"),
            small_drawing("Refused by the database", shown.refused, "danger-bars"),
            small_drawing("Lock waits", shown.waits),
            class_name="small-charts",
        ),
        class_name="lab-middle",
    )


def _guess() -> rx.Component:
    state = LabRunState

    def chip(one: rx.Var) -> rx.Component:
        return rx.el.li(
            rx.cond(state.came == one.key, icon("check", 16), rx.fragment()),
            one.word,
            rx.cond(state.prediction == one.key, ": your guess", ""),
            class_name=rx.cond(
                state.came == one.key,
                rx.cond(state.prediction == one.key, "came well", "came"),
                rx.cond(state.prediction == one.key, "guessed", ""),
            ),
            key=one.key,
        )

    return rx.cond(
        state.verdict_on_guess != "",
        rx.el.section(
            rx.el.h2(state.verdict_on_guess, class_name="card-heading"),
            rx.el.ul(rx.foreach(state.answers, chip), class_name="guesses"),
            class_name="card",
        ),
        rx.fragment(),
    )


def _aside() -> rx.Component:
    state, shown = LabRunState, LabRunState.shown
    return rx.el.div(
        promises(shown.promises, shown.broken),
        _guess(),
        rx.el.section(
            rx.el.h2("What to look at", class_name="card-heading"),
            rx.cond(
                told(),
                rx.fragment(
                    rx.el.p(state.look_at, class_name="small muted"),
                    rx.el.p(
                        rx.el.b("Expected of ", state.strategy.id, ": "), state.strategy.expected, class_name="small"
                    ),
                ),
                rx.el.p("Said once you have predicted something, or run it.", class_name="small muted"),
            ),
            class_name="card",
        ),
        rx.el.section(
            rx.el.h2("Customers are unaffected", class_name="card-heading"),
            rx.el.p(say("LAB_ISOLATED"), class_name="small muted"),
            rx.cond(
                shown.customers != "",
                rx.el.p(
                    rx.cond(
                        shown.customers_good, badge("Good", "check", "ok"), badge("Slow", "triangle-alert", "warn")
                    ),
                    shown.customers,
                    class_name="small customers",
                ),
                rx.fragment(),
            ),
            class_name="card",
        ),
        class_name="lab-aside",
    )


def _sql() -> rx.Component:
    card = LabRunState.strategy
    return rx.el.section(
        rx.el.header(
            rx.el.h2("The SQL that runs", class_name="card-heading"),
            rx.el.span(card.id, ", ", card.isolation, class_name="more muted"),
        ),
        statements(card.sql, "SQL of the strategy", rx.cond(told(), rx.cond(card.safe, "safe", "unsafe"), "untold")),
        rx.cond(told(), rx.el.p(card.summary, class_name="small muted pad"), rx.fragment()),
        rx.cond(
            told() & (card.engine != ""),
            rx.el.p(rx.el.b("On the embedded engine: "), card.engine, class_name="small pad"),
            rx.fragment(),
        ),
        rx.cond(
            told() & (card.other != ""),
            rx.fragment(
                rx.el.p(card.other, class_name="small pad ruled"),
                statements(card.other_sql, "SQL that differs", "safe"),
            ),
            rx.fragment(),
        ),
        rx.cond(
            told() & (card.source != ""),
            rx.el.details(
                rx.el.summary("Source of ", card.id),
                rx.el.pre(rx.el.code(card.source), tab_index=0, role="region", aria_label="Source of the strategy"),
                class_name="pad source",
            ),
            rx.fragment(),
        ),
        class_name="card flush",
    )


def _events() -> rx.Component:
    state, shown = LabRunState, LabRunState.shown
    return rx.el.section(
        rx.el.header(
            rx.el.h2("Events", class_name="card-heading"),
            rx.el.span(
                rx.match(
                    state.phase,
                    ("running", rx.cond(state.paused, "Paused", "Live, a sample")),
                    ("over", rx.cond(shown.meter.verdict == "broken", "Around the first break", "The last ones")),
                    "",
                ),
                class_name="more muted",
            ),
        ),
        rx.cond(
            shown.events.length() > 0,
            rx.el.table(
                rx.el.caption("Sampled events, newest first", class_name="hidden-visually"),
                rx.el.thead(
                    rx.el.tr(
                        rx.el.th("Time, s", scope="col", class_name="wide-only"),
                        rx.el.th("Transfer", scope="col"),
                        rx.el.th("From, to", scope="col"),
                        rx.el.th("Amount", scope="col", class_name="right"),
                        rx.el.th("Answer", scope="col", class_name="right"),
                    )
                ),
                rx.el.tbody(rx.foreach(shown.events, _event)),
                class_name="events",
            ),
            rx.el.p("Answers of the bank under test appear here.", class_name="muted small pad"),
        ),
        class_name="card flush",
    )


def _event(one: rx.Var) -> rx.Component:
    return rx.el.tr(
        rx.el.td(one.at, class_name="wide-only num"),
        rx.el.td(one.transfer),
        rx.el.td(one.between, class_name="between"),
        rx.el.td(one.amount, class_name="right num"),
        rx.el.td(
            rx.match(
                one.kind,
                ("ok", badge("ok", "check")),
                ("wrong", badge(one.answer, "shield-alert", "bad")),
                badge(one.answer, "circle-x"),
            ),
            class_name="right",
        ),
        class_name=one.kind,
        key=one.at + one.transfer + one.answer,
    )


def _notices() -> rx.Component:
    state = LabRunState
    return rx.fragment(
        rx.cond(state.failed != "", failed_panel(state.failed, state.open), rx.fragment()),
        problem_summary(state.problems, state.answer),
        rx.cond(
            state.refused != "",
            notice(rx.el.p(state.refused), kind="warn", symbol="hourglass", role="alert", id="lab-refused"),
            rx.fragment(),
        ),
        rx.cond(
            (state.phase == "failed") | (state.phase == "stopped"),
            notice(
                rx.el.b(rx.cond(state.phase == "failed", say("LAB_FAILED"), say("LAB_NEVER_RAN"))),
                rx.el.p(state.message),
                rx.el.div(
                    rx.el.button("Run again", type="submit", form=FORM, class_name="btn sm"), class_name="actions"
                ),
                kind="warn",
                symbol="triangle-alert",
                role="alert",
            ),
            rx.fragment(),
        ),
        rx.cond(
            (state.phase == "over") & (state.message != ""),
            notice(rx.el.p(state.message), symbol="info"),
            rx.fragment(),
        ),
    )


def _bones() -> rx.Component:
    return rx.fragment(
        waiting("the lab"),
        rx.el.span(class_name="bone block lab-bone", custom_attrs={"style": {"--h": "190px"}}),
        rx.el.span(class_name="bone block", custom_attrs={"style": {"--h": "420px"}}),
    )


def lab_run() -> rx.Component:
    """The page."""
    state = LabRunState
    live = (state.phase == "running") | (state.phase == "queued") | (state.phase == "stopping")
    return shell(
        _head(),
        isolated(),
        rx.cond(
            state.loaded,
            rx.el.div(
                rx.el.div(_notices(), class_name="lab-notices"),
                meter_view(state.shown.meter, _below_meter()),
                spoken(
                    state=state.phase + state.shown.meter.verdict,
                    text=rx.cond(state.phase == "queued", state.message, state.shown.sentence),
                ),
                rx.el.div(setup_form(), _middle(), _aside(), class_name="lab-run"),
                rx.el.div(_sql(), _events(), class_name="lab-lower"),
                class_name="lab-page " + state.phase,
            ),
            _bones(),
        ),
        pulse(on=live & ~state.paused, seq=state.beats, on_beat=state.refresh.temporal),
        run_keys(on=live, on_pause=state.pause.temporal),
        here="/lab",
    )
