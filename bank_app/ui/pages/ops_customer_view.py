"""How one person's record is drawn for the bank's people. What it knows is in ops_customer."""

from __future__ import annotations

from typing import Any

import reflex as rx

from bank_app.domain.text import CODE_POINTS
from bank_app.services.customer_notes import MAX_NOTE
from bank_app.ui.components.browser import focus_on_change, press_once, route_value
from bank_app.ui.components.desk import columns, crumbs, figure, figures, listing
from bank_app.ui.components.dialogs import dialog, dialog_closer, dialog_opener, reason_field
from bank_app.ui.components.fields import described, error_line, label_for, text_field
from bank_app.ui.components.moving import when
from bank_app.ui.components.parts import (
    badge,
    bone,
    button_link,
    empty,
    failed_panel,
    icon,
    link,
    notice,
    page_head,
    waiting,
)
from bank_app.ui.components.people import asked_for, handed_over, standing_badge
from bank_app.ui.components.rows import recent_rows, row_bones
from bank_app.ui.components.shell import shell
from bank_app.ui.messages import say
from bank_app.ui.pages.accounts import status_badge, unusual_status
from bank_app.ui.pages.ops_customer import RecordState
from bank_app.ui.session import SessionState

_PATH = "/ops/customers"
HINT = "At least 10 characters. It goes into the audit log with your name."


def _head(ready: rx.Var) -> rx.Component:
    person = RecordState.person
    return rx.el.div(
        rx.el.div(
            rx.el.div(
                rx.el.h1(rx.cond(ready, person.name, "Customer")),
                rx.cond(ready, standing_badge(person.standing), rx.fragment()),
                when(ready & (person.role != "customer"), lambda: badge(person.role_word, "shield")),
                class_name="title-line",
            ),
            rx.el.p(rx.cond(ready, person.email, bone("20ch")), class_name="sub"),
            class_name="grow",
        ),
        when(ready & RecordState.may_decide, _actions),
        class_name="page-head",
    )


def _actions() -> rx.Component:
    def opener(symbol: rx.Component, word: str, target: str, first: str = "") -> rx.Component:
        return dialog_opener(
            symbol, word, target=target, first=first, on_press=RecordState.prepare, class_name="btn sm"
        )

    return rx.el.div(
        when(
            RecordState.person.standing == "locked",
            lambda: press_once(
                label="Unlock",
                busy_label="Unlocking…",
                answer=RecordState.answer,
                on_press=RecordState.unlock.temporal,
                class_name="btn sm primary",
            ),
        ),
        when(
            SessionState.role == "admin",
            lambda: button_link("Change role", "/ops/users/" + RecordState.person.id, symbol="shield", style="sm"),
        ),
        opener(icon("user-pen", 16), "Name or email…", "details", "details-name"),
        opener(icon("key-round", 16), "New password…", "password", "password-reason"),
        when(
            RecordState.person.second_step,
            lambda: opener(icon("shield-off", 16), "Turn off two-step sign-in…", "second-step", "second-step-reason"),
        ),
        opener(icon("log-out", 16), "Sign out everywhere…", "sign-out"),
        rx.cond(
            RecordState.person.standing == "disabled",
            opener(icon("check", 16), "Enable sign-in…", "enable", "enable-reason"),
            opener(icon("ban", 16), "Disable sign-in…", "disable", "disable-reason"),
        ),
        class_name="actions",
    )


def _figures(ready: rx.Var) -> rx.Component:
    person = RecordState.person

    def value(text: rx.Var | rx.Component) -> rx.Component:
        return rx.cond(ready, rx.fragment(text), bone("7ch", "1em"))

    return figures(
        figure("In all accounts", value(rx.cond(person.total != "", person.total, "No account"))),
        figure("Accounts", value(person.accounts)),
        figure("Last sign-in", value(person.last_sign_in)),
        figure("Two-step sign-in", value(rx.cond(person.second_step, "On", "Off"))),
        figure("With us since", value(person.joined)),
        label="At a glance",
    )


# --- decisions --------------------------------------------------------------------------------------------


def _decision(name: str, title: str, word: str, busy: str, on_submit: Any, *inside: rx.Component) -> rx.Component:
    state = RecordState
    return dialog(
        rx.el.form(
            when(
                state.refused != "",
                lambda: notice(
                    rx.el.p(state.refused),
                    rx.el.p(state.code, class_name="code mono"),
                    kind="bad",
                    symbol="circle-alert",
                    role="alert",
                ),
            ),
            *inside,
            rx.el.div(
                dialog_closer("Cancel", class_name="btn"),
                press_once(label=word, busy_label=busy, answer=state.answer, kind="submit", class_name="btn primary"),
                class_name="decide",
            ),
            on_submit=on_submit.temporal,
            reset_on_submit=False,
            custom_attrs={"noValidate": True},
        ),
        id=name,
        title=title,
        done=state.done,
    )


def _decisions() -> rx.Component:
    state = RecordState
    return rx.fragment(
        _decision(
            "details", "Change name or email", "Save", "Saving…", state.correct,
            rx.el.p(
                "A new name counts at once, and people who pay ", state.person.first_name, " see it. A new email "
                "counts once it is confirmed under Settings, Profile, with the password.",
            ),
            text_field(
                "Name", "details-name", error=state.name_error, max_length=400, auto_complete="off",
                default_value=state.person.name, key="name" + state.person.name,
            ),
            text_field(
                "Email", "details-email", error=state.email_error, type="email", max_length=254, auto_complete="off",
                default_value=state.person.email, key="email" + state.person.email,
            ),
            reason_field("details-reason", error=state.reason_error, hint=HINT),
        ),
        _decision(
            "disable", "Disable sign-in", "Disable sign-in", "Disabling…", state.disable,
            rx.el.p(state.person.name, " is signed out everywhere and can’t sign in. Money and accounts stay."),
            reason_field("disable-reason", error=state.reason_error, hint=HINT),
        ),
        _decision(
            "enable", "Enable sign-in", "Ask for it", "Asking…", state.enable,
            rx.el.p(state.person.name, " can sign in again with the same password, once a colleague approves it."),
            reason_field("enable-reason", error=state.reason_error, hint=HINT),
        ),
        _decision(
            "sign-out", "Sign out everywhere", "Sign out everywhere", "Signing out…", state.sign_out,
            rx.el.p(
                "Every browser and every program that is signed in as ", state.person.name,
                " has to sign in again. Nothing that was typed is sent.",
            ),
        ),
        _decision(
            "second-step", "Turn off two-step sign-in", "Ask for it", "Asking…", state.end_second_step,
            rx.el.p(
                "For whoever lost both the app and the recovery codes. From then on the password of ",
                state.person.name, " is enough to sign in. A colleague has to approve it, and neither of you "
                "can help with the password then. Make sure that you are talking to the right person.",
            ),
            reason_field("second-step-reason", error=state.reason_error, hint=HINT),
        ),
        _decision(
            "password", "New password", "Ask for it", "Asking…", state.make_link,
            rx.el.p(
                state.person.first_name, " chooses a new password with a code of two halves: you are shown one now, "
                "the colleague who approves it the other. Make sure that you are talking to the right person.",
            ),
            reason_field("password-reason", error=state.reason_error, hint=HINT),
        ),
    )  # fmt: skip


# --- cards ------------------------------------------------------------------------------------------------


def _account(row: rx.Var) -> rx.Component:
    return rx.el.tr(
        rx.el.td(
            link(row.title, to=row.address, id=row.key),
            rx.el.small(row.number, class_name="mono"),
            unusual_status(row.status),
        ),
        rx.el.td(row.kind, class_name="wide-only"),
        rx.el.td(status_badge(row.status), class_name="wide-only"),
        rx.el.td(row.current, class_name="right wide-only"),
        rx.el.td(rx.el.span(row.available, class_name="amount"), class_name="right"),
        key=row.key,
    )


def _accounts(ready: rx.Var) -> rx.Component:
    head = [
        ("Account", ""), ("Kind", "wide-only"), ("Status", "wide-only"), ("Current", "right wide-only"),
        ("Available", "right"),
    ]  # fmt: skip
    table = listing(
        "Accounts of this person",
        columns(*head),
        rx.el.tbody(rx.foreach(RecordState.accounts, _account)),
    )
    return rx.el.section(
        rx.el.header(rx.el.h2("Accounts")),
        rx.cond(
            ready,
            rx.cond(RecordState.accounts.length() > 0, table, empty("No account yet.")),
            rx.el.div(bone("100%", "2.4em"), class_name="pad"),
        ),
        class_name="card",
    )


def _recent(ready: rx.Var) -> rx.Component:
    return rx.el.section(
        rx.el.header(
            rx.el.h2("Recent activity"),
            when(
                ready & (RecordState.recent.length() > 0),
                lambda: link(
                    "All transactions",
                    to="/ops/transactions?customer=" + RecordState.person.email,
                    class_name="btn quiet tiny end",
                ),
            ),
        ),
        rx.cond(
            ready,
            rx.cond(
                RecordState.recent.length() > 0,
                recent_rows(RecordState.recent),
                empty("No money has moved yet."),
            ),
            row_bones(4),
        ),
        class_name="card",
    )


def _note(note: rx.Var) -> rx.Component:
    return rx.el.li(rx.el.p(note.text, class_name="said-of"), rx.el.small(note.by), key=note.key)


def _note_form() -> rx.Component:
    state = RecordState
    return rx.el.form(
        label_for("note", "Add a note"),
        rx.el.textarea(
            id="note",
            name="note",
            rows=3,
            max_length=MAX_NOTE * CODE_POINTS,
            key="note" + state.form_id.to_string(),
            custom_attrs=described("note", state.note_error, hint=True),
        ),
        rx.el.p("Colleagues read it. It can’t be changed or removed.", id="note-hint", class_name="hint"),
        error_line("note", state.note_error),
        press_once(label="Add note", busy_label="Adding…", answer=state.answer, kind="submit", class_name="btn sm"),
        on_submit=state.add_note.temporal,
        reset_on_submit=False,
        class_name="pad note-form",
    )


def _notes(ready: rx.Var) -> rx.Component:
    state = RecordState
    return rx.el.section(
        rx.el.header(rx.el.h2("Notes")),
        when(ready & RecordState.may_note, _note_form),
        rx.cond(
            ready,
            rx.cond(
                state.notes.length() > 0,
                rx.el.ul(rx.foreach(state.notes, _note), class_name="notes"),
                empty("Nobody has written anything down."),
            ),
            rx.el.div(bone("100%", "2.4em"), class_name="pad"),
        ),
        class_name="card",
    )


def _sign_in(one: rx.Var) -> rx.Component:
    return rx.el.li(
        rx.el.b(one.device),
        rx.cond(one.active, badge("Signed in", "check", "ok"), badge("Ended", "")),
        rx.el.p(one.detail),
        key=one.key,
    )


def _sign_ins(ready: rx.Var) -> rx.Component:
    state = RecordState
    return rx.el.section(
        rx.el.header(rx.el.h2("Sign-ins")),
        rx.cond(
            ready,
            rx.cond(
                state.sign_ins.length() > 0,
                rx.el.ul(rx.foreach(state.sign_ins, _sign_in), class_name="happenings"),
                empty("Has never signed in."),
            ),
            rx.el.div(bone("100%", "2.4em"), class_name="pad"),
        ),
        class_name="card",
    )


def _missing() -> rx.Component:
    return rx.fragment(
        page_head("Not found"),
        rx.el.p(say("not_found"), class_name="lead field"),
        button_link("All customers", _PATH, style="primary"),
    )


def _notices(ready: rx.Var) -> rx.Component:
    state = RecordState
    return rx.el.div(
        notice(
            rx.el.p(
                "You’re viewing ",
                rx.cond(ready, state.person.first_name, "a customer"),
                "’s record. This is logged.",
            ),
            symbol="eye",
        ),
        when(
            ready & (state.lock.text != ""),
            lambda: notice(rx.el.p(state.lock.text), kind="warn", symbol="lock"),
        ),
        when(
            ready & (state.approval != ""),
            lambda: asked_for(state.approval, state.half, state.person.name),
        ),
        when(ready & (state.link != ""), lambda: handed_over(state.link, state.link_until, state.person.name)),
        class_name="stack field",
    )


def ops_customer() -> rx.Component:
    """The page."""
    state = RecordState
    whose = route_value("user_id")
    ready = state.shown == whose
    return shell(
        rx.cond(
            (state.missing != "") & (state.missing == whose),
            _missing(),
            rx.fragment(
                crumbs(("Customers", _PATH), here=rx.cond(ready, state.person.name, "Customer")),
                _head(ready),
                rx.cond(state.failed != "", failed_panel(state.failed, state.open), rx.fragment()),
                rx.cond(ready, rx.fragment(), waiting("record")),
                _notices(ready),
                _figures(ready),
                rx.el.div(
                    rx.el.div(_accounts(ready), _recent(ready), class_name="main"),
                    rx.el.div(_notes(ready), _sign_ins(ready), class_name="beside"),
                    class_name="desk-columns",
                ),
                _decisions(),
                # After the dialogs: one that closes gives the focus back to its button first.
                focus_on_change(
                    target=rx.cond(
                        state.half != "", "password-half", rx.cond(state.link != "", "password-link", "asked-for")
                    ),
                    seq=state.link_seq,
                ),
            ),
        ),
        here=_PATH,
    )
