"""What pages about people share: whether somebody can sign in, and the link with which they choose a password."""

from __future__ import annotations

import reflex as rx

from bank_app.ui.components.browser import copy_button
from bank_app.ui.components.parts import Content, badge, notice


def standing_badge(standing: rx.Var) -> rx.Component:
    """Active, locked, disabled or invited: an icon and a word."""
    return rx.match(
        standing,
        ("active", badge("Active", "check", "ok")),
        ("locked", badge("Locked", "lock", "warn")),
        ("disabled", badge("Disabled", "ban", "bad")),
        ("invited", badge("Invited", "mail", "info")),
        rx.fragment(),
    )


def unusual_standing(standing: rx.Var) -> rx.Component:
    """On small screens, where the column is left out, what is not simply active still says so."""
    return rx.cond(standing != "active", rx.el.div(standing_badge(standing), class_name="narrow-only"), rx.fragment())


def handed_over(link: rx.Var, until: rx.Var, whose: Content) -> rx.Component:
    """A link that is shown once, to be given to the person by a way that the bank trusts."""
    return notice(
        rx.el.b("Password link for ", whose),
        rx.el.p(
            "Hand it over yourself; the bank sends no email. It works once, until ", until, ", and is shown only now."
        ),
        rx.el.p(link, class_name="hash mono"),
        rx.el.div(copy_button(text=link, label="password link", class_name="btn sm"), class_name="actions"),
        kind="ok",
        symbol="key-round",
        id="password-link",
        tab_index=-1,
    )
