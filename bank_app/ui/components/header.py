"""The header of every page: the bank's name, search, hiding amounts, theme, notifications, and the person."""

from __future__ import annotations

import reflex as rx

from bank_app.demo import PEOPLE
from bank_app.ui.components.browser import theme_button
from bank_app.ui.components.front import menu, opens
from bank_app.ui.components.live import bell
from bank_app.ui.components.parts import icon, link
from bank_app.ui.privacy import PrivacyState
from bank_app.ui.session import SessionState


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


def brand(to: str | rx.Var) -> rx.Component:
    """The bank's name, leading home."""
    return link(mark(), rx.el.span(SessionState.bank_name, class_name="word"), to=to, class_name="brand")


def _seek() -> rx.Component:
    return opens(
        icon("search"),
        rx.el.span("Search or jump to…"),
        rx.el.kbd("Ctrl K", aria_hidden="true"),
        target="palette",
        class_name="seek",
    )


def _eye() -> rx.Component:
    words = rx.cond(SessionState.private, "Show amounts", "Hide amounts")
    return rx.el.button(
        rx.cond(SessionState.private, icon("eye-off"), icon("eye")),
        type="button",
        on_click=PrivacyState.toggle.temporal,
        # Drawn before there is a connection, and what is pressed then would be lost.
        disabled=~SessionState.signed_in,
        class_name="tool",
        custom_attrs={"aria-label": words, "title": words, "aria-pressed": SessionState.private, "data-key": "hide"},
    )


def _role() -> rx.Component:
    return rx.cond(
        SessionState.is_staff,
        rx.el.span(icon("shield", 14), SessionState.role_word, class_name="role-chip"),
        rx.fragment(),
    )


def _view_as() -> rx.Component:
    """Another demo person in a tab of their own; the cookie is the browser's, so both tabs are then theirs."""
    return rx.cond(
        SessionState.demo,
        rx.el.div(
            rx.el.p("View as", class_name="menu-heading"),
            *[
                rx.el.form(
                    rx.el.input(type="hidden", name="email", value=person.email, read_only=True),
                    rx.el.button(
                        rx.el.span(person.initials, class_name="face", aria_hidden="true"),
                        person.first_name,
                        rx.el.span(person.title, class_name="muted"),
                        icon("external-link", 14),
                        type="submit",
                    ),
                    on_submit=None,
                    action="/auth/demo",
                    method="post",
                    target="_blank",
                )
                for person in PEOPLE
            ],
            rx.el.p("Opens a new tab; this browser then belongs to them.", class_name="menu-note"),
            class_name="menu-part",
        ),
        rx.fragment(),
    )


def _account_menu() -> rx.Component:
    return menu(
        rx.el.span(
            rx.el.span(SessionState.initials, class_name="face", aria_hidden="true"),
            rx.el.span("Account menu, ", class_name="hidden-visually"),
            rx.el.span(SessionState.name, class_name="name"),
            class_name="me-face",
        ),
        rx.el.div(
            rx.el.b(SessionState.name), rx.el.span(SessionState.role_word, class_name="muted"), class_name="menu-who"
        ),
        rx.el.div(
            link(icon("settings", 16), "Settings", to="/settings"),
            link(icon("circle-help", 16), "Help", to="/help"),
            opens(icon("keyboard", 16), "Keyboard shortcuts", target="shortcuts"),
            class_name="menu-part",
        ),
        _view_as(),
        rx.el.form(
            rx.el.button(icon("log-out", 16), "Sign out", type="submit"),
            on_submit=None,
            action="/auth/logout",
            method="post",
            class_name="menu-part",
        ),
        class_name="me",
    )


def header() -> rx.Component:
    """For somebody signed in."""
    return rx.el.header(
        brand(rx.cond(SessionState.is_staff, "/ops", "/home")),
        _seek(),
        rx.el.div(_eye(), theme_button(), bell(), _role(), _account_menu(), class_name="tools"),
        class_name="top",
    )
