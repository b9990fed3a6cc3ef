"""The page that checks: how a draft is drawn. What it knows is in review.py."""

from __future__ import annotations

import reflex as rx

from bank_app.ui.components.browser import focus_on_change, press_once, route_value
from bank_app.ui.components.money_form import limits_card, way_back
from bank_app.ui.components.moving import fact, said, step, sum_line, tape, ticks, when
from bank_app.ui.components.parts import bone, button_link, crumb, icon, link, page_head, waiting
from bank_app.ui.components.shell import shell
from bank_app.ui.messages import say
from bank_app.ui.pages.review import ReviewState

SECONDS_BETWEEN_LOOKS = 15
LOOKS = 40


def _change(what: str) -> rx.Component:
    return when(
        ReviewState.stage != "unsure",
        lambda: link("Change", rx.el.span(f" {what}", class_name="hidden-visually"), to=ReviewState.sheet.change),
    )


def _check() -> rx.Component:
    sheet = ReviewState.sheet
    wrote = rx.el.span("You wrote “", sheet.target, "”.")
    return rx.match(
        sheet.checked,
        ("match", said("ok", "user-round-check", say("NAME_MATCH"), wrote)),
        (
            "none",
            said(
                "warn",
                "user-round-x",
                "The name doesn't match this account.",
                rx.el.span("You wrote “", sheet.target, "” and said that you have checked."),
            ),
        ),
        (
            "fail",
            said("warn", "user-round-search", "The name could not be checked.", "Send only if you trust the number."),
        ),
        rx.fragment(),
    )


def _facts() -> rx.Component:
    sheet = ReviewState.sheet
    return rx.el.section(
        rx.el.dl(
            fact("Amount", rx.el.span(sheet.amount, class_name="big"), change=_change("the amount")),
            fact(
                "From",
                sheet.source,
                " ",
                rx.el.span(sheet.source_ending, class_name="mono"),
                rx.el.small(sheet.source_owner),
                change=_change("the account"),
            ),
            when(
                sheet.kind == "transfer",
                lambda: fact(
                    "To",
                    sheet.target,
                    rx.el.small(sheet.target_number, class_name="mono"),
                    change=_change("the recipient"),
                ),
            ),
            fact(
                rx.cond(sheet.kind == "transfer", "Note for them", "Note"),
                rx.cond(
                    sheet.note != "",
                    rx.el.span(sheet.note, class_name="plain-text"),
                    rx.el.span("None", class_name="plain-text muted"),
                ),
                change=_change("the note"),
            ),
            class_name="facts",
        ),
        _check(),
        when(
            sheet.first,
            lambda: said(
                "warn",
                "triangle-alert",
                rx.el.span("This is your first payment to ", sheet.target, "."),
                "Take a moment. Did they give you this number themselves?",
            ),
        ),
        when(
            sheet.unusual != "",
            lambda: said(
                "warn",
                "triangle-alert",
                "This is more than you usually send.",
                rx.el.span("Take a moment. Usually it is about ", sheet.unusual, "."),
            ),
        ),
        class_name="card flush",
        aria_label="What will happen",
    )


def _answer() -> rx.Component:
    """What the bank said, or why the button is off."""
    state = ReviewState
    return rx.fragment(
        when(
            state.refused != "",
            lambda: rx.el.div(
                focus_on_change(target="refusal", seq=state.answer),
                icon("circle-alert"),
                rx.el.div(
                    rx.el.h2(
                        rx.match(
                            state.stage,
                            ("declined", "Not sent"),
                            ("unsure", "We don't know yet"),
                            rx.cond(state.code == "", "Not received", "Not sent yet"),
                        )
                    ),
                    rx.el.p(state.refused),
                    when(state.code != "", lambda: rx.el.p(state.code, class_name="code mono")),
                    when(state.stage == "declined", _suggestions),
                    when(
                        state.stage == "unsure",
                        lambda: rx.el.p("Looking every few seconds.", role="status", class_name="small"),
                    ),
                ),
                id="refusal",
                tab_index=-1,
                role="alert",
                class_name=rx.cond(state.stage == "unsure", "notice warn answer", "notice bad answer"),
            ),
        ),
        when(
            (state.blocked != "") & (state.stage == "ready"),
            lambda: rx.el.div(
                icon("triangle-alert"),
                rx.el.div(rx.el.p(state.blocked), _suggestions()),
                role="alert",
                class_name="notice warn answer",
            ),
        ),
    )


def _suggestions() -> rx.Component:
    state = ReviewState
    return rx.el.div(
        when(
            state.less != "",
            lambda: press_once(
                label=state.sheet.verb + " " + state.less + " instead",
                busy_label="One moment…",
                answer=state.answer,
                on_press=state.send_less.temporal,
                class_name="btn sm",
            ),
        ),
        link("Change the details", to=state.sheet.change, class_name="btn sm"),
        class_name="actions",
    )


def _buttons() -> rx.Component:
    state = ReviewState
    return when(
        state.stage == "ready",
        lambda: rx.fragment(
            rx.el.div(
                press_once(
                    id="send",
                    label=state.sheet.verb + " " + state.sheet.amount,
                    busy_label="Sending…",
                    answer=state.answer,
                    blocked=state.blocked != "",
                    unknown=state.sheet.unknown,
                    on_press=state.send.temporal,
                    on_lost=state.lost,
                    class_name="btn primary lg",
                ),
                link("Back", to=state.sheet.change, class_name="btn lg"),
                class_name="send-bar reversed",
            ),
            rx.el.p(
                "Pressing ", state.sheet.verb, " twice, reloading or going back will not send it twice.",
                class_name="small muted after-bar",
            ),
        ),
    )  # fmt: skip


def _review() -> rx.Component:
    state, sheet = ReviewState, ReviewState.sheet
    return rx.fragment(
        ticks(
            every=rx.cond(state.stage == "unsure", 2, SECONDS_BETWEEN_LOOKS),
            times=LOOKS,
            seq=state.looks,
            on_tick=state.look.temporal,
        ),
        rx.el.div(
            rx.el.div(_answer(), _facts(), _buttons()),
            rx.el.aside(
                tape(sheet.tape_title, sheet.lines, last=sum_line(sheet.after_label, sheet.after), ready=state.loaded),
                limits_card("Limits", sheet.limits, sheet.limit_used),
                rx.el.p(
                    "This is draft ",
                    rx.el.span(sheet.reference, class_name="mono"),
                    ". It can be sent once; changing anything makes a new one.",
                    class_name="small muted kept",
                ),
                class_name="aside",
                aria_label="Effect on your account",
            ),
            class_name="split",
        ),
    )


def _gone() -> rx.Component:
    return rx.fragment(
        rx.el.p(
            "This was not kept, or it isn't yours. Drafts are kept for a day. No money has moved.",
            class_name="lead field",
        ),
        button_link("Start a new one", "/move", style="primary"),
    )


def _skeleton() -> rx.Component:
    return rx.el.div(
        rx.el.div(
            waiting("what you are about to send"),
            rx.el.dl(*[fact(bone("8ch"), bone("16ch", "1.2em")) for _ in range(4)], class_name="facts"),
            class_name="card flush",
            custom_attrs={"aria-busy": "true"},
        ),
        class_name="split",
    )


def review() -> rx.Component:
    """The page. The heading is one element in every state, because it has the focus."""
    state = ReviewState
    ready = state.loaded & (state.shown == route_value("draft_id"))
    gone = ready & (state.stage == "gone")
    return shell(
        rx.cond(ready & ~gone, crumb("Details", state.sheet.change), way_back()),
        rx.cond(gone, rx.fragment(), step(2, "Check")),
        page_head(rx.cond(gone, "Nothing to check here", rx.cond(ready, state.sheet.heading, "Check"))),
        rx.cond(ready, rx.cond(gone, _gone(), _review()), _skeleton()),
        here="/move",
        bar=True,
    )
