"""What the books look like."""

from __future__ import annotations

import reflex as rx

from bank_app.ui.components.browser import focus_on_change, press_once
from bank_app.ui.components.desk import columns, listing, row_bones
from bank_app.ui.components.live import freshness
from bank_app.ui.components.parts import badge, bone, empty, failed_panel, icon, page_head, waiting
from bank_app.ui.components.shell import shell
from bank_app.ui.pages.ops_books import OpsBooksState


def _banner() -> rx.Component:
    stand = OpsBooksState.stand
    return rx.el.section(
        rx.cond(stand.state == "broken", icon("shield-alert", 24), icon("scale", 24)),
        rx.el.div(
            rx.el.h2(rx.cond(OpsBooksState.loaded, stand.heading, bone("26ch", "1em")), id="stand", tab_index=-1),
            rx.el.p(stand.about),
            class_name="grow",
        ),
        rx.el.div(
            press_once(
                label="Run checks now",
                busy_label="Checking…",
                answer=OpsBooksState.checks,
                on_press=OpsBooksState.check.temporal,
                class_name="btn primary",
            ),
            class_name="actions",
        ),
        focus_on_change(target="stand", seq=OpsBooksState.checks),
        class_name="proof-banner " + rx.Var.create(stand.state).to(str),
        custom_attrs={"aria-labelledby": "stand"},
    )


def _line(line: rx.Var) -> rx.Component:
    return rx.el.tr(
        rx.el.td(rx.el.b(line.name), rx.el.small(line.about)),
        rx.el.td(line.accounts, class_name="right wide-only"),
        rx.el.td(line.debit, class_name="right"),
        rx.el.td(line.credit, class_name="right"),
        key=line.key,
    )


def _group(heading: str, lines: rx.Var) -> rx.Component:
    return rx.el.tbody(
        rx.el.tr(rx.el.th(heading, col_span=4, scope="rowgroup"), class_name="group"), rx.foreach(lines, _line)
    )


def _balance(shown: rx.Var) -> rx.Component:
    return rx.el.section(
        rx.el.header(
            rx.el.h2("Trial balance"), rx.el.span(shown.currency, ", ", OpsBooksState.at, class_name="end small muted")
        ),
        listing(
            "Trial balance by class of accounts",
            _head(),
            _group("What the bank has", shown.has),
            _group("What the bank owes and earned", shown.owes),
            rx.el.tfoot(
                rx.el.tr(
                    rx.el.td("Total"),
                    rx.el.td(rx.el.span(shown.accounts), class_name="right wide-only"),
                    rx.el.td(_on_phones("Debit"), rx.el.span(shown.debit), class_name="right"),
                    rx.el.td(_on_phones("Credit"), rx.el.span(shown.credit), class_name="right"),
                    class_name="sums",
                ),
                rx.el.tr(
                    rx.el.td("Difference", col_span=2),
                    rx.el.td(
                        rx.el.span(shown.difference, class_name=rx.cond(shown.even, "in", "off")),
                        col_span=2,
                        class_name="right",
                    ),
                    class_name="difference",
                ),
            ),
            kind="trial",
        ),
        class_name="card flush ruled",
        key=shown.currency,
    )


def _on_phones(word: str) -> rx.Component:
    """The word above a column, where there is no room for columns."""
    return rx.el.small(word, class_name="narrow-only")


def _head() -> rx.Component:
    return columns(("Account class", ""), ("Accounts", "right wide-only"), ("Debit", "right"), ("Credit", "right"))


def _balance_bones() -> rx.Component:
    return rx.el.section(
        rx.el.header(rx.el.h2("Trial balance")),
        listing("Trial balance", _head(), rx.el.tbody(row_bones(("14ch", "4ch", "9ch", "9ch"), 5)), kind="trial"),
        class_name="card flush ruled",
    )


def _rule(rule: rx.Var) -> rx.Component:
    return rx.el.li(
        rx.cond(rule.ok, icon("check", 18), icon("octagon-x", 18)),
        rx.el.div(
            rx.el.b(rule.name),
            rx.el.small(rule.about),
            rx.foreach(rule.found, lambda text: rx.el.small(text, class_name="finding")),
        ),
        rx.el.span(rule.result, class_name="num"),
        class_name=rx.cond(rule.ok, "", "off"),
        key=rule.key,
    )


def _checks() -> rx.Component:
    state = OpsBooksState
    return rx.el.section(
        rx.el.header(
            rx.el.h2("Checks"),
            rx.cond(
                state.rules.length() > 0,
                rx.el.span(
                    rx.cond(
                        state.stand.state == "ok",
                        badge(state.rules_said, "check", "ok"),
                        badge(state.rules_said, "octagon-x", "bad"),
                    ),
                    class_name="end",
                ),
                rx.fragment(),
            ),
        ),
        rx.cond(
            state.loaded,
            rx.cond(
                state.rules.length() > 0,
                rx.el.ul(rx.foreach(state.rules, _rule), class_name="rules"),
                empty("Nobody has checked yet. Press Run checks now."),
            ),
            rx.el.ul(
                *[
                    rx.el.li(rx.el.span(), rx.el.div(bone("24ch", "1em"), rx.el.br(), bone("14ch")), bone("5ch"))
                    for _ in range(9)
                ],
                class_name="rules",
                aria_hidden="true",
            ),
        ),
        class_name="card flush ruled",
    )


def _bars() -> rx.Component:
    return rx.el.div(
        rx.foreach(
            OpsBooksState.past,
            lambda one: rx.el.i(
                class_name=rx.cond(one.ok, "", "off"),
                custom_attrs={"style": rx.Var.create({"height": one.height}), "title": one.when + ": " + one.took},
                key=one.key,
            ),
        ),
        class_name="past-bars",
        aria_hidden="true",
    )


def _past_table() -> rx.Component:
    return rx.el.div(
        rx.el.table(
            rx.el.caption("Checks of the books, newest last", class_name="hidden-visually"),
            rx.el.thead(
                rx.el.tr(*[rx.el.th(said, scope="col") for said in ("When", "By", "Result")],
                         rx.el.th("Took", scope="col", class_name="right"))
            ),
            rx.el.tbody(
                rx.foreach(
                    OpsBooksState.past,
                    lambda one: rx.el.tr(
                        rx.el.td(one.when),
                        rx.el.td(one.by),
                        rx.el.td(one.result),
                        rx.el.td(one.took, class_name="right num"),
                        key=one.key,
                    ),
                )
            ),
        ),
        tab_index=0,
        role="region",
        aria_label="Checks as a table",
        class_name="past-table",
    )  # fmt: skip


def _past() -> rx.Component:
    state = OpsBooksState
    return rx.el.section(
        rx.el.header(
            rx.el.h2("How long each check took"),
            rx.cond(
                state.past.length() > 0,
                rx.el.span(
                    rx.el.span(state.past_said, class_name="small muted"),
                    rx.el.button(
                        rx.cond(state.as_table, "View as bars", "View as table"),
                        type="button",
                        on_click=state.show_table,
                        class_name="btn quiet tiny",
                    ),
                    class_name="end",
                ),
                rx.fragment(),
            ),
        ),
        rx.cond(
            state.past.length() > 0,
            rx.fragment(
                rx.cond(state.as_table, _past_table(), _bars()), rx.el.p(state.past_words, class_name="past-words")
            ),
            empty("The first check will stand here."),
        ),
        class_name="card flush ruled past",
    )


def ops_books() -> rx.Component:
    """The page."""
    state = OpsBooksState
    return shell(
        page_head("Books", freshness(), sub="Trial balance of the whole bank, and nine independent checks."),
        _banner(),
        rx.cond(state.failed != "", failed_panel(state.failed, state.open), rx.fragment()),
        rx.cond(state.loaded, rx.fragment(), waiting("books")),
        rx.el.div(
            rx.el.div(
                rx.cond(state.loaded, rx.foreach(state.balances, _balance), _balance_bones()), class_name="stack"
            ),
            _checks(),
            class_name="books-columns",
        ),
        _past(),
        here="/ops/books",
    )
