"""The page for addresses that do not exist, and for things that are somebody else's."""

from __future__ import annotations

import reflex as rx

from bank_app.ui.components.parts import button_link
from bank_app.ui.components.shell import public_shell
from bank_app.ui.messages import say


def not_found() -> rx.Component:
    """One answer for both, so that it tells nothing."""
    return public_shell(
        rx.el.h1("Page not found"),
        rx.el.p(say("not_found"), class_name="lead"),
        rx.el.div(button_link("Go to your accounts", "/home", style="primary"), class_name="actions field"),
        narrow=True,
    )
