"""How the ledger of an account looks: its filters, its entries, and what joins them to the balances around them."""

from __future__ import annotations

import reflex as rx

from bank_app.ui.components.browser import focus_on_change
from bank_app.ui.components.live import new_rows_pill
from bank_app.ui.components.parts import button_link, document_link, empty, failed_panel, icon, link
from bank_app.ui.components.rows import ledger, ledger_bones, pending_body
from bank_app.ui.filters import DIRECTION_WORDS, TYPE_WORDS
from bank_app.ui.pages.account_ledger import LedgerState
from bank_app.ui.session import SessionState


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


def _types() -> rx.Component:
    """One box for each kind; none ticked means every kind."""
    return rx.el.fieldset(
        rx.el.legend("Type"),
        *[
            rx.el.label(
                rx.el.input(
                    type="checkbox",
                    name=f"type-{kind}",
                    value=kind,
                    default_checked=LedgerState.kinds.contains(kind),
                    key=LedgerState.filters.type + kind,
                ),
                text,
                class_name="tick",
            )
            for kind, text in TYPE_WORDS.items()
        ],
        class_name="types",
    )


def _filter_form() -> rx.Component:
    wanted = LedgerState.filters
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
                on_click=LedgerState.show_filters,
                class_name="btn",
                custom_attrs={
                    "aria-expanded": rx.cond(LedgerState.filters_open, "true", "false"),
                    "aria-controls": "more-filters",
                },
            ),
            class_name="filter-bar",
        ),
        # Always part of the form, so that searching keeps the filters that are set.
        rx.el.div(
            _types(),
            rx.el.div(
                _select("Direction", "direction", DIRECTION_WORDS, wanted.direction),
                _input("Amount from", "min", wanted.min, input_mode="decimal"),
                _input("Amount up to", "max", wanted.max, input_mode="decimal"),
                _input("Since", "since", wanted.since, type="date"),
                _input("Until", "until", wanted.until, type="date"),
                class_name="fields",
            ),
            rx.el.button("Show entries", type="submit", class_name="btn primary"),
            id="more-filters",
            hidden=~LedgerState.filters_open,
            class_name="more-filters",
        ),
        on_submit=LedgerState.search,
        reset_on_submit=False,
        class_name="filters",
        role="search",
        aria_label="Entries of this account",
    )


def _chip(chip: rx.Var) -> rx.Component:
    return rx.el.span(
        chip.words,
        link(
            icon("x", 14),
            rx.el.span("Remove filter ", chip.words, class_name="hidden-visually"),
            to=chip.without,
            class_name="off",
        ),
        class_name="chip",
        key=chip.words,
    )


def _chips(number: rx.Var) -> rx.Component:
    return rx.el.div(
        rx.cond(
            LedgerState.filtered,
            rx.fragment(
                rx.foreach(LedgerState.chips, _chip),
                link("Clear all", to="/accounts/" + number, class_name="btn quiet sm"),
            ),
            rx.el.span(
                rx.foreach(
                    LedgerState.periods,
                    lambda period: link(period.words, to=period.without, class_name="btn sm", key=period.words),
                ),
                class_name="actions",
                role="group",
                aria_label="Dates",
            ),
        ),
        rx.el.span(LedgerState.result, role="status", class_name="result end"),
        document_link(icon("download", 16), LedgerState.export_words, to=LedgerState.export, class_name="btn sm"),
        class_name="chips",
    )


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
                    rx.cond(LedgerState.filtered, rx.fragment(), rx.el.span(LedgerState.opened)),
                ),
            ),
        ),
        focus_on_change(target=LedgerState.first_new, seq=LedgerState.loads),
        class_name="ledger-foot",
    )


def _nothing(number: rx.Var, status: rx.Var) -> rx.Component:
    return rx.cond(
        LedgerState.filtered,
        empty("No entries match.", link("Clear filters", to="/accounts/" + number, class_name="btn sm")),
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
                rx.cond(state.filtered | some, rx.fragment(_filter_form(), _chips(number)), rx.fragment()),
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
