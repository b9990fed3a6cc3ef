"""The dialog that asks for a fresh code, and the field for one in forms that a browser posts by itself."""

from __future__ import annotations

import reflex as rx

from bank_app.ui.components.browser import focus_on_change
from bank_app.ui.components.dialogs import dialog, dialog_closer
from bank_app.ui.components.fields import described, error_line, label_for
from bank_app.ui.messages import say
from bank_app.ui.session import SessionState
from bank_app.ui.step_up import StepUpState


def code_input(name: str, error: rx.Var | str, *, required: bool) -> rx.Component:
    """The field itself."""
    return rx.el.input(
        id=name,
        name="code",
        auto_complete="one-time-code",
        spell_check=False,
        max_length=40,
        required=required,
        custom_attrs={**described(name, error, hint=True), "autoCapitalize": "none"},
    )


def step_up_dialog() -> rx.Component:
    """On every page of somebody signed in; the server opens it."""
    name = "step-up-code"
    return dialog(
        rx.el.form(
            focus_on_change(target=name, seq=rx.cond(StepUpState.error != "", StepUpState.answer, 0)),
            rx.el.p(say("STEP_UP")),
            rx.el.div(
                label_for(name, "Code"),
                code_input(name, StepUpState.error, required=True),
                rx.el.p(say("STEP_UP_HINT"), id=f"{name}-hint", class_name="hint"),
                error_line(name, StepUpState.error),
                class_name="field",
            ),
            rx.el.div(
                dialog_closer("Cancel", class_name="btn"),
                rx.el.button("Confirm", type="submit", class_name="btn primary"),
                class_name="decide",
            ),
            on_submit=StepUpState.confirm.temporal,
            reset_on_submit=False,
        ),
        id="step-up",
        title="Enter a code",
        opened=StepUpState.asked,
        done=StepUpState.done,
    )


def code_beside() -> rx.Component:
    """For a form that the browser posts itself, of people with a second step."""
    name = "fresh-code"
    return rx.cond(
        SessionState.two_steps,
        rx.el.div(
            label_for(name, "Code of your second step"),
            code_input(name, "", required=False),
            rx.el.p(say("STEP_UP_BESIDE"), id=f"{name}-hint", class_name="hint"),
            error_line(name, ""),
            class_name="field",
        ),
        rx.fragment(),
    )
