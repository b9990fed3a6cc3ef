"""How one transaction is drawn for the bank's people. What it knows is in ops_transaction.py."""

from __future__ import annotations

import reflex as rx

from bank_app.ui.components.browser import copy_button, route_value
from bank_app.ui.components.desk import columns, crumbs, posted_badge
from bank_app.ui.components.moving import when
from bank_app.ui.components.parts import badge, bone, button_link, failed_panel, icon, link, notice, page_head, waiting
from bank_app.ui.components.shell import shell
from bank_app.ui.messages import say
from bank_app.ui.pages.ops_transaction import TransactionFileState
from bank_app.ui.session import SessionState
from bank_app.ui.transaction_filters import PATH


def kv(label: str, *value: rx.Component | rx.Var | str) -> rx.Component:
    """One line of facts beside a page."""
    return rx.el.div(rx.el.dt(label), rx.el.dd(*value))


def _entry(entry: rx.Var) -> rx.Component:
    def way(symbol: str, name: str, kind: str) -> rx.Component:
        return rx.el.span(icon(symbol, 16), name, class_name=f"way-words {kind}".strip())

    return rx.el.tr(
        rx.el.td(
            rx.cond(entry.owner_address != "", link(entry.owner, to=entry.owner_address), rx.el.b(entry.owner)),
            rx.el.small(
                rx.cond(entry.account_address != "", link(entry.account, to=entry.account_address), entry.account)
            ),
        ),
        rx.el.td(
            rx.cond(
                entry.incoming,
                way("arrow-down-left", "Credit", "in"),
                way("arrow-up-right", "Debit", ""),
            ),
            class_name="wide-only",
        ),
        rx.el.td(rx.el.span(entry.amount, class_name=rx.cond(entry.incoming, "money in", "money")), class_name="right"),
        rx.el.td(entry.balance, class_name="right wide-only"),
        rx.el.td(
            entry.place,
            rx.el.small(rx.el.code(entry.hash, class_name="mono", title=entry.full_hash)),
            class_name="wide-only",
        ),
    )


def _entries(ready: rx.Var) -> rx.Component:
    state = TransactionFileState
    head = [
        ("Account", ""), ("Direction", "wide-only"), ("Entry", "right"), ("Balance after", "right wide-only"),
        ("Place", "wide-only"),
    ]  # fmt: skip
    return rx.el.section(
        rx.el.header(
            rx.el.h2("Both entries"),
            rx.cond(ready, rx.el.span(badge("Balanced", "check", "ok"), class_name="end"), rx.fragment()),
        ),
        rx.el.table(
            columns(*head),
            rx.el.tbody(
                rx.cond(
                    ready,
                    rx.foreach(state.entries, _entry),
                    rx.fragment(*[rx.el.tr(rx.el.td(bone("18ch")), rx.el.td(bone("9ch"))) for _ in range(2)]),
                )
            ),
            rx.el.tfoot(
                rx.el.tr(
                    rx.el.td("Sum"),
                    rx.el.td(class_name="wide-only"),
                    rx.el.td(rx.cond(ready, rx.el.span(state.sheet.total), bone("6ch")), class_name="right"),
                    rx.el.td(class_name="wide-only"),
                    rx.el.td(class_name="wide-only"),
                )
            ),
            class_name="listing desk",
        ),
        class_name="card",
    )


def _timeline() -> rx.Component:
    return rx.el.section(
        rx.el.header(rx.el.h2("Timeline")),
        rx.el.ol(
            rx.foreach(
                TransactionFileState.events,
                lambda event: rx.el.li(
                    rx.el.span(icon("check", 14), class_name="dot"),
                    rx.el.span(
                        rx.el.b(event.title),
                        rx.el.small(
                            rx.cond(event.address != "", link(event.detail, to=event.address), event.detail),
                        ),
                    ),
                    rx.el.span(event.time, class_name="time"),
                ),
            ),
            class_name="timeline pad",
        ),
        class_name="card",
    )


def _hash() -> rx.Component:
    sheet = TransactionFileState.sheet
    return rx.el.section(
        rx.el.header(rx.el.h2("Fingerprint")),
        rx.el.div(
            rx.el.p(
                "Both entries carry it in their account’s chain, so a change would break every entry after it.",
                class_name="small muted field",
            ),
            rx.el.p(
                rx.el.span("Hash", class_name="muted"),
                rx.el.code(sheet.hash_short, class_name="mono"),
                copy_button(text=sheet.hash, label="the hash", class_name="btn quiet tiny"),
                class_name="hash",
            ),
            class_name="pad",
        ),
        class_name="card",
    )


def _facts() -> rx.Component:
    sheet = TransactionFileState.sheet
    return rx.el.section(
        rx.el.header(
            rx.el.h2("On file"),
            rx.el.span(posted_badge(sheet.reversed != ""), class_name="end"),
        ),
        rx.el.div(rx.el.b(sheet.amount), rx.el.span(sheet.kind, class_name="small muted"), class_name="sum-up"),
        rx.el.dl(
            kv(
                "Reference",
                rx.el.span(sheet.reference, class_name="mono"),
                copy_button(text=sheet.reference, label="the reference", class_name="btn quiet tiny"),
            ),
            kv("Posted", sheet.posted),
            when(sheet.note != "", lambda: kv("Note", "“", sheet.note, "”")),
            kv(
                "Asked for by",
                rx.cond(
                    sheet.initiator_address != "", link(sheet.initiator, to=sheet.initiator_address), sheet.initiator
                ),
                rx.el.small(sheet.initiator_role),
            ),
            kv(
                "Key",
                rx.cond(
                    sheet.key != "",
                    rx.el.span(sheet.key, class_name="mono"),
                    rx.el.span("Sent without a key", class_name="muted"),
                ),
            ),
            when(sheet.origin != "", lambda: kv("Address", rx.el.span(sheet.origin, class_name="mono"))),
            when(sheet.request != "", lambda: kv("Request", rx.el.span(sheet.request, class_name="mono"))),
            when(sheet.reason != "", lambda: kv("Reason", "“", sheet.reason, "”")),
            when(sheet.hold != "", lambda: kv("Hold", rx.el.span(sheet.hold, class_name="mono"))),
            when(sheet.audit != "", lambda: kv("Audit", link("Records in the audit trail", to=sheet.audit))),
            kv(
                "Id",
                rx.el.span(sheet.id, class_name="mono"),
                copy_button(text=sheet.id, label="the id", class_name="btn quiet tiny"),
            ),
            class_name="kv",
        ),
        class_name="card",
    )


def _actions() -> rx.Component:
    sheet = TransactionFileState.sheet
    return rx.el.div(
        button_link("The customers’ receipt", sheet.receipt, symbol="receipt-text"),
        when(
            (sheet.reverse != "") & SessionState.can_move,
            lambda: button_link("Reverse…", sheet.reverse, symbol="undo-2", style="tint"),
        ),
        when(sheet.linked != "", lambda: button_link(sheet.linked_words, sheet.linked, symbol="undo-2")),
        class_name="actions",
    )


def not_there() -> rx.Component:
    """A transaction that nobody has posted."""
    return rx.fragment(
        page_head("Not found"),
        rx.el.p(say("transaction_not_found"), class_name="lead field"),
        button_link("All transactions", PATH, style="primary"),
    )


def ops_transaction() -> rx.Component:
    """The page."""
    state, sheet = TransactionFileState, TransactionFileState.sheet
    known = state.loaded & (state.shown == route_value("transaction_id"))
    ready = known & (state.failed == "")
    return shell(
        rx.cond(
            known & state.missing,
            not_there(),
            rx.fragment(
                crumbs(("Transactions", PATH), here=rx.cond(ready, sheet.reference, "Transaction")),
                page_head(rx.cond(ready, sheet.title, "Transaction"), rx.cond(ready, _actions(), rx.fragment())),
                rx.cond(known & (state.failed != ""), failed_panel(state.failed, state.open), rx.fragment()),
                rx.cond(known, rx.fragment(), waiting("the transaction")),
                when(
                    ready & (sheet.reversed != ""),
                    lambda: rx.el.div(
                        notice(rx.el.p(sheet.reversed), kind="warn", symbol="undo-2"), class_name="field"
                    ),
                ),
                when(
                    ready & (sheet.own != "") & SessionState.can_move,
                    lambda: rx.el.div(notice(rx.el.p(sheet.own), symbol="users"), class_name="field"),
                ),
                rx.el.div(
                    rx.el.div(
                        _entries(ready),
                        rx.cond(ready, rx.fragment(_timeline(), _hash()), rx.fragment()),
                        class_name="main",
                    ),
                    rx.el.div(rx.cond(ready, _facts(), rx.fragment()), class_name="beside"),
                    class_name="desk-columns",
                ),
            ),
        ),
        here=PATH,
    )
