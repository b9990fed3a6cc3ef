"""How the page of one account looks."""

from __future__ import annotations

import reflex as rx

from bank_app.ui.components.browser import copy_button, route_value
from bank_app.ui.components.chart import chart_bone, step_chart
from bank_app.ui.components.live import freshness
from bank_app.ui.components.money import hero_amount, pair
from bank_app.ui.components.moving import fact
from bank_app.ui.components.parts import (
    bone,
    button_link,
    crumb,
    failed_panel,
    icon,
    link,
    notice,
    waiting,
)
from bank_app.ui.components.records import rename, tabs
from bank_app.ui.components.shell import shell
from bank_app.ui.messages import say
from bank_app.ui.pages.account import AccountState
from bank_app.ui.pages.account_attempts import attempts_panel
from bank_app.ui.pages.account_ledger_view import ledger_panel
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
        rx.cond(ready, _actions(number), rx.fragment()),
        class_name="page-head",
    )


def _actions(number: rx.Var) -> rx.Component:
    moves = rx.cond(
        SessionState.can_move & (AccountState.status != "closed"),
        rx.fragment(
            button_link("Transfer", "/move/transfer?from=" + number, symbol="arrow-left-right", style="tint"),
            rx.cond(
                SessionState.handles_cash,
                rx.fragment(
                    button_link("Deposit", "/move/deposit?account=" + number, symbol="plus"),
                    button_link("Withdraw", "/move/withdraw?account=" + number, symbol="minus"),
                ),
                rx.fragment(),
            ),
        ),
        rx.fragment(),
    )
    return rx.el.div(
        moves,
        button_link("Statements", "/statements?account=" + number, symbol="file-text"),
        class_name="actions four",
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
                    rx.cond(
                        AccountState.overdraft != "", pair("Overdraft limit", AccountState.overdraft), rx.fragment()
                    ),
                    class_name="pairs",
                ),
                rx.cond(AccountState.held != "", _held(), rx.fragment()),
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
                icon("shield-check", 16),
                "Prove it",
                type="button",
                on_click=AccountState.prove,
                # Before the account is there a press would come to nothing.
                disabled=~ready,
                class_name="btn",
            ),
            freshness(),
            class_name="prove",
        ),
        class_name="figure",
    )


def _held() -> rx.Component:
    """What the held money is for: the holds that were placed last."""
    return rx.el.ul(
        rx.foreach(
            AccountState.open_holds,
            lambda hold: rx.el.li(
                icon("clock", 16),
                rx.el.span(rx.el.b(hold.amount, class_name="num"), " for ", hold.words),
                key=hold.key,
            ),
        ),
        rx.cond(AccountState.more_holds, rx.el.li(icon("ellipsis", 16), "and more below"), rx.fragment()),
        class_name="held-for",
        aria_label="Held for",
    )


def _ranges() -> rx.Component:
    return rx.el.div(
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
            _ranges(),
            class_name="chart-bar",
        ),
        rx.cond(ready, step_chart(AccountState.chart, ready, AccountState.as_table), chart_bone()),
        _then(),
        class_name="plot",
    )


def _then() -> rx.Component:
    """The balance at a moment that is typed, and the entry that made it so."""
    then = AccountState.then
    return rx.el.form(
        rx.el.label("Balance as of", html_for="at"),
        rx.el.input(
            id="at",
            name="at",
            type="text",
            placeholder="28 Sep 2026, 12:00",
            max_length=40,
            auto_complete="off",
            default_value=then.typed,
            key="at" + AccountState.shown + then.typed,
            custom_attrs={"aria-describedby": "at-answer"},
        ),
        rx.el.button("Show", type="submit", class_name="btn"),
        rx.el.p(
            rx.cond(
                then.problem != "",
                rx.el.span(then.problem, class_name="wrong"),
                rx.cond(
                    then.balance != "",
                    rx.fragment(
                        rx.el.b(then.balance, class_name="num"),
                        " ",
                        rx.cond(then.address != "", link(then.after, to=then.address), rx.el.span(then.after)),
                    ),
                    "",
                ),
            ),
            id="at-answer",
            role="status",
        ),
        on_submit=AccountState.ask,
        reset_on_submit=False,
        no_validate=True,
        class_name="as-of",
    )


def _proof() -> rx.Component:
    proof = AccountState.proof
    return rx.el.div(
        rx.cond(
            proof.sentence != "",
            rx.el.div(
                rx.el.p(
                    rx.cond(proof.holds, icon("shield-check"), icon("shield-alert")),
                    rx.el.span(rx.el.b(proof.sentence), " ", rx.el.span(proof.detail, class_name="muted")),
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
        ),
        role="status",
        class_name="proof-row",
    )


def _details(number: rx.Var) -> rx.Component:
    details = AccountState.details
    mine = SessionState.can_move & (AccountState.owner == "") & (AccountState.status != "closed")
    name = rx.cond(
        mine,
        rename(
            text=AccountState.title,
            label="Name of the account",
            most=40,
            on_save=AccountState.rename,
            class_name="btn sm",
        ),
        rx.fragment(),
    )
    number_copy = copy_button(text=number, label="account number", class_name="btn quiet tiny")
    return rx.el.dl(
        fact("Name", AccountState.title, change=name),
        fact("Account number", rx.el.span(AccountState.grouped, class_name="mono"), change=number_copy),
        fact("Type", details.kind),
        fact("Currency", details.currency),
        fact("Opened", rx.el.span(details.opened, class_name="num")),
        fact("Entries", rx.el.span(details.posted, class_name="num")),
        fact("Interest", "None"),
        fact("Overdraft limit", details.overdraft),
        fact("At most at once", details.transfer_limit),
        fact("At most in a day", details.daily_limit),
        fact(
            "In the API",
            rx.el.code(details.api, class_name="mono"),
            change=copy_button(text=details.api, label="address in the API", class_name="btn quiet tiny"),
        ),
        class_name="facts wide-facts",
    )


def _more(ready: rx.Var, number: rx.Var) -> rx.Component:
    return rx.el.section(
        rx.el.h2("Entries and details", class_name="hidden-visually"),
        tabs(
            {
                "ledger": ("Ledger", ledger_panel(number, AccountState.status)),
                "attempts": ("Attempts", attempts_panel(number)),
                "details": ("Details", rx.cond(ready, _details(number), rx.el.div(bone("100%", "12em")))),
            },
            name="about",
            label="About this account",
            on_choose=AccountState.choose_tab,
        ),
        class_name="card flush",
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
                _more(ready, number),
            ),
        ),
        here="/accounts",
    )
