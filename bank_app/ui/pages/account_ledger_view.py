"""How the ledger of an account looks: its filters, its entries, and what joins them to the balances around them."""

from __future__ import annotations

import reflex as rx

from bank_app.ui.components.browser import focus_on_change
from bank_app.ui.components.filters import entry_filters, filter_chips, nothing_fits
from bank_app.ui.components.live import new_rows_pill
from bank_app.ui.components.parts import button_link, document_link, empty, failed_panel, icon, link
from bank_app.ui.components.rows import ledger, ledger_bones, pending_body
from bank_app.ui.pages.account_ledger import LedgerState
from bank_app.ui.session import SessionState


def _chips(number: rx.Var) -> rx.Component:
    state = LedgerState
    export = document_link(icon("download", 16), state.export_words, to=state.export, class_name="btn sm")
    return filter_chips(state, rx.cond(state.export_words != "", export, rx.fragment()), to="/accounts/" + number)


def _closing_body() -> rx.Component:
    """Where the entries of a period come from and what they come to; only under the last of them."""
    closing = LedgerState.closing
    return rx.cond(
        (closing.period != "") & ~LedgerState.more,
        rx.el.tbody(
            rx.el.tr(
                rx.el.td(closing.brought, col_span=2, class_name="what brought"),
                rx.el.td(class_name="right out"),
                rx.el.td(class_name="right into"),
                rx.el.td(rx.el.span(closing.opening, class_name="money"), class_name="right balance"),
            ),
            rx.el.tr(
                rx.el.th(closing.period, col_span=2, scope="row", class_name="what"),
                rx.el.td(rx.el.span(closing.out, class_name="money under"), class_name="right out"),
                rx.el.td(rx.el.span(closing.into, class_name="money in under"), class_name="right into"),
                rx.el.td(rx.el.span(closing.closing, class_name="money under"), class_name="right balance"),
                class_name="sums",
            ),
            class_name="closing",
        ),
        rx.fragment(),
    )


def _foot() -> rx.Component:
    closing, before = LedgerState.closing, LedgerState.before
    return rx.el.div(
        rx.cond(
            LedgerState.more,
            rx.el.button(LedgerState.more_words, type="button", on_click=LedgerState.load_more, class_name="btn"),
            rx.fragment(
                rx.cond(
                    closing.period != "",
                    rx.el.span(closing.equation, class_name="num equation-words"),
                    rx.fragment(),
                ),
                rx.cond(
                    before,
                    link(before.words, to=before.without, class_name="btn sm end"),
                    rx.el.span(rx.cond(LedgerState.filtered, "That is all that matches.", LedgerState.opened)),
                ),
            ),
        ),
        focus_on_change(target=LedgerState.first_new, seq=LedgerState.loads),
        class_name="ledger-foot",
    )


def _nothing(number: rx.Var, status: rx.Var) -> rx.Component:
    return rx.cond(
        LedgerState.filtered,
        empty(nothing_fits(LedgerState.filters), link("Clear filters", to="/accounts/" + number, class_name="btn sm")),
        empty(
            "Nothing here yet. Money in and out of this account will appear here, newest first.",
            rx.cond(
                SessionState.handles_cash & (status == "open"),
                button_link("Add money", "/move/deposit?account=" + number, symbol="plus", style="primary"),
                rx.fragment(),
            ),
        ),
    )


def ledger_panel(number: rx.Var, status: rx.Var) -> rx.Component:
    """Filters, entries and what joins them; or why there is nothing."""
    state = LedgerState
    some = (state.days.length() > 0) | (state.pending.length() > 0)
    return rx.cond(
        state.failed != "",
        rx.el.div(failed_panel(state.failed, state.open), class_name="in-card"),
        rx.cond(
            state.shown == number,
            rx.fragment(
                rx.cond(
                    state.filtered | some,
                    rx.fragment(entry_filters(state, label="Entries of this account"), _chips(number)),
                    rx.fragment(),
                ),
                rx.cond(
                    some,
                    rx.el.div(
                        new_rows_pill(state.fresh, state.show_fresh, list_id="entries"),
                        ledger(
                            state.days,
                            state.caption,
                            above=pending_body(state.pending, state.set_aside),
                            below=_closing_body(),
                        ),
                        _foot(),
                        id="entries",
                    ),
                    rx.fragment(new_rows_pill(state.fresh, state.show_fresh), _nothing(number, status)),
                ),
            ),
            ledger_bones(8),
        ),
    )
