"""The first page for visitors: what this is in ten seconds, proof that it is true, and a way in."""

from __future__ import annotations

import reflex as rx

from bank_app.ui.books import BooksState
from bank_app.ui.components.books import books_table, checked_ago
from bank_app.ui.components.chart import little_lanes
from bank_app.ui.components.moving import ticks
from bank_app.ui.components.parts import button_link, document_link, icon, link
from bank_app.ui.components.shell import public_shell
from bank_app.ui.pages.sign_in import SignInState, people_cards
from bank_app.ui.session import SessionState

_LINES = (
    (
        "braces",
        "For developers.",
        "A real REST API: every transfer is idempotent by key, every refusal has its own code.",
    ),
    (
        "graduation-cap",
        "For teachers.",
        "Send the same payment twice, prove a balance from its entries, reverse a mistake, and see why it holds.",
    ),
    (
        "users",
        "For communities.",
        "Accounts, statements and an audit trail that shows if a record was changed. No request leaves the host.",
    ),
)


def _proven(symbol: str, words: rx.Var | str) -> rx.Component:
    return rx.el.li(icon(symbol, 16), words, class_name="good")


def _strip() -> rx.Component:
    """Whether the books of this very bank balance, looked at every half a minute."""
    state = BooksState
    return rx.el.div(
        ticks(every=30, times=120, seq=0, on_tick=state.look),
        rx.cond(
            state.unreachable,
            rx.el.ul(rx.el.li(icon("triangle-alert", 16), "Can't reach the ledger right now", class_name="warn")),
            rx.cond(
                state.known,
                rx.el.ul(
                    rx.cond(
                        state.balance,
                        _proven("shield-check", "Books balance"),
                        rx.el.li(icon("shield-alert", 16), "Books are off", class_name="bad"),
                    ),
                    rx.cond(state.counted != "", _proven("check", state.counted), rx.fragment()),
                    rx.cond(state.trail != "", _proven("check", state.trail), rx.fragment()),
                    rx.el.li(checked_ago(), class_name="muted"),
                ),
                rx.el.ul(rx.el.li(icon("hourglass", 16), "Adding up the books…", class_name="muted")),
            ),
        ),
        class_name="proof-strip",
        aria_label="Proof",
        role="region",
    )


def _ways_in() -> rx.Component:
    return rx.cond(
        SessionState.demo,
        rx.fragment(
            rx.el.h2("Walk in as someone", class_name="walk-in"),
            people_cards(rx.cond(SessionState.lab_is_open, _lab_card(), rx.fragment())),
            rx.el.p(
                "Pretend money; press anything. ",
                link("Sign in with a password", to="/sign-in"),
                class_name="muted landing-note",
            ),
        ),
        rx.el.div(
            button_link("Sign in", "/sign-in", style="primary lg"),
            rx.cond(SessionState.sign_up, button_link("Create account", "/sign-up", style="lg"), rx.fragment()),
            class_name="actions landing-actions",
        ),
    )


def _into_the_lab(label: str, style: str) -> rx.Component:
    """Walks in as the first of the demo people, to the experiment that breaks."""
    return rx.el.form(
        rx.el.input(type="hidden", name="email", value=SignInState.people[0].email, read_only=True),
        rx.el.input(type="hidden", name="next", value="/lab", read_only=True),
        rx.el.button(label, type="submit", class_name=style),
        on_submit=None,
        action="/auth/demo",
        method="post",
    )


def _lab_card() -> rx.Component:
    return rx.el.div(
        rx.el.div(
            rx.el.span(icon("flask-conical"), class_name="face large", aria_hidden="true"),
            rx.el.div(rx.el.h2("Lab"), rx.el.span("Laboratory", class_name="role")),
            class_name="id",
        ),
        rx.el.p("Let transfers run into each other, watch money appear, and see who did it.", class_name="story"),
        rx.el.p("10 ways to move money, 4 of them wrong", class_name="holds"),
        _into_the_lab("Enter the lab", "btn"),
        class_name="card person lab-card",
    )


def _lab_teaser() -> rx.Component:
    """How money appears from nothing, in four lines; for those who can go and try."""
    return rx.cond(
        SessionState.demo & SessionState.lab_is_open & (SignInState.people.length() > 0),
        rx.el.section(
            rx.el.div(
                rx.el.h2("Can money appear from nothing?", id="teaser"),
                rx.el.p(
                    "Two transfers read the same balance. Each writes what it computed from it, and the second one "
                    "overwrites the first. The lab lets that happen with real transactions, shows the two that did it, "
                    "and runs the same transfers again so that it cannot."
                ),
                _into_the_lab("Break the bank", "btn primary"),
                class_name="tells",
            ),
            rx.el.div(little_lanes(), class_name="picture"),
            class_name="first-experiment teaser",
            aria_labelledby="teaser",
        ),
        rx.fragment(),
    )


def landing() -> rx.Component:
    """The page."""
    return public_shell(
        rx.el.h1("A whole bank you can run, read and try to break.", class_name="landing-title"),
        rx.el.ul(
            *[
                rx.el.li(icon(symbol), rx.el.span(rx.el.b(whom), " ", says))
                for symbol, whom, says in _LINES
            ],
            class_name="landing-lines",
        ),
        _strip(),
        _ways_in(),
        _lab_teaser(),
        books_table(proof=False),
        beside=rx.el.div(
            document_link(icon("braces", 16), "API docs", to="/api/v1/docs", class_name="btn quiet only-wide"),
            rx.cond(
                SessionState.demo & SessionState.sign_up,
                button_link("Create account", "/sign-up"),
                button_link("Sign in", "/sign-in"),
            ),
            class_name="actions",
        ),
    )  # fmt: skip
