"""For people who cannot sign in: whom to ask, and the page that a link for a new password leads to."""

from __future__ import annotations

import reflex as rx

from bank_app.services import password_links
from bank_app.ui import calls, forms, words
from bank_app.ui.components.browser import password_box
from bank_app.ui.components.parts import button_link, icon, link
from bank_app.ui.components.settings import posted_problem
from bank_app.ui.components.shell import public_shell
from bank_app.ui.components.signing import link_field, link_reader
from bank_app.ui.guard import exposed
from bank_app.ui.messages import CATALOGUE, say


class ResetState(rx.State):
    """Whether the link still opens, and why a password was refused. What the link carries stays in the browser."""

    loaded: bool = False
    good: bool = False
    # A link that does not open; whoever has two halves comes without one.
    bad: bool = False
    problem: str = ""
    seq: int = 0

    @exposed(public=True)
    async def open(self) -> None:
        """Says why a password was refused."""
        query = self.router.url.query_parameters
        problem, wait = forms.text(query.get("problem"), 40), forms.text(query.get("wait"), 6)
        self.problem = say(problem, retry_after=wait, wait=words.how_long(wait)) if problem in CATALOGUE else ""
        self.seq += 1 if self.problem else 0

    @exposed(public=True)
    async def look(self, token: str) -> None:
        """Looks at what the link carries and keeps nothing of it; says nothing about whose it is."""
        sent = forms.text(token, 100)
        self.good = bool(sent) and await calls.read(lambda session: password_links.is_good(session, sent))
        self.bad = bool(sent) and not self.good
        self.loaded = True


def forgot() -> rx.Component:
    """Whom to ask: no link comes by mail alone."""
    return public_shell(
        rx.el.h1("Forgot your password?"),
        rx.el.p(icon("info"), say("NO_EMAIL_HERE"), class_name="notice info field"),
        rx.el.p(
            "Together the halves work once, for 30 minutes; neither works alone, so nobody here comes in as you. "
            "Choosing a password with them signs all your devices out, and for a day little money can leave your "
            "accounts.",
            class_name="muted field",
        ),
        rx.el.div(
            button_link("I have both halves", "/reset", style="primary"),
            button_link("Back to sign in", "/sign-in"),
            class_name="actions",
        ),
        narrow=True,
    )


def _half(name: str, label: str, hint: str = "") -> rx.Component:
    return rx.el.div(
        rx.el.label(label, html_for=name),
        *([rx.el.p(hint, id=f"{name}-hint", class_name="hint before")] if hint else []),
        rx.el.input(
            id=name,
            name=name,
            required=True,
            max_length=40,
            auto_complete="off",
            class_name="mono",
            custom_attrs={
                "autoCapitalize": "characters", "spellCheck": "false",
                **({"aria-describedby": f"{name}-hint"} if hint else {}),
            },
        ),
        class_name="field",
    )  # fmt: skip


def _halves() -> rx.Component:
    return rx.fragment(
        _half(
            "first",
            "First half",
            "Twelve letters and digits, such as 7K2M-9QXD-4HTB. Capitals and hyphens don’t matter.",
        ),
        _half("second", "Second half"),
    )


def _form() -> rx.Component:
    return rx.el.form(
        posted_problem(ResetState.problem, ResetState.seq),
        rx.cond(ResetState.good, link_field(), _halves()),
        rx.el.div(
            rx.el.label("New password", html_for="password"),
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
        rx.el.button("Set password", type="submit", class_name="btn primary lg wide"),
        rx.el.p(
            rx.el.span("All your devices are signed out.", class_name="muted"),
            link("Sign in instead", to="/sign-in"),
            class_name="form-links",
        ),
        on_submit=None,
        action="/auth/reset",
        method="post",
        class_name="card",
    )


def reset() -> rx.Component:
    """Choosing a password with a link, or with the two halves that two operators gave."""
    return public_shell(
        rx.el.h1("Choose a new password"),
        link_reader(on_token=ResetState.look),
        rx.cond(
            ResetState.loaded,
            rx.cond(
                ResetState.bad,
                rx.fragment(
                    rx.el.p(
                        icon("circle-alert"),
                        rx.cond(ResetState.problem != "", ResetState.problem, say("LINK_NOT_VALID")),
                        class_name="notice warn field",
                        role="alert",
                    ),
                    button_link("Back to sign in", "/sign-in"),
                ),
                rx.el.div(_form(), class_name="gate single"),
            ),
            rx.el.p("Looking at your link", role="status", class_name="muted"),
        ),
        narrow=True,
    )
