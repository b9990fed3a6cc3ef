"""Search and filters over a list: a row, and the fields under it, which fill the screen on a phone."""

from __future__ import annotations

from typing import Any

import reflex as rx

from bank_app.ui.components.desk import chip, filter_input, filter_select, filter_trouble, find_box
from bank_app.ui.components.parts import Content, icon, link
from bank_app.ui.filters import DIRECTION_WORDS, STATUS_WORDS, TYPE_WORDS

LIBRARY = "$/public/browser/filters"
_BOX = "more-filters"


class FilterButton(rx.Component):
    """Opens and closes the box `target`; says how many filters are on."""

    library = LIBRARY
    tag = "FilterButton"

    target: rx.Var[str]
    count: rx.Var[int]


class FilterBox(rx.Component):
    """The fields, inside their form. `unfolded` opens them where there is room, `apply` is on their button there."""

    library = LIBRARY
    tag = "FilterBox"

    unfolded: rx.Var[bool]
    apply: rx.Var[str]


def filter_form(
    find: rx.Component,
    *fields: rx.Component,
    on_submit: Any,
    count: rx.Var,
    label: str,
    apply: str,
    unfolded: rx.Var | bool = False,
    trouble: rx.Component | None = None,
    class_name: str = "filters",
) -> rx.Component:
    """The form: one field that is always there, and the others behind a button. They are always part of it."""
    return rx.el.form(
        rx.el.div(
            find,
            rx.el.button("Search", type="submit", class_name="btn"),
            FilterButton.create(icon("sliders-horizontal", 16), target=_BOX, count=count, class_name="btn"),
            class_name="filter-bar",
        ),
        trouble or rx.fragment(),
        FilterBox.create(*fields, id=_BOX, unfolded=unfolded, apply=apply),
        on_submit=on_submit,
        reset_on_submit=False,
        class_name=class_name,
        role="search",
        aria_label=label,
    )


def _types(state: Any) -> rx.Component:
    """One box for each kind; none ticked means every kind."""
    return rx.el.fieldset(
        rx.el.legend("Type"),
        *[
            rx.el.label(
                rx.el.input(
                    type="checkbox",
                    name=f"type-{kind}",
                    value=kind,
                    default_checked=state.kinds.contains(kind),
                    key=state.filters.type + kind,
                ),
                text,
                class_name="tick",
            )
            for kind, text in TYPE_WORDS.items()
        ],
        class_name="types",
    )


def amounts_and_dates(wanted: Any) -> tuple[rx.Component, ...]:
    """The fields that every list of money has: from and up to which amount, since and until which day."""
    return (
        filter_input("Amount from", "min", wanted, input_mode="decimal"),
        filter_input("Amount up to", "max", wanted, input_mode="decimal"),
        filter_input("Since", "since", wanted, type="date"),
        filter_input("Until", "until", wanted, type="date"),
    )


def currency_filter(wanted: Any, currencies: Any) -> rx.Component:
    """One of several currencies, where there are several: amounts are then in it."""
    return rx.cond(
        currencies.length() > 1,
        rx.el.div(
            rx.el.label("Currency", html_for="currency"),
            rx.el.select(
                rx.el.option("Any currency", value=""),
                rx.foreach(currencies, lambda code: rx.el.option(code, value=code, key=code)),
                id="currency",
                name="currency",
                default_value=wanted.currency,
                key=wanted.currency + currencies.length().to_string(),
            ),
        ),
        rx.fragment(),
    )


def entry_filters(state: Any, *, label: str) -> rx.Component:
    """What can be looked for among entries; `state` has `asked`, `kinds`, `currencies`, `filter_count` and `search`."""
    wanted = state.asked
    return filter_form(
        find_box("q", "Search entries", wanted.q, spoken="Search note, name or reference"),
        _types(state),
        rx.el.div(
            filter_select("Status", "status", STATUS_WORDS, wanted.status, "Any"),
            filter_select("Direction", "direction", DIRECTION_WORDS, wanted.direction, "Any"),
            *amounts_and_dates(wanted),
            currency_filter(wanted, state.currencies),
            class_name="fields",
        ),
        on_submit=state.search,
        count=state.filter_count,
        unfolded=wanted.wrong != "",
        label=label,
        apply="Show entries",
        trouble=filter_trouble(wanted),
    )


def filter_chips(state: Any, *beside: Content, to: Content) -> rx.Component:
    """What is on, each with the way to switch it off; else the usual stretches of time. `to` is the page without."""
    return rx.el.div(
        rx.cond(
            state.filtered,
            rx.fragment(rx.foreach(state.chips, chip), link("Clear all", to=to, class_name="btn quiet sm")),
            rx.el.span(
                rx.foreach(
                    state.periods,
                    lambda period: link(period.words, to=period.without, class_name="btn sm", key=period.words),
                ),
                class_name="actions",
                role="group",
                aria_label="Dates",
            ),
        ),
        rx.el.span(state.result, role="status", class_name="result end"),
        *beside,
        class_name="chips",
    )


def nothing_fits(wanted: Any) -> rx.Var:
    """Why there are no entries: none fits, or nothing was looked for because a filter could not be understood."""
    return rx.cond(wanted.wrong != "", "Nothing is listed.", "No entries match.")
