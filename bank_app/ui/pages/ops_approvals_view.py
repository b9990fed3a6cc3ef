"""How requests for approval are drawn. What the pages know is in ops_approvals."""

from __future__ import annotations

import reflex as rx

from bank_app.ui.components.browser import focus_on_change, press_once, route_value
from bank_app.ui.components.desk import columns, crumbs, listing, row_bones
from bank_app.ui.components.dialogs import dialog, dialog_closer, dialog_opener, reason_field
from bank_app.ui.components.moving import when
from bank_app.ui.components.parts import (
    badge,
    bone,
    button_link,
    empty,
    failed_panel,
    icon,
    link,
    load_more,
    notice,
    page_head,
    waiting,
)
from bank_app.ui.components.people import half_shown
from bank_app.ui.components.shell import shell
from bank_app.ui.messages import say
from bank_app.ui.pages.ops_approvals import PATH, ApprovalsState, ApprovalState
from bank_app.ui.pages.ops_customer_view import HINT
from bank_app.ui.pages.ops_transaction_view import kv


def _state(state: rx.Var, word: rx.Var) -> rx.Component:
    return rx.match(
        state,
        ("pending", badge(word, "hourglass", "info")),
        ("done", badge(word, "check", "ok")),
        ("refused", badge(word, "ban", "bad")),
        badge(word, "circle-minus"),
    )


# --- the list ---------------------------------------------------------------------------------------------


def _waiting_row(row: rx.Var) -> rx.Component:
    return rx.el.tr(
        rx.el.td(link(row.title, to=row.address, id="approval-" + row.id), rx.el.small(row.about)),
        rx.el.td(
            rx.cond(row.mine, "You", row.asker), rx.el.small(row.asked), class_name="wide-only",
        ),
        rx.el.td(rx.el.span("“", row.reason, "”", class_name="clamp"), class_name="wide-only"),
        rx.el.td(row.until, class_name="right time"),
        key=row.id,
    )  # fmt: skip


def _decided_row(row: rx.Var) -> rx.Component:
    return rx.el.tr(
        rx.el.td(link(row.title, to=row.address), rx.el.small(row.about)),
        rx.el.td(rx.cond(row.mine, "You", row.asker), rx.el.small(row.asked), class_name="wide-only"),
        rx.el.td(rx.el.span(row.decided, class_name="clamp"), class_name="wide-only"),
        rx.el.td(_state(row.state, row.state_word), class_name="right"),
        key=row.id,
    )


def _card(title: str, name: str, table: rx.Component, nothing: str, rows: rx.Var, *below: rx.Component) -> rx.Component:
    return rx.el.section(
        rx.el.header(rx.el.h2(title, class_name="card-heading", id=name)),
        rx.cond(ApprovalsState.loaded & (rows.length() == 0), empty(nothing), table),
        *below,
        class_name="card flush",
        aria_labelledby=name,
    )


def ops_approvals() -> rx.Component:
    """The list."""
    state = ApprovalsState
    bones = row_bones(("18ch", "10ch", "20ch", "8ch"), 3)
    waits = listing(
        "What waits, newest first",
        columns(("What", ""), ("Asked by", "wide-only"), ("Why", "wide-only"), ("Until", "right")),
        rx.el.tbody(rx.cond(state.loaded, rx.foreach(state.waiting, _waiting_row), bones)),
    )
    decided = listing(
        "What was decided, newest first",
        columns(("What", ""), ("Asked by", "wide-only"), ("Decided", "wide-only"), ("State", "right")),
        rx.el.tbody(rx.cond(state.loaded, rx.foreach(state.decided, _decided_row), bones)),
    )
    return shell(
        page_head(state.heading, sub="One asks, another approves, and then exactly that happens."),
        rx.cond(state.failed != "", failed_panel(state.failed, state.open), rx.fragment()),
        rx.cond(state.loaded, rx.fragment(), waiting("approvals")),
        rx.el.div(
            _card("Waiting", "waiting", waits, "Nothing waits for a second person.", state.waiting),
            _card(
                "Decided", "decided", decided, "Nothing was decided yet.", state.decided,
                load_more(state.more, state.load_more),
            ),
            class_name="stack",
        ),
        here=PATH,
    )  # fmt: skip


# --- one request ------------------------------------------------------------------------------------------


def _fact(line: rx.Var) -> rx.Component:
    return kv(line.name, line.value)


def _happens() -> rx.Component:
    found = ApprovalState.approval
    return rx.el.section(
        rx.el.header(rx.el.h2("What will happen")),
        rx.el.p(found.happens, class_name="pad"),
        rx.el.dl(
            rx.el.div(
                rx.el.dt("About"),
                rx.el.dd(rx.cond(found.about_address != "", link(found.about, to=found.about_address), found.about)),
            ),
            rx.foreach(found.facts, _fact),
            class_name="kv",
        ),
        class_name="card",
    )


def _asked() -> rx.Component:
    found = ApprovalState.approval
    return rx.el.section(
        rx.el.header(rx.el.h2("The request")),
        rx.el.dl(
            kv("Asked by", rx.cond(found.mine, "You", found.asker)),
            kv("When", found.asked),
            kv("Why", "“", found.reason, "”"),
            rx.cond(
                found.state == "pending",
                kv("Expires", found.until),
                rx.cond(found.decided != "", kv("Decided", found.decided), kv("Expired", found.until)),
            ),
            rx.cond(found.answer != "", kv("Answer", "“", found.answer, "”"), rx.fragment()),
            kv("Fingerprint", rx.el.span(found.digest, class_name="hash mono")),
            class_name="kv",
        ),
        rx.el.p(
            "The fingerprint covers all of it and what it was decided upon. If any of that changes, nothing happens.",
            class_name="hint pad",
        ),
        class_name="card",
    )


def _decide() -> rx.Component:
    state, found = ApprovalState, ApprovalState.approval
    return rx.cond(
        found.state == "pending",
        rx.el.div(
            rx.cond(
                found.may_decide,
                rx.fragment(
                    press_once(
                        label="Approve",
                        busy_label="Approving…",
                        answer=state.answer,
                        on_press=state.approve(found.digest).temporal,
                        class_name="btn primary",
                    ),
                    dialog_opener(
                        icon("ban", 16), "Refuse…", target="refuse", first="refuse-reason", on_press=state.prepare,
                        class_name="btn",
                    ),
                ),
                rx.cond(
                    found.mine,
                    rx.fragment(
                        press_once(
                            label="Withdraw",
                            busy_label="Withdrawing…",
                            answer=state.answer,
                            on_press=state.withdraw.temporal,
                            class_name="btn",
                        ),
                        rx.el.span("A colleague has to approve it.", class_name="muted"),
                    ),
                    rx.el.span("Somebody else has to decide about this.", class_name="muted"),
                ),
            ),
            class_name="actions",
        ),
        rx.fragment(),
    )  # fmt: skip


def _refusal() -> rx.Component:
    state = ApprovalState
    return when(
        state.refused != "",
        lambda: notice(
            rx.el.p(state.refused),
            rx.el.p(state.code, class_name="code mono"),
            kind="bad",
            symbol="circle-alert",
            role="alert",
        ),
    )


def _refuse_dialog() -> rx.Component:
    state = ApprovalState
    return dialog(
        rx.el.form(
            rx.el.p("It never happens, and whoever asked sees why."),
            reason_field("refuse-reason", error=state.reason_error, hint=HINT),
            rx.el.div(
                dialog_closer("Cancel", class_name="btn"),
                press_once(
                    label="Refuse", busy_label="Refusing…", answer=state.answer, kind="submit", class_name="btn primary"
                ),
                class_name="decide",
            ),
            on_submit=state.refuse.temporal,
            reset_on_submit=False,
            custom_attrs={"noValidate": True},
        ),
        id="refuse",
        title="Refuse",
        done=state.done,
    )


def ops_approval() -> rx.Component:
    """One request."""
    state, found = ApprovalState, ApprovalState.approval
    which = route_value("approval_id")
    ready = state.shown == which
    missing = rx.fragment(
        page_head("Not found"),
        rx.el.p(say("APPROVAL_GONE"), class_name="lead field"),
        button_link("All approvals", PATH, style="primary"),
    )
    return shell(
        rx.cond(
            (state.missing != "") & (state.missing == which),
            missing,
            rx.fragment(
                crumbs(("Approvals", PATH), here=rx.cond(ready, found.title, "Request")),
                rx.el.div(
                    rx.el.div(
                        rx.el.div(
                            rx.el.h1(rx.cond(ready, found.title, "Request")),
                            rx.cond(ready, _state(found.state, found.state_word), rx.fragment()),
                            class_name="title-line",
                        ),
                        rx.el.p(rx.cond(ready, found.about, bone("20ch")), class_name="sub"),
                        class_name="grow",
                    ),
                    when(ready, _decide),
                    class_name="page-head desk-head",
                ),
                rx.cond(state.failed != "", failed_panel(state.failed, state.open), rx.fragment()),
                rx.cond(ready, rx.fragment(), waiting("request")),
                rx.el.div(
                    _refusal(),
                    when(
                        ready & (state.half != ""),
                        lambda: half_shown(state.half, "second", state.half_until, found.about),
                    ),
                    class_name="stack field",
                ),
                when(
                    ready,
                    lambda: rx.el.div(
                        rx.el.div(_happens(), class_name="main"),
                        rx.el.div(_asked(), class_name="beside"),
                        class_name="desk-columns",
                    ),
                ),
                _refuse_dialog(),
                focus_on_change(target="password-half", seq=state.half_seq),
            ),
        ),
        here=PATH,
    )
