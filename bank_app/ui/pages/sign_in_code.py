"""The second step of signing in, on a page of its own."""

from __future__ import annotations

from typing import Any

import reflex as rx

from bank_app.services import tokens
from bank_app.ui import calls, cookies, forms, words
from bank_app.ui.components.parts import link
from bank_app.ui.components.settings import posted_problem
from bank_app.ui.components.shell import public_shell
from bank_app.ui.guard import exposed
from bank_app.ui.messages import CATALOGUE, say


class CodeState(rx.State):
    """What the page says. The code is posted by the browser itself."""

    problem: str = ""
    seq: int = 0
    next: str = ""

    @exposed(public=True)
    async def open(self) -> Any:
        """Leaves unless the password was given a moment ago."""
        settings, query = calls.bank().settings, self.router.url.query_parameters
        half = cookies.value_of(self.router.headers.cookie, cookies.half(settings))
        if not half or tokens.holder_of_half_session(settings, half) is None:
            return rx.redirect("/sign-in", replace=True)
        problem, wait = forms.text(query.get("problem"), 40), forms.text(query.get("wait"), 6)
        facts = {"retry_after": wait, "wait": words.how_long(wait), "bank": settings.name}
        self.problem = say(problem, **facts) if problem in CATALOGUE else ""
        self.seq += 1 if self.problem else 0
        self.next = forms.local_path(query.get("next"), "")
        return None


def sign_in_code() -> rx.Component:
    """The page."""
    return public_shell(
        rx.el.h1("Enter your code"),
        rx.el.p("Your password is right. Now the code that your authenticator app shows.", class_name="muted field"),
        rx.el.div(
            rx.el.form(
                # The field itself takes the focus after a refusal: there is only one.
                posted_problem(CodeState.problem, 0),
                rx.el.div(
                    rx.el.label("Code", html_for="code"),
                    rx.el.p(
                        "Six digits from the app, or one of your recovery codes.",
                        id="code-hint",
                        class_name="hint before",
                    ),
                    rx.el.input(
                        id="code",
                        name="code",
                        auto_complete="one-time-code",
                        spell_check=False,
                        required=True,
                        auto_focus=True,
                        max_length=40,
                        class_name="wide code",
                        custom_attrs={
                            "aria-describedby": "code-hint",
                            "aria-invalid": rx.cond(CodeState.problem != "", "true", "false"),
                            "autoCapitalize": "none",
                        },
                    ),
                    class_name="field",
                ),
                rx.el.input(type="hidden", name="next", value=CodeState.next, read_only=True),
                rx.el.button("Sign in", type="submit", class_name="btn primary lg wide"),
                rx.el.p(
                    link("Start again", to="/sign-in"),
                    rx.el.span("Lost the app and the codes? Ask an operator.", class_name="muted"),
                    class_name="form-links",
                ),
                on_submit=None,
                action="/auth/code",
                method="post",
                class_name="card",
            ),
            class_name="gate single",
        ),
        narrow=True,
    )
