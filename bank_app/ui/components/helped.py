"""The notice above every page after the bank helped somebody back in."""

from __future__ import annotations

import reflex as rx

from bank_app.ui.components.parts import notice
from bank_app.ui.helped import HelpedState


def helped_notice() -> rx.Component:
    """Nothing, unless there is something to tell. It cannot be put away before it was read."""
    state = HelpedState
    return rx.cond(
        state.helped.length() > 0,
        notice(
            rx.foreach(state.helped, lambda one: rx.el.p(rx.el.b(one.text), key=one.key)),
            rx.cond(
                state.guarded_until != "",
                rx.el.p(
                    "Until ", state.guarded_until, " your accounts pay only whom you paid before, and at most ",
                    state.guarded_limit, " of their currency each. Nothing goes to whoever helped.",
                ),
                rx.fragment(),
            ),
            rx.el.p("If you did not ask for it, tell the bank at once."),
            rx.cond(
                state.unread_help,
                rx.el.div(
                    rx.el.button("I have read this", type="button", on_click=state.read, class_name="btn sm"),
                    class_name="actions",
                ),
                rx.fragment(),
            ),
            kind="warn",
            symbol="shield-alert",
            id="helped",
            role="alert",
        ),
        rx.fragment(),
    )  # fmt: skip
