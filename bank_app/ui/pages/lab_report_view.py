"""What a report of the laboratory looks like, on the screen and as a worksheet on paper."""

from __future__ import annotations

import reflex as rx

from bank_app.ui.components import lab
from bank_app.ui.components.browser import copy_button, press_once, route_value
from bank_app.ui.components.desk import crumbs
from bank_app.ui.components.moving import print_button
from bank_app.ui.components.parts import (
    badge,
    bone,
    button_link,
    document_link,
    icon,
    notice,
    page_head,
    problem_summary,
    waiting,
)  # fmt: skip
from bank_app.ui.components.replay import replay, sums
from bank_app.ui.components.shell import shell
from bank_app.ui.pages.lab_report import LabReportState


def exports(files: rx.Var) -> rx.Component:
    """The run as files."""
    return rx.fragment(
        document_link(icon("download", 16), "JSON", to=files + "/report.json", class_name="btn"),
        document_link(icon("download", 16), "CSV", to=files + "/samples.csv", class_name="btn"),
    )


def again(command: rx.Var) -> rx.Component:
    """The command that repeats it at a terminal."""
    return rx.el.section(
        rx.el.div(
            rx.el.h2("Run this again anywhere", class_name="card-heading"),
            rx.el.p(
                "The seed fixes the transfers, not who meets whom. A safe way holds everywhere; an unsafe one may hold "
                "by luck, or because the database refuses it.",
                class_name="small muted",
            ),
            class_name="grow",
        ),
        rx.el.div(
            rx.el.code(command, class_name="mono"),
            copy_button(text=command, label="the command", class_name="btn quiet tiny"),
            class_name="command",
        ),
        class_name="card again",
    )


def _race(ready: rx.Var) -> rx.Component:
    race = LabReportState.race
    return rx.cond(
        ready & LabReportState.paper.race,
        rx.el.section(
            rx.el.h2(race.title, id="race", tab_index=-1),
            rx.el.p(
                "Recorded as it ran: these transfers really met like this.",
                class_name="sub muted",
            ),
            rx.el.div(
                rx.el.p(race.sentence, rx.el.em(race.end), class_name="say"), sums(race), class_name="race-verdict"
            ),
            rx.el.div(replay(race), class_name="card flush"),
            class_name="race",
            aria_labelledby="race",
        ),
        rx.fragment(),
    )


def _no_room(button: str) -> rx.Component:
    """Why nothing was started, beside the button that was pressed."""
    refused = LabReportState.refused
    return rx.cond(
        (refused != "") & (LabReportState.pressed == button),
        notice(rx.el.p(refused), kind="warn", symbol="hourglass", role="alert"),
        rx.fragment(),
    )


def _fix(one: rx.Var) -> rx.Component:
    return rx.el.label(
        rx.el.span(
            rx.el.input(
                type="radio", name="strategy", value=one.id, default_checked=one.chosen, id="fix-" + one.id.to(str)
            ),
            lab.strategy_id(one.id),
            rx.el.b(one.name),
            class_name="fix-head",
        ),
        rx.el.span(one.summary, class_name="small muted"),
        rx.foreach(one.sql, rx.el.code),
        rx.el.span(
            badge("SAFE", "shield-check", "ok"),
            rx.cond(one.own, badge("Your bank uses this", "landmark", "info"), rx.fragment()),
            class_name="badges",
        ),
        class_name="fix",
        key=one.id,
    )


def _fixes(ready: rx.Var) -> rx.Component:
    state = LabReportState
    return rx.cond(
        ready & (state.fixes.length() > 0),
        rx.el.section(
            rx.el.header(
                rx.el.div(
                    rx.el.h2("Fix it", class_name="card-heading"),
                    rx.el.p(
                        "Same seed, same transfers in the same order. Only the strategy changes.",
                        class_name="small muted",
                    ),
                )
            ),
            rx.el.form(
                problem_summary(state.problems, state.answer),
                _no_room("fix"),
                rx.el.fieldset(
                    rx.el.legend("Run the same transfers with", class_name="hidden-visually"),
                    rx.foreach(state.fixes, _fix),
                    class_name="fix-cards",
                ),
                rx.el.div(
                    press_once(
                        label="Run with the same seed",
                        busy_label="Starting…",
                        answer=state.answer,
                        kind="submit",
                        class_name="btn primary lg",
                    ),
                    button_link("Compare them all", state.paper.compare, symbol="chart-no-axes-column", style="lg"),
                    class_name="actions",
                ),
                on_submit=state.fix,
                reset_on_submit=False,
                class_name="pad",
            ),
            class_name="card flush fix-it screen-only",
        ),
        rx.fragment(),
    )


def _refusal() -> rx.Component:
    state = LabReportState
    return rx.cond(
        state.refusal.title != "",
        rx.el.section(
            rx.el.header(rx.el.h2(state.refusal.title, id="refusal", class_name="card-heading")),
            rx.el.div(
                _no_room("refuse"),
                rx.el.p(state.refusal.text),
                rx.cond(
                    state.refusal.label != "",
                    rx.el.div(
                        press_once(
                            label=state.refusal.label,
                            busy_label="Starting…",
                            answer=state.answer,
                            on_press=state.refuse.temporal,
                            class_name="btn",
                        ),
                        class_name="actions screen-only",
                    ),
                    rx.fragment(),
                ),
                class_name="pad",
            ),
            class_name="card flush refusal",
            aria_labelledby="refusal",
        ),
        rx.fragment(),
    )


def _facts(title: str, facts: rx.Var) -> rx.Component:
    return rx.el.section(
        rx.el.header(rx.el.h2(title, class_name="card-heading")),
        rx.el.dl(
            rx.foreach(facts, lambda one: rx.el.div(rx.el.dt(one.label), rx.el.dd(one.value), key=one.label)),
            class_name="kv",
        ),
        class_name="card flush",
    )


def _total() -> rx.Component:
    chart = LabReportState.result.total
    return rx.el.section(
        rx.el.header(rx.el.h2("Total of all accounts", class_name="card-heading"), lab.total_legend()),
        lab.total_drawing(chart),
        rx.el.p(chart.words, class_name="chart-words"),
        lab.total_table(chart),
        class_name="card total-card",
    )


def _meter() -> rx.Component:
    state = LabReportState
    return lab.meter_view(
        state.result.meter,
        rx.el.div(
            rx.el.div(
                rx.el.p(state.result.sentence),
                rx.cond(
                    state.result.detail != "", rx.el.p(state.result.detail, class_name="small muted"), rx.fragment()
                ),
                class_name="grow",
            ),
            class_name="meter-say",
        ),
    )


def worksheet(title: rx.Var | str, setup: rx.Var, prediction: rx.Var) -> rx.Component:
    """The first page on paper: what to think about before the result is read."""
    return rx.el.section(
        rx.el.h2("Worksheet"),
        rx.el.p(rx.el.b("Question. "), title),
        rx.el.p(rx.el.b("Setup. "), setup),
        rx.el.p(rx.el.b("My prediction. "), prediction),
        *[
            rx.el.div(rx.el.p(words), *[rx.el.i() for _ in range(lines)], class_name="lines")
            for words, lines in (
                ("Because", 3),
                ("Which two statements must not come between each other?", 2),
                ("What I would change", 3),
            )
        ],
        class_name="worksheet",
        aria_hidden="true",
    )


def _head(ready: rx.Var) -> rx.Component:
    paper = LabReportState.paper
    return rx.fragment(
        crumbs(("Lab", "/lab"), here=rx.cond(ready, rx.fragment("Run ", paper.number), "Report")),
        page_head(
            rx.cond(
                ready,
                paper.title,
                rx.cond(
                    LabReportState.missing != "",
                    "No report",
                    rx.fragment(rx.el.span("Report of a run", class_name="hidden-visually"), bone("20ch")),
                ),
            ),
            rx.cond(
                ready,
                rx.el.div(
                    copy_button(icon("external-link", 16), "Share", path=paper.share, class_name="btn"),
                    exports(paper.files),
                    print_button(icon("printer", 16), "Print worksheet", class_name="btn"),
                    class_name="actions screen-only",
                ),
                rx.fragment(),
            ),
            sub=rx.cond(ready, paper.sub, rx.cond(LabReportState.missing != "", "", bone("40ch"))),
        ),
    )


def _none() -> rx.Component:
    state = LabReportState
    return rx.cond(
        state.missing != "",
        notice(
            rx.el.p(state.missing),
            rx.el.div(
                rx.cond(
                    state.running != "",
                    button_link("Watch it run", state.running, style="sm primary"),
                    rx.fragment(),
                ),
                button_link("All runs", "/lab", style="sm"),
                class_name="actions",
            ),
            role="status",
        ),
        rx.fragment(
            waiting("the report"), rx.el.span(class_name="bone block", custom_attrs={"style": {"--h": "260px"}})
        ),
    )


def lab_report() -> rx.Component:
    """The page."""
    state = LabReportState
    ready = state.loaded & (state.shown == route_value("run_id"))
    paper = state.paper
    return shell(
        _head(ready),
        rx.cond(
            ready,
            rx.el.div(
                worksheet(paper.title, paper.sub, paper.prediction),
                rx.cond(
                    paper.message != "",
                    notice(rx.el.p(paper.message), kind="warn", symbol="triangle-alert"),
                    rx.fragment(),
                ),
                _meter(),
                _race(ready),
                _fixes(ready),
                _refusal(),
                rx.el.div(
                    rx.el.div(_total(), _numbers(), class_name="stack"),
                    lab.promises(state.result.promises, state.result.broken),
                    class_name="report-columns",
                ),
                rx.el.div(
                    _facts("Setup", state.setup), _facts("Where it ran", state.machine), class_name="report-facts"
                ),
                again(paper.command),
                lab.isolated(),
                class_name="stack lab-report",
            ),
            _none(),
        ),
        here="/lab",
    )


def _numbers() -> rx.Component:
    return rx.el.dl(
        rx.foreach(
            LabReportState.numbers, lambda one: rx.el.div(rx.el.dt(one.label), rx.el.dd(one.value), key=one.label)
        ),
        class_name="figures card",
        aria_label="What was counted",
    )
