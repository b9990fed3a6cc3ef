"""The trial balance in public: two columns that must come to the same."""

from __future__ import annotations

import reflex as rx

from bank_app.ui.books import BooksState
from bank_app.ui.components.gauges import LIBRARY
from bank_app.ui.components.parts import badge, notice


class Ago(rx.Component):
    """A time that goes on: it was `seconds` ago when the bank said so, at `told_at`."""

    library = LIBRARY
    tag = "Ago"

    seconds: rx.Var[int]
    told_at: rx.Var[int]


def checked_ago() -> rx.Component:
    """When the books were added up, which gets older while the page is open."""
    return rx.fragment("Checked ", Ago.create(seconds=BooksState.age, told_at=BooksState.told_at))


def _line(line: rx.Var) -> rx.Component:
    return rx.el.tr(
        rx.el.td(line.label),
        rx.el.td(line.debit, class_name="right debit num"),
        rx.el.td(line.credit, class_name="right credit num"),
    )


def _totals() -> rx.Component:
    return rx.el.table(
        rx.el.thead(
            rx.el.tr(
                rx.el.th(rx.el.span("Class", class_name="hidden-visually"), scope="col"),
                rx.el.th("Debit", scope="col", class_name="right debit"),
                rx.el.th("Credit", scope="col", class_name="right credit"),
            )
        ),
        rx.el.tbody(rx.foreach(BooksState.lines, _line)),
        rx.el.tfoot(
            rx.el.tr(
                rx.el.td("Total"),
                rx.el.td(rx.el.span(BooksState.debit, class_name="under"), class_name="right debit num"),
                rx.el.td(rx.el.span(BooksState.credit, class_name="under"), class_name="right credit num"),
            )
        ),
        class_name="books",
    )


def books_table(*, proof: bool = True) -> rx.Component:
    """The books as they are right now, or that they cannot be read; with `proof` whether they were added up again."""
    return rx.el.section(
        rx.el.h2("The books, right now", id="books"),
        rx.el.p(
            "Every cent in this bank has two sides. You can check before you sign in.",
            class_name="muted",
        ),
        rx.cond(
            BooksState.unreachable,
            notice("Can't reach the ledger right now.", kind="warn", symbol="triangle-alert"),
            rx.fragment(
                rx.cond(
                    BooksState.known,
                    rx.cond(BooksState.told, _totals(), rx.fragment()),
                    rx.el.p("Adding up every posting…", class_name="muted"),
                ),
                rx.cond(
                    BooksState.known if proof else False,
                    rx.el.div(
                        rx.cond(
                            BooksState.balance,
                            badge("Books balance", "check", "ok"),
                            badge("Books are off", "triangle-alert", "bad"),
                        ),
                        rx.cond(BooksState.told, badge(BooksState.counted, "shield-check", "ok"), rx.fragment()),
                        rx.el.span(checked_ago(), class_name="checked"),
                        class_name="ticks",
                    ),
                    rx.fragment(),
                ),
            ),
        ),
        class_name="truth",
        aria_labelledby="books",
    )
