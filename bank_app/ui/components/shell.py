"""The frame around every page: ribbon, header, navigation, connection bar, foot."""

from __future__ import annotations

from dataclasses import dataclass

import reflex as rx

from bank_app.ui.books import BooksState
from bank_app.ui.components.browser import connection_bar, jump, theme_button
from bank_app.ui.components.parts import document_link, icon, link
from bank_app.ui.session import SessionState


@dataclass(frozen=True)
class Place:
    """A place in the navigation; `second` is the word that small rails leave out."""

    name: str
    to: str
    symbol: str
    second: str = ""
    filled: bool = False


CUSTOMER_PLACES = (
    Place("Home", "/home", "house"),
    Place("Accounts", "/accounts", "credit-card"),
    Place("Move", "/move", "arrow-left-right", second=" money", filled=True),
    Place("Payees", "/payees", "contact"),
    Place("Statements", "/statements", "file-text"),
)
STAFF_PLACES = (
    Place("Queue", "/ops", "inbox"),
    Place("Customers", "/ops/customers", "users"),
    Place("Accounts", "/ops/accounts", "credit-card"),
    Place("Transactions", "/ops/transactions", "list"),
    Place("Audit", "/ops/audit", "link", second=" trail"),
    Place("Books", "/ops/books", "scale"),
    Place("Health", "/ops/health", "activity"),
    Place("Users", "/ops/users", "shield"),
)


def _ribbon() -> rx.Component:
    return rx.cond(
        SessionState.demo,
        rx.el.aside(
            icon("flask-conical", 16),
            rx.el.span(
                rx.el.b("Demo bank — pretend money."),
                " Do not enter real personal details. Data resets when an operator resets it.",
            ),
            class_name="ribbon",
            aria_label="About this bank",
        ),
        rx.fragment(),
    )


def mark() -> rx.Component:
    """The sign of the bank: ruled lines closed by a double rule."""
    return rx.el.span(
        rx.el.svg(
            rx.el.path(d="M4 6h16M4 11h16M4 16.5h16M4 19.5h16"),
            view_box="0 0 24 24",
            width=18,
            height=18,
            fill="none",
            stroke="currentColor",
            stroke_width=2,
            stroke_linecap="round",
        ),
        class_name="mark",
        aria_hidden="true",
    )


def _brand(to: str | rx.Var) -> rx.Component:
    return link(mark(), rx.el.span(SessionState.bank_name, class_name="word"), to=to, class_name="brand")


def _me() -> rx.Component:
    return rx.el.div(
        rx.el.span(SessionState.initials, class_name="face", aria_hidden="true"),
        rx.el.span(
            SessionState.name,
            rx.cond(
                SessionState.is_staff,
                rx.el.span(" · ", SessionState.role_word, class_name="muted"),
                rx.fragment(),
            ),
            class_name="name",
        ),
        class_name="me",
    )


def _sign_out() -> rx.Component:
    return rx.el.form(
        rx.el.button(icon("log-out"), type="submit", class_name="tool", aria_label="Sign out", title="Sign out"),
        on_submit=None,
        action="/auth/logout",
        method="post",
        class_name="leave",
    )


def _place(place: Place, here: str, *, small: bool) -> rx.Component:
    words = [place.name] if small else [rx.el.span(place.name, rx.el.span(place.second, class_name="second-word"))]
    current = {"aria-current": "page"} if place.to == here else {}
    return link(
        icon(place.symbol),
        *words,
        to=place.to,
        class_name="go" if place.filled else "",
        custom_attrs=current,
    )


def _places(here: str, *, small: bool) -> rx.Component:
    return rx.cond(
        SessionState.is_staff,
        rx.fragment(*[_place(place, here, small=small) for place in STAFF_PLACES]),
        rx.fragment(*[_place(place, here, small=small) for place in CUSTOMER_PLACES]),
    )


def _proof() -> rx.Component:
    return rx.cond(
        BooksState.known,
        rx.el.div(
            rx.cond(
                BooksState.balance,
                rx.el.b(icon("shield-check", 16), "Books balance", class_name="good"),
                rx.el.b(icon("shield-alert", 16), "Books are off", class_name="bad"),
            ),
            rx.el.span(BooksState.counted),
            rx.el.br(),
            rx.el.span(BooksState.checked),
            class_name="proof",
        ),
        rx.fragment(),
    )


def _foot() -> rx.Component:
    return rx.el.footer(
        document_link(icon("braces", 16), "API docs", to="/api/v1/docs"),
        rx.el.span("Times in UTC", class_name="end"),
        class_name="foot",
    )


def shell(*children: rx.Component, here: str = "", bar: bool = False) -> rx.Component:
    """A page for somebody signed in. `here` is the place in the navigation; `bar` makes room for a bottom bar."""
    return rx.el.div(
        jump("Skip to main content", target="main", class_name="skip"),
        _ribbon(),
        rx.el.header(
            _brand(rx.cond(SessionState.is_staff, "/ops", "/home")),
            rx.el.div(theme_button(), _me(), _sign_out(), class_name="tools"),
            class_name="top",
        ),
        connection_bar(),
        rx.el.div(
            rx.el.nav(_places(here, small=False), _proof(), class_name="rail", aria_label="Main"),
            rx.el.main(*children, _foot(), id="main", tab_index=-1, class_name="page"),
            class_name="frame",
        ),
        rx.el.nav(_places(here, small=True), class_name="dock", aria_label="Main, small"),
        class_name="has-bar" if bar else "",
    )


def public_shell(*children: rx.Component, beside: rx.Component | None = None, narrow: bool = False) -> rx.Component:
    """A page for visitors. `beside` is the one action in the header."""
    return rx.el.div(
        jump("Skip to main content", target="main", class_name="skip"),
        _ribbon(),
        rx.el.header(
            _brand("/"),
            rx.el.div(theme_button(), *([beside] if beside is not None else []), class_name="tools"),
            class_name="top",
        ),
        rx.el.main(
            *children,
            rx.el.footer(
                document_link(icon("braces", 16), "API docs", to="/api/v1/docs"),
                rx.el.span("No cookies before you sign in. No request leaves this host.", class_name="end"),
                class_name="foot",
            ),
            id="main",
            tab_index=-1,
            class_name="public narrow" if narrow else "public",
        ),
    )
