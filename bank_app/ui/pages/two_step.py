"""Setting up two-step sign-in, new recovery codes, and turning it off."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import reflex as rx
import segno

from bank_app.errors import BankError
from bank_app.services import second_factor
from bank_app.ui import calls, forms, messages, native_forms, words
from bank_app.ui.components.browser import copy_button, focus_on_change, password_box
from bank_app.ui.components.fields import text_field
from bank_app.ui.components.parts import bone, button_link, failed_panel, icon, waiting
from bank_app.ui.components.settings import card, posted_problem, settings_page
from bank_app.ui.components.shell import public_shell
from bank_app.ui.components.signing import download_text
from bank_app.ui.guard import exposed
from bank_app.ui.messages import CATALOGUE, say
from bank_app.ui.notices import notify
from bank_app.ui.session import actor_of


class TwoStepState(rx.State):
    """Where somebody is on the way; the key and the codes are on the page of their owner and nowhere else."""

    loaded: bool = False
    failed: str = ""
    on: bool = False
    demanded: bool = False
    home: str = "/home"
    problem: str = ""
    seq: int = 0
    key: str = ""
    picture: str = ""
    codes: list[str] = []
    codes_file: str = ""
    error: str = ""
    off_error: str = ""
    new_error: str = ""
    answer: int = 0

    @exposed(enrolling=True)
    async def open(self) -> None:
        """Finds out how far it is."""
        query = self.router.url.query_parameters
        problem, wait = forms.text(query.get("problem"), 40), forms.text(query.get("wait"), 6)
        facts = {"retry_after": wait, "wait": words.how_long(wait), "bank": calls.bank().settings.name}
        self.problem = say(problem, **facts) if problem in CATALOGUE else ""
        self.seq += 1 if self.problem else 0
        self.codes, self.codes_file = [], ""
        self.error = self.off_error = self.new_error = ""
        await self._load()

    @exposed(enrolling=True)
    async def confirm(self, form: dict) -> None:
        """Turns it on with a first code."""
        fresh, self.error = await self._try(second_factor.confirm, form)
        if fresh:
            await self._show(fresh)
            await notify(self, say("TWOFA_ON"))

    @exposed
    async def renew(self, form: dict) -> None:
        """Makes new recovery codes."""
        fresh, self.new_error = await self._try(second_factor.renew_recovery_codes, form)
        if fresh:
            await self._show(fresh)
            await notify(self, say("RECOVERY_CODES_NEW"))

    @exposed
    async def turn_off(self, form: dict) -> Any:
        """Turns it off."""
        _, self.off_error = await self._try(second_factor.turn_off, form)
        if self.off_error:
            return None
        return rx.redirect("/settings/security?done=TWOFA_OFF", replace=True)

    async def _try(self, attempt: Callable[..., Any], form: dict) -> tuple[tuple[str, ...], str]:
        """What came of a code, and what is wrong with it."""
        actor, bank = await actor_of(self), calls.bank()
        self.answer += 1
        try:
            return await calls.call(attempt, bank.db, actor, code=forms.field(form, "code", 40)) or (), ""
        except BankError as error:
            wait = words.how_long(str(error.details.get("retry_after", "")))
            problem = native_forms.problem_of(error)
            return (), messages.refusal(error, variant=problem, wait=wait, bank=bank.settings.name).text

    async def _show(self, fresh: tuple[str, ...]) -> None:
        name = calls.bank().settings.name
        self.codes = list(fresh)
        self.codes_file = "\n".join((f"Recovery codes for {name}", "Each works once.", "", *fresh, ""))
        await self._load()

    async def _load(self) -> None:
        actor, db = await actor_of(self), calls.bank().db
        try:
            status = await calls.read(lambda session: second_factor.status(session, actor))
            begun = await calls.call(second_factor.enrolment, db, actor)
        except BankError as error:
            self.failed = messages.refusal(error).text
            return
        self.on, self.demanded = status.on_since is not None, calls.bank().settings.demands_second_step(actor.role)
        self.home = "/ops" if actor.role.sees_every_account else "/home"
        self.key = begun.key if begun else ""
        # Dark on light in either theme, because cameras want it so.
        self.picture = segno.make(begun.address, error="m").svg_data_uri(scale=4, light="#fff") if begun else ""
        self.loaded, self.failed = True, ""


def _begin() -> rx.Component:
    return card(
        "Set it up",
        rx.el.ol(
            rx.el.li("Give your password, so that nobody else does this at your open screen."),
            rx.el.li("Scan a picture with an authenticator app, or type its key."),
            rx.el.li("Enter the code that the app shows. Your other devices are signed out then."),
            class_name="steps-list",
        ),
        rx.el.form(
            rx.el.div(
                rx.el.label("Your password", html_for="password"),
                password_box(id="password", name="password", auto_complete="current-password"),
                class_name="field",
            ),
            rx.el.button("Continue", type="submit", class_name="btn primary"),
            on_submit=None,
            action="/auth/second-step",
            method="post",
            class_name="slim",
        ),
        name="begin",
    )


def _code_field(name: str, label: str, error: rx.Var, hint: str) -> rx.Component:
    return rx.el.div(
        focus_on_change(target=name, seq=rx.cond(error != "", TwoStepState.answer, 0)),
        text_field(
            label,
            name,
            error=error,
            hint=hint,
            auto_complete="one-time-code",
            spell_check=False,
            max_length=40,
            required=True,
            custom_attrs={"autoCapitalize": "none"},
        ),
        class_name="code-field",
    )


def _form(field: rx.Component, label: str, handler: Any, style: str) -> rx.Component:
    return rx.el.form(
        field,
        rx.el.button(label, type="submit", class_name=f"btn {style}"),
        on_submit=handler.temporal,
        reset_on_submit=False,
        class_name="slim",
    )


def _confirm() -> rx.Component:
    return card(
        "Tell your app",
        rx.el.p("Scan this with an authenticator app such as the one your phone or password manager has."),
        rx.el.div(
            rx.el.img(
                src=TwoStepState.picture,
                alt="The key for your app as a picture; it is below as text, too.",
                class_name="qr",
                width=212,
                height=212,
            ),
            rx.el.div(
                rx.el.p("Or type this key:", class_name="muted"),
                rx.el.code(TwoStepState.key, id="key", class_name="key"),
                copy_button(text=TwoStepState.key, label="key", class_name="btn sm"),
            ),
            class_name="tell",
        ),
        _form(
            _code_field("code", "Code from the app", TwoStepState.error, "Six digits; a new one every 30 seconds."),
            "Turn on",
            TwoStepState.confirm,
            "primary",
        ),
        name="tell",
    )


def _codes(kept: rx.Component) -> rx.Component:
    return card(
        "Your recovery codes",
        rx.el.p(
            "Each signs you in once when you do not have your phone. They are shown this one time: keep them where you "
            "keep papers, not on the phone."
        ),
        rx.el.ol(
            rx.foreach(TwoStepState.codes, lambda code: rx.el.li(rx.el.code(code))),
            class_name="recovery",
            id="recovery",
        ),
        rx.el.div(
            download_text(
                icon("download", 16), "Download", text=TwoStepState.codes_file, name="recovery-codes.txt",
                class_name="btn primary",
            ),
            copy_button(text=TwoStepState.codes_file, label="recovery codes", class_name="btn"),
            kept,
            class_name="actions",
        ),
        name="codes",
    )  # fmt: skip


def _on() -> rx.Component:
    return rx.fragment(
        card(
            "New recovery codes",
            rx.el.p("Ten fresh ones; those before stop working.", class_name="muted"),
            _form(
                rx.el.div(
                    focus_on_change(
                        target="new-code", seq=rx.cond(TwoStepState.new_error != "", TwoStepState.answer, 0)
                    ),
                    _named_code("new-code", TwoStepState.new_error),
                ),
                "Make new codes",
                TwoStepState.renew,
                "",
            ),
            name="new-codes",
        ),
        rx.cond(
            TwoStepState.demanded,
            card("Turn off", rx.el.p(say("TWOFA_DEMANDED"), class_name="muted"), name="turn-off"),
            _turn_off(),
        ),
    )


def _turn_off() -> rx.Component:
    return card(
        "Turn off",
        rx.el.p("From then on your password alone is enough to sign in.", class_name="muted"),
        _form(
            rx.el.div(
                focus_on_change(target="off-code", seq=rx.cond(TwoStepState.off_error != "", TwoStepState.answer, 0)),
                _named_code("off-code", TwoStepState.off_error),
            ),
            "Turn off two-step sign-in",
            TwoStepState.turn_off,
            "danger",
        ),
        name="turn-off",
    )


def _named_code(name: str, error: rx.Var) -> rx.Component:
    """A code field whose id differs from its name, because two of them are on one page."""
    return rx.el.div(
        rx.el.label("Code from the app, or a recovery code", html_for=name),
        rx.el.input(
            id=name,
            name="code",
            auto_complete="one-time-code",
            spell_check=False,
            max_length=40,
            required=True,
            custom_attrs={
                "aria-describedby": f"{name}-error",
                "aria-invalid": rx.cond(error != "", "true", "false"),
                "autoCapitalize": "none",
            },
        ),
        rx.el.p(
            rx.cond(error != "", rx.fragment(icon("circle-alert", 16), error), ""),
            id=f"{name}-error",
            class_name="field-error",
        ),
        class_name="field",
    )


def _steps(kept: rx.Component, once_on: rx.Component) -> rx.Component:
    """Where somebody is on the way, and what is shown once it is on."""
    return rx.fragment(
        posted_problem(TwoStepState.problem, TwoStepState.seq),
        rx.cond(
            TwoStepState.failed != "",
            failed_panel(TwoStepState.failed, TwoStepState.open),
            rx.cond(
                TwoStepState.loaded,
                rx.cond(
                    TwoStepState.codes.length() > 0,
                    _codes(kept),
                    rx.cond(TwoStepState.on, once_on, rx.cond(TwoStepState.key != "", _confirm(), _begin())),
                ),
                rx.el.div(bone("100%", "12em"), waiting("two-step sign-in"), class_name="card"),
            ),
        ),
    )


def two_step() -> rx.Component:
    """The page."""
    return settings_page(
        "Two-step sign-in",
        "/settings/security",
        _steps(button_link("I have kept them", "/settings/security"), _on()),
        below="Security",
    )


def enrol() -> rx.Component:
    """The only page of somebody who must sign in in two steps here, until he can."""
    onwards = rx.el.a("I have kept them, go on", href=TwoStepState.home, class_name="btn")
    return public_shell(
        rx.el.h1("Set up two-step sign-in"),
        rx.el.p(say("TWOFA_FIRST"), class_name="muted field"),
        rx.el.div(
            _steps(
                onwards,
                card(
                    "All set",
                    rx.el.p(say("TWOFA_ON")),
                    rx.el.a("Go on", href=TwoStepState.home, class_name="btn primary"),
                    name="set",
                ),
            ),
            class_name="enrolling",
        ),
        beside=rx.el.form(
            rx.el.button("Sign out", type="submit", class_name="btn"),
            on_submit=None,
            action="/auth/logout",
            method="post",
        ),
        narrow=True,
    )
