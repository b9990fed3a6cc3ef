"""How the list of payees and the form for a new one look."""

from __future__ import annotations

import reflex as rx

from bank_app.ui.components.browser import focus_on_change, press_once
from bank_app.ui.components.dialogs import dialog, dialog_closer, dialog_opener
from bank_app.ui.components.fields import error_line, text_field
from bank_app.ui.components.moving import number_field
from bank_app.ui.components.parts import (
    bone,
    button_link,
    crumb,
    empty,
    failed_panel,
    icon,
    link,
    page_head,
    problem_summary,
    waiting,
)
from bank_app.ui.components.records import rename
from bank_app.ui.components.shell import shell
from bank_app.ui.messages import say
from bank_app.ui.pages.payees import NewPayeeState, PayeesState
from bank_app.ui.session import SessionState

_DIALOG = "remove-payee"


def _row(row: rx.Var) -> rx.Component:
    return rx.el.tr(
        rx.el.td(
            rx.el.div(
                rx.el.b(row.title),
                rename(
                    text=row.nickname,
                    label="Nickname for " + row.name,
                    word="Edit nickname",
                    most=60,
                    on_save=lambda name: PayeesState.rename(row.key, name),
                    class_name="btn quiet tiny",
                ),
                class_name="named",
            ),
            rx.cond(row.nickname != "", rx.el.div(row.name, class_name="small muted"), rx.fragment()),
            rx.el.div(row.number, class_name="mono small muted"),
            rx.cond(
                row.renamed,
                rx.el.p(icon("triangle-alert", 16), say("PAYEE_OTHER_NAME"), class_name="note-warn"),
                rx.fragment(),
            ),
        ),
        rx.el.td(
            rx.cond(
                row.last_amount != "",
                rx.fragment(rx.el.span(row.last_amount, class_name="num"), rx.el.small(row.last_when)),
                rx.fragment(
                    rx.el.span("–", aria_hidden="true"), rx.el.span("No recent payment", class_name="hidden-visually")
                ),
            ),
            class_name="right last-paid",
        ),
        rx.el.td(row.added, class_name="right wide-only"),
        rx.el.td(
            rx.el.div(
                rx.cond(
                    SessionState.can_move,
                    link(
                        "Pay",
                        rx.el.span(" ", row.title, class_name="hidden-visually"),
                        to=row.pay,
                        id="pay-" + row.key,
                        class_name="btn tint sm",
                    ),
                    rx.fragment(),
                ),
                dialog_opener(
                    "Remove",
                    rx.el.span(" ", row.title, class_name="hidden-visually"),
                    target=_DIALOG,
                    on_press=PayeesState.ask(row.key),
                    class_name="btn sm",
                ),
                class_name="actions end",
            ),
            class_name="right",
        ),
        key=row.key,
    )


def _bones() -> rx.Component:
    return rx.fragment(
        *[
            rx.el.tr(
                rx.el.td(bone("12ch", "1em"), rx.el.br(), bone("13ch")),
                rx.el.td(bone("8ch"), class_name="right"),
                rx.el.td(bone("6ch"), class_name="right wide-only"),
                rx.el.td(bone("10ch", "32px"), class_name="right"),
            )
            for _ in range(4)
        ]
    )


def _table() -> rx.Component:
    return rx.el.table(
        rx.el.caption("Payees by name", class_name="hidden-visually"),
        rx.el.thead(
            rx.el.tr(
                rx.el.th("Name", scope="col"),
                rx.el.th("Last paid", scope="col", class_name="right"),
                rx.el.th("Added", scope="col", class_name="right wide-only"),
                rx.el.th(rx.el.span("Actions", class_name="hidden-visually"), scope="col"),
            )
        ),
        rx.el.tbody(rx.cond(PayeesState.loaded, rx.foreach(PayeesState.rows, _row), _bones())),
        class_name="listing payees",
    )


def _search() -> rx.Component:
    return rx.el.form(
        rx.el.div(
            rx.el.div(
                rx.el.label("Search name, nickname or number", html_for="q", class_name="hidden-visually"),
                icon("search"),
                rx.el.input(
                    id="q",
                    name="q",
                    type="search",
                    placeholder="Search payees",
                    default_value=PayeesState.sought,
                    key="q" + PayeesState.sought,
                    max_length=100,
                    auto_complete="off",
                ),
                class_name="find",
            ),
            rx.el.button("Search", type="submit", class_name="btn"),
            rx.cond(PayeesState.sought != "", link("Clear", to="/payees", class_name="btn quiet"), rx.fragment()),
            rx.el.span(PayeesState.result, role="status", class_name="result"),
            class_name="filter-bar",
        ),
        on_submit=PayeesState.search,
        reset_on_submit=False,
        class_name="filters alone with-result",
        role="search",
        aria_label="Payees",
    )


def _remove() -> rx.Component:
    return dialog(
        rx.el.div(
            rx.el.p(
                "Past payments stay in your history. You can save them again at any time.",
            ),
            rx.el.div(
                dialog_closer(rx.el.span("Keep"), class_name="btn"),
                rx.el.button("Remove", type="button", on_click=PayeesState.remove.temporal, class_name="btn danger"),
                class_name="decide",
            ),
            class_name="body",
        ),
        id=_DIALOG,
        title=rx.Var.create("Remove ") + PayeesState.going_name + "?",
        done=PayeesState.gone,
    )


def payees_list() -> rx.Component:
    """The page with the list."""
    state = PayeesState
    add = link(icon("plus", 16), "Add a payee", to="/payees/new", id="add-payee", class_name="btn")
    # An empty list asks for the first one itself.
    return shell(
        page_head("Payees", rx.cond(state.loaded & (state.total == 0), rx.fragment(), add)),
        rx.cond(state.failed != "", failed_panel(state.failed, state.open), rx.fragment()),
        rx.cond(state.loaded, rx.fragment(), waiting("payees")),
        rx.el.section(
            rx.cond(
                state.loaded & (state.total == 0),
                empty(
                    "People you pay will appear here.",
                    button_link("Add a payee", "/payees/new", symbol="plus", style="primary"),
                ),
                rx.fragment(
                    _search(),
                    rx.cond(
                        state.loaded & (state.rows.length() == 0),
                        empty("No payees match.", link("Clear search", to="/payees", class_name="btn sm")),
                        _table(),
                    ),
                ),
            ),
            class_name="card flush",
        ),
        _remove(),
        focus_on_change(target=state.next_id, seq=state.gone),
        here="/payees",
    )


# --- a new one ------------------------------------------------------------------------------------------


def _answer() -> rx.Component:
    state = NewPayeeState
    return rx.cond(
        state.outcome != "",
        rx.el.div(
            focus_on_change(target="outcome", seq=state.asked),
            icon("user-round-search"),
            rx.el.div(
                rx.el.p(state.said),
                rx.cond(
                    state.suggestion != "",
                    rx.el.div(
                        rx.el.button(
                            "Use ", state.suggestion, type="button", on_click=state.take_name, class_name="btn sm"
                        ),
                        rx.el.button("Change", type="button", on_click=rx.set_focus("name"), class_name="btn quiet sm"),
                        class_name="actions",
                    ),
                    rx.fragment(),
                ),
                rx.cond(
                    state.outcome == "none",
                    rx.fragment(
                        rx.el.label(
                            rx.el.input(
                                type="checkbox",
                                id="checked",
                                name="checked",
                                value="yes",
                                custom_attrs={"aria-describedby": "checked-error"},
                            ),
                            "I've checked and still want to save this",
                            class_name="tick",
                        ),
                        error_line("checked", state.checked_error),
                    ),
                    rx.fragment(),
                ),
                rx.cond(
                    state.outcome == "fail",
                    rx.el.p("Press Save again to go on without the check.", class_name="small muted"),
                    rx.fragment(),
                ),
            ),
            id="outcome",
            tab_index=-1,
            role="alert",
            class_name="notice warn field",
        ),
        rx.fragment(),
    )


def new_payee() -> rx.Component:
    """The page with the form."""
    state = NewPayeeState
    return shell(
        crumb("Payees", "/payees"),
        page_head("Add a payee"),
        rx.el.form(
            problem_summary(state.problems, state.answer),
            number_field(error=state.number_error, fits=state.number_fits, on_check=state.check_number),
            text_field(
                "Name on the account",
                "name",
                error=state.name_error,
                hint="We compare it with the account when you save.",
                auto_complete="off",
                max_length=400,
            ),
            _answer(),
            text_field(
                "Nickname",
                "nickname",
                optional=True,
                hint="Only you see it.",
                error=state.nickname_error,
                auto_complete="off",
                max_length=400,
            ),
            press_once(
                label="Save payee", busy_label="Checking…", kind="submit", answer=state.answer,
                class_name="btn primary lg",
            ),
            on_submit=state.submit.temporal,
            reset_on_submit=False,
            no_validate=True,
            class_name="card form-card",
        ),
        here="/payees",
    )  # fmt: skip
