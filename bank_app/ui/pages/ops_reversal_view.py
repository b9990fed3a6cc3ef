"""How the page that reverses a transaction is drawn. What it knows is in ops_reversal.py."""

from __future__ import annotations

import reflex as rx

from bank_app.domain.text import CODE_POINTS
from bank_app.services.reasons import Cause
from bank_app.ui.components.browser import focus_on_change, press_once, route_value
from bank_app.ui.components.desk import columns, crumbs, posted_badge
from bank_app.ui.components.fields import described, error_line, label_for
from bank_app.ui.components.live import freshness
from bank_app.ui.components.moving import ticks, when
from bank_app.ui.components.parts import (
    bone,
    failed_panel,
    icon,
    link,
    notice,
    page_head,
    problem_summary,
    waiting,
)
from bank_app.ui.components.shell import shell
from bank_app.ui.pages.ops_reversal import LONGEST, ReversalState
from bank_app.ui.pages.ops_transaction_view import kv, not_there
from bank_app.ui.transaction_filters import PATH


def _effect_row(effect: rx.Var) -> rx.Component:
    return rx.el.tr(
        rx.el.td(
            rx.el.b(effect.owner),
            rx.el.small(rx.cond(effect.address != "", link(effect.account, to=effect.address), effect.account)),
        ),
        rx.el.td(effect.before, class_name="right wide-only"),
        rx.el.td(
            rx.el.span(
                rx.cond(effect.incoming, icon("arrow-down-left", 16), icon("arrow-up-right", 16)),
                rx.el.span(rx.cond(effect.incoming, "Money in", "Money out"), class_name="hidden-visually"),
                effect.change,
                class_name=rx.cond(effect.incoming, "way-words money in", "way-words money"),
            ),
            class_name="right",
        ),
        rx.el.td(
            rx.el.span(effect.after, class_name="amount"),
            class_name="right wide-only",
        ),
    )


def _effects(ready: rx.Var) -> rx.Component:
    state, sheet = ReversalState, ReversalState.sheet
    head = [
        ("Account", ""), ("Available now", "right wide-only"), ("Change", "right"),
        ("Available after", "right wide-only"),
    ]  # fmt: skip
    return rx.el.section(
        rx.el.header(rx.el.h2("What it will do"), rx.el.span(freshness(), class_name="end")),
        rx.el.table(
            columns(*head),
            rx.el.tbody(
                rx.cond(
                    ready,
                    rx.foreach(state.effects, _effect_row),
                    rx.fragment(
                        *[
                            rx.el.tr(
                                rx.el.td(bone("16ch")),
                                rx.el.td(bone("8ch"), class_name="right wide-only"),
                                rx.el.td(bone("8ch"), class_name="right"),
                                rx.el.td(bone("8ch"), class_name="right wide-only"),
                            )
                            for _ in range(2)
                        ]
                    ),
                )
            ),
            rx.el.tfoot(
                rx.el.tr(
                    rx.el.td("Both sides together"),
                    rx.el.td(when(sheet.before != "", lambda: rx.el.span(sheet.before)), class_name="right wide-only"),
                    rx.el.td(rx.cond(ready, rx.el.span(sheet.zero), bone("6ch")), class_name="right"),
                    rx.el.td(when(sheet.after != "", lambda: rx.el.span(sheet.after)), class_name="right wide-only"),
                )
            ),
            class_name="listing desk",
        ),
        class_name="card",
    )


def _why() -> rx.Component:
    state = ReversalState
    return rx.el.section(
        rx.el.header(rx.el.h2("Why")),
        rx.el.div(
            rx.el.fieldset(
                rx.el.legend("Category"),
                rx.el.div(
                    *[
                        rx.el.label(rx.el.input(type="radio", name="cause", value=cause.value), cause.words)
                        for cause in Cause
                    ],
                    class_name="opts",
                ),
                error_line("cause", state.cause_error),
                id="cause",
                class_name="field",
                custom_attrs={"aria-describedby": "cause-error"},
            ),
            rx.el.div(
                label_for("reason", "Reason"),
                rx.el.textarea(
                    id="reason",
                    name="reason",
                    rows=3,
                    max_length=LONGEST * CODE_POINTS,
                    custom_attrs=described("reason", state.reason_error, hint=True),
                ),
                rx.el.p(
                    "Goes into the audit log with your name. At least 10 characters.",
                    id="reason-hint",
                    class_name="hint",
                ),
                error_line("reason", state.reason_error),
                class_name="field",
            ),
            rx.el.div(
                rx.el.h3("Amount"),
                rx.el.p(
                    rx.el.b(state.sheet.amount),
                    rx.el.span("in full. A reversal always mirrors the whole of it.", class_name="muted"),
                    class_name="in-full",
                ),
            ),
            class_name="pad",
        ),
        class_name="card",
    )


def _told() -> rx.Component:
    return when(
        ReversalState.told.length() > 0,
        lambda: rx.el.section(
            rx.el.header(rx.el.h2("Who will be told")),
            rx.el.dl(
                rx.foreach(ReversalState.told, lambda told: kv(told.name, "“", told.text, ".”")),
                class_name="kv told",
            ),
            class_name="card",
        ),
    )


def _answer() -> rx.Component:
    state = ReversalState
    return rx.fragment(
        problem_summary(state.problems, state.answer),
        when(
            state.refused != "",
            lambda: rx.el.div(
                focus_on_change(target="refusal", seq=state.answer),
                icon("circle-alert"),
                rx.el.div(
                    rx.el.h2(rx.cond(state.stage == "unsure", "We don't know yet", "Not reversed")),
                    rx.el.p(state.refused),
                    when(state.code != "", lambda: rx.el.p(state.code, class_name="code mono")),
                ),
                id="refusal",
                tab_index=-1,
                role="alert",
                class_name=rx.cond(state.stage == "unsure", "notice warn answer", "notice bad answer"),
            ),
        ),
        when(
            (state.blocked != "") & (state.refused == "") & (state.stage == "ready"),
            lambda: rx.el.div(
                icon("triangle-alert"),
                rx.el.div(rx.el.p(state.blocked)),
                role="alert",
                class_name="notice warn answer",
            ),
        ),
    )


def _form(ready: rx.Var) -> rx.Component:
    state = ReversalState
    return rx.el.form(
        _answer(),
        _effects(ready),
        when(ready, lambda: rx.fragment(_why(), _told())),
        when(ready & (state.stage == "ready"), _press),
        on_submit=state.send.temporal,
        reset_on_submit=False,
        class_name="main",
    )


def _press() -> rx.Component:
    state = ReversalState
    return rx.el.div(
        press_once(
            id="reverse",
            kind="submit",
            label="Reverse " + state.sheet.amount,
            busy_label="Reversing…",
            answer=state.answer,
            blocked=state.blocked != "",
            class_name="btn primary lg",
        ),
        link("Cancel", to=state.sheet.back, class_name="btn lg"),
        rx.el.span("Checked again at the moment you press. Pressing twice reverses once.", class_name="small muted"),
        class_name="press",
    )


def _original() -> rx.Component:
    sheet = ReversalState.sheet
    return rx.el.section(
        rx.el.header(
            rx.el.h2("The original"),
            rx.el.span(posted_badge(sheet.is_reversed), class_name="end"),
        ),
        rx.el.div(rx.el.b(sheet.amount), rx.el.span(sheet.story, class_name="small muted"), class_name="sum-up"),
        rx.el.dl(
            kv("Reference", link(sheet.reference, to=sheet.back, class_name="mono")),
            kv("Posted", sheet.posted),
            when(sheet.note != "", lambda: kv("Note", "“", sheet.note, "”")),
            kv("Asked for by", sheet.initiator),
            when(sheet.key != "", lambda: kv("Key", rx.el.span(sheet.key, class_name="mono"))),
            class_name="kv",
        ),
        class_name="card",
    )


def _checked() -> rx.Component:
    return rx.el.section(
        rx.el.header(rx.el.h2("Checked before you post")),
        rx.el.ul(
            rx.foreach(
                ReversalState.checks,
                lambda check: rx.el.li(
                    rx.cond(check.ok, icon("check", 18), icon("circle-x", 18)),
                    rx.el.span(
                        rx.cond(check.ok, "", rx.el.span("In the way: ", class_name="hidden-visually")), check.text
                    ),
                    class_name=rx.cond(check.ok, "", "off"),
                ),
            ),
            class_name="checks",
        ),
        class_name="card",
    )


def _nothing_to_press() -> rx.Component:
    """An auditor, a reversal, or something that was reversed before."""
    state = ReversalState
    return rx.el.div(
        rx.match(
            state.stage,
            (
                "already",
                notice(
                    rx.el.p(state.already),
                    rx.el.div(
                        link("See the reversal", to=state.already_address, class_name="btn sm"), class_name="actions"
                    ),
                    kind="warn",
                    symbol="undo-2",
                ),
            ),
            (
                "forbidden",
                notice(
                    rx.el.p(state.blocked), rx.el.p("forbidden", class_name="code mono"), kind="info", symbol="lock"
                ),
            ),
            notice(rx.el.p(state.blocked), kind="info"),
        ),
        class_name="field",
    )


def _page(known: rx.Var) -> rx.Component:
    state, sheet = ReversalState, ReversalState.sheet
    pressable = (state.stage == "ready") | (state.stage == "unsure")
    ready = known & (state.failed == "")
    seen = ready & pressable
    return rx.fragment(
        crumbs(
            ("Transactions", PATH),
            (rx.cond(ready, sheet.reference, "Transaction"), rx.cond(ready, sheet.back, PATH)),
            here="Reverse",
        ),
        page_head(
            rx.cond(ready, rx.Var.create("Reverse this ") + sheet.noun, "Reverse"),
            sub="A reversal is a new transaction that mirrors this one. Nothing is edited or deleted.",
        ),
        when(known & (state.failed != ""), lambda: failed_panel(state.failed, state.open)),
        rx.cond(known, rx.fragment(), waiting("the transaction")),
        when(ready & ~pressable, _nothing_to_press),
        ticks(every=2, times=rx.cond(state.stage == "unsure", 30, 0), seq=state.looks, on_tick=state.look.temporal),
        rx.cond(
            ready & ~pressable,
            rx.el.div(rx.el.div(_original(), class_name="main"), class_name="desk-columns alone"),
            rx.el.div(
                _form(seen),
                rx.el.div(
                    when(ready, _original), when(seen & (state.checks.length() > 0), _checked), class_name="beside"
                ),
                class_name="desk-columns",
            ),
        ),
    )


def ops_reversal() -> rx.Component:
    """The page."""
    state = ReversalState
    known = state.loaded & (state.shown == route_value("transaction_id"))
    return shell(
        rx.cond(known & (state.stage == "missing"), not_there(), _page(known)),
        here=PATH,
    )
