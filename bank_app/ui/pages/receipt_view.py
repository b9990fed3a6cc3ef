"""How a receipt is drawn, on the screen and on paper. What it knows is in receipt.py."""

from __future__ import annotations

import reflex as rx

from bank_app.ui.components.browser import copy_button, press_once, route_value
from bank_app.ui.components.moving import fact, print_button, when
from bank_app.ui.components.parts import badge, bone, button_link, crumb, failed_panel, icon, link, page_head, waiting
from bank_app.ui.components.shell import shell
from bank_app.ui.messages import say
from bank_app.ui.pages.payee_offer import payee_offer
from bank_app.ui.pages.receipt import ReceiptState
from bank_app.ui.session import SessionState


def _head(ready: rx.Var) -> rx.Component:
    """The heading is one element before and after it is known, because it has the focus."""
    paper = ReceiptState.paper
    return rx.el.div(
        rx.el.div(
            rx.el.div(
                rx.cond(ready, badge("Posted", "check", "ok"), bone("9ch", "24px")),
                when(ready & paper.reversed, lambda: badge("Reversed", "undo-2", "warn")),
                class_name="actions",
            ),
            rx.el.h1(
                rx.cond(ready, paper.title, rx.fragment(rx.el.span("Receipt", class_name="hidden-visually"), bone()))
            ),
            rx.el.p(rx.cond(ready, paper.sub, bone("24ch")), class_name="muted"),
            rx.el.p(
                rx.cond(ready, rx.el.span(paper.amount, class_name="total"), bone("6ch", "1em")),
                class_name="display num",
            ),
        ),
        when(
            ready,
            lambda: rx.el.div(
                "Reference",
                rx.el.span(paper.reference, class_name="mono"),
                copy_button(text=paper.reference, label="the reference", class_name="btn quiet tiny"),
                class_name="ref",
            ),
        ),
        class_name="receipt-head",
    )


def _facts() -> rx.Component:
    paper = ReceiptState.paper

    def plain(value: rx.Var) -> rx.Component:
        return rx.el.span(value, class_name="plain-text")

    return rx.el.dl(
        fact("From", paper.source, rx.el.small(paper.source_detail)),
        fact("To", paper.target, rx.el.small(paper.target_detail)),
        when(paper.note != "", lambda: fact("Note", plain(paper.note))),
        fact("Type", plain(paper.kind)),
        when(paper.created != "", lambda: fact("Created", rx.el.span(paper.created, class_name="plain-text num"))),
        fact("Posted", rx.el.span(paper.posted, class_name="plain-text num")),
        when(paper.balance != "", lambda: fact("Balance after", rx.el.span(paper.balance, class_name="num"))),
        class_name="facts",
    )


def _side_row(side: rx.Var) -> rx.Component:
    def way(symbol: str, name: str, kind: str) -> rx.Component:
        return rx.el.span(icon(symbol, 16), name, class_name=f"way-words {kind}".strip())

    return rx.el.tr(
        rx.el.td(rx.el.b(side.owner), rx.el.span(side.account, class_name="small muted")),
        rx.el.td(
            rx.cond(side.incoming, way("arrow-down-left", "Money in", "in"), way("arrow-up-right", "Money out", "")),
            class_name="wide-only",
        ),
        rx.el.td(rx.el.span(side.amount, class_name=rx.cond(side.incoming, "money in", "money")), class_name="right"),
        rx.el.td(
            rx.cond(side.hidden != "", rx.el.span(side.hidden, class_name="subtle"), side.balance),
            class_name="right",
        ),
    )


def _sides() -> rx.Component:
    return rx.el.section(
        rx.el.h2("Both sides"),
        rx.el.table(
            rx.el.thead(
                rx.el.tr(
                    rx.el.th("Account", scope="col"),
                    rx.el.th("Direction", scope="col", class_name="wide-only"),
                    rx.el.th("Entry", scope="col", class_name="right"),
                    rx.el.th("Balance after", scope="col", class_name="right"),
                )
            ),
            rx.el.tbody(rx.foreach(ReceiptState.sides, _side_row)),
            rx.el.tfoot(
                rx.el.tr(
                    rx.el.td("Sum"),
                    rx.el.td(class_name="wide-only"),
                    rx.el.td(rx.el.span(ReceiptState.paper.total, class_name="zero"), class_name="right"),
                    rx.el.td(badge("Balanced", "check", "ok"), class_name="right"),
                )
            ),
            class_name="sides",
        ),
    )


def _timeline() -> rx.Component:
    return rx.el.section(
        rx.el.h2("Timeline"),
        rx.el.ol(
            rx.foreach(
                ReceiptState.events,
                lambda event: rx.el.li(
                    rx.el.span(icon("check", 14), class_name="dot"),
                    rx.el.div(
                        rx.el.b(event.title),
                        rx.el.small(rx.cond(event.address != "", link(event.detail, to=event.address), event.detail)),
                    ),
                    rx.el.span(event.time, class_name="time"),
                ),
            ),
            class_name="timeline",
        ),
    )


def _proof() -> rx.Component:
    state, paper = ReceiptState, ReceiptState.paper
    return rx.el.section(
        rx.el.h2("Audit"),
        rx.el.p(
            paper.place,
            " Both entries carry this fingerprint in their account's chain, so a change would break every entry "
            "after it.",
            class_name="small muted",
        ),
        rx.el.p(
            rx.el.span("Hash", class_name="muted"),
            rx.el.code(paper.hash_short, class_name="mono screen-only"),
            rx.el.code(paper.hash, class_name="mono print-only"),
            copy_button(text=paper.hash, label="the hash", class_name="btn quiet tiny"),
            class_name="hash",
        ),
        rx.el.div(
            press_once(
                label="Verify this record",
                busy_label="Verifying…",
                answer=state.answer,
                on_press=state.verify,
                class_name="btn",
            ),
            rx.el.p(
                when(
                    state.verified != "",
                    lambda: rx.fragment(
                        rx.cond(state.intact, icon("shield-check", 16), icon("shield-alert", 16)), state.verified
                    ),
                ),
                role="status",
                class_name=rx.cond(state.intact, "verdict ok", "verdict bad"),
            ),
            class_name="verify screen-only",
        ),
        rx.el.p(SessionState.bank_name, " · ", paper.address, class_name="print-only muted"),
    )


def _beside() -> rx.Component:
    state, paper = ReceiptState, ReceiptState.paper
    return rx.el.aside(
        rx.el.section(
            rx.el.h2("What next", class_name="card-heading"),
            rx.el.div(
                print_button(icon("printer", 16), "Print or save PDF", class_name="btn"),
                copy_button(icon("link", 16), "Copy link", class_name="btn"),
                payee_offer(route_value("transaction_id")),
                when(paper.again != "", lambda: button_link("Send again", paper.again, symbol="repeat")),
                when(
                    paper.linked != "",
                    lambda: link(icon("undo-2", 16), paper.linked, to=paper.linked_to, class_name="btn"),
                ),
                class_name="buttons",
            ),
            class_name="card",
        ),
        when(
            state.can_repeat,
            lambda: rx.el.section(
                rx.el.h2("Don’t take our word for it", class_name="card-heading"),
                rx.el.p(
                    "Press it: the same request goes to the bank a second time, with the same key.",
                    class_name="small muted",
                ),
                press_once(
                    label="Try to send it twice",
                    busy_label="Sending it again…",
                    answer=state.answer,
                    on_press=state.send_twice.temporal,
                    class_name="btn tint wide",
                ),
                rx.el.div(
                    when(
                        state.replayed != "",
                        lambda: rx.el.div(
                            icon("info"),
                            rx.el.div(rx.el.p(state.replayed), rx.el.p(state.replay_code, class_name="code mono")),
                            class_name="notice info",
                        ),
                    ),
                    role="status",
                ),
                class_name="card twice",
            ),
        ),
        class_name="aside",
        aria_label="What next",
    )


def _receipt(ready: rx.Var) -> rx.Component:
    paper = ReceiptState.paper
    return rx.fragment(
        crumb(rx.cond(ready, paper.back, "Accounts"), rx.cond(ready, paper.back_to, "/accounts")),
        rx.el.div(
            rx.el.article(
                _head(ready),
                rx.cond(
                    ready,
                    rx.fragment(_facts(), _sides(), _timeline(), _proof()),
                    rx.el.div(
                        waiting("the receipt"),
                        rx.el.dl(*[fact(bone("7ch"), bone("16ch", "1.2em")) for _ in range(5)], class_name="facts"),
                        custom_attrs={"aria-busy": "true"},
                    ),
                ),
                class_name="card flush receipt",
            ),
            when(ready, _beside),
            class_name="split paper",
        ),
    )


def _missing() -> rx.Component:
    return rx.fragment(
        page_head("Not found"),
        rx.el.p(say("transaction_not_found"), class_name="lead field"),
        button_link("Go to your accounts", "/accounts", style="primary"),
    )


def receipt() -> rx.Component:
    """The page."""
    state = ReceiptState
    known = state.loaded & (state.shown == route_value("transaction_id"))
    return shell(
        rx.cond(
            known & state.missing,
            _missing(),
            rx.cond(
                known & (state.failed != ""),
                rx.fragment(page_head("Receipt"), failed_panel(state.failed, state.open)),
                _receipt(known),
            ),
        ),
        here="/accounts",
    )
