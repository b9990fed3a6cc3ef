"""The fields of the forms that ask for an account and an amount, and the page around them."""

from __future__ import annotations

from typing import Any

import reflex as rx

from bank_app.ui.components.browser import address_here
from bank_app.ui.components.fields import amount_field, note_field
from bank_app.ui.components.moving import (
    MAX_NOTE,
    account_picker,
    choice_card,
    room_left,
    sum_line,
    tape,
    unknown_choices,
    when,
)
from bank_app.ui.components.parts import Content, button_link, crumb, empty, notice, waiting
from bank_app.ui.components.shell import shell
from bank_app.ui.session import SessionState


def problem_of(state: Any, name: str) -> rx.Var:
    """The message under a field, or an empty text."""
    return rx.cond(state.errors.contains(name), state.errors[name], "").to(str)


def account_part(state: Any, legend: Content) -> rx.Component:
    """Which account; the field is called `source` whichever way the money goes."""
    return account_picker(legend, "source", state.choices, error=problem_of(state, "source"), on_choose=state.choose)


def amount_part(state: Any, *, verb: str, take_all: Any = None) -> rx.Component:
    """The amount, how it was understood, and shortcuts to fill it in."""
    everything = when(
        state.available != "",
        lambda: rx.el.button("Max (", state.available, ")", type="button", on_click=take_all, class_name="btn sm"),
    )
    shortcuts = rx.fragment(
        *([everything] if take_all is not None else []),
        when(
            state.suggestion != "",
            lambda: rx.el.button(
                "Use ", state.suggestion, type="button", on_click=state.take_suggestion, class_name="btn tint sm"
            ),
        ),
    )
    field = amount_field(
        rx.fragment("Amount in ", state.unit),
        "amount",
        symbol=state.symbol,
        echo=rx.cond(
            state.echo != "",
            rx.fragment(
                verb,
                " ",
                rx.el.b(state.echo),
                when(
                    state.after != "",
                    lambda: rx.el.span(
                        ". Available ",
                        state.available,
                        " · After this ",
                        rx.el.span(state.after, class_name=_tone(state)),
                        class_name="narrow-only",
                    ),
                ),
            ),
            "",
        ),
        error=problem_of(state, "amount"),
        on_blur=state.read,
        beside=shortcuts,
        default_value=state.amount_typed,
    )
    # With what is typed goes how it was meant: the reader may choose other marks elsewhere meanwhile.
    return rx.fragment(field, rx.el.input(type="hidden", name="written", value=state.written, read_only=True))


def note_part(state: Any, label: str) -> rx.Component:
    """A few words for the books."""
    return note_field(
        label,
        "note",
        error=problem_of(state, "note"),
        hint=rx.fragment(f"Up to {MAX_NOTE} characters. ", room_left(target="note", most=MAX_NOTE, from_=20)),
        max_length=560,
        rows=2,
        default_value=state.note_typed,
    )


def _tone(state: Any) -> rx.Var:
    """What an account cannot pay does not look like what it can."""
    return rx.cond(state.too_much, "too-much", "").to(str)


def aside_tape(state: Any, *, empty_words: str) -> rx.Component:
    """What the amount does to the chosen account."""
    return rx.el.aside(
        tape(
            rx.cond(state.account != "", state.account, "Your account"),
            state.lines,
            last=when(state.after != "", lambda: sum_line("After this", state.after, _tone(state))),
            ready=state.account != "",
            empty=empty_words,
        ),
        limits_card("Today’s limit", state.limits, state.limit_used),
        class_name="aside",
        aria_label="Effect on your account",
    )


def limits_card(title: Content, sentences: Any, used: Any) -> rx.Component:
    """What an account may still pay, where something limits it."""
    return when(
        sentences.length() > 0,
        lambda: rx.el.section(
            rx.el.header(rx.el.h2(title, class_name="card-heading")),
            rx.el.progress(value=used, max=100, aria_label="Used of today’s limit", class_name="limit"),
            rx.foreach(sentences, lambda sentence: rx.el.p(sentence, class_name="small")),
            class_name="card limits",
        ),
    )


def way_back() -> rx.Component:
    """Where somebody came from: the ways to move money, or the list of accounts for the bank's people."""
    staff = SessionState.is_staff
    return crumb(rx.cond(staff, "All accounts", "Move money"), rx.cond(staff, "/ops/accounts", "/move"))


def form_page(state: Any, *children: rx.Component, form: rx.Component, aside: rx.Component, none: rx.Component) -> Any:
    """A form that moves money beside what it does; a reason instead where somebody may not."""
    here = address_here()
    return shell(
        way_back(),
        rx.el.span(hidden=True, on_unmount=state.leave),
        *children,
        rx.cond(
            # What was loaded for another address is never filled in: it would be gone in the next moment.
            state.loaded & ((state.shown_at == here) | (state.kept_at == here)),
            rx.cond(
                state.refused != "",
                notice(rx.el.p(state.refused), kind="warn", symbol="lock"),
                rx.cond(state.usable, rx.el.div(form, aside, class_name="split"), none),
            ),
            rx.el.div(
                rx.el.div(
                    waiting("your accounts"),
                    unknown_choices(),
                    class_name="card",
                    custom_attrs={"aria-busy": "true"},
                ),
                class_name="split",
            ),
        ),
        here="/move",
        bar=True,
    )  # fmt: skip


def nothing_to_use(state: Any, verb: str) -> rx.Component:
    """Why there is no form: no account at all, or none that money can move through."""
    return rx.el.div(
        rx.cond(
            state.choices.length() > 0,
            rx.fragment(
                rx.el.p(f"None of these accounts can {verb} money right now."),
                rx.el.div(
                    rx.foreach(state.choices, lambda choice: choice_card("none", choice)),
                    class_name="wide",
                ),
            ),
            empty(
                "Choose an account first.",
                button_link(
                    "Go to the accounts", rx.cond(SessionState.is_staff, "/ops/accounts", "/accounts"), style="primary"
                ),
            ),
        ),
        class_name="card",
    )
