"""How one account is drawn for the bank's people. What it knows is in ops_account.py."""

from __future__ import annotations

from typing import Any

import reflex as rx

from bank_app.ui.components.browser import copy_button, focus_on_change, press_once, route_value
from bank_app.ui.components.desk import crumbs, figure, figures
from bank_app.ui.components.dialogs import dialog, dialog_closer, dialog_opener, reason_field
from bank_app.ui.components.fields import described, error_line, label_for
from bank_app.ui.components.live import freshness, new_rows_pill
from bank_app.ui.components.moving import when
from bank_app.ui.components.parts import (
    Content,
    bone,
    button_link,
    empty,
    failed_panel,
    icon,
    link,
    load_more,
    notice,
    page_head,
    problem_summary,
    waiting,
)
from bank_app.ui.components.rows import ledger, ledger_bones
from bank_app.ui.components.shell import shell
from bank_app.ui.messages import say
from bank_app.ui.pages.accounts import status_badge
from bank_app.ui.pages.ops_account import OpsAccountState
from bank_app.ui.session import SessionState

_PATH = "/ops/accounts"
_HINT = "At least 10 characters. It goes into the audit log with your name."


# --- head ---------------------------------------------------------------------------------------------


def _head(ready: rx.Var) -> rx.Component:
    file = OpsAccountState.file
    acts = ready & SessionState.can_move & (file.status != "closed")
    return rx.el.div(
        rx.el.div(
            rx.el.div(
                rx.el.h1(rx.cond(ready, file.title, "Account")),
                rx.cond(ready, status_badge(file.status), rx.fragment()),
                class_name="title-line",
            ),
            rx.cond(
                ready,
                rx.el.p(
                    link(file.owner, to=file.owner_address),
                    rx.el.span(" · "),
                    rx.el.span("Account number", class_name="hidden-visually"),
                    rx.el.span(file.grouped, class_name="mono"),
                    copy_button(text=file.number, label="account number", class_name="btn quiet tiny"),
                    rx.el.span(" · ", file.kind, ", opened ", file.opened),
                    class_name="owner-line",
                ),
                rx.el.p(bone("34ch"), class_name="owner-line"),
            ),
            class_name="grow",
        ),
        when(acts, _actions),
        class_name="page-head desk-head",
    )


def _actions() -> rx.Component:
    file = OpsAccountState.file
    return rx.el.div(
        when(
            file.cash,
            lambda: rx.fragment(
                button_link("Deposit", "/move/deposit?account=" + file.number, symbol="plus"),
                button_link("Withdraw", "/move/withdraw?account=" + file.number, symbol="minus"),
            ),
        ),
        button_link("Transfer", "/move/transfer?from=" + file.number, symbol="arrow-left-right"),
        when(file.own == "", _openers),
        class_name="actions",
    )


def _openers() -> rx.Component:
    """What a colleague decides, for nobody decides about his own account."""
    return rx.fragment(
        rx.cond(
            OpsAccountState.file.status == "frozen",
            _opener("unfreeze", "Unfreeze…", "unfreeze-reason", "sun"),
            _opener("freeze", "Freeze…", "freeze-reason", "snowflake"),
        ),
        _opener("limits", "Limits…", "overdraft_limit", "gauge"),
        _opener("close", "Close…", "close-reason", "lock"),
    )


def _opener(target: str, words: str, first: str, symbol: str) -> rx.Component:
    symbols = {name: icon(name, 16) for name in ("sun", "snowflake", "lock", "gauge")}
    return dialog_opener(
        symbols[symbol], words, target=target, first=first, on_press=OpsAccountState.prepare, class_name="btn"
    )


def _numbers(ready: rx.Var) -> rx.Component:
    file = OpsAccountState.file

    def value(text: rx.Var, otherwise: str = "") -> rx.Component:
        shown = rx.cond(text != "", text, rx.el.span(otherwise, class_name="none")) if otherwise else text
        return rx.cond(ready, rx.fragment(shown), bone("7ch", "1em"))

    return figures(
        figure("Available", value(file.available)),
        figure("Current", value(file.current)),
        figure("Held", value(file.held)),
        figure("Overdraft limit", value(file.overdraft, "None")),
        figure("At most at once", value(file.at_once, "No limit")),
        figure("At most in a day", value(file.daily, "No limit")),
        label="Balance and limits",
    )


# --- decisions ----------------------------------------------------------------------------------------


def _decision(name: str, title: str, on_submit: Any, word: str, busy: str, *inside: rx.Component) -> rx.Component:
    state = OpsAccountState
    return dialog(
        rx.el.form(
            when(
                state.refused != "",
                lambda: notice(
                    rx.el.p(state.refused),
                    rx.el.p(state.code, class_name="code mono"),
                    kind="bad",
                    symbol="circle-alert",
                    role="alert",
                ),
            ),
            *inside,
            rx.el.div(
                dialog_closer("Cancel", class_name="btn"),
                press_once(
                    label=word,
                    busy_label=busy,
                    answer=state.answer,
                    kind="submit",
                    blocked=(state.obstructions.length() > 0) if name == "close" else False,
                    class_name="btn primary",
                ),
                class_name="decide",
            ),
            on_submit=on_submit.temporal,
            reset_on_submit=False,
            custom_attrs={"noValidate": True},
        ),
        id=name,
        title=title,
        done=state.done,
    )


def _reason(name: str) -> rx.Component:
    return reason_field(name, error=OpsAccountState.reason_error, hint=_HINT)


def _freeze() -> rx.Component:
    state = OpsAccountState
    return _decision(
        "freeze",
        "Freeze this account",
        state.freeze,
        "Freeze account",
        "Freezing…",
        rx.el.fieldset(
            rx.el.legend("What stops"),
            rx.el.div(
                rx.el.label(
                    rx.el.input(type="radio", name="scope", value="debits", default_checked=True),
                    rx.el.span("Outgoing", rx.el.small("Money can still arrive.")),
                ),
                rx.el.label(
                    rx.el.input(type="radio", name="scope", value="all"),
                    rx.el.span("Outgoing and incoming", rx.el.small("Payers are told it can’t receive right now.")),
                ),
                class_name="opts one",
            ),
            class_name="field",
        ),
        rx.el.ul(
            rx.foreach(state.freeze_effects, lambda text: rx.el.li(icon("info", 18), rx.el.span(text))),
            class_name="effect",
            aria_label="What it will do",
        ),
        _reason("freeze-reason"),
    )


def _unfreeze() -> rx.Component:
    return _decision(
        "unfreeze",
        "Unfreeze this account",
        OpsAccountState.unfreeze,
        "Unfreeze account",
        "Unfreezing…",
        rx.el.p("Money can leave and arrive again at once."),
        _reason("unfreeze-reason"),
    )


def _obstruction(found: rx.Var) -> rx.Component:
    return rx.el.li(
        icon("circle-x", 18),
        rx.el.span(
            found.text,
            " ",
            when(found.address != "", lambda: link(found.words, to=found.address, class_name="link")),
            when(found.address == "", lambda: dialog_closer(found.words, class_name="btn quiet tiny")),
        ),
    )


def _close() -> rx.Component:
    state = OpsAccountState
    return _decision(
        "close",
        "Close this account",
        state.close,
        "Close account",
        "Closing…",
        rx.cond(
            state.obstructions.length() > 0,
            rx.el.ul(rx.foreach(state.obstructions, _obstruction), class_name="effect bad", aria_label="In the way"),
            rx.el.ul(
                rx.el.li(icon("check", 18), rx.el.span("The balance is zero.")),
                rx.el.li(icon("check", 18), rx.el.span("Nothing is set aside.")),
                class_name="effect",
                aria_label="Checked",
            ),
        ),
        rx.el.p("A closed account can be read, and nothing can move. It is never opened again."),
        _reason("close-reason"),
    )


# --- beside -------------------------------------------------------------------------------------------


def _limit(label: Content, name: str, value: rx.Var, error: rx.Var, hint: str) -> rx.Component:
    return rx.el.div(
        label_for(name, label),
        rx.el.input(
            id=name,
            name=name,
            type="text",
            input_mode="decimal",
            auto_complete="off",
            default_value=value,
            key=name + OpsAccountState.form_id.to_string(),
            max_length=40,
            class_name="wide",
            custom_attrs=described(name, error, hint=True),
        ),
        rx.el.p(hint, id=f"{name}-hint", class_name="hint"),
        error_line(name, error),
        class_name="field",
    )


def _limits() -> rx.Component:
    state, file = OpsAccountState, OpsAccountState.file
    form = rx.el.form(
        problem_summary(state.problems, state.answer),
        rx.el.input(type="hidden", name="written", value=file.written, read_only=True),
        _limit(
            rx.fragment("Overdraft limit in ", file.unit),
            "overdraft_limit",
            file.overdraft_typed,
            state.overdraft_error,
            "Empty for none.",
        ),
        _limit(
            rx.fragment("At most at once in ", file.unit),
            "transfer_limit",
            file.at_once_typed,
            state.at_once_error,
            "Empty for no limit.",
        ),
        _limit(
            rx.fragment("At most in a day in ", file.unit),
            "daily_limit",
            file.daily_typed,
            state.daily_error,
            "Counted from midnight UTC.",
        ),
        reason_field("limits-reason", error=state.limits_reason_error, hint=_HINT),
        rx.el.div(
            dialog_closer("Cancel", class_name="btn"),
            press_once(
                label="Save limits", busy_label="Saving…", answer=state.answer, kind="submit", class_name="btn primary"
            ),
            class_name="decide",
        ),
        on_submit=state.set_limits.temporal,
        reset_on_submit=False,
    )
    return dialog(
        rx.cond(
            state.private,
            rx.el.div(rx.el.p("Amounts are hidden. Show them to change limits."), class_name="body"),
            form,
        ),
        id="limits",
        title="Limits of this account",
        done=state.done,
    )


def _hold(hold: rx.Var) -> rx.Component:
    return rx.el.li(
        rx.el.b(hold.title),
        rx.el.span(hold.amount, class_name="value"),
        rx.el.p(hold.detail),
        when(
            SessionState.can_move,
            lambda: press_once(
                label="Release",
                busy_label="Releasing…",
                answer=OpsAccountState.answer,
                on_press=OpsAccountState.release.temporal(hold.id),
                class_name="btn sm",
            ),
        ),
        key=hold.id,
    )


def _holds(ready: rx.Var) -> rx.Component:
    state = OpsAccountState
    return rx.el.section(
        rx.el.header(rx.el.h2("Holds"), rx.el.span(freshness(), class_name="end")),
        rx.cond(
            ready,
            rx.cond(
                state.open_holds.length() > 0,
                rx.el.ul(rx.foreach(state.open_holds, _hold), class_name="happenings"),
                empty("Nothing is set aside."),
            ),
            rx.el.div(bone("100%", "1.2em"), class_name="pad"),
        ),
        id="holds",
        class_name="card",
    )


def _attempt(attempt: rx.Var) -> rx.Component:
    return rx.el.li(
        rx.el.b(attempt.title),
        rx.el.span(attempt.amount, class_name="value"),
        rx.el.p(attempt.reason),
        rx.el.p(attempt.detail, " · ", rx.el.span(attempt.code, class_name="mono"), class_name="micro"),
        key=attempt.key,
    )


def _attempts(ready: rx.Var) -> rx.Component:
    state = OpsAccountState
    return rx.el.section(
        rx.el.header(rx.el.h2("Declined")),
        rx.cond(
            ready,
            rx.cond(
                state.declined.length() > 0,
                rx.fragment(
                    rx.el.ul(rx.foreach(state.declined, _attempt), class_name="happenings"),
                    when(
                        state.declined_more,
                        lambda: rx.el.div(
                            rx.el.button(
                                "Load older", type="button", on_click=state.more_declined, class_name="btn sm"
                            ),
                            class_name="pad",
                        ),
                    ),
                ),
                empty("No payment out of this account was declined."),
            ),
            rx.el.div(bone("100%", "1.2em"), class_name="pad"),
        ),
        class_name="card",
    )


# --- ledger -------------------------------------------------------------------------------------------


def _entries(ready: rx.Var) -> rx.Component:
    state, file = OpsAccountState, OpsAccountState.file
    return rx.el.section(
        rx.el.header(
            rx.el.h2("Ledger"),
            when(
                ready,
                lambda: rx.el.span(
                    link("Search", to="/ops/transactions?account=" + file.number, class_name="btn quiet tiny"),
                    link("Chart, proof and statements", to="/accounts/" + file.number, class_name="btn quiet tiny"),
                    class_name="end actions",
                ),
            ),
        ),
        new_rows_pill(state.fresh, state.show_fresh, list_id="entries"),
        rx.el.div(
            rx.cond(
                ready,
                rx.cond(
                    state.days.length() > 0,
                    ledger(state.days, state.caption),
                    empty("Nothing here yet. Money in and out of this account will appear here, newest first."),
                ),
                ledger_bones(8),
            ),
            id="entries",
            class_name="desk",
        ),
        load_more(ready & state.more, state.load_more),
        focus_on_change(target=state.first_new, seq=state.loads),
        class_name="card",
    )


def _missing() -> rx.Component:
    return rx.fragment(
        page_head("Not found"),
        rx.el.p(say("not_found"), class_name="lead field"),
        button_link("All accounts", _PATH, style="primary"),
    )


def ops_account() -> rx.Component:
    """The page."""
    state = OpsAccountState
    number = route_value("account_id")
    ready = state.shown == number
    return shell(
        rx.cond(
            (state.missing != "") & (state.missing == number),
            _missing(),
            rx.fragment(
                crumbs(("Accounts", _PATH), here=rx.cond(ready, state.file.grouped, "Account")),
                _head(ready),
                rx.cond(state.failed != "", failed_panel(state.failed, state.open), rx.fragment()),
                rx.cond(ready, rx.fragment(), waiting("account")),
                when(
                    ready & (state.file.frozen != ""),
                    lambda: rx.el.div(notice(rx.el.p(state.file.frozen), symbol="snowflake"), class_name="field"),
                ),
                when(
                    ready & (state.file.own != "") & SessionState.can_move,
                    lambda: rx.el.div(notice(rx.el.p(state.file.own), symbol="users"), class_name="field"),
                ),
                _numbers(ready),
                rx.el.div(_holds(ready), _attempts(ready), class_name="desk-columns even"),
                rx.el.div(rx.el.div(_entries(ready), class_name="main"), class_name="desk-columns one"),
                when(SessionState.can_move, lambda: rx.fragment(_limits(), _freeze(), _unfreeze(), _close())),
            ),
        ),
        here=_PATH,
    )
