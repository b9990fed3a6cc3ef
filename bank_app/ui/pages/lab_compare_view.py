"""What a comparison of strategies looks like."""

from __future__ import annotations

import reflex as rx

from bank_app.ui.components import lab
from bank_app.ui.components.browser import copy_button, press_once
from bank_app.ui.components.chart import placed
from bank_app.ui.components.desk import crumbs
from bank_app.ui.components.moving import print_button
from bank_app.ui.components.parts import badge, bone, icon, link, notice, page_head, problem_summary, waiting
from bank_app.ui.components.shell import shell
from bank_app.ui.lab_setup import LABELS
from bank_app.ui.pages.lab_compare import LabCompareState
from bank_app.ui.pages.lab_report_view import again, exports, worksheet

_FIRST = ("accounts", "workers", "seconds", "hot_percent", "seed")


def _choice(choice: rx.Var) -> rx.Component:
    name = "with-" + choice.id.to(str)
    return rx.el.label(
        rx.el.input(
            type="checkbox",
            id=name,
            name=name,
            default_checked=choice.chosen,
            disabled=~choice.able,
            key=name + LabCompareState.setups.to_string(),
        ),
        rx.el.span(
            rx.el.span(lab.strategy_id(choice.id), rx.el.b(choice.name), class_name="choice-head"),
            rx.cond(choice.able, rx.fragment(), rx.el.small("needs a server: ./bank run --mysql")),
        ),
        lab.safety_badge(choice.safe),
        class_name="choice",
        key=choice.id,
    )


def _tick(name: str, ticked: rx.Var, label: str) -> rx.Component:
    return rx.el.label(
        rx.el.input(
            type="checkbox",
            name=name,
            default_checked=ticked,
            key=name + LabCompareState.setups.to_string(),
        ),
        label,
        class_name="tick",
    )


def _setting(name: str) -> rx.Component:
    state = LabCompareState
    return rx.el.div(
        rx.el.label(LABELS[name], html_for=name),
        rx.el.input(
            id=name,
            name=name,
            type="text",
            input_mode="decimal",
            auto_complete="off",
            max_length=12,
            default_value=getattr(state.setup, name),
            custom_attrs={"aria-invalid": rx.cond(state.bad.contains(name), "true", "false")},
            key=name + state.setups.to_string(),
        ),
    )


def _form() -> rx.Component:
    state = LabCompareState
    return rx.el.section(
        rx.el.header(
            rx.el.h2("What to compare", class_name="card-heading"),
            rx.el.span("Two to four strategies", class_name="small muted end"),
        ),
        rx.el.form(
            problem_summary(state.problems, state.answer),
            rx.el.fieldset(
                rx.el.legend("Strategies", class_name="hidden-visually"),
                rx.foreach(state.choices, _choice),
                class_name="compare-choices",
            ),
            rx.el.fieldset(
                rx.el.legend("Settings, the same for all"),
                rx.el.div(*[_setting(name) for name in _FIRST], class_name="compare-settings"),
                rx.el.details(
                    rx.el.summary("More settings"),
                    rx.el.div(
                        *[_setting(name) for name in LABELS if name not in _FIRST],
                        rx.el.input(type="hidden", name="isolation", value=state.setup.isolation),
                        _tick("check", state.setup.check, "With the database’s own check"),
                        _tick("snapshot", state.setup.snapshot, "With innodb_snapshot_isolation (MariaDB)"),
                        class_name="compare-settings",
                    ),
                ),
            ),
            rx.el.div(
                press_once(
                    label="Run one after the other",
                    busy_label="Starting…",
                    answer=state.answer,
                    kind="submit",
                    class_name="btn primary lg",
                ),
                class_name="actions",
            ),
            on_submit=state.run,
            reset_on_submit=False,
            class_name="pad",
        ),
        class_name="card flush compare-form screen-only",
    )


def _stage(stage: rx.Var) -> rx.Component:
    return rx.el.li(
        rx.match(
            stage.state,
            ("done", icon("check", 16)),
            ("now", icon("loader", 16)),
            icon("circle-dashed", 16),
        ),
        rx.el.b(stage.id),
        rx.cond(stage.said != "", rx.el.span(stage.said, class_name="num"), rx.fragment()),
        class_name=stage.state,
        key=stage.id,
    )


def _answer() -> rx.Component:
    state = LabCompareState
    going = (state.phase == "queued") | (state.phase == "running") | (state.phase == "stopping")
    return rx.el.section(
        rx.cond(
            state.phase == "over",
            rx.el.p(state.sentence, class_name="answer", id="answer"),
            rx.el.p(
                rx.match(
                    state.phase,
                    ("queued", state.waits),
                    ("stopping", "Stopping…"),
                    "Running, one strategy after the other.",
                ),
                class_name="answer",
            ),
        ),
        rx.el.div(
            rx.el.ol(rx.foreach(state.stages, _stage), class_name="stages"),
            rx.el.span(state.stages_said, role="status", class_name="small muted grow"),
            rx.cond(
                going,
                rx.cond(
                    state.may_stop,
                    rx.el.button(
                        icon("square", 16),
                        "Stop",
                        type="button",
                        on_click=state.stop,
                        class_name="btn danger screen-only",
                    ),
                    rx.fragment(),
                ),
                rx.el.div(
                    rx.el.button(
                        icon("plus", 16), "Change strategies", type="button", on_click=state.change, class_name="btn"
                    ),
                    press_once(
                        label="Run all again",
                        busy_label="Starting…",
                        answer=state.answer,
                        on_press=state.again.temporal,
                        class_name="btn primary",
                    ),
                    class_name="actions screen-only",
                ),
            ),
            class_name="compare-bar",
        ),
        lab.pulse(on=going, seq=state.beats, on_beat=state.refresh),
        class_name="card compare-answer",
        aria_label="Answer",
    )


def _head_cell(column: rx.Var) -> rx.Component:
    return rx.el.th(
        rx.el.button(
            column.label,
            rx.match(
                column.order,
                ("ascending", icon("arrow-up", 14)),
                ("descending", icon("arrow-down", 14)),
                icon("chevrons-up-down", 14),
            ),
            type="button",
            on_click=LabCompareState.sort(column.key),
            class_name="sorter",
        ),
        scope="col",
        class_name=column.css,
        custom_attrs={"aria-sort": column.order},
        key=column.key,
    )


def _row(row: rx.Var) -> rx.Component:
    def plain(label: str, value: rx.Var) -> rx.Component:
        return rx.el.td(rx.el.small(label, class_name="narrow-only"), value, class_name="right num")

    return rx.el.tr(
        rx.el.th(
            rx.el.div(
                lab.strategy_id(row.id),
                rx.el.div(
                    link(row.name, to=row.address),
                    rx.el.span(
                        lab.safety_badge(row.safe),
                        rx.cond(row.own, badge("Your bank", "landmark", "info"), rx.fragment()),
                        class_name="badges",
                    ),
                ),
                class_name="strategy-cell",
            ),
            scope="row",
        ),
        rx.el.td(
            rx.el.small("Per second", class_name="narrow-only"),
            rx.el.span(
                rx.el.b(row.rate),
                rx.el.span(
                    rx.el.i(class_name=rx.cond(row.safe, "", "unsafe"), custom_attrs=placed(width=row.bar)),
                    class_name="rate-bar",
                    aria_hidden="true",
                ),
            ),
            class_name="right num",
        ),
        plain("p95", row.p95),
        plain("Retries", row.retries),
        plain("Deadlocks", row.deadlocks),
        rx.cond(LabCompareState.some_refused, plain("Too old", row.refused), rx.fragment()),
        plain("Declined", row.declined),
        plain("Negative", row.negative),
        rx.el.td(
            rx.el.small("Money difference", class_name="narrow-only"),
            rx.el.span(
                rx.el.b(row.difference, class_name=rx.cond(row.holds, "in", "off")),
                rx.el.small(row.detail),
            ),
            class_name="right num difference",
        ),
        rx.el.td(lab.result_badge(row.verdict.lower()), class_name="right"),
        key=row.key,
    )


def _table() -> rx.Component:
    state = LabCompareState
    return rx.el.section(
        rx.el.header(
            rx.el.h2("Results", class_name="card-heading"), rx.el.span(state.each, class_name="small muted end")
        ),
        rx.el.div(
            rx.el.table(
                rx.el.caption("Strategies with what they did to the same transfers", class_name="hidden-visually"),
                rx.el.thead(rx.el.tr(rx.foreach(state.columns, _head_cell))),
                rx.el.tbody(rx.foreach(state.rows, _row)),
                class_name=rx.cond(state.some_refused, "listing compare-table many", "listing compare-table"),
            ),
        ),
        rx.el.p(state.sorted_said, role="status", class_name="hidden-visually"),
        class_name="card flush",
    )


def _drawing(trend: rx.Var) -> rx.Component:
    return rx.el.div(
        rx.el.svg(
            *[rx.el.line(x1=0, x2=1000, y1=y, y2=y, class_name="grid") for y in ("100", "50", "0")],
            rx.el.line(x1=0, x2=1000, y1=trend.zero, y2=trend.zero, class_name="expected"),
            rx.el.path(d=trend.fill, class_name="fill"),
            rx.el.path(d=trend.line, class_name="line"),
            view_box="0 0 1000 100",
            custom_attrs={"preserveAspectRatio": "none"},
        ),
        rx.foreach(
            trend.marks, lambda mark: rx.el.span(mark.label, class_name=mark.css, custom_attrs=placed(top=mark.at))
        ),
        rx.el.span("0 s", class_name="x first"),
        rx.el.span(trend.end, class_name="x end"),
        class_name="chart",
        aria_hidden="true",
        custom_attrs=placed(**{"--axis": trend.axis}),
    )


def _card(card: rx.Var) -> rx.Component:
    return rx.el.section(
        rx.el.h3(
            lab.strategy_id(card.id),
            rx.match(
                card.state,
                ("broken", rx.fragment("Broken", icon("shield-alert", 20))),
                ("holding", rx.fragment("Holding", icon("shield-check", 20))),
                ("refused", rx.fragment("Refused", icon("shield-ban", 20))),
                ("luck", rx.fragment("Luck", icon("dices", 20))),
                ("running", rx.fragment("Running", icon("loader", 20))),
                rx.fragment("Waiting", icon("circle-dashed", 20)),
            ),
        ),
        rx.cond(
            card.trend.line != "",
            rx.fragment(
                rx.el.p(card.difference, class_name="value num"),
                rx.el.p(card.off, class_name="small muted"),
                _drawing(card.trend),
            ),
            rx.el.p("Its turn comes.", class_name="small muted"),
        ),
        class_name="card trend " + card.state,
        key=card.key,
    )


def _trends() -> rx.Component:
    return rx.el.section(
        rx.el.h2("Money that should not be there, or is missing", id="trends"),
        rx.el.div(rx.foreach(LabCompareState.cards, _card), class_name="trends"),
        aria_labelledby="trends",
    )


def _comparison() -> rx.Component:
    state = LabCompareState
    return rx.fragment(
        _answer(),
        rx.cond(state.phase == "over", _table(), rx.fragment()),
        rx.cond(state.cards.length() > 0, _trends(), rx.fragment()),
    )


def lab_compare() -> rx.Component:
    """The page."""
    state = LabCompareState
    over = state.phase == "over"
    return shell(
        crumbs(("Lab", "/lab"), here="Compare"),
        page_head(
            rx.cond(
                state.loaded,
                state.title,
                rx.fragment(rx.el.span("Compare strategies", class_name="hidden-visually"), bone("20ch")),
            ),
            rx.cond(
                state.loaded,
                rx.el.div(
                    copy_button(icon("external-link", 16), "Share", path=state.share, class_name="btn"),
                    rx.cond(over, exports("/lab/runs/" + state.number.to_string()), rx.fragment()),
                    print_button(icon("printer", 16), "Print worksheet", class_name="btn"),
                    class_name="actions screen-only",
                ),
                rx.fragment(),
            ),
            sub=rx.cond(state.loaded, state.sub, bone("40ch")),
        ),
        rx.cond(
            state.loaded,
            rx.el.div(
                worksheet(
                    "Which of these ways keeps every cent, and which is the fastest?",
                    state.sub,
                    state.prediction,
                ),
                rx.cond(
                    state.message != "",
                    notice(rx.el.p(state.message), kind="warn", symbol="triangle-alert"),
                    rx.fragment(),
                ),
                rx.cond((state.phase == "idle") | state.changing | (state.phase == "failed"), _form(), rx.fragment()),
                rx.cond((state.phase == "idle") | (state.phase == "failed"), rx.fragment(), _comparison()),
                again(state.command),
                lab.isolated(),
                class_name="stack lab-compare",
            ),
            rx.fragment(
                waiting("the comparison"),
                rx.el.span(class_name="bone block", custom_attrs={"style": {"--h": "260px"}}),
            ),
        ),
        here="/lab",
    )
