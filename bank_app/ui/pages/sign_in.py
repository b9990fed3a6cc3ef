"""Signing in: demo people as cards, a password form, and the books for everybody to see."""

from __future__ import annotations

import json
from dataclasses import dataclass
from urllib.parse import unquote

import reflex as rx

from bank_app.demo import PEOPLE
from bank_app.ui import calls, cookies, forms, words
from bank_app.ui.components.books import books_table
from bank_app.ui.components.browser import focus_on_change, password_box
from bank_app.ui.components.parts import button_link, icon, link
from bank_app.ui.components.shell import public_shell
from bank_app.ui.guard import exposed
from bank_app.ui.messages import CATALOGUE, say
from bank_app.ui.session import SessionState


@dataclass(frozen=True)
class Card:
    """A demo person to walk in as."""

    email: str
    first_name: str
    initials: str
    role: str
    story: str
    summary: str


def kept(header: str) -> dict[str, str]:
    """What was typed before a refusal, from the cookie that lasts for one page."""
    try:
        values = json.loads(unquote(cookies.value_of(header, cookies.kept(calls.bank().settings))))
    except ValueError:
        return {}
    return {name: forms.text(value) for name, value in values.items()} if isinstance(values, dict) else {}


class SignInState(rx.State):
    """What the sign-in page says. No password ever comes here: the form is posted by the browser itself."""

    problem: str = ""
    info: str = ""
    email: str = ""
    next: str = ""
    seq: int = 0
    people: list[Card] = []

    @exposed(public=True)
    async def open(self) -> None:
        """Reads the address and shows the demo people when there are any."""
        query = self.router.url.query_parameters
        settings = calls.bank().settings
        problem = forms.text(query.get("problem"), 40)
        wait = forms.text(query.get("wait"), 6)
        facts = {"retry_after": wait, "wait": words.how_long(wait), "bank": settings.name}
        self.problem = say(problem, **facts) if problem in CATALOGUE else ""
        self.info = ""
        ended = "ENDED_" + forms.text(query.get("ended"), 16).upper()
        if ended in CATALOGUE:
            self.info = say(
                ended, bank=settings.name, minutes=settings.session_idle_minutes, hours=settings.session_hours
            )
        elif query.get("done") == "PASSWORD_CHOSEN":
            self.info = say("PASSWORD_CHOSEN")
        self.next = forms.local_path(query.get("next"), "")
        self.email = kept(self.router.headers.cookie).get("email", "")
        self.seq += 1 if self.problem else 0
        self.people = (
            [
                Card(
                    person.email,
                    person.first_name,
                    person.initials,
                    person.title,
                    person.story,
                    person.summary,
                )
                for person in PEOPLE
            ]
            if settings.demo
            else []
        )


def _card(card: rx.Var, index: rx.Var) -> rx.Component:
    return rx.el.form(
        rx.el.div(
            rx.el.span(card.initials, class_name="face large", aria_hidden="true"),
            rx.el.div(rx.el.h2(card.first_name), rx.el.span(card.role, class_name="role")),
            class_name="id",
        ),
        rx.el.p(card.story, class_name="story"),
        rx.el.p(card.summary, class_name="holds"),
        rx.el.input(type="hidden", name="email", value=card.email, read_only=True),
        rx.el.input(type="hidden", name="next", value=SignInState.next, read_only=True),
        rx.el.button("Enter as ", card.first_name, type="submit", class_name=rx.cond(index == 0, "btn tint", "btn")),
        on_submit=None,
        action="/auth/demo",
        method="post",
        class_name="card person",
        key=card.email,
    )


def form_problem() -> rx.Component:
    """The refusal of a form that was posted; takes the focus."""
    return rx.cond(
        SignInState.problem != "",
        rx.el.div(
            focus_on_change(target="problem", seq=SignInState.seq),
            icon("circle-alert"),
            rx.el.div(rx.el.b("There is a problem"), SignInState.problem),
            id="problem",
            tab_index=-1,
            role="alert",
            class_name="notice bad field",
        ),
        rx.fragment(),
    )


def _password_form() -> rx.Component:
    return rx.el.form(
        form_problem(),
        rx.el.div(
            rx.el.label("Email", html_for="email"),
            rx.el.input(
                id="email",
                name="email",
                type="email",
                auto_complete="username",
                required=True,
                max_length=254,
                default_value=SignInState.email,
                key=SignInState.email,
                class_name="wide",
            ),
            class_name="field",
        ),
        rx.el.div(
            rx.el.label("Password", html_for="password"),
            password_box(id="password", name="password", auto_complete="current-password"),
            class_name="field",
        ),
        rx.el.input(type="hidden", name="next", value=SignInState.next, read_only=True),
        rx.el.button("Sign in", type="submit", class_name="btn primary lg wide"),
        rx.el.p(
            link("Forgot password?", to="/forgot"),
            rx.cond(SessionState.sign_up, link("Create account", to="/sign-up"), rx.fragment()),
            class_name="form-links",
        ),
        on_submit=None,
        action="/auth/login",
        method="post",
        class_name="card",
    )


def people_cards(*more: rx.Component) -> rx.Component:
    """The demo people, when there are any, and other ways in beside them."""
    return rx.cond(
        SignInState.people.length() > 0,
        rx.el.section(rx.foreach(SignInState.people, _card), *more, class_name="people", aria_label="Demo people"),
        rx.fragment(),
    )


def _people() -> rx.Component:
    return rx.cond(
        SignInState.people.length() > 0,
        rx.fragment(people_cards(), rx.el.p("or with a password", class_name="or")),
        rx.el.div(class_name="field"),
    )


def sign_in() -> rx.Component:
    """The page."""
    return public_shell(
        rx.cond(
            SignInState.info != "",
            rx.el.p(icon("info"), SignInState.info, class_name="notice info field", role="status"),
            rx.fragment(),
        ),
        rx.el.h1("Sign in"),
        rx.el.p(
            rx.cond(
                SignInState.people.length() > 0,
                "Walk in as someone, or use an email and password.",
                "Use your email and password.",
            ),
            class_name="muted",
        ),
        _people(),
        rx.el.div(_password_form(), books_table(), class_name="gate"),
        beside=rx.cond(SessionState.sign_up, button_link("Create account", "/sign-up"), rx.fragment()),
    )
