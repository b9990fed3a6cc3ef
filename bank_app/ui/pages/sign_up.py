"""Creating an account for a person. The form is posted by the browser itself; no password enters a State."""

from __future__ import annotations

import reflex as rx

from bank_app.ui import calls, forms
from bank_app.ui.components.browser import focus_on_change, password_box
from bank_app.ui.components.parts import button_link, icon, link
from bank_app.ui.components.shell import public_shell
from bank_app.ui.guard import exposed
from bank_app.ui.messages import CATALOGUE, say
from bank_app.ui.pages.sign_in import kept
from bank_app.ui.session import SessionState

_FIELDS = {
    "NAME_REQUIRED": "name",
    "NAME_HIDDEN": "name",
    "NAME_LONG": "name",
    "EMAIL_INVALID": "email",
    "EMAIL_RESERVED": "email",
    "email_taken": "email",
    "PASSWORD_SHORT": "password",
    "PASSWORD_COMMON": "password",
}


class SignUpState(rx.State):
    """What was refused, and what was typed except the password."""

    problem: str = ""
    field: str = ""
    name: str = ""
    email: str = ""
    seq: int = 0

    @exposed(public=True)
    async def open(self) -> None:
        """Reads what the form's route says about the last try."""
        query = self.router.url.query_parameters
        problem = forms.text(query.get("problem"), 40)
        bank = calls.bank().settings.name
        wait = forms.text(query.get("wait"), 6) or "a few"
        self.problem = say(problem, bank=bank, retry_after=wait) if problem in CATALOGUE else ""
        self.field = _FIELDS.get(problem, "")
        typed = kept(self.router.headers.cookie)
        self.name, self.email = typed.get("name", ""), typed.get("email", "")
        self.seq += 1 if self.problem else 0


def _problem() -> rx.Component:
    return rx.cond(
        SignUpState.problem != "",
        rx.el.div(
            focus_on_change(target="problem", seq=SignUpState.seq),
            icon("circle-alert"),
            rx.el.div(rx.el.b("There is a problem"), SignUpState.problem),
            id="problem",
            tab_index=-1,
            role="alert",
            class_name="notice bad field",
        ),
        rx.fragment(),
    )


def _invalid(name: str) -> dict[str, rx.Var]:
    return {"aria-invalid": rx.cond(SignUpState.field == name, "true", "false")}


def _form() -> rx.Component:
    return rx.el.form(
        _problem(),
        rx.el.div(
            rx.el.label("Name", html_for="name"),
            rx.el.input(
                id="name",
                name="name",
                auto_complete="name",
                required=True,
                max_length=400,
                default_value=SignUpState.name,
                key="name" + SignUpState.name,
                class_name="wide",
                custom_attrs=_invalid("name"),
            ),
            class_name="field",
        ),
        rx.el.div(
            rx.el.label("Email", html_for="email"),
            rx.el.input(
                id="email",
                name="email",
                type="email",
                auto_complete="email",
                required=True,
                max_length=254,
                default_value=SignUpState.email,
                key="email" + SignUpState.email,
                class_name="wide",
                custom_attrs=_invalid("email"),
            ),
            class_name="field",
        ),
        rx.el.div(
            rx.el.label("Password", html_for="password"),
            rx.el.p(say("PASSWORD_SHORT"), id="password-hint", class_name="hint before"),
            password_box(
                id="password",
                name="password",
                auto_complete="new-password",
                described_by="password-hint",
                min_length=12,
            ),
            class_name="field",
        ),
        rx.el.button("Create account", type="submit", class_name="btn primary lg wide"),
        rx.el.p(
            rx.el.span("Have an account?", class_name="muted"), link("Sign in", to="/sign-in"), class_name="form-links"
        ),
        on_submit=None,
        action="/auth/register",
        method="post",
        class_name="card",
    )


def sign_up() -> rx.Component:
    """The page."""
    return public_shell(
        rx.el.h1("Create account"),
        rx.el.p(
            "You begin with one account that holds nothing. Money comes in when somebody sends it.",
            class_name="muted field",
        ),
        rx.cond(
            SessionState.sign_up,
            rx.el.div(_form(), class_name="gate single"),
            rx.el.p(
                icon("info"),
                SessionState.bank_name,
                " is invite-only. Ask an operator for an invitation.",
                class_name="notice info",
            ),
        ),
        beside=button_link("Sign in", "/sign-in"),
        narrow=True,
    )
