"""A fresh code before a file is sent: a link cannot open a dialog, so there is a page in between."""

from __future__ import annotations

import reflex as rx

from bank_app.errors import StepUpRequired
from bank_app.services import step_up
from bank_app.ui import calls, forms, words
from bank_app.ui.components.fields import error_line
from bank_app.ui.components.parts import button_link, icon
from bank_app.ui.components.settings import posted_problem
from bank_app.ui.components.shell import shell
from bank_app.ui.components.step_up import code_input
from bank_app.ui.guard import exposed
from bank_app.ui.messages import CATALOGUE, say
from bank_app.ui.session import actor_of


class ConfirmState(rx.State):
    """Which file waits, and whether a code was given for it."""

    loaded: bool = False
    file: str = ""
    back: str = ""
    given: bool = False
    problem: str = ""
    seq: int = 0

    @exposed
    async def open(self) -> None:
        """Reads the address: what waits, and what became of the form."""
        query, actor = self.router.url.query_parameters, await actor_of(self)
        self.file, self.back = (forms.local_path(query.get(name), "") for name in ("file", "back"))
        try:
            step_up.require(actor)
            self.given = True
        except StepUpRequired:
            self.given = False
        problem, wait = forms.text(query.get("problem"), 40), forms.text(query.get("wait"), 6)
        facts = {"retry_after": wait, "wait": words.how_long(wait), "bank": calls.bank().settings.name}
        self.problem = say(problem, **facts) if problem in CATALOGUE and not self.given else ""
        self.seq += 1 if self.problem else 0
        self.loaded = True


def _form() -> rx.Component:
    name = "confirm-code"
    return rx.el.form(
        posted_problem(ConfirmState.problem, ConfirmState.seq),
        rx.el.input(type="hidden", name="file", value=ConfirmState.file, read_only=True),
        rx.el.input(type="hidden", name="back", value=ConfirmState.back, read_only=True),
        rx.el.div(
            rx.el.label("Code", html_for=name),
            code_input(name, "", required=True),
            rx.el.p(say("STEP_UP_HINT"), id=f"{name}-hint", class_name="hint"),
            error_line(name, ""),
            class_name="field",
        ),
        rx.el.div(
            rx.el.button("Confirm", type="submit", class_name="btn primary"),
            button_link("Cancel", ConfirmState.back),
            class_name="actions",
        ),
        on_submit=None,
        action="/auth/step-up",
        method="post",
        class_name="card form-card",
    )


def confirm() -> rx.Component:
    """The page."""
    return shell(
        rx.el.h1("Enter a code"),
        rx.el.p(say("STEP_UP_FILE"), class_name="muted field"),
        rx.cond(
            ConfirmState.given & (ConfirmState.file != ""),
            rx.el.div(
                rx.el.p(icon("circle-check"), say("STEP_UP_GIVEN"), class_name="notice ok field", role="status"),
                rx.el.div(
                    rx.el.a(icon("download", 16), "Download", href=ConfirmState.file, class_name="btn primary"),
                    button_link("Back", ConfirmState.back),
                    class_name="actions",
                ),
                class_name="card form-card",
            ),
            rx.cond(ConfirmState.loaded & (ConfirmState.file != ""), _form(), rx.fragment()),
        ),
    )
