"""Help: what each page is for, the shortcuts, the API, and the things to try once more."""

from __future__ import annotations

import reflex as rx

from bank_app.ui.components.drawer import key_lists
from bank_app.ui.components.parts import document_link, icon, link, page_head
from bank_app.ui.components.shell import shell
from bank_app.ui.first_steps import FirstStepsState
from bank_app.ui.session import SessionState

_CUSTOMER = (
    ("Home", "/home", "What is there, what just happened, and what needs you."),
    ("Accounts", "/accounts", "Every account with its ledger. Prove it adds up all entries in front of you."),
    (
        "Move money",
        "/move",
        "Send, move between your own accounts, add, take out. Nothing moves before you check it.",
    ),
    ("Payees", "/payees", "People you pay, by name, so that no number is typed twice."),
    ("Statements", "/statements", "Each month as a table, as CSV and as JSON: opening plus in less out is closing."),
    ("Notifications", "/notifications", "Money that arrived and what the bank changed on your accounts."),
)
_STAFF = (
    ("Queue", "/ops", "What waits for somebody, most urgent first."),
    ("Customers", "/ops/customers", "A person with accounts, sign-ins and notes. Looking at one is logged."),
    ("Accounts", "/ops/accounts", "Freeze, close, set limits, take in and pay out cash; each with a reason."),
    ("Transactions", "/ops/transactions", "Find by reference and reverse: a second transaction, never a deletion."),
    ("Audit trail", "/ops/audit", "Who did what, in a chain that shows if a record was changed."),
    ("Security events", "/ops/security", "Sign-ins, refusals and alarms, for auditors and administrators."),
    ("Books", "/ops/books", "Trial balance, and every balance added up again."),
    ("Health", "/ops/health", "How the bank itself is doing."),
    ("Users", "/ops/users", "People who work here, and what each role may do."),
)
_LAB = (("Lab", "/lab", "Break pretend money on purpose, see how it happened, and try again with locks."),)
_ANSWERS = (
    (
        "I pressed Send and saw no answer",
        (
            "Stay on the page: it finds out by itself whether the money moved. Pressing again sends the same key, "
            "and the bank answers with the first result."
        ),
    ),
    (
        "Available and current are different",
        "Current is what is booked. Available leaves out what is set aside and adds an overdraft if there is one.",
    ),
    (
        "Somebody may look over my shoulder",
        "The eye in the header, or the full stop on the keyboard, replaces every amount by dots.",
    ),
    ("All times are UTC", "The bank has one clock, so that everybody reads the same time on the same receipt."),
)


def _places(places: tuple[tuple[str, str, str], ...]) -> rx.Component:
    return rx.el.dl(
        *[rx.el.div(rx.el.dt(link(name, to=address)), rx.el.dd(says)) for name, address, says in places],
        class_name="help-places",
    )


def help_page() -> rx.Component:
    """The page."""
    return shell(
        page_head("Help"),
        rx.el.div(
            rx.el.section(
                rx.el.header(rx.el.h2("The pages")),
                rx.cond(SessionState.is_staff, _places(_STAFF), _places(_CUSTOMER)),
                rx.cond(SessionState.lab, _places(_LAB), rx.fragment()),
                class_name="card",
            ),
            rx.el.section(
                rx.el.header(rx.el.h2("Good to know")),
                *[rx.fragment(rx.el.h3(title), rx.el.p(text)) for title, text in _ANSWERS],
                class_name="card help-answers",
            ),
            rx.cond(
                SessionState.demo & ~SessionState.is_staff,
                rx.el.section(
                    rx.el.header(rx.el.h2("Things to try")),
                    rx.el.p("The list of things to try on Home, from the beginning."),
                    rx.el.p(
                        rx.el.button("Show it again", type="button", on_click=FirstStepsState.again, class_name="btn"),
                        class_name="actions help-actions",
                    ),
                    class_name="card",
                ),
                rx.fragment(),
            ),
            rx.el.section(rx.el.header(rx.el.h2("Keyboard")), key_lists(), class_name="card with-keyboard"),
            rx.el.section(
                rx.el.header(rx.el.h2("The API")),
                rx.el.p(
                    "Everything here is also a request. “API behind this page” at the foot of each page shows which, "
                    "with your own account numbers, ready to copy."
                ),
                rx.el.p(
                    document_link(icon("braces", 16), "API docs", to="/api/v1/docs", class_name="btn"),
                    class_name="actions help-actions",
                ),
                class_name="card",
            ),
            class_name="stack",
        ),
    )
