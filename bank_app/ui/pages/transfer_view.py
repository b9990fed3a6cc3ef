"""The form that sends money, as it is drawn. What it knows is in transfer.py."""

from __future__ import annotations

import reflex as rx

from bank_app.ui.components.browser import focus_on_change, press_once
from bank_app.ui.components.fields import error_line, text_field
from bank_app.ui.components.money_form import (
    account_part,
    amount_part,
    aside_tape,
    form_page,
    note_part,
    nothing_to_use,
    problem_of,
)
from bank_app.ui.components.moving import choice_card, keep_form, number_field, segments, step, when
from bank_app.ui.components.parts import icon, page_head, problem_summary
from bank_app.ui.messages import say
from bank_app.ui.pages.transfer import TransferState
from bank_app.ui.session import SessionState


def _known_card(known: rx.Var) -> rx.Component:
    return rx.el.label(
        rx.el.input(type="radio", name="paid", value=known.number, default_checked=known.chosen),
        rx.el.span(rx.el.b(known.name), rx.el.small(known.grouped, class_name="mono")),
        rx.cond(
            known.last != "",
            rx.el.span(rx.el.small("Last paid"), rx.el.small(known.last), class_name="value num"),
            rx.el.span(rx.el.small("Saved"), class_name="value"),
        ),
        class_name="choice",
        key=known.number,
    )


def _who() -> rx.Component:
    staff = SessionState.is_staff
    words_of = {
        "own": ("own", rx.cond(staff, "Their accounts", "My accounts"), "arrow-left-right"),
        "paid": ("paid", rx.cond(staff, "Someone they’ve paid", "Someone I’ve paid"), "users"),
        "new": ("new", "New number", "plus"),
    }

    def choose(*names: str) -> rx.Component:
        return segments("who", [words_of[name] for name in names], TransferState.who)

    several, known = TransferState.own.length() > 0, TransferState.known.length() > 0
    return rx.cond(
        several & known,
        choose("own", "paid", "new"),
        rx.cond(
            several,
            choose("own", "new"),
            rx.cond(known, choose("paid", "new"), rx.el.input(type="hidden", name="who", value="new", read_only=True)),
        ),
    )


def _new_number() -> rx.Component:
    state = TransferState
    return rx.el.div(
        rx.el.div(
            number_field(
                error=problem_of(state, "number"),
                fits=state.number_fits,
                on_check=state.check_number,
                default_value=state.number_typed,
            ),
            text_field(
                "Name on the account",
                "name",
                error=problem_of(state, "name"),
                hint="We compare it when you continue.",
                auto_complete="off",
                max_length=400,
                default_value=state.name_typed,
            ),
            class_name="pair-fields",
        ),
        _payee_answer(),
        class_name="panel for-new",
    )


def _payee_answer() -> rx.Component:
    state = TransferState
    return when(
        state.payee != "",
        lambda: rx.el.div(
            focus_on_change(target="payee", seq=state.asked),
            icon("user-round-search"),
            rx.el.div(
                rx.el.p(state.payee_text),
                when(
                    state.payee_suggestion != "",
                    lambda: rx.el.div(
                        rx.el.button(
                            "Use ", state.payee_suggestion, type="button", on_click=state.take_name, class_name="btn sm"
                        ),
                        rx.el.button("Change", type="button", on_click=rx.set_focus("name"), class_name="btn quiet sm"),
                        class_name="actions",
                    ),
                ),
                when(
                    state.payee == "none",
                    lambda: rx.fragment(
                        rx.el.label(
                            rx.el.input(
                                type="checkbox",
                                id="checked",
                                name="checked",
                                value="yes",
                                custom_attrs={"aria-describedby": "checked-error"},
                            ),
                            "I've checked and still want to send",
                            class_name="tick",
                        ),
                        error_line("checked", problem_of(state, "checked")),
                    ),
                ),
                when(
                    state.payee == "fail",
                    lambda: rx.el.p("Press Continue again to go on without the check.", class_name="small muted"),
                ),
            ),
            id="payee",
            tab_index=-1,
            role="alert",
            class_name="notice warn",
        ),
    )


def _to() -> rx.Component:
    state = TransferState
    return rx.el.fieldset(
        rx.el.legend("To"),
        _who(),
        when(
            state.own.length() > 0,
            lambda: rx.el.fieldset(
                rx.el.legend("Which of the accounts", class_name="hidden-visually"),
                rx.foreach(state.own, lambda choice: choice_card("own", choice)),
                error_line("own", problem_of(state, "own")),
                id="own",
                class_name="panel for-own",
            ),
        ),
        when(
            state.known.length() > 0,
            lambda: rx.el.fieldset(
                rx.el.legend("Who", class_name="hidden-visually"),
                rx.foreach(state.known, _known_card),
                error_line("paid", problem_of(state, "paid")),
                id="paid",
                class_name="panel for-paid",
            ),
        ),
        _new_number(),
        class_name="field to",
    )


def _form() -> rx.Component:
    state = TransferState
    return rx.el.form(
        keep_form(address=state.kept_at, kind="transfer", reviewed=state.reviewed, on_keep=state.keep),
        problem_summary(state.problems, state.answer, state.code),
        account_part(state, "From"),
        _to(),
        amount_part(state, verb="You’ll send", take_all=state.take_all),
        note_part(state, "Note for them"),
        rx.el.div(
            when(
                state.echo != "",
                lambda: rx.el.span("You’ll send", rx.el.b(state.echo, class_name="num"), class_name="sum"),
            ),
            press_once(
                label="Continue",
                busy_label="Checking…",
                answer=state.answer,
                kind="submit",
                lost=say("LOST_BEFORE_CHECKING"),
                class_name="btn primary lg",
            ),
            rx.el.span("Nothing moves until you press Send on the next page.", class_name="small muted wide-only"),
            class_name="send-bar",
        ),
        on_submit=state.go_on.temporal,
        reset_on_submit=False,
        no_validate=True,
        class_name="card",
        key=state.form_id.to_string(),
    )


def transfer() -> rx.Component:
    """The page."""
    return form_page(
        TransferState,
        step(1, "Details"),
        page_head("Send money"),
        form=_form(),
        aside=aside_tape(TransferState, empty_words="Choose an account to see what this leaves in it."),
        none=nothing_to_use(TransferState, "send"),
    )
