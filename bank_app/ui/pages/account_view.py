"""How the page of one account looks."""

from __future__ import annotations

import reflex as rx

from bank_app.ui.components.browser import copy_button, focus_on_change, route_value
from bank_app.ui.components.chart import chart_bone, step_chart
from bank_app.ui.components.money import hero_amount, pair
from bank_app.ui.components.parts import (
    bone,
    button_link,
    crumb,
    document_link,
    empty,
    failed_panel,
    icon,
    link,
    notice,
    waiting,
)
from bank_app.ui.components.rows import ledger, ledger_bones
from bank_app.ui.components.shell import shell
from bank_app.ui.filters import DIRECTION_WORDS, TYPE_WORDS
from bank_app.ui.messages import say
from bank_app.ui.pages.account import AccountState
from bank_app.ui.pages.accounts import status_badge
from bank_app.ui.session import SessionState

_RANGE_WORDS = (("30", "30 d"), ("90", "90 d"), ("365", "1 y"), ("all", "All"))
_ENDS = {"30": "last 30 days", "90": "last 90 days", "365": "last year", "all": "whole history"}


def _head(ready: rx.Var, number: rx.Var) -> rx.Component:
    return rx.el.div(
        rx.el.div(
            rx.el.div(
                rx.el.h1(rx.cond(ready, AccountState.title, "Account")),
                rx.cond(ready, status_badge(AccountState.status), rx.fragment()),
                class_name="title-line",
            ),
            rx.el.p(
                rx.el.span("Account number", class_name="hidden-visually"),
                rx.cond(ready, rx.el.span(AccountState.grouped, class_name="mono"), bone("13ch")),
                copy_button(text=number, label="account number", class_name="btn quiet tiny"),
                rx.cond(ready & (AccountState.owner != ""), rx.el.span(" · ", AccountState.owner), rx.fragment()),
                class_name="account-number",
            ),
            class_name="grow",
        ),
        rx.cond(
            ready & SessionState.can_move & (AccountState.status != "closed"),
            rx.el.div(
                button_link("Transfer", "/move/transfer?from=" + number, symbol="arrow-left-right", style="tint"),
                rx.cond(
                    SessionState.handles_cash,
                    rx.fragment(
                        button_link("Deposit", "/move/deposit?account=" + number, symbol="plus"),
                        button_link("Withdraw", "/move/withdraw?account=" + number, symbol="minus"),
                    ),
                    rx.fragment(),
                ),
                class_name="actions three",
            ),
            rx.fragment(),
        ),
        class_name="page-head",
    )


def _figure(ready: rx.Var) -> rx.Component:
    return rx.el.div(
        rx.el.h2("Available", id="available", class_name="label-heading"),
        hero_amount(AccountState.available, ready),
        rx.cond(
            ready,
            rx.fragment(
                rx.el.dl(
                    pair("Current", AccountState.current),
                    rx.cond(AccountState.held != "", pair("Held", AccountState.held), rx.fragment()),
                    rx.foreach(AccountState.open_holds, lambda hold: pair(hold.words, hold.amount)),
                    rx.cond(
                        AccountState.overdraft != "", pair("Overdraft limit", AccountState.overdraft), rx.fragment()
                    ),
                    rx.cond(
                        AccountState.transfer_limit != "",
                        pair("At most at once", AccountState.transfer_limit),
                        rx.fragment(),
                    ),
                    rx.cond(
                        AccountState.daily_limit != "",
                        pair("At most in a day", AccountState.daily_limit),
                        rx.fragment(),
                    ),
                    class_name="pairs",
                ),
                rx.el.dl(
                    pair("In this month", AccountState.month_in, incoming=True),
                    pair("Out this month", AccountState.month_out),
                    class_name="pairs ruled month",
                ),
            ),
            rx.el.p(bone("100%", "1.2em"), rx.el.br(), bone("60%", "1.2em"), class_name="last"),
        ),
        rx.el.div(
            rx.el.button(
                icon("shield-check", 16), "Prove it", type="button", on_click=AccountState.prove, class_name="btn"
            ),
            class_name="prove",
        ),
        class_name="figure",
    )


def _plot(ready: rx.Var) -> rx.Component:
    return rx.el.div(
        rx.el.div(
            rx.el.h2("Balance", class_name="card-heading grow"),
            rx.cond(
                AccountState.chart.line != "",
                rx.el.button(
                    rx.cond(AccountState.as_table, "View as chart", "View as table"),
                    type="button",
                    on_click=AccountState.show_table,
                    class_name="btn quiet tiny",
                ),
                rx.fragment(),
            ),
            rx.el.div(
                *[
                    rx.el.button(
                        label,
                        type="button",
                        on_click=AccountState.choose_range(value),
                        aria_label=f"{label}: balance, {_ENDS[value]}",
                        custom_attrs={"aria-pressed": rx.cond(AccountState.range == value, "true", "false")},
                    )
                    for value, label in _RANGE_WORDS
                ],
                class_name="ranges",
                role="group",
                aria_label="Range",
            ),
            class_name="chart-bar",
        ),
        rx.cond(ready, step_chart(AccountState.chart, ready, AccountState.as_table), chart_bone()),
        class_name="plot",
    )


def _proof() -> rx.Component:
    proof = AccountState.proof
    return rx.cond(
        proof.sentence != "",
        rx.el.div(
            rx.el.p(
                rx.cond(proof.holds, icon("shield-check"), icon("shield-alert")),
                rx.el.span(rx.el.b(proof.sentence)),
            ),
            rx.el.div(
                rx.el.span(rx.el.small("All money in"), proof.into),
                rx.el.span("−", class_name="sign"),
                rx.el.span(rx.el.small("All money out"), proof.out),
                rx.el.span("=", class_name="sign"),
                rx.el.span(rx.el.small("Adds up to"), rx.el.span(proof.sum, class_name="sum")),
                class_name="equation",
            ),
            class_name=rx.cond(proof.holds, "proved", "proved off"),
        ),
        rx.fragment(),
    )


def _select(label: str, name: str, words: dict[str, str], value: rx.Var) -> rx.Component:
    return rx.el.div(
        rx.el.label(label, html_for=name),
        rx.el.select(
            rx.el.option("Any", value=""),
            *[rx.el.option(text, value=key) for key, text in words.items()],
            id=name,
            name=name,
            default_value=value,
            key=name + value,
        ),
    )


def _input(label: str, name: str, value: rx.Var, **props: str) -> rx.Component:
    return rx.el.div(
        rx.el.label(label, html_for=name),
        rx.el.input(id=name, name=name, default_value=value, key=name + value, auto_complete="off", **props),
    )


def _filter_form() -> rx.Component:
    wanted = AccountState.filters
    return rx.el.form(
        rx.el.div(
            rx.el.div(
                rx.el.label("Search note, name or reference", html_for="q", class_name="hidden-visually"),
                icon("search"),
                rx.el.input(
                    id="q",
                    name="q",
                    type="search",
                    placeholder="Search entries",
                    default_value=wanted.q,
                    key="q" + wanted.q,
                    max_length=100,
                    auto_complete="off",
                ),
                class_name="find",
            ),
            rx.el.button("Search", type="submit", class_name="btn"),
            rx.el.button(
                icon("sliders-horizontal", 16),
                "Filters",
                type="button",
                on_click=AccountState.show_filters,
                class_name="btn",
                custom_attrs={
                    "aria-expanded": rx.cond(AccountState.filters_open, "true", "false"),
                    "aria-controls": "more-filters",
                },
            ),
            class_name="filter-bar",
        ),
        # Always part of the form, so that searching keeps the filters that are set.
        rx.el.div(
            rx.el.div(
                _select("Type", "type", TYPE_WORDS, wanted.type),
                _select("Direction", "direction", DIRECTION_WORDS, wanted.direction),
                _input("Amount from", "min", wanted.min, input_mode="decimal"),
                _input("Amount up to", "max", wanted.max, input_mode="decimal"),
                _input("Since", "since", wanted.since, type="date"),
                _input("Until", "until", wanted.until, type="date"),
                class_name="fields",
            ),
            rx.el.button("Show entries", type="submit", class_name="btn primary"),
            id="more-filters",
            hidden=~AccountState.filters_open,
            class_name="more-filters",
        ),
        on_submit=AccountState.search,
        reset_on_submit=False,
        class_name="filters",
        role="search",
        aria_label="Entries of this account",
    )


def _chips(number: rx.Var) -> rx.Component:
    return rx.el.div(
        rx.foreach(
            AccountState.chips,
            lambda chip: rx.el.span(
                chip.words,
                link(
                    icon("x", 14),
                    rx.el.span("Remove filter ", chip.words, class_name="hidden-visually"),
                    to=chip.without,
                    class_name="off",
                ),
                class_name="chip",
                key=chip.words,
            ),
        ),
        rx.cond(
            AccountState.filtered,
            link("Clear all", to="/accounts/" + number, class_name="btn quiet sm"),
            rx.fragment(),
        ),
        rx.el.span(AccountState.result, role="status", class_name="result end"),
        document_link(
            icon("download", 16),
            rx.cond(AccountState.filtered, "Export these", "Export CSV"),
            to=AccountState.export,
            class_name="btn sm",
        ),
        class_name="chips",
    )


def _foot() -> rx.Component:
    return rx.el.div(
        rx.cond(
            AccountState.more,
            rx.el.button("Load 25 more", type="button", on_click=AccountState.load_more, class_name="btn"),
            rx.el.span(AccountState.opened),
        ),
        focus_on_change(target=AccountState.first_new, seq=AccountState.loads),
        class_name="ledger-foot",
    )


def _entries(ready: rx.Var, number: rx.Var) -> rx.Component:
    nothing = rx.cond(
        AccountState.filtered,
        empty("No entries match.", link("Clear filters", to="/accounts/" + number, class_name="btn sm")),
        empty(
            "Nothing here yet. Money in and out of this account will appear here, newest first.",
            rx.cond(
                SessionState.handles_cash & (AccountState.status == "open"),
                button_link("Add money", "/move/deposit?account=" + number, symbol="plus", style="primary"),
                rx.fragment(),
            ),
        ),
    )
    return rx.el.section(
        rx.el.header(rx.el.h2("Ledger", id="ledger")),
        rx.cond(
            ready,
            rx.fragment(
                rx.cond(
                    AccountState.filtered | (AccountState.days.length() > 0),
                    rx.fragment(_filter_form(), _chips(number)),
                    rx.fragment(),
                ),
                rx.cond(
                    AccountState.days.length() > 0,
                    rx.fragment(ledger(AccountState.days, AccountState.caption), _foot()),
                    nothing,
                ),
            ),
            ledger_bones(8),
        ),
        class_name="card flush",
        aria_labelledby="ledger",
    )


def _missing() -> rx.Component:
    return rx.fragment(
        rx.el.h1("Page not found"),
        rx.el.p(say("not_found"), class_name="lead field"),
        rx.el.div(button_link("Go to your accounts", "/accounts", style="primary"), class_name="actions"),
    )


def account() -> rx.Component:
    """The page."""
    number = route_value("account_id")
    ready = AccountState.shown == number
    return shell(
        rx.cond(
            (AccountState.missing != "") & (AccountState.missing == number),
            _missing(),
            rx.fragment(
                rx.cond(SessionState.is_staff, crumb("All accounts", "/ops/accounts"), crumb("Accounts", "/accounts")),
                _head(ready, number),
                rx.cond(AccountState.failed != "", failed_panel(AccountState.failed, AccountState.open), rx.fragment()),
                rx.cond(ready, rx.fragment(), waiting("account")),
                rx.cond(
                    ready & (AccountState.banner != ""),
                    rx.el.div(notice(AccountState.banner, symbol="snowflake"), class_name="field"),
                    rx.fragment(),
                ),
                rx.el.section(
                    _figure(ready),
                    _plot(ready),
                    rx.cond(ready, _proof(), rx.fragment()),
                    class_name="card hero",
                    aria_labelledby="available",
                ),
                _entries(ready, number),
            ),
        ),
        here="/accounts",
    )
