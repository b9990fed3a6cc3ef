"""How the list of months and a statement look, on the screen and on paper."""

from __future__ import annotations

import reflex as rx

from bank_app.ui.components.browser import copy_button, press_once, route_value
from bank_app.ui.components.fields import described, error_line
from bank_app.ui.components.moving import print_button
from bank_app.ui.components.parts import (
    badge,
    bone,
    button_link,
    crumb,
    document_link,
    empty,
    failed_panel,
    icon,
    link,
    notice,
    page_head,
    problem_summary,
    waiting,
)
from bank_app.ui.components.rows import ledger, ledger_bones
from bank_app.ui.components.shell import shell
from bank_app.ui.messages import say
from bank_app.ui.pages.statements import StatementsState, StatementState
from bank_app.ui.session import SessionState


def _accounts() -> rx.Component:
    state = StatementsState
    return rx.cond(
        state.choices.length() > 1,
        rx.el.nav(
            rx.foreach(
                state.choices,
                lambda choice: link(
                    choice.name,
                    to=choice.address,
                    custom_attrs={"aria-current": rx.cond(choice.number == state.shown, "page", "false")},
                    key=choice.number,
                ),
            ),
            class_name="pills",
            aria_label="Accounts",
        ),
        rx.fragment(),
    )


def _adds_up() -> rx.Component:
    return rx.el.span(icon("check", 16), rx.el.span("adds up", class_name="hidden-visually"), class_name="tick-mark")


def _row(month: rx.Var) -> rx.Component:
    def file(kind: str, to: rx.Var) -> rx.Component:
        return document_link(
            kind, rx.el.span(" of ", month.name, class_name="hidden-visually"), to=to, class_name="btn sm"
        )

    return rx.el.tr(
        rx.el.td(
            link(month.name, to=month.address),
            rx.el.div(month.counted, class_name="small muted"),
        ),
        rx.el.td(month.opening, class_name="right wide-only"),
        rx.el.td(month.into, class_name="right wide-only money in"),
        rx.el.td(month.out, class_name="right wide-only"),
        rx.el.td(
            rx.el.span(
                month.closing,
                rx.cond(
                    month.adds_up,
                    _adds_up(),
                    badge("Off", "triangle-alert", "bad"),
                ),
                class_name="closing-sum",
            ),
            class_name="right strong",
        ),
        rx.el.td(
            rx.el.div(file("CSV", month.csv), file("JSON", month.json), class_name="actions end"), class_name="right"
        ),
        key=month.key,
    )


def _bones() -> rx.Component:
    return rx.fragment(
        *[
            rx.el.tr(
                rx.el.td(bone("12ch", "1em"), rx.el.br(), bone("7ch")),
                *[rx.el.td(bone("8ch"), class_name="right wide-only") for _ in range(3)],
                rx.el.td(bone("8ch"), class_name="right"),
                rx.el.td(bone("12ch", "32px"), class_name="right"),
            )
            for _ in range(4)
        ]
    )


def _months() -> rx.Component:
    state = StatementsState
    return rx.el.section(
        rx.el.header(
            rx.el.h2("Months"),
            rx.cond(
                state.loaded,
                rx.cond(
                    state.all_add_up,
                    badge(rx.fragment("Opening + in − out = closing in ", state.checked), "check", "ok"),
                    badge("A month does not add up", "triangle-alert", "bad"),
                ),
                rx.fragment(),
            ),
            class_name="spread",
        ),
        rx.el.table(
            rx.el.caption("Months, newest first", class_name="hidden-visually"),
            rx.el.thead(
                rx.el.tr(
                    rx.el.th("Month", scope="col"),
                    rx.el.th("Opening", scope="col", class_name="right wide-only"),
                    rx.el.th("In", scope="col", class_name="right wide-only"),
                    rx.el.th("Out", scope="col", class_name="right wide-only"),
                    rx.el.th("Closing", scope="col", class_name="right"),
                    rx.el.th("Download", scope="col", class_name="right"),
                )
            ),
            rx.el.tbody(rx.cond(state.loaded, rx.foreach(state.months, _row), _bones())),
            class_name="listing statements",
        ),
        class_name="card flush",
    )


def _date(label: str, name: str, value: rx.Var, error: rx.Var) -> rx.Component:
    return rx.el.div(
        rx.el.label(label, html_for=name),
        rx.el.input(
            id=name, name=name, type="date", default_value=value, key=name + value, custom_attrs=described(name, error)
        ),
        error_line(name, error),
    )


def _period() -> rx.Component:
    state = StatementsState
    return rx.el.section(
        rx.el.header(rx.el.h2("Another period")),
        rx.el.form(
            problem_summary(state.problems, state.answer),
            rx.el.div(
                _date("First day", "from", state.first_day, state.from_error),
                _date("Last day", "to", state.last_day, state.to_error),
                press_once(
                    label="Show statement", busy_label="Reading…", kind="submit", answer=state.answer, class_name="btn"
                ),
                class_name="period",
            ),
            on_submit=state.show_period,
            reset_on_submit=False,
            no_validate=True,
        ),
        class_name="card",
    )


def statement_list() -> rx.Component:
    """The page with the months."""
    state = StatementsState
    return shell(
        page_head("Statements", sub=rx.cond(state.loaded, state.title, bone("14ch"))),
        rx.cond(
            state.failed != "",
            failed_panel(state.failed, state.open),
            rx.cond(
                state.loaded & (state.shown == ""),
                rx.el.section(
                    empty(
                        "Statements begin with an account.",
                        button_link("Open an account", "/accounts/new", style="primary"),
                    ),
                    class_name="card flush",
                ),
                rx.fragment(
                    rx.cond(state.loaded, rx.fragment(), waiting("statements")),
                    _accounts(),
                    rx.el.div(_months(), _period(), class_name="stack"),
                ),
            ),
        ),
        here="/statements",
    )


# --- one statement --------------------------------------------------------------------------------------


def _term(label: rx.Var | str, amount: rx.Var, css: str = "") -> rx.Component:
    return rx.el.div(rx.el.dt(label), rx.el.dd(amount, class_name=css))


def _equation() -> rx.Component:
    paper = StatementState.paper
    return rx.el.dl(
        _term(paper.opening_words, paper.opening),
        _term("Money in", paper.into, "in"),
        _term("Money out", paper.out),
        rx.el.div(
            rx.el.dt(paper.closing_words),
            rx.el.dd(
                rx.el.span(paper.closing, class_name="under"),
                _adds_up(),
            ),
            class_name="sum",
        ),
        class_name="statement-sums",
    )


def _sheet() -> rx.Component:
    paper = StatementState.paper
    return rx.el.article(
        rx.el.header(
            rx.el.div(
                rx.el.p(rx.el.b(SessionState.bank_name), class_name="print-only"),
                rx.el.p(rx.el.b(paper.owner)),
                rx.el.p(paper.account, " · ", rx.el.span(paper.number, class_name="mono")),
                rx.el.p(paper.period, ", ", paper.counted, class_name="muted"),
            ),
            _equation(),
            class_name="statement-head",
        ),
        rx.cond(
            paper.cut != "",
            rx.el.div(notice(paper.cut, symbol="info", kind="warn"), class_name="in-card"),
            rx.fragment(),
        ),
        rx.cond(
            paper.nothing != "",
            rx.el.p(paper.nothing, class_name="empty"),
            ledger(StatementState.days, StatementState.caption),
        ),
        rx.cond(
            paper.hash != "",
            rx.el.footer(
                rx.el.p(
                    "Hash of the newest entry at the end of this period. It follows from every entry before it, so "
                    "that a change to one of them would show.",
                ),
                rx.el.p(
                    rx.el.code(paper.hash_short, class_name="mono screen-only"),
                    rx.el.code(paper.hash, class_name="mono print-only"),
                    copy_button(text=paper.hash, label="the hash", class_name="btn quiet tiny"),
                ),
                rx.el.p(SessionState.bank_name, " · ", paper.address, " · ", paper.made, class_name="print-only"),
                class_name="statement-foot",
            ),
            rx.fragment(),
        ),
        class_name="card flush statement",
    )


def _step(words: str, to: rx.Var, symbol: str) -> rx.Component:
    return rx.cond(
        to != "", link(icon(symbol, 16), rx.el.span(words, class_name="hidden-visually"), to=to, class_name="btn"), ""
    )


def _tools() -> rx.Component:
    paper = StatementState.paper
    return rx.el.div(
        _step("Month before", paper.before, "chevron-left"),
        _step("Month after", paper.after, "chevron-right"),
        print_button(icon("printer", 16), "Print or save PDF", class_name="btn"),
        document_link(icon("download", 16), "CSV", to=paper.csv, class_name="btn"),
        document_link(icon("download", 16), "JSON", to=paper.json, class_name="btn"),
        class_name="actions screen-only",
    )


def statement() -> rx.Component:
    """The page of one period."""
    state, number = StatementState, route_value("account_id")
    ready = state.shown == number
    return shell(
        rx.cond(
            (state.missing != "") & (state.missing == number),
            rx.fragment(
                page_head("Page not found"),
                rx.el.p(say("not_found"), class_name="lead field"),
                button_link("Go to your statements", "/statements", style="primary"),
            ),
            rx.fragment(
                crumb("Statements", rx.cond(ready, state.paper.back, "/statements")),
                page_head(rx.cond(ready, state.paper.title, "Statement"), rx.cond(ready, _tools(), rx.fragment())),
                rx.cond(
                    state.failed != "",
                    failed_panel(state.failed, state.open),
                    rx.cond(
                        ready,
                        _sheet(),
                        rx.el.section(
                            waiting("the statement"), ledger_bones(8), class_name="card flush",
                        ),
                    ),
                ),
            ),
        ),
        here="/statements",
    )  # fmt: skip
