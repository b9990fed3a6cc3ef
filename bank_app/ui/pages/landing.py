"""The first page for visitors: what this is in ten seconds, and proof that it is true."""

from __future__ import annotations

import reflex as rx

from bank_app.ui.components.books import books_table
from bank_app.ui.components.parts import button_link, document_link, icon
from bank_app.ui.components.shell import public_shell
from bank_app.ui.pages.sign_in import people_cards
from bank_app.ui.session import SessionState

_PROMISES = (
    (
        "braces",
        "A real REST API",
        "Every transfer is idempotent by key, every refusal has its own code, and all of it is described in OpenAPI.",
    ),
    (
        "scale",
        "Double entry, always",
        "Money is never created or lost: every posting has another side, and a checker re-adds them all.",
    ),
    (
        "server",
        "Yours to run",
        "One command, on an embedded file or on MySQL and MariaDB. No request leaves the host.",
    ),
)


def landing() -> rx.Component:
    """The page."""
    return public_shell(
        rx.el.h1("A whole bank you can run, read and try to break."),
        rx.el.p(
            "Accounts, transfers and statements over a double-entry ledger in which every cent has two sides.",
            class_name="lead",
        ),
        rx.el.div(
            button_link("Sign in", "/sign-in", style="primary lg"),
            document_link(icon("braces", 16), "API docs", to="/api/v1/docs", class_name="btn lg"),
            class_name="actions landing-actions",
        ),
        people_cards(),
        rx.el.div(
            *[
                rx.el.section(icon(symbol), rx.el.h2(title), rx.el.p(text), class_name="card")
                for symbol, title, text in _PROMISES
            ],
            class_name="promises",
        ),
        books_table(),
        beside=rx.cond(
            SessionState.sign_up, button_link("Create account", "/sign-up"), button_link("Sign in", "/sign-in")
        ),
    )
