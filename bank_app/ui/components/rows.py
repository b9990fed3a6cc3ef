"""Entries as a short list and as a ledger table."""

from __future__ import annotations

import reflex as rx

from bank_app.ui.components.money import amount, direction_icon
from bank_app.ui.components.parts import bone, icon, link


def _recent_row(row: rx.Var) -> rx.Component:
    return rx.el.li(
        direction_icon(row.kind, incoming=row.incoming),
        rx.el.span(
            rx.cond(
                row.address != "",
                link(row.title, to=row.address, id=row.key + "-link", class_name="who"),
                rx.el.b(row.title, id=row.key + "-link", tab_index=-1, class_name="who"),
            ),
            rx.el.span(row.meta, class_name="meta"),
            class_name="grow",
        ),
        rx.el.span(amount(row.amount, incoming=row.incoming), rx.el.small(row.when), class_name="value"),
        class_name=rx.cond(row.address != "", "row", "row declined"),
        key=row.key,
    )


def recent_rows(rows: rx.Var) -> rx.Component:
    """The newest entries over several accounts."""
    return rx.el.ul(rx.foreach(rows, _recent_row), class_name="rows")


def _pending_row(held: rx.Var) -> rx.Component:
    return rx.el.li(
        rx.el.span(icon("clock", 18), class_name="direction waits"),
        rx.el.span(
            link(held.title, to=held.address, class_name="who"),
            rx.el.span(held.meta, class_name="meta"),
            class_name="grow",
        ),
        rx.el.span(rx.el.span(held.amount, class_name="money muted"), rx.el.small("set aside"), class_name="value"),
        class_name="row pending",
        key=held.key,
    )


def pending_rows(held: rx.Var) -> rx.Component:
    """Money that is set aside, above the entries that are posted."""
    return rx.cond(
        held.length() > 0,
        rx.el.ul(rx.foreach(held, _pending_row), class_name="rows", aria_label="Pending"),
        rx.fragment(),
    )


def row_bones(number: int) -> rx.Component:
    """Placeholders of a short list."""
    return rx.el.ul(
        *[
            rx.el.li(
                bone("36px", "36px"),
                rx.el.span(bone("14ch", "1em"), rx.el.br(), bone("22ch")),
                bone("7ch", "1em"),
                class_name="row",
            )
            for _ in range(number)
        ],
        class_name="rows",
        aria_hidden="true",
    )


def _ledger_row(row: rx.Var) -> rx.Component:
    return rx.el.tr(
        rx.el.td(row.time, class_name="time"),
        rx.el.td(
            rx.el.div(
                direction_icon(row.kind, incoming=row.incoming),
                rx.el.div(
                    rx.el.div(
                        rx.cond(
                            row.address != "",
                            link(row.title, to=row.address, id=row.key),
                            rx.el.b(row.title, id=row.key, tab_index=-1),
                        ),
                        rx.cond(
                            row.badge != "",
                            link(icon("undo-2", 14), row.badge, to=row.badge_address, class_name="badge"),
                            rx.fragment(),
                        ),
                        class_name="title",
                    ),
                    rx.el.p(row.meta),
                ),
                class_name="entry",
            ),
            class_name="what",
        ),
        rx.el.td(rx.cond(row.out != "", amount(row.out), ""), class_name="right out"),
        rx.el.td(rx.cond(row.into != "", amount(row.into, incoming=True), ""), class_name="right into"),
        rx.el.td(rx.el.span(row.balance, class_name="money"), class_name="right balance"),
        class_name=rx.cond(row.address != "", "", "declined"),
        key=row.key,
    )


def _day(day: rx.Var) -> rx.Component:
    return rx.el.tbody(
        rx.el.tr(rx.el.th(day.heading, col_span=5, scope="rowgroup"), class_name="day"),
        rx.foreach(day.rows, _ledger_row),
        key=day.heading,
    )


def _head() -> rx.Component:
    return rx.el.thead(
        rx.el.tr(
            rx.el.th("Time", scope="col", class_name="time"),
            rx.el.th("Description", scope="col", class_name="what"),
            rx.el.th("Money out", scope="col", class_name="right out"),
            rx.el.th("Money in", scope="col", class_name="right into"),
            rx.el.th("Balance", scope="col", class_name="right balance"),
        )
    )


def ledger(
    days: rx.Var, caption: rx.Var, *, above: rx.Component | None = None, below: rx.Component | None = None
) -> rx.Component:
    """The entries of one account, newest first, under the headings of their days; table bodies may go around them."""
    around = [[part] if part is not None else [] for part in (above, below)]
    return rx.el.table(
        rx.el.caption(caption), _head(), *around[0], rx.foreach(days, _day), *around[1], class_name="ledger"
    )


def _pending_entry(held: rx.Var) -> rx.Component:
    return rx.el.tr(
        rx.el.td(rx.el.span("Pending", class_name="hidden-visually"), class_name="time"),
        rx.el.td(
            rx.el.div(
                rx.el.span(icon("clock", 18), class_name="direction waits"),
                rx.el.div(rx.el.div(rx.el.b(held.title), class_name="title"), rx.el.p(held.meta)),
                class_name="entry",
            ),
            class_name="what",
        ),
        rx.el.td(rx.el.span(held.amount, class_name="money muted"), class_name="right out"),
        rx.el.td(class_name="right into"),
        rx.el.td(rx.el.span(held.until, class_name="small subtle"), class_name="right balance"),
        key=held.key,
        class_name="pending",
    )


def pending_body(pending: rx.Var, set_aside: rx.Var) -> rx.Component:
    """What is set aside and not posted yet, as the first part of a ledger."""
    return rx.cond(
        pending.length() > 0,
        rx.el.tbody(
            rx.el.tr(
                rx.el.th(
                    rx.el.span(rx.el.span("Pending"), rx.el.span(set_aside, class_name="end"), class_name="day-line"),
                    col_span=5,
                    scope="rowgroup",
                ),
                class_name="day",
            ),
            rx.foreach(pending, _pending_entry),
        ),
        rx.fragment(),
    )


def ledger_bones(number: int) -> rx.Component:
    """Placeholders of a ledger; the heading is real."""
    return rx.el.table(
        _head(),
        rx.el.tbody(
            *[
                rx.el.tr(
                    rx.el.td(bone("5ch"), class_name="time"),
                    rx.el.td(
                        rx.el.div(
                            bone("36px", "36px"),
                            rx.el.div(bone("14ch", "1em"), rx.el.br(), bone("24ch")),
                            class_name="entry",
                        ),
                        class_name="what",
                    ),
                    rx.el.td(bone("7ch"), class_name="right out"),
                    rx.el.td(class_name="right into"),
                    rx.el.td(bone("8ch"), class_name="right balance"),
                )
                for _ in range(number)
            ]
        ),
        class_name="ledger",
        aria_hidden="true",
    )
