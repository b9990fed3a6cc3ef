"""Setting up a bank that nobody runs yet. The form is posted by the browser itself; no password enters a State."""

from __future__ import annotations

from typing import Any

import reflex as rx

from bank_app.ui import calls, first_run, forms, words
from bank_app.ui.components.browser import password_box
from bank_app.ui.components.parts import icon, waiting
from bank_app.ui.components.settings import posted_problem
from bank_app.ui.components.shell import public_shell
from bank_app.ui.guard import exposed
from bank_app.ui.messages import CATALOGUE, say
from bank_app.ui.pages.not_found import not_found
from bank_app.ui.pages.sign_in import kept

_FIELDS = {
    "SETUP_TOKEN": "token",
    "BANK_NAME_INVALID": "bank_name",
    "BANK_NAME_HIDDEN": "bank_name",
    "BANK_NAME_LONG": "bank_name",
    "NAME_REQUIRED": "name",
    "NAME_HIDDEN": "name",
    "NAME_LONG": "name",
    "EMAIL_INVALID": "email",
    "EMAIL_RESERVED": "email",
    "email_taken": "email",
    "PASSWORD_SHORT": "password",
    "PASSWORD_COMMON": "password",
    "PASSWORD_LONG": "password",
}


class SetupState(rx.State):
    """What was refused, and what was typed except the password."""

    loaded: bool = False
    closed: bool = False
    problem: str = ""
    field: str = ""
    seq: int = 0
    bank_name: str = ""
    name: str = ""
    email: str = ""
    demo_allowed: bool = False
    start: str = "empty"
    currency: str = ""

    @exposed(public=True)
    async def open(self) -> None:
        """Reads what the form's route says about the last try; without anything to set up there is no such page."""
        bank = calls.bank()
        known = await calls.call(first_run.facts, bank.db)
        if not known.waiting:
            self.closed = True
            return
        query = self.router.url.query_parameters
        problem, wait = forms.text(query.get("problem"), 40), forms.text(query.get("wait"), 6)
        self.problem = say(problem, retry_after=wait, wait=words.how_long(wait)) if problem in CATALOGUE else ""
        self.field = _FIELDS.get(problem, "")
        self.seq += 1 if self.problem else 0
        typed = kept(self.router.headers.cookie)
        self.name, self.email = (typed.get(name, "") for name in ("name", "email"))
        self.bank_name = typed.get("bank_name", "") or bank.settings.name
        self.demo_allowed, self.currency = known.demo_allowed, bank.settings.currency
        self.start = "demo" if known.demo_allowed and typed.get("start") == "demo" else "empty"
        self.closed, self.loaded = False, True


def _line(label: str, name: str, value: rx.Var, hint: str = "", **props: Any) -> rx.Component:
    described = {"aria-describedby": f"{name}-hint"} if hint else {}
    return rx.el.div(
        rx.el.label(label, html_for=name),
        *([rx.el.p(hint, id=f"{name}-hint", class_name="hint before")] if hint else []),
        rx.el.input(
            id=name,
            name=name,
            required=True,
            default_value=value,
            key=rx.Var.create(name) + value,
            class_name="wide",
            custom_attrs={**described, "aria-invalid": rx.cond(SetupState.field == name, "true", "false")},
            **props,
        ),
        class_name="field",
    )


def _start(value: str, title: str, says: str) -> rx.Component:
    return rx.el.label(
        rx.el.input(
            type="radio",
            name="start",
            value=value,
            default_checked=SetupState.start == value,
            key=rx.Var.create(value) + SetupState.start,
        ),
        rx.el.span(rx.el.b(title), rx.el.small(says)),
        class_name="choice",
    )


def _form() -> rx.Component:
    return rx.el.form(
        posted_problem(SetupState.problem, SetupState.seq),
        _line(
            "Set-up token",
            "token",
            rx.Var.create(""),
            "In the terminal or the log of the server, on the line starting SETUP TOKEN.",
            auto_complete="off",
            spell_check=False,
            max_length=100,
            auto_focus=True,
        ),
        rx.el.h2("The bank"),
        _line("Name", "bank_name", SetupState.bank_name, max_length=160, auto_complete="organization"),
        rx.cond(
            SetupState.demo_allowed,
            rx.el.fieldset(
                rx.el.legend("Begin with"),
                _start("empty", "Start empty", "Nothing but you. For a real community."),
                _start(
                    "demo",
                    "Fill with demo data",
                    "People to walk in as, and 18 months of pretend money. It can’t be taken out again.",
                ),
                class_name="field",
            ),
            rx.fragment(),
        ),
        rx.el.h2("You, the first admin"),
        _line("Your name", "name", SetupState.name, max_length=400, auto_complete="name"),
        _line("Email", "email", SetupState.email, type="email", max_length=254, auto_complete="username"),
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
        rx.el.button("Set up the bank", type="submit", class_name="btn primary lg wide"),
        on_submit=None,
        action="/auth/setup",
        method="post",
        class_name="card",
    )


def setup() -> rx.Component:
    """The page, until somebody runs the bank."""
    return rx.cond(SetupState.closed, not_found(), _open_page())


def _open_page() -> rx.Component:
    return public_shell(
        rx.el.h1("Set up your bank"),
        rx.el.p("Nobody runs this bank yet. Whoever can read the server's log may.", class_name="muted field"),
        # Not before what it begins with is known: a field that is filled in later would lose what was typed meanwhile.
        rx.el.div(
            rx.cond(
                SetupState.loaded,
                _form(),
                rx.el.div(
                    waiting("the form"),
                    rx.el.span(class_name="bone block", custom_attrs={"style": {"--h": "560px"}}),
                    class_name="card",
                ),
            ),
            class_name="gate single setup",
        ),
        rx.el.p(
            icon("info", 16),
            rx.el.span(
                "Accounts opened without naming a currency are in ",
                SetupState.currency,
                ". BANK_CURRENCY sets another; the rest is in docs/self-hosting.md.",
            ),
            class_name="setting-note",
        ),
        narrow=True,
    )
